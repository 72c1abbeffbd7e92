"""What an edit other than a move makes of a tree: the change of the text, and the intended values."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from collections.abc import Sequence as SequenceOf
from typing import Any

from tarmak_iam.document import edits, write
from tarmak_iam.document.comments import below_deeper_comments, holds_comments, member_lines, own_comment_lines
from tarmak_iam.document.flow import layout_at
from tarmak_iam.document.json_reader import construct_json
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, Span, is_block, is_custom_tag
from tarmak_iam.document.plain_values import assigned, construct, same, value_at
from tarmak_iam.document.proof import Change
from tarmak_iam.document.scalars import readings
from tarmak_iam.document.splices import (
    Splice,
    apply_splices,
    code_end,
    lines_instead,
    member_count,
    member_start,
    next_line_after,
    owns_line_end,
    unended_scalar,
)
from tarmak_iam.document.target import Target, kind_of, locate, native_keys, refuse, refused
from tarmak_iam.document.tree import Tree
from tarmak_iam.routes import Key, Route

_EXPLICIT = re.compile(r"(?:^|\s)\?\s*(?:#[^\n]*\s*)*\Z")
_MARKER = re.compile(r"(?m)^---")


def planned(tree: Tree, data: Any, edit: edits.SharedEdit, *, literals: bool) -> Change | None:
    """The change that an edit leads to; None if it would not change anything. `literals`: whether a new string of
    several lines may be a literal block. Raises EditRefused, and what `planned_alone` makes one of."""
    route = Route.of(edit.path)
    if isinstance(edit, edits.Insert) and not route.steps:
        raise refused(locate(tree, route), "the path of an insert has no index", "end the path with the item's index")
    target = locate(tree, route.parent if isinstance(edit, edits.Insert) else route)
    refuse_explicit_keys(target)
    target = target._replace(literals=literals, keeps_tags=isinstance(edit, edits.Set) and edit.keep_tag)
    return _PLANS[type(edit)](target, data, edit)


def refuse_explicit_keys(target: Target) -> None:
    """Raises EditRefused if a mapping on the way to a target, or the target itself, has a key with `?`."""
    text = target.tree.source.text
    for holder in target.holders if "?" in text else ():
        node = holder.node
        if not isinstance(node, Mapping) or text.find("?", node.start, node.end) < 0:
            continue
        end = node.start
        for entry in node.entries:
            if text.startswith("?", end, entry.key.start) or _EXPLICIT.search(text[end : entry.key.start]):
                what = f"the mapping at {target.route} or around it has a key that is written with ?"
                refuse(target.tree, entry.key, what, "write it as `key: value` first")
            end = entry.value.end


def _assignment(target: Target, data: Any, edit: edits.Set) -> Change | None:
    value = edit.value
    if target.missing:
        return creation(target, data, value)
    node, path = target.node, target.native_path
    if same(value_at(data, path), value):
        if not edit.rewrite or target.tree.is_json or not isinstance(node, Scalar):
            return None
        if not (readings(node) or (node.tag and is_custom_tag(node.tag) and not target.keeps_tags)):
            return None
    if write.takes_members(target, value):
        return (
            _adding_members(target, data, value) if isinstance(value, dict) else changed_items(target, data, {0: value})
        )
    if is_block(node) and member_count(node):
        splices = write.replace_members(target, value)
    else:
        splices = write.write_value(target, value) if target.holders else write.begin(target, value)
    return Change(target, splices, assigned(data, path, value))


def creation(target: Target, data: Any, value: Any) -> Change:
    """Adds the value inside its missing parents. A new list can only begin with index 0."""
    for step in reversed(target.missing):
        if isinstance(step, int) and step != 0:
            raise refused(target, f"index {step} is out of range for a new list", "use index 0, or append")
        value = [value] if isinstance(step, int) else {step.text: value}
    there, add = target.existing, _adding_members if isinstance(value, dict) else changed_items
    change = add(there, data, value if isinstance(value, dict) else {0: value})
    return change._replace(created=Route((*there.route, target.missing[0])))


def _adding_members(target: Target, data: Any, new: dict[Any, Any]) -> Change:
    path, splices = target.native_path, write.add_members(target, new)
    return Change(target, splices, assigned(data, path, {**(value_at(data, path) or {}), **new}))


def changed_items(target: Target, data: Any, added: dict[int, list[Any]], gone: Collection[int] = ()) -> Change:
    """Adds items above those that have the indices, and removes others."""
    path, count = target.native_path, member_count(target.holders[-1].node) if target.holders else 0
    items, splices = [*(value_at(data, path) or [])], list[Splice]()
    for index in sorted({*added, *gone}, reverse=True):
        at = len(items) if index == count else index  # the end, where others may add some too
        items[at : at + (index in gone)] = added.get(index, [])
        splices += write.add_items(target, index, added[index]) if index in added else []
    splices += write.remove_members(target, gone, is_emptied=not items) if gone else []
    return Change(target, splices, assigned(data, path, items))


def _changing_items(target: Target, data: Any, edit: edits.ChangeItems) -> Change:
    _count_of_items(target, max([*edit.added, *(number + 1 for number in edit.gone)]))
    return changed_items(target, data, edit.added, edit.gone)


def _count_of_items(target: Target, least: int) -> int:
    """The number of items of a list. Raises EditRefused if it has not so many."""
    if target.missing or not isinstance(target.node, Sequence) or len(target.node.items) < least:
        raise refused(target, f"{target.route} is not a list of at least {least} items", "use indices that exist")
    return len(target.node.items)


def _rewriting(target: Target, data: Any, edit: edits.Rewrite) -> Change:
    return Change(target, write.write_value(target, edit.value), assigned(data, target.native_path, edit.value))


def addition(target: Target, data: Any, edit: edits.Append | edits.Insert) -> Change:
    length = member_count(target.holders[-1].node) if target.holders and not target.missing else 0
    index = Route.of(edit.path).steps[-1] if isinstance(edit, edits.Insert) else length
    if not isinstance(index, int) or not 0 <= index <= length:
        what = f"a new item cannot be inserted into {target.route} at {index}"
        raise refused(target, what, f"use an index from 0 to {length}" if length else "use index 0, or append")
    if target.missing:
        return creation(target, data, [edit.value])
    if not write.is_empty_target(target) and not isinstance(target.holders[-1].node, Sequence):
        what = f"{target.route} is {kind_of(target.holders[-1].node)}, not a list"
        raise refused(target, what, "items can only be added to a list")
    return changed_items(target, data, {index: [edit.value]})


def removal(target: Target, data: Any, *, prune: bool) -> Change:
    if not target.route.steps:
        raise refused(target, "the whole document cannot be removed", "set the path () to null")
    check_exists(target, "remove")
    while prune and len(target.holders) > 1 and member_count(target.holders[-2].node) == 1:  # it would be left empty
        if len(target.holders) == 2 and not _is_removable_root(target.tree):
            break
        target = target.parent
    if len(target.holders) == 1:  # the comments above and below it stay
        source, root = target.tree.source, target.holders[0].node
        lines = source.line_start(root.start), next_line_after(source, root)
        return Change(target, [lines_instead(source, *lines, [])], None)
    return _dropping(target.parent, data, (target.number,))


def has_overrides(node: Node) -> bool:
    """Whether another value may take effect when an entry goes: of an equal key, or of a merge key."""
    return isinstance(node, Mapping) and bool(node.merge_entries or len(node.lasts) < len(node.entries))


def _dropping(target: Target, data: Any, numbers: Collection[int]) -> Change:
    node, path = target.node, target.native_path
    if not isinstance(node, Mapping):
        return changed_items(target, data, {}, numbers)
    values = value_at(data, path)
    if has_overrides(node):
        left = [(entry.key, entry.value) for number, entry in enumerate(node.entries) if number not in numbers]
        others = Mapping.of(node.span, left, node.flow)
        values = construct_json(others) if target.tree.is_json else construct(others, target.tree.source)
    else:
        gone = [native_keys(node)[number] for number in numbers]
        values = {key: value for key, value in values.items() if key not in gone}
    splices = write.remove_members(target, numbers, is_emptied=not values)
    return Change(target, splices, assigned(data, path, values))


def check_exists(target: Target, verb: str) -> None:
    """Raises EditRefused if the target's route leads to nothing. `verb` is what would be done."""
    if not target.missing and len(target.holders) >= 2:
        return
    node, step = target.node, target.missing[0] if target.missing else None
    if isinstance(node, Mapping) and isinstance(step, Key) and node.effective(step.text) is not None:
        raise refused(target, f"{target.route} comes from a merge key (<<)", "edit the merged mapping")
    raise refused(target, f"{target.route} does not exist", f"there is nothing to {verb}")


