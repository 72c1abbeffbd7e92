"""Keys as Tarmak takes them before any type is looked at: their JSON texts, and which of several entries counts."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn

from tarmak_iam.document import Document
from tarmak_iam.document.json_reader import plain_json
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.scalars import ScalarError, resolve_v2
from tarmak_iam.errors import ConfigError, ParseError

__all__ = ["WHOLE_FILE", "Keys"]

WHOLE_FILE = "Tarmak refuses the whole file for it"


class Keys:
    """The keys and plain scalars of one document, by whichever of Tarmak's two readers reads it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.is_json = document.is_json

    def members(self, node: Mapping) -> Iterator[tuple[str, Node]]:
        """Keys as JSON texts with their values: of YAML's duplicates and merges only what counts."""
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
        """What a merge key's value brings; in a list of merges the first wins."""
        members: dict[str, Node] = {}
        self._merge(members, node)
        return members

    def _merge(self, into: dict[str, Node], node: Node) -> None:
        for item in reversed(node.items) if isinstance(node, Sequence) else (node,):
            target = dereference(item)
            if isinstance(target, Mapping):
                into.update(self.members(target))
            else:
                into.clear()  # null, which `construct` lets through behind an alias only

    def name(self, entry: Entry) -> str:
        """A key's JSON text; yaml.v2 resolves keys too, so `yes:` is the key "true". Raises ConfigError."""
        if self.is_json:
            return entry.text or ""
        key = self.plain(entry.key)
        if key is None:
            self.fail(entry.key, f"a null key: {WHOLE_FILE}", "give the key a name, or quote it")
        if isinstance(key, bool):
            return "true" if key else "false"
        if isinstance(key, int) and key >= 2**63:
            self.fail(entry.key, f"the key {key} is beyond 64 bits: {WHOLE_FILE}", "put it in quotes")
        return float_text(key) if isinstance(key, float) else str(key)

    def plain(self, node: Node) -> Any:
        """A scalar's value; any other node is itself. Raises ParseError."""
        node = dereference(node)
        if not isinstance(node, Scalar):
            return node
        if self.is_json:
            return plain_json(node)
        try:
            return resolve_v2(node)
        except ScalarError as error:
            raise ParseError(str(error), place=self._document.place(node)) from None

    def fail(self, node: Node, what: str, remedy: str) -> NoReturn:
        raise ConfigError(what, remedy=remedy, place=self._document.place(node))


def float_text(number: float) -> str:
    """A float as a key: Go's FormatFloat(number, 'g', -1, 32), the shortest digits that a 32-bit float needs."""
    if math.isnan(number):
        return ".nan"
    try:
        short = struct.unpack("f", struct.pack("f", number))[0]
    except OverflowError:
        short = math.copysign(math.inf, number)
    if math.isinf(short):
        return ".inf" if short > 0 else "-.inf"
    digits = next(text for precision in range(9) if _as_float32(text := f"{short:.{precision}e}") == short)
    mantissa, _, exponent = digits.partition("e")
    if -4 <= int(exponent) < 6:
        return format(Decimal(digits).normalize(), "f")
    return f"{mantissa}e{int(exponent):+03d}"


def _as_float32(text: str) -> float:
    value: float = struct.unpack("f", struct.pack("f", float(text)))[0]
    return value
