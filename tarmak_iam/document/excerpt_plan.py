"""What an excerpt of a regular text keeps for some edits, and where their paths lead in it.

What an edit looks at:

- The end of the member above a place, if blank lines, comments or the end of the text are next to the place: they may
  become, or no longer be, part of what is above.
- The members that comments next to a removed one may be about.
- How the members around a place are written, if the new text depends on that.
- Where the content of the items around a new item begins, and whether they are flow collections.
- The first line of what follows: it must still begin the same collection's next member.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from functools import cached_property
from typing import Any

from tarmak_iam.document.edits import Append, Edit, Insert, Move, Remove, Rename, Set, ValueEdit
from tarmak_iam.document.headings import MOST_MEMBERS
from tarmak_iam.document.nodes import Span
from tarmak_iam.document.outline import Level, is_string
from tarmak_iam.document.render import AROUND, depends_on_neighbours
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.routes import Key, Route, Step

_SHORT = 40
"""Members with fewer characters are not shortened."""

_OWNER = compiled(r"[^\n]*: *(?: #[^\n]*)?\n")
"""The first line of a member whose value is on the lines below."""

_KEY_LINE = compiled(r"( *- +)[A-Za-z_][\w ./@+-]*: [^ \n\"'#\[\]{}|>][^\n\"'#\[\]{}]*(?: #[^\n]*)?\n")
"""The first line of an item that begins with a key and its value."""

_GAP = compiled(r" *(?:#|\n|\Z)")

_PART = compiled(r" *#(?:#* *-|[^\n]*:)")

_LONE_DASH = compiled(r" *- *(?: #[^\n]*)?\n")

_COMMENT = compiled(r"#[^\n]*")


class Unsuitable(Exception):
    """These edits need more than an excerpt."""


class _Items:
    """The items of a list, each by a number, while edits insert and remove some. New ones have numbers from `count`
    on."""

    def __init__(self, numbers: Iterable[int], count: int) -> None:
        self.numbers = list(numbers)
        self._next = count

    def insert(self, index: int) -> None:
        self.numbers.insert(index, self._next)
        self._next += 1

    def remove(self, index: int) -> None:
        del self.numbers[index]


@dataclass(eq=False)
class _Kept:
    """What is kept of a level: whole members, members of which the first lines are enough, and parts of members.

    `outer` is the level that it is the value of a member of, and `number` that member. `all`: whether all members are
    kept, whole. `uses` is how many edits lead through or to its members. `is_pruned`: one of them may remove a member
    that it leaves empty. `items`: those of a list after the edits, if some of them insert or remove; `now`: those that
    the excerpt has, after the edits that `ExcerptPlan.in_excerpt` has seen. `depends`: new items depend on what is
    around them.
    """

    level: Level
    owner: int
    outer: _Kept | None = None
    number: int = 0
    all: bool = False
    whole: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    first_lines: set[int] = field(default_factory=set)
    inner: dict[int, _Kept] = field(default_factory=dict)
    uses: int = 0
    is_pruned: bool = False
    items: _Items | None = None
    now: _Items | None = None
    depends: bool = False
    comments: str | None = None

    @property
    def count(self) -> int:
        return len(self.level.lengths)

    @cached_property
    def numbers(self) -> list[int]:
        """The members that are kept, when all edits are known."""
        return sorted({0} | self.whole | self.first_lines | self.inner.keys())

    def span(self, number: int) -> Span:
        starts = self.level.starts
        return Span(self.owner + starts[number], self.owner + starts[number + 1])

    def around(self, number: int) -> range:
        """The numbers of the members around one."""
        return range(max(number - AROUND, 0), min(number + AROUND + 1, self.count))

    def opened(self) -> _Items:
        if self.items is None:
            self.items = _Items(range(self.count), self.count)
        return self.items

    def moved(self) -> _Items:
        if self.now is None:
            self.now = _Items(self.numbers, self.count)
        return self.now

    def position(self, number: int | None) -> int:
        """The index in the excerpt of an item, or of one that is added at the end (None)."""
        if self.items is None:
            assert number is not None
            return bisect_left(self.numbers, number)
        numbers = self.moved().numbers
        return len(numbers) if number is None else numbers.index(number)


_Way = list[tuple[_Kept, int | None]]
"""The levels that a path leads through, and the number of the member in each; None for one that does not exist."""


class ExcerptPlan:
    def __init__(self, text: str, root: Level) -> None:
        self._text = text
        self.root = _Kept(root, 0)
        self.open_above: set[int] = set()

    def add(self, edit: Edit) -> _Way:
        """Keeps what one edit needs."""
        steps = Route.of(edit.path).steps
        if not steps or isinstance(edit, Move):
            raise Unsuitable
        way: _Way = []
        kept: _Kept | None = self.root
        for depth, step in enumerate(steps):
            assert kept is not None
            is_last = depth == len(steps) - 1
            kept.uses += 1
            if is_last and isinstance(edit, Insert):
                way.append((kept, self._insertion(kept, step, edit.value)))
                return way
            number = _number(kept, step)
            if isinstance(edit, Rename) and (number is None or (is_last and not _is_new(kept.level, edit.key))):
                raise Unsuitable
            way.append((kept, number))
            if number is None:
                self._addition(kept, step, edit if is_last else None)
                return way
            if number >= kept.count:
                assert not isinstance(edit, Rename)
                _note_inside_new(kept, steps[depth:], edit)
                return way
            inner = self._inner(kept, number) if not is_last or isinstance(edit, Append) else None
            if inner is None:
                self._change(kept, number, edit, is_last=is_last)
                return way
            if number in kept.whole:  # it may have been set: then this is a part of that value
                kept.whole.update(kept.around(number))
            kept = inner
        assert kept is not None
        assert isinstance(edit, Append)
        kept.uses += 1
        length = len(kept.items.numbers) if kept.items else kept.count
        way.append((kept, self._insertion(kept, length, edit.value)))
        return way

    def _inner(self, kept: _Kept, number: int) -> _Kept | None:
        """The value of a member; None if it is not a collection that can be divided."""
        if number not in kept.inner:
            level = kept.level.member(self._text, kept.owner, number)
            if level is None:
                return None
            kept.inner[number] = _Kept(level, kept.span(number).start, kept, number)
        return kept.inner[number]

    def _change(self, kept: _Kept, number: int, edit: Edit, *, is_last: bool) -> None:
        """Keeps what a change of a member, or of something inside of it, needs. `is_last`: of the member itself."""
        if isinstance(edit, Remove):
            if kept.level.keys is None and is_last:
                kept.opened().remove(kept.opened().numbers.index(number))
            elif kept.level.keys is None:
                kept.is_pruned = kept.is_pruned or edit.prune
            self._removal(kept, number)
            while edit.prune and kept.count == 1 and kept.outer is not None:
                kept, number = kept.outer, kept.number
                kept.is_pruned = True
                self._removal(kept, number)
            return
        if isinstance(edit, Set) and is_last and not depends_on_neighbours({0: edit.value}):
            kept.whole.add(number)
        else:
            kept.whole.update(kept.around(number))
        _keep_following(kept, number + 1)

    def _removal(self, kept: _Kept, number: int) -> None:
        kept.whole.add(number)
        kept.removed.add(number)
        self._keep_commented(kept, number)
        _keep_following(kept, number + 1)

    def _keep_commented(self, kept: _Kept, number: int) -> None:
        """Keeps the members that the comments directly above and below a member, which is kept, may be about.

        In a mapping these may name any key. In a list they are about the items that follow without a gap, and what
        they look like is compared with the names next to them.
        """
        span, column = kept.span(number), kept.level.column
        above, below = self._gap_before(span.start), self._gap_before(span.end)
        is_list = kept.level.keys is None
        is_below_dash = is_list and number == 0 and _LONE_DASH.match(self._text, span.start) is not None
        if is_below_dash or any(_may_be_part(line, column) for line in (*above, *below)):
            kept.whole.update(kept.around(number))
        if is_below_dash or (above and above[0].strip()):
            kept.all = kept.all or not is_list
            kept.whole.update(self._following(kept, number) if is_list else ())

    def _following(self, kept: _Kept, number: int) -> Iterator[int]:
        """The members that follow one without a blank line or comment between them, as far as they are looked at."""
        for following in range(number + 1, min(number + MOST_MEMBERS + 1, kept.count)):
            if self._gap_before(kept.span(following).start):
                return
            yield following

    def _gap_before(self, end: int) -> list[str]:
        """The blank lines and comment lines directly above an offset, from the bottom up."""
        lines = []
        while end:
            start = self._text.rfind("\n", 0, end - 1) + 1
            line = self._text[start:end]
            if not _GAP.match(line):
                break
            lines.append(line)
            end = start
        return lines

    def _keep_end(self, kept: _Kept, number: int) -> None:
        """Keeps the end of a member, and with it the first line of every collection that ends there."""
        inner: _Kept | None = kept
        while inner is not None and number not in inner.whole:
            kept = inner
            span = kept.span(number)
            inner = self._inner(kept, number) if span.end - span.start > _SHORT else None
            if inner is None:
                kept.whole.add(number)
            else:
                number = inner.count - 1

    def _insertion(self, kept: _Kept, index: Step, value: Any) -> int | None:
        """Notes a new item. Returns the number of the item that it is inserted before."""
        if kept.level.keys is not None or not isinstance(index, int):
            raise Unsuitable
        items = kept.opened()
        if not 0 <= index <= len(items.numbers):
            raise Unsuitable
        following = items.numbers[index] if index < len(items.numbers) else None
        if following is not None and following < kept.count:
            kept.first_lines.add(following)
        items.insert(index)
        kept.depends = kept.depends or depends_on_neighbours(value)
        return following

    def _addition(self, kept: _Kept, key: Step, edit: Edit | None) -> None:
        """Keeps what a new key needs. `edit` sets its value, if it has no parents that are missing too."""
        assert isinstance(key, Key)
        if isinstance(edit, Set) and not depends_on_neighbours({key.text: edit.value}):
            self._keep_end(kept, kept.count - 1)
        else:
            kept.whole.update(kept.around(kept.count))
        _keep_following(kept, kept.count)
        if kept.comments is None:
            kept.comments = "\n".join(_COMMENT.findall(self._text, kept.owner, kept.owner + kept.level.starts[-1]))
        if key.text in kept.comments and re.search(rf"#[ \t]*[\"']?{re.escape(key.text)}[\"']?[ \t]*:", kept.comments):
            kept.all = True  # it is added below the line where it was commented out

    def finish(self) -> None:
        """Keeps what depends on all edits."""
        waiting = [self.root]
        while waiting:
            kept = waiting.pop()
            kept.all = kept.all or (kept.is_pruned and kept.uses > 1)
            waiting += kept.inner.values()
            for number in kept.removed:
                if number and number - 1 not in kept.removed:
                    self._keep_above_removed(kept, number)
            if kept.items is not None:
                self._keep_places(kept, kept.items.numbers)

    def _keep_above_removed(self, kept: _Kept, first: int) -> None:
        """Keeps what is above several members that are removed."""
        following = first + 1
        while following in kept.removed:
            following += 1
        self._keep_above(kept, first, following)

    def _keep_above(self, kept: _Kept, at: int, following: int) -> None:
        """Keeps what is above a place: at least the first lines of a member. Between it and the member `following` some
        are removed or inserted.

        Its end may be left out if a line of content is above and below the place, whatever is removed. Otherwise blank
        lines may become part of a block scalar there, and comments may belong to what is above them.
        """
        starts = kept.level.starts[at : following + 1]
        is_end = following == kept.count and kept.owner + starts[-1] == len(self._text)
        if is_end or at - 1 in kept.inner or any(self._gap_before(kept.owner + start) for start in starts):
            self._keep_end(kept, at - 1)
        else:
            kept.first_lines.add(at - 1)
            self.open_above.add(kept.owner + starts[0])

    def _keep_places(self, kept: _Kept, numbers: list[int]) -> None:
        """Keeps what is around the new items, which are written below the last one before them that was there."""
        at, are_new = 0, False
        for number in numbers:
            if number < kept.count:
                if are_new:
                    self._keep_place(kept, at)
                at = number + 1
            are_new = number >= kept.count
        if are_new:
            self._keep_place(kept, kept.count)

    def _keep_place(self, kept: _Kept, at: int) -> None:
        if at:
            self._keep_above(kept, at, at)
        else:
            kept.whole.add(0)
            self._keep_commented(kept, 0)
        (kept.whole if kept.depends else kept.first_lines).update(kept.around(at))
        _keep_following(kept, at)

    def spans(self, kept: _Kept) -> Iterator[Span]:
        """The parts of the text that are kept, some of them more than once."""
        owner, starts, numbers = kept.owner, kept.level.starts, kept.numbers
        if kept.all:
            yield Span(owner, owner + starts[-1])
            return
        last = numbers[-1]
        if not kept.level.accepts(self._text, owner, last if last in kept.whole else last - 1):
            raise Unsuitable
        yield Span(owner, owner + starts[0])
        for number in numbers:
            at, end = owner + starts[number], owner + starts[number + 1]
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
        line = _KEY_LINE.match(self._text, start, end)
        if line:
            width = line.end(1) - start
            below = self._text[line.end() : min(line.end() + width + 1, end)]
            if len(below) > width and below.rfind(" ") == width - 1 and below[width] not in "#\n-":
                return line.end()  # the next key
        inner = kept.level.member(self._text, kept.owner, number)
        if inner is None or not inner.accepts(self._text, start, 0) or self._gap_before(start + inner.start(1)):
            return end
        return start + inner.start(1)

    def in_excerpt(self, edit: Edit, way: _Way) -> Edit:
        """The edit with a path in the excerpt. The edits before it were given before."""
        steps = list(Route.of(edit.path).steps)
        for depth, (kept, number) in enumerate(way):
            if kept.all:
                break
            if depth == len(steps):
                kept.moved().insert(len(kept.moved().numbers))
            elif isinstance(steps[depth], int):
                steps[depth] = index = kept.position(number)
                if depth == len(steps) - 1 and isinstance(edit, Insert):
                    kept.moved().insert(index)
                elif depth == len(steps) - 1 and isinstance(edit, Remove):
                    kept.moved().remove(index)
            if number in kept.whole:
                break
        return replace(edit, path=Route(tuple(steps)))


def _is_new(level: Level, key: str) -> bool:
    """Whether a mapping surely does not have the key."""
    return level.keys is not None and is_string(key) and key not in level.keys


def _note_inside_new(kept: _Kept, steps: tuple[Step, ...], edit: ValueEdit) -> None:
    """Notes an edit of a new item, or of something inside of it. The first of the steps leads to the item."""
    index, *rest = steps
    if isinstance(edit, Remove):
        if not rest:
            assert isinstance(index, int)
            kept.opened().remove(index)
        return
    value = [edit.value] if isinstance(edit, Append) else edit.value
    for step in reversed(rest):
        value = {step.text: value} if isinstance(step, Key) else [value]
    kept.depends = kept.depends or depends_on_neighbours(value)


def _may_be_part(line: str, column: int) -> bool:
    """Whether a comment line may be a key or item that was commented out, or part of the member above it: then the
    names next to it decide. Blank lines may not."""
    indentation = len(line) - len(line.lstrip(" "))
    return _PART.match(line) is not None or (indentation > column and line.strip() != "")


def _keep_following(kept: _Kept, number: int) -> None:
    """Keeps the first line of what follows in the text: that of a member, if there is one with that number."""
    while number == kept.count:
        if kept.outer is None:
            return
        kept, number = kept.outer, kept.number + 1
    kept.first_lines.add(number)


def _number(kept: _Kept, step: Step) -> int | None:
    """The number of the member that a step leads to; None for a key that does not exist."""
    keys = kept.level.keys
    if isinstance(step, int):
        numbers = kept.items.numbers if kept.items else range(kept.count)
        if keys is not None or not 0 <= step < len(numbers):
            raise Unsuitable
        return numbers[step]
    if keys is None or step.occurrence >= 0 or not is_string(step.text):
        raise Unsuitable
    return keys.get(step.text)
