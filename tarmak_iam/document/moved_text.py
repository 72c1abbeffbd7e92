"""The text of an entry or item that moves, for its new place, and the comments that move with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tarmak_iam.document.comments import comment_line, own_comment_lines
from tarmak_iam.document.edits import Write
from tarmak_iam.document.flow import is_pair
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, Span, is_block
from tarmak_iam.document.reindent import in_one_line, least_indentation, reindented
from tarmak_iam.document.renames import new_key
from tarmak_iam.document.splices import (
    Splice,
    apply_splices,
    blanks_before,
    column,
    content_indentation,
    find_colon,
    keeps_line_ends,
    last_leaf,
    member_count,
    member_start,
    member_value,
    new_lines,
    next_line_after,
    owns_line_end,
    unended_scalar,
)
from tarmak_iam.document.target import Target, refuse
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.text import shortened

_LINES = compiled(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


@dataclass(frozen=True)
class MoveHere(Write):
    """Writes what is at `old` in the place of the target, which has the placeholder for it. `removed` are the splices
    that remove the old entry or item."""

    old: Target
    removed: tuple[Splice, ...]

    @property
    def new_keys(self) -> dict[int, Node]:
        """The key that the entry has then, by the id of the placeholder's."""
        entry, like = self.target.holders[-1].entry, self.moved().key
        return {id(entry.key): like} if entry is not None and like is not None else {}

    def splices(self) -> list[Splice]:
        """The new text. Raises EditRefused for comments that do not fit there."""
        return self.moved().splices

    def moved(self) -> Moved:
        """The text and the comments that move. Raises EditRefused, as `splices` does."""
        if self.target.in_flow:
            return _into_flow(self)
        return _from_flow_into_block(self) if self.old.in_flow else _BlockMove(self).moved()

    def all_splices(self, moved: Moved) -> list[Splice]:
        """The removal, and the new text. A comment that moves although the removal spares it is removed too."""
        tree, gone = self.old.tree, self.comments_removed()
        cuts = [_cut(tree, comment) for comment in moved.comments if comment not in gone]
        return [*self.removed, *cuts, *moved.splices]

    def comments_removed(self) -> list[Comment]:
        """The comments in the text that is removed."""
        tree = self.old.tree
        return [c for c in tree.comments if any(s.start <= c.span.start < s.end for s in self.removed)]


@dataclass(frozen=True, slots=True)
class Moved:
    """`comments` are those that move. `key` is like the new key, if that differs from the placeholder's. `in_one_line`:
    the value is written in flow style."""

    splices: list[Splice]
    comments: list[Comment]
    key: Node | None = None
    in_one_line: bool = False


def placeholder(target: Target, old: Target) -> Any:
    """A value that gets the layout that the value at `old` needs in the place of the target."""
    text, node, number = target.tree.source.text, old.holders[-1].node, 0
    name = "moved"
    while name in text:
        number += 1
        name = f"moved{number}"
    if is_block(node) and isinstance(node, Sequence):
        return [{name: None}]
    if isinstance(node, (Mapping, Sequence)) or len(text[node.start : node.end].splitlines()) > 1:
        return {name: None}
    parent = old.holders[-2].node
    has_comments = is_block(parent) and (
        own_comment_lines(old.tree, parent, old.number)
        or old.tree.source.line_start(node.start) in old.tree.tails
        or old.tree.source.line_start(node.end) in old.tree.tails
    )
    return {name: None} if has_comments else name


class _Lines:
    """The lines of an entry or item in a block collection, and its comments: those above it and those in its lines."""

    def __init__(self, old: Target) -> None:
        tree, parent = old.tree, old.holders[-2].node
        assert is_block(parent)
        self.start, self.end_node = _start_of(old), member_value(parent, old.number)
        own = own_comment_lines(tree, parent, old.number)
        self.above = [comment for comment in own if comment.span.start < self.start]
        self.below = [comment for comment in own if comment.span.start >= self.start]
        ends = [tree.source.next_line(comment.span.end) for comment in self.below]
        self.span = Span(self.start, max([next_line_after(tree.source, self.end_node), *ends]))
        self.inside = [c for c in tree.comments if self.span.start <= c.span.start < self.span.end]


