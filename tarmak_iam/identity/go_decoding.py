"""Lists of mappings as Go decodes them into the daemon's structs: encoding/json with keys in any case, yaml.v2 with
keys in lower case and scalars as written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.document.go_case import fold
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import Node, Scalar, Sequence, dereference
from tarmak_iam.document.scalars import YAML_V2_LATER
from tarmak_iam.identity.model import IdentityMapping, SsoRole
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Route


class JsonMappings:
    """Reads one text. `failed` says afterwards whether a value had another type than its field.

    encoding/json continues after such a value, and its caller decides whether the rest is used.
    `has_sso`: whether the release's struct has the field.
    """

    def __init__(self, *, has_sso: bool) -> None:
        self.failed = False
        self._has_sso = has_sso

    def mappings(self, value: Any, kind: str, route: Route) -> list[IdentityMapping]:
        """An item of another type, or null, is read as one without values."""
        return [self._mapping(item, kind, route / index) for index, item in enumerate(self._list(value))]

    def texts(self, value: Any) -> list[str]:
        return [self._text(item) for item in self._list(value)]

    def _mapping(self, item: Any, kind: str, route: Route) -> IdentityMapping:
        arn = f"{kind}arn"
        texts: dict[str, str] = {}
        groups: tuple[str, ...] = ()
        sso = None
        for name, value in self._fields(item):
            if name in (arn, "username", "userid"):
                texts[name] = self._text(value, texts.get(name, ""))
            elif name == "groups":
                groups = tuple(self.texts(value)) if self._is(value, list) else groups
            elif name == "sso" and self._has_sso and kind == "role" and self._is(value, dict):
                sso = self._sso(value, sso)
        return IdentityMapping(
            kind=kind,
            arn=texts.get(arn, ""),
            username=texts.get("username", ""),
            groups=groups,
            route=route,
            sso=sso,
            user_id=texts.get("userid", ""),
        )

    def _sso(self, value: dict[Any, Any], before: SsoRole | None) -> SsoRole:
        """A second key fills the same struct."""
        sso = before or SsoRole("", "")
        texts = {"permissionsetname": sso.permission_set, "accountid": sso.account, "partition": sso.partition}
        for name, text in self._fields(value):
            if name in texts:
                texts[name] = self._text(text, texts[name])
        return SsoRole(*texts.values())

    def _fields(self, value: Any) -> Iterator[tuple[str, Any]]:
        """In file order, names folded; null changes nothing."""
        if value is not None and self._is(value, dict):
            yield from ((fold(str(key)), child) for key, child in value.items() if child is not None)

    def _list(self, value: Any) -> list[Any]:
        return value if value is not None and self._is(value, list) else []

    def _text(self, value: Any, before: str = "") -> str:
        """The value before stays if this one is not a string."""
        return value if value is not None and self._is(value, str) else before

    def _is(self, value: Any, wanted: type) -> bool:
        fits = isinstance(value, wanted)
        self.failed = self.failed or not fits
        return fits


_FIELDS = frozenset(("rolearn", "userarn", "username", "groups"))

_BINARY = "tag:yaml.org,2002:binary"


@dataclass
class _Fields:
    texts: dict[str, str] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)


class YamlMappings:
    """Reads one text that `Document.read_as` accepts. `failed` says afterwards whether a value did not fit its field.

    yaml.v2 continues after such a value and skips it.
    """

    def __init__(self) -> None:
        self.failed = False
        self.miscased: set[str] = set()
        """Keys that would be fields if they were in lower case."""

    def mappings(self, document: Document, kind: str) -> list[IdentityMapping]:
        """Null is read as a mapping without values; any other item that is not a mapping is skipped."""
        found = []
        for index, item in enumerate(self._items(document.root)):
            fields = _Fields()
            if isinstance(item, MappingNode):
                self._fill(fields, item)
            elif not self._is_null(item):
                self.failed = True
                continue
            texts = fields.texts
            arn, username = texts.get(f"{kind}arn", ""), texts.get("username", "")
            found.append(IdentityMapping(kind, arn, username, tuple(fields.groups), Route((index,))))
        return found

    def texts(self, node: Node | None) -> list[str]:
        """A number is its text as written, with leading zeros."""
        found = [self._text(item) for item in self._items(node)]
        return [text for text in found if text is not None]

    def _fill(self, fields: _Fields, mapping: MappingNode) -> None:
        """In file order, merges in their place; the last of two keys wins, unless its value does not fit."""
        for entry in mapping.entries:
            name = entry.text
            if entry.is_merge:
                for merged in self._merged(entry.value):
                    self._fill(fields, merged)
            elif name == "groups":
                groups = dereference(entry.value)
                if isinstance(groups, Sequence) or self._is_null(groups):
                    fields.groups = self.texts(groups)
                else:
                    self.failed = True
            elif name in _FIELDS:
                text = self._text(entry.value)
                fields.texts[name] = fields.texts.get(name, "") if text is None else text
            elif name is not None and fold(name) in _FIELDS:
                self.miscased.add(name)

    def _merged(self, node: Node) -> Iterator[MappingNode]:
        items = reversed(node.items) if isinstance(node, Sequence) else (node,)
        for item in map(dereference, items):
            if isinstance(item, MappingNode):
                yield item

    def _items(self, node: Node | None) -> Iterator[Node]:
        node = None if node is None else dereference(node)
        if isinstance(node, Sequence):
            yield from map(dereference, node.items)
        elif node is not None and not self._is_null(node):
            self.failed = True

    def _text(self, node: Node) -> str | None:
        """None for a list or mapping."""
        node = dereference(node)
        if not isinstance(node, Scalar):
            self.failed = True
            return None
        if self._is_null(node):
            return ""
        return str(YAML_V2_LATER.resolve(node)) if node.tag == _BINARY else node.text

    def _is_null(self, node: Node) -> bool:
        return isinstance(node, Scalar) and YAML_V2_LATER.resolve(node) is None
