"""What several parts of the page have in common: cells, badges, facts and places."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.mappings.principals import SSO_PREFIX
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.git_history import LastChange, short_commit
from tarmak_iam.report.html.markup import Markup, el, fragment
from tarmak_iam.report.model import MappedIdentity, ReviewedFinding

Shown = Callable[[Place | Path | None], str]
"""A place or a file as the page shows it."""

_BREAKS = re.compile(r"(?<=[:/,=@.-])(?=[^:/,=@.\s-])|(?<=[a-z0-9])(?=[A-Z])")
_LONG_WORD = re.compile(r"\S{24,}")
_PRIVILEGES = {Privilege.ADMIN: "Admin", Privilege.NODE: "Node", Privilege.ELEVATED: "Elevated"}

_KINDS = {
    "account": "everyone else of the account",
    "sso": "SSO permission set",
    "userid": "unique id",
    "role": "role",
    "user": "user",
}


def shown_under(directory: Path) -> Shown:
    """Files below the directory of tarmak.yaml by their path there: a review reads the same wherever it was made."""

    def shown(place: Place | Path | None) -> str:
        if place is None:
            return ""
        if isinstance(place, Path):
            return shown(Place(str(place)))
        path = Path(place.filename)
        below = path.relative_to(directory) if path.is_relative_to(directory) else path
        return str(Place(str(below), place.line, place.column))

    return shown


def code(value: str) -> Markup:
    """Somebody's name for something: in its own direction, and broken where it may be."""
    return el("code", el("bdi", _breakable(value)))


def _breakable(value: str) -> Markup:
    *parts, last = _BREAKS.split(value)
    return fragment([[part, el("wbr")] for part in parts], last)


def location(value: str) -> Markup:
    """A place: its line and column stay together."""
    first, *others = value.split("/")
    return el("code", el("bdi", first, [["/", el("wbr"), each] for each in others]))


def muted(*children: str) -> Markup:
    return el("span", *children, class_="muted")


def nothing(what: str) -> Markup:
    """A dash for those who see it, and what is not there for the others."""
    return fragment(el("span", "\N{EM DASH}", aria_hidden="true", class_="muted"), el("span", what, class_="hidden"))


def badge(value: str, kind: str) -> Markup:
    return el("span", value, class_=f"badge {kind}")


def name(kind: str, principal: str) -> Markup:
    """A principal, and what it is."""
    shown = f"{SSO_PREFIX}{principal}" if kind == "sso" else principal
    return fragment(code(shown) if shown else muted("(none)"), el("div", _kind(kind, principal), class_="muted"))


def _kind(kind: str, principal: str) -> str:
    resource = principal.split(":", 5)[-1].partition("/")[0] if kind == "arn" else ""
    return _KINDS.get(kind) or {"role": "role", "user": "user", "root": "root of the account"}.get(resource, resource)


def becomes(identity: MappedIdentity) -> Markup:
    """Username and groups."""
    username = code(identity.username) if identity.username else muted("their own ARN")
    groups = el("ul", [el("li", code(group)) for group in identity.groups], class_="chips", aria_label="Groups")
    return fragment(username, groups if identity.groups else el("div", "no groups", class_="muted"))


def privilege(value: Privilege, because: Iterable[str] = (), *, asked: bool = True) -> Markup:
    """`asked` is whether the cluster told what its bindings give: a dash would say more than is known without."""
    if value is Privilege.NONE:
        return nothing("none") if asked else muted("bindings not asked")
    return fragment(badge(_PRIVILEGES[value], str(value)), [el("div", why, class_="muted why") for why in because])


def change(value: LastChange | None) -> Markup:
    """The last change of lines or of a file."""
    if value is None:
        return Markup()
    if value.state == "unknown":
        return el("div", f"last change not known: {value.unknown}", class_="muted")
    if value.state == "uncommitted":
        return el("div", badge("Not committed", "warning"))
    when = fragment(el("time", value.date[:10], datetime=value.date), " ", el("bdi", value.author))
    commit = el("code", short_commit(value.commit), class_="commit", title=value.commit)
    return el("div", when, el("br"), commit, " ", el("bdi", value.summary), class_="muted")


def findings(values: Iterable[ReviewedFinding], shown: Shown | None = None) -> Markup:
    """With their places, or without `shown` with the lines alone: the file is told beside them."""
    found = list(values)
    if not found:
        return nothing("none")
    return el("ul", [_finding(each, shown) for each in found], class_="findings")


def _finding(noted: ReviewedFinding, shown: Shown | None) -> Markup:
    where = shown(noted.place) if shown else f"line {noted.place.line}"
    kind = "ignored" if noted.ignored is not None else str(noted.severity)
    reason = None
    if noted.ignored is not None:
        reason = el("div", f"Ignored by a comment: {noted.ignored or 'without a reason'}", class_="muted")
    remedy = el("div", sentence(noted.remedy), class_="muted") if noted.remedy else None
    head = (badge(kind.capitalize(), kind), " ", el("span", noted.id, class_="id"), " ", muted(where))
    return el("li", el("div", head, class_="finding-head"), el("div", sentence(noted.message)), remedy, reason)


def sentence(message: str) -> Markup:
    """Ours, about somebody's names, one of which it may begin with."""
    text = message if message.startswith(("arn:", "'")) else f"{message[:1].upper()}{message[1:]}"
    text += "" if text.endswith("?") else "."
    parts, end = [], 0
    for word in _LONG_WORD.finditer(text):
        parts += [text[end : word.start()], _breakable(word.group())]
        end = word.end()
    return el("bdi", parts, text[end:])


def severity_order(values: Iterable[ReviewedFinding]) -> str:
    """For sorting: errors before warnings before what is ignored, many before few."""
    found = list(values)
    counts = [sum(each.ignored is None and each.severity is severity for each in found) for severity in Severity]
    return "-".join(f"{999 - count:03}" for count in (*counts, len(found)))


def anchor(number: int) -> str:
    """The id of a cluster's section; its name may have any characters."""
    return f"cluster-{number + 1}"


def fact(term: str, *description: str | Markup, kind: str | None = None) -> Markup:
    return el("div", el("dt", term), el("dd", *description), class_=kind)