class _BlockMove:
    """From a block collection into a block collection."""

    def __init__(self, change: MoveHere) -> None:
        self._change = change
        self._tree = change.target.tree
        self._source = self._tree.source
        self._text = self._source.text
        old, new = change.old, change.target
        self._value, self._stand_in = old.holders[-1].node, new.holders[-1].node
        self._old_entry, self._new_entry = old.holders[-1].entry, new.holders[-1].entry
        self._old_start, self._new_start = _start_of(old), _start_of(new)
        self._by = column(self._source, self._new_start) - column(self._source, self._old_start)
        lines = _Lines(old)
        self._below = lines.below
        self._above, self._span, self._comments = lines.above, lines.span, [*lines.above, *lines.inside]
        unended = unended_scalar(self._source, lines.end_node)
        self._patches = [unended] if unended else []
        self._nodes = [self._value] if self._old_entry is None else [self._old_entry.key, self._value]
        self._key: Node | None = None
        self._shift = 0
        self._kept_until = self._new_start
        """The text from the new start up to here is kept."""

    def moved(self) -> Moved:
        text = self._of_same_kind() if self._is_of_same_kind() else self._of_other_kind()
        text = self._without_last_line_end(self._with_aligned_comments(text))
        self._check_line_ends()
        end, others = _end_of_line(self._change, self._kept_until, has_lines="\n" in text or bool(self._comments))
        lines = _lines_above(self._change.target, [*others, *self._above])
        return Moved([*lines, Splice(self._new_start, end, text)], self._comments, self._key)

    def _check_line_ends(self) -> None:
        """Raises EditRefused for a block scalar that would get the lines below the new place as its own."""
        leaf = last_leaf(self._value)
        if not isinstance(leaf, Scalar) or not leaf.is_block or leaf.end < self._span.end:
            return
        width = content_indentation(self._source, leaf) + self._shift
        for line in self._rest().removesuffix("\n").split("\n")[1:]:
            blanks = len(line) - len(line.lstrip(" "))
            if blanks >= width and (blanks > width or line.strip()):
                what = "the value ends in a block scalar, and what is below the new place would become part of it"
                refuse(self._tree, self._value, what, "move it to another place, or change the indentation below it")
            if line.strip():
                return
            if keeps_line_ends(self._source, leaf):
                what = "the value ends in a block scalar that keeps all line ends (|+), and would be above a blank line"
                refuse(self._tree, self._value, what, "move it to another place, or remove the blank line there")

    def _is_of_same_kind(self) -> bool:
        return (self._old_entry is None) == (self._new_entry is None)

    def _of_same_kind(self) -> str:
        if self._old_entry is not None and self._new_entry is not None:
            self._patches += self._key_splices(self._old_entry, self._new_entry)
        return self._reindented(self._span, self._by)

    def _key_splices(self, old: Entry, new: Entry) -> list[Splice]:
        if old.text == new.text:
            self._key = old.key
            return []
        key = new_key(self._tree, old.key, new.text or "", self._change.target.layout(inside=1), flow=False)
        self._key = key.like
        return key.splices()

    def _reindented(self, span: Span, by: int, *, first_too: bool = False) -> str:
        self._shift = by
        return reindented(self._tree, span, by, self._nodes, self._patches, first_too=first_too)

    def _of_other_kind(self) -> str:
        """An entry that becomes an item, or the other way round: the text after the colon or dash."""
        after = _indicator_end(self._change.old)
        if after is None:  # `? key` without a colon
            self._above = self._comments
            lead = self._text[self._new_start : _after_indicator(self._change.target)]
            return lead + self._source.newline_near(self._old_start)
        self._above += [c for c in self._comments if self._old_start <= c.span.start < after]
        self._span = Span(after, self._span.end)
        if is_block(self._value) and member_count(self._value):
            return self._block_of_other_kind(after, self._value)
        text, own_line = self._reindented(self._span, self._by), self._source.line_end(after)
        lead = self._text[self._new_start : _after_indicator(self._change.target)]
        if self._value.start == self._value.end or self._value.start > own_line:
            return lead + text
        return f"{lead} {text.lstrip(' ' + chr(9))}"

    def _block_of_other_kind(self, after: int, value: Mapping | Sequence) -> str:
        first, line_end = member_start(self._source, value, 0), self._source.line_end(after)
        stand_in = self._stand_in  # next to flow collections, new items are ones
        new_first = member_start(self._source, stand_in, 0) if is_block(stand_in) else stand_in.start
        by = column(self._source, new_first) - column(self._source, first)
        line = self._source.next_line(after)
        has_head = bool(self._text[after:line_end].strip()) or self._source.line_start(first) != line
        if first < line_end or not has_head:
            self._kept_until = new_first
            return self._text[self._new_start : new_first] + self._reindented(Span(first, self._span.end), by)
        lead = self._text[self._new_start : _after_indicator(self._change.target)]
        below = self._reindented(Span(line, self._span.end), by, first_too=True)
        return lead + self._text[after:line] + below

    def _with_aligned_comments(self, text: str) -> str:
        """The text, with the comment lines that continue a comment at the end of a line in the column of that one."""
        if not self._below:
            return text
        line = self._source.line_start(self._below[0].span.start)
        tail = self._tree.tails.get(self._source.line_start(max(line - 1, 0)))
        if tail is None or any(_column(self._tree, each) != _column(self._tree, tail) for each in self._below):
            return text
        *lines, last = _LINES.findall(text)
        first = len(lines) - len(self._below) - 1 + bool(last)
        width = len(lines[first].rstrip("\r\n")) - len(tail.text)
        if first == 0:
            width += column(self._source, self._new_start)
        for number, line in enumerate(lines[first + 1 :], first + 1):
            lines[number] = " " * width + line.lstrip(" ")
        return "".join([*lines, last and " " * width + last.lstrip(" ")])

    def _without_last_line_end(self, text: str) -> str:
        """The line end after the placeholder becomes that of the text. At the end of a file without a final line end, a
        block scalar needs one that is its own."""
        end = self._span.end
        if not self._source.ends_line(end) or end <= self._span.start:
            return text
        if not self._is_last() or not owns_line_end(self._source, self._value):
            return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text[:-1]
        return text

    def _is_last(self) -> bool:
        """Whether no text follows the placeholder."""
        return not self._rest()

    def _rest(self) -> str:
        """The text after the placeholder, without what is removed."""
        end = last_leaf(self._stand_in).end
        splices = [splice.moved(-end) for splice in self._change.removed if splice.start >= end]
        return apply_splices(self._text[end:], splices)


