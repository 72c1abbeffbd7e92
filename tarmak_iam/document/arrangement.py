"""Reorders the items of a list together with their comments.

- Comments of an item (see `comments` and `headings`) move with it, and so does a heading over it alone.
- A banner, or a paragraph of comments apart, heads a section: the items up to the next one. A heading without a blank
  line below it heads the items that it may be about. It stays above its section: over the items in their new order if
  they stay together, whether the section moves or not, and otherwise over the longest run of them. Of runs that are as
  long, the one with more items that stay in place has the heading. If it is neither a banner nor a title, a heading
  directly above an item of several lines moves with that item instead: it is most likely about that one.
- A heading over all items, comments at the end of the list, and what was commented out stay where they are.
- Blank lines stay between the same places, or between the sections if sections move.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence as SequenceOf
from dataclasses import replace
from itertools import pairwise

from tarmak_iam.document.comment_words import Words
from tarmak_iam.document.comments import below_deeper_comments, holds_comments, member_lines
from tarmak_iam.document.headings import (
    SHORT_TITLE,
    has_lines,
    heads_section,
    heads_the_document,
    is_banner,
    prose_lines,
    section,
    subjects,
)
from tarmak_iam.document.nodes import Node, Scalar, Sequence, Span
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import (
    Splice,
    apply_splices,
    code_end,
    column,
    joined_spans,
    keeps_line_ends,
    last_leaf,
    member_start,
    next_line_after,
    owns_line_end,
    starts_line,
    unended_scalar,
)
from tarmak_iam.document.target import Target
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines of the list that keep together: an item (`number`), or the heading over the items `members`.

    `with_first`: if other items get between the members, the heading stays above the first one. `patches` are changes
    inside of the item, which move with it.
    """

    span: Span
    number: int | None = None
    members: tuple[int, ...] = ()
    comments: tuple[Comment, ...] = ()
    with_first: bool = False
    patches: tuple[Splice, ...] = ()

    def text(self, source: Source) -> str:
        """The lines with their patches."""
        start, end = self.span
        return apply_splices(source.text[start:end], [patch.moved(-start) for patch in self.patches])


def can_be_reordered(target: Target) -> bool:
    """Whether every item of the list is on its own lines."""
    node, source = target.node, target.tree.source
    assert isinstance(node, Sequence)
    starts = (member_start(source, node, number) for number in range(len(node.items)))
    return not node.flow and all(starts_line(source, start) for start in starts)


def can_change_places(target: Target) -> bool:
    """Whether the items can be written at the places of each other: those of a flow collection that has no comments, or
    the lines of a block list that has comments only on these lines."""
    node, tree = target.node, target.tree
    assert isinstance(node, Sequence)
    if node.flow:
        return not holds_comments(tree, node)
    if any(_needs_its_place(tree, last_leaf(item)) for item in node.items):
        return False
    places = [_place_of(target, number) for number in range(len(node.items))]
    gaps = [Span(before.end, after.start) for before, after in pairwise(places)]
    gaps.append(Span(places[-1].end, end_with_comments(tree, node)))
    return not any(gap.start < at < gap.end for gap in gaps for at in tree.own_lines)


def end_with_comments(tree: Tree, node: Sequence) -> int:
    """The offset below a block list, its comments, and the comment lines below that are indented deeper than it."""
    start = member_start(tree.source, node, 0)
    return below_deeper_comments(tree, next_line_after(tree.source, node), column(tree.source, start))


def _needs_its_place(tree: Tree, leaf: Node) -> bool:
    """Whether what ends an item may have another value elsewhere: blank lines below a block scalar or the missing end
    of the last line belong to it."""
    if not (isinstance(leaf, Scalar) and leaf.is_block):
        return False
    return keeps_line_ends(tree.source, leaf) or not tree.source.ends_line(len(tree.source.text))


def _place_of(target: Target, number: int) -> Span:
    """The text of an item: in a block list all of its lines, from its dash to the comment behind it."""
    node, source = target.node, target.tree.source
    assert isinstance(node, Sequence)
    if node.flow:
        return node.items[number].span
    return Span(member_start(source, node, number), source.line_end(code_end(source, node.items[number])))


