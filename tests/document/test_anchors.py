"""Edits of documents with anchors, aliases and merge keys: exactly what is asked for changes, and what shares it."""

from __future__ import annotations

import contextlib
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmak_iam.document import Append, Document, EditRefused, Remove, Set
from tarmak_iam.document.anchor_moves import _overtaking
from tarmak_iam.document.anchors import _reached
from tarmak_iam.document.edits import Reorder
from tarmak_iam.document.edits import ValueEdit as Edit
from tarmak_iam.document.nodes import Alias, Entry, Mapping, Node, Scalar, dereference, walk
from tarmak_iam.document.plain_values import assigned, inserted, same, value_at, without
from tarmak_iam.document.source import Source
from tarmak_iam.document.target import Holder, Target
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import ParseError
from tarmak_iam.routes import Key, Route
from tests.support.thorough import examples

NAMES = ["p", "q", "r"]
KEYS = ["k", "l", "m"]
SCALARS = ["1", "two", "'three'", "true", "null", "a b", "!t x"]


class Writer:
    """Writes a random document. `names` are the anchors so far; a name may be defined again."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._number = 0
        self.anchors: dict[str, str] = {}

    def choice(self, *options: Any) -> Any:
        return self._random.choice(options)

    def chance(self, of: int) -> bool:
        return self._random.randrange(of) == 0

    def comment(self) -> str:
        self._number += 1
        return f"# {self._number}"

    def tail(self) -> str:
        return f"   {self.comment()}" if self.chance(4) else ""

    def anchor(self) -> str | None:
        return self.choice(*NAMES) if self.chance(2) else None

    def alias(self, kind: str | None = None) -> str | None:
        names = [name for name, found in self.anchors.items() if kind in (None, found)]
        return f"*{self.choice(*names)}" if names else None

    def flow(self, depth: int) -> tuple[str, str]:
        """A value in flow style, and its kind."""
        alias = self.alias() if self.chance(3) else None
        if alias:
            return alias, "alias"
        if depth and self.chance(3):
            pairs = [f"{key}: {self.anchored_flow(depth - 1)}" for key in KEYS[: self.choice(1, 2)]]
            return "{" + ", ".join(pairs) + "}", "mapping"
        if depth and self.chance(3):
            return "[" + ", ".join(self.anchored_flow(depth - 1) for _ in range(self.choice(1, 2))) + "]", "list"
        return self.choice(*SCALARS), "scalar"

    def anchored_flow(self, depth: int) -> str:
        text, kind = self.flow(depth)
        name = None if kind == "alias" else self.anchor()
        if name is None:
            return text
        self.anchors[name] = kind
        return f"&{name} {text}"

    def value(self, depth: int, margin: str, *, after_dash: bool = False) -> list[str]:
        """What follows a colon or a dash: the rest of the line, and the lines below."""
        kind = self.choice("mapping", "list", "literal", "flow", "flow") if depth else "flow"
        if kind == "flow":
            return [f" {self.anchored_flow(2)}{self.tail()}"]
        name = self.anchor() or (self.choice(*NAMES) if after_dash else None)
        first = f" &{name}" if name else ""
        inner = margin + self.choice("  ", "   ")
        if kind == "literal":
            lines = [f"{first} {self.choice('|', '|-', '>')}{self.tail()}", f"{inner}text", *([""] * self.choice(0, 1))]
            lines.append(f"{inner}  more")
        else:
            body = self.mapping(depth - 1, inner) if kind == "mapping" else self.list(depth - 1, inner)
            lines = [f"{first}{self.tail()}", *body]
        if name:
            self.anchors[name] = kind if kind in ("mapping", "list") else "scalar"
        return lines

    def mapping(self, depth: int, margin: str, keys: list[str] = KEYS) -> list[str]:
        lines: list[str] = []
        chosen = keys[: self.choice(1, 2, 3)] if keys is KEYS else keys
        merged_at = self.choice(*range(len(chosen))) if self.chance(3) else -1
        for number, key in enumerate(chosen):
            if number == merged_at and (alias := self.alias("mapping")):
                other = self.alias("mapping")
                lines.append(f"{margin}<<: {f'[{alias}, {other}]' if self.chance(4) else alias}{self.tail()}")
            if self.chance(6):
                lines += [""] * self.choice(0, 1) + [f"{margin}{self.comment()}"]
            first, *below = self.value(depth, margin)
            lines += [f"{margin}{key}:{first}", *below]
        return lines

    def list(self, depth: int, margin: str) -> list[str]:
        lines: list[str] = []
        for _ in range(self.choice(1, 2, 3)):
            if self.chance(6):
                lines.append(f"{margin}{self.comment()}")
            first, *below = self.value(depth, margin, after_dash=True)
            lines += [f"{margin}-{first}", *below]
        return lines


SEEDS = st.integers(0, 2**32 - 1)


def document_of(random: Random) -> Document:
    while True:
        lines = Writer(random).mapping(2, "", ["a", "b", "c", "d", "e"][: random.randint(2, 5)])
        # yaml.v2 rejects a merged value that is not a mapping, because its anchor's name is defined again.
        with contextlib.suppress(ParseError):
            return Document.parse("\n".join(lines) + random.choice(["\n", "\n", ""]), "f.yaml")


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> Any:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in items:
        yield from paths_of(child, (*path, step))


def edit_of(random: Random, data: Any, *, through_alias: bool) -> Edit:
    """An edit that suits the kind of the value at its path."""
    path = random.choice(list(paths_of(data)))
    present, value = value_at(data, path), random.choice([7, "new", {"k": 7}, [7], {}])
    kind = random.choice(["set", "inside", "inside", "remove"])
    if kind == "remove":
        return Remove(path, through_alias=through_alias)
    if kind == "inside" and isinstance(present, list):
        return Append(path, value, through_alias)
    if kind == "inside" and isinstance(present, dict):
        return Set((*path, "z"), value, through_alias=through_alias)
    return Set(path, value, through_alias=through_alias)


def intended(data: Any, edit: Edit) -> Any:
    path = list(Route.of(edit.path).plain)
    if isinstance(edit, Set):
        return assigned(data, path, edit.value)
    if isinstance(edit, Append):
        return inserted(data, path, len(value_at(data, path) or []), [edit.value])
    return without(data, path[:-1], path[-1:])


def check_comments(before: Document, after: Document) -> None:
    left = Counter(comment.text for comment in before.comments)
    assert left == Counter(comment.text for comment in [*after.comments, *after.removed_comments])


def check_tags(before: Document, after: Document) -> None:
    """A tag of the program's own stays with its value, and is on no other one than a value that is set over it."""
    assert set(tags(after)) <= {*tags(before), "new", "7"}


