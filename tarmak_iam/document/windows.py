"""The part of a text that an edit looks at, as a text of its own: docs/editing.md, "Why an edit can be trusted".

What is left out does not change, and by `blocks` it means the same after the edit. So an edit costs what it changes.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tarmak_iam.document.blocks import Block, Member, document_of, key_of, members_in
from tarmak_iam.document.edits import AddKeys, AnyEdit, Append, Arrange, ChangeItems, Insert, Move, Remove, Rename, Set
from tarmak_iam.document.render import AROUND, depends_on_neighbours
from tarmak_iam.document.splices import Splice, apply_splices, splice_order
from tarmak_iam.routes import Key, Route, Step

_SHORT = 120
"""A member of so many characters is read as a whole."""

# A comment or blank line at the end of a member.
_TAIL = re.compile(r"\n[ ]*(?:#[^\n]*)?\r?\n\Z")


class Unsuitable(Exception):
    """The edit needs the whole text."""


@dataclass(slots=True, eq=False)
class _Kept:
    """What a window has of a block: some members as a whole, and of others only members of their blocks."""

    block: Block
    outer: tuple[_Kept, int] | None = None
    """The block around it, with the number of the member that this one is the value of."""
    whole: set[int] = field(default_factory=set)
    inner: dict[int, _Kept] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)  # the numbers of all of them, when nothing more is kept

    def enter(self, number: int) -> _Kept | None:
        """Keeps a part of a member: that of its block. None if it is kept as a whole."""
        block = self.block.value(number)
        if number in self.whole or block is None:
            self.whole.add(number)
            return None
        if number not in self.inner:
            self.inner[number] = _Kept(block, (self, number))
            if not block.begins_line:  # behind a dash is the first member, or nothing
                self.inner[number].keep_end(0)
        return self.inner[number]

    def keep(self, numbers: Collection[int]) -> None:
        """Keeps members as a whole."""
        for number in numbers:
            if 0 <= number < len(self.block.members):
                self.whole.add(number)
                self.inner.pop(number, None)

    def keep_end(self, number: int) -> None:
        """Keeps the end of a member, and with it the first line of every block that ends there."""
        if not 0 <= number < len(self.block.members) or number in self.whole:
            return
        if self.block.members[number].size <= _SHORT:
            self.keep((number,))
        elif inner := self.enter(number):
            inner.keep_end(len(inner.block.members) - 1)


@dataclass(slots=True)
class _Segment:
    """A part of the window: the lead of a member, or all of it; without `kept` the lead of the document. `adjoins`:
    nothing is left out before it. `stands_in`: it is only in the window, for what is left out there."""

    kept: _Kept | None
    number: int
    start: int
    end: int
    adjoins: bool
    stands_in: bool = False


class Window:
    """A window of a document for some edits. Raises Unsuitable."""

    def __init__(self, document: Member, edits: Iterable[AnyEdit]) -> None:
        if document.block is None:
            raise Unsuitable
        self._document = document
        self._root = _Kept(document.block)
        try:
            for edit in edits:
                self._look_at(edit)
        except (KeyError, IndexError):
            raise Unsuitable from None
        self._segments = [_Segment(None, 0, 0, len(document.lead), adjoins=True)]
        self.text = "".join([document.lead, *self._pieces(self._root)])
        self._ends = [segment.end for segment in self._segments]

    def _look_at(self, edit: AnyEdit) -> None:
        """Keeps what an edit looks at. Raises KeyError if only a parser can tell."""
        steps = Route.of(edit.path).steps
        if isinstance(edit, Move):
            self._look_at_move(steps, Route.of(edit.to).steps)
        elif isinstance(edit, Rename):
            kept, _ = (way := self._look_around(steps, edit.key))[-1]
            if len(way) == len(steps) and kept.block.place(Key(edit.key)) < len(kept.block.members):
                raise Unsuitable
        else:
            for place, value, stays in _places(edit, steps):
                kept, _ = self._look_around(place, value, stays=stays)[-1]
                kept.keep(range(len(edit.order) + 1) if isinstance(edit, Arrange) else ())

    def _look_around(self, steps: Sequence[Step | None], value: Any, *, stays: bool = True) -> list[tuple[_Kept, int]]:
        """Keeps a place and what is next to it: the end of the member above, and more if new text is written like it.
        If it is the only member of its block and may not stay, what is next to the block too."""
        way = self._way(steps)
        block, number, step = way[-1][0].block, way[-1][1], steps[len(way) - 1]
        is_like = bool(value) if isinstance(value, (dict, list)) else depends_on_neighbours(value)
        if len(way) < len(steps):  # new parents of the value may be written like members next to a scalar
            is_like = number == len(block.members) or block.value(number) is None
        elif isinstance(step, Key) and number == len(block.members):
            is_like = is_like or depends_on_neighbours(step.text)
        for kept, place in reversed(way):
            kept.keep(range(place - AROUND, place + AROUND + 1) if is_like else (place,))
            if stays and place < len(kept.block.members):
                break
            kept.keep_end(place - 1)
            kept.keep((1,) if place == 0 else ())
            is_like = False
            if stays or len(kept.block.members) > 1:
                break
        return way

    def _look_at_move(self, steps: tuple[Step, ...], to: tuple[Step, ...]) -> None:
        way = self._look_around(steps, None, stays=False)
        kept, number = way[-1]
        if isinstance(to[-1], int) and to[:-1] == steps[:-1] and len(way) == len(steps):
            first, last = min(number, to[-1]), max(number, to[-1])
            if any(_TAIL.search(kept.block.members[place].text) for place in range(first, last)):
                kept.keep(range(first, last + 1))
            for place in (to[-1] - 1, to[-1], to[-1] + 1):
                kept.keep_end(place)
        elif _shifts(steps, to) or _shifts(to, steps):
            raise Unsuitable
        else:
            value = [None] if isinstance(to[-1], int) and isinstance(steps[-1], Key) else None
            self._look_around(to, value, stays=isinstance(to[-1], Key))

    def _way(self, steps: Sequence[Step | None]) -> list[tuple[_Kept, int]]:
        """The blocks on the way to a place, each with the number of the member that the way goes on in; the last one
        may be that of a new member. It ends in a member that is read as a whole. The step None is the end of a list."""
        way: list[tuple[_Kept, int]] = []
        kept: _Kept | None = self._root
        for step in steps:
            if kept is None:
                break
            number = kept.block.place(step)
            way.append((kept, number))
            if number == len(kept.block.members):
                break
            is_whole = number in kept.whole or kept.block.members[number].size <= _SHORT
            kept = None if is_whole else kept.enter(number)
        if not way:
            raise Unsuitable
        return way

    def _pieces(self, kept: _Kept) -> Iterator[str]:
        block, next_number = kept.block, 0
        numbers = kept.order = sorted(kept.whole | kept.inner.keys())
        # Where a member ends that is kept in parts does not matter: what follows the parts is a stand-in.
        if not numbers or not block.is_closed(numbers[-1] - (numbers[-1] in kept.inner)):
            raise Unsuitable
        if not block.begins_line and numbers[0]:
            raise Unsuitable
        for number in numbers:
            member, inner = block.members[number], kept.inner.get(number)
            yield self._piece(
                kept, number, member.text if inner is None else member.lead, adjoins=number == next_number
            )
            next_number = number + 1
            yield from () if inner is None else self._pieces(inner)
        if numbers[-1] + 1 < len(block.members):  # the block does not end there
            text = " " * block.column + ("- 0\n" if block.keys is None else "following-0: 0\n")
            yield self._piece(kept, numbers[-1] + 1, text, adjoins=True, stands_in=True)

    def _piece(self, kept: _Kept, number: int, text: str, *, adjoins: bool, stands_in: bool = False) -> str:
        start = self._segments[-1].end
        self._segments.append(_Segment(kept, number, start, start + len(text), adjoins, stands_in))
        return text

    def inside(self, edit: AnyEdit) -> AnyEdit:
        """The same edit of the window."""
        path = Route.of(edit.path)
        there = edit._replace(path=self._inside(path))
        if isinstance(there, Move):
            return there._replace(to=self._inside(Route.of(there.to)))
        if isinstance(there, ChangeItems):
            added = {self._index(path / index): new for index, new in there.added.items()}
            return there._replace(added=added, gone=tuple([self._index(path / index) for index in there.gone]))
        return there

    def _index(self, route: Route) -> int:
        step = self._inside(route).steps[-1]
        assert isinstance(step, int)
        return step

    def _inside(self, route: Route) -> Route:
        """A route of the document in the window."""
        steps: list[Step] = []
        kept: _Kept | None = self._root
        for step in route.steps:
            steps.append(step if kept is None or isinstance(step, Key) else bisect_left(kept.order, step))
            kept = None if kept is None else kept.inner.get(kept.block.place(step))
        return Route(tuple(steps))

    def offset(self, offset: int) -> int:
        """An offset of the window in the text of the document."""
        segment = next((segment for segment in self._segments if offset < segment.end), self._segments[-1])
        at, kept = offset - segment.start, segment.kept
        if kept is None:
            return offset
        at += sum([member.size for member in kept.block.members[: segment.number]])
        while kept.outer is not None:
            kept, number = kept.outer
            at += sum([member.size for member in kept.block.members[:number]]) + len(kept.block.members[number].lead)
        return at + len(self._document.lead)

    def edited(self, splices: list[Splice]) -> Member:
        """The document after splices of the window. Raises Unsuitable if they touch a place that leaves lines out."""
        parts: list[list[Splice]] = [[] for _ in self._segments]
        for splice in sorted(splices, key=splice_order):
            self._divide(splice, parts)
        texts = dict[tuple[int, int], str]()
        for segment, inside in zip(self._segments, parts, strict=True):
            if inside and segment.stands_in:
                raise Unsuitable
            if inside:
                moved = [splice.moved(-segment.start) for splice in inside]
                texts[id(segment.kept), segment.number] = apply_splices(self.text[segment.start : segment.end], moved)
        lead = texts.pop((id(None), 0), None)
        block, before = _rebuilt(self._root, texts)
        if block is None or lead is not None:
            text = (self._document.lead if lead is None else lead) + before + (block.text if block else "")
            return document_of(text) or Member(text)
        return Member(self._document.lead + before, block)

    def _divide(self, splice: Splice, parts: list[list[Splice]]) -> None:
        """Gives each segment its part of a splice. New text between two is part of the first, unless that is a lead."""
        if splice.end > self._segments[-1].end:
            raise Unsuitable
        text, is_given = splice.text, False
        first = bisect_left(self._ends, splice.start)
        for number, segment in enumerate(self._segments[first:], first):
            part = parts[number]
            if segment.start > splice.end:
                break
            if splice.start == splice.end:
                following = self._segments[number + 1] if number + 1 < len(parts) else None
                is_lead = segment.kept is None or segment.number in segment.kept.inner
                passes_on = segment.end == splice.start and is_lead and following is not None and following.adjoins
                if splice.start <= segment.end and not passes_on:
                    part.append(splice)
                    return
            elif splice.start < segment.end and segment.start < splice.end:
                if is_given and not segment.adjoins:
                    raise Unsuitable
                part.append(Splice(max(splice.start, segment.start), min(splice.end, segment.end), text))
                text, is_given = "", True


def _rebuilt(kept: _Kept, texts: dict[tuple[int, int], str]) -> tuple[Block | None, str]:
    """A block after changes of its parts, and the lines before its first member. If it cannot be divided as before,
    there is no block, and the lines are all of it."""
    block, new, lines = kept.block, dict[int, Member](), dict[int, str]()
    for number in kept.order:
        member, inner, changed = block.members[number], kept.inner.get(number), texts.get((id(kept), number))
        if inner is None:
            if changed is not None:
                lines[number] = changed
            continue
        inside, before = _rebuilt(inner, texts)
        if changed is not None or inside is None:
            lines[number] = (member.lead if changed is None else changed) + before + (inside.text if inside else "")
        elif inside is not inner.block:
            new[number] = Member(member.lead + before, inside)
    return _with_lines(block, new, lines) if lines or new else (block, "")


def _with_lines(block: Block, new: dict[int, Member], lines: dict[int, str]) -> tuple[Block | None, str]:
    """A block with new members, and with changed lines of others, which are divided again."""
    parts: dict[int, list[tuple[str | None, Member]]] = {}
    before = ""
    waiting = sorted(lines)
    while waiting and (block.begins_line or 0 not in lines):
        number = waiting[-1]
        divided = members_in(lines[number], block.column, is_list=block.keys is None)
        if divided is None:
            break
        before, parts[waiting.pop()] = divided
        if before and number:  # they are below the member before it now
            lines[number] = lines[number][len(before) :]
            if number - 1 not in lines:
                lines[number - 1] = new.pop(number - 1, block.members[number - 1]).text
                waiting.append(number - 1)
            lines[number - 1] += before
    for number, member in new.items():
        at = block.column if block.begins_line or number else 0
        parts[number] = [(None if block.keys is None else key_of(member.lead, at), member)]
    if not waiting and (result := block.with_members(parts)):
        return result, before
    texts = [lines.get(number, new.get(number, member).text) for number, member in enumerate(block.members)]
    return None, "".join(texts)


def _shifts(first: tuple[Step, ...], other: tuple[Step, ...]) -> bool:
    """Whether removing or adding the item at one path shifts an index of the other one."""
    at = len(first) - 1
    return isinstance(first[at], int) and len(other) > at and other[:at] == first[:at]


def _places(edit: AnyEdit, steps: tuple[Step, ...]) -> list[tuple[tuple[Step | None, ...], Any, bool]]:
    """The places that an edit looks around, each with what is written there, and whether a member stays there."""
    if isinstance(edit, AddKeys):
        return [((*steps, Key(key)), value, True) for key, value in edit.members.items()]
    if isinstance(edit, ChangeItems):
        added = [((*steps, index), values, False) for index, values in edit.added.items()]
        return [*added, *(((*steps, index), None, False) for index in edit.gone)]
    if isinstance(edit, (Remove, Arrange)):
        return [(steps if isinstance(edit, Remove) else (*steps, None), None, False)]
    if not isinstance(edit, (Append, Set, Insert)):
        raise Unsuitable
    place = (*steps, None) if isinstance(edit, Append) else steps
    # Where the content of an item begins, the items around show, whatever it is.
    value = edit.value if place and isinstance(place[-1], Key) else [edit.value]
    return [(place, value, not isinstance(edit, Insert))]
