"""A YAML (or strict JSON) document that can be edited without touching a byte more than needed.

ruamel.yaml locates, the edit splices the original text, and the result is read again and compared
with what was intended: a value elsewhere that changed, or a comment that is lost, refuses the edit.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

from tarmak_iam.document.construct import construct, same
from tarmak_iam.document.dialects import Dialect
from tarmak_iam.document.insert import insert, insert_item
from tarmak_iam.document.intent import appended, assigned, first_difference, plain, removed, value_at
from tarmak_iam.document.json_reader import construct_json
from tarmak_iam.document.nodes import Entry, Mapping, Node
from tarmak_iam.document.remove import remove, remove_with_parents, shorten
from tarmak_iam.document.source import Source
from tarmak_iam.document.splice import Splice, apply
from tarmak_iam.document.target import Target, locate
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.document.write import write
from tarmak_iam.errors import EditRefused, ParseError, Place
from tarmak_iam.routes import Path, Route

__all__ = ["Document"]


class Document:
    """An immutable document: every edit gives a new one, or raises EditRefused and changes nothing.

    Paths are made of ints (list indices) and strings (scalar keys by their text); of duplicate keys
    the last one is meant, the one that go-yaml takes.
    """

    __slots__ = ("__dict__", "_index", "_json", "_tree")

    def __init__(self, tree: Tree, index: int, json: bool | None) -> None:
        self._tree = tree
        self._index = index
        self._json = json

    @classmethod
    def parse(
        cls, data: bytes | str, filename: str = "<bytes>", index: int = 0, *, json: bool | None = None
    ) -> Document:
        """Reads document `index` of the text; `filename` is for messages only.

        `json`: True for strict JSON only, False for YAML only, None for JSON where a text that starts
        with `{` is just that. Raises ParseError for what go-yaml would not read, for more than 10 MB and
        for more than 200 levels.
        """
        document = cls(Tree.read(Source.decode(data, str(filename)), index, json=json), index, json)
        document._plain  # noqa: B018  # ill-formed text (a bad merge, a bad tag) raises here, never later
        return document

    @cached_property
    def _plain(self) -> Any:
        if self._tree.is_json:
            return construct_json(self._tree.root) if self._tree.root else None
        return construct(self._tree.root, self._tree.source)

    @property
    def data(self) -> Any:
        """The plain values as Tarmak's yaml.v2 reads them: a fresh copy on every access."""
        return copy.deepcopy(self._plain)

    def read_as(self, dialect: Dialect) -> Any:
        """The plain values as another release of go-yaml reads them. Raises ParseError."""
        return self.data if self._tree.is_json else construct(self._tree.root, self._tree.source, dialect)

    @property
    def source(self) -> Source:
        return self._tree.source

    @property
    def filename(self) -> str:
        return self._tree.source.filename

    @property
    def text(self) -> str:
        """The whole file's text, without a byte order mark."""
        return self._tree.source.text

    @property
    def is_json(self) -> bool:
        """Whether the strict JSON reader read it."""
        return self._tree.is_json

    @property
    def root(self) -> Node | None:
        return self._tree.root

    @property
    def yaml_version(self) -> tuple[int, int] | None:
        """What a %YAML directive says."""
        return self._tree.version

    @property
    def comments(self) -> tuple[Comment, ...]:
        return self._tree.comments

    def to_bytes(self) -> bytes:
        return self._tree.source.encode()

    def node(self, path: Path | Route) -> Node | None:
        """The node at a path, aliases and merges followed; None if there is none."""
        return self._tree.node(Route.of(path))

    def entry(self, path: Path | Route) -> Entry | None:
        """The mapping entry at a path, aliases and merges followed; None if there is none."""
        return self._tree.entry(Route.of(path))

    def has(self, path: Path | Route) -> bool:
        """Whether the path is written out in the text itself, not only through an alias or a merge."""
        try:
            target = locate(self._tree, Route.of(path))
        except EditRefused:
            return False
        return bool(target.holders) and not target.missing

    def place(self, node: Node) -> Place:
        """File, line and column of a node."""
        return self._tree.source.place(node.span.start)

    def position(self, path: Path | Route, *, at_key: bool = False) -> Place:
        """File, line and column of the value (or key) at a path, or of its nearest parent that exists."""
        route = Route.of(path)
        entry = self._tree.entry(route) if at_key else None
        if entry is not None:
            return self.place(entry.key)
        node = self._tree.node(route)
        while node is None and route.steps:
            route = route.parent
            node = self._tree.node(route)
        return self.place(node) if node is not None else Place(self.filename, 1, 1)

    def set(self, path: Path | Route, value: Any) -> Document:
        """Gives a path a value, creating missing parents. The same value again returns this document."""
        target, value = self._locate(path), self._checked(path, value)
        exists = bool(target.holders) and not target.missing
        if exists:
            current = value_at(self._plain, target.native_path)
            if same(current, value):
                return self
            if _can_be_taken_apart(target.holders[-1].node, current, value):
                return self._set_members(target.route, current, value)
        intended = assigned(self._plain, target.native_path, value)
        return self._edit(target, intended, lambda spot: write(spot, value) if exists else insert(spot, value))

    def _set_members(self, route: Route, current: dict[str, Any], value: dict[str, Any]) -> Document:
        """A mapping in place of a mapping: only what differs is touched, so that comments stay."""
        document = self
        for key, member in value.items():
            document = document.set(route / key, member)
        for key in current.keys() - value.keys():
            document = document.remove(route / key)
        return document

    def append(self, path: Path | Route, value: Any) -> Document:
        """Adds an item to the end of a list; where there is null or nothing, the list is created."""
        target, value = self._locate(path), self._checked(path, value)
        intended = appended(self._plain, target.native_path, value)
        if target.missing or not target.holders:
            return self._edit(target, intended, lambda spot: insert(spot, [value]))
        return self._edit(target, intended, lambda spot: insert_item(spot, value))

    def remove(self, path: Path | Route, *, prune: bool = False) -> Document:
        """Takes a key or item out. A parent left empty becomes {} or []; with `prune` it goes too."""
        target = self._locate(path)
        if target.missing or len(target.holders) < 2:
            what = (
                f"there is nothing at {target.route}" if target.route.steps else "the whole document cannot be removed"
            )
            raise EditRefused(what, remedy="nothing needs to be removed", place=self.position(target.route))
        if prune:
            return self._edit(target, removed(self._plain, shorten(target).native_path), remove_with_parents)
        return self._edit(target, removed(self._plain, target.native_path), remove)

    def _checked(self, path: Path | Route, value: Any) -> Any:
        try:
            return plain(value)
        except TypeError as error:
            raise EditRefused(str(error), remedy="use mappings, lists and scalars", place=self.position(path)) from None

    def _locate(self, path: Path | Route) -> Target:
        source = self._tree.source
        if source.encoding != "utf-8":
            raise EditRefused(
                f"the file is {source.encoding.upper()}", remedy="save it as UTF-8 first", place=Place(self.filename)
            )
        return locate(self._tree, Route.of(path))

    def _edit(self, target: Target, intended: Any, plan: Callable[[Target], list[Splice]]) -> Document:
        """Splices and compares; where a literal block does not fit, once more without. Raises EditRefused."""
        try:
            return self._attempt(target, intended, plan)
        except EditRefused as refusal:
            with contextlib.suppress(EditRefused):
                return self._attempt(replace(target, literals=False), intended, plan)
            raise refusal from None

    def _attempt(self, target: Target, intended: Any, plan: Callable[[Target], list[Splice]]) -> Document:
        try:
            splices = plan(target)
        except TypeError as error:  # what only JSON does not have: NaN, keys that are no strings
            raise self._refusal(target, str(error)) from None
        source = self._tree.source
        text = apply(source.text, splices)
        try:
            edited = Document.parse(source.encode(text), self.filename, self._index, json=self._json)
        except ParseError as error:
            raise self._refusal(target, f"the edit would make the text ill-formed ({error.what})") from None
        if not same(edited._plain, intended):
            what = f"the edit would change {first_difference(edited._plain, intended)} too"
            raise self._refusal(target, what, _shared_anchor(target))
        lost = _lost_comment(self.comments, edited.comments, splices)
        if lost:
            raise self._refusal(target, f"the edit would lose the comment {lost.text!r}")
        return edited

    def _refusal(self, target: Target, what: str, remedy: str = "") -> EditRefused:
        return EditRefused(what, remedy=remedy or "change this place by hand", place=self.position(target.route))


def _can_be_taken_apart(node: Node, *values: Any) -> bool:
    """Whether a mapping can be given new members one by one: it is written out here, and paths can name them."""
    if not isinstance(node, Mapping) or any(entry.is_merge for entry in node.entries):
        return False
    return all(isinstance(value, dict) and value and all(isinstance(key, str) for key in value) for value in values)


def _shared_anchor(target: Target) -> str:
    """What to do where the target lies inside an anchored value, which is then most likely used elsewhere."""
    anchors = [holder.node.anchor for holder in target.holders if holder.node.anchor]
    return f"it shares the anchor &{anchors[-1]}: write the value out where it is used" if anchors else ""


def _lost_comment(before: tuple[Comment, ...], after: tuple[Comment, ...], splices: list[Splice]) -> Comment | None:
    """The first comment outside of what was replaced that does not come back, in order."""
    left = iter(comment.text for comment in after)
    for comment in before:
        inside = any(splice.start <= comment.span.start < splice.end for splice in splices)
        if not inside and comment.text not in left:
            return comment
    return None
