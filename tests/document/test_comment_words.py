"""What the words of a comment name."""

from __future__ import annotations

import pytest

from tarmak_iam.document.comment_runs import items_of
from tarmak_iam.document.comment_words import Words
from tarmak_iam.document.nodes import Span
from tarmak_iam.document.tree import Comment


def comments(*texts: str) -> list[Comment]:
    return [Comment(text, Span(0, len(text)), own_line=True) for text in texts]


def words_of(*texts: str) -> Words:
    return Words.of(comments(*texts))


def test_signs_and_tokens() -> None:
    words = words_of("# -- The image-tag, and", "# 1 _ x_1")
    assert words.signs == ("The", "image-tag", ",", "and", "1", "x_1")
    assert words.tokens == ("The", "image-tag", "and", "x_1")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("# the image tags", "imageTag"),
        ("# imageTags", "image_tag"),
        ("# the keys", "key"),
        ("# 1 is the first", "1"),
        ("# the aws", "aws"),
        ("# use the port", "the"),
    ],
)
def test_a_key_is_named(text: str, name: str) -> None:
    assert words_of(text).has(name)


@pytest.mark.parametrize(("text", "name"), [("# the aws", "aw"), ("# the images", "age"), ("# x", ""), ("# x", None)])
def test_a_key_is_not_named(text: str, name: str | None) -> None:
    assert not words_of(text).has(name)


def test_a_word_that_any_text_contains_names_no_key() -> None:
    assert not words_of("# use the port").has("The", as_word=True)
    assert words_of("# use the port").has("port", as_word=True)


@pytest.mark.parametrize(
    ("text", "is_title"),
    [
        ("# Settings", True),
        ("# one two three four settings", True),
        ("# one two three four five settings", False),
        ("# settings of it", False),
        ("#", False),
    ],
)
def test_titles_over_several_members(text: str, is_title: bool) -> None:
    assert words_of(text).are_a_title() is is_title


@pytest.mark.parametrize(
    ("texts", "count"),
    [
        (["# - a", "#   b: 1", "# - c", "# prose"], 3),
        (["#- a", "#- c"], 2),
        (["#  - a", "# prose"], 1),
        (["#   deeper", "# - a"], 0),
        ([], 0),
    ],
)
def test_items_that_were_commented_out_come_first(texts: list[str], count: int) -> None:
    assert [comment.text for comment in items_of(comments(*texts))] == texts[:count]
