"""The pages and the program use one word for one thing. Outputs, code and the names of options are the program's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from markdown_it import MarkdownIt

from tests.docs.pages import Page, pages
from tests.support import PACKAGE

PAGES = [page for page in pages() if not page.name.startswith(("docs/reference/", "SECURITY"))]
INSTEAD = {
    r"\brights\b": "permissions",
    r"\bslips?\b": "typo",
    r"\bdaemons?\b": "the authenticator",
    r"\b(was|is|are|were|be|been) (not )?asked\b": "queried, or who asks whom",
    r"\banew\b": "again",
    r"\bwhat is (there|not|none)\b": "say which",
}
DEFINED = {("docs/glossary.md", "daemon")}
ROOMS = (
    *("access", "aws", "cli", "config", "doctor", "document", "emit", "files", "hook", "identity", "installation"),
    *("kubeconfig", "lint", "mappings", "pki", "report", "token", ""),
)
CODE = re.compile(r"`[^`]*`|[\w-]*(?:-daemon|daemon-)[\w-]*")
"""Code, and the names of options and rules."""
OF_THE_PROGRAM = {("report/json_format.py", "rights")}
"""A key of the report, which is stable."""


def prose(text: str) -> str:
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    children = [child for token in tokens for child in token.children or ()]
    return " ".join(child.content for child in children if child.type in ("text", "image"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_words_are_those_of_the_glossary(page: Page) -> None:
    found = {
        (word[0], instead)
        for wrong, instead in INSTEAD.items()
        for word in re.finditer(wrong, CODE.sub("", prose(page.text)))
    }
    assert {(word, instead) for word, instead in found if (page.name, word) not in DEFINED} == set()


def literals(room: str) -> Iterator[tuple[str, str]]:
    """The literals of several words and the help texts of a room, or of the modules above all rooms."""
    for path in sorted((PACKAGE / room).rglob("*.py") if room else PACKAGE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                yield path.relative_to(PACKAGE).as_posix(), CODE.sub("", node.value)
    for path in sorted((PACKAGE / room).rglob("*.txt") if room else ()):
        yield path.relative_to(PACKAGE).as_posix(), CODE.sub("", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("room", ROOMS)
def test_the_words_of_the_program_are_those_of_the_glossary(room: str) -> None:
    found = {
        (where, word[0], instead)
        for where, text in literals(room)
        for wrong, instead in INSTEAD.items()
        for word in re.finditer(wrong, text)
    }
    assert {hit for hit in found if hit[:2] not in OF_THE_PROGRAM} == set()
