"""The pages use one word for one thing. Outputs, code and the names of options are the program's."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from tests.docs.pages import Page, pages

PAGES = [page for page in pages() if not page.name.startswith(("docs/reference/", "docs/rules/", "SECURITY"))]
INSTEAD = {
    r"\brights\b": "permissions",
    r"\bslips?\b": "typo",
    r"\bdaemons?\b": "the authenticator",
    r"\b(was|is|are|were|be|been) (not )?asked\b": "queried, or who asks whom",
    r"\banew\b": "again",
    r"\bwhat is (there|not|none)\b": "say which",
}
DEFINED = {("docs/glossary.md", "daemon")}


def prose(text: str) -> str:
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    children = [child for token in tokens for child in token.children or ()]
    return " ".join(child.content for child in children if child.type in ("text", "image"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_words_are_those_of_the_glossary(page: Page) -> None:
    found = {(word[0], instead) for wrong, instead in INSTEAD.items() for word in re.finditer(wrong, prose(page.text))}
    assert {(word, instead) for word, instead in found if (page.name, word) not in DEFINED} == set()