def _lines_above(target: Target, comments: list[Comment]) -> list[Splice]:
    """Comments as lines in the column of the new entry or item; above the line of a dash that it begins after."""
    if not comments:
        return []
    source, start = target.tree.source, _start_of(target)
    line = source.line_start(start)
    blanks = source.text[line:start]
    width = len(blanks) - len(blanks.lstrip(" ")) if blanks.strip() else len(blanks)
    least = min((_column(target.tree, comment) for comment in comments if comment.own_line), default=0)
    columns = [width + (_column(target.tree, each) - least if each.own_line else 0) for each in comments]
    return [new_lines(source, line, [" " * at + each.text for at, each in zip(columns, comments, strict=True)])]


def _end_of_line(change: MoveHere, start: int, *, has_lines: bool) -> tuple[int, list[Comment]]:
    """The end of what the new text replaces, and the comments in it: those that the placeholder has got, because what
    was there before had them. `has_lines`: the new text may not have a comment after it."""
    source, leaf = change.target.tree.source, last_leaf(change.target.holders[-1].node)
    tail = change.target.tree.tails.get(source.line_start(leaf.end)) if has_lines else None
    end = leaf.end if tail is None or tail.span.start < leaf.end else tail.span.end
    return end, [c for c in change.target.tree.comments if start <= c.span.start < end]


def _column(tree: Tree, comment: Comment) -> int:
    return column(tree.source, comment.span.start)


def _cut(tree: Tree, comment: Comment) -> Splice:
    if comment.own_line:
        return Splice(*comment_line(tree, comment), "")
    return Splice(blanks_before(tree.source, comment.span.start), comment.span.end, "")


def _start_of(target: Target) -> int:
    parent = target.holders[-2].node
    assert is_block(parent)
    return member_start(target.tree.source, parent, target.number)


def _indicator_end(target: Target) -> int | None:
    """The offset after the colon or dash; None if there is no colon."""
    holder, source = target.holders[-1], target.tree.source
    if holder.entry is None:
        return _start_of(target) + 1
    end = holder.entry.key.end
    colon = find_colon(source, end)
    return colon if end < colon <= max(holder.node.start, end + 1) else None


def _after_indicator(target: Target) -> int:
    end = _indicator_end(target)
    assert end is not None  # the placeholder has a value
    return end


