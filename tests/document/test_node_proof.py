"""What is no change of a node, and what is: more than the values."""

from __future__ import annotations

import pytest

from tarmak_iam.document.anchor_moves import keeping_anchors
from tarmak_iam.document.edit_proof import NotProven, prove_nodes
from tarmak_iam.document.edits import AddItems, AddMembers, DocumentChange, RemoveMembers, Reorder, Write
from tarmak_iam.document.node_proof import node_written_anew
from tarmak_iam.document.source import Source
from tarmak_iam.document.target import Target, locate
from tarmak_iam.document.tree import Tree
from tarmak_iam.routes import Route


def tree(text: str) -> Tree:
    return Tree.read(Source.decode(text, "tarmak.yaml"), json=False)


def at(before: Tree, *path: str | int) -> Target:
    return locate(before, Route.of(path))


@pytest.mark.parametrize(
    ("before", "after", "route"),
    [
        pytest.param("a: on\nb: 1\n", "a: true\nb: 1\n", "a", id="another text of the same value"),
        pytest.param("a: 0x1F\nb: 1\n", "a: 31\nb: 1\n", "a", id="another number"),
        pytest.param("a: 'x'\nb: 1\n", "a: x\nb: 1\n", "a", id="another style"),
        pytest.param("a: !secret x\nb: 1\n", "a: x\nb: 1\n", "a", id="a tag lost"),
        pytest.param("a: &x x\nb: 1\n", "a: x\nb: 1\n", "a", id="an anchor lost"),
        pytest.param("a: !t [x]\nb: 1\n", "a: [x]\nb: 1\n", "a", id="the tag of a list"),
        pytest.param("a: &t {x: 1}\nb: 1\n", "a: {x: 1}\nb: 1\n", "a", id="the anchor of a mapping"),
        pytest.param("a: [x]\nb: 1\n", "a:\n- x\nb: 1\n", "a", id="a block for a flow list"),
        pytest.param("a: [[x]]\nb: 1\n", "a: [[x, x]]\nb: 1\n", "a[0]", id="an item more"),
        pytest.param("a: [x, [z]]\nb: 1\n", "a: [x, z]\nb: 1\n", "a[1]", id="another kind"),
        pytest.param("y: 1\nb: 1\n", "true: 1\nb: 1\n", "y", id="another key"),
        pytest.param("a: 1\nb: 1\n", "b: 1\na: 1\n", "a", id="another order"),
        pytest.param("a: {x: 1}\nb: 1\n", "a: {x: 1, z: 1}\nb: 1\n", "a", id="a key more"),
        pytest.param("a: {x: 1, z: 1}\nb: 1\n", "a: {x: 1}\nb: 1\n", "a.z", id="a key less"),
        pytest.param("c: &x 1\nd: &z 1\na: *x\nb: 1\n", "c: &x 1\nd: &z 1\na: *z\nb: 1\n", "a", id="another alias"),
        pytest.param("c: &x 1\na: *x\nb: 1\n", "c: &x 1\na: 1\nb: 1\n", "a", id="no alias"),
        pytest.param("a: {x: [0, {z: 'x'}]}\nb: 1\n", "a: {x: [0, {z: x}]}\nb: 1\n", "a.x[1].z", id="deep inside"),
        pytest.param("a: 1\nb: 1\n", "a: 1\nb: !t 'x'\n", None, id="what is written"),
        pytest.param("a: 1\nb: &x 1\n", "a: 1\nb: 2\n", "b", id="its anchor stays"),
        pytest.param("a: 1\nb: [x, {z: 1}]\n", "a: 1\nb: 2\n", None, id="what is inside of it"),
    ],
)
def test_nodes_that_no_change_is_about(before: str, after: str, route: str | None) -> None:
    old = tree(before)
    found = node_written_anew(old.root, tree(after).root, [Write(at(old, "b"), 2)])
    assert (None if found is None else str(found)) == route


@pytest.mark.parametrize(
    ("before", "after", "changes", "route"),
    [
        ("a: 1\nc: 3\n", "a: 1\nb: 2\nc: 3\n", [("new", (), {"b": 2})], None),
        ("a: 1\nc: 3\n", "a: 1\nb: 2\nd: 4\nc: 3\n", [("new", (), {"b": 2})], "c"),
        ("a: 1\nc: 3\n", "a: 1\nc: 3\n", [("new", (), {"b": 2})], "(the whole document)"),
        ("a: 1\nc: 3\n", "c: 3\n", [("gone", (), (0,))], None),
        ("a: 1\nc: 3\n", "b: 2\nc: 3\n", [("gone", (), (0,)), ("new", (), {"b": 2})], None),
        ("1: x\nc: 3\n", "c: 3\n'1': x\n", [("gone", (), (0,)), ("new", (), {"1": "x"})], None),
        ("1: x\nc: 3\n", "1: x\n'c': 3\n", [("gone", (), (0,)), ("new", (), {"1": "x"})], "c"),
        ("- a\n- b\n- c\n", "- x\n- a\n- c\n- y\n", [("gone", (), (1,)), ("add", 0, 1), ("add", 3, 1)], None),
        ("- a\n- b\n- c\n", "- a\n- x\n- c\n- y\n", [("gone", (), (1,)), ("add", 0, 1), ("add", 3, 1)], "[1]"),
        ("- a\n- b\n- c\n", "- c\n- a\n- b\n", [("order", (2, 0, 1))], None),
        ("- a\n- b\n- c\n", "- c\n- b\n- a\n", [("order", (2, 0, 1))], "[1]"),
        ("a: {b: 1}\nc: 3\n", "a: {}\nc: 3\n", [("gone", ("a",), (0,))], None),
        ("a: &x {b: 1}\nc: 3\n", "a: {}\nc: 3\n", [("gone", ("a",), (0,))], "a"),
        ("a: !t {b: on}\nc: on\n", "a: !t {}\nc: true\n", [("gone", ("a",), (0,))], "c"),
        ("a: []\nc: on\n", "a:\n- 1\nc: on\n", [("fill", ("a",), [1])], None),
        ("a:\nc: on\n", "a:\n  b: 1\nc: true\n", [("new", ("a",), {"b": 1})], "c"),
    ],
)
def test_nodes_next_to_a_change(before: str, after: str, changes: list[tuple[object, ...]], route: str | None) -> None:
    old = tree(before)
    found = node_written_anew(old.root, tree(after).root, [change_of(old, *each) for each in changes])
    assert (None if found is None else str(found)) == route


