"""The part of a regular text that edits concern, as a text of its own: whole lines, in order, and nothing added.

It has the members that the edits change, the members around them, and the first line of every collection on the way
there, in which all columns are as in the whole text. Edits of the excerpt therefore are edits of the whole text as long
as they do not touch a place where lines were left out. What is left out is not read again.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import field, replace
from functools import cached_property
from itertools import accumulate

from tarmak_iam.document.edits import Append, Edit, Insert, Move, Remove, Rename
from tarmak_iam.document.nodes import Span
from tarmak_iam.document.outline import Level, is_string
from tarmak_iam.document.render import AROUND
from tarmak_iam.document.splices import Splice, joined_spans
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.routes import Key, Route, Step

_SHORT = 120
"""Members with fewer characters are not shortened."""

_OWNER = compiled(r"[^\n]*: *(?: #[^\n]*)?\n")
"""The first line of a member whose value is on the lines below."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """An excerpt of a text. `kept` are its parts of the whole text, in order; `edits` have their paths in the
    excerpt."""

    text: str
    kept: tuple[Span, ...]
    edits: tuple[Edit, ...]

    def offset(self, at: int) -> int:
        """The offset in the whole text of a character of the excerpt."""
        for span in self.kept:
            if at < span.end - span.start:
                return span.start + at
            at -= span.end - span.start
        return self.kept[-1].end + at

    def in_whole(self, splices: Iterable[Splice], length: int) -> list[Splice] | None:
        """The splices of the excerpt as splices of the whole text, which has a length. None if one of them touches a
        place where lines are left out."""
        begins = list(accumulate((span.end - span.start for span in self.kept), initial=0))
        result = []
        for splice in splices:
            number = min(bisect_right(begins, splice.start), len(self.kept)) - 1
            span, begin, end = self.kept[number], begins[number], begins[number + 1]
            if (splice.start <= begin and span.start > 0) or (splice.end >= end and span.end < length):
                return None
            shift = span.start - begin
            result.append(Splice(splice.start + shift, splice.end + shift, splice.text))
        return result


def excerpt_for(text: str, root: Level, edits: Collection[Edit]) -> Excerpt | None:
    """The excerpt for the edits of a text; None if they need the whole text."""
    plan = _Plan(text, root)
    kinds = {type(edit) for edit in edits}
    if Move in kinds or (Rename in kinds and len(kinds) > 1):
        return None
    try:
        for edit in edits:
            plan.add(edit)
        plan.keep_shifted_lists()
        spans = tuple(joined_spans(plan.spans(plan.root)))
        if sum(span.end - span.start for span in spans) > len(text) * 0.9:
            return None
        rewritten = tuple(plan.in_excerpt(edit) for edit in edits)
    except _Unsuitable:
        return None
    return Excerpt("".join([text[start:end] for start, end in spans]), spans, rewritten)


class _Unsuitable(Exception):
    """These edits need more than an excerpt."""


@dataclass(eq=False)
class _Kept:
    """What is kept of a level: whole members, members of which the first lines are enough, and parts of members.

    `all`: whether all members are kept, whole. `uses` is how many edits lead through or to its members, `shifts`
    whether one of them may shift the indices of the others.
    """

    level: Level
    owner: int
    all: bool = False
    whole: set[int] = field(default_factory=set)
    first_lines: set[int] = field(default_factory=set)
    inner: dict[int, _Kept] = field(default_factory=dict)
    uses: int = 0
    shifts: bool = False

    @property
    def count(self) -> int:
        return len(self.level.lengths)

    @cached_property
    def numbers(self) -> list[int]:
        """The members that are kept, when all edits are known."""
        return sorted(self.whole | self.first_lines | self.inner.keys())

    def keep(self, first: int, last: int) -> None:
        """Keeps the members from `first` to `last`, as far as there are such members."""
        self.whole.update(range(max(first, 0), min(last + 1, self.count)))
        if self.count:
            self.first_lines.add(0)


class _Plan:
    def __init__(self, text: str, root: Level) -> None:
        self._text = text
        self.root = _Kept(root, 0)

    def add(self, edit: Edit) -> None:
        """Keeps what one edit needs."""
        steps = Route.of(edit.path).steps
        if not steps:
            raise _Unsuitable
        way: list[tuple[_Kept, int]] = []
        kept: _Kept | None = self.root
        for depth, step in enumerate(steps):
            assert kept is not None
            is_last = depth == len(steps) - 1
            kept.uses += 1
            if is_last and isinstance(edit, Insert):
                return self._insertion(way, kept, step)
            number = _number(kept.level, step)
            if isinstance(edit, Rename) and (number is None or (is_last and not _is_new(kept.level, edit.key))):
                raise _Unsuitable
            if number is None:
                return self._addition(way, kept, step)
            if not kept.level.accepts(self._text, kept.owner, number - 1):
                raise _Unsuitable
            inner = self._inner(kept, number) if not is_last or isinstance(edit, Append) else None
            if inner is None:
                return self._change(way, kept, number, edit)
            kept.first_lines.add(0)
            way.append((kept, number))
            kept = inner
        assert kept is not None
        kept.uses += 1
        return self._insertion(way, kept, kept.count)

    def _inner(self, kept: _Kept, number: int) -> _Kept | None:
        """The value of a member; None if it is not a collection that can be divided."""
        if number not in kept.inner:
            level = kept.level.member(self._text, kept.owner, number)
            if level is None:
                return None
            kept.inner[number] = _Kept(level, kept.owner + kept.level.start(number))
        return kept.inner[number]

    def _change(self, way: list[tuple[_Kept, int]], kept: _Kept, number: int, edit: Edit) -> None:
        self._keep_around(way, kept, number - AROUND, number + AROUND, number + 1)
        if isinstance(edit, Remove):
            self._removal(kept, number)
            while edit.prune and kept.count == 1 and way:
                kept, number = way.pop()
                self._keep_around(way, kept, number - 1, number + 1, number + 1)
                self._removal(kept, number)

    def _removal(self, kept: _Kept, number: int) -> None:
        """A comment above what is removed may also be about other members, which it names."""
        kept.shifts = kept.level.keys is None
        line = self._text.rfind("\n", 0, max(kept.owner + kept.level.start(number) - 1, 0)) + 1
        if self._text[line:].lstrip(" ").startswith("#"):
            kept.all = True

    def _insertion(self, way: list[tuple[_Kept, int]], kept: _Kept, index: Step) -> None:
        if not isinstance(index, int) or kept.level.keys is not None or not 0 <= index <= kept.count:
            raise _Unsuitable
        kept.shifts = kept.shifts or index < kept.count
        self._keep_around(way, kept, index - AROUND, index + AROUND, index)

    def _addition(self, way: list[tuple[_Kept, int]], kept: _Kept, key: Step) -> None:
        if not isinstance(key, Key):
            raise _Unsuitable
        self._keep_around(way, kept, kept.count - AROUND, kept.count - 1, kept.count)
        end = kept.owner + kept.level.start(kept.count)
        if re.search(rf"#[ \t]*[\"']?{re.escape(key.text)}[\"']?[ \t]*:", self._text[kept.owner : end]):
            kept.all = True  # it is added below the line where it was commented out

    def _keep_around(self, way: list[tuple[_Kept, int]], kept: _Kept, first: int, last: int, following: int) -> None:
        """Keeps members of a level, and the first line of what follows in the text."""
        if not kept.level.accepts(self._text, kept.owner, min(following, kept.count) - 1):
            raise _Unsuitable
        kept.keep(first, last)
        for outer, number in [*way, (kept, following - 1)][::-1]:
            if number + 1 < outer.count:
                outer.first_lines.add(number + 1)
                break

    def keep_shifted_lists(self) -> None:
        """Keeps lists whole if an edit shifts indices in them that another edit uses."""
        waiting = [self.root]
        while waiting:
            kept = waiting.pop()
            kept.all = kept.all or (kept.shifts and kept.uses > 1)
            waiting += kept.inner.values()

    def spans(self, kept: _Kept) -> Iterator[Span]:
        """The parts of the text that are kept, some of them more than once."""
        level, at, before = kept.level, kept.owner + kept.level.head, 0
        if kept.all:
            yield Span(kept.owner, at + sum(level.lengths))
            return
        yield Span(kept.owner, at)
        for number in kept.numbers:
            at += sum(level.lengths[before:number])
            before, end = number, at + level.lengths[number]
            if number in kept.whole:
                yield Span(at, end)
            elif number in kept.inner:
                yield from self.spans(kept.inner[number])
            else:
                yield Span(at, self._first_lines(kept, number, at, end))

    def _first_lines(self, kept: _Kept, number: int, start: int, end: int) -> int:
        """The end of the first lines of a member that are valid without the others."""
        if end - start <= _SHORT:
            return end
        if kept.level.keys is not None:
            line = _OWNER.match(self._text, start, end)
            return line.end() if line else end
        inner = kept.level.member(self._text, kept.owner, number)
        if inner is None or not inner.accepts(self._text, start, 0):
            return end
        return start + inner.start(1)

    def in_excerpt(self, edit: Edit) -> Edit:
        """The edit with a path in the excerpt."""
        steps = list(Route.of(edit.path).steps)
        kept: _Kept | None = self.root
        for depth, step in enumerate(steps):
            if kept is None or kept.all:
                break
            number = step if isinstance(step, int) else (kept.level.keys or {}).get(step.text)
            if isinstance(step, int):
                steps[depth] = bisect_left(kept.numbers, step)
            kept = None if number is None or number in kept.whole else kept.inner.get(number)
        return replace(edit, path=Route(tuple(steps)))


def _is_new(level: Level, key: str) -> bool:
    """Whether a mapping surely does not have the key."""
    return level.keys is not None and is_string(key) and key not in level.keys


def _number(level: Level, step: Step) -> int | None:
    """The number of the member that a step leads to; None for a key that does not exist."""
    if isinstance(step, int):
        if level.keys is not None or not 0 <= step < len(level.lengths):
            raise _Unsuitable
        return step
    if level.keys is None or step.occurrence >= 0 or not is_string(step.text):
        raise _Unsuitable
    return level.keys.get(step.text)
