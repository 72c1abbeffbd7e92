"""The section of one cluster: its state, its principals, its ineffective entries, and what the principals may do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tarmak_iam.hook.cluster.live_mappings import BUILT_IN
from tarmak_iam.mappings.groups import ADMINS, EVERYONE
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.html.cells import (
    Repeated,
    Shown,
    anchor,
    badge,
    becomes,
    change,
    code,
    entry_findings,
    fact,
    findings,
    flags,
    location,
    muted,
    name,
    nothing,
    principal_key,
    privilege,
    repeated_findings,
    sentence,
    severity_order,
)
from tarmak_iam.report.html.markup import Markup, TableCell, TableRow, el, fragment, table
from tarmak_iam.report.model import (
    ClusterReview,
    ClusterStatus,
    IneffectiveEntry,
    LastChange,
    MappedIdentity,
    ReviewedPrincipal,
    SourceFile,
)
from tarmak_iam.report.rbac import ANONYMOUS, UNAUTHENTICATED, BindingRights, PolicyRule, SubjectRights

_MARKS = {Privilege.ADMIN: "admin", Privilege.ELEVATED: "elevated", Privilege.NONE: "note"}
_COLUMNS = ("Principal", "Becomes", "Privilege", "Entry, last change", "Findings")
_INEFFECTIVE_COLUMNS = ("Entry for", "Would become", "Why it is ineffective", "Entry, last change", "Findings")
_RIGHTS_COLUMNS = ("Group or user", "Granted to", "May", "Where", "By")


class _Notation(NamedTuple):
    """How places, repeated findings and `common`, the change that the introduction explains, are displayed."""

    shown: Shown
    repeated: Repeated
    common: LastChange | None


def section(number: int, cluster: ClusterReview, shown: Shown, common: LastChange | None = None) -> Markup:
    identifier = anchor(number)
    repeated = {group[0].key: f"{identifier}-finding-{at}" for at, group in enumerate(cluster.repeated_findings, 1)}
    if cluster.status is None:
        state = badge("Cannot be read", "error")
    elif cluster.is_hub:
        state = badge("Hub", "note")
    else:
        state = badge("IAM login", "ok") if cluster.is_login_possible else badge("No IAM login", "warning")
    content = _content(cluster, _Notation(shown, repeated, common))
    heading = el("h2", cluster.cluster, " ", state, id=identifier)
    return el("section", heading, content, class_="cluster", aria_labelledby=identifier)


def _content(cluster: ClusterReview, notation: _Notation) -> Iterator[Markup]:
    status = cluster.status
    if status is None:
        why = "The files of this cluster could not be read, so its principals are not known: "
        yield el("p", why, el("bdi", cluster.error))
        return
    if cluster.is_hub:
        yield el("p", "A hub contains Vault, bastion and DNS, but no masters: there is no Kubernetes API to log in to.")
    else:
        yield el("ul", _notices(cluster, status), class_="notices")
        facts = [
            fact("awsIAMAuthenticatorInit", "on" if status.authenticator_init else "off"),
            fact("Kubernetes", status.kubernetes_version),
            fact("Authenticator", status.daemon_version),
            fact("Backend" if len(status.backends) == 1 else "Backends", ", ".join(status.backends)),
            fact("Image", code(status.image), kind="long"),
            fact("Recovery access", _capital(status.recovery), kind="full"),
        ]
        yield el("dl", facts, class_="facts")
    if cluster.findings:
        yield fragment(el("h3", "Findings about the cluster and its files"), findings(cluster.findings, notation.shown))
    if cluster.is_hub:
        return
    if notation.repeated:
        explained = repeated_findings(cluster.repeated_findings, notation.repeated)
        yield fragment(el("h3", "Findings about several entries"), explained)
    yield fragment(el("h3", "Principals"), _principals(cluster, notation))
    if cluster.ineffective_entries:
        rows = [_ineffective_entry(entry, notation) for entry in cluster.ineffective_entries]
        caption, unit = f"Ineffective entries of {cluster.cluster}", ("ineffective entry", "ineffective entries")
        yield el("h3", "Ineffective entries")
        yield table(caption, _INEFFECTIVE_COLUMNS, rows, "ineffective", unit, sorted_by=3)
    if cluster.live:
        yield from _rights(cluster)
    if cluster.live and cluster.differences:
        items = [el("li", el("bdi", effect.text)) for effect in cluster.differences]
        yield fragment(el("h3", "Changes if these files were applied"), el("ul", items, class_="differences"))
    files = [_file(file, notation) for file in cluster.files]
    yield fragment(el("h3", "Files of this review"), el("ul", files, class_="files"))


def _notices(cluster: ClusterReview, status: ClusterStatus) -> Iterator[Markup]:
    for reason in status.login_obstacles:
        yield el("li", badge("No IAM login", "warning"), f" IAM login is not possible: {reason}.")
    if cluster.live_error:
        yield el("li", badge("Incomplete", "error"), " ", cluster.live_error)
    if cluster.differences:
        yield el("li", badge("Not applied", "warning"), " The current mappings of the cluster differ from these files.")
    if cluster.differences == ():
        same = " The current mappings of the cluster grant the same access as these files."
        yield el("li", badge("Applied", "ok"), same)
    for text in cluster.notes:
        yield el("li", badge("Note", "note"), " ", text)


def _principals(cluster: ClusterReview, notation: _Notation) -> Markup:
    if not cluster.principals:
        return el("p", "No principals.", class_="muted")
    by_privilege = sorted(cluster.principals, key=lambda principal: principal.privilege.rank)
    rows = [_principal(principal, notation, asked=cluster.live) for principal in by_privilege]
    caption = f"Principals of {cluster.cluster}"
    return table(caption, _COLUMNS, rows, "people", ("principal", "principals"), sorted_by=2)


def _principal(principal: ReviewedPrincipal, notation: _Notation, *, asked: bool) -> TableRow:
    at_random = badge("Or, at random", "warning")
    others = [
        el("div", at_random, " ", becomes(other), muted(notation.shown(other.place)), class_="other")
        for other in principal.alternatives
    ]
    if principal.may_get_nothing:
        others.append(el("div", badge("Or no access, at random", "warning"), class_="other"))
    cells = (
        TableCell(name(principal.kind, principal.principal), principal.principal),
        TableCell(fragment(becomes(principal.identity), others), principal.identity.username),
        TableCell(privilege(principal.privilege, principal.because, asked=asked), str(principal.privilege.rank)),
        _entry(principal.identity, principal.change, notation),
        TableCell(entry_findings(principal.findings, notation.repeated), severity_order(principal.findings)),
    )
    key = principal_key(principal.kind, principal.principal)
    return TableRow(cells, mark=str(principal.privilege), flags=flags(principal.findings, principal.privilege), key=key)


def _ineffective_entry(entry: IneffectiveEntry, notation: _Notation) -> TableRow:
    cells = (
        TableCell(name(entry.kind, entry.principal), entry.principal),
        TableCell(becomes(entry.identity), entry.identity.username),
        TableCell(sentence(entry.reason)),
        _entry(entry.identity, entry.change, notation),
        TableCell(entry_findings(entry.findings, notation.repeated), severity_order(entry.findings)),
    )
    return TableRow(cells, mark="denied", flags=flags(entry.findings))


def _entry(identity: MappedIdentity, last: LastChange | None, notation: _Notation) -> TableCell:
    place = identity.place
    line = f"{place.line or 0:06}" if place else ""
    where = el("div", location(notation.shown(place)), class_="place") if place else None
    return TableCell(fragment(where, change(last, notation.common)), line)


def _file(file: SourceFile, notation: _Notation) -> Markup:
    hashed = el("div", "SHA-256 ", el("code", file.sha256, class_="digest"), class_="muted")
    return el("li", code(notation.shown(file.path)), hashed, change(file.change, notation.common))


def _rights(cluster: ClusterReview) -> Iterator[Markup]:
    subjects = [*cluster.subjects]
    if cluster.principals:
        with_login = tuple(right for right in cluster.everyone if right.needs_login)
        subjects.append(SubjectRights("Group", EVERYONE, (), with_login, BUILT_IN[EVERYONE]))
        for kind, subject in (("Group", UNAUTHENTICATED), ("User", ANONYMOUS)):
            rights = tuple(right for right in cluster.everyone if right.subject == (kind, subject))
            subjects.append(SubjectRights(kind, subject, (), rights, "every caller, without a login"))
    rows = [row for subject in subjects for row in _rows(subject, cluster)]
    if rows:
        caption = f"Permissions of groups and users in {cluster.cluster}"
        yield el("h3", "Permissions of their groups and usernames")
        yield table(caption, _RIGHTS_COLUMNS, rows, "rights", ("permission", "permissions"))


def _rows(subject: SubjectRights, cluster: ClusterReview) -> Iterator[TableRow]:
    if subject.name == ADMINS:
        may = fragment(badge("Everything", "admin"), muted(" regardless of bindings"))
        yield _row(subject, may, "everywhere", "Kubernetes itself", "admin")
    elif subject.built_in and subject.principals and subject.name != EVERYONE:
        yield _row(subject, subject.built_in, "everywhere", "Kubernetes itself")
    for right in subject.rights if subject.name != ADMINS else ():
        where = code(right.namespace) if right.namespace else "everywhere"
        role = el("div", muted("to "), right.role.kind, " ", code(right.role.name))
        by = fragment(el("div", right.binding.kind, " ", code(right.binding.name)), role)
        yield _row(subject, _may(right), where, by, "" if right.privilege is Privilege.NONE else str(right.privilege))
    if subject.name in cluster.unbound:
        may = fragment(badge("Nothing", "warning"), muted(" no binding names the group"))
        yield _row(subject, may, nothing("nowhere"), nothing("none"))


def _row(subject: SubjectRights, may: str, where: str, by: str, mark: str = "") -> TableRow:
    who = fragment(code(subject.name), el("div", subject.kind.lower(), class_="muted"))
    given = [el("li", code(principal)) for principal in subject.principals] or el("li", subject.built_in)
    cells = [TableCell(content) for content in (who, el("ul", given, class_="plain"), may, where, by)]
    return TableRow(cells, mark=mark, flags="privileged" if mark else "")


def _may(right: BindingRights) -> Markup:
    if right.rules is None:
        return fragment(badge("Nothing", "warning"), muted(f" {right.role} does not exist"))
    if right.is_everything:
        return badge("Everything", "admin")
    marks = [
        fragment(badge(_capital(escalation.name), _MARKS[escalation.privilege]), " ")
        for escalation in right.escalations
    ]
    rules = el("ul", [_rule(rule) for rule in right.rules], class_="plain rules")
    return fragment(el("div", marks, class_="risks") if marks else None, rules)


def _rule(rule: PolicyRule) -> Markup:
    if rule.is_everything:
        return el("li", "everything")
    only = fragment(" only ", code(", ".join(rule.names))) if rule.names else None
    return el("li", rule.does, muted(" on "), code(rule.what), only)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