def reorder_items(
    target: Target, order: SequenceOf[int], patches: MappingOf[int, Iterable[Splice]] | None = None
) -> list[Splice]:
    """Reorders a list. `order` has the current index of every item, in the new order. Most lines stay in place.

    `patches` are changes inside of items, by their current index; they move with the item.
    """
    source, node = target.tree.source, target.node
    assert isinstance(node, Sequence)
    if not can_be_reordered(target):
        return list(_changing_places(target, order, patches or {}))
    parts = _parts(target.tree, node, patches or {})
    new = _arranged(parts, order)
    staying = set(longest_ascent(new))
    paragraphs = _paragraphs(source, parts)
    headings = [number for number, part in enumerate(parts) if part.members]
    is_ended = source.ends_line(parts[-1].span.end)
    if is_ended and staying.issuperset(headings) and {paragraphs[each] for each in staying} == set(paragraphs):
        return _moves(source, parts, new, staying, paragraphs)
    return _rewritten(source, node, parts, new)


def _changing_places(
    target: Target, order: SequenceOf[int], patches: MappingOf[int, Iterable[Splice]]
) -> Iterator[Splice]:
    """Writes the text of each item at the place of another one."""
    source = target.tree.source
    for place, number in enumerate(order):
        item = _Part(_place_of(target, number), number, patches=tuple(patches.get(number, ())))
        yield Splice(*_place_of(target, place), item.text(source))


def _parts(tree: Tree, node: Sequence, patches: MappingOf[int, Iterable[Splice]]) -> list[_Part]:
    """The headings and items, in order."""
    parts: list[_Part] = []
    for number in range(len(node.items)):
        lines = member_lines(tree, node, number)
        above = parts[-1].span.end if parts else _top(tree, lines.start)
        heading = _heading(tree, node, number, Span(above, lines.start))
        parts += [heading] if heading else []
        parts.append(_Part(lines, number, patches=tuple(patches.get(number, ()))))
    if parts[0].members and heads_the_document(tree, parts[0].comments[0]) and not _is_one_of_several(tree, parts):
        del parts[0]
    return parts


def _top(tree: Tree, line: int) -> int:
    """The beginning of the comment and blank lines above a line."""
    source = tree.source
    while line:
        above = source.line_start(line - 1)
        text = source.text[above : source.line_end(above)]
        if text.strip() and above + len(text) - len(text.lstrip()) not in tree.own_lines:
            break
        line = above
    return line


def _heading(tree: Tree, node: Sequence, number: int, gap: Span) -> _Part | None:
    """The heading between an item and the one before it, with the blank lines below it."""
    comments = prose_lines(tree, node, number, gap)
    if not comments:
        return None
    source, item = tree.source, node.items[number]
    is_about_one = len(Words.of(comments).tokens) > SHORT_TITLE and has_lines(tree, item)
    is_section = heads_section(tree, comments, gap.end)
    members = section(tree, node, number) if is_section else subjects(tree, node, number, comments)
    start = source.line_start(comments[0].span.start)
    return _Part(Span(start, gap.end), None, tuple(members), tuple(comments), is_about_one and not is_section)


def _is_one_of_several(tree: Tree, parts: list[_Part]) -> bool:
    """Whether the first heading is a banner, and there is another one between the items."""
    inside = Span(parts[1].span.end, parts[-1].span.start + 1)
    others = (comment for comment in tree.own_lines.values() if inside.start <= comment.span.start < inside.end)
    return any(map(is_banner, parts[0].comments)) and any(map(is_banner, others))


def _arranged(parts: list[_Part], order: SequenceOf[int]) -> list[int]:
    """The indices of the parts in their new order: `order` with the headings above their items."""
    items = {part.number: index for index, part in enumerate(parts)}
    places = {number: place for place, number in enumerate(order)}
    staying = set(longest_ascent(order))
    above = defaultdict[int, list[int]](list)
    for index, part in enumerate(parts):
        if part.members:
            above[_place(part, order, places, staying)].append(index)
    return [index for place, number in enumerate(order) for index in (*above[place], items[number])]


def _place(heading: _Part, order: SequenceOf[int], places: dict[int, int], staying: set[int]) -> int:
    """The place in the new order whose item the heading is above."""
    runs: list[list[int]] = []
    for place in sorted(places[member] for member in heading.members):
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    if heading.with_first and len(runs) > 1:
        return places[heading.members[0]]
    return max(runs, key=lambda run: (len(run), sum(order[place] in staying for place in run)))[0]


def _paragraphs(source: Source, parts: list[_Part]) -> list[int]:
    """For each part the number of its paragraph: blank lines are between paragraphs."""
    numbers = [0]
    for before, part in pairwise(parts):
        gap = source.text[before.span.end : part.span.start]
        numbers.append(numbers[-1] + any(not line.strip() for line in gap.splitlines()))
    return numbers


