"""A text as the lines of its block collections, which are divided into members on demand. An edit of one
member leaves the lines of all others as they are, and their meaning too, unless they share an anchor.

docs/editing.md ("Why an edit can be trusted") has why the lines between two beginnings of members are all lines of the
first one. Lines without quotes and with pairs of brackets end between two tokens; for others the parser decides.
"""

from __future__ import annotations

import importlib
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain
from typing import Any

from ruamel.yaml import YAML

from tarmak_iam.document.json_reader import looks_like_json
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.document.scalars import resolve_v2
from tarmak_iam.document.source import MAX_COLLECTIONS, MAX_DEPTH, MAX_FLOW, MAX_VALUES, Source
from tarmak_iam.document.yaml_reader import PARSER_ERRORS, has_c_parser
from tarmak_iam.routes import Key, Step
from tarmak_iam.text import MAX_BYTES

# A key whose text is known without a parser.
_KEY = re.compile(r"(?:([A-Za-z_][\w ./@+-]*?)|([\"'])([\w ./@+-]*)\2) *:(?=[ \r\n]|\Z)")

# Lines at whose ends no flow collection and no quoted scalar is open if none is before them: they have no quotes but in
# comments, and only pairs of brackets.
_WORDS = r"[^\"'#\[\]{}\n]*"
_PAIRS = rf"{_WORDS}(?:[\[{{]{_WORDS}[\]}}]{_WORDS})*"
_PAIRS = rf"{_WORDS}(?:[\[{{]{_PAIRS}[\]}}]{_WORDS})*"
_CLOSED_LINES = re.compile(rf"(?:{_PAIRS}(?:(?<![^ \n])#[^\n]*)?(?:\n|\Z))*")

