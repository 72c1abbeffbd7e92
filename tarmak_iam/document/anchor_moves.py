"""Moves of anchors: before an edit removes an anchored value, its first alias that stays becomes the value's home."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from tarmak_iam.document.arrangement import reorder_items
from tarmak_iam.document.comments import below_deeper_comments, comment_line
from tarmak_iam.document.edits import DocumentChange, RemoveMembers, Reorder, Write
from tarmak_iam.document.nodes import (
    PROPERTY,
    Alias,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Span,
    content_start,
    is_block,
    walk,
)
from tarmak_iam.document.render import is_safe_in_flow, quote
from tarmak_iam.document.splices import (
    Splice,
    apply_splices,
    blanks_before,
    column,
    entry_start,
    item_start,
    member_count,
    member_start,
    new_lines,
    next_line_after,
    starts_line,
)
from tarmak_iam.document.target import Holder, Target, refuse
from tarmak_iam.document.tree import Tree
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.routes import Route

_HEADER = compiled(r"[|>][-+0-9]*")

_LINE_END = compiled(r"\r\n|\r|\n")


def keeping_anchors(tree: Tree, change: DocumentChange, *, detaches: bool) -> DocumentChange:
    """The change; if aliases that stay would lose their anchors, with moves of these anchors to their first aliases.

    `detaches`: an anchored value that is replaced with another one loses its anchor; otherwise it keeps it, so that its
    aliases follow. A value with comments is then not written in one line either, which would remove them.
    """
    if not tree.has_aliases:
        return change
    if isinstance(change, Reorder):
        overtaking = tuple(_overtaking(change))
        return ReorderWithMoves(change.target, change.order, overtaking) if overtaking else change
    own = [change.target.holders[-1].node] if detaches and isinstance(change, Write) else []
    aliases = tuple(_left_by(tree, [*_gone(change), *own]))
    if not aliases:
        return change
    if any(_node(alias).target in own for alias in aliases):
        assert isinstance(change, Write)
        change = DetachedWrite(change.target, change.value)
    return WithMoves(change.target, change, (*_gone(change), *own), aliases, detaches)


def dangling_aliases(tree: Tree, changes: Collection[DocumentChange]) -> Iterator[Target]:
    """The aliases that stay while the changes remove their anchors, or move the anchors below them."""
    if not tree.has_aliases:
        return
    for change in changes:
        if isinstance(change, Reorder):
            yield from _overtaking(change)
    yield from _left_by(tree, [node for change in changes for node in _gone(change)])


@dataclass(frozen=True)
class WithMoves(DocumentChange):
    """A change that removes the nodes `gone`. The anchors in them move to the first ones of `aliases`."""

    change: DocumentChange
    gone: tuple[Node, ...]
    aliases: tuple[Target, ...]
    keeps_comments: bool

    @property
    def moved_to(self) -> Iterator[Alias]:
        """The aliases that may be the homes then."""
        yield from map(_node, self.aliases)

    def splices(self) -> list[Splice]:
        tree, change = self.target.tree, self.change
        if isinstance(change, RemoveMembers) and change.own is not None:  # comments inside of what moves go along
            spans = [_own_span(tree, _node(alias).target) for alias in self.aliases]
            inside = [c for c in tree.own_lines.values() if any(s.start <= c.span.start < s.end for s in spans)]
            change = replace(change, own=(*change.own, *inside))
        splices = change.splices()
        removed = [Span(each.start, each.end) for each in splices]
        copies = _Copies(tree, self.gone, removed, keeps_comments=self.keeps_comments)
        return [*splices, *(splice for alias in self.aliases for splice in copies.instead_of(alias))]


@dataclass(frozen=True)
class DetachedWrite(Write):
    """Replaces an anchored node with another value, which is not anchored."""

    def splices(self) -> list[Splice]:
        source, node = self.target.tree.source, self.target.holders[-1].node
        anchor = f"&{node.anchor}"
        splices = super().splices()
        for number, splice in enumerate(splices):  # a standard tag is replaced with the value, and the anchor with it
            match = re.match(rf"(\s*){re.escape(anchor)}(?:\s+|\Z)", splice.text)
            if match:
                rest = splice.text[match.end() :]
                start = splice.start if rest else blanks_before(source, splice.start)
                splices[number] = Splice(start, splice.end, match.group(1) + rest if rest else "")
                return splices
        return [_without_anchor(source.text, node), *splices]


@dataclass(frozen=True)
class ReorderWithMoves(Reorder):
    """Reorders a list. The anchors that would be below the `aliases` of them move there, and leave an alias."""

    aliases: tuple[Target, ...]

    @property
    def moved_to(self) -> Iterator[Alias]:
        """The aliases that may be the homes then."""
        yield from map(_node, self.aliases)

    def splices(self) -> list[Splice]:
        tree = self.target.tree
        homes = tuple(dict.fromkeys(_node(alias).target for alias in self.aliases))
        copies = _Copies(tree, homes, [_own_span(tree, home) for home in homes], keeps_comments=True)
        patches: dict[int, list[Splice]] = {}
        depth = len(self.target.holders)
        for alias in self.aliases:
            number = alias.holders[depth].index
            assert number is not None
            patches.setdefault(number, []).extend(copies.instead_of(alias))
        items = [{id(node) for node in walk(_member(self.target, number))} for number in range(len(self.order))]
        parts = {id(node) for home in copies.moved for node in walk(home) if node is not home}
        for home in copies.moved:
            if id(home) in parts:
                continue  # the whole is replaced
            number = next(number for number, inside in enumerate(items) if id(home) in inside)
            patches.setdefault(number, []).extend(_alias_instead(tree, home))
        return reorder_items(self.target, self.order, patches)


def _member(target: Target, number: int) -> Node:
    return target.member(number).holders[-1].node


def _node(alias: Target) -> Alias:
    node = alias.holders[-1].node
    assert isinstance(node, Alias)
    return node


def _gone(change: DocumentChange) -> Iterator[Node]:
    node = change.target.node
    if isinstance(change, RemoveMembers):
        yield from (_member(change.target, number) for number in change.numbers)
        if isinstance(node, Mapping):
            yield from (node.entries[number].key for number in change.numbers)
    elif isinstance(change, Write) and isinstance(node, (Mapping, Sequence)):
        for number in range(member_count(node)):
            yield _member(change.target, number)
            if isinstance(node, Mapping):
                yield node.entries[number].key


def _left_by(tree: Tree, gone: Collection[Node]) -> Iterator[Target]:
    """The aliases, outside of what is gone, of the anchors in it."""
    assert tree.root is not None
    anchored = {id(node) for top in gone for node in walk(top) if node.anchor}
    if anchored:
        yield from _aliases(Target(tree, Route(), (Holder(tree.root),), ()), anchored, {id(node) for node in gone})


def _overtaking(change: Reorder) -> Iterator[Target]:
    """The aliases that would be above their anchors after the reordering, in their new order. Those inside of a value
    that moves to one of them are there then, too."""
    items = [change.target.member(number) for number in range(len(change.order))]
    nodes = ((node, number) for number, item in enumerate(items) for node in walk(item.holders[-1].node))
    anchors = {id(node): number for node, number in nodes if node.anchor}
    places = {number: place for place, number in enumerate(change.order)}
    aliases = [list(_aliases(item, anchors, ())) for item in items]
    found: set[int] = set()
    for number in change.order:
        waiting = aliases[number][::-1]
        while waiting:
            alias = waiting.pop()
            home = _node(alias).target
            old = anchors[id(home)]
            if places[number] < places[old] and id(_node(alias)) not in found:
                found.add(id(_node(alias)))
                yield alias
                inside = {id(node) for node in walk(home)}
                waiting += [each for each in aliases[old] if id(_node(each)) in inside]


def _aliases(target: Target, anchored: Collection[int], gone: Collection[int]) -> Iterator[Target]:
    node = target.holders[-1].node
    if isinstance(node, Alias):
        if id(node.target) in anchored:
            yield target
        return
    for number in range(member_count(node)):
        member = target.member(number)
        entry = member.holders[-1].entry
        if entry is not None and isinstance(entry.key, Alias) and id(entry.key) not in gone:
            key = replace(member, holders=(*target.holders, Holder(entry.key, entry=entry)))
            yield from _aliases(key, anchored, gone)
        if id(member.holders[-1].node) not in gone:
            yield from _aliases(member, anchored, gone)


class _Copies:
    """The values with anchors in what is `gone`, as they are written, for the places of their aliases.

    `removed` are the spans of the text that the edit removes: a comment that stays where it is is not copied.
    """

    def __init__(self, tree: Tree, gone: Collection[Node], removed: Collection[Span], *, keeps_comments: bool) -> None:
        self._tree = tree
        self._text = tree.source.text
        self._removed = removed
        self._keeps_comments = keeps_comments
        self._gone = {id(node) for top in gone for node in walk(top)}
        assert tree.root is not None
        self._names = {node.anchor for node in walk(tree.root) if id(node) not in self._gone}
        self._used_inside = {id(node.target) for top in gone for node in walk(top) if isinstance(node, Alias)}
        self._placed: set[int] = set()
        self.moved: list[Node] = []
        """The anchored nodes that got another home. Nodes inside of one of them are not listed."""

    def instead_of(self, target: Target) -> list[Splice]:
        """Replaces an alias with its value, unless its anchor has another home already. Raises EditRefused."""
        alias, holder = _node(target), target.holders[-1]
        home = alias.target
        if id(home) in self._placed:
            return []
        if target.in_flow or (holder.entry is not None and holder.entry.key is alias):
            if self._keeps_comments and self._has_comments(home):
                what = f"{target.route} is the alias *{alias.name}, and its value has comments, which do not fit here"
                refuse(self._tree, alias, what, "replace the alias with its value by hand first")
            return [Splice(alias.start, alias.end, self._inline(home, is_home=True))]
        owner = _owner_column(target)
        self._place(home)
        changes = self._changes_inside(home)
        lines_at = next_line_after(self._tree.source, alias)
        if is_block(home):
            by = self._block_column(target, home, owner) - _content_column(self._tree, home)
            lines = self._lines(_own_span(self._tree, home), changes, by)
            return [
                Splice(alias.start, alias.end, self._properties(home)),
                new_lines(self._tree.source, lines_at, lines),
            ]
        by = owner - _old_owner_column(self._tree, home)
        if isinstance(home, Scalar) and home.is_block:
            first = f"{self._properties(home)} {self._header(home)}"
            lines = self._lines(_own_span(self._tree, home), changes, by)
            return [Splice(alias.start, alias.end, first), new_lines(self._tree.source, lines_at, lines)]
        first, *lines = self._lines(home.span, changes, by, first_too=False)
        newline = self._tree.source.newline_near(alias.start)
        return [Splice(alias.start, alias.end, newline.join([first, *lines]))]

    def _has_comments(self, home: Node) -> bool:
        """Whether there are comments in what is copied: one on the line of the anchor of a block stays there."""
        start, end = _own_span(self._tree, home)
        return any(start < comment.span.start < end for comment in self._tree.comments)

    def _place(self, home: Node) -> None:
        self._placed.add(id(home))
        self.moved.append(home)

    def _keeps_anchor(self, node: Node) -> bool:
        """Whether an anchor inside of what moves goes along: not if its name is used elsewhere, too."""
        return node.anchor not in self._names or id(node) in self._used_inside

    def _properties(self, node: Node) -> str:
        """The anchor and the tag."""
        return " ".join(match.group(1) for match in _properties(self._text, node))

    def _header(self, node: Scalar) -> str:
        match = _HEADER.match(self._text, content_start(self._text, node))
        return match.group() if match else "|"

    def _changes_inside(self, home: Node) -> list[Splice]:
        """What must differ in the copy: an anchor inside that has another home already, or whose name is used
        elsewhere; and an alias whose anchor is gone."""
        changes: list[Splice] = []
        stack = [home]
        while stack:
            node = stack.pop()
            if isinstance(node, Alias):
                if id(node.target) in self._gone:
                    changes.append(Splice(node.start, node.end, self._inline(node.target, is_home=True)))
                continue
            if node is not home and node.anchor:
                if id(node) in self._placed:
                    end = _own_span(self._tree, node).end
                    while self._text[end - 1] in "\r\n":
                        end -= 1
                    changes.append(Splice(node.start, end, f"*{node.anchor}"))
                    continue
                if self._keeps_anchor(node):
                    self._placed.add(id(node))
                else:
                    changes.append(_without_anchor(self._text, node))
            stack.extend(reversed(list(_children(node))))
        return changes

    def _lines(self, span: Span, changes: Iterable[Splice], by: int, *, first_too: bool = True) -> list[str]:
        """The lines of a part of the text, indented by more or fewer blanks."""
        start, end = span
        staying = [
            comment_line(self._tree, comment)
            for at, comment in self._tree.own_lines.items()
            if start <= at < end and not any(removed.start <= at < removed.end for removed in self._removed)
        ]
        inside = [*changes, *(Splice(*line, "") for line in staying)]
        inside = [replace(each, start=each.start - start, end=each.end - start) for each in inside]
        text = apply_splices(self._text[start:end], inside)
        lines = _LINE_END.split(text)
        if first_too and not lines[-1]:
            lines.pop()
        return [line if not (number or first_too) else _shifted(line, by) for number, line in enumerate(lines)]

    def _block_column(self, target: Target, home: Mapping | Sequence, owner: int) -> int:
        """The column of a block at its new place: as far from its key as it was, if it had one."""
        alias = target.holders[-1].node
        if starts_line(self._tree.source, alias.start):
            return column(self._tree.source, alias.start)
        if target.holders[-1].entry is None:
            return owner + max(target.layout(inside=1).item, 2)
        return owner + _content_column(self._tree, home) - _old_owner_column(self._tree, home)

    def _inline(self, node: Node, *, is_home: bool = False) -> str:
        """The node on one line, in flow style."""
        if isinstance(node, Alias):
            if id(node.target) in self._gone:
                return self._inline(node.target, is_home=True)
            return f"*{node.name}"
        if id(node) in self._placed:
            return f"*{node.anchor}"
        properties = [match.group(1) for match in _properties(self._text, node)]
        if is_home:
            self._place(node)
        elif node.anchor and self._keeps_anchor(node):
            self._placed.add(id(node))
        else:
            properties = [each for each in properties if not each.startswith("&")]
        return " ".join([*properties, self._inline_content(node)])

    def _inline_content(self, node: Scalar | Mapping | Sequence) -> str:
        if isinstance(node, Sequence):
            return "[" + ", ".join(map(self._inline, node.items)) + "]"
        if isinstance(node, Mapping):
            pairs = ((self._inline(entry.key), self._inline(entry.value)) for entry in node.entries)
            return "{" + ", ".join(f"{key}{' ' if key[0] == '*' else ''}: {value}" for key, value in pairs) + "}"
        text = self._text[content_start(self._text, node) : node.end]
        if node.style == "plain":
            return (text if is_safe_in_flow(text) else quote(node.text)) or "null"
        return quote(node.text) if _LINE_END.search(text) else text


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield entry.key
            yield entry.value
    elif isinstance(node, Sequence):
        yield from node.items


def _properties(text: str, node: Node) -> Iterator[re.Match[str]]:
    """The anchor and the tag of a node, in their order; group 1 is without what follows them."""
    at = node.start
    for _ in range((node.anchor is not None) + (node.tag is not None)):
        match = PROPERTY.match(text, at, max(node.end, at))
        if match is None:
            return
        yield match
        at = match.end()


def _without_anchor(text: str, node: Node) -> Splice:
    """Removes a node's anchor, with the blanks before it (at the beginning of a line: after it)."""
    match = next(match for match in _properties(text, node) if match.group(1).startswith("&"))
    start, end = match.span(1)
    before = start
    while before and text[before - 1] in " \t":
        before -= 1
    if before < start and text[before - 1 : before] not in ("", "\n", "\r"):
        return Splice(before, end, "")
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    return Splice(start, end, "")


