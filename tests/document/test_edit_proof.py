"""The proof of edits: which results it refuses, and which change is to blame."""

from __future__ import annotations

import pytest

from tarmak_iam.document.anchor_moves import dangling_aliases
from tarmak_iam.document.edit_proof import NotProven, prove_meaning, prove_text
from tarmak_iam.document.edits import DocumentChange, RemoveMembers, Reorder, Write
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import Splice
from tarmak_iam.document.target import locate
from tarmak_iam.document.tree import Tree
from tarmak_iam.routes import Route


def tree(text: str) -> Tree:
    return Tree.read(Source.decode(text, "tarmak.yaml"), json=False)


def removed_comments(before: str, after: str, *splices: Splice) -> list[str]:
    """What `prove_text` gives for an edit of `a`."""
    old = tree(before)
    change = Write(locate(old, Route.of(("a",))), 2)
    return [comment.text for comment in prove_text(old, tree(after), splices, [change])]


@pytest.mark.parametrize(
    ("before", "after", "refusal"),
    [
        pytest.param(
            "{a: 1}\n---\nb: 1\n",
            "{a: 2}\n---\nb: 2\n",
            "the edit would change where the next document begins",
            id="another next document",
        ),
        pytest.param(
            "{a: 1}\n---\nb: 1\n",
            "{a: 2}\n--- {}\n---\nb: 1\n",
            "the edit would change where the next document begins",
            id="one document more",
        ),
        pytest.param(
            "{a: 1}\n---\nb: 1\n",
            "{a: 2} ---\nb: 1\n",
            "the edit would change where the next document begins",
            id="a marker within a line",
        ),
        pytest.param("a: 1\n", "a: 1\na: 2\n", "the edit would create a duplicate key", id="a key twice"),
        pytest.param("a: 1  # why\n", "a: 2\n", "the edit would lose the comment '# why'", id="a comment lost"),
        pytest.param(
            "# why\na: 1  # why\n", "a: 2  # why\n", "the edit would lose the comment '# why'", id="one of two lost"
        ),
        pytest.param("a: 1\n", "a: 2 # b\n", "the edit would create the comment '# b'", id="a comment made"),
    ],
)
def test_what_is_no_proof(before: str, after: str, refusal: str) -> None:
    with pytest.raises(NotProven) as caught:
        removed_comments(before, after)
    assert (caught.value.what, caught.value.remedy) == (refusal, "edit this place by hand")


def test_what_is_replaced_takes_its_comments_along() -> None:
    before = "a: 1  # why\nb: 1  # why\n"
    assert removed_comments(before, "a: 2\nb: 1  # why\n", Splice(3, 11, "2")) == ["# why"]
    assert removed_comments(before, before.replace("1", "2"), Splice(3, 4, "2")) == []
    assert removed_comments(before, before.replace("1", "2"), Splice(0, 11, "a: 2  # why")) == []


def test_a_key_that_was_there_twice_may_stay() -> None:
    assert removed_comments("b: 1\nb: 2\na: 1\n", "b: 1\nb: 2\na: 2\n", Splice(13, 14, "2")) == []


def written(text: str, *path: str | int) -> DocumentChange:
    return Write(locate(tree(text), Route.of(path)), 5)


def removed(text: str, path: tuple[str | int, ...], *numbers: int) -> DocumentChange:
    return RemoveMembers(locate(tree(text), Route.of(path)), numbers)


def reordered(text: str, *order: int) -> DocumentChange:
    return Reorder(locate(tree(text), Route()), order)


@pytest.mark.parametrize(
    ("change", "dangling"),
    [
        pytest.param(written("a: {x: &k 1}\nb: *k\n", "a"), ["b"], id="inside of what is replaced"),
        pytest.param(written("a: [&k 1, *k]\nb: [*k, *k]\n", "a"), ["b[0]", "b[1]"], id="the alias goes too"),
        pytest.param(written("a: [[&k 1]]\nb: *k\n", "a"), ["b"], id="deep inside"),
        pytest.param(written("a: &k {x: 1}\nb: *k\n", "a"), [], id="an anchor of the value itself stays"),
        pytest.param(written("a: &k 1\nb: *k\n", "a"), [], id="and that of a scalar"),
        pytest.param(written("a: {x: &k 1}\nb: *k\nc: 1\n", "c"), [], id="elsewhere"),
        pytest.param(
            removed("a: {x: &k 1, y: *k}\nb: *k\nc: {d: [*k]}\n", ("a",), 0), ["a.y", "b", "c.d[0]"], id="a member"
        ),
        pytest.param(removed("? &k a\n: 1\nb: *k\n", (), 0), ["b"], id="a key"),
        pytest.param(removed("- &k 1\n- *k\n- 2\n", (), 0), ["[1]"], id="an item"),
        pytest.param(removed("- &k 1\n- *k\n- 2\n", (), 0, 1), [], id="both items"),
        pytest.param(removed("- &k 1\n- *k\n- 2\n", (), 2), [], id="another item"),
        pytest.param(reordered("- [&k 1, *k]\n- *k\n- 2\n", 1, 0, 2), ["[1]"], id="an alias above its anchor"),
        pytest.param(reordered("- [&k 1, *k]\n- *k\n- 2\n", 2, 0, 1), [], id="an alias below its anchor"),
        pytest.param(reordered("- &k 1\n- {x: [*k]}\n", 1, 0), ["[1].x[0]"], id="deep inside of an item"),
    ],
)
def test_aliases_that_would_lose_their_anchors(change: DocumentChange, dangling: list[str]) -> None:
    assert [str(alias.route) for alias in dangling_aliases(change.target.tree, [change])] == dangling


ANCHORS = "a: &x {k: 1}\nb: {k: &y 1, l: 2}\nc: 1\n"
FIRST = "replace its aliases with their value first, or change all of them together (in Python: through_alias=True)"
OUT_OF_X = f"they share the anchor &x: {FIRST}"
OUT_OF_Y = f"they share the anchor &y: {FIRST}"
BY_HAND = "edit this place by hand"


@pytest.mark.parametrize(
    ("paths", "differs", "line", "column", "remedy"),
    [
        ([("a", "k"), ("c",)], "c", 3, 4, BY_HAND),
        ([("a", "k"), ("c",)], "b", 1, 11, OUT_OF_X),
        ([("c",), ("b", "l")], "a", 2, 17, BY_HAND),
        ([("b", "l"), ("b",), ("c",)], "b", 2, 4, BY_HAND),
        ([("a",), ("b", "k"), ("c",)], "d", 1, 4, OUT_OF_X),
        ([("b", "k"), ("a",), ("c",)], "d", 2, 8, OUT_OF_Y),
    ],
)
def test_the_change_that_is_to_blame(
    paths: list[tuple[str, ...]], differs: str, line: int, column: int, remedy: str
) -> None:
    changes = [written(ANCHORS, *path) for path in paths]
    with pytest.raises(NotProven) as caught:
        prove_meaning({differs: 1}, {differs: 2}, changes)
    assert (caught.value.what, caught.value.remedy) == (f"the edit would also change {differs}", remedy)
    assert str(caught.value.place) == f"tarmak.yaml:{line}:{column}"


def test_meaning_that_is_the_same_is_proof() -> None:
    prove_meaning({"a": 1}, {"a": 1}, [])
