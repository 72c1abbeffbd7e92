"""tarmak.yaml as Tarmak's typed, case-sensitive decoder reads it: the keys that it uses, their values, or why it
rejects the file."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from typing import Any, NoReturn

from tarmak_iam.aws.go_case import equal_fold
from tarmak_iam.config.tarmak_types import CHOICES, REMEDIES, Field, ScalarTypeError, root_field
from tarmak_iam.document import Document
from tarmak_iam.document.json_reader import plain_json
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.scalars import resolve_v2
from tarmak_iam.errors import ConfigError
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened

FILE_REFUSED = "Tarmak rejects the whole file"


class JsonKeys:
    """The keys and plain scalars of one document, as the one of Tarmak's two readers that reads it sees them."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.is_json = document.is_json

    def members(self, node: Mapping) -> Iterator[tuple[str, Node]]:
        """Keys as JSON strings with their values: of YAML's duplicates and merges only the one that is used."""
        if self.is_json:
            yield from ((entry.text or "", entry.value) for entry in node.entries)
            return
        members: dict[str, Node] = {}
        for entry in node.entries:
            if entry.is_merge:
                self._merge(members, entry.value)
            else:
                members[self.name(entry)] = entry.value
        yield from members.items()

    def merged(self, node: Node) -> dict[str, Node]:
        """The members from the value of a merge key; in a list of merges the first takes precedence."""
        members: dict[str, Node] = {}
        self._merge(members, node)
        return members

    def _merge(self, into: dict[str, Node], node: Node) -> None:
        for item in reversed(node.items) if isinstance(node, Sequence) else (node,):
            target = dereference(item)
            if isinstance(target, Mapping):
                into.update(self.members(target))
            else:
                into.clear()  # null, which `construct` accepts after an alias only

    def name(self, entry: Entry) -> str:
        """The JSON string of a key; yaml.v2 also resolves keys, so `yes:` is the key "true". Raises ConfigError."""
        if self.is_json:
            return entry.text or ""
        key = self.plain(entry.key)
        if key is None:
            self.fail(entry.key, f"the key is null: {FILE_REFUSED}", "write a name for the key, or put it in quotes")
        if isinstance(key, bool):
            return str(key).lower()
        if isinstance(key, int) and key >= 2**63:
            self.fail(entry.key, f"the key {key} does not fit in 64 bits: {FILE_REFUSED}", "put it in quotes")
        return float_text(key) if isinstance(key, float) else str(key)

    def plain(self, node: Node) -> Any:
        """The value of a scalar; any other node unchanged."""
        node = dereference(node)
        if not isinstance(node, Scalar):
            return node
        return plain_json(node) if self.is_json else resolve_v2(node)

    def fail(self, node: Node, what: str, remedy: str) -> NoReturn:
        raise ConfigError(what, remedy=remedy, place=self._document.place(node))


def float_text(number: float) -> str:
    """A float as a key: Go's FormatFloat(number, 'g', -1, 32), the shortest digits that identify a 32-bit float."""
    if math.isnan(number):
        return ".nan"
    try:
        short = struct.unpack("f", struct.pack("f", number))[0]
    except OverflowError:
        short = math.copysign(math.inf, number)
    if math.isinf(short):
        return ".inf" if short > 0 else "-.inf"
    texts = (f"{short:.{precision}e}" for precision in range(9))
    digits = next(text for text in texts if struct.unpack("f", struct.pack("f", float(text)))[0] == short)
    mantissa, _, exponent = digits.partition("e")
    plain = repr(float(digits)).removesuffix(".0")
    return plain if -4 <= int(exponent) < 6 else f"{mantissa}e{int(exponent):+03d}"


(API_VERSION,) = CHOICES["Config.apiVersion"]
(KIND,) = CHOICES["Config.kind"]
_MOST_CLUSTERS = 5000
"""Each of them is checked in dozens of ways, and compared with the others."""


def decode(document: Document) -> dict[str, Any]:
    """The data that Tarmak reads from the file: known keys only, null as absent, numbers of the types of the fields.
    Raises ConfigError, with the position, exactly if Tarmak cannot read the file or panics on it, and for more clusters
    than anybody has. Unknown keys are not errors: Tarmak ignores them."""
    decoder = _Decoder(document)
    decoder.check_json(document.root, Route())
    decoder.check_head(document.root)
    assert document.root is not None  # check_head requires a YAML mapping
    data: dict[str, Any] = decoder.value(document.root, root_field(), Route())
    clusters = data.get("clusters") or ()
    for number, cluster in enumerate(clusters):
        sinks = (cluster or {}).get("loggingSinks") or ()
        if None in sinks:  # its defaulting follows the nil pointer
            route = Route.of(("clusters", number, "loggingSinks", sinks.index(None)))
            what = f"{route} is null, which makes Tarmak panic"
            raise ConfigError(what, remedy="remove this item", place=document.position(route))
    if len(clusters) > _MOST_CLUSTERS:
        what = f"the file has more than {_MOST_CLUSTERS:,} clusters, which is the limit"
        place = document.position(("clusters", _MOST_CLUSTERS))
        raise ConfigError(what, remedy="divide it into several files", place=place)
    return data


def decode_value(document: Document, node: Node, field: Field, route: Route) -> Any:
    """What Tarmak reads from one value of a document, if it is the value of that field. `route` names it in messages.
    Raises ConfigError, with the position in the document, if Tarmak could not read it."""
    decoder = _Decoder(document)
    decoder.check_json(node, route)
    return decoder.value(node, field, route)


