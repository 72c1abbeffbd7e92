"""What the proof of an edit refuses, whatever planned it."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.document.parsed import data_of, read_tree
from tarmak_iam.document.proof import Change, NotProven, invalid_text, new_text, prove
from tarmak_iam.document.source import Source
from tarmak_iam.document.splices import Splice
from tarmak_iam.document.target import locate
from tarmak_iam.document.tree import Tree
from tarmak_iam.errors import ParseError
from tarmak_iam.routes import Path, Route


def tree(text: str) -> Tree:
    return read_tree(Source.decode(text, "tarmak.yaml"), json=False)


def change(before: str, old: str, new: str, path: Path = (), **aspects: Any) -> Change:
    """A change that puts `new` in the place of `old`, and intends what that leads to."""
    start, there = before.index(old), tree(before)
    splice = Splice(start, start + len(old), new)
    intended = data_of(tree(before[:start] + new + before[start + len(old) :]))
    return Change(locate(there, Route.of(path)), [splice], aspects.pop("intended", intended), **aspects)


def proven(planned: Change) -> list[str]:
    """The comments that went with the change."""
    after = tree(new_text(planned))
    return [comment.text for comment in prove(planned, after, data_of(after))]


def refusal(planned: Change) -> str:
    with pytest.raises(NotProven) as caught:
        proven(planned)
    return str(caught.value)


def test_a_change_that_does_what_it_intends() -> None:
    assert proven(change("a: 1  # c\nb: on\n", "1", "2")) == []


def test_other_values_than_the_intended_ones() -> None:
    wrong = change("a: 1\nb: 2\n", "2", "3", ("a",), intended={"a": 5, "b": 2})
    assert refusal(wrong) == "tarmak.yaml:1:4: the edit would also change a; make this change in an editor"
    more = change("a: 1\nb: 2\n", "1\nb: 2", "5\nb: 3", ("a",), intended={"a": 5, "b": 2})
    assert refusal(more) == "tarmak.yaml:1:4: the edit would also change b; make this change in an editor"
    kind = change("a: 1\nb: 2\n", "2", "true", ("b",), intended={"a": 1, "b": 1})
    assert refusal(kind) == "tarmak.yaml:2:4: the edit would also change b; make this change in an editor"


def test_other_values_of_a_shared_anchor() -> None:
    wrong = change("a: &x {k: 1}\nb: *x\n", "1", "2", ("a", "k"), intended={"a": {"k": 2}, "b": {"k": 1}})
    assert refusal(wrong) == (
        "tarmak.yaml:1:11: the edit would also change line 2: b; they share the anchor &x: replace its aliases with "
        "their value first, or change all of them together (in Python: through_alias=True)"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("a: 1  # why\n", "a: 2\n", id="a comment"),
        pytest.param("# why\na: 1  # why\n", "# why\na: 2\n", id="one of two equal comments"),
        pytest.param("# why\na: 1\n", "# who\na: 2\n", id="a comment that is written in another way"),
    ],
)
def test_a_comment_outside_of_the_change_is_lost(before: str, after: str) -> None:
    start = before.index("1")
    wrong = Change(locate(tree(before), Route()), [Splice(start, start + 1, "2")], {"a": 2})
    with pytest.raises(NotProven, match="the edit would lose the comment '# why'; make this change in an editor"):
        prove(wrong, tree(after), {"a": 2})


def test_a_comment_is_created() -> None:
    wrong = change("a: 1\n", "1", "2 # b", ("a",))
    assert refusal(wrong) == "tarmak.yaml:1:4: the edit would create the comment '# b'; make this change in an editor"


def test_a_comment_that_moves_is_not_written() -> None:
    before = "a: 1 # one\nb: 2\n"
    assert proven(change(before, before, "b: 2\nc: 1 # one\n")) == []
    wrong = change(before, before, "b: 2\nc: 1 # other\n")
    assert "the edit would create the comment '# other'" in refusal(wrong)


def test_comments_of_what_is_replaced_are_reported() -> None:
    before = "a: 1  # why\nb: 1  # why\n# c\n"
    assert proven(change(before, "1  # why\nb", "2\nb")) == ["# why"]
    assert proven(change(before, "a: 1  # why\nb: 1  # why\n# c\n", "a: 2  # why\n")) == ["# why", "# c"]
    assert proven(change(before, "a: 1  # why", "a: 2  # why")) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("a: 1\nb: on\n", "a: 2\nb: true\n", id="another text of the same value"),
        pytest.param("a: 1\nb: 'x'\n", 'a: 2\nb: "x"\n', id="other quotes"),
        pytest.param("a: 1\nb: |\n  x\n", "a: 2\nb: >\n  x\n", id="another block style"),
        pytest.param("a: 1\nb: !t x\n", "a: 2\nb: x\n", id="a tag is lost"),
        pytest.param("a: 1\nb: x\n", "a: 2\nb: !t x\n", id="a tag is new"),
        pytest.param("a: 1\nb: &x 1\n", "a: 2\nb: 1\n", id="an anchor is lost"),
        pytest.param("a: 1\nb: !t [1]\n", "a: 2\nb: [1]\n", id="the tag of a list"),
        pytest.param("a: 1\nb: &x 1\nc: *x\n", "a: 2\nb: &x 1\nc: 1\n", id="an alias is replaced"),
        pytest.param("a: 1\nb: &x 1\nc: &y 1\nd: *x\n", "a: 2\nb: &x 1\nc: &y 1\nd: *y\n", id="another alias"),
        pytest.param("a: 1\nb: null\n", "a: 2\nb:\n", id="a null less"),
    ],
)
def test_text_outside_of_the_change_is_written_in_another_way(before: str, after: str) -> None:
    """The values are the intended ones."""
    old, new = tree(before), tree(after)
    wrong = Change(locate(old, Route()), [Splice(3, 4, "2")], data_of(new))
    with pytest.raises(NotProven) as caught:
        prove(wrong, new, data_of(new))
    assert caught.value.what.startswith("the edit would also change how line ")


def test_a_change_of_a_part_of_a_scalar() -> None:
    assert proven(change("a: abc\nb: on\n", "b", "x")) == []
    assert proven(change("a: 'x'\nb: on\n", "x'\n", "y'\nc: 1\n")) == []


def test_a_duplicate_key_is_created() -> None:
    wrong = change("a: 1\n", "1", "1\na: 2")
    assert refusal(wrong) == "tarmak.yaml:1:1: the edit would create a duplicate key; make this change in an editor"


def test_a_key_that_was_there_twice_may_stay() -> None:
    assert proven(change("b: 1\nb: 2\na: 1\n", "a: 1", "a: 2")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("b: 1", "b: 2", id="the next document"),
        pytest.param("1}\n---", "2}\n--- {}\n---", id="one document more"),
        pytest.param("1}\n---", "2} ---", id="the marker is in a line"),
        pytest.param("{a: 1}\n---\n", "{a: 2}\n", id="no marker is left"),
    ],
)
def test_the_next_document_begins_elsewhere(old: str, new: str) -> None:
    before = "{a: 1}\n---\nb: 1\n"
    start = before.index(old)
    after = before[:start] + new + before[start + len(old) :]
    wrong = Change(locate(tree(before), Route.of(("a",))), [Splice(start, start + len(old), new)], {"a": 2})
    with pytest.raises(NotProven, match="would change where the next document begins"):
        prove(wrong, tree(after), {"a": 2})


def test_what_moves_is_written_as_it_was() -> None:
    before = "a: !t 'x'\nb: 2\n"
    moved = tree(before).node(Route.of(("a",)))
    assert proven(change(before, "a: !t 'x'\nb: 2\n", "b: 2\nc: !t 'x'\n", moved=(moved,))) == []
    for text in ("!t x", '!t "x"', "'x'", "!u 'x'"):
        wrong = change(before, "a: !t 'x'\nb: 2\n", f"b: 2\nc: {text}\n", moved=(moved,))
        assert "the edit would change how the value is written" in refusal(wrong)


def test_a_duplicate_key_moves_and_is_not_written_twice() -> None:
    before = "a: {k: 1, k: 2}\n"
    moved = tree(before).node(Route.of(("a",)))
    assert proven(change(before, before, "b: {k: 1, k: 2}\n", moved=(moved,))) == []
    more = "a: {k: 1, k: 2}\nb: {k: 1, k: 2}\n"
    assert "would create a duplicate key" in refusal(change(before, before, more, moved=(moved,)))


def test_two_parts_of_a_change_that_are_in_each_others_way() -> None:
    wrong = Change(locate(tree("abc: 1\n"), Route()), [Splice(0, 2, "x"), Splice(1, 3, "y")], {})
    with pytest.raises(NotProven, match="two parts of this edit change the same text; make this change in an editor"):
        new_text(wrong)


def test_a_text_that_cannot_be_read() -> None:
    wrong = change("a: 1\n", "1", "2", ("a",))
    words = "tarmak.yaml:1:4: the edit would make the text invalid (why); make this change in an editor"
    assert str(invalid_text(wrong, ParseError("why"))) == words


def test_an_alias_that_loses_its_anchor() -> None:
    before = "a: &x 1\nb: *x\n"
    gone = Change(locate(tree(before), Route()), [Splice(0, 8, "")], {"b": 1})
    assert invalid_text(gone, ParseError("why")).what == "the alias *x (line 2) would lose its anchor (line 1)"
    stays = Change(locate(tree(before), Route()), [Splice(8, 14, "")], {"a": 1})
    assert invalid_text(stays, ParseError("why")).what == "the edit would make the text invalid (why)"
