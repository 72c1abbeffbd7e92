"""HTML elements, tables, and the parts that several sections of the page use. Text becomes markup, and is escaped, in
`text` only, so that no escape can be forgotten."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.mappings.entries import SSO_PREFIX
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.model import FindingKey, LastChange, MappedIdentity, ReviewedFinding, short_commit
from tarmak_iam.text import brief_list, one_line

_VOID = frozenset({"br", "input", "meta", "wbr"})
_BREAKS = re.compile(r"(?<=[:/,=@.-])(?=[^:/,=@.\s-])|(?<=[a-z0-9])(?=[A-Z])")
_MOST_LINES = 20
_LONG_WORD = re.compile(r"\S{24,}")
KINDS = {
    "account": "every other principal of the account",
    "sso": "SSO permission set",
    "userid": "unique ID",
    "root": "root of the account",
}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | None | Iterable["Child"]
"""The content of an element: markup, text to escape, None, or several of them."""


def text(value: str) -> Markup:
    """Escaped text on one line, with escapes for characters that are not printable or change the direction of text."""
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
    parts = (
        child if isinstance(child, Markup) else text(child) if isinstance(child, str) else fragment(*child)
        for child in children
        if child is not None
    )
    return Markup("".join(parts))


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
    sorted_by: str | None = None,
) -> Markup:
    """`sorted_by`: the heading of a column, None for the order of the file. `unit`: what a row is, singular and plural,
    for the count above the table. Roles are written out: some browsers drop those of a table that is shown as cards."""

    def cell(label: str, content: Child, order: str | None, is_empty: bool, number: int) -> Markup:
        if number == 0:
            return el("th", content, scope="row", role="rowheader", data_label=label, data_order=order)
        kind = "empty" if is_empty else None
        return el("td", el("div", content), role="cell", class_=kind, data_label=label, data_order=order)

    heads = [
        el("th", name, scope="col", role="columnheader", aria_sort="ascending" if name == sorted_by else None)
        for name in columns
    ]
    body = []
    for row in rows:
        cells = [cell(label, *row.cells[at], at) for at, label in enumerate(columns)]
        marks = {"class_": row.mark or None, "data_flags": row.flags or None, "data_key": row.key}
        body.append(el("tr", cells, role="row", **marks))
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


Shown = Callable[[Place | Path | None], str]
"""How a place or a file is displayed on the page."""


def shown_under(directory: Path) -> Shown:
    """Files below the directory of tarmak.yaml by their relative path: the same wherever a review is generated."""

    def shown(place: Place | Path | None) -> str:
        if place is None:
            return ""
        line, column = (place.line, place.column) if isinstance(place, Place) else (None, None)
        path = Path(place.filename) if isinstance(place, Place) else place
        below = path.relative_to(directory) if path.is_relative_to(directory) else path
        return str(Place(str(below), line, column))

    return shown


def code(value: str) -> Markup:
    """A name from a file: isolated in its text direction, with possible line breaks."""
    return el("code", el("bdi", _breakable(value)))


def _breakable(value: str) -> Markup:
    *parts, last = _BREAKS.split(value)
    return fragment([[part, el("wbr")] for part in parts], last)


def muted(*children: str) -> Markup:
    return el("span", *children, class_="muted")


def nothing(what: str) -> Markup:
    """A dash, with a text for screen readers."""
    return fragment(el("span", "\N{EM DASH}", aria_hidden="true", class_="muted"), el("span", what, class_="hidden"))


def badge(value: str, kind: str) -> Markup:
    return el("span", value, class_=f"badge {kind}")


def fact(term: str, *description: str | Markup, kind: str | None = None) -> Markup:
    return el("div", el("dt", term), el("dd", *description), class_=kind)


def capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def sentence(message: str) -> Markup:
    """A message as a sentence. It may begin with a name, which keeps its case."""
    text = message if message.startswith(("arn:", "'")) else capital(message)
    text += "" if text.endswith("?") else "."
    parts, end = [], 0
    for word in _LONG_WORD.finditer(text):
        parts += [text[end : word.start()], _breakable(word.group())]
        end = word.end()
    return el("bdi", parts, text[end:])


def anchor(number: int) -> str:
    """The id of a cluster's section. The name of a cluster may contain any characters."""
    return f"cluster-{number + 1}"


