"""The block structure of a regular text by its lines, read only along the paths of edits.

A `Level` is one block collection. Its members begin in one column, and the lines between two of these beginnings are
all lines of the first member, because

- the text is valid and regular, so where a collection begins the parser is between two tokens of a block;
- a member that the parser accepts alone ends between two tokens too: no quoted scalar or flow collection goes on below.
  Lines without quotes and with pairs of brackets have none;
- a line in the column of the level then begins the next member. What is inside a member is indented deeper, except a
  list in the column of its key, whose lines begin with a dash.

Distances are relative to the owner of a level, so that a change inside one member leaves all other members as they are.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import field, replace
from functools import cache, lru_cache
from itertools import accumulate

from tarmak_iam.document.nodes import Scalar
from tarmak_iam.document.regular import parse_events, room_for_values
from tarmak_iam.document.scalars import resolve_v2
from tarmak_iam.document.splices import Splice
from tarmak_iam.document.yaml_reader import PARSER_ERRORS
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled

# A key whose text is known without a parser.
_KEY = compiled(r"(?:([A-Za-z_][\w ./@+-]*?)|([\"'])([\w ./@+-]*)\2) *:(?=[ \n]|\Z)")

# Lines at whose ends no flow collection and no quoted scalar is open if none is before them: they have no quotes but in
# comments, and only pairs of brackets.
_WORDS = r"[^\"'#\[\]{}\n]*"
_PAIRS = rf"{_WORDS}(?:[\[{{]{_WORDS}[\]}}]{_WORDS})*"
_PAIRS = rf"{_WORDS}(?:[\[{{]{_PAIRS}[\]}}]{_WORDS})*"
_CLOSED_LINES = compiled(rf"(?:{_PAIRS}(?:(?<![^ \n])#[^\n]*)?(?:\n|\Z))*")

# What may be after a colon or dash whose value is on the lines below.
_VALUE_BELOW = compiled(r" *(?: #[^\n]*)?(?:\n|\Z)")

_DASH = compiled(r"-(?=[ \n]|\Z) *")

_LINE = compiled(r"( *)([^\n]?)[^\n]*(?:\n|\Z)")


@cache
def _in_column(column: int) -> re.Pattern[str]:
    """Content that begins in a column, with the line break before it."""
    return re.compile(rf"\n {{{column}}}(?=[^ #\n])")


@cache
def _left_of(column: int) -> re.Pattern[str]:
    return re.compile(rf"\n {{0,{column - 1}}}(?=[^ #\n])")


@lru_cache(maxsize=4096)
def is_string(key: str) -> bool:
    """Whether a key is a string without quotes, and not `on` or `1`."""
    return isinstance(resolve_v2(Scalar(0, 0, key, "plain")), str)


@dataclass(slots=True)
class Level:
    """A block collection. `keys` are those of a mapping that are strings, with the number of their member.

    `head` is the distance from the beginning of its owner (the member that it is the value of, or the file) to its
    first member. `lengths` are those of the members, each with the comments and blank lines below it. The first
    `accepted` members are known to be accepted alone. `closed`: in the whole text no quoted scalar or flow collection
    has more than one line, so that every member is. `room`, of the root: how many values the text may get.
    `known_starts` are the `starts` as soon as they are asked for.
    """

    column: int
    head: int
    lengths: list[int]
    keys: dict[str, int] | None
    closed: bool = False
    accepted: int = 0
    inner: dict[int, Level | None] = field(default_factory=dict)
    room: int = 0
    known_starts: list[int] | None = None

    @property
    def starts(self) -> list[int]:
        """The distance from the beginning of the owner to each member, and to the end of the last one."""
        if self.known_starts is None:
            self.known_starts = list(accumulate(self.lengths, initial=self.head))
        return self.known_starts

    def start(self, number: int) -> int:
        """The distance from the beginning of the owner to a member."""
        return self.starts[number]

    def accepts(self, text: str, owner: int, number: int) -> bool:
        """Whether the members up to `number` are accepted alone. `owner` is the offset of the owner."""
        if self.closed:
            return True
        starts, end = self.starts, owner + self.starts[number + 1]
        while self.accepted <= number:
            at = owner + starts[self.accepted]
            closed = _CLOSED_LINES.match(text, at, end)
            assert closed
            self.accepted = max(bisect_right(starts, closed.end() - owner) - 1, self.accepted)
            if self.accepted > number:
                break
            at = owner + starts[self.accepted]
            # The first member may begin after a dash, where it has no indentation of its own.
            margin = "" if at == 0 or text[at - 1] == "\n" else " " * self.column
            try:
                parse_events(margin + text[at : owner + starts[self.accepted + 1]])
            except PARSER_ERRORS:
                return False
            self.accepted += 1
        return True

    def member(self, text: str, owner: int, number: int) -> Level | None:
        """The collection that is the value of a member; None if it is something else, or cannot be divided by lines."""
        if number not in self.inner:
            start = owner + self.start(number)
            end = start + self.lengths[number]
            level = self.inner[number] = _value_of(text, start, end, self.column, is_item=self.keys is None)
            if level is not None:
                level.closed = self.closed
        return self.inner[number]

    def after(self, text: str, owner: int, splices: list[Splice]) -> Level | None:
        """The level after splices of `text`, in order; None if they may change which members it has."""
        result = replace(self, lengths=self.lengths.copy(), inner=self.inner.copy(), known_starts=None)
        done = 0
        while done < len(splices):
            number = bisect_left(self.starts, splices[done].start - owner, 1) - 1
            if number == len(self.lengths):
                return None
            start, end = owner + self.starts[number], owner + self.starts[number + 1]
            following = bisect_right(splices, end, done, key=_start_of)
            own = splices[done:following]
            if not all(self._is_inside(text, splice, start, end) for splice in own):
                return None
            done = following
            result.lengths[number] += sum(len(splice.text) - (splice.end - splice.start) for splice in own)
            inner = result.inner.pop(number, None)
            changed = inner.after(text, start, own) if inner is not None else None
            if changed is not None:
                result.inner[number] = changed
        return result

    def _is_inside(self, text: str, splice: Splice, start: int, end: int) -> bool:
        """Whether a splice leaves the beginning of the member at `start` alone, and adds no other one below it."""
        if splice.start <= start or splice.end > end:
            return False
        lines = splice.text if text[splice.start - 1] == "\n" else splice.text.partition("\n")[2]
        return _left_of(self.column + 1).search("\n" + lines) is None


def outline(text: str, *, closed: bool) -> Level | None:
    """The root of a regular text; None if it is not a block collection that can be divided by lines.

    `closed`: whether it is known that no quoted scalar or flow collection in it has more than one line.
    """
    root = _below(text, 0, 0, len(text), 0, 0)
    if root is not None:
        root.closed, root.room = closed, room_for_values(text)
    return root


def _value_of(text: str, start: int, end: int, column: int, *, is_item: bool) -> Level | None:
    """The value of the member at `text[start:end]`, which begins in a column."""
    at = start + column if start == 0 or text[start - 1] == "\n" else start
    if not is_item:
        key = _KEY.match(text, at, end)
        line = _VALUE_BELOW.match(text, key.end(), end) if key else None
        return _below(text, start, line.end(), end, column + 1, column) if line else None
    dash = _DASH.match(text, at, end)
    line = _VALUE_BELOW.match(text, at + 1, end)
    if dash is None or line is not None:
        return _below(text, start, line.end(), end, column + 1, column + 1) if dash and line else None
    return _level(text, start, dash.end(), end, column + dash.end() - at) if _KEY.match(text, dash.end(), end) else None


def _below(text: str, owner: int, at: int, end: int, least: int, least_of_list: int) -> Level | None:
    """The collection that begins on the lines from `at` on, at least in a column."""
    while at < end:
        line = _LINE.match(text, at, end)
        assert line
        if line[2] and line[2] != "#":
            column = len(line[1])
            is_list = _DASH.match(text, at + column, end) is not None
            return _level(text, owner, at, end, column) if column >= (least_of_list if is_list else least) else None
        at = line.end()
    return None


def _level(text: str, owner: int, first: int, end: int, column: int) -> Level | None:
    """The collection whose first member begins at `first`, the beginning of a line or behind a dash."""
    if column and _left_of(column).search(text, first, end):
        return None
    begins_line = first == 0 or text[first - 1] == "\n"
    starts = [first, *(match.start() + 1 for match in _in_column(column).finditer(text, first, end))]
    content = first + column if begins_line else first
    if _DASH.match(text, content, end):
        if not all(_DASH.match(text, start + column, end) for start in starts[1:]):
            return None
        return Level(column, first - owner, _lengths(starts, end), None)
    keys: dict[str, int] = {}
    members: list[int] = []
    others = 0
    for start in starts:
        at = content if start == first else start + column
        key = _KEY.match(text, at, end)
        if key is None:
            if _DASH.match(text, at, end):
                continue  # an item of a list in the column of its key
            return None
        name = key[3] if key[1] is None else key[1]
        if key[1] is not None and not is_string(name):
            others += 1
        elif keys.setdefault(name, len(members)) != len(members):
            return None
        members.append(start)
    return Level(column, first - owner, _lengths(members, end), keys) if others < 2 else None


def _start_of(splice: Splice) -> int:
    return splice.start


def _lengths(starts: list[int], end: int) -> list[int]:
    return [after - start for start, after in zip(starts, [*starts[1:], end], strict=True)]
