"""The section of one cluster: its state, who gets in, which entries let nobody in, and what they may do there."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.report.html.cells import (
    Shown,
    badge,
    becomes,
    change,
    code,
    findings,
    location,
    muted,
    name,
    privilege,
    sentence,
    severity_order,
)
from tarmak_iam.report.html.markup import Markup, el, joined
from tarmak_iam.report.html.overview import anchor, fact
from tarmak_iam.report.html.rights import rights
from tarmak_iam.report.html.tables import Cell, Table, TableRow
from tarmak_iam.report.model import ClusterReview, Given, Outsider, Principal, Privilege, SourceFile, Standing

__all__ = ["section"]

_COLUMNS = ("Principal", "Becomes", "Privilege", "Entry, last change", "Findings")
_OUTSIDE = ("Entry for", "Would become", "Why it lets nobody in", "Entry, last change", "Findings")


def section(number: int, cluster: ClusterReview, shown: Shown) -> Markup:
    own = anchor(number)
    heading = el("h2", cluster.cluster, " ", _state(cluster), id=own)
    return el("section", heading, _content(cluster, shown), class_="cluster", aria_labelledby=own)


def _state(cluster: ClusterReview) -> Markup:
    if cluster.standing is None:
        return badge("Cannot be read", "error")
    if cluster.is_hub:
        return badge("Hub", "note")
    return badge("Closed", "warning") if cluster.standing.closed else badge("Open", "open")


def _content(cluster: ClusterReview, shown: Shown) -> Iterator[Markup]:
    if cluster.standing is None:
        yield el("p", "It could not be read, so this review does not tell who gets in: ", el("bdi", cluster.error))
        return
    if cluster.is_hub:
        yield el("p", "A hub has Vault, bastion and DNS, and no masters: there is no cluster to log in to.")
        return
    yield el("ul", _notices(cluster), class_="notices")
    yield el("dl", _facts(cluster.standing), class_="facts")
    if cluster.findings:
        yield joined(el("h3", "About the cluster and its files"), findings(cluster.findings, shown))
    yield joined(el("h3", "Who can get in"), _people(cluster, shown))
    if cluster.outsiders:
        yield joined(el("h3", "Entries that let nobody in"), _outsiders(cluster, shown))
    if cluster.live:
        yield joined(rights(cluster), _differences(cluster))
    yield joined(el("h3", "Read from"), el("ul", [_file(each, shown) for each in cluster.files], class_="files"))


def _notices(cluster: ClusterReview) -> Iterator[Markup]:
    assert cluster.standing is not None
    for reason in cluster.standing.closed:
        yield el("li", badge("Closed", "warning"), " ", f"Nobody gets in by IAM: {reason}.")
    if cluster.live_error:
        yield el("li", badge("Not asked", "error"), " ", cluster.live_error)
    if cluster.differences:
        yield el("li", badge("Not applied", "warning"), " The cluster's own mappings are not those of these files.")
    if cluster.differences == ():
        yield el("li", badge("Applied", "open"), " The cluster's own mappings give everybody what these files say.")
    for text in cluster.notes:
        yield el("li", badge("Note", "note"), " ", text)


def _differences(cluster: ClusterReview) -> Markup | None:
    if not cluster.differences:
        return None
    items = [el("li", el("bdi", each.text)) for each in cluster.differences]
    return joined(el("h3", "What would change if these files were applied"), el("ul", items, class_="differences"))


def _facts(standing: Standing) -> Iterator[Markup]:
    yield fact("Switch in tarmak.yaml", "on" if standing.switch else "off")
    yield fact("Kubernetes", standing.kubernetes)
    yield fact("Authenticator", standing.daemon)
    yield fact("Mappings come from", ", ".join(standing.backends))
    yield fact("Image", code(standing.image), kind="long")
    yield fact("Without IAM", standing.way_in, kind="full")


def _people(cluster: ClusterReview, shown: Shown) -> Markup:
    if not cluster.principals:
        return el("p", "Nobody.", class_="muted")
    asked = cluster.live
    rows = [
        _person(each, shown, asked=asked) for each in sorted(cluster.principals, key=lambda one: one.privilege.rank)
    ]
    caption = f"Who can get into {cluster.cluster}"
    return Table(caption, _COLUMNS, rows, "people", sorted_by=2).markup()


def _person(one: Principal, shown: Shown, *, asked: bool) -> TableRow:
    cells = (
        Cell(name(one.kind, one.principal), one.principal),
        Cell(
            joined(becomes(one.given), [_other(each, shown) for each in one.alternatives], _nothing(one)),
            one.given.username,
        ),
        Cell(privilege(one.privilege, one.because, asked=asked), str(one.privilege.rank)),
        _entry(one.given, change(one.change), shown),
        Cell(findings(one.findings), severity_order(one.findings)),
    )
    told = any(each.ignored is None for each in one.findings)
    flags = ("privileged" if one.privilege is not Privilege.NONE else "", "found" if told else "")
    return TableRow(cells, mark=str(one.privilege), flags=" ".join(filter(None, flags)))


def _nothing(one: Principal) -> Markup | None:
    return el("div", badge("Or nothing, at random", "warning"), class_="other") if one.may_get_nothing else None


def _other(given: Given, shown: Shown) -> Markup:
    return el("div", badge("Or, at random", "warning"), " ", becomes(given), muted(shown(given.place)), class_="other")


def _outsiders(cluster: ClusterReview, shown: Shown) -> Markup:
    rows = [_nobody(each, shown) for each in cluster.outsiders]
    return Table(f"Entries of {cluster.cluster} that let nobody in", _OUTSIDE, rows, "outsiders", sorted_by=3).markup()


def _nobody(one: Outsider, shown: Shown) -> TableRow:
    cells = (
        Cell(name(one.kind, one.principal), one.principal),
        Cell(becomes(one.given), one.given.username),
        Cell(sentence(one.reason)),
        _entry(one.given, change(one.change), shown),
        Cell(findings(one.findings), severity_order(one.findings)),
    )
    return TableRow(cells, mark="nobody", flags="found" if one.findings else "")


def _entry(given: Given, last: Markup, shown: Shown) -> Cell:
    place = given.place
    line = f"{place.line or 0:06}" if place else ""
    return Cell(joined(el("div", location(shown(place)), class_="place") if place else None, last), line)


def _file(file: SourceFile, shown: Shown) -> Markup:
    digest = el("code", file.sha256, class_="digest")
    return el("li", code(shown(file.path)), el("div", "SHA-256 ", digest, class_="muted"), change(file.change))
