"""The section of one cluster: its state, who gets in, which entries let nobody in, and what they may do there."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.hook.cluster.live_mappings import BUILT_IN
from tarmak_iam.mappings.groups import ADMINS, EVERYONE
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.html.cells import (
    Shown,
    anchor,
    badge,
    becomes,
    change,
    code,
    fact,
    findings,
    location,
    muted,
    name,
    nothing,
    privilege,
    sentence,
    severity_order,
)
from tarmak_iam.report.html.markup import HtmlTable, Markup, TableCell, TableRow, el, fragment
from tarmak_iam.report.model import (
    ClusterReview,
    ClusterStatus,
    IneffectiveEntry,
    MappedIdentity,
    ReviewedPrincipal,
    SourceFile,
)
from tarmak_iam.report.rbac import ANONYMOUS, UNAUTHENTICATED, BindingRights, PolicyRule, SubjectRights

_KINDS = {Privilege.ADMIN: "admin", Privilege.ELEVATED: "elevated", Privilege.NONE: "note"}
_RIGHTS_COLUMNS = ("Group or user", "Given to", "May", "Where", "By")


def rights(cluster: ClusterReview) -> Iterator[Markup]:
    rows = [row for subject in _all(cluster) for row in _rows(subject, cluster)]
    if rows:
        yield el("h3", "What they may do")
        yield HtmlTable(f"What groups and users may do in {cluster.cluster}", _RIGHTS_COLUMNS, rows, "rights").markup()


def _all(cluster: ClusterReview) -> Iterator[SubjectRights]:
    yield from cluster.subjects
    if cluster.principals:
        with_login = tuple(right for right in cluster.everyone if right.needs_login)
        yield SubjectRights("Group", EVERYONE, (), with_login, BUILT_IN[EVERYONE])
    for kind, subject in (("Group", UNAUTHENTICATED), ("User", ANONYMOUS)) if cluster.principals else ():
        own = tuple(right for right in cluster.everyone if right.subject == (kind, subject))
        yield SubjectRights(kind, subject, (), own, "everybody, without a login")


def _rows(subject: SubjectRights, cluster: ClusterReview) -> Iterator[TableRow]:
    if subject.name == ADMINS:
        may = fragment(badge("Everything", "admin"), muted(" whatever bindings say"))
        yield _row(subject, may, "everywhere", "Kubernetes itself", "admin")
    elif subject.built_in and subject.principals and subject.name != EVERYONE:
        yield _row(subject, subject.built_in, "everywhere", "Kubernetes itself")
    for right in subject.rights if subject.name != ADMINS else ():
        where = code(right.namespace) if right.namespace else "everywhere"
        mark = "" if right.privilege is Privilege.NONE else str(right.privilege)
        yield _row(subject, _may(right), where, _by(right), mark)
    if subject.name in cluster.unbound:
        may = fragment(badge("Nothing", "warning"), muted(" no binding knows the group"))
        yield _row(subject, may, nothing("nowhere"), nothing("none"))


def _row(subject: SubjectRights, may: str, where: str, by: str, mark: str = "") -> TableRow:
    who = fragment(code(subject.name), el("div", subject.kind.lower(), class_="muted"))
    given = [el("li", code(each)) for each in subject.principals] or el("li", subject.built_in)
    cells = (
        TableCell(who),
        TableCell(el("ul", given, class_="plain")),
        TableCell(may),
        TableCell(where),
        TableCell(by),
    )
    return TableRow(cells, mark=mark, flags="privileged" if mark else "")


def _may(right: BindingRights) -> Markup:
    if right.rules is None:
        return fragment(badge("Nothing", "warning"), muted(f" there is no {right.role}"))
    if right.is_everything:
        return badge("Everything", "admin")
    marks = [badge(_capital(each.name), _KINDS[each.privilege]) for each in right.escalations]
    rules = el("ul", [_rule(rule) for rule in right.rules], class_="plain rules")
    return fragment(el("div", [fragment(mark, " ") for mark in marks], class_="risks") if marks else None, rules)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _rule(rule: PolicyRule) -> Markup:
    if rule.is_everything:
        return el("li", "everything")
    only = fragment(" only ", code(", ".join(rule.names))) if rule.names else None
    return el("li", rule.does, muted(" on "), code(rule.what), only)


def _by(right: BindingRights) -> Markup:
    role = el("div", muted("to "), right.role.kind, " ", code(right.role.name))
    return fragment(el("div", right.binding.kind, " ", code(right.binding.name)), role)


_COLUMNS = ("Principal", "Becomes", "Privilege", "Entry, last change", "Findings")
_OUTSIDE = ("Entry for", "Would become", "Why it lets nobody in", "Entry, last change", "Findings")


def section(number: int, cluster: ClusterReview, shown: Shown) -> Markup:
    own = anchor(number)
    heading = el("h2", cluster.cluster, " ", _state(cluster), id=own)
    return el("section", heading, _content(cluster, shown), class_="cluster", aria_labelledby=own)


def _state(cluster: ClusterReview) -> Markup:
    if cluster.status is None:
        return badge("Cannot be read", "error")
    if cluster.is_hub:
        return badge("Hub", "note")
    return badge("Closed", "warning") if cluster.status.login_obstacles else badge("Open", "open")


def _content(cluster: ClusterReview, shown: Shown) -> Iterator[Markup]:
    if cluster.status is None:
        yield el("p", "It could not be read, so this review does not tell who gets in: ", el("bdi", cluster.error))
        return
    if cluster.is_hub:
        yield el("p", "A hub has Vault, bastion and DNS, and no masters: there is no cluster to log in to.")
        return
    yield el("ul", _notices(cluster), class_="notices")
    yield el("dl", _facts(cluster.status), class_="facts")
    if cluster.findings:
        yield fragment(el("h3", "About the cluster and its files"), findings(cluster.findings, shown))
    yield fragment(el("h3", "Who can get in"), _people(cluster, shown))
    if cluster.ineffective_entries:
        yield fragment(el("h3", "Entries that let nobody in"), _ineffective(cluster, shown))
    if cluster.live:
        yield fragment(rights(cluster), _differences(cluster))
    yield fragment(el("h3", "Read from"), el("ul", [_file(each, shown) for each in cluster.files], class_="files"))


def _notices(cluster: ClusterReview) -> Iterator[Markup]:
    assert cluster.status is not None
    for reason in cluster.status.login_obstacles:
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
    return fragment(el("h3", "What would change if these files were applied"), el("ul", items, class_="differences"))


def _facts(status: ClusterStatus) -> Iterator[Markup]:
    yield fact("Switch in tarmak.yaml", "on" if status.authenticator_init else "off")
    yield fact("Kubernetes", status.kubernetes_version)
    yield fact("Authenticator", status.daemon_version)
    yield fact("Mappings come from", ", ".join(status.backends))
    yield fact("Image", code(status.image), kind="long")
    yield fact("Without IAM", status.recovery_hint, kind="full")


def _people(cluster: ClusterReview, shown: Shown) -> Markup:
    if not cluster.principals:
        return el("p", "Nobody.", class_="muted")
    asked = cluster.live
    rows = [
        _person(each, shown, asked=asked) for each in sorted(cluster.principals, key=lambda one: one.privilege.rank)
    ]
    caption = f"Who can get into {cluster.cluster}"
    return HtmlTable(caption, _COLUMNS, rows, "people", sorted_by=2).markup()


def _person(one: ReviewedPrincipal, shown: Shown, *, asked: bool) -> TableRow:
    cells = (
        TableCell(name(one.kind, one.principal), one.principal),
        TableCell(
            fragment(becomes(one.identity), [_other(each, shown) for each in one.alternatives], _nothing(one)),
            one.identity.username,
        ),
        TableCell(privilege(one.privilege, one.because, asked=asked), str(one.privilege.rank)),
        _entry(one.identity, change(one.change), shown),
        TableCell(findings(one.findings), severity_order(one.findings)),
    )
    has_findings = any(each.ignored is None for each in one.findings)
    flags = ("privileged" if one.privilege is not Privilege.NONE else "", "found" if has_findings else "")
    return TableRow(cells, mark=str(one.privilege), flags=" ".join(filter(None, flags)))


def _nothing(one: ReviewedPrincipal) -> Markup | None:
    return el("div", badge("Or nothing, at random", "warning"), class_="other") if one.may_get_nothing else None


def _other(identity: MappedIdentity, shown: Shown) -> Markup:
    return el(
        "div", badge("Or, at random", "warning"), " ", becomes(identity), muted(shown(identity.place)), class_="other"
    )


def _ineffective(cluster: ClusterReview, shown: Shown) -> Markup:
    rows = [_nobody(each, shown) for each in cluster.ineffective_entries]
    return HtmlTable(
        f"Entries of {cluster.cluster} that let nobody in", _OUTSIDE, rows, "outsiders", sorted_by=3
    ).markup()


def _nobody(one: IneffectiveEntry, shown: Shown) -> TableRow:
    cells = (
        TableCell(name(one.kind, one.principal), one.principal),
        TableCell(becomes(one.identity), one.identity.username),
        TableCell(sentence(one.reason)),
        _entry(one.identity, change(one.change), shown),
        TableCell(findings(one.findings), severity_order(one.findings)),
    )
    return TableRow(cells, mark="nobody", flags="found" if one.findings else "")


def _entry(identity: MappedIdentity, last: Markup, shown: Shown) -> TableCell:
    place = identity.place
    line = f"{place.line or 0:06}" if place else ""
    return TableCell(fragment(el("div", location(shown(place)), class_="place") if place else None, last), line)


def _file(file: SourceFile, shown: Shown) -> Markup:
    digest = el("code", file.sha256, class_="digest")
    return el("li", code(shown(file.path)), el("div", "SHA-256 ", digest, class_="muted"), change(file.change))
