"""What edits write in a block or in its place: another value, new members, fewer members, and other keys."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection
from typing import Any

from tarmak_iam.document import comments, render
from tarmak_iam.document.flow import add_to_flow, fill_flow, layout_at, remove_from_flow
from tarmak_iam.document.nodes import (
    STANDARD_TAG,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Span,
    content_start,
    is_block,
    is_custom_tag,
    tag_span,
)
from tarmak_iam.document.render import Layout, block_lines, flow_text, indent, json_text, scalar_text, value_lines
from tarmak_iam.document.splices import (
    Splice,
    block_header,
    code_end,
    find_colon,
    item_start,
    joined_spans,
    lines_below,
    lines_instead,
    member_count,
    member_start,
    member_value,
    next_line_after,
    owns_line_end,
)
from tarmak_iam.document.target import Target, is_null, refuse
from tarmak_iam.document.tree import Tree
from tarmak_iam.text import quoted, shortened


def write_value(target: Target, value: Any) -> list[Splice]:
    """Replaces the target's deepest node with the value. Text after the old value on its line stays. Raises EditRefused
    if a tag that must stay does not fit the value."""
    tree, node = target.tree, target.holders[-1].node
    start, splices = content_start(tree.source.text, node), list[Splice]()
    if node.tag is not None and target.keeps_tags and is_custom_tag(node.tag):
        if not isinstance(value, (str, dict, list)):
            what = f"with its tag {shortened(node.tag)} the value would be read as a string"
            refuse(tree, node, what, "set a string, or do not keep the tag")
    elif node.tag is not None:
        start, splices = _without_tag(tree, node)
    is_of_flow = isinstance(node, (Mapping, Sequence)) and node.flow and member_count(node) > 0
    if target.in_flow or (is_of_flow and value and isinstance(value, dict if isinstance(node, Mapping) else list)):
        blank = " " * (start == node.end and bool(tree.source.text[start - 1 : start].strip()))
        written = json_text(value) if tree.is_json else _in_old_quotes(node, value)
        return [*splices, Splice(start, node.end, blank + (written or flow_text(value, layout_at(target, inside=1))))]
    return [*splices, *_in_block(target, start, value)]


def _without_tag(tree: Tree, node: Node) -> tuple[int, list[Splice]]:
    """Where the text that takes the place of a tag and its value begins, and what removes a tag before an anchor."""
    text, tag, start = tree.source.text, tag_span(tree.source.text, node), content_start(tree.source.text, node)
    between = text[tag.end : start]
    if "#" in between:
        refuse(tree, node, "there is a comment between the tag and its value", "remove the tag first")
    if not between.strip():
        return tag.start, []
    return start, [Splice(tag.start, tag.end + len(between) - len(between.lstrip()), "")]


def _in_old_quotes(node: Node, value: Any) -> str | None:
    """The string in the quotes of the old one; None if that is not possible."""
    if isinstance(node, Scalar) and isinstance(value, str) and "\n" not in value and node.style in ("single", "double"):
        return render.quote(value, "single" if node.style == "single" else "double")
    return None


def _in_block(target: Target, start: int, value: Any) -> list[Splice]:
    """Replaces the text of a node in a block from `start` on. The comments next to it stay."""
    source, node = target.tree.source, target.holders[-1].node
    first, below = _rendered(target, start, value)
    end, lines_end = code_end(source, node), next_line_after(source, node)
    lines_start = lines_end
    if isinstance(node, Scalar) and node.is_block:  # the header's comment stays
        end = block_header(source, node).end
        lines_start = source.next_line(end)
    elif is_block(node) and len(target.holders) > 1 and source.starts_line(start):
        lines_start = source.line_start(start)
        head = re.split(r"\s#|[\r\n]", source.text[node.start : start], maxsplit=1)[0]  # its anchor and tag
        start = end = node.start + len(head.rstrip()) if head else _owner_end(target)
    elif below and isinstance(value, (dict, list)):  # comments inside a literal block would become its text
        width = len(below[0]) - len(below[0].lstrip())
        lines_start = lines_end = comments.below_deeper_comments(target.tree, lines_end, width)
    if not first:
        start = source.blanks_before(start)
    elif start == end:
        first = " " * bool(source.text[start - 1 : start].strip()) + first
        if end == node.end and not source.text[end : source.line_end(end)].strip():
            end = source.line_end(end)  # blanks after an empty value need not be kept
    splices = [Splice(start, end, first), lines_instead(source, lines_start, lines_end, below)]
    return [splice for splice in splices if splice.start < splice.end or splice.text]


def _rendered(target: Target, start: int, value: Any) -> tuple[str, list[str]]:
    """The value as text: what is at its place, and the indented lines under it."""
    source, holder = target.tree.source, target.holders[-1]
    in_quotes = _in_old_quotes(holder.node, value)
    if in_quotes is not None:
        return in_quotes, []
    is_filled = isinstance(value, (dict, list)) and bool(value)
    layout = layout_at(target, inside=0 if source.starts_line(start) else 1)
    if source.starts_line(start):
        if is_filled and is_block(holder.node) and len(target.holders) > 1:
            return "", indent(block_lines(value, layout), _column_instead(target, start, value))
        first, below = value_lines(value, layout)
        if is_filled:
            first, *below = block_lines(value, layout)
        return first, indent(below, source.column(start))
    if holder.is_item:
        return _after_dash(target, start, value, layout)
    if holder.entry is None and is_filled:  # after `---` a block cannot begin on the same line, only at the margin
        return "", block_lines(value, layout)
    first, below = value_lines(value, layout)
    return first, indent(below, 0 if holder.entry is None else source.column(holder.entry.key.start))


def _after_dash(target: Target, start: int, value: Any, layout: Layout) -> tuple[str, list[str]]:
    source, node = target.tree.source, target.holders[-1].node
    dash = _owner_end(target) - 1
    if start > node.start and isinstance(value, (dict, list)) and value:
        # An anchor or tag after the dash must not become that of a key.
        return "", indent(block_lines(value, layout), source.column(dash) + layout.item)
    if start == node.start > dash + 1 and source.line_start(start) == source.line_start(dash):
        layout.item = max(start - dash, 2)  # the content keeps its column, so that the lines below fit it
    first, *below = block_lines([value], layout)
    return first[layout.item :], indent(below, source.column(dash))


def _owner_end(target: Target) -> int:
    """The offset after the colon or dash before the target's deepest node."""
    source, holder, parent = target.tree.source, target.holders[-1], target.holders[-2].node
    if holder.entry is not None:
        return find_colon(source, holder.entry.key.end)
    assert isinstance(parent, Sequence)
    return item_start(source, parent, target.number) + 1