def tags(document: Document) -> list[str]:
    assert document.root is not None
    return [node.text for node in walk(document.root) if isinstance(node, Scalar) and node.tag == "!t"]


@settings(max_examples=examples(300), deadline=None)
@given(SEEDS)
def test_an_edit_changes_its_path_and_nothing_else(seed: int) -> None:
    random = Random(seed)
    document = document_of(random)
    edit = edit_of(random, document.data, through_alias=False)
    try:
        edited = document.edit(edit)
    except EditRefused:
        return
    assert same(Document.parse(edited.to_bytes()).data, intended(document.data, edit))
    assert edited.also_changed == ()
    check_comments(document, edited)
    check_tags(document, edited)


class Graph:
    """A document as a graph of mutable values, in which an alias is the same object as its anchored value."""

    def __init__(self, root: Node) -> None:
        self._cells: dict[int, list[Any]] = {}
        self.root = self._cell(root)

    def _cell(self, node: Node) -> list[Any]:
        """A cell is a list with one value: a scalar, a list of cells, or pairs of a key (None: merged) and a cell."""
        node = dereference(node)
        if id(node) in self._cells:
            return self._cells[id(node)]
        cell = self._cells[id(node)] = [None]
        if isinstance(node, Mapping):
            cell[0] = tuple((self._key(entry), self._cell(entry.value)) for entry in node.entries)
        elif isinstance(node, Scalar):
            cell[0] = Document.parse(f"v: {node.text}").data["v"] if node.style == "plain" else node.text
            cell[0] = node.text if node.tag == "!t" else cell[0]
        else:
            assert not isinstance(node, Alias)
            cell[0] = [self._cell(item) for item in node.items]
        return cell

    def _key(self, entry: Entry) -> str | None:
        return None if entry.is_merge else entry.text

    @classmethod
    def new(cls, value: Any) -> list[Any]:
        if isinstance(value, dict):
            return [tuple((key, cls.new(child)) for key, child in value.items())]
        return [[cls.new(item) for item in value] if isinstance(value, list) else value]

    def own(self, cell: list[Any], key: str) -> list[Any] | None:
        """The cell whose pairs have the key that takes effect."""
        found = None
        for name, child in cell[0]:
            if name == key:
                found = cell
            elif name is None:
                merged = child[0] if isinstance(child[0], list) else [child]
                for each in reversed(merged):
                    found = None if each[0] is None else self.own(each, key) or found
        return found

    def edit(self, edit: Edit) -> None:
        steps = Route.of(edit.path).steps
        cell = self.root
        for number, step in enumerate(steps):
            is_last = number == len(steps) - 1
            if isinstance(step, int):
                if isinstance(edit, Remove) and is_last:
                    del cell[0][step]
                    return
                cell = cell[0][step]
                continue
            assert isinstance(step, Key)
            owner = self.own(cell, step.text) if isinstance(cell[0], tuple) else None
            if isinstance(edit, Remove) and is_last:
                assert owner is not None
                owner[0] = tuple(pair for pair in owner[0] if pair[0] != step.text)
                return
            if owner is None:
                assert is_last
                assert isinstance(edit, Set)
                cell[0] = (*(cell[0] or ()), (step.text, self.new(edit.value)))
                return
            cell = next(child for name, child in owner[0] if name == step.text)
        assert not isinstance(edit, Remove)
        if isinstance(edit, Append):
            cell[0] = [*(cell[0] or ()), self.new(edit.value)]
        else:
            cell[0] = self.new(edit.value)[0]

    def data(self, cell: list[Any] | None = None) -> Any:
        cell = cell or self.root
        if isinstance(cell[0], tuple):
            return self._fill({}, cell)
        return [self.data(item) for item in cell[0]] if isinstance(cell[0], list) else cell[0]

    def _fill(self, into: dict[str, Any], cell: list[Any]) -> dict[str, Any]:
        for name, child in cell[0]:
            if name is None:
                for merged in reversed(child[0]) if isinstance(child[0], list) else [child]:
                    if merged[0] is None:
                        into.clear()
                    else:
                        self._fill(into, merged)
            else:
                into[name] = self.data(child)
        return into


