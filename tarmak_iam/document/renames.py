"""Other keys for entries of a mapping. Everything else about the entries stays, and so does how the keys are quoted."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from typing import Any

from tarmak_iam.document.edits import DocumentChange, Rename, check_exists, checked, refused_edit
from tarmak_iam.document.nodes import (
    STANDARD_TAG,
    Alias,
    Entry,
    Mapping,
    Node,
    Scalar,
    Style,
    content_start,
    merged_entry,
    tag_span,
    walk,
)
from tarmak_iam.document.render import Layout, json_string, quote, scalar_text
from tarmak_iam.document.splices import Splice
from tarmak_iam.document.target import Target, native_keys, refuse
from tarmak_iam.document.tree import Tree
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import quoted

_HEADER = compiled(r"[|>][-+0-9]*")

_STYLES: dict[str, Style] = {'"': "double", "'": "single"}


@dataclass(frozen=True)
class RenameMembers(DocumentChange):
    """Gives entries of a mapping other keys. `names` has the new key by the number of the entry."""

    names: dict[int, str]

    @property
    def keys(self) -> dict[Any, str]:
        """The new keys by the old ones, as they are in the plain data."""
        native = native_keys(self._mapping)
        return {native[number]: name for number, name in self.names.items()}

    @property
    def new_keys(self) -> MappingOf[int, Node]:
        """A node that is like the new one, by the id of each key."""
        return {id(key.node): key.like for key in self._written()}

    def splices(self) -> list[Splice]:
        """The change of the text."""
        return [splice for key in self._written() for splice in key.splices()]

    @property
    def _mapping(self) -> Mapping:
        node = self.target.node
        assert isinstance(node, Mapping)
        return node

    def _written(self) -> list[NewKey]:
        mapping, layout = self._mapping, self.target.layout()
        flow = mapping.flow or self.target.in_flow
        entries = ((mapping.entries[number], name) for number, name in self.names.items())
        return [new_key(self.target.tree, entry.key, name, layout, flow=flow) for entry, name in entries]


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is written anew. `written` is its text, without its anchor and the `tag` that stays."""

    tree: Tree
    node: Node
    text: str
    written: str
    tag: str | None

    @property
    def like(self) -> Node:
        """A node that is like the new one."""
        style = _STYLES.get(self.written[0], "plain")
        return Scalar(self.node.start, self.node.end, self.text, style, self.tag, self.node.anchor)

    def splices(self) -> list[Splice]:
        """The change of the text."""
        text, node = self.tree.source.text, self.node
        start = content_start(text, node)
        tag = tag_span(text, node) if node.tag is not None and self.tag is None else None
        splices = [Splice(tag.start, _after_blanks(text, tag.end), "")] if tag else []
        if isinstance(node, Scalar) and node.is_block:
            header = _HEADER.match(text, start)
            end = header.end() if header else start
            lines = self.tree.source.next_line(end)
            return [*splices, Splice(start, end, self.written), Splice(lines, max(node.end, lines), "")]
        needs_blank = start >= node.end and text[start - 1 : start] in ("?", "-")
        return [*splices, Splice(start, max(start, node.end), " " * needs_blank + self.written)]


def _after_blanks(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    return at


def new_key(tree: Tree, key: Node, text: str, layout: Layout, *, flow: bool) -> NewKey:
    """The key with another text, in the style of the present one if that is possible."""
    tag = key.tag if key.tag is None or _takes_any_text(key.tag) else None
    if tree.is_json:
        return NewKey(tree, key, text, json_string(text), tag)
    style = key.style if isinstance(key, Scalar) else "plain"
    if style in ("single", "double"):
        return NewKey(tree, key, text, quote(text, "single" if style == "single" else "double"), tag)
    return NewKey(tree, key, text, scalar_text(text, layout, flow=flow), tag)


def _takes_any_text(tag: str) -> bool:
    return tag in ("!", STANDARD_TAG + "str") or not tag.startswith(STANDARD_TAG)


def planned_rename(edit: Rename, locate: Callable[[Route], Target]) -> RenameMembers | None:
    """The change that a rename leads to; None if the entry has the key already. Raises EditRefused."""
    route = Route.of(edit.path)
    if not route.steps:
        raise refused_edit(locate(route), "the whole document has no key", "rename one of its keys")
    if not isinstance(route.steps[-1], Key):
        what = f"{route} is an item of a list, which has no key"
        raise refused_edit(locate(route.parent), what, "move the item to give it another index")
    target = locate(route)
    check_exists(target, "rename")
    name = checked(target, edit.key)
    mapping, entry = entry_of(target)
    if entry.text == name:
        return None
    check_takes_effect_alone(target)
    _check_is_new(target, mapping, name)
    _check_is_unshared(target.tree, entry)
    return RenameMembers(target.parent, {target.number: name})


def entry_of(target: Target) -> tuple[Mapping, Entry]:
    """The entry that the target is, and its mapping."""
    mapping, entry = target.holders[-2].node, target.holders[-1].entry
    assert isinstance(mapping, Mapping)
    assert entry is not None
    return mapping, entry


def check_takes_effect_alone(target: Target) -> None:
    """Raises EditRefused if another value would take effect when the entry at the target no longer has its key: that of
    a duplicate key, or one that a merge key brings."""
    mapping, entry = entry_of(target)
    equal = [other for other in mapping.entries if other.text == entry.text]
    if len(equal) > 1:
        lines = ", ".join(str(target.tree.source.position(other.key.start)[0]) for other in equal)
        what = f"duplicate key {quoted(entry.text or '')} (lines {lines})"
        refuse(target.tree, entry.key, what, "remove all but one of them by hand first")
    if entry.text is not None and any(merged_entry(m.value, entry.text) for m in mapping.entries if m.is_merge):
        what = f"a merge key (<<) brings {target.route} too: its value would take effect"
        refuse(target.tree, entry.key, what, "remove the key from the merged mapping first")


def _check_is_new(target: Target, mapping: Mapping, name: str) -> None:
    route, natives = target.route.parent / name, zip(native_keys(mapping), mapping.entries, strict=True)
    other = mapping.last(name) or next((entry for key, entry in natives if key == name and not entry.is_merge), None)
    if other is not None:
        line = target.tree.source.position(other.key.start)[0]
        what = f"{route} exists already (line {line})"
        refuse(target.tree, entry_of(target)[1].key, what, "use another key, or remove that one first")
    check_is_not_merged(target.parent, mapping, name)


def check_is_not_merged(parent: Target, mapping: Mapping, name: str) -> None:
    """Raises EditRefused if a merge key brings a key of that name."""
    if mapping.merges and mapping.effective(name) is not None:
        what = f"{parent.route / name} comes from a merge key (<<) already"
        refuse(parent.tree, mapping, what, "use another key, or edit the merged mapping")


def _check_is_unshared(tree: Tree, entry: Entry) -> None:
    key = entry.key
    if key.anchor is None or not tree.has_aliases or tree.root is None:
        return
    use = next((node for node in walk(tree.root) if isinstance(node, Alias) and node.target is key), None)
    if use is not None:
        line = tree.source.position(use.start)[0]
        what = f"the key has the anchor &{key.anchor}, and line {line} uses it: the edit would also change that line"
        refuse(tree, key, what, "replace its aliases with their value first")
