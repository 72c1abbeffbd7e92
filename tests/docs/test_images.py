"""The pictures of the pages: up to date, described, and readable on light and dark pages."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.docs.images import IMAGES, TARGET
from tests.docs.images.drawing import COLOURS, TEXT_ON, Drawing
from tests.docs.images.terminal import Command, rows_of
from tests.docs.session import needs_bash
from tests.support import ROOT

SVG = "{http://www.w3.org/2000/svg}"
MADE_ELSEWHERE = {TARGET / "login-path.svg", TARGET / "report.png", TARGET / "report-picture.png"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CHARACTER = 7.0
"""The width of an average character in the widest of the usual fonts, in pixels."""


@needs_bash
@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_it_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == IMAGES[path](), "run `make images`"


def test_every_picture_is_on_a_page_with_an_alternative_text() -> None:
    shown = set()
    for page in PAGES:
        for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
            for child in token.children or ():
                if child.type == "image":
                    shown.add((page.parent / str(child.attrGet("src"))).resolve())
                    assert len(child.content.split()) > 5, page
    assert shown == {*IMAGES, *MADE_ELSEWHERE} == {path for path in TARGET.iterdir() if path.suffix != ".md"}


@pytest.mark.parametrize("path", sorted(TARGET.glob("*.svg")), ids=lambda path: path.stem)
def test_it_says_what_it_shows_and_needs_nothing_else(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    root = ET.fromstring(text)
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert title.text
    assert len((description.text or "").split()) > 20
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert "(prefers-color-scheme: dark)" in text
    assert re.findall(r"href|url\((?!#)|<script|@import|<image", text) == []


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_no_text_leaves_the_picture(path: Path) -> None:
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for text in root.iter(f"{SVG}text"):
        long = float(text.get("textLength", CHARACTER * len(text.text or "")))
        start = float(text.get("x", 0)) - long * {"middle": 0.5, "end": 1.0}.get(text.get("text-anchor", ""), 0)
        assert start >= 0, text.text
        assert start + long <= width, text.text
        assert float(text.get("y", 0)) < height, text.text


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_has_enough_contrast(scheme: int) -> None:
    """At least that of WCAG 2.1, level AA."""
    found = {
        (text, ground): _contrast(COLOURS[text][scheme], COLOURS[ground][scheme])
        for ground, texts in TEXT_ON.items()
        for text in texts
    }
    assert {pair: ratio for pair, ratio in found.items() if ratio < 4.5} == {}


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_is_escaped() -> None:
    drawing = Drawing("a < b", "c & d", 100, 50)
    drawing.code(10, 20, "<e> & f")
    root = ET.fromstring(drawing.svg())
    assert [text.text for text in root.iter(f"{SVG}text")] == ["<e> & f"]


def test_the_session_shows_the_output_with_its_colours() -> None:
    output = "one\n\x1b[32m+two\x1b[0m\nthree\n\x1b[31merror\x1b[0m: " + "word " * 25 + "\nlast\n"
    rows = [list(map(tuple, row)) for row in rows_of(Command("run it", ("two", "error")), output)]
    assert rows == [
        [("$ ", "dim"), ("run it", "text bold")],
        [("...", "dim")],
        [("+two", "green")],
        [("...", "dim")],
        [("error", "red"), (": " + "word " * 18, "text")],
        [(("word " * 7), "text")],
        [("...", "dim")],
    ]


def test_a_line_that_the_program_no_longer_prints_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="no line with 'verified'"):
        list(rows_of(Command("run it", ("verified",)), "failed\n"))
