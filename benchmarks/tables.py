"""Markdown tables whose rows and columns are known before the measurement, and their place in a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["MISSING", "Cells", "Table", "markdown", "put_into"]

Cells = Mapping[str, Sequence[str]]
"""By row; a missing row could not be measured."""

MISSING = "not installed"


@dataclass(frozen=True)
class Table:
    """`title`: what is measured, in one sentence. `measure` returns the rows."""

    name: str
    title: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    measure: Callable[[], Cells]


def markdown(table: Table, cells: Cells) -> str:
    lines = [[table.corner, *table.columns], ["---", *["---:"] * len(table.columns)]]
    lines += [[row, *(cells.get(row) or [MISSING, *[""] * (len(table.columns) - 1)])] for row in table.rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def put_into(page: str, name: str, text: str) -> str:
    """Between the two markers of that name. Raises ValueError where the page has none."""
    marked = re.compile(rf"(<!-- bench: {re.escape(name)} -->\n).*?(<!-- /bench -->)", re.DOTALL)
    page, count = marked.subn(lambda match: f"{match[1]}{text}{match[2]}", page)
    if count != 1:
        raise ValueError(f"the page has {count} places for the table {name}")
    return page