def change_of(before: Tree, kind: object, *values: object) -> DocumentChange:
    first, second = (*values, None)[:2]
    if kind == "add":
        assert isinstance(first, int)
        assert isinstance(second, int)
        return AddItems(at(before), first, ["new"] * second)
    if kind == "set":
        assert isinstance(first, tuple)
        return Write(at(before, *first), second)
    if kind == "order":
        assert isinstance(first, tuple)
        return Reorder(at(before), first)
    assert isinstance(first, tuple)
    target = at(before, *first)
    if isinstance(second, dict):
        return AddMembers(target, second)
    if isinstance(second, list):
        return AddItems(target, 0, second)
    assert isinstance(second, tuple)
    return RemoveMembers(target, second)


def test_a_part_of_a_file_is_compared_like_the_whole() -> None:
    """A re-read block: the nodes of the old tree from that block on, and the new block's own tree."""
    old = tree("z: on\na:\n  b: on\n  c: 1\n")
    part, changes = old.node(Route.of(("a",))), [Write(at(old, "a", "c"), 2)]
    assert node_written_anew(part, tree("b: on\nc: 2\n").root, changes) is None
    assert str(node_written_anew(part, tree("b: true\nc: 2\n").root, changes)) == "b"


def test_an_empty_document_has_no_nodes() -> None:
    old = tree("")
    assert node_written_anew(old.root, tree("a: 1\n").root, [AddMembers(at(old), {"a": 1})]) is None


def test_what_is_written_anew_is_no_proof() -> None:
    old, path = tree("a: {b: on}\nc: 1\n"), ("c",)
    with pytest.raises(NotProven) as caught:
        prove_nodes(old, tree("a: {b: true}\nc: 2\n"), [Write(at(old, *path), 2)])
    assert caught.value.what == "the edit would also change how a.b is written"


HOME = "a: &x !t {k: 1}\nb: *x\nc: *x\n"
KEY = "a: &x k\nb: {*x : 1}\n"
ITEMS = "- &x {k: 1}\n- [*x]\n- 1\n"


@pytest.mark.parametrize(
    ("before", "change", "after", "route"),
    [
        (HOME, ("gone", (), (0,)), "b: &x !t {k: 1}\nc: *x\n", None),
        (HOME, ("gone", (), (0,)), "b: &z !t {k: 1}\nc: *z\n", "c"),
        (HOME, ("gone", (), (0,)), "b: &x {k: 1}\nc: *x\n", "b"),
        (HOME, ("gone", (), (0,)), "b: &x !t [1]\nc: *x\n", "b"),
        (HOME, ("set", ("a",), "new"), "a: new\nb: &x !t {k: 1}\nc: *x\n", None),
        (HOME, ("set", ("a",), "new"), "a: &x new\nb: &x !t {k: 1}\nc: *x\n", "a"),
        (HOME, ("set", ("a",), "new"), "a: &z new\nb: &x !t {k: 1}\nc: *x\n", "a"),
        (KEY, ("gone", (), (0,)), "b: {&x k: 1}\n", None),
        (KEY, ("gone", (), (0,)), "b: {k: 1}\n", "b.k"),
        (ITEMS, ("order", (1, 0, 2)), "- [&x {k: 1}]\n- *x\n- 1\n", None),
        (ITEMS, ("order", (1, 0, 2)), "- [&x {k: 1}]\n- {k: 1}\n- 1\n", "[1]"),
        (ITEMS, ("order", (1, 0, 2)), "- [&z {k: 1}]\n- *z\n- 1\n", "[1]"),
        (ITEMS, ("order", (0, 2, 1)), "- &x {k: 1}\n- 1\n- [{k: 1}]\n", "[2][0]"),
    ],
)
def test_only_the_anchor_that_moves_has_another_home(
    before: str, change: tuple[object, ...], after: str, route: str | None
) -> None:
    old = tree(before)
    moving = keeping_anchors(old, change_of(old, *change), detaches=True)
    found = node_written_anew(old.root, tree(after).root, [moving])
    assert (None if found is None else str(found)) == route
