"""Tables that can be sorted, read as cards on a phone, and keep their meaning in both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tarmak_iam.report.html.markup import Child, Markup, el

__all__ = ["Cell", "Table", "TableRow"]


@dataclass(frozen=True, slots=True)
class Cell:
    """`order` is what is compared when the column is sorted; without one what is shown. An `is_empty` one says nothing
    that a card would need."""

    content: Child
    order: str | None = None
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    """`mark` is a class; `flags` are words that the page's filters know (`privileged`, `found`). The first cell names
    the row."""

    cells: Sequence[Cell]
    mark: str = ""
    flags: str = ""
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """`sorted_by` is the column that the rows are in the order of, None for the order of the file."""

    caption: Child
    columns: Sequence[str]
    rows: Iterable[TableRow]
    kind: str
    sorted_by: int | None = None

    def markup(self) -> Markup:
        # Roles are written out: shown as cards, a table loses them in some browsers.
        return el(
            "table",
            el("caption", self.caption),
            el("thead", el("tr", [self._head(*each) for each in enumerate(self.columns)], role="row"), role="rowgroup"),
            el("tbody", map(self._row, self.rows), role="rowgroup"),
            role="table",
            class_=f"{self.kind} sortable",
        )

    def _head(self, number: int, name: str) -> Markup:
        order = "ascending" if number == self.sorted_by else None
        return el("th", name, scope="col", role="columnheader", aria_sort=order)

    def _row(self, row: TableRow) -> Markup:
        cells = [self._cell(*each) for each in enumerate(row.cells)]
        return el("tr", cells, role="row", id=row.id, class_=row.mark or None, data_flags=row.flags or None)

    def _cell(self, number: int, cell: Cell) -> Markup:
        label = self.columns[number]
        if number == 0:
            return el("th", cell.content, scope="row", role="rowheader", data_label=label, data_order=cell.order)
        kind = "empty" if cell.is_empty else None
        content = el("div", cell.content)
        return el("td", content, role="cell", class_=kind, data_label=label, data_order=cell.order)
