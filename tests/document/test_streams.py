"""Every document of a text at once: the same ones, at the same places, as asked for one by one."""

from __future__ import annotations

import pytest

from tarmak_iam.document import Document
from tarmak_iam.errors import ParseError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# nothing\n", []),
        ("a: 1\n", [{"a": 1}]),
        ("a: 1\n...\n# the end\n", [{"a": 1}]),
        ("---\n---\n", [None, None]),
        ("a: 1\n---\nb: 2\n--- x\n", [{"a": 1}, {"b": 2}, "x"]),
        ('{"a": 1}\n', [{"a": 1}]),
        ("{a: 1}\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("a:\t1\n---\nb: 'x\ty'\n", [{"a": 1}, {"b": "x\ty"}]),
    ],
)
def test_every_document(text: str, expected: list[object]) -> None:
    documents = Document.parse_all(text, "many.yaml")
    assert [document.data for document in documents] == expected
    for index, document in enumerate(documents):
        single = Document.parse(text, "many.yaml", index)
        assert single.data == document.data
        assert single.position(()) == document.position(())
        assert single.comments == document.comments


def test_an_edit_of_one_of_them() -> None:
    _, second = Document.parse_all("a: 1 # one\n---\nb: 2 # two\n", "many.yaml")
    assert second.set(("b",), 3).text == "a: 1 # one\n---\nb: 3 # two\n"


def test_what_is_ill_formed_further_on() -> None:
    with pytest.raises(ParseError, match=r"many\.yaml:3:4: invalid YAML"):
        Document.parse_all("a: 1\n---\nb: ]\n", "many.yaml")