def _is_removable_root(tree: Tree) -> bool:
    """Whether the root is a block on its own lines, so that removing them leaves an empty document."""
    root, text, extent = tree.root, tree.source.text, tree.extent
    if root is None or not is_block(root) or root.anchor or root.tag or not tree.source.starts_line(root.start):
        return False
    # Otherwise there would be no document left, and the next one would become the first.
    return extent.end >= len(text) or _MARKER.search(text, extent.start, root.start) is not None


def renaming(target: Target, data: Any, edit: edits.Rename) -> Change | None:
    name, route, tree = edit.key, target.route, target.tree
    if not route.steps:
        raise refused(target, "the whole document has no key", "rename one of its keys")
    if not isinstance(route.steps[-1], Key):
        what = f"{route} is an item of a list, which has no key"
        raise refused(target.parent, what, "move the item to give it another index")
    check_exists(target, "rename")
    parent, entry, old = target.parent, target.holders[-1].entry, target.holders[-1].native
    mapping, path = parent.node, parent.native_path
    assert isinstance(mapping, Mapping)
    assert entry is not None
    if entry.text == name:
        return None
    check_is_new(parent, name)
    members = {name if key == old else key: value for key, value in value_at(data, path).items()}
    splices = write.renamed_key(tree, entry.key, name, layout_at(parent), flow=mapping.flow or parent.in_flow)
    return Change(parent, splices, assigned(data, path, members))