def _moves(
    source: Source, parts: list[_Part], new: list[int], staying: set[int], paragraphs: list[int]
) -> list[Splice]:
    """Cuts out the parts that move, and inserts them between those that stay."""
    cuts = joined_spans(parts[index].span for index in new if index not in staying)
    moved = defaultdict[int, str](str)
    for above, run, below in _runs(new, staying):
        following = parts[below].span.start if below is not None else parts[-1].span.end
        at = following if above is None else parts[above].span.end
        for index in run:
            if above is None or paragraphs[index] != paragraphs[above]:
                at = following  # only what moves within its paragraph stays above the blank line that ends it
            moved[at] += parts[index].text(source)
    inside = [splice for index in staying for splice in parts[index].patches]
    return inside + [Splice(*cut, "") for cut in cuts] + [Splice(at, at, text) for at, text in moved.items()]


def _runs(new: list[int], staying: set[int]) -> Iterator[tuple[int | None, list[int], int | None]]:
    """The parts that move to the same place, in order, with the part that stays above them and the one below."""
    above: int | None = None
    run: list[int] = []
    for index in new:
        if index not in staying:
            run.append(index)
            continue
        yield above, run, index
        above, run = index, []
    yield above, run, None


def _rewritten(source: Source, node: Sequence, parts: list[_Part], new: list[int]) -> list[Splice]:
    """Writes the parts, from the first to the last one that moves, in the new order."""
    first = next(index for index, each in enumerate(new) if index != each)
    last = next(index for index, each in reversed(list(enumerate(new))) if index != each)
    start, end = parts[first].span.start, parts[last].span.end
    newline = "" if source.ends_line(end) else source.newline_near(end)
    if newline and (header := unended_scalar(source, node)):
        parts = [*parts[:-1], replace(parts[-1], patches=(*parts[-1].patches, header))]
    blanks = _Blanks(source, parts, first, last, any(part.members for part in parts[first : last + 1]))
    pieces = []
    for place in range(first, last + 1):
        part = parts[new[place]]
        if place > first:
            pieces.append(blanks.above(new[place], new[place - 1], place))
        pieces.append(blanks.text(new[place]))
        if part.span.end == end:
            pieces.append(newline)
    number = parts[new[last]].number
    keeps = number is not None and owns_line_end(source, node.items[number])
    return [Splice(start, end, "".join(pieces).removesuffix("" if keeps else newline))]


@dataclass(frozen=True, slots=True)
class _Blanks:
    """The lines between the parts from `first` to `last`: blank lines, and what was commented out."""

    source: Source
    parts: list[_Part]
    first: int
    last: int
    has_headings: bool

    def text(self, index: int) -> str:
        """A part, and what was commented out below it if sections may move."""
        below = self._gap(index + 1)[0] if self.has_headings and index < self.last else ""
        return self.parts[index].text(self.source) + below

    def above(self, index: int, before: int, place: int) -> str:
        """The lines above a part that has a new place, below another part."""
        if not self.has_headings:
            return "".join(self._gap(place))
        if self.parts[before].members:
            return ""  # its blank lines are part of it
        if index > self.first:
            was_first = bool(self.parts[index - 1].members) and index < self.last and not self.parts[index + 1].members
            return self._blank(index + 1 if was_first else index)
        border = next(self._borders(), index)
        return self._blank(border if self.parts[index].members or border == index + 1 else index + 1)

    def _borders(self) -> Iterator[int]:
        """The parts after the first one that begin a section, or follow one."""
        end = max(self.parts[self.first].members, default=-1)
        for index in range(self.first + 1, self.last + 1):
            number, members = self.parts[index].number, self.parts[index].members
            if number is None or number > end:
                yield index
            end = max(members, default=end)

    def _blank(self, index: int) -> str:
        return self._gap(index)[1] if self.first < index <= self.last else ""

    def _gap(self, index: int) -> tuple[str, str]:
        """The lines between a part and the one before it: those to the last comment, and the blank ones below that."""
        text = self.source.text[self.parts[index - 1].span.end : self.parts[index].span.start]
        lines = text.splitlines(keepends=True)
        count = max((number for number, line in enumerate(lines, 1) if line.strip()), default=0)
        return "".join(lines[:count]), "".join(lines[count:])


def longest_ascent(numbers: SequenceOf[int]) -> list[int]:
    """The longest ascending subsequence of the numbers (patience sorting)."""
    tops: list[int] = []  # the smallest number that ends an ascent of each length
    before: dict[int, int | None] = {}
    for number in numbers:
        length = bisect_left(tops, number)
        before[number] = tops[length - 1] if length else None
        tops[length : length + 1] = [number]
    ascent: list[int] = []
    at = tops[-1] if tops else None
    while at is not None:
        ascent.append(at)
        at = before[at]
    return ascent[::-1]
