"""Parts that several sections of the page use: cells, badges, facts and places."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.mappings.entries import SSO_PREFIX
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.html.markup import Markup, el, fragment
from tarmak_iam.report.model import FindingKey, LastChange, MappedIdentity, ReviewedFinding, short_commit
from tarmak_iam.text import brief_list

Shown = Callable[[Place | Path | None], str]
"""How a place or a file is displayed on the page."""

_BREAKS = re.compile(r"(?<=[:/,=@.-])(?=[^:/,=@.\s-])|(?<=[a-z0-9])(?=[A-Z])")
_MOST_LINES = 20
_LONG_WORD = re.compile(r"\S{24,}")
_PRIVILEGES = {Privilege.ADMIN: "Admin", Privilege.NODE: "Node", Privilege.ELEVATED: "Elevated"}

_KINDS = {
    "account": "every other principal of the account",
    "sso": "SSO permission set",
    "userid": "unique ID",
    "role": "role",
    "user": "user",
}


def shown_under(directory: Path) -> Shown:
    """Shows files below the directory of tarmak.yaml by their relative path, so that a review does not depend on where
    it was generated."""

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


def location(value: str) -> Markup:
    """A place, never broken between line and column."""
    first, *others = value.split("/")
    return el("code", el("bdi", first, [["/", el("wbr"), part] for part in others]))


def muted(*children: str) -> Markup:
    return el("span", *children, class_="muted")


def nothing(what: str) -> Markup:
    """A dash, with a text for screen readers."""
    return fragment(el("span", "\N{EM DASH}", aria_hidden="true", class_="muted"), el("span", what, class_="hidden"))


def badge(value: str, kind: str) -> Markup:
    return el("span", value, class_=f"badge {kind}")


def name(kind: str, principal: str) -> Markup:
    """A principal and its kind."""
    shown = f"{SSO_PREFIX}{principal}" if kind == "sso" else principal
    resource = principal.split(":", 5)[-1].partition("/")[0] if kind == "arn" else ""
    kinds = {**_KINDS, "root": "root of the account"}
    text = kinds.get(kind) or kinds.get(resource, resource)
    return fragment(code(shown) if shown else muted("(none)"), el("div", text, class_="muted"))


def becomes(identity: MappedIdentity) -> Markup:
    """Username and groups."""
    username = code(identity.username) if identity.username else muted("its own ARN")
    groups = el("ul", [el("li", code(group)) for group in identity.groups], class_="chips", aria_label="Groups")
    return fragment(username, groups if identity.groups else el("div", "no groups", class_="muted"))


def principal_key(kind: str, principal: str) -> str:
    """Equal for the rows of the same principal in all tables."""
    return f"{kind} {to_lower(principal)}"


def privilege(value: Privilege, because: Iterable[str] = (), *, asked: bool = True) -> Markup:
    """`asked`: whether the cluster was asked for its bindings. If not, a dash would claim more than is known."""
    if value is Privilege.NONE:
        return nothing("none") if asked else muted("none known")
    return fragment(badge(_PRIVILEGES[value], str(value)), [el("div", why, class_="muted why") for why in because])


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


def entry_findings(values: Sequence[ReviewedFinding], repeated: Repeated) -> Markup:
    """Findings about an entry, with their lines: the row names the file. A repeated one links to its explanation."""
    if not values:
        return nothing("none")
    items = [
        el("li", _finding_head(finding, f"line {finding.place.line}", repeated[finding.key]))
        if finding.key in repeated
        else _finding(finding, f"line {finding.place.line}")
        for finding in values
    ]
    return el("ul", items, class_="findings")


def repeated_findings(groups: Iterable[Sequence[ReviewedFinding]], repeated: Repeated) -> Markup:
    """Each group once, with its lines. Of many, the first ones: each row has a link to the group."""
    items = []
    for group in groups:
        lines = brief_list(dict.fromkeys(str(finding.place.line) for finding in group), _MOST_LINES)
        items.append(_finding(group[0], f"lines {lines}", repeated[group[0].key]))
    return el("ul", items, class_="findings")


def _finding(finding: ReviewedFinding, where: str, anchor: str | None = None) -> Markup:
    remedy = el("div", sentence(finding.remedy), class_="muted") if finding.remedy else None
    because = f": {finding.ignored}" if finding.ignored else " without a reason"
    reason = el("div", f"Suppressed by a comment{because}", class_="muted") if finding.ignored is not None else None
    return el("li", _finding_head(finding, where), el("div", sentence(finding.message)), remedy, reason, id=anchor)


def _finding_head(finding: ReviewedFinding, where: str, link: str | None = None) -> Markup:
    kind = "suppressed" if finding.ignored is not None else str(finding.severity)
    linked = el("a", finding.id, href=f"#{link}") if link else finding.id
    head = (badge(kind.capitalize(), kind), " ", el("span", linked, class_="id"), " ", muted(where))
    return el("div", head, class_="finding-head")


def sentence(message: str) -> Markup:
    """A message as a sentence. It may begin with a name, which keeps its case."""
    text = message if message.startswith(("arn:", "'")) else f"{message[:1].upper()}{message[1:]}"
    text += "" if text.endswith("?") else "."
    parts, end = [], 0
    for word in _LONG_WORD.finditer(text):
        parts += [text[end : word.start()], _breakable(word.group())]
        end = word.end()
    return el("bdi", parts, text[end:])


def flags(findings: Iterable[ReviewedFinding], privilege: Privilege = Privilege.NONE) -> str:
    """The flags of a row for the filters of the page. Suppressed findings are not findings for them."""
    privileged = ["privileged"] if privilege is not Privilege.NONE else []
    return " ".join([*privileged, *(["found"] if any(finding.ignored is None for finding in findings) else [])])


def severity_order(values: Sequence[ReviewedFinding]) -> str:
    """For sorting: errors before warnings before suppressed findings, many before few."""
    counts = [
        sum(finding.ignored is None and finding.severity is severity for finding in values) for severity in Severity
    ]
    return "-".join(f"{999 - count:03}" for count in (*counts, len(values)))


def anchor(number: int) -> str:
    """The id of a cluster's section. The name of a cluster may contain any characters."""
    return f"cluster-{number + 1}"


def fact(term: str, *description: str | Markup, kind: str | None = None) -> Markup:
    return el("div", el("dt", term), el("dd", *description), class_=kind)