def _column_instead(target: Target, start: int, value: Any) -> int:
    """The old column, unless the kind changes: a list may be in its key's column, but a mapping may not."""
    source, holder, width = target.tree.source, target.holders[-1], target.tree.source.column(start)
    if holder.entry is None:
        return width
    key_column, layout = source.column(holder.entry.key.start), layout_at(target, inside=1)
    if isinstance(value, list) and isinstance(holder.node, Mapping):
        return key_column + layout.dash
    return key_column + layout.step if isinstance(value, dict) and width <= key_column else width


def add_members(target: Target, members: dict[Any, Any]) -> list[Splice]:
    """Adds keys to the target: a mapping, null, or no node at all."""
    if is_empty_target(target):
        return _fill_empty(target, members)
    node = target.holders[-1].node
    assert isinstance(node, Mapping)
    if node.flow:
        return add_to_flow(target, node, list(members.items()))
    source, layout, width = target.tree.source, layout_at(target), target.tree.source.column(node.entries[0].key.start)
    at = comments.below_deeper_comments(target.tree, next_line_after(source, node), width)
    new = [indent(render.entry_lines(key, value, layout), width) for key, value in members.items()]
    return lines_below(source, node, [lines_instead(source, at, at, lines) for lines in new])


def add_items(target: Target, index: int, values: list[Any]) -> list[Splice]:
    """Adds items, from `index` on, to the target: a list, null, or no node at all."""
    if is_empty_target(target):
        return _fill_empty(target, values)
    tree, node = target.tree, target.holders[-1].node
    assert isinstance(node, Sequence)
    if node.flow:
        return add_to_flow(target, node, values, index)
    source = tree.source
    dash = source.column(item_start(source, node, len(node.items) - 1))
    lines = indent(_item_lines(node, index, values, layout_at(target, at=index)), dash)
    if index == 0:
        start, at = item_start(source, node, 0), comments.member_lines(tree, node, 0).start
        if not source.starts_line(start):  # after another dash: the present first item moves to its own line
            newline = source.newline_near(start)
            return [Splice(start, start, newline.join(lines).lstrip(" ") + newline + " " * dash)]
    else:
        last = index == len(node.items)
        below = next_line_after(source, node if last else node.items[index - 1])
        at = comments.below_deeper_comments(tree, below, dash)
        if last and at == below:  # a comment further out than those before it is about something else
            entry = target.holders[-1].entry
            width = dash if entry is None else min(dash, source.column(entry.key.start))
            at = comments.below_last_comments(tree, at, width)
    return lines_below(source, node, [lines_instead(source, at, at, lines)])


