"""How new text is written: the layout of its neighbours, and plain values as YAML or JSON text in that layout."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from tarmak_iam.document.file_style import file_style
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, is_block, walk
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import column, dash_of, entry_start, key_column
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.text import ACTED_ON, MARKER, acts_on_a_log

Quote = Literal["single", "double"]

_WORDS = frozenset(
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", ".inf", "+.inf", "-.inf", ".nan"]
)

_OTHER_TYPES = compiled(
    r"""
    [-+]?0[bB][01_]+ | [-+]?0[xX][0-9a-fA-F_]+ | [-+]?0[oO][0-7_]+      # integers with a prefix
    | [-+]?[0-9][0-9_]*                                                 # 12, 0123, 1_000, account ids
    | [-+]?(?:[0-9][0-9_]*(?:\.[0-9_]+)?|\.?[0-9_]+)\.?(?:[eE][-+]?[0-9]+)?  # 1.10, .5, 1e3
    | [-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?                    # 1.
    | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?                  # 12:30, base 60 in YAML 1.1
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?                      # dates
    """,
    re.VERBOSE | re.ASCII,
)

_UNSAFE_START = compiled(r"[-?:](?:\s|\Z)|[,\[\]{}#&*!|>'\"%@`\s]|---|\.\.\.")

_UNSAFE_INSIDE = compiled(r":\s|:\Z|\s#|\s\Z|[\t\n\xa0\ufeff\ud800-\udfff\ufffe\uffff" + ACTED_ON + r"]|\{\{")

_UNSAFE_IN_FLOW = compiled(r"[,\[\]{}:?]")

_ESCAPES = {"\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}

_YAML_ONLY = compiled(r"[\ufeff\ufffe\uffff" + ACTED_ON + "]|" + MARKER)

_NEEDS_ESCAPE = compiled(r'["\\\t\n\ufeff\ufffe\uffff' + ACTED_ON + "]|" + MARKER)


def is_plain_safe(text: str, *, flow: bool = False) -> bool:
    """Whether the text, unquoted, is the same string to YAML 1.1, YAML 1.2 and go-yaml.

    In a flow collection a colon is unsafe: libyaml before 0.2 rejects it there.
    """
    if not text or text.lower() in _WORDS or _OTHER_TYPES.fullmatch(text):
        return False
    if _UNSAFE_START.match(text) or _UNSAFE_INSIDE.search(text) or acts_on_a_log(text):
        return False
    return not (flow and _UNSAFE_IN_FLOW.search(text))


def is_safe_in_flow(text: str) -> bool:
    """Whether a plain scalar's text, as it is written in a block, can be plain in a flow collection too."""
    return not (_UNSAFE_IN_FLOW.search(text) or "\n" in text or "\r" in text)


def quote(text: str, preferred: Quote = "double") -> str:
    """The text in quotes; single ones only if preferred and nothing needs an escape."""
    if preferred == "single" and not _NEEDS_ESCAPE.search(text.replace('"', "").replace("\\", "")):
        return "'" + text.replace("'", "''") + "'"
    return '"' + _NEEDS_ESCAPE.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    number = ord(character)
    return _ESCAPES.get(character) or (f"\\x{number:02X}" if number < 0x100 else f"\\u{number:04X}")


def scalar_text(value: object, layout: Layout | None = None, *, flow: bool = False) -> str:
    """A scalar on one line. Raises TypeError for what YAML has no scalar for."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, str):
        text = str.__str__(value)
        return text if is_plain_safe(text, flow=flow) else quote(text, layout.quote if layout else "double")
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as YAML")


def _float_text(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    # YAML 1.1 requires a point, and a sign in the exponent: 1e-07 is a string there.
    mantissa, exponent, power = repr(float(value)).partition("e")
    return f"{mantissa}.0e{power}" if exponent and "." not in mantissa else mantissa + exponent + power


def json_string(text: str) -> str:
    """A string of strict JSON that YAML reads the same way: characters that YAML reads differently are escaped."""
    written = json.dumps(text, ensure_ascii=False)
    return _YAML_ONLY.sub(lambda match: f"\\u{ord(match.group()):04x}", written)


def json_scalar(value: object) -> str:
    """A scalar of strict JSON. Raises TypeError for what JSON has no value for (NaN, infinity too)."""
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{value} cannot be written as JSON")
    if isinstance(value, str):
        return json_string(value)
    if isinstance(value, float):
        return _float_text(value)
    if value is None or isinstance(value, (bool, int)):
        return json.dumps(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


_ASPECTS = ("step", "dash", "item", "quote", "flow")


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of YAML text.

    `step`: blanks from a key to a mapping below it. `dash`: blanks from a key to the dashes of a list below it.
    `item`: columns from a dash to its content. `quote`: the quotes of strings that need some. `literal`: whether a
    string of several lines may be a literal block. `flow`: whether a list of scalars is written as `[a, b]`.
    """

    step: int = 2
    dash: int = 0
    item: int = 2
    quote: Quote = "double"
    flow: bool = False
    literal: bool = True


AROUND = 2
"""So many members before and after a place show how new text is written there."""


class Nearby(NamedTuple):
    """A place that shows how text is written: members of a node. Which ones: those `around` a number; the `others`
    around the member that has it; or the indentation of that member, which the new text is `inside`."""

    node: Node
    at: int
    which: Literal["around", "others", "inside"]


class _NearbyLayout(Layout):
    """A layout whose aspects are looked for when they are asked for: at each of the places, and in the end in most of
    the file. `known` caches what a place shows, by the id of its node, and what the file shows."""

    __slots__ = ("file", "known", "places", "source")
    file: str
    known: dict[Any, Any]
    places: Iterable[Nearby]
    source: Source

    def __getattr__(self, name: str) -> Any:
        if name not in _ASPECTS:
            raise AttributeError(name)
        value, is_near = self._at_places(name)
        if value is None:
            value = self._in_file(name)
        if value is None:
            value = getattr(Layout(), name)
        elif name == "dash" and value and not is_near:
            value = self.step  # lists are indented there: here they are indented by the step used here
        object.__setattr__(self, name, value)
        return value

    def _at_places(self, name: str) -> tuple[Any, bool]:
        """What the first place that shows an aspect shows, and whether it is the nearest one."""
        if not isinstance(self.places, tuple):
            object.__setattr__(self, "places", tuple(self.places))
        for number, place in enumerate(self.places):
            value = self._at(place, name)
            if value is not None:
                return value, number == 0
        return None, False

    def _at(self, place: Nearby, name: str) -> Any:
        key: tuple[Any, ...] = (id(place.node), *place[1:])
        if name == "item" and is_block(place.node) and isinstance(place.node, Sequence):
            key = (*key, name)
            if key not in self.known:
                self.known[key] = _LayoutSurvey(self.source).of_items(place)
        elif key not in self.known:
            self.known[key] = _LayoutSurvey(self.source).of(place)
        return self.known[key].get(name)

    def _in_file(self, name: str) -> Any:
        if name not in self.known:
            self.known[name] = file_style(self.file, name)
        return self.known[name]


def layout_near(source: Source, places: Iterable[Nearby], known: dict[Any, Any], file: str, *, literal: bool) -> Layout:
    """The layout at the first place; what that leaves open comes from the next place, and so on, and in the end from
    the text of the whole file.

    The places lead outwards from that of the new text. The items of a list show the `item` of a new one, whatever is
    inside of them. `known` caches what was found. `literal` is an aspect of the result.
    """
    layout = object.__new__(_NearbyLayout)
    given = {"source": source, "places": places, "known": known, "file": file, "literal": literal}
    for name, value in given.items():
        object.__setattr__(layout, name, value)
    return layout


def depends_on_neighbours(value: Any) -> bool:
    """Whether the text of a new list item, or a new key's value in a mapping, may depend on how members next to it are
    written, in more than their columns and where the content of items begins."""
    kind = type(value)
    if kind is dict:
        return any(depends_on_neighbours(key) or _is_filled(child) for key, child in value.items()) or any(
            map(depends_on_neighbours, value.values())
        )
    if kind is list:
        return any(map(depends_on_neighbours, value))
    if kind is str:
        return not is_plain_safe(value, flow=True)
    return value is not None and kind not in (bool, int, float)


def _is_filled(value: Any) -> bool:
    return isinstance(value, (dict, list)) and bool(value)


def _slices(place: Nearby) -> list[slice]:
    """The members of the node that are at the place."""
    _, at, which = place
    if which == "inside":
        return [slice(at, at + 1)]
    return [slice(max(at - AROUND, 0), at), slice(at + (which == "others"), at + AROUND + 1)]


class _LayoutSurvey:
    """Counts the layouts used in a part of the file. The most frequent one wins; of equals the earliest."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._counts: dict[str, Counter[Any]] = {aspect: Counter() for aspect in _ASPECTS}

    def of(self, place: Nearby) -> dict[str, Any]:
        """The layout that the members at the place have most often."""
        parts = [part for each in _slices(place) for part in self._count(place.node, each)]
        for child in (child for part in parts for child in walk(part)) if place.which != "inside" else ():
            if isinstance(child, Scalar):
                if child.style in ("single", "double"):
                    self._counts["quote"][child.style] += 1
            elif isinstance(child, Mapping) and not child.flow:
                self._mapping(child.entries)
            elif isinstance(child, Sequence):
                self._list(child, child.items)
        return self._most_common()

    def of_items(self, place: Nearby) -> dict[str, Any]:
        """Where the content of the items at the place begins most often. The node is a block sequence."""
        assert isinstance(place.node, Sequence)
        for part in _slices(place):
            self._items(place.node.items[part])
        return self._most_common()

    def _most_common(self) -> dict[str, Any]:
        return {aspect: counter.most_common(1)[0][0] for aspect, counter in self._counts.items() if counter}

    def _count(self, node: Node, part: slice) -> Iterator[Node]:
        """Counts some members of a node as if it had no others. Returns what is inside them."""
        if isinstance(node, Mapping):
            entries = node.entries[part]
            if not node.flow:
                self._mapping(entries)
            return (each for entry in entries for each in (entry.key, entry.value))
        if isinstance(node, Sequence):
            self._list(node, node.items[part])
            return iter(node.items[part])
        return iter((node,) if part.start == 0 and part.stop else ())

    def _list(self, sequence: Sequence, items: tuple[Node, ...]) -> None:
        if items and all(isinstance(item, Scalar) for item in items):
            self._counts["flow"][sequence.flow] += 1
        if not sequence.flow:
            self._items(items)

    def _mapping(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            value = entry.value
            if isinstance(value, Mapping) and not value.flow:
                self._counts["step"][self._first_column(value) - self._column(entry)] += 1
            elif isinstance(value, Sequence) and not value.flow and value.items:
                self._counts["dash"][self._dash_column(value) - self._column(entry)] += 1

    def _items(self, items: tuple[Node, ...]) -> None:
        for item in items:
            if isinstance(item, Mapping) and not item.flow and not item.anchor and not item.tag:
                start = item.entries[0].key.span.start
                line = self._source.line_start(start)
                before = self._source.text[line:start].rstrip()
                if before.endswith("-"):  # the item begins on the line of its dash
                    self._counts["item"][start - line - len(before) + 1] += 1

    def _column(self, entry: Entry) -> int:
        return column(self._source, entry_start(self._source, entry))

    def _first_column(self, mapping: Mapping) -> int:
        return key_column(self._source, mapping)

    def _dash_column(self, sequence: Sequence) -> int:
        return column(self._source, dash_of(self._source, sequence))


_SHORT = 80

_NO_LITERAL = compiled(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]|[ ](?:\n|\Z)")


def indent(lines: list[str], width: int) -> list[str]:
    """The lines indented by `width`; empty lines (of a literal scalar) stay empty."""
    return [" " * width + line if line else line for line in lines]


def block_lines(value: dict[Any, Any] | list[Any], layout: Layout) -> list[str]:
    """A collection that is not empty, as lines from column 0. Raises TypeError for values YAML does not have."""
    lines: list[str] = []
    if isinstance(value, dict):
        for key, child in value.items():
            lines += entry_lines(key, child, layout)
    else:
        for child in value:
            lines += _item_lines(child, layout)
    return lines


def entry_lines(key: Any, value: Any, layout: Layout) -> list[str]:
    """`key: value`, the value on the lines below where it is a collection or a literal scalar."""
    first, below = value_lines(value, layout)
    return [f"{scalar_text(key, layout)}:{first and ' ' + first}", *below]


def value_lines(value: Any, layout: Layout) -> tuple[str, list[str]]:
    """The text after a key's colon, and the lines below it, indented from the key's column."""
    if isinstance(value, dict) and value:
        return "", indent(block_lines(value, layout), layout.step)
    if isinstance(value, list) and value:
        flow = _short_flow(value, layout) if layout.flow else None
        return (flow, []) if flow else ("", indent(block_lines(value, layout), layout.dash))
    if literal := _literal(value, layout):
        return literal[0], indent(literal[1:], layout.step or 2)
    return inline_text(value, layout), []


def _short_flow(items: list[Any], layout: Layout) -> str | None:
    """A list of scalars on one line; None if that line would be long."""
    if any(isinstance(item, (dict, list)) for item in items):
        return None
    text = flow_text(items, layout)
    return text if len(text) <= _SHORT else None


def _item_lines(value: Any, layout: Layout) -> list[str]:
    dash = "-".ljust(layout.item)
    if isinstance(value, (dict, list)) and value:
        first, *rest = block_lines(value, layout)
        return [dash + first, *indent(rest, layout.item)]
    if literal := _literal(value, layout):
        return [dash + literal[0], *indent(literal[1:], layout.item)]
    return [dash + inline_text(value, layout)]


def _literal(value: Any, layout: Layout) -> list[str] | None:
    """The lines of a literal block, if the value is a string of several lines and may be one here; otherwise None."""
    return literal_lines(value) if layout.literal and isinstance(value, str) and "\n" in value else None


def literal_lines(text: str) -> list[str] | None:
    """The header and lines of a `|` scalar; None if the text needs escapes or would be read differently."""
    if _NO_LITERAL.search(text) or text[0] in " \n" or acts_on_a_log(text):
        return None
    body = text.rstrip("\n")
    trailing = len(text) - len(body)
    header = {0: "|-", 1: "|"}.get(trailing, "|+")
    return [header, *body.split("\n"), *[""] * max(trailing - 1, 0)]


def inline_text(value: Any, layout: Layout) -> str:
    """A scalar or an empty collection."""
    if isinstance(value, dict) and not value:
        return "{}"
    if isinstance(value, list) and not value:
        return "[]"
    return scalar_text(value, layout)


def flow_text(value: Any, layout: Layout) -> str:
    """Any value in flow style, on one line."""
    if isinstance(value, dict):
        members = (f"{flow_text(key, layout)}: {flow_text(child, layout)}" for key, child in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow_text(item, layout) for item in value) + "]"
    return scalar_text(value, layout, flow=True)


def json_text(value: Any) -> str:
    """Any value as strict JSON on one line. Raises TypeError for what JSON does not have."""
    if isinstance(value, dict):
        members = (f"{json_string(_json_key(key))}: {json_text(child)}" for key, child in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_text, value)) + "]"
    return json_scalar(value)


def json_lines(value: Any, step: str) -> list[str]:
    """Any value as strict JSON with every member on its own lines, indented by one step. Raises TypeError."""
    if not value or not isinstance(value, (dict, list)):
        return [json_text(value)]
    pairs = value.items() if isinstance(value, dict) else (("", item) for item in value)
    members = []
    for key, child in pairs:
        first, *rest = json_lines(child, step)
        name = f"{json_string(_json_key(key))}: " if isinstance(value, dict) else ""
        members.append([name + first, *rest])
    for member in members[:-1]:
        member[-1] += ","
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return [opening, *(step + line for member in members for line in member), closing]


def _json_key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{key!r} cannot be a JSON key")
    return key