@settings(max_examples=examples(300), deadline=None)
@given(SEEDS)
def test_an_edit_through_an_alias_changes_every_use_and_says_which(seed: int) -> None:
    random = Random(seed)
    document = document_of(random)
    assert document.root is not None
    graph = Graph(document.root)
    assert same(graph.data(), document.data)
    edit = edit_of(random, document.data, through_alias=True)
    try:
        edited = document.edit(edit)
    except EditRefused:
        return
    graph.edit(edit)
    assert same(edited.data, graph.data())
    assert same(Document.parse(edited.to_bytes()).data, edited.data)
    check_comments(document, edited)
    check_tags(document, edited)
    check_also_changed(document, edited, edit)


def check_also_changed(before: Document, after: Document, edit: Edit) -> None:
    asked = Route.of(edit.path)
    for route in after.also_changed:
        assert not same(value_at(before.data, route.plain), value_at(after.data, route.plain))
        assert not route.leads_to(asked)
    if isinstance(edit, Remove) and isinstance(asked.steps[-1], int):
        return  # the routes of the items after it differ
    for path in paths_of(before.data):
        route = Route.of(path)
        is_alias = all(isinstance(document.node(route), Alias) and document.has(route) for document in (before, after))
        if is_alias and not same(value_at(before.data, path), value_at(after.data, path)):
            assert route.leads_to(asked) or route in after.also_changed