def _item_lines(node: Sequence, index: int, values: list[Any], layout: Layout) -> list[str]:
    """New collections are written in flow style if the items around are flow collections of their kind (`- {a: 1}`)."""
    around = node.items[max(index - render.AROUND, 0) : index + render.AROUND + 1]
    kind = {Mapping: dict, Sequence: list}.get(type(around[0]))
    are_flow = all(type(item) is type(around[0]) and getattr(item, "flow", False) for item in around)
    if kind is not None and are_flow and all(isinstance(value, kind) for value in values):
        return ["-".ljust(layout.item) + flow_text(value, layout) for value in values]
    return block_lines(values, layout)


def is_empty_target(target: Target) -> bool:
    """Whether the target is null, {} or [], or does not exist at all."""
    node = target.node
    return node is None or is_null(node) or (isinstance(node, (Mapping, Sequence)) and not member_count(node))


def takes_members(target: Target, value: Any) -> bool:
    """Whether the target is empty and can become the value, a mapping or list."""
    kind = {Mapping: dict, Sequence: list}.get(type(target.node), (dict, list))
    return is_empty_target(target) and bool(value) and isinstance(value, kind)


def begin(target: Target, value: Any) -> list[Splice]:
    """The first value of a document without any node (empty, or only comments), after its comments."""
    source, end, layout = target.tree.source, target.tree.extent.end, Layout(literal=target.literals)
    at = end if end >= len(source.text) else source.line_start(end)
    if isinstance(value, (dict, list)) and value:
        return [lines_instead(source, at, at, block_lines(value, layout))]
    first, below = value_lines(value, layout)
    return [lines_instead(source, at, at, [f"--- {first}" if below else first, *below])]


def _fill_empty(target: Target, child: Any) -> list[Splice]:
    """Replaces null, ~, an empty value, {} or [] with a block (inside a flow collection: flow). Its comment stays."""
    node = target.node
    if node is None or (len(target.holders) == 1 and node.start == node.end):  # the document is only `---` and comments
        return begin(target, child)
    if not takes_members(target, child):
        present, needed = ("list", "mapping") if isinstance(node, Sequence) else ("mapping", "list")
        refuse(target.tree, node, f"{target.route} is an empty {present}, not a {needed}", "remove it first")
    if isinstance(node, (Mapping, Sequence)) and comments.holds_comments(target.tree, node):
        return fill_flow(target, node, list(child.items() if isinstance(child, dict) else child))
    return write_value(target._replace(keeps_tags=True), child)


def remove_members(target: Target, numbers: Collection[int], *, is_emptied: bool) -> list[Splice]:
    """Removes members of the target, a collection, with their comments. If it is left empty, it becomes {} or [].
    Raises EditRefused if all go, others come, and the first is behind a dash."""
    tree, parent = target.tree, target.holders[-1].node
    assert isinstance(parent, (Mapping, Sequence))
    if isinstance(parent, Mapping):
        _refuse_duplicates(tree, parent, numbers)
    is_all = len(numbers) == member_count(parent)
    if is_all and is_emptied and not (parent.flow and comments.holds_comments(tree, parent)):
        return replace_members(target._replace(keeps_tags=True), {} if isinstance(parent, Mapping) else [])
    if is_all and not parent.flow and not tree.source.starts_line(member_start(tree.source, parent, 0)):
        refuse(tree, parent, f"all of {target.route} would be replaced", "add the new members in a separate edit first")
    return remove_from_flow(tree, parent, numbers) if parent.flow else _from_block(tree, parent, sorted(numbers))


