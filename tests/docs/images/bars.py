"""Bars for the tables on edits in docs/comparison.md, which `make comparison` measures and writes."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.docs.images.drawing import Drawing
from tests.support import ROOT

__all__ = ["bars"]

_OURS = "tarmak-iam"


class Bar(NamedTuple):
    tool: str
    value: float


def bars() -> str:
    page = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    fidelity, edits = (_rows(page, name) for name in ("fidelity", "edits"))
    panels = (
        ("Edits with a wrong result, of 60", _measured(fidelity, 3)),
        ("Comments lost in these edits", _measured(fidelity, 6)),
        ("Times faster than a round trip with ruamel.yaml, one edit of 100 KB", _measured(edits, 3)),
    )
    text = ". ".join(f"{title}: {', '.join(f'{bar.tool} {bar.value:g}' for bar in rows)}" for title, rows in panels)
    height = 24 + sum(58 + 26 * len(rows) for _, rows in panels)
    drawing = Drawing("Edits of tarmak.yaml with several tools", text, 780, height)
    y = 24
    for title, rows in panels:
        _panel(drawing, y, title, rows)
        y += 58 + 26 * len(rows)
    return drawing.svg()


def _panel(drawing: Drawing, y: int, title: str, rows: list[Bar]) -> None:
    drawing.text(24, y + 14, title, "text bold")
    most = max(bar.value for bar in rows)
    for number, bar in enumerate(rows):
        top = y + 28 + 26 * number
        is_ours = bar.tool.startswith(_OURS)
        drawing.text(304, top + 15, bar.tool, "text bold" if is_ours else "text", "end")
        length = max(2, 390 * bar.value / most) if bar.value else 0
        if length:
            drawing.box(316, top, length, 20, "blue" if is_ours else "dim", 3)
        drawing.text(324 + length, top + 15, f"{bar.value:g}", "text bold" if is_ours else "text")


def _rows(page: str, name: str) -> list[list[str]]:
    """Of the table between two marks of the page, without head and targets."""
    table = page.partition(f"<!-- bench: {name} -->\n")[2].partition("<!-- /bench -->")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return [row for row in rows if not row[0].startswith("target")]


def _measured(rows: list[list[str]], column: int) -> list[Bar]:
    """Without tools that could not be installed, or that refused or did not end."""
    found = ((row[0], re.match(r"[\d.]+", row[column])) for row in rows)
    return [Bar(tool, float(number[0])) for tool, number in found if number]