def name(kind: str, principal: str) -> TableCell:
    """A principal and its kind."""
    shown = f"{SSO_PREFIX}{principal}" if kind == "sso" else principal
    resource = principal.split(":", 5)[-1].partition("/")[0] if kind == "arn" else kind
    of_kind = el("div", KINDS.get(resource, resource), class_="muted")
    return TableCell(fragment(code(shown) if shown else muted("(none)"), of_kind), principal)


def becomes(identity: MappedIdentity) -> Markup:
    """Username and groups."""
    username = code(identity.username) if identity.username else muted("its own ARN")
    groups = el("ul", [el("li", code(group)) for group in identity.groups], class_="chips", aria_label="Groups")
    return fragment(username, groups if identity.groups else el("div", "no groups", class_="muted"))


def principal_key(kind: str, principal: str) -> str:
    """Equal for the rows of the same principal in all tables."""
    return f"{kind} {to_lower(principal)}"


def privilege(value: Privilege, because: Iterable[str] = (), *, asked: bool = True) -> Markup:
    """`asked`: whether the bindings of the cluster were read. If not, a dash would claim more than is known."""
    if value is Privilege.NONE:
        return nothing("none") if asked else muted("none known")
    return fragment(badge(capital(value), str(value)), [el("div", why, class_="muted why") for why in because])


def change(value: LastChange | None, common: LastChange | None = None) -> Markup:
    """The last change of lines or of a file; nothing for `common`, which the introduction explains."""
    if value is None or value == common:
        return Markup()
    if value.state == "unknown":
        return el("div", f"last change not known: {value.unknown}", class_="muted")
    if value.state == "uncommitted":
        return el("div", badge("Not committed", "warning"))
    when = fragment(el("time", value.date[:10], datetime=value.date), " ", el("bdi", value.author))
    commit = el("code", short_commit(value.commit), class_="commit", title=value.commit)
    return el("div", when, el("br"), commit, " ", el("bdi", value.summary), class_="muted")


Repeated = Mapping[FindingKey, str]
"""The ids of the elements that explain repeated findings, by the key of the finding."""


def findings(values: Iterable[ReviewedFinding], shown: Shown) -> Markup:
    """A list of findings with their places."""
    return el("ul", [_finding(finding, shown(finding.place)) for finding in values], class_="findings")


def entry_findings(values: Sequence[ReviewedFinding], repeated: Repeated) -> TableCell:
    """Findings about an entry, with their lines: the row names the file. A repeated one links to its explanation.
    Sorted with errors before warnings before suppressed findings, many before few."""
    items = [
        el("li", _finding_head(finding, f"line {finding.place.line}", repeated[finding.key]))
        if finding.key in repeated
        else _finding(finding, f"line {finding.place.line}")
        for finding in values
    ]
    reported = [finding.severity for finding in values if finding.ignored is None]
    counts = (*(reported.count(severity) for severity in Severity), len(values))
    shown = el("ul", items, class_="findings") if items else nothing("none")
    return TableCell(shown, "-".join(f"{999 - count:03}" for count in counts))


def repeated_findings(groups: Iterable[Sequence[ReviewedFinding]], repeated: Repeated) -> Markup:
    """Each group once, with its lines. Of many, the first ones: each row has a link to the group."""
    items = []
    for group in groups:
        lines = brief_list(dict.fromkeys(str(finding.place.line) for finding in group), _MOST_LINES)
        items.append(_finding(group[0], f"lines {lines}", repeated[group[0].key]))
    return el("ul", items, class_="findings")


def _finding(finding: ReviewedFinding, where: str, anchor: str | None = None) -> Markup:
    remedy = el("div", sentence(finding.remedy), class_="muted") if finding.remedy else None
    reason = el("div", capital(finding.suppressed), class_="muted") if finding.ignored is not None else None
    return el("li", _finding_head(finding, where), el("div", sentence(finding.message)), remedy, reason, id=anchor)


def _finding_head(finding: ReviewedFinding, where: str, link: str | None = None) -> Markup:
    kind = "suppressed" if finding.ignored is not None else str(finding.severity)
    linked = el("a", finding.id, href=f"#{link}") if link else finding.id
    head = (badge(capital(kind), kind), " ", el("span", linked, class_="id"), " ", muted(where))
    return el("div", head, class_="finding-head")


def flags(findings: Iterable[ReviewedFinding], privilege: Privilege = Privilege.NONE) -> str:
    """The flags of a row for the filters of the page. Suppressed findings are not findings for them."""
    privileged = ["privileged"] if privilege is not Privilege.NONE else []
    return " ".join([*privileged, *(["found"] if any(finding.ignored is None for finding in findings) else [])])
