"""How new text is written: the layout of its neighbours, and plain values as YAML or JSON text in that layout.

What the neighbours do not show, the beginning of the file shows. There the text is enough, because a text that only
looks like YAML (in a block scalar) does no harm: every answer is a good layout.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, is_block, walk
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import member_start
from tarmak_iam.text import ACTED_ON, MARKER, acts_on_a_log

if TYPE_CHECKING:
    from tarmak_iam.document.tree import Tree

Quote = Literal["single", "double"]
_Aspect = TypeVar("_Aspect")

_WORDS = frozenset(
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", ".inf", "+.inf", "-.inf", ".nan"]
)

_OTHER_TYPES = re.compile(
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

_UNSAFE_START = re.compile(r"[-?:](?:\s|\Z)|[,\[\]{}#&*!|>'\"%@`\s]|---|\.\.\.")
_UNSAFE_INSIDE = re.compile(r":\s|:\Z|\s#|\s\Z|[\t\n\xa0\ufeff\ud800-\udfff\ufffe\uffff" + ACTED_ON + r"]|\{\{")
UNSAFE_IN_FLOW = re.compile(r"[,\[\]{}:?\r\n]")
_ESCAPES = {"\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_YAML_ONLY = re.compile(r"[\ufeff\ufffe\uffff" + ACTED_ON + "]|" + MARKER)
_NEEDS_ESCAPE = re.compile(r'["\\\t\n\ufeff\ufffe\uffff' + ACTED_ON + "]|" + MARKER)


def is_plain_safe(text: str, *, flow: bool = False) -> bool:
    """Whether the text, unquoted, is the same string to YAML 1.1, YAML 1.2 and go-yaml.

    In a flow collection a colon is unsafe: libyaml before 0.2 rejects it there.
    """
    if not text or text.lower() in _WORDS or _OTHER_TYPES.fullmatch(text):
        return False
    if _UNSAFE_START.match(text) or _UNSAFE_INSIDE.search(text) or acts_on_a_log(text):
        return False
    return not (flow and UNSAFE_IN_FLOW.search(text))


def quote(text: str, preferred: Quote = "double") -> str:
    """The text in quotes; single ones only if preferred and nothing needs an escape."""
    if preferred == "single" and not _NEEDS_ESCAPE.search(text.replace('"', "").replace("\\", "")):
        return "'" + text.replace("'", "''") + "'"

    def escaped(match: re.Match[str]) -> str:
        number = ord(match.group())
        return _ESCAPES.get(match.group()) or (f"\\x{number:02X}" if number < 0x100 else f"\\u{number:04X}")

    return '"' + _NEEDS_ESCAPE.sub(escaped, text) + '"'


def scalar_text(value: object, layout: Layout | None = None, *, flow: bool = False) -> str:
    """A scalar on one line. Raises TypeError for what YAML has no scalar for."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
        # YAML 1.1 requires a point, and a sign in the exponent: 1e-07 is a string there.
        mantissa, exponent, power = repr(float(value)).partition("e")
        return f"{mantissa}.0e{power}" if exponent and "." not in mantissa else mantissa + exponent + power
    if isinstance(value, str):
        text = str.__str__(value)
        if is_plain_safe(text, flow=flow):
            return text
        return quote(text, layout.shown("quote", "double") if layout else "double")
    raise TypeError(f"a value of type {type(value).__name__} cannot be written as YAML")


def json_string(text: str) -> str:
    """A string of strict JSON that YAML reads the same way: characters that YAML reads differently are escaped."""
    written = json.dumps(text, ensure_ascii=False)
    return _YAML_ONLY.sub(lambda match: f"\\u{ord(match.group()):04x}", written)


AROUND = 2
"""So many members before and after a place show how new text is written there."""


class Nearby(NamedTuple):
    """A place that shows how text is written: members of a node. Which ones: those `around` a number; the `others`
    around the member that has it; or the indentation of that member, which the new text is `inside`."""

    node: Node
    at: int
    which: Literal["around", "others", "inside"]


