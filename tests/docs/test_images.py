"""The pictures of the pages: up to date, described, and readable on light and dark pages."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tarmak_iam.cli.console import ExitCode
from tarmak_iam.hook.cluster.history import Status
from tarmak_iam.hook.login.review import LoginOutcome
from tests.docs.images import IMAGES, TARGET
from tests.docs.session import needs_bash
from tests.support import ROOT

SVG = "{http://www.w3.org/2000/svg}"
DRAWINGS = sorted(TARGET.glob("*.svg"))
SCREENSHOTS = {TARGET / "report.png", TARGET / "report-picture.png"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CHARACTER = 7.0
"""The width of an average character in the widest of the usual fonts, in pixels."""


@needs_bash
@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_it_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == IMAGES[path](), "run `make images`"


def test_the_picture_of_a_change_has_its_states_and_exit_codes() -> None:
    root = ET.fromstring((TARGET / "states.svg").read_text(encoding="utf-8"))
    shown = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    codes = (f"exit code {code:d}" for code in (ExitCode.OK, ExitCode.NOT_VERIFIED, ExitCode.FINDINGS))
    names = [*Status, LoginOutcome.VERIFIED, LoginOutcome.FAILED, *codes]
    assert [name for name in names if str(name) not in shown] == []


def test_every_picture_is_on_a_page_with_an_alternative_text() -> None:
    shown = set()
    for page in PAGES:
        for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
            for child in token.children or ():
                if child.type == "image":
                    shown.add((page.parent / str(child.attrGet("src"))).resolve())
                    assert len(child.content.split()) > 5, page
    assert shown == {*DRAWINGS, *SCREENSHOTS} == {*TARGET.iterdir()}


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
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


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_no_text_leaves_the_picture(path: Path) -> None:
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for text in root.iter(f"{SVG}text"):
        long = float(text.get("textLength", CHARACTER * len(text.text or "")))
        start = float(text.get("x", 0)) - long * {"middle": 0.5, "end": 1.0}.get(text.get("text-anchor", ""), 0)
        assert start >= 0, text.text
        assert start + long <= width, text.text
        assert float(text.get("y", 0)) < height, text.text


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_text_has_enough_contrast(path: Path) -> None:
    """At least that of WCAG 2.1, level AA, with the box that it is on."""
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    light, _, dark = (root.findtext(f"{SVG}style") or "").partition("@media")
    for style in (light, dark):
        colours = dict(re.findall(r"\.?([\w-]+) { fill: (#\w+);", style))
        boxes: list[ET.Element] = []
        for shape in root:
            if shape.tag == f"{SVG}rect":
                boxes.append(shape)
            elif shape.tag == f"{SVG}text" and shape.get("class") != "number":
                ground = next(colours[box.get("class", "").split()[0]] for box in boxes[::-1] if _is_on(shape, box))
                names = [name for name in shape.get("class", "").split() if name in colours]
                ink = colours[next(iter(names), "text")]
                assert _contrast(ink, ground) >= 4.5, shape.text


def _is_on(text: ET.Element, box: ET.Element) -> bool:
    x, y, left, top = (float(each.get(name, 0)) for each in (text, box) for name in ("x", "y"))
    return left <= x <= left + float(box.get("width", 0)) and top <= y <= top + float(box.get("height", 0))


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
