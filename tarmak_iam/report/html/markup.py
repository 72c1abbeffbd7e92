"""HTML elements and tables. Text becomes markup, and is escaped, in one place only, so that no escape can be
forgotten."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.text import one_line

_VOID = frozenset({"br", "input", "meta", "wbr"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | None | Iterable["Child"]
"""The content of an element: markup, text to escape, None, or several of them."""


def text(value: str) -> Markup:
    """Escaped text on one line. Characters that are not printable, or that change the text direction, are shown as
    escapes."""
    return Markup(html.escape(one_line(value)))


def el(name: str, /, *children: Child, **attributes: str | bool | None) -> Markup:
    """An element. `class_` is the attribute class, `aria_label` is aria-label. False and None omit an attribute."""
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{name}{given}>") if name in _VOID else Markup(f"<{name}{given}>{fragment(*children)}</{name}>")


def fragment(*children: Child) -> Markup:
    return Markup("".join(_flat(children)))


def verbatim(name: str, content: str) -> Markup:
    """A style or script element, with content from this package."""
    assert f"</{name}" not in content
    return Markup(f"<{name}>{content}</{name}>")


def _flat(child: Child) -> Iterable[str]:
    if isinstance(child, Markup):
        yield child
    elif isinstance(child, str):
        yield text(child)
    elif child is not None:
        for each in child:
            yield from _flat(each)


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{value if isinstance(value, Markup) else text(value)}"'


@dataclass(frozen=True, slots=True)
class TableCell:
    """`order` is the sort key of the cell, else its text. An `is_empty` cell is omitted if rows are shown as cards."""

    content: Child
    order: str | None = None
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    """`mark` is a class. `flags` are words that the filters of the page use (`privileged`, `found`). The first cell is
    the heading of the row. Rows with the same `key` are counted once over the whole page."""

    cells: Sequence[TableCell]
    mark: str = ""
    flags: str = ""
    key: str | None = None


@dataclass(frozen=True, slots=True)
class HtmlTable:
    """`sorted_by` is the column by which the rows are sorted, None for the order of the file. `unit`: what a row is, in
    singular and plural, for the count above the table."""

    caption: Child
    columns: Sequence[str]
    rows: Iterable[TableRow]
    kind: str
    unit: tuple[str, str]
    sorted_by: int | None = None

    def markup(self) -> Markup:
        rows = list(self.rows)
        heads = [self._head(*each) for each in enumerate(self.columns)]
        count = f"{len(rows)} {self.unit[len(rows) != 1]}"
        # Roles are written out: some browsers drop those of a table that is shown as cards.
        table = el(
            "table",
            el("caption", self.caption),
            el("thead", el("tr", heads, role="row"), role="rowgroup"),
            el("tbody", map(self._row, rows), role="rowgroup"),
            role="table",
            class_=f"{self.kind} sortable",
            data_one=self.unit[0],
            data_several=self.unit[1],
        )
        return el("div", el("p", count, class_="count"), table, class_="counted")

    def _head(self, number: int, name: str) -> Markup:
        order = "ascending" if number == self.sorted_by else None
        return el("th", name, scope="col", role="columnheader", aria_sort=order)

    def _row(self, row: TableRow) -> Markup:
        cells = [self._cell(*each) for each in enumerate(row.cells)]
        return el("tr", cells, role="row", class_=row.mark or None, data_flags=row.flags or None, data_key=row.key)

    def _cell(self, number: int, cell: TableCell) -> Markup:
        label = self.columns[number]
        if number == 0:
            return el("th", cell.content, scope="row", role="rowheader", data_label=label, data_order=cell.order)
        kind = "empty" if cell.is_empty else None
        content = el("div", cell.content)
        return el("td", content, role="cell", class_=kind, data_label=label, data_order=cell.order)
