"""Sphinx builds the pages without a warning, and every link between files leads somewhere, on GitHub too."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.docs.reference.api import MODULES, public_names
from tests.docs.reference.markdown import slug
from tests.support import ROOT
from tests.support.made_once import made_once

FILES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
NEEDED = ("sphinx", "furo", "myst_parser")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages in Sphinx's plainest theme: furo's takes two thirds of the time, to put the whole contents on each."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    strict = ("--fail-on-warning", "--keep-going", "-D", "html_theme=basic")
    return made_once(tmp_path_factory, "docs", lambda target: _build(target, target / "html", *strict)) / "html"


def _build(directory: Path, html: Path, *more: str) -> None:
    command = [sys.executable, "-m", "sphinx", "--quiet", "-d", str(directory / "doctrees"), str(ROOT / "docs")]
    done = subprocess.run([*command, str(html), *more], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.thorough
def test_every_page_is_built_and_every_public_name_described(built: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert {path for path in pages if not (built / path).exists()} == set()
    for module in MODULES:
        page = (built / "reference" / "api" / f"{module}.html").read_text(encoding="utf-8")
        assert set(public_names(module)) - set(re.findall(r"<h2>(\w+)<a", page)) == set()


@pytest.mark.thorough
def test_nothing_is_fetched_by_a_reader(built: Path) -> None:
    """Of the first page in the theme that readers see, of pages that are read already."""
    _build(built.parent, built.with_name("furo"), str(ROOT / "docs" / "index.md"))
    text = (built.with_name("furo") / "index.html").read_text(encoding="utf-8")
    assert "furo" in text
    assert re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?:[^"]*"', text) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_files_lead_somewhere(path: Path) -> None:
    wrong = []
    for target in _links(path.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in _anchors(file)):
            wrong.append(target)
    assert wrong == []


def _links(text: str) -> list[str]:
    """Those that are no URL."""
    found = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        for each in token.children or ():
            target = each.attrGet("href") or each.attrGet("src")
            if target and not re.match(r"[a-z]+:", str(target)):
                found.append(str(target))
    return found


def _anchors(path: Path) -> set[str]:
    tokens = MarkdownIt("commonmark").parse(path.read_text(encoding="utf-8"))
    headings = [tokens[number + 1] for number, token in enumerate(tokens) if token.type == "heading_open"]
    return {slug("".join(each.content for each in token.children or ())) for token in headings}