def _from_flow_into_block(change: MoveHere) -> Moved:
    """A value that is written in flow style already."""
    old, new, tree = change.old, change.target, change.target.tree
    value, source = old.holders[-1].node, tree.source
    start, span = _start_of(new), old.holders[-1].node.span
    owner = column(source, start)
    by = owner - _indentation(old, span.start)
    least = least_indentation(tree, span)
    if least is not None and isinstance(value, Scalar):
        by = max(by, owner + 1 - least)
    text = _with_braces(old, reindented(tree, span, by, [value]))
    lead, key = source.text[start : _after_indicator(new)], None
    old_entry, new_entry = old.holders[-1].entry, new.holders[-1].entry
    if old_entry is not None and new_entry is not None:
        written = _written_key(change, old_entry, new_entry, flow=False)
        if written is not None:
            lead, key = f"{written[0]}:", written[1]
    inside = [c for c in tree.comments if span.start <= c.span.start < span.end]
    others = [c for c in change.comments_removed() if c not in inside]
    tail = others.pop() if others and _is_tail(tree.source.text, span.end, others[-1]) else None
    text = f"{lead} {text}" if text else lead
    if tail is not None:
        text += source.text[blanks_before(source, tail.span.start) : tail.span.end]
    end, present = _end_of_line(change, start, has_lines="\n" in text or tail is not None)
    above = _lines_above(new, [*present, *others])
    return Moved([*above, Splice(start, end, text)], [*inside, *others, *([tail] if tail else [])], key)


def _into_flow(change: MoveHere) -> Moved:
    old, new, tree = change.old, change.target, change.target.tree
    node = new.holders[-1].node
    old_entry, new_entry = old.holders[-1].entry, new.holders[-1].entry
    splices: list[Splice] = []
    if old.in_flow:
        span = old.holders[-1].node.span
        by = _indentation(new, node.start) - _indentation(old, span.start)
        text = _with_braces(old, reindented(tree, span, by, [old.holders[-1].node])) or "null"
        comments = [c for c in tree.comments if span.start <= c.span.start < span.end]
        for comment in (others := [c for c in change.comments_removed() if c not in comments]):
            splices += _tail_in_flow(change, comment, is_only=len(others) == 1, after=span.end)
        comments += others
    else:
        lines = _Lines(old)
        for comment in (*lines.above, *lines.inside):
            _refuse_comment(change, comment)
        text, comments = in_one_line(tree, old.holders[-1].node), []
    start, key = node.start, None
    if old_entry is not None and new_entry is not None:
        written = _written_key(change, old_entry, new_entry, flow=True)
        if written is not None:
            start, key = new_entry.key.start, written[1]
            text = f"{written[0]}: {text}"
    return Moved([Splice(start, node.end, text), *splices], comments, key, in_one_line=not old.in_flow)


def _with_braces(old: Target, text: str) -> str:
    node = old.holders[-1].node
    is_bare = isinstance(node, Mapping) and node.flow and is_pair(old.tree, node)
    return "{" + text + "}" if is_bare else text


def _indentation(target: Target, at: int) -> int:
    source = target.tree.source
    line = source.text[source.line_start(at) : source.line_end(at)]
    return len(line) - len(line.lstrip(" "))


def _is_tail(text: str, end: int, comment: Comment) -> bool:
    """Whether a comment follows the offset on its line, after no more than a comma."""
    return comment.span.start >= end and text[end : comment.span.start].strip(" \t") in ("", ",")


def _tail_in_flow(change: MoveHere, comment: Comment, *, is_only: bool, after: int) -> Iterable[Splice]:
    """The comment at the end of the new line, if nothing else is on it. Raises EditRefused."""
    source, end = change.target.tree.source, change.target.holders[-1].node.end
    line_end = source.line_end(end)
    is_free = source.text[end:line_end].strip() in ("", ",")
    if not is_only or not is_free or not _is_tail(source.text, after, comment):
        _refuse_comment(change, comment)
    blanks = source.text[blanks_before(source, comment.span.start) : comment.span.start]
    return [Splice(line_end, line_end, blanks + comment.text)]


def _refuse_comment(change: MoveHere, comment: Comment) -> None:
    there = change.target.route.parent
    what = f"the comment {shortened(comment.text)!r} does not fit into the flow collection at {there}"
    remedy = "move it by hand, or write that collection in block style"
    refuse(change.old.tree, change.old.holders[-1].node, what, remedy)


def _written_key(change: MoveHere, old: Entry, new: Entry, *, flow: bool) -> tuple[str, Node] | None:
    """The old key at the new place, and a node that is like it; None if the placeholder's is as good."""
    tree, node = change.target.tree, old.key
    text = tree.source.text[node.start : node.end]
    is_same = old.text == new.text and text
    if len(text.splitlines()) > 1 or not isinstance(node, Scalar) or (is_same and flow and not _fits_flow(node, text)):
        return None
    if is_same:
        return text, node
    key = new_key(tree, node, new.text or "", change.target.layout(inside=1), flow=flow)
    return apply_splices(text, [splice.moved(-node.start) for splice in key.splices()]), key.like


def _fits_flow(node: Scalar, text: str) -> bool:
    from tarmak_iam.document.render import is_safe_in_flow

    return node.style != "plain" or is_safe_in_flow(text)