def check_is_new(parent: Target, name: str) -> None:
    """Raises EditRefused if the mapping has a key of that name, or a merge key brings one."""
    mapping = parent.holders[-1].node
    assert isinstance(mapping, Mapping)
    natives = zip(native_keys(mapping), mapping.entries, strict=True)
    alike = (entry for key, entry in natives if key == name and not entry.is_merge)
    other = mapping.effective(name) or next(alike, None)
    if other is not None:
        line = parent.tree.source.position(other.key.start)[0]
        what = f"{parent.route / name} exists already (line {line})"
        refuse(parent.tree, mapping, what, "use another key, or remove that one first")


def arranged(target: Target, data: Any, order: SequenceOf[int]) -> Change:
    """The change that puts the items of a list in another order: each place gets the lines of another item, with the
    comments that belong to it. Blank lines stay between the same places. Comments that belong to no item may be a
    heading over several: no item moves across them, which raises EditRefused."""
    node, tree = target.node, target.tree
    assert isinstance(node, Sequence)
    moving = [place for place, number in enumerate(order) if place != number] or [0]
    first, last = moving[0], moving[-1]
    _check_no_headings(target, first, last)
    source, spans = tree.source, _spans(target, node, first, last)
    parts = {number: source.text[span.start : span.end] for number, span in spans.items()}
    header = unended_scalar(source, node.items[last])
    if header is not None:  # the end of the file is not its own any more
        start = spans[last].start
        parts[last] = apply_splices(source.text[start : spans[last].end], [header.moved(-start)])
    if not source.ends_line(len(source.text)) and spans[last].end == len(source.text):
        parts[order[last]] += source.newline_near(first) * owns_line_end(source, node.items[order[last]])
    splices = [Splice(*spans[place], parts[order[place]]) for place in moving]
    items = value_at(data, target.native_path)
    return Change(target, splices, assigned(data, target.native_path, [items[number] for number in order]))


