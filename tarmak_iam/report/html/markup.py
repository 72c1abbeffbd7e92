"""HTML elements and tables. Text becomes markup, and is escaped, in one place only, so that no escape can be
forgotten."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import NamedTuple

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
    start = f"<{name}"
    for key, value in attributes.items():
        if value is not None and value is not False:
            attribute = key.rstrip("_").replace("_", "-")
            quoted = value if isinstance(value, Markup) else text(str(value))
            start += f" {attribute}" if value is True else f' {attribute}="{quoted}"'
    return Markup(f"{start}>") if name in _VOID else Markup(f"{start}>{fragment(*children)}</{name}>")


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
        for inner in child:
            yield from _flat(inner)


class TableCell(NamedTuple):
    """`order` is the sort key of the cell, else its text. An `is_empty` cell is omitted if rows are shown as cards."""

    content: Child
    order: str | None = None
    is_empty: bool = False


class TableRow(NamedTuple):
    """`mark` is a class. `flags` are words that the filters of the page use (`privileged`, `found`). The first cell is
    the heading of the row. Rows with the same `key` are counted once over the whole page."""

    cells: Sequence[TableCell]
    mark: str = ""
    flags: str = ""
    key: str | None = None


def table(
    caption: Child,
    columns: Sequence[str],
    rows: Sequence[TableRow],
    kind: str,
    unit: tuple[str, str],
    sorted_by: int | None = None,
) -> Markup:
    """`sorted_by` is the column by which the rows are sorted, None for the order of the file. `unit`: what a row is, in
    singular and plural, for the count above the table. Roles are written out: some browsers drop those of a table that
    is shown as cards."""
    heads = [
        el("th", name, scope="col", role="columnheader", aria_sort="ascending" if at == sorted_by else None)
        for at, name in enumerate(columns)
    ]
    body = [
        el(
            "tr",
            [_cell(*cell) for cell in zip(columns, row.cells, range(len(columns)), strict=True)],
            role="row",
            class_=row.mark or None,
            data_flags=row.flags or None,
            data_key=row.key,
        )
        for row in rows
    ]
    content = el(
        "table",
        el("caption", caption),
        el("thead", el("tr", heads, role="row"), role="rowgroup"),
        el("tbody", body, role="rowgroup"),
        role="table",
        class_=f"{kind} sortable",
        data_one=unit[0],
        data_several=unit[1],
    )
    return el("div", el("p", f"{len(rows)} {unit[len(rows) != 1]}", class_="count"), content, class_="counted")


def _cell(label: str, cell: TableCell, number: int) -> Markup:
    if number == 0:
        return el("th", cell.content, scope="row", role="rowheader", data_label=label, data_order=cell.order)
    kind = "empty" if cell.is_empty else None
    return el("td", el("div", cell.content), role="cell", class_=kind, data_label=label, data_order=cell.order)