@settings(max_examples=examples(300), deadline=None)
@given(SEEDS)
def test_update_of_shared_values(seed: int) -> None:
    random = Random(seed)
    document = document_of(random)
    wanted = intended(document.data, edit_of(random, document.data, through_alias=False))
    try:
        edited = document.update(wanted)
    except EditRefused:
        return
    assert same(Document.parse(edited.to_bytes()).data, wanted)
    check_comments(document, edited)


@settings(max_examples=examples(100), deadline=None)
@given(SEEDS)
def test_a_batch_of_edits_of_shared_values_means_what_its_edits_mean(seed: int) -> None:
    random = Random(seed)
    document = one_by_one = document_of(random)
    edits: list[Edit] = []
    for _ in range(4):
        edit = edit_of(random, one_by_one.data, through_alias=random.choice([True, True, False]))
        try:
            one_by_one = one_by_one.edit(edit)
        except EditRefused:
            continue
        edits.append(edit)
        if not one_by_one.data:
            break
    edited = document.edit(*edits)
    assert same(edited.data, one_by_one.data)
    assert same(Document.parse(edited.to_bytes()).data, edited.data)
    check_comments(document, edited)


def test_each_node_of_a_shared_value_is_reached_once() -> None:
    value = Document.parse("a: &a [1]\nb: &b [*a, *a]\nc: [*b, *b]\n").node(("c",))
    assert value is not None
    assert len(list(_reached(value))) == 4


def test_each_alias_that_would_be_above_its_anchor_is_found_once() -> None:
    tree = Tree.read(Source.decode("- &y 1\n- &x [*y, *y]\n- [*x, *x]\n", "f.yaml"))
    assert tree.root is not None
    change = Reorder(Target(tree, Route(), (Holder(tree.root),), ()), (2, 1, 0))
    found = [target.holders[-1].node for target in _overtaking(change)]
    assert [alias.name for alias in found if isinstance(alias, Alias)] == ["x", "y", "y", "x"]


def test_a_key_that_is_there_twice_is_named_by_its_number() -> None:
    document = Document.parse("x: &x {k: 1}\na: *x\na: {k: 2}\n")
    edited = document.set((Key("a", 0), "k"), 3, through_alias=True)
    assert edited.text == "x: &x {k: 3}\na: *x\na: {k: 2}\n"
    assert [str(route) for route in edited.also_changed] == ["x"]
    with pytest.raises(EditRefused, match="has no key a number 6"):
        document.set((Key("a", 5), "k"), 3, through_alias=True)


def test_through_alias_where_there_is_none() -> None:
    assert Document.parse("").set(("a",), 1, through_alias=True).text == "a: 1\n"
    assert Document.parse('{"a": [1]}').append(("a",), 2, through_alias=True).text == '{"a": [1, 2]}'


@pytest.mark.parametrize("through_alias", [False, True])
def test_a_batch_of_edits_of_shared_values(through_alias: bool) -> None:
    document = Document.parse("a: &x {k: 1}\nb: *x\nc: 1\n")
    edited = document.edit(
        Set(("c",), 2),
        Set(("b", "k") if through_alias else ("d",), 3, through_alias=through_alias),
        Remove(("c",)),
        Set(("e",), 4),
    )
    assert edited.text == ("a: &x {k: 3}\nb: *x\ne: 4\n" if through_alias else "a: &x {k: 1}\nb: *x\nd: 3\ne: 4\n")
    assert [str(route) for route in edited.also_changed] == (["a"] if through_alias else [])