def _refuse_duplicates(tree: Tree, parent: Mapping, numbers: Collection[int]) -> None:
    """Refuses to remove the last of several equal keys: the one before it would take effect, which is not intended."""
    kept = {entry.text for number, entry in enumerate(parent.entries) if number not in numbers} - {None}
    for entry in [parent.entries[number] for number in numbers]:
        if entry.text in kept:
            equal = [other.key.start for other in parent.entries if other.text == entry.text]
            lines = ", ".join(str(tree.source.position(start)[0]) for start in equal)
            what = f"duplicate key {quoted(entry.text or '')} (lines {lines})"
            refuse(tree, entry.key, what, "remove all but one of them by hand first")


def replace_members(target: Target, value: Any) -> list[Splice]:
    """Another value instead of a collection. The comments that belong to a block's members are removed."""
    tree, source, parent = target.tree, target.tree.source, target.holders[-1].node
    assert isinstance(parent, (Mapping, Sequence))
    splices = write_value(target, value)
    if parent.flow:
        return splices
    new, spans = [splice for splice in splices if splice.text], [splice.span for splice in splices if not splice.text]
    first, last = (comments.member_lines(tree, parent, number) for number in (0, member_count(parent) - 1))
    for comment in tree.comments_in(first.start, last.end):
        start, end = comment.span
        lines = Span(source.line_start(start), source.next_line(start))
        spans.append(lines if comment.own_line else Span(source.blanks_before(start), end))
    spans = [span for span in spans if not any(text.start <= span.start < text.end for text in new)]
    spans = [lines_instead(source, *span, []).span for span in joined_spans(spans)]  # the last may now meet another
    return [*new, *(lines_instead(source, *span, []) for span in joined_spans(spans))]


def _from_block(tree: Tree, parent: Mapping | Sequence, numbers: list[int]) -> list[Splice]:
    """Removes some of the members, but not all."""
    source = tree.source
    on_lines = [number for number in numbers if source.starts_line(member_start(source, parent, number))]
    spans = [comments.member_lines(tree, parent, number) for number in on_lines]
    starts, removed = [member_value(parent, number).start for number in range(member_count(parent))], list[Splice]()
    for start, end in joined_spans(spans):
        before = bisect_left(starts, start) - 1
        above = member_value(parent, before) if before >= 0 else None
        keeps = above is not None and owns_line_end(source, above)
        removed.append(lines_instead(source, start, end, [], keeps_line_end=keeps))
    splices = [Splice(*span, "") for span in joined_spans(splice.span for splice in removed)]
    if numbers[0] == 0 and not source.starts_line(member_start(source, parent, 0)):
        return _without_first(tree, parent, numbers, splices)
    return splices


def _without_first(tree: Tree, parent: Mapping | Sequence, numbers: list[int], others: list[Splice]) -> list[Splice]:
    """Removes the first member of a mapping or list that begins after a dash. The next one that stays moves up to its
    place, or the dash stays alone if there are comments between them."""
    source, start = tree.source, member_start(tree.source, parent, 0)
    following = next(number for number in range(member_count(parent)) if number not in numbers)
    before, end = member_value(parent, following - 1), member_start(source, parent, following)
    between = source.text[next_line_after(source, before) : source.line_start(end)]
    if source.starts_line(end) and not between.strip():
        return [Splice(start, end, ""), *(splice for splice in others if splice.start >= end)]
    first = Splice(source.blanks_before(start), source.line_end(code_end(source, member_value(parent, 0))), "")
    return [first, *others]


def key_text(tree: Tree, key: Node, name: str, layout: Layout, *, flow: bool) -> str:
    """A key with another text, in the quotes of the present one."""
    return json_text(name) if tree.is_json else _in_old_quotes(key, name) or scalar_text(name, layout, flow=flow)


def renamed_key(tree: Tree, key: Node, name: str, layout: Layout, *, flow: bool) -> list[Splice]:
    """The change of the text that gives a key another text. Its anchor stays, and its tag if it fits any string."""
    start, splices = content_start(tree.source.text, key), list[Splice]()
    if key.tag is not None and key.tag.startswith(STANDARD_TAG) and key.tag != STANDARD_TAG + "str":
        start, splices = _without_tag(tree, key)
    return [*splices, Splice(start, max(start, key.end), key_text(tree, key, name, layout, flow=flow))]