def item_lines(target: Target, first: int, last: int) -> dict[int, Span] | None:
    """The lines of some items, with the comments that belong to them; None if one does not begin its line."""
    node, tree, numbers = target.node, target.tree, range(first, last + 1)
    assert isinstance(node, Sequence)
    if node.flow or not all(tree.source.starts_line(member_start(tree.source, node, number)) for number in numbers):
        return None
    return {number: member_lines(tree, node, number) for number in numbers}


def _check_no_headings(target: Target, first: int, last: int) -> None:
    """Raises EditRefused if comments that belong to none of them are between some items."""
    node, tree = target.node, target.tree
    assert isinstance(node, Sequence)
    starts = {line.span.start for number in range(first, last + 1) for line in own_comment_lines(tree, node, number)}
    for number in range(first, last) if not node.flow else ():
        end, start = code_end(tree.source, node.items[number]), member_start(tree.source, node, number + 1)
        for comment in tree.comments_in(end, start):
            if comment.own_line and comment.span.start not in starts:
                line = tree.source.position(comment.span.start)[0]
                what = f"the comment in line {line} is between the items and belongs to none: it may be a heading"
                blank = "remove the blank line between the comment and its item first"
                raise refused(target, what, f"reorder the items in an editor, or {blank}")


def _spans(target: Target, node: Sequence, first: int, last: int) -> dict[int, Span]:
    """The text of each item, without the line break that ends it. Raises EditRefused."""
    tree, source, numbers = target.tree, target.tree.source, range(first, last + 1)
    lines = item_lines(target, first, last)
    if lines is not None:
        texts = {number: source.text[start:end] for number, (start, end) in lines.items()}
        lengths = {number: len(text.removesuffix("\n").removesuffix("\r")) for number, text in texts.items()}
        return {number: Span(start, start + lengths[number]) for number, (start, _) in lines.items()}
    if node.flow:
        spans, is_parted = {number: node.items[number].span for number in numbers}, holds_comments(tree, node)
    else:
        ends = {number: source.line_end(code_end(source, node.items[number])) for number in numbers}
        spans = {number: Span(member_start(source, node, number), end) for number, end in ends.items()}
        below = below_deeper_comments(tree, source.next_line(ends[last]), source.column(spans[first].start))
        own_lines = (at for at in tree.own_lines if spans[first].start < at < below)
        is_parted = any(not any(span.start < at < span.end for span in spans.values()) for at in own_lines)
    if is_parted:
        kind = "a list in brackets" if node.flow else "which do not begin their own lines"
        what = f"there are comments between the items of {target.route}, {kind}"
        raise refused(target, what, "write the list in block style first, each item on its own line")
    return spans


_PLANS: dict[type, Callable[[Target, Any, Any], Change | None]] = {
    edits.AddKeys: lambda target, data, edit: _adding_members(target, data, edit.members),
    edits.Append: addition,
    edits.Arrange: lambda target, data, edit: arranged(
        target, data, [*edit.order, *range(len(edit.order), _count_of_items(target, len(edit.order)))]
    ),
    edits.ChangeItems: _changing_items,
    edits.Drop: lambda target, data, edit: _dropping(target, data, edit.numbers),
    edits.Insert: addition,
    edits.Remove: lambda target, data, edit: removal(target, data, prune=edit.prune),
    edits.Rename: renaming,
    edits.ReplaceAlias: _rewriting,
    edits.Rewrite: _rewriting,
    edits.Set: _assignment,
}