# What may be after a colon or dash whose value is on the lines below.
_VALUE_BELOW = re.compile(r" *(?: #[^\n]*)?\r?(?:\n|\Z)")
_DASH = re.compile(r"-(?=[ \r\n]|\Z) *")
_FIRST_CONTENT = re.compile(r"(?:[ ]*(?:#[^\n]*)?\r?\n)*([ ]*)(?=[^ #\r\n])")
_MARKER = re.compile(r"(?m)^(?:---|\.\.\.)(?=\s|\Z)|^%")
_MARKERS = "\n---", "\n...", "\n%"
_FIRST_MARKER = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*---[ \t]*(?:#[^\n]*)?\r?\n")
_ALL = 1 << 60
"""More than there are members."""

# Line breaks that these patterns do not know, and a byte order mark.
_OTHER_BREAK = re.compile("[\x85\u2028\u2029\ufeff\ud800-\udfff]|\r(?!\n)")


@lru_cache(maxsize=4096)
def is_string(key: str) -> bool:
    """Whether a key is a string without quotes, and not `on` or `1`."""
    return isinstance(resolve_v2(Scalar(0, 0, key, "plain")), str)


class Member:
    """A member of a block, with the comment and blank lines below it, or the whole document.

    If its value is a block, `lead` is what is before the first member of that, and otherwise all of its text.
    """

    __slots__ = ("_divided", "block", "lead", "size")

    def __init__(self, lead: str, block: Block | None = None) -> None:
        self.lead = lead
        self.block = block
        self.size: int = len(lead) + (block.size if block is not None else 0)
        self._divided = block is not None

    @property
    def text(self) -> str:
        """All lines of the member, of which `size` is the number of characters."""
        return self.lead if self.block is None else "".join(self.parts())

    def parts(self) -> Iterator[str]:
        """The lines in parts, which are joined once: a copy at every level would take as much memory again."""
        yield self.lead
        for member in self.block.members if self.block is not None else ():
            yield from (member.lead,) if member.block is None else member.parts()

    def value(self, column: int, *, is_item: bool) -> Block | None:
        """The block that is the value of the member, which begins in a column; None if lines cannot divide it."""
        if self._divided:
            return self.block
        self._divided = True
        text = self.lead
        at = column if text.startswith(" " * column) else 0
        head = (_DASH if is_item else _KEY).match(text, at)
        if head is None:
            return self.block
        if below := _VALUE_BELOW.match(text, at + 1 if is_item else head.end()):
            self._take_below(below.end(), column + 1, column + is_item)
        elif is_item and _KEY.match(text, head.end()):
            self._take(head.end(), column + head.end() - at)
        return self.block

    def _take_below(self, at: int, least: int, least_of_list: int) -> None:
        """The block that begins on the lines from `at` on, at least in a column."""
        if content := _FIRST_CONTENT.match(self.lead, at):
            start, end = content.span(1)
            if end - start >= (least_of_list if _DASH.match(self.lead, end) else least):
                self._take(start, end - start)

    def _take(self, first: int, column: int) -> None:
        block = Block.of(self.lead, column, first, begins_line=first == 0 or self.lead[first - 1] == "\n")
        if block is not None:
            self.lead, self.block = self.lead[:first], block


@dataclass(slots=True, eq=False)
class Block:
    """A block collection. `keys` are those of a mapping that are strings, with their members; None for a list.
    `begins_line`: not behind a dash. `closed`: so many members, from the first on, are known to end between tokens."""

    column: int
    members: list[Member]
    keys: dict[str, Member] | None
    size: int
    begins_line: bool
    closed: int = 0

    @classmethod
    def of(cls, text: str, column: int, start: int = 0, *, begins_line: bool = True) -> Block | None:
        """The collection with the lines from `start` on, also from behind a dash; None if it cannot be divided."""
        is_list = _DASH.match(text, start + (column if begins_line else 0)) is not None
        parts = members_in(text, column, start, is_list=is_list, begins_line=begins_line)
        if parts is None or parts[0]:
            return None
        keys = {name: member for name, member in parts[1] if name is not None}
        unnamed = sum(name is None for name, _ in parts[1])
        if not is_list and (unnamed > 1 or len(keys) + unnamed < len(parts[1])):
            return None  # more than one key that is not a string, or duplicate keys
        members = [member for _, member in parts[1]]
        return cls(column, members, None if is_list else keys, len(text) - start, begins_line)

    def with_members(self, new: dict[int, list[tuple[str | None, Member]]]) -> Block | None:
        """The block with other members in the places of some, by their numbers; None if a key is not a new one."""
        members, keys, size = self.members.copy(), None if self.keys is None else self.keys.copy(), self.size
        for number in sorted(new, reverse=True):
            if keys is not None:
                name = key_of(members[number].lead, self.column if number or self.begins_line else 0)
                if name is None or keys.pop(name, None) is None:
                    return None
            size += sum([member.size for _, member in new[number]]) - members[number].size
            members[number : number + 1] = [member for _, member in new[number]]
        for parts in new.values() if keys is not None else ():
            for name, member in parts:
                if name is None or keys is None or name in keys:
                    return None
                keys[name] = member
        if not members:
            return None
        closed = self.closed + len(members) - len(self.members)
        return Block(self.column, members, keys, size, self.begins_line, closed)

    @property
    def text(self) -> str:
        """All lines of the members."""
        return Member("", self).text

    def place(self, step: Step | None) -> int:
        """The number of the member that a step leads to; for None, and for a key that does not exist, that of a new one
        at the end. Raises KeyError if only a parser can tell, and for an index that there is not."""
        if isinstance(step, Key):
            if self.keys is None or step.occurrence >= 0 or not is_string(step.text):
                raise KeyError(step)
            member = self.keys.get(step.text)
            return len(self.members) if member is None else self.members.index(member)
        if self.keys is not None or not 0 <= (step or 0) <= len(self.members):
            raise KeyError(step)
        return len(self.members) if step is None else step

    def value(self, number: int) -> Block | None:
        """The block that is the value of a member."""
        block = self.members[number].value(self.column, is_item=self.keys is None)
        if block is not None and self.closed > _ALL:
            block.closed = self.closed
        return block

    def is_closed(self, number: int) -> bool:
        """Whether the members up to `number` end between two tokens, so that those lines are all of theirs."""
        while self.closed <= number:
            text = self.members[self.closed].text
            margin = "" if self.begins_line or self.closed else " " * self.column
            if not _CLOSED_LINES.fullmatch(text) and not _is_valid(margin + text):
                return False
            self.closed += 1
        return True


def key_of(text: str, column: int) -> str | None:
    """The key that begins in a column of a text; None if it is not known without a parser, or not a string."""
    return _string_in(_KEY.match(text, column))


def _string_in(key: re.Match[str] | None) -> str | None:
    return None if key is None else key[3] if key[1] is None else key[1] if is_string(key[1]) else None


@lru_cache
def _at_column(before: str, column: int) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Content that begins further left than a column, and content that begins in it."""
    left, here = rf"{before}(?! {{{column}}}) *[^ #\r\n]", rf"{before} {{{column}}}(?=[^ #\r\n])"
    return re.compile(left), re.compile(here)


def members_in(
    text: str, column: int, start: int = 0, *, is_list: bool, begins_line: bool = True
) -> tuple[str, list[tuple[str | None, Member]]] | None:
    """The lines before the first member of a block, from `start` on, and the members with their keys (None: not a
    string). None if the lines cannot be divided. `begins_line`: it is not behind a dash. Nothing copies the text."""
    head = column if begins_line else 0  # of the first line
    (left_below, here_below), (left, here) = _at_column(r"\n", column), _at_column("", head)
    if left_below.search(text, start) or left.match(text, start):  # content further left
        return None
    begins, names = list[int](), list[str | None]()
    first = [start + head] if here.match(text, start) else []
    for at in chain(first, (match.end() for match in here_below.finditer(text, start))):
        is_dash, key = _DASH.match(text, at) is not None, None if is_list else _KEY.match(text, at)
        if is_dash and not is_list:
            continue  # an item of a list in the column of its key
        if not (is_dash or key):
            return None
        begins.append(max(at - column, start))
        names.append(_string_in(key))
    members = [Member(text[at:end]) for at, end in zip(begins, [*begins[1:], len(text)], strict=False)]
    return text[start : begins[0]] if begins else text[start:], list(zip(names, members, strict=True))


def document_of(text: str, *, is_closed: bool = False) -> Member | None:
    """A valid text of one document; None if it is not a block collection that can be divided by lines. `is_closed`: no
    quoted scalar or flow collection in it has more than one line."""
    start = _content_start(text)
    if start is None or text[:1] in ("{", "["):
        return None
    document = Member(text)
    document._take_below(start, 0, 0)
    if document.block is None:
        return None
    if is_closed:
        document.block.closed = 2 * _ALL
    return document


def _content_start(text: str) -> int | None:
    """Where the document begins; None if the text has other markers, or line breaks that the patterns do not know."""
    marker = _FIRST_MARKER.match(text)
    start = marker.end() if marker else 0
    has_markers = any(sign in text for sign in _MARKERS) and _MARKER.search(text, start)
    has_breaks = ("\r" in text or not text.isascii()) and _OTHER_BREAK.search(text)
    return None if has_markers or has_breaks or _MARKER.match(text, start) else start


def _is_valid(text: str) -> bool:
    """Whether the parser reads a text to its end."""
    try:
        if has_c_parser():
            parser: Any = importlib.import_module("ruamel.yaml.main").CParser(text)
            parser.raw_parse()
        else:
            deque(YAML(typ="rt", pure=True).parse(text), maxlen=0)
    except PARSER_ERRORS:
        return False
    return True


# What an anchor, alias, tag, explicit key, merge key, or flow mapping that begins with a collection begins with. The
# patterns begin with a class of characters, because Python then searches ten times faster.
_SIGN = re.compile(r"[&*!?<{](?:(?<=[&*!])[^ \r\n]|(?<=[?!])(?:[ \r\n]|\Z)|(?<=<)<|(?<={)[ \r\n]*[\[{])")

# A collection may be a key before a colon, or after a comma, but not in a list.
_COLLECTION_KEY = re.compile(r"[\]},]\s*[:\[{]")
_LIST_OF_COLLECTIONS = re.compile(rf"\[{_WORDS}(?:[\[{{]{_WORDS}[\]}}](?!\s*:){_WORDS})+\]")
_ESCAPE = re.compile(r"\\(?:/|u[dD][89a-fA-F]|U)")

# A block collection begins further to the right than the one around it, except a list below its key.
_MOST_COLUMNS = MAX_DEPTH // 2 - 1
_DEEP = re.compile(rf"\n[- ?:]{{{_MOST_COLUMNS}}}")
_BEFORE_COLLECTIONS = ("[", "{", "- ", "-\n", ":\n", " \n", " #", "\r\n")
"""Every list or mapping but the root begins with one of these, or on the line below."""

_BRACKET = re.compile(r"[\[{\]}]")


def needs_no_tree(source: Source) -> bool:
    """Whether a text that there is `room_of` is valid, and its tree cannot be rejected. The C parser is needed."""
    text = source.text
    return (
        source.encoding == "utf-8"
        and not looks_like_json(source)
        and "\t" not in text
        and (start := _content_start(text)) is not None
        and not any(_may_be_token(text, match.start()) for match in _SIGN.finditer(text, start))
        and not ("\\" in text and _ESCAPE.search(text))
        and not _DEEP.search(text)
        and not _DEEP.match("\n" + text[:_MOST_COLUMNS])
        and _flow_depth(text) <= _MOST_COLUMNS
        and not _COLLECTION_KEY.search(_LIST_OF_COLLECTIONS.sub("[]", text))
        and _is_valid(text)
    )


def _may_be_token(text: str, at: int) -> bool:
    """Whether a token may begin at a sign: only an indicator, bracket or comma and blanks are before it on its line."""
    before = text[max(at - MAX_DEPTH, 0) : at]
    indicator = before.rstrip(" ")
    if text[at] == "<" and indicator == before:
        indicator = before.rstrip("\"'").rstrip(" ")
    return indicator[-1:] in ("", "\n", ":", ",", "[", "{") or (indicator[-1] in "-?" and indicator != before)


def room_of(text: str) -> int:
    """How many characters can surely be added to a text before it has more values or collections than the limits."""
    if len(text) < MAX_FLOW:
        return MAX_FLOW - len(text)
    values, flow = sum(map(text.count, "\n-:,[{")), text.count("[") + text.count("{")
    collections = sum(map(text.count, _BEFORE_COLLECTIONS))
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    of_bytes = (MAX_BYTES - size) // 4  # a character has at most four
    return min(MAX_VALUES - values, MAX_COLLECTIONS - collections, MAX_FLOW - flow, of_bytes) - 2


def _flow_depth(text: str) -> int:
    openings = text.count("[") + text.count("{")
    if openings <= _MOST_COLUMNS:
        return openings
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(text))
    deepest: int = max(accumulate(steps, lambda depth, step: max(depth + step, 0)))
    return deepest
