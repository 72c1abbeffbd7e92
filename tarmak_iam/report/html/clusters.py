"""The section of one cluster: its state, its principals, its ineffective entries, and what the principals may do."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.hook.cluster.live_mappings import BUILT_IN
from tarmak_iam.late_dataclass import dataclass
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
from tarmak_iam.report.html.markup import HtmlTable, Markup, TableCell, TableRow, el, fragment
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

_KINDS = {Privilege.ADMIN: "admin", Privilege.ELEVATED: "elevated", Privilege.NONE: "note"}
_RIGHTS_COLUMNS = ("Group or user", "Granted to", "May", "Where", "By")
_RIGHTS_UNIT = ("permission", "permissions")


def rights(cluster: ClusterReview) -> Iterator[Markup]:
    rows = [row for subject in _all(cluster) for row in _rows(subject, cluster)]
    if rows:
        caption = f"Permissions of groups and users in {cluster.cluster}"
        yield el("h3", "Permissions of their groups and usernames")
        yield HtmlTable(caption, _RIGHTS_COLUMNS, rows, "rights", _RIGHTS_UNIT).markup()


def _all(cluster: ClusterReview) -> Iterator[SubjectRights]:
    yield from cluster.subjects
    if cluster.principals:
        with_login = tuple(right for right in cluster.everyone if right.needs_login)
        yield SubjectRights("Group", EVERYONE, (), with_login, BUILT_IN[EVERYONE])
    for kind, subject in (("Group", UNAUTHENTICATED), ("User", ANONYMOUS)) if cluster.principals else ():
        own = tuple(right for right in cluster.everyone if right.subject == (kind, subject))
        yield SubjectRights(kind, subject, (), own, "every caller, without a login")


def _rows(subject: SubjectRights, cluster: ClusterReview) -> Iterator[TableRow]:
    if subject.name == ADMINS:
        may = fragment(badge("Everything", "admin"), muted(" regardless of bindings"))
        yield _row(subject, may, "everywhere", "Kubernetes itself", "admin")
    elif subject.built_in and subject.principals and subject.name != EVERYONE:
        yield _row(subject, subject.built_in, "everywhere", "Kubernetes itself")
    for right in subject.rights if subject.name != ADMINS else ():
        where = code(right.namespace) if right.namespace else "everywhere"
        mark = "" if right.privilege is Privilege.NONE else str(right.privilege)
        yield _row(subject, _may(right), where, _by(right), mark)
    if subject.name in cluster.unbound:
        may = fragment(badge("Nothing", "warning"), muted(" no binding names the group"))
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
        return fragment(badge("Nothing", "warning"), muted(f" {right.role} does not exist"))
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
_INEFFECTIVE_COLUMNS = ("Entry for", "Would become", "Why it is ineffective", "Entry, last change", "Findings")


@dataclass(frozen=True, slots=True)
class _Notation:
    """How places, repeated findings and `common`, the change that the introduction explains, are displayed."""

    shown: Shown
    repeated: Repeated
    common: LastChange | None


def section(number: int, cluster: ClusterReview, shown: Shown, common: LastChange | None = None) -> Markup:
    own = anchor(number)
    repeated = {group[0].key: f"{own}-finding-{at}" for at, group in enumerate(cluster.repeated_findings, 1)}
    heading = el("h2", cluster.cluster, " ", _state(cluster), id=own)
    content = _content(cluster, _Notation(shown, repeated, common))
    return el("section", heading, content, class_="cluster", aria_labelledby=own)


def _state(cluster: ClusterReview) -> Markup:
    if cluster.status is None:
        return badge("Cannot be read", "error")
    if cluster.is_hub:
        return badge("Hub", "note")
    return badge("IAM login", "ok") if cluster.is_login_possible else badge("No IAM login", "warning")


def _content(cluster: ClusterReview, notation: _Notation) -> Iterator[Markup]:
    if cluster.status is None:
        yield el(
            "p",
            "The files of this cluster could not be read, so its principals are not known: ",
            el("bdi", cluster.error),
        )
        return
    if cluster.is_hub:
        yield el("p", "A hub contains Vault, bastion and DNS, but no masters: there is no Kubernetes API to log in to.")
    else:
        yield el("ul", _notices(cluster), class_="notices")
        yield el("dl", _facts(cluster.status), class_="facts")
    if cluster.findings:
        yield fragment(el("h3", "Findings about the cluster and its files"), findings(cluster.findings, notation.shown))
    if cluster.is_hub:
        return
    if notation.repeated:
        explained = repeated_findings(cluster.repeated_findings, notation.repeated)
        yield fragment(el("h3", "Findings about several entries"), explained)
    yield fragment(el("h3", "Principals"), _principals(cluster, notation))
    if cluster.ineffective_entries:
        yield fragment(el("h3", "Ineffective entries"), _ineffective(cluster, notation))
    if cluster.live:
        yield fragment(rights(cluster), _differences(cluster))
    files = [_file(each, notation) for each in cluster.files]
    yield fragment(el("h3", "Files of this review"), el("ul", files, class_="files"))


def _notices(cluster: ClusterReview) -> Iterator[Markup]:
    assert cluster.status is not None
    for reason in cluster.status.login_obstacles:
        yield el("li", badge("No IAM login", "warning"), " ", f"IAM login is not possible: {reason}.")
    if cluster.live_error:
        yield el("li", badge("Incomplete", "error"), " ", cluster.live_error)
    if cluster.differences:
        yield el("li", badge("Not applied", "warning"), " The current mappings of the cluster differ from these files.")
    if cluster.differences == ():
        yield el(
            "li", badge("Applied", "ok"), " The current mappings of the cluster grant the same access as these files."
        )
    for text in cluster.notes:
        yield el("li", badge("Note", "note"), " ", text)


def _differences(cluster: ClusterReview) -> Markup | None:
    if not cluster.differences:
        return None
    items = [el("li", el("bdi", each.text)) for each in cluster.differences]
    return fragment(el("h3", "Changes if these files were applied"), el("ul", items, class_="differences"))


def _facts(status: ClusterStatus) -> Iterator[Markup]:
    yield fact("awsIAMAuthenticatorInit", "on" if status.authenticator_init else "off")
    yield fact("Kubernetes", status.kubernetes_version)
    yield fact("Authenticator", status.daemon_version)
    yield fact("Backend" if len(status.backends) == 1 else "Backends", ", ".join(status.backends))
    yield fact("Image", code(status.image), kind="long")
    yield fact("Recovery access", _capital(status.recovery), kind="full")


def _principals(cluster: ClusterReview, notation: _Notation) -> Markup:
    if not cluster.principals:
        return el("p", "No principals.", class_="muted")
    by_privilege = sorted(cluster.principals, key=lambda one: one.privilege.rank)
    rows = [_principal(each, notation, asked=cluster.live) for each in by_privilege]
    caption = f"Principals of {cluster.cluster}"
    return HtmlTable(caption, _COLUMNS, rows, "people", ("principal", "principals"), sorted_by=2).markup()


def _principal(one: ReviewedPrincipal, notation: _Notation, *, asked: bool) -> TableRow:
    others = [_other(each, notation.shown) for each in one.alternatives]
    cells = (
        TableCell(name(one.kind, one.principal), one.principal),
        TableCell(fragment(becomes(one.identity), others, _nothing(one)), one.identity.username),
        TableCell(privilege(one.privilege, one.because, asked=asked), str(one.privilege.rank)),
        _entry(one.identity, one.change, notation),
        TableCell(entry_findings(one.findings, notation.repeated), severity_order(one.findings)),
    )
    key = principal_key(one.kind, one.principal)
    return TableRow(cells, mark=str(one.privilege), flags=flags(one.findings, one.privilege), key=key)


def _nothing(one: ReviewedPrincipal) -> Markup | None:
    return el("div", badge("Or no access, at random", "warning"), class_="other") if one.may_get_nothing else None


def _other(identity: MappedIdentity, shown: Shown) -> Markup:
    return el(
        "div", badge("Or, at random", "warning"), " ", becomes(identity), muted(shown(identity.place)), class_="other"
    )


def _ineffective(cluster: ClusterReview, notation: _Notation) -> Markup:
    rows = [_ineffective_entry(each, notation) for each in cluster.ineffective_entries]
    caption = f"Ineffective entries of {cluster.cluster}"
    unit = ("ineffective entry", "ineffective entries")
    return HtmlTable(caption, _INEFFECTIVE_COLUMNS, rows, "ineffective", unit, sorted_by=3).markup()


def _ineffective_entry(one: IneffectiveEntry, notation: _Notation) -> TableRow:
    cells = (
        TableCell(name(one.kind, one.principal), one.principal),
        TableCell(becomes(one.identity), one.identity.username),
        TableCell(sentence(one.reason)),
        _entry(one.identity, one.change, notation),
        TableCell(entry_findings(one.findings, notation.repeated), severity_order(one.findings)),
    )
    return TableRow(cells, mark="denied", flags=flags(one.findings))


def _entry(identity: MappedIdentity, last: LastChange | None, notation: _Notation) -> TableCell:
    place = identity.place
    line = f"{place.line or 0:06}" if place else ""
    where = el("div", location(notation.shown(place)), class_="place") if place else None
    return TableCell(fragment(where, change(last, notation.common)), line)


def _file(file: SourceFile, notation: _Notation) -> Markup:
    digest = el("code", file.sha256, class_="digest")
    hashed = el("div", "SHA-256 ", digest, class_="muted")
    return el("li", code(notation.shown(file.path)), hashed, change(file.change, notation.common))