class Layout:
    """The layout of YAML text. Each aspect is looked for on demand: at the places, which lead outwards from
    that of the new text, and in the end in most of the file. The tree keeps what was found.

    `literal`: whether a string of several lines may be a literal block.
    """

    def __init__(self, tree: Tree | None = None, look: Callable[[], Any] = list, *, literal: bool = True) -> None:
        self._tree, self._look, self.literal = tree, look, literal

    @cached_property
    def _places(self) -> list[Nearby]:
        return [*self._look()]

    @cached_property
    def step(self) -> int:
        """Blanks from a key to a mapping below it."""
        return self.shown("step", 2)

    @cached_property
    def dash(self) -> int:
        """Blanks from a key to the dashes of a list below it: the step used here, if lists further out are indented."""
        here: int | None = self._at(self._places[0], "dash") if self._places else None
        return here if here is not None else self.shown("dash", 0) and self.step

    @cached_property
    def item(self) -> int:
        """Columns from a dash to its content. The items of a list show it for a new one, whatever is inside of them."""
        return self.shown("item", 2)

    def shown(self, aspect: str, usual: _Aspect) -> _Aspect:
        """An aspect as the places or the file show it, otherwise as usual: `step`, `dash` and `item`, the `quote` of
        strings that need one, and `flow`, which is whether a list of scalars is written as `[a, b]`."""
        if self._tree is None:
            return usual
        shown = (self._at(place, aspect) for place in self._places)
        value: Any = next((value for value in shown if value is not None), None)
        if value is None:
            if aspect not in self._tree.layouts:
                file = self._tree.source.text if self._tree.file is None else self._tree.file
                self._tree.layouts[aspect] = _style_of(file[:_LOOKED_AT], aspect)
            value = self._tree.layouts[aspect]
        return usual if value is None else value

    def _at(self, place: Nearby, aspect: str) -> Any:
        """An aspect as most of the members at the place have it; of equals the earliest."""
        assert self._tree is not None
        node, known = place.node, self._tree.layouts
        is_own = aspect == "item" and isinstance(node, Sequence) and not node.flow
        key = (id(node), *place[1:], is_own)
        if key not in known:
            counted: defaultdict[str, Counter[Any]] = defaultdict(Counter)
            for name, value in _shown_at(self._tree.source, place, deep=not is_own and place.which != "inside"):
                counted[name][value] += 1
            known[key] = {name: values.most_common(1)[0][0] for name, values in counted.items()}
        return known[key].get(aspect)


def _columns(match: re.Match[str]) -> int:
    return len(match["below"]) - len(match["key"])


_KEY_ABOVE = r"\n(?P<key>[ -]*)[^\s#\"'-][^\n#]*:[ ]*(?=\n(?P<below>[ ]*)"
"""A key whose value is on the lines below: what is before it on its line, and how the next line begins."""

# The pattern of each aspect in a file, and the value that a match shows. A list of scalars is on one line, or its first
# item is below its key.
_BY_TEXT: dict[str, tuple[re.Pattern[str], Callable[[re.Match[str]], Any]]] = {
    "step": (re.compile(_KEY_ABOVE + r"[^\s#-])"), lambda match: _columns(match) if _columns(match) > 0 else None),
    "dash": (re.compile(_KEY_ABOVE + r"-[ \n])"), lambda match: _columns(match) if _columns(match) >= 0 else None),
    "item": (re.compile(r"\n[ ]*-([ ]+)[^\s#\[{\"'&!*|>-][^\n]*?:[ \n]"), lambda match: 1 + len(match[1])),
    "quote": (
        re.compile(r"[-?:,\[{\n][ ]*(?:[&!]\S*[ ]+)*([\"'])"),
        lambda match: "single" if match[1] == "'" else "double",
    ),
    "flow": (
        re.compile(r":[ ]+(?:[&!]\S*[ ]+)*(\[)[^\[\]{}&*\n]+\]|:[ ]*\n[ ]*-[ ]+[^\s\[{&!*|>](?![^\n]*:[ \n])"),
        lambda match: match[1] is not None,
    ),
}

_LOOKED_AT = 16_384
_ENOUGH = 10  # so many examples are counted