class _Decoder(JsonKeys):
    def check_head(self, root: Node | None) -> None:
        """Checks apiVersion and kind: the only keys that match ignoring case (encoding/json reads them)."""
        if not isinstance(root, Mapping):
            what = f"the file is {'empty' if root is None else 'not a YAML mapping'}"
            remedy = f"begin it with apiVersion: {API_VERSION} and kind: {KIND}"
            place = self._document.position(())
            raise ConfigError(f"{what}, so kind and apiVersion are missing", remedy=remedy, place=place)
        for key, wanted in (("kind", KIND), ("apiVersion", API_VERSION)):
            # A map is marshalled in key order, and the last of both spellings is used.
            node: Node = root
            text = ""
            members = [member for member in self.members(root) if equal_fold(member[0], key)]
            for name, value in members if self.is_json else sorted(members, key=lambda member: member[0]):
                plain = self.plain(value)
                if plain is not None and not isinstance(plain, str):
                    self.fail(value, f"{name} must be a string", f"write {key} as a string")
                node, text = (node, text) if plain is None else (value, plain)
            if not text:
                what, place = f"{key} is missing, so {FILE_REFUSED}", self._document.position(())
                raise ConfigError(what, remedy=f"add {key}: {wanted}", place=place)
            if text != wanted:
                what = f"{key} is {shortened(text)!r}, but Tarmak accepts only {wanted!r}"
                self.fail(node, what, f"write {key}: {wanted}")

    def check_json(self, node: Node | None, route: Route) -> None:
        """A value that JSON does not have stops Tarmak wherever it is, even below a key that Tarmak ignores."""
        if node is None:
            return
        node = dereference(node)
        if isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                self.check_json(item, route / index)
        elif isinstance(node, Mapping):
            for key, value in self.members(node):
                self.check_json(value, route / key)
        elif isinstance(number := self.plain(node), float) and not math.isfinite(number):
            self.fail(node, f"{route} is {number}, which JSON does not have", "write a number")

    def value(self, node: Node, field: Field, route: Route, old: Any = None) -> Any:
        """The value of the field. `old` is its earlier value, which only exists for duplicate keys of strict JSON."""
        node = dereference(node)
        if isinstance(node, Scalar) and self.plain(node) is None:
            is_item = bool(route.steps) and isinstance(route.steps[-1], int)
            return old if field.keeps_value(is_item=is_item) else None
        if field.kind in ("struct", "map"):
            return self._members(node, field, route, old)
        if field.kind == "list" and not (field.is_bytes and isinstance(node, Scalar)):
            return self._list(node, field, route, old)
        if not isinstance(node, Scalar):
            self._misfit(node, route, field.name)
        value = self.plain(node)
        try:
            if field.kind == "uint8" and self.is_json and node.text.startswith("-"):
                raise ScalarTypeError("a whole number from 0 to 255")  # also -0: json-iterator accepts no sign there
            return field.read(value, is_json=self.is_json)
        except ScalarTypeError as misfit:
            self._misfit(node, route, str(misfit))

    def _members(self, node: Node, field: Field, route: Route, old: Any) -> dict[str, Any]:
        if not isinstance(node, Mapping):
            self._misfit(node, route, field.name)
        decoded: dict[str, Any] = dict(old or {})
        for key, child in self.members(node):
            of = field.below(key)
            if of is not None and field.kind == "map":
                decoded[key] = _zero(self.value(child, of, route / key), of)
            elif of is not None:
                decoded[key] = self.value(child, of, route / key, decoded.get(key))
        return {key: value for key, value in decoded.items() if value is not None}

    def _list(self, node: Node, field: Field, route: Route, old: Any) -> list[Any]:
        """json-iterator decodes into existing elements: their fields keep their values if nothing is given."""
        if not isinstance(node, Sequence):
            self._misfit(node, route, "a list")
        of = field.of
        assert of is not None
        before = [*(old or []), *[None] * len(node.items)]
        items = [self.value(item, of, route / index, before[index]) for index, item in enumerate(node.items)]
        return [_zero(item, of) if of.kind != "struct" else item for item in items]

    def _misfit(self, node: Node, route: Route, wanted: str) -> NoReturn:
        remedy, kind = REMEDIES.get(wanted, ""), "a YAML mapping" if isinstance(node, Mapping) else "a list"
        if isinstance(node, Scalar):
            value, text = self.plain(node), shortened(node.text, 40)
            kind = f"the {'boolean' if isinstance(value, bool) else 'number'} {text}"
            kind = f'the string "{text}"' if isinstance(value, str) else kind
            if wanted == "a string":
                remedy = f'put it in quotes: "{shortened(node.text)}"'
            elif wanted == "a YAML mapping" and re.match(r"[A-Za-z]+:[^\s/]", node.text):
                remedy = "put a space after the colon"
            elif node.style != "plain" and wanted in ("a boolean", "a whole number", "a number"):
                remedy += " without quotes"
        self.fail(node, f"{route} must be {wanted}, not {kind}; {FILE_REFUSED}", remedy)


def _zero(value: Any, field: Field) -> Any:
    """null in a list or map of plain values is the zero value of the type."""
    return {"string": "", "bool": False}.get(field.kind, 0) if value is None else value
