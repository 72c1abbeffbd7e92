"""HTML that cannot be forgotten to be escaped: text becomes markup in one place, and only there; and tables of it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tarmak_iam.text import one_line

_VOID = frozenset({"br", "input", "meta", "wbr"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | None | Iterable["Child"]
"""What stands in an element: markup, text that is escaped, nothing, or several of them."""


def text(value: str) -> Markup:
    """Somebody's text, on one line. What is not printable, or would turn the direction of what follows, is shown as an
    escape."""
    return Markup(html.escape(one_line(value)))


def el(name: str, /, *children: Child, **attributes: str | bool | None) -> Markup:
    """An element. `class_` is the attribute class, `aria_label` is aria-label; False and None leave one out."""
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{name}{given}>") if name in _VOID else Markup(f"<{name}{given}>{fragment(*children)}</{name}>")


def fragment(*children: Child) -> Markup:
    return Markup("".join(_flat(children)))


def verbatim(name: str, content: str) -> Markup:
    """A style or script element, whose content is ours."""
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
    """`order` is what is compared when the column is sorted; without one what is shown. An `is_empty` one says nothing
    that a card would need."""

    content: Child
    order: str | None = None
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    """`mark` is a class; `flags` are words that the page's filters know (`privileged`, `found`). The first cell names
    the row."""

    cells: Sequence[TableCell]
    mark: str = ""
    flags: str = ""
    id: str | None = None


@dataclass(frozen=True, slots=True)
class HtmlTable:
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

    def _cell(self, number: int, cell: TableCell) -> Markup:
        label = self.columns[number]
        if number == 0:
            return el("th", cell.content, scope="row", role="rowheader", data_label=label, data_order=cell.order)
        kind = "empty" if cell.is_empty else None
        content = el("div", cell.content)
        return el("td", content, role="cell", class_=kind, data_label=label, data_order=cell.order)