@lru_cache(maxsize=16)
def _style_of(beginning: str, aspect: str) -> Any:
    """An aspect as most of a text has it, of equals the earliest; None if its beginning does not show it."""
    pattern, shown = _BY_TEXT[aspect]
    values = map(shown, pattern.finditer("\n" + beginning.replace("\r\n", "\n")))
    counted = Counter(islice((value for value in values if value is not None), _ENOUGH)).most_common(1)
    return counted[0][0] if counted else None


def depends_on_neighbours(value: Any) -> bool:
    """Whether the text of a new list item, or a new key's value in a mapping, may depend on how members next to it are
    written, in more than their columns and where the content of items begins."""
    kind = type(value)
    if kind is dict:
        is_nested = any(child and isinstance(child, (dict, list)) for child in value.values())
        return is_nested or any(map(depends_on_neighbours, (*value, *value.values())))
    if kind is list:
        return any(map(depends_on_neighbours, value))
    if kind is str:
        return not is_plain_safe(value, flow=True)
    return value is not None and kind not in (bool, int, float)


def _shown_at(source: Source, place: Nearby, *, deep: bool) -> Iterator[tuple[str, Any]]:
    """What the members at the place show, as if the node had no others, and (`deep`) what is inside them."""
    (node, at, which), inside = place, list[Node]()
    around = [slice(max(at - AROUND, 0), at), slice(at + (which == "others"), at + AROUND + 1)]
    for part in [slice(at, at + 1)] if which == "inside" else around:
        if isinstance(node, (Mapping, Sequence)):
            yield from _shown_by(source, node, part)
        if isinstance(node, Mapping):
            inside += (child for entry in node.entries[part] for child in (entry.key, entry.value))
        elif isinstance(node, Sequence):
            inside += node.items[part]
        elif part.start == 0 and part.stop:
            inside.append(node)
    for child in chain.from_iterable(map(walk, inside if deep else ())):
        yield from _shown_by(source, child, slice(None))


def _shown_by(source: Source, node: Node, part: slice) -> Iterator[tuple[str, Any]]:
    """What a node shows, or some members of a collection; not what is inside of them."""
    if isinstance(node, Scalar) and node.style in ("single", "double"):
        yield "quote", node.style
    elif isinstance(node, Mapping) and not node.flow:
        for entry in node.entries[part]:
            if is_block(entry.value):
                below = source.column(member_start(source, entry.value, 0)) - source.column(entry.key.start)
                yield "step" if isinstance(entry.value, Mapping) else "dash", below
    elif isinstance(node, Sequence):
        items = node.items[part]
        if items and all(isinstance(item, Scalar) for item in items):
            yield "flow", node.flow
        for item in items:
            if isinstance(item, Mapping) and not (node.flow or item.flow or item.anchor or item.tag):
                start = item.entries[0].key.start
                before = source.text[source.line_start(start) : start].rstrip()
                if before.endswith("-"):  # the item begins on the line of its dash
                    yield "item", source.column(start) - len(before) + 1


_SHORT = 80
_NO_LITERAL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]|[ ](?:\n|\Z)")


class Verbatim(NamedTuple):
    """A value with the text that it has elsewhere, which is to be written as it is.

    `above`: the comment lines above it. `member`: the lines of a key or item with it, from column 0. If there are none:
    `first` is the text after the colon or dash, and `below` are the lines below; those of a collection (`is_list`, or
    False for a mapping) begin in column 0, others are indented. `flow` is the text in a flow collection, after `key`.
    """

    above: list[str]
    member: list[str]
    first: str
    below: list[str]
    is_list: bool | None
    flow: str
    key: str


def indent(lines: list[str], width: int) -> list[str]:
    """The lines indented by `width`; empty lines (of a literal scalar) stay empty."""
    return [" " * width + line if line else line for line in lines]


def block_lines(value: dict[Any, Any] | list[Any], layout: Layout) -> list[str]:
    """A collection that is not empty, as lines from column 0. Raises TypeError for values YAML does not have."""
    if isinstance(value, dict):
        return [line for key, child in value.items() for line in entry_lines(key, child, layout)]
    return [line for child in value for line in _item_lines(child, layout)]


