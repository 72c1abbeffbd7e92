"""Lists of mappings as Go decodes them into the authenticator's structs: encoding/json with keys in any case, yaml.v2
with keys in lower case and scalars as written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tarmak_iam.aws.go_case import fold
from tarmak_iam.document import Document
from tarmak_iam.document.json_reader import plain_json
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import Node, Scalar, Sequence, dereference
from tarmak_iam.document.scalars import YAML_V2_LATER
from tarmak_iam.identity.model import IdentityMapping, SsoRole
from tarmak_iam.routes import Route

_OBJECT = (dict, tuple)


def with_duplicates(node: Node) -> Any:
    """The plain value of strict JSON. Each object is a tuple of keys and values, because keys can be duplicates."""
    if isinstance(node, MappingNode):
        return tuple((entry.text or "", with_duplicates(entry.value)) for entry in node.entries)
    if isinstance(node, Sequence):
        return [with_duplicates(item) for item in node.items]
    assert isinstance(node, Scalar)
    return plain_json(node)


@dataclass
class _Slice:
    """A slice that lists are decoded into, one after another: each one into the elements of those before. What is
    behind the end of a shorter list stays in the array, where a longer one finds it; null and [] make a new array."""

    array: list[Any] = field(default_factory=list)
    length: int = 0

    def fill(self, value: list[Any] | None, decode: Callable[[Any, Any, int], Any]) -> None:
        """`decode` returns an element, of the item, the element before (None if there is none), and the index."""
        for index, item in enumerate(value or ()):
            before = self.array[index] if index < len(self.array) else None
            self.array[index : index + 1] = [decode(item, before, index)]
        self.length = len(value or ())
        if not self.length:
            self.array = []

    @property
    def items(self) -> list[Any]:
        return self.array[: self.length]


_SSO_TEXTS = ("permissionsetname", "accountid", "partition")


@dataclass
class _Struct:
    route: Route
    texts: dict[str, str] = field(default_factory=dict)
    groups: _Slice = field(default_factory=_Slice)
    sso: dict[str, str] | None = None


class JsonMappings:
    """Reads one text. `failed` says afterwards whether a value had another type than its field: encoding/json continues
    after such a value. Objects are dictionaries, or tuples as of `with_duplicates`. `has_sso`: whether the release's
    struct has the field."""

    def __init__(self, *, has_sso: bool) -> None:
        self.failed = False
        self._has_sso = has_sso

    def mappings(self, kind: str, *lists: tuple[Route, Any]) -> list[IdentityMapping]:
        """Of the values of one key, which can be there several times, in file order. An item of another type, or null,
        is read as one without values."""
        structs = _Slice()
        for route, value in lists:
            if value is None or self._is(value, list):
                structs.fill(value, partial(self._struct, kind, route))
        return [
            IdentityMapping(
                kind=kind,
                arn=struct.texts.get(f"{kind}arn", ""),
                username=struct.texts.get("username", ""),
                groups=tuple(struct.groups.items),
                route=struct.route,
                sso=None if struct.sso is None else SsoRole(*(struct.sso.get(name, "") for name in _SSO_TEXTS)),
                user_id=struct.texts.get("userid", ""),
            )
            for struct in structs.items
        ]

    def texts(self, *values: Any) -> list[str]:
        """As `mappings`, of lists of strings."""
        texts = _Slice()
        for value in values:
            self._fill_texts(texts, value)
        return texts.items

    def _fill_texts(self, texts: _Slice, value: Any) -> None:
        if value is None or self._is(value, list):
            texts.fill(value, lambda item, before, _: self._text(item, before or ""))

    def _struct(self, kind: str, route: Route, item: Any, before: _Struct | None, index: int) -> _Struct:
        struct = before or _Struct(route)
        struct.route = route / index
        for name, value in self._fields(item):
            if name in (f"{kind}arn", "username", "userid"):
                struct.texts[name] = self._text(value, struct.texts.get(name, ""))
            elif name == "groups":
                self._fill_texts(struct.groups, value)
            elif name == "sso" and self._has_sso and kind == "role":
                struct.sso = self._sso(value, struct.sso or {})
        return struct

    def _sso(self, value: Any, before: dict[str, str]) -> dict[str, str] | None:
        """A pointer: null clears it, every other value fills what it points to."""
        for name, text in self._fields(value):
            if name in _SSO_TEXTS:
                before[name] = self._text(text, before.get(name, ""))
        return None if value is None else before

    def _fields(self, value: Any) -> Iterator[tuple[str, Any]]:
        """In file order, names folded."""
        if value is not None and self._is(value, _OBJECT):
            yield from ((fold(str(key)), child) for key, child in (value.items() if isinstance(value, dict) else value))

    def _text(self, value: Any, before: str) -> str:
        """The value before stays if this one is null, or not a string."""
        return value if value is not None and self._is(value, str) else before

    def _is(self, value: Any, wanted: type | tuple[type, ...]) -> bool:
        fits = isinstance(value, wanted)
        self.failed = self.failed or not fits
        return fits


_FIELDS = frozenset(("rolearn", "userarn", "username", "groups"))
_BINARY = "tag:yaml.org,2002:binary"


class YamlMappings:
    """Reads one text that `Document.read_as` accepts. `failed` says afterwards whether a value did not fit its field:
    yaml.v2 skips it."""

    def __init__(self) -> None:
        self.failed = False
        self.miscased: set[str] = set()
        """Keys that would be fields if they were in lower case."""

    def mappings(self, document: Document, kind: str) -> list[IdentityMapping]:
        """Null is read as a mapping without values; any other item that is not a mapping is skipped."""
        mappings = []
        for index, item in enumerate(self._items(document.root)):
            texts: dict[str, str] = {}
            groups: list[str] = []
            if isinstance(item, MappingNode):
                self._fill(texts, groups, item)
            elif not self._is_null(item):
                self.failed = True
                continue
            arn, username = texts.get(f"{kind}arn", ""), texts.get("username", "")
            mappings.append(IdentityMapping(kind, arn, username, tuple(groups), Route((index,))))
        return mappings

    def texts(self, node: Node | None) -> list[str]:
        """A number is its text as written, with leading zeros."""
        return [text for text in map(self._text, self._items(node)) if text is not None]

    def _fill(self, texts: dict[str, str], groups: list[str], mapping: MappingNode) -> None:
        """In file order, merges in their place; the last of two keys wins, unless its value does not fit."""
        for entry in mapping.entries:
            name, node, value = entry.text, entry.value, dereference(entry.value)
            if entry.is_merge:
                for merged in map(dereference, reversed(node.items) if isinstance(node, Sequence) else (node,)):
                    if isinstance(merged, MappingNode):
                        self._fill(texts, groups, merged)
            elif name == "groups":
                if isinstance(value, Sequence) or self._is_null(value):
                    groups[:] = self.texts(value)
                else:
                    self.failed = True
            elif name in _FIELDS:
                text = self._text(value)
                texts[name] = texts.get(name, "") if text is None else text
            elif name is not None and fold(name) in _FIELDS:
                self.miscased.add(name)

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
