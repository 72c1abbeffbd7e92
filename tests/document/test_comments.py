"""Which comments belong to a member: what goes when it is removed, and what moves along."""

from __future__ import annotations

import pytest

from tarmak_iam.document import Document, EditRefused
from tarmak_iam.routes import Path


def removed(text: str, *path: str | int) -> tuple[str, list[str]]:
    edited = Document.parse(text).remove(path)
    return edited.text, [comment.text for comment in edited.removed_comments]


def test_a_comment_on_the_line_of_a_member_belongs_to_it() -> None:
    assert removed("a: 1  # about a\nb: 2  # about b\n", "a") == ("b: 2  # about b\n", ["# about a"])
    assert removed("a:  # about a\n  b: 1  # about b\nc: 2\n", "a") == ("c: 2\n", ["# about a", "# about b"])
    assert removed("l: [\n  1,  # one\n  2,  # two\n]\n", "l", 0) == ("l: [\n  2,  # two\n]\n", ["# one"])


def test_lines_below_that_continue_it_in_its_column_belong_to_the_member() -> None:
    text = "a: 1  # about a\n      # goes on\n    # does not\nb: 2\n"
    assert removed(text, "a") == ("    # does not\nb: 2\n", ["# about a", "# goes on"])


def test_comment_lines_directly_above_a_member_belong_to_it() -> None:
    text = "x: 1\n# one\n# two\na: 1\n# three\nb: 2\n"
    assert removed(text, "a") == ("x: 1\n# three\nb: 2\n", ["# one", "# two"])
    text = "l:\n# of the first\n- 1\n# of the second\n- 2\n"
    assert removed(text, "l", 1) == ("l:\n# of the first\n- 1\n", ["# of the second"])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param("x: 1\n# one\n\na: 1\nb: 2\n", "x: 1\n# one\n\nb: 2\n", id="a blank line between"),
        pytest.param("x: 1\n  # one\na: 1\nb: 2\n", "x: 1\n  # one\nb: 2\n", id="a deeper column"),
        pytest.param("x: 1\n# one\n  # two\na: 1\nb: 2\n", "x: 1\n# one\n  # two\nb: 2\n", id="one of another column"),
        pytest.param("x: 1\na: 1\n# one\nb: 2\n", "x: 1\n# one\nb: 2\n", id="below it"),
        pytest.param("x: 1\na: 1\n# one\n\nb: 2\n", "x: 1\n# one\n\nb: 2\n", id="below it, and a blank line"),
        pytest.param("x: 1\na: 1\n# one\n", "x: 1\n# one\n", id="at the end of the document"),
    ],
)
def test_other_comments_stay_where_they_are(text: str, left: str) -> None:
    assert removed(text, "a") == (left, [])


@pytest.mark.parametrize("top", ["", "\n", "---\n", "%YAML 1.1\n---\n", "--- # of the document\n"])
def test_comments_at_the_top_of_the_document_belong_to_it(top: str) -> None:
    assert removed(f"{top}# all\na: 1\nb: 2\n", "a") == (f"{top}# all\nb: 2\n", [])


def test_comments_in_the_second_paragraph_of_the_document_belong_to_its_first_member() -> None:
    assert removed("# all\n\n# one\na: 1\nb: 2\n", "a") == ("# all\n\nb: 2\n", ["# one"])


def test_comments_after_the_last_member_of_a_block_belong_to_the_block() -> None:
    text = "a:\n  x: 1\n  # one\n\n    # two\n# three\nb: 2\n"
    assert removed(text, "a") == ("# three\nb: 2\n", ["# one", "# two"])
    assert removed(text, "a", "x") == ("a: {}\n  # one\n\n    # two\n# three\nb: 2\n", [])
    text = "l:\n- a: 1\n  # one\n- b: 2\n"
    assert removed(text, "l", 0) == ("l:\n- b: 2\n", ["# one"])


def test_comments_of_a_list_in_the_column_of_its_key() -> None:
    assert removed("l:\n- 1\n# one\nb: 2\n", "l") == ("# one\nb: 2\n", [])


def moved(text: str, path: Path, to: Path) -> str:
    edited = Document.parse(text).move(path, to)
    assert edited.removed_comments == ()
    return edited.text


def test_comments_move_along() -> None:
    text = "x: 1\n# above\na:  # head\n  k: 1  # tail\n  # end\nb:\n  y: 2\n"
    assert moved(text, ("a",), ("b", "a")) == (
        "x: 1\nb:\n  y: 2\n  # above\n  a:  # head\n    k: 1  # tail\n    # end\n"
    )
    text = "l:\n- 1\n# of two\n- 2  # two\n- 3\n"
    assert moved(text, ("l", 1), ("l", 0)) == "l:\n# of two\n- 2  # two\n- 1\n- 3\n"


def test_no_item_moves_across_a_comment_that_belongs_to_none() -> None:
    text = "l:\n- 1\n\n# --- others\n\n- 2\n"
    document = Document.parse(text)
    with pytest.raises(EditRefused) as caught:
        document.move(("l", 1), ("l", 0))
    what = "the comment in line 4 is between the items and belongs to none: it may be a heading"
    assert caught.value.what == what
    with pytest.raises(EditRefused, match=what):
        document.update({"l": [2, 1]})


def test_a_replaced_item_does_not_leave_its_comments_to_another_one() -> None:
    document = Document.parse("l:\n- 1.1.1.1  # office\n# home\n- 2.2.2.2\n- 3.3.3.3\n")
    edited = document.set(("l",), ["9.9.9.9", "2.2.2.2", "8.8.8.8"])
    assert edited.text == "l:\n- 9.9.9.9\n# home\n- 2.2.2.2\n- 8.8.8.8\n"
    assert [comment.text for comment in edited.removed_comments] == ["# office"]
    edited = document.set(("l",), ["1.1.1.1"])
    assert edited.text == "l:\n- 1.1.1.1  # office\n"
    assert [comment.text for comment in edited.removed_comments] == ["# home"]


def test_a_value_that_is_set_keeps_the_comments_of_its_key() -> None:
    document = Document.parse("# above\na:  # head\n  # inside\n  k: 1\nb: 2\n")
    edited = document.set(("a",), 5)
    assert edited.text == "# above\na: 5  # head\nb: 2\n"
    assert [comment.text for comment in edited.removed_comments] == ["# inside"]  # of a key that is gone


def test_comments_at_the_end_of_a_list_that_is_emptied_go_with_it() -> None:
    """Also in a file without a line end, which stays so."""
    edited = Document.parse("e:\n  - a: x\n\n    # one\n    # two").set(("e",), [])
    assert edited.text == "e: []"
    assert [comment.text for comment in edited.removed_comments] == ["# one", "# two"]