def entry_lines(key: Any, value: Any, layout: Layout) -> list[str]:
    """`key: value`, the value on the lines below where it is a collection or a literal scalar."""
    above = value.above if isinstance(value, Verbatim) else []
    if isinstance(value, Verbatim) and value.member:
        return above + value.member
    first, below = value_lines(value, layout)
    return [*above, f"{scalar_text(key, layout)}:{first and ' ' + first}", *below]


def value_lines(value: Any, layout: Layout) -> tuple[str, list[str]]:
    """The text after a key's colon, and the lines below it, indented from the key's column."""
    if isinstance(value, Verbatim):
        width = 0 if value.is_list is None else layout.dash if value.is_list else layout.step
        return value.first, indent(value.below, width)
    if isinstance(value, dict) and value:
        return "", indent(block_lines(value, layout), layout.step)
    if isinstance(value, list) and value:
        if layout.shown("flow", False) and not any(isinstance(item, (dict, list, Verbatim)) for item in value):
            flow = flow_text(value, layout)
            if len(flow) <= _SHORT:
                return flow, []
        return "", indent(block_lines(value, layout), layout.dash)
    first, *below = _scalar_lines(value, layout)
    return first, indent(below, layout.step) if below else below


def _item_lines(value: Any, layout: Layout) -> list[str]:
    dash = "-".ljust(layout.item)
    if isinstance(value, Verbatim):
        if value.is_list is None:
            return value.above + (value.member or [f"{dash}{value.first}".rstrip(), *value.below])
        return [*value.above, dash + value.below[0], *indent(value.below[1:], layout.item)]
    is_filled = isinstance(value, (dict, list)) and value
    first, *below = block_lines(value, layout) if is_filled else _scalar_lines(value, layout)
    return [dash + first, *indent(below, layout.item)]


def _scalar_lines(value: Any, layout: Layout) -> list[str]:
    """A scalar or an empty collection on one line; or the header and lines of a `|` scalar, for a string of several
    lines that needs no escapes and would not be read differently."""
    if isinstance(value, (dict, list)):
        return [flow_text(value, layout)]
    is_literal = layout.literal and isinstance(value, str) and "\n" in value and value[0] not in " \n"
    if not is_literal or _NO_LITERAL.search(value) or acts_on_a_log(value):
        return [scalar_text(value, layout)]
    header = "|+" if value.endswith("\n\n") else "|" if value.endswith("\n") else "|-"
    return [header, *value.removesuffix("\n").split("\n")]


def flow_text(value: Any, layout: Layout) -> str:
    """Any value in flow style, on one line."""
    if isinstance(value, Verbatim):
        return value.flow
    if isinstance(value, dict):
        members = (f"{flow_text(key, layout)}: {flow_text(child, layout)}" for key, child in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow_text(item, layout) for item in value) + "]"
    return scalar_text(value, layout, flow=True)


def json_text(value: Any, newline: str = "", step: str = "") -> str:
    """Any value as strict JSON: on one line, or with every member on its own line if there is a `newline` (with the
    indentation of the value), indented by one `step` more. Raises TypeError for what JSON does not have."""
    if isinstance(value, Verbatim):
        return value.flow
    if isinstance(value, (dict, list)):
        deeper = newline + step if newline and value else ""
        members = list[str]()
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            text = json_text(child, deeper, step)
            if isinstance(value, list):
                members.append(text)
            elif isinstance(key, str):
                members.append(f"{json_string(key)}: {text}")
            else:
                raise TypeError(f"{key!r} cannot be a JSON key")
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return opening + deeper + f",{deeper or ' '}".join(members) + (newline if deeper else "") + closing
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{value} cannot be written as JSON")
    return json_string(value) if isinstance(value, str) else scalar_text(value)


def yaml_bytes(value: dict[str, Any]) -> bytes:
    """A dict as YAML that every parser reads as the same values: strings that could be another type are quoted.

    Raises TypeError for values that YAML does not have.
    """
    return ("\n".join(block_lines(value, Layout()) or ["{}"]) + "\n").encode()