def _own_span(tree: Tree, home: Node) -> Span:
    """The part of the text to copy: the whole lines of a block (with the comments below it that are indented like it)
    or of a block scalar, without the line of its anchor; otherwise the node."""
    source = tree.source
    if is_block(home):
        *_, last = _properties(source.text, home)
        below = below_deeper_comments(tree, next_line_after(source, home), _content_column(tree, home) - 1)
        return Span(source.next_line(last.end(1)), below)
    if isinstance(home, Scalar) and home.is_block:
        return Span(source.next_line(content_start(source.text, home)), home.end)
    return home.span


def _alias_instead(tree: Tree, home: Node) -> list[Splice]:
    """Replaces an anchored value with an alias."""
    lines = _own_span(tree, home)
    if lines == home.span:
        return [Splice(*lines, f"*{home.anchor}")]
    end = content_start(tree.source.text, home)
    if isinstance(home, Scalar):
        match = _HEADER.match(tree.source.text, end)
        end = match.end() if match else end
    else:
        *_, last = _properties(tree.source.text, home)
        end = last.end(1)
    return [Splice(home.start, end, f"*{home.anchor}"), Splice(*lines, "")]


def _content_column(tree: Tree, home: Mapping | Sequence) -> int:
    return column(tree.source, member_start(tree.source, home, 0))


def _owner_column(target: Target) -> int:
    """The column of the key or dash of the deepest node."""
    source, holder = target.tree.source, target.holders[-1]
    if holder.entry is not None:
        return column(source, entry_start(source, holder.entry))
    parent = target.holders[-2].node
    assert isinstance(parent, Sequence)
    assert holder.index is not None
    return column(source, item_start(source, parent, holder.index))


def _old_owner_column(tree: Tree, home: Node) -> int:
    """The column of an anchored node's own key or dash; inside a flow collection, of its line's text."""
    source = tree.source
    assert tree.root is not None
    for parent in walk(tree.root):
        if not is_block(parent):
            continue
        for number, member in enumerate(parent.entries if isinstance(parent, Mapping) else parent.items):
            if member is home or getattr(member, "value", None) is home:
                return column(source, member_start(source, parent, number))
    line = source.text[source.line_start(home.start) : home.start]
    return len(line) - len(line.lstrip())


def _shifted(line: str, by: int) -> str:
    if by >= 0:
        return " " * by + line if line else line  # a line of blanks in a block scalar may be text
    blanks = len(line) - len(line.lstrip(" "))
    return line[min(-by, blanks) :]
