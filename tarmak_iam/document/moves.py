"""Moves of entries and items. A move is one change: what moves is pasted at its new place, and removed at its old one.

What moves are the lines of the entry or item with the comments that belong to it. Only its indentation changes, and a
block that gets into a flow collection is written in one line.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tarmak_iam.document import plan
from tarmak_iam.document.comments import own_comment_lines
from tarmak_iam.document.edits import Insert, Move, Rename
from tarmak_iam.document.flow import layout_at, refuse_pair, remove_from_flow
from tarmak_iam.document.nodes import Alias, Mapping, Node, Scalar, Sequence, Span, content_start, is_block
from tarmak_iam.document.plain_values import assigned, value_at
from tarmak_iam.document.proof import Change
from tarmak_iam.document.render import UNSAFE_IN_FLOW, Verbatim, json_string, quote, scalar_text
from tarmak_iam.document.splices import (
    Splice,
    apply_splices,
    find_colon,
    last_block_scalar,
    member_count,
    member_start,
    next_line_after,
    unended_scalar,
)
from tarmak_iam.document.target import Target, locate, refuse, refused
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.document.write import key_text
from tarmak_iam.routes import Key, Route, Step


def planned_move(tree: Tree, data: Any, edit: Move) -> Change | None:
    """The change that a move leads to; None if the entry or item is there already. Raises EditRefused."""
    path, to = Route.of(edit.path), Route.of(edit.to)
    old = locate(tree, path)
    if not path.steps:
        raise refused(old, "the whole document cannot be moved", "move one of its keys or items")
    plan.check_exists(old, "move")
    plan.refuse_explicit_keys(old)
    if not to.steps:
        raise refused(old, "the whole document cannot be replaced by a part of it", "set the path () to the value")
    if _is_same(tree, to, old.route):
        return None
    if old.route.leads_to(to):
        raise refused(old, f"{to} is inside of {old.route}, which moves", "move it to a path outside of it")
    last, is_only = to.steps[-1], member_count(old.holders[-2].node) == 1
    if old.holders[-1].is_item and _is_same(tree, to.parent, old.route.parent):
        return _within_list(old, data, to)
    if is_only and isinstance(last, Key) and old.holders[-1].entry is not None and to.parent == old.route.parent:
        return plan.renaming(old, data, Rename(path, last.text))
    return _elsewhere(old, data, to, prune=edit.prune)


def _elsewhere(old: Target, data: Any, to: Route, *, prune: bool) -> Change:
    """The change that moves an entry or item into another collection. Raises EditRefused."""
    tree, here = old.tree, _shifted(to, old.route) if len(to) > len(old.route) else to
    last, value = here.steps[-1], value_at(data, old.native_path)
    native: Any = last
    if isinstance(last, Key):
        new = locate(tree, here)
        if new.holders and not new.missing:
            raise refused(new, f"{to} exists already", "remove it first, or move to another path")
        if isinstance(new.node, Mapping) and len(new.missing) == 1:
            plan.check_is_new(new.existing, last.text)
        parent = new._replace(route=new.route.parent, missing=new.missing[:-1])
        native = old.holders[-1].native if last == old.route.steps[-1] else last.text
    else:
        new = parent = locate(tree, here.parent)
    text, node = _text_of(old, parent, last)
    plan.refuse_explicit_keys(new)
    # To paste first gives the old entry another index, or is not known of where keys override each other.
    passes = _shifted(old.route, here) != old.route or plan.has_overrides(old.holders[-2].node)
    removal = plan.removal(old, data, prune=prune) if passes else None
    before = removal.intended if removal is not None else data
    paste = plan.creation(new, before, text) if parent is not new else plan.addition(new, before, Insert(here, text))
    holder = value_at(paste.intended, parent.native_path)  # what is on the way to the text was copied for it
    if isinstance(last, Key):
        del holder[last.text]
    holder[native] = value
    intended = paste.intended
    if removal is None:
        removal = plan.removal(old, intended, prune=prune)
        intended = removal.intended
    # A refusal names the new place, unless only the old one is shared.
    target = max(paste.target, removal.target, key=lambda target: any(holder.node.anchor for holder in target.holders))
    splices = [*paste.splices, *removal.splices]
    return _with_last_line_end(paste._replace(target=target, splices=splices, intended=intended), node)


def _with_last_line_end(change: Change, node: Node | None) -> Change:
    """The change that moves a node, which keeps its line end if it is a block scalar that gets to the end of a file."""
    source, splices, end = change.target.tree.source, change.splices, len(change.target.tree.source.text)
    if node is not None and last_block_scalar(node) is not None and not source.ends_line(end):
        splices = [splice._replace(text=f"{splice.text}\n") if splice.start == end else splice for splice in splices]
    return change._replace(splices=splices, moved=() if node is None else (node,))


def _is_same(tree: Tree, first: Route, other: Route) -> bool:
    """Whether two routes lead to the same place. `other` exists."""
    return len(first) == len(other) and first.plain == other.plain and tree.node(first) is tree.node(other)


def _shifted(route: Route, item: Route) -> Route:
    """A route with an item more at another route, before or on its way; if that is no item, the route itself."""
    at, index = len(item) - 1, item.steps[-1]
    step = route.steps[at] if len(route) > at and route.steps[:at] == item.steps[:at] else None
    if isinstance(step, int) and isinstance(index, int) and step >= index:
        return Route((*route.steps[:at], step + 1, *route.steps[at + 1 :]))
    return route


def _within_list(old: Target, data: Any, to: Route) -> Change:
    """The change that gives an item another index. Raises EditRefused for one that there is not."""
    parent, number, index = old.parent, old.number, to.steps[-1]
    node = parent.holders[-1].node
    assert isinstance(node, Sequence)
    if not isinstance(index, int):
        what = f"{parent.route} is a list, not a mapping"
        raise refused(old, what, "end the path with the index that the item will have")
    if not 0 <= index < len(node.items):
        what = f"{old.route} cannot get the index {index}"
        raise refused(old, what, f"use an index from 0 to {len(node.items) - 1}")
    first, last = min(number, index), max(number, index)
    order = [other for other in range(len(node.items)) if other != number]
    order.insert(index, number)
    lines = plan.item_lines(parent, first, last)
    if lines is None or any(above.end != below.start for above, below in pairwise(lines.values())):
        return plan.arranged(parent, data, order)
    # Nothing is between the items, so that those which it passes can stay as they are.
    text, moving = _text_of(old, parent, index)
    change = plan.changed_items(parent, data, {index + (index > number): [text]}, (number,))
    items = value_at(data, parent.native_path)
    intended = assigned(data, parent.native_path, [items[number] for number in order])
    return _with_last_line_end(change._replace(intended=intended), moving)


def _text_of(old: Target, new: Target, last: Step) -> tuple[Verbatim, Node | None]:
    """The text that moves to a step of another parent, and its node if it is written as it was."""
    tree, node, held = old.tree, old.holders[-1].node, old.holders[-1]
    collection = new.node
    is_flow = new.in_flow or (isinstance(collection, (Mapping, Sequence)) and collection.flow)
    into_flow, key = is_flow and (new.in_flow or member_count(collection or node) > 0 or tree.is_json), ""
    if isinstance(last, Key) and held.entry is not None:
        written = tree.source.text[held.entry.key.start : held.entry.key.end]
        is_possible = old.in_flow or not into_flow or not UNSAFE_IN_FLOW.search(written)
        is_kept = held.entry.text == last.text and written and "\n" not in written and is_possible
        key = written if is_kept else key_text(tree, held.entry.key, last.text, layout_at(new), flow=into_flow)
    elif isinstance(last, Key):
        key = json_string(last.text) if tree.is_json else scalar_text(last.text, layout_at(new), flow=into_flow)
    own, others = _comments_of(old)
    outside = [comment for comment in own + others if not (old.in_flow and node.start < comment.span.start < node.end)]
    if outside and (into_flow or old.in_flow):
        first = min(outside, key=lambda comment: comment.span)
        what = f"the comment {first.text!r} does not fit there, because it is next to or in a flow collection"
        refuse(tree, node, what, "move it in an editor, or write that collection in block style")
    flow = "\n".join(_flow_lines(old)) if old.in_flow else in_one_line(tree, node)
    if into_flow:
        return Verbatim([], [], "", [], None, flow, key), node if old.in_flow else None
    text = _from_flow(old, key) if old.in_flow else _from_block(old, key, own, is_entry=isinstance(last, Key))
    return text._replace(flow=flow), node


def _comments_of(old: Target) -> tuple[list[Comment], list[Comment]]:
    """The comment lines above and below a member of a block that belong to it, and the comments in it and next to it.
    Of a flow collection those that go with a member."""
    tree, parent, own = old.tree, old.holders[-2].node, list[Comment]()
    assert isinstance(parent, (Mapping, Sequence))
    if not parent.flow:
        own = own_comment_lines(tree, parent, old.number)
        start = member_start(tree.source, parent, old.number)
        spans = [Span(start, next_line_after(tree.source, old.holders[-1].node))]
    elif member_count(parent) > 1:
        spans = [cut.span for cut in remove_from_flow(tree, parent, (old.number,))]
    else:
        spans = [parent.span]
    return own, [comment for span in spans for comment in tree.comments_in(*span)]


def _from_flow(old: Target, key: str) -> Verbatim:
    """A value of a flow collection for a block: it stays as it is written, with its further lines indented."""
    node, (first, *below) = old.holders[-1].node, _flow_lines(old)
    if isinstance(node, Scalar) and any(line[:1].strip() for line in below):
        below = [f" {line}" for line in below]
    refuse_pair(old.tree, node)
    return Verbatim([], [f"{key}: {first}".rstrip(), *below] if key else [], first, below, None, "", key)


def _flow_lines(old: Target) -> list[str]:
    """The text of a value in a flow collection, with its further lines as far indented as they are in its line."""
    source, node = old.tree.source, old.holders[-1].node
    line = source.text[source.line_start(node.start) : node.start]
    return _dedented(source.text[node.start : node.end] or "null", len(line) - len(line.lstrip(" ")))


def _from_block(old: Target, key: str, comments: list[Comment], *, is_entry: bool) -> Verbatim:
    """A member of a block as it is written. `comments` are the lines above and below it that belong to it."""
    source, held, parent = old.tree.source, old.holders[-1], old.holders[-2].node
    assert is_block(parent)
    node, start = held.node, member_start(source, parent, old.number)
    above = [comment.text for comment in comments if comment.span.start < start]
    below = [source.next_line(comment.span.end) for comment in comments if comment.span.start >= start]
    end, width = max([next_line_after(source, node), *below]), source.column(start)
    patches = [header] if (header := unended_scalar(source, node)) else []
    if held.entry is not None and key:
        patches.append(Splice(held.entry.key.start, held.entry.key.end, key))
    after, keeps_kind = start, is_entry == (held.entry is not None)
    if not keeps_kind:
        after = start + 1 if held.entry is None else find_colon(source, held.entry.key.end)
    text = apply_splices(source.text[after:end], [patch.moved(-after) for patch in patches if patch.start >= after])
    if keeps_kind:
        lines = _dedented(text, width)
        if below and held.entry is not None and key and not is_block(node):  # they continue a comment, in its column
            by = len(key) - (held.entry.key.end - held.entry.key.start)
            lines[-len(below) :] = [" " * by + line if by > 0 else line[-by:] for line in lines[-len(below) :]]
        return Verbatim(above, lines, "", [], None, "", key)
    if is_block(node) and node.start == content_start(source.text, node):
        first = member_start(source, node, 0)
        if source.starts_line(first):  # what is after the colon on its line can only be a comment
            head, text = text[: source.line_start(first) - after], source.text[source.line_start(first) : end]
            above += [line.strip() for line in head.splitlines() if line.strip()]
        else:
            text = " " * source.column(first) + source.text[first:end]
        lines = _dedented(text, source.column(first), first_too=True)
        return Verbatim(above, [], "", lines, isinstance(node, Sequence), "", key)
    first_line, *lines = _dedented(text, width)
    return Verbatim(above, [], first_line.strip(), lines, None, "", key)


def _dedented(text: str, width: int, *, first_too: bool = False) -> list[str]:
    """The lines of a text, with so many blanks less in front of each; the first one has them already."""
    lines = text.removesuffix("\n").removesuffix("\r").replace("\r\n", "\n").split("\n")
    return [
        line if number == 0 and not first_too else line[width:] if not line[:width].strip(" ") else line.lstrip(" ")
        for number, line in enumerate(lines)
    ]


def in_one_line(tree: Tree, node: Node) -> str:
    """A node in flow style. Its scalars keep their text as far as they can: not in block scalars, on several lines, or
    where a plain scalar would not be one in a flow collection."""
    if isinstance(node, Alias):
        return f"*{node.name}"
    text, start = tree.source.text, content_start(tree.source.text, node)
    properties = text[node.start : start].split("#", 1)[0].split()[: (node.anchor is not None) + (node.tag is not None)]
    if isinstance(node, Sequence):
        content = "[" + ", ".join(in_one_line(tree, item) for item in node.items) + "]"
    elif isinstance(node, Mapping):
        pairs = ((in_one_line(tree, entry.key), in_one_line(tree, entry.value)) for entry in node.entries)
        content = "{" + ", ".join(f"{key}{' ' if key[0] == '*' else ''}: {value}" for key, value in pairs) + "}"
    else:
        written = text[start : node.end]
        is_plain, is_one_line = node.style == "plain", not (node.is_block or "\n" in written or "\r" in written)
        keeps = not UNSAFE_IN_FLOW.search(written) if is_plain else is_one_line
        content = (written if keeps else quote(node.text)) or "null"
    return " ".join([*properties, content])
