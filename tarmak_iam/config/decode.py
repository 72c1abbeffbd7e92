"""tarmak.yaml through Tarmak's typed, case-sensitive decoder: what it reads, or why it refuses the file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NoReturn

from tarmak_iam.config.leaves import Misfit, bytes_value, leaf_value
from tarmak_iam.config.types import Field, fields_of, root_struct
from tarmak_iam.document import Document
from tarmak_iam.document.json_reader import plain_json
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.scalars import ScalarError, resolve_v2
from tarmak_iam.errors import ConfigError, ParseError
from tarmak_iam.routes import Route

__all__ = ["decode"]

_API_VERSION = "api.tarmak.io/v1alpha1"
# Structs that are no pointers in Tarmak's own: null leaves them as they are.
_NO_POINTERS = ("ObjectMeta",)
_WHOLE_FILE = "Tarmak refuses the whole file for it"


def decode(document: Document) -> dict[str, Any]:
    """The file's meaning: known keys only, null as absent, numbers as the fields' types.

    Raises ConfigError exactly where Tarmak cannot read the file, with the position; a file that makes
    Tarmak panic included. Unknown keys are not errors: Tarmak ignores them.
    """
    decoder = _Decoder(document)
    if document.yaml_version not in (None, (1, 1)):
        raise ConfigError(
            "Tarmak refuses a %YAML directive other than 1.1",
            remedy="remove the directive",
            place=document.position(()),
        )
    decoder.check_json(document.root, Route())
    decoder.check_head(document.root)
    assert document.root is not None  # check_head wants a mapping
    data: dict[str, Any] = decoder.value(document.root, root_struct(), Route())
    _check_panics(document, data)
    return data


class _Decoder:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._is_json = document.is_json

    def check_head(self, root: Node | None) -> None:
        """apiVersion and kind: the only keys that match in any case (encoding/json reads them)."""
        if not isinstance(root, Mapping):
            what = "the file is empty" if root is None else "the file is no mapping"
            raise ConfigError(
                f"{what}, so kind and apiVersion are missing",
                remedy=f"begin it with apiVersion: {_API_VERSION} and kind: Config",
                place=self._document.position(()),
            )
        for key, wanted in (("kind", "Config"), ("apiVersion", _API_VERSION)):
            node, found = self._head(root, key)
            if not found:
                raise ConfigError(
                    f"{key} is missing, {_WHOLE_FILE}", remedy=f"add {key}: {wanted}", place=self._document.position(())
                )
            if found != wanted:
                self._fail(node or root, f"{key} is {found!r}, Tarmak reads only {wanted!r}", f"write {key}: {wanted}")

    def _head(self, root: Mapping, name: str) -> tuple[Node | None, str]:
        node, found = None, ""
        members = self._members(root) if self._is_json else sorted(self._members(root), key=lambda member: member[0])
        for key, value in members:  # a map is marshalled in key order, and the last of both spellings counts
            if key.lower() != name.lower():
                continue
            text = self._plain(value)
            if text is None:
                continue
            if not isinstance(text, str):
                self._fail(value, f"{key} must be a string", f"write {name} without a number or list")
            node, found = value, text
        return node, found

    def check_json(self, node: Node | None, route: Route) -> None:
        """What cannot become JSON stops Tarmak wherever it stands, in keys that it ignores as well."""
        if node is None:
            return
        node = dereference(node)
        if isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                self.check_json(item, route / index)
        elif isinstance(node, Mapping):
            for key, value in self._members(node):
                self.check_json(value, route / key)
        elif isinstance(number := self._plain(node), float) and not math.isfinite(number):
            self._fail(node, f"{route} is {number}, which JSON does not have", "write a number")

    def value(self, node: Node, field: Field, route: Route, old: Any = None) -> Any:
        """What the field holds then; `old` is what it held before, which only duplicates of strict JSON give it."""
        node = dereference(node)
        if isinstance(node, Scalar) and self._plain(node) is None:
            return old if field.kind == "bool" or field.struct in _NO_POINTERS else None
        if field.kind == "struct":
            return self._struct(node, field, route, old)
        if field.kind == "map":
            return self._map(node, field, route, old)
        if field.kind == "list" and not (field.is_bytes and isinstance(node, Scalar)):
            return self._list(node, field, route, old)
        return self._leaf(node, field, route)

    def _struct(self, node: Node, field: Field, route: Route, old: Any) -> dict[str, Any]:
        if not isinstance(node, Mapping):
            self._misfit(node, route, "a mapping")
        fields = fields_of(field.struct)
        decoded: dict[str, Any] = dict(old or {})
        for key, child in self._members(node):
            if key in fields:
                decoded[key] = self.value(child, fields[key], route / key, decoded.get(key))
        return {key: value for key, value in decoded.items() if value is not None}

    def _map(self, node: Node, field: Field, route: Route, old: Any) -> dict[str, Any]:
        if not isinstance(node, Mapping):
            self._misfit(node, route, "a mapping")
        of = field.of
        assert of is not None
        members = {key: self._zero(self.value(child, of, route / key), of) for key, child in self._members(node)}
        return {**(old or {}), **members}

    def _list(self, node: Node, field: Field, route: Route, old: Any) -> list[Any]:
        """json-iterator decodes into the elements that are there: their fields stay where nothing is given."""
        if not isinstance(node, Sequence):
            self._misfit(node, route, "a list")
        of = field.of
        assert of is not None
        before = [*(old or []), *[None] * len(node.items)]
        items = [self.value(item, of, route / index, before[index]) for index, item in enumerate(node.items)]
        return [self._zero(item, of) if of.kind != "struct" else item for item in items]

    def _leaf(self, node: Node, field: Field, route: Route) -> Any:
        if not isinstance(node, Scalar):
            self._misfit(node, route, {"bool": "a boolean", "string": "a string"}.get(field.kind, f"a {field.kind}"))
        value = self._plain(node)
        try:
            if field.is_bytes:
                return bytes_value(leaf_value("string", value, is_json=self._is_json))
            return leaf_value(field.kind, value, is_json=self._is_json)
        except Misfit as misfit:
            self._misfit(node, route, str(misfit))

    @staticmethod
    def _zero(value: Any, field: Field) -> Any:
        """null inside a list or map of plain values is the type's zero value."""
        if value is not None:
            return value
        return {"string": "", "bool": False}.get(field.kind, 0)

    def _members(self, node: Mapping) -> Iterator[tuple[str, Node]]:
        """Keys as JSON texts with their values: of YAML's duplicates and merges only what counts."""
        if self._is_json:
            yield from ((entry.text or "", entry.value) for entry in node.entries)
            return
        members: dict[str, Node] = {}
        for entry in node.entries:
            if entry.is_merge:
                members.update(self._merged(entry.value))
            else:
                members[self._key(entry)] = entry.value
        yield from members.items()

    def _merged(self, node: Node) -> dict[str, Node]:
        node = dereference(node)
        if isinstance(node, Mapping):
            return dict(self._members(node))
        members: dict[str, Node] = {}
        for item in reversed(node.items) if isinstance(node, Sequence) else ():
            members.update(self._merged(item))
        return members

    def _key(self, entry: Entry) -> str:
        """A key's JSON text; yaml.v2 resolves keys too, so `yes:` is the key "true"."""
        key = self._plain(entry.key)
        if key is None:
            self._fail(entry.key, f"a null key: {_WHOLE_FILE}", "give the key a name, or quote it")
        if isinstance(key, bool):
            return "true" if key else "false"
        return str(key)

    def _plain(self, node: Node) -> Any:
        node = dereference(node)
        if not isinstance(node, Scalar):
            return node
        if self._is_json:
            return plain_json(node)
        try:
            return resolve_v2(node)
        except ScalarError as error:
            raise ParseError(str(error), place=self._document.place(node)) from None

    def _misfit(self, node: Node, route: Route, wanted: str) -> NoReturn:
        remedy = f"write {wanted}"
        if isinstance(node, Scalar) and wanted == "a string":
            remedy = f'put it in quotes: "{node.text}"'
        elif isinstance(node, Scalar) and (node.style != "plain" or node.tag):
            remedy = f"write {wanted} without quotes"
        self._fail(node, f"{route} must be {wanted}, not {self._describe(node)}; {_WHOLE_FILE}", remedy)

    def _describe(self, node: Node) -> str:
        if isinstance(node, Mapping):
            return "a mapping"
        if isinstance(node, Sequence):
            return "a list"
        value = self._plain(node)
        text = node.text if isinstance(node, Scalar) else ""
        short = text if len(text) <= 40 else text[:37] + "..."
        if isinstance(value, str):
            return f'the string "{short}"'
        return f"the {'boolean' if isinstance(value, bool) else 'number'} {short}"

    def _fail(self, node: Node, what: str, remedy: str) -> NoReturn:
        raise ConfigError(what, remedy=remedy, place=self._document.place(node))


def _check_panics(document: Document, data: dict[str, Any]) -> None:
    """A null logging sink is a nil pointer that Tarmak's defaulting follows."""
    for number, cluster in enumerate(data.get("clusters") or ()):
        for index, sink in enumerate((cluster or {}).get("loggingSinks") or ()):
            if sink is None:
                route = Route.of(("clusters", number, "loggingSinks", index))
                raise ConfigError(
                    f"{route} is null, which makes Tarmak panic",
                    remedy="remove this item",
                    place=document.position(route),
                )
