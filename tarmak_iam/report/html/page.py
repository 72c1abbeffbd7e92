"""The whole page: page.html with introduction, numbers, matrix, and a section for each cluster. It contains its style
and script, and a content security policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from importlib.resources import files
from string import Template
from typing import NamedTuple, TypeVar

from tarmak_iam.aws.trust_policy import trust_rows
from tarmak_iam.hook.cluster.live_mappings import BUILT_IN
from tarmak_iam.mappings.groups import ADMINS, EVERYONE
from tarmak_iam.plugins import __version__
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.html.cells import (
    Child,
    Markup,
    Repeated,
    Shown,
    TableCell,
    TableRow,
    anchor,
    badge,
    becomes,
    capital,
    change,
    code,
    el,
    entry_findings,
    fact,
    findings,
    flags,
    fragment,
    muted,
    name,
    nothing,
    principal_key,
    privilege,
    repeated_findings,
    sentence,
    shown_under,
    table,
)
from tarmak_iam.report.html.picture import access_pictures
from tarmak_iam.report.model import (
    AccessCell,
    AuditLog,
    ClusterReview,
    ClusterStatus,
    IneffectiveEntry,
    LastChange,
    Logins,
    Review,
    ReviewedFinding,
    ReviewedPrincipal,
    short_commit,
)
from tarmak_iam.report.rbac import ANONYMOUS, UNAUTHENTICATED, BindingRights, PolicyRule, SubjectRights
from tarmak_iam.report.text_format import (
    audit_log_lines,
    common_change,
    highest_privilege,
    introduction,
    logins_text,
    summarize,
)
from tarmak_iam.text import without_markers

_MARKS = {Privilege.ADMIN: "admin", Privilege.ELEVATED: "elevated", Privilege.NONE: "note"}
_RIGHTS_COLUMNS = ("Group or user", "Granted to", "May", "Where", "By")
_IN_AWS = "in AWS IAM define who can assume a role or use the keys of a user. They were not read."
_TRUST_COLUMNS = {
    "trusts": "May be assumed by",
    "session": "Session name",
    "MFA": "MFA",
    "external": "External ID",
    "unknown": "Not evaluated",
    "policy": "Policy",
}
_KUBERNETES = ("everywhere", "Kubernetes itself")


def page(review: Review) -> str:
    """One HTML file. The same review results in the same bytes."""
    template, style, script = (
        files("tarmak_iam.report.html").joinpath(name).read_text("utf-8")
        for name in ("page.html", "report.css", "report.js")
    )
    # The browser uses no other style and script than those with these hashes.
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    sources = f"style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'"
    shown, common = shown_under(review.config.parent), common_change(review)
    to = f" to {review.clusters[0].cluster}" if len(review.clusters) == 1 else ""
    failed = ", ".join(cluster.cluster for cluster in review.clusters if cluster.failed)
    incomplete = f"These clusters could not be read, or only in part: {failed}."
    about_file = [el("h3", "Findings about tarmak.yaml"), findings(review.findings, shown)] if review.findings else None
    sections = [_section(number, review, shown, common) for number in range(len(review.clusters))]
    parts: dict[str, Child] = {
        "newline": Markup("\n"),
        "policy": f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'",
        "title": f"Access review: {', '.join(cluster.cluster for cluster in review.clusters)}",
        "style": Markup(style),
        "script": Markup(script),
        "heading": f"Who can log in{to} with AWS IAM",
        "introduction": [el("p", paragraph) for paragraph in introduction(review, shown)],
        "facts": _facts(review, shown),
        "navigation": _navigation(review),
        "figures": _figures(review),
        "notices": el("li", badge("Incomplete", "error"), " ", incomplete) if failed else None,
        "findings": about_file,
        "clusters": [_matrix(review), sections],
        "permissions": f"{'Permissions' if review.has_trust else 'Trust policies and permissions'} {_IN_AWS}",
        "version": __version__,
    }
    html = Template("".join(template.splitlines())).substitute({name: fragment(part) for name, part in parts.items()})
    return without_markers(html, "&#35;")  # style and script, which are used by their hashes, have none


def _facts(review: Review, shown: Shown) -> Iterator[Markup]:
    if review.date:
        yield fact("Date of the review", review.date)
    yield fact("Configuration", code(str(review.config)), kind="long")
    revision = review.revision
    if revision is None:
        yield fact("Commit of the files", f"not known: {review.history or 'nothing is committed yet'}")
        return
    commit = el("code", short_commit(revision.commit), title=revision.commit)
    yield fact("Commit of the files", commit, " of ", el("time", revision.date[:10], datetime=revision.date))
    if revision.changed:
        names = [el("li", code(shown(path))) for path in revision.changed]
        yield fact("Differ from the commit", el("ul", names, class_="plain"), kind="long")


def _navigation(review: Review) -> Markup | None:
    if len(review.clusters) < 2:
        return None
    links = [("glance", "At a glance"), *([("matrix", "Principals by cluster")] if review.rows else [])]
    links += [(anchor(number), cluster.cluster) for number, cluster in enumerate(review.clusters)]
    items = [el("li", el("a", name, href=f"#{target}")) for target, name in links]
    return el("nav", el("ul", items), aria_label="Parts of the review")


def _figures(review: Review) -> Iterator[Markup]:
    numbers = summarize(review)
    rows = (
        (numbers.clusters, "cluster", "clusters", ""),
        (numbers.principals, "principal", "principals", ""),
        (numbers.admins, "principal with admin access", "principals with admin access", "admin"),
        (numbers.ineffective, "ineffective entry", "ineffective entries", "ignored"),
        (numbers.errors, "error", "errors", "error"),
        (numbers.warnings, "warning", "warnings", "warning"),
    )
    for count, single, several, kind in rows:
        yield el("li", el("b", str(count)), " ", single if count == 1 else several, class_=kind if count else None)


def _matrix(review: Review) -> Markup | None:
    """Principals by cluster; None for one cluster."""
    clusters = [(number, cluster) for number, cluster in enumerate(review.clusters) if not cluster.is_hub]
    if len(review.clusters) < 2 or not review.rows:
        return None
    findings: dict[str, list[ReviewedFinding]] = {}
    for principal in (principal for cluster in review.clusters for principal in cluster.principals):
        findings.setdefault(principal_key(principal.kind, principal.principal), []).extend(principal.findings)
    rows = []
    for row in sorted(review.rows, key=lambda row: highest_privilege(row).rank):
        most, key = highest_privilege(row), principal_key(row.kind, row.principal)
        cells = [name(row.kind, row.principal), *(_access(row.cells[number]) for number, _ in clusters)]
        rows.append(TableRow(cells, mark=str(most), flags=flags(findings.get(key, ()), most), key=key))
    content = table(
        "Principals by cluster, with username and groups",
        ["Principal", *(_column(cluster) for _, cluster in clusters)],
        rows,
        "matrix",
        ("principal", "principals"),
    )
    label = "Table of principals by cluster"
    return el(
        "section",
        el("h2", "Principals by cluster", id="matrix"),
        el("div", content, class_="wide", role="region", aria_label=label, tabindex="0"),
        aria_labelledby="matrix",
    )


def _column(cluster: ClusterReview) -> str:
    if cluster.status is None:
        return f"{cluster.cluster} (not read)"
    return f"{cluster.cluster} (no IAM login)" if cluster.status.login_obstacles else cluster.cluster


def _access(cell: AccessCell | None) -> TableCell:
    if cell is None:
        return TableCell(nothing("no access"), "~", is_empty=True)
    mark = None if cell.privilege is Privilege.NONE else el("div", privilege(cell.privilege))
    how = None if cell.is_named else el("div", "by its account or by a pattern", class_="muted")
    return TableCell(fragment(mark, becomes(cell.identity), how), f"{cell.privilege.rank} {cell.identity.username}")


class _Notation(NamedTuple):
    """How places, repeated findings and `common`, the change that the introduction explains, are displayed. `asked`:
    whether its bindings were read. `identifier` is the id of its section, `clusters` their number."""

    shown: Shown
    repeated: Repeated
    common: LastChange | None
    asked: bool
    identifier: str
    clusters: int


def _section(number: int, review: Review, shown: Shown, common: LastChange | None) -> Markup:
    identifier, cluster = anchor(number), review.clusters[number]
    repeated = {group[0].key: f"{identifier}-finding-{at}" for at, group in enumerate(cluster.repeated_findings, 1)}
    if cluster.status is None:
        state = badge("Cannot be read", "error")
    elif cluster.is_hub:
        state = badge("Hub", "note")
    else:
        state = badge("IAM login", "ok") if cluster.is_login_possible else badge("No IAM login", "warning")
    content = _content(cluster, _Notation(shown, repeated, common, cluster.live, identifier, len(review.clusters)))
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
            fact("Recovery access", capital(status.recovery), kind="full"),
        ]
        yield el("dl", facts, class_="facts")
    if cluster.findings:
        yield fragment(el("h3", "Findings about the cluster and its files"), findings(cluster.findings, notation.shown))
    if cluster.is_hub:
        return
    if notation.repeated:
        yield el("h3", "Findings about several entries")
        yield repeated_findings(cluster.repeated_findings, notation.repeated)
    yield from _entries(cluster, notation)
    if cluster.live:
        yield from _rights(cluster)
    if cluster.live and cluster.differences:
        items = [el("li", el("bdi", effect.text)) for effect in cluster.differences]
        yield fragment(el("h3", "Changes if these files were applied"), el("ul", items, class_="differences"))
    files = []
    for file in cluster.files:
        hashed = el("div", "SHA-256 ", el("code", file.sha256, class_="digest"), class_="muted")
        files.append(el("li", code(notation.shown(file.path)), hashed, change(file.change, notation.common)))
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


Entry = TypeVar("Entry", ReviewedPrincipal, IneffectiveEntry)
Columns = dict[str, Callable[[Entry, _Notation], TableCell]]
"""By their headings."""


def _entries(cluster: ClusterReview, notation: _Notation) -> Iterator[Markup]:
    by_privilege = sorted(cluster.principals, key=lambda principal: principal.privilege.rank)
    pictures = access_pictures(cluster, by_privilege, notation.identifier, notation.clusters)
    if pictures is not None:
        yield fragment(el("h3", "Who gets where"), pictures)
    yield el("h3", "Principals")
    if by_privilege:
        columns = {**_PRINCIPAL_COLUMNS}
        if cluster.audit_log is not None:
            columns["Logins"] = partial(_logins, audit_log=cluster.audit_log)
        rows = [
            TableRow(
                [column(principal, notation) for column in columns.values()],
                mark=str(principal.privilege),
                flags=flags(principal.findings, principal.privilege),
                key=principal_key(principal.kind, principal.principal),
            )
            for principal in by_privilege
        ]
        caption, unit = f"Principals of {cluster.cluster}", ("principal", "principals")
        yield table(caption, list(columns), rows, "people", unit, sorted_by="Privilege")
    else:
        yield el("p", "No principals.", class_="muted")
    yield from _trust(cluster)
    if cluster.audit_log is not None:
        yield el("h3", "Audit logs")
        yield el("ul", [el("li", line) for line in audit_log_lines(cluster.audit_log)])
    if cluster.ineffective_entries:
        denied = [
            TableRow([cell(entry, notation) for cell in _INEFFECTIVE_COLUMNS.values()], "denied", flags(entry.findings))
            for entry in cluster.ineffective_entries
        ]
        caption, unit = f"Ineffective entries of {cluster.cluster}", ("ineffective entry", "ineffective entries")
        yield el("h3", "Ineffective entries")
        yield table(caption, list(_INEFFECTIVE_COLUMNS), denied, "ineffective", unit, sorted_by="Entry, last change")


def _trust(cluster: ClusterReview) -> Iterator[Markup]:
    """Who may assume the mapped roles, if trust policies were given."""
    rows = []
    for principal in cluster.principals:
        if principal.trust is not None:
            facts = dict[str, list[Markup]]()
            empty = nothing("none") if principal.trust.source else muted("not evaluated")
            for label, text in trust_rows(principal.trust, uses_session_name=principal.uses_session_name):
                bare = text.removeprefix("ID ") if label == "external" else text
                facts.setdefault(label, []).append(el("li", code(bare) if label == "policy" else sentence(bare)))
            shown = (el("ul", facts[label], class_="plain") if label in facts else empty for label in _TRUST_COLUMNS)
            rows.append(TableRow([name(principal.kind, principal.principal), *map(TableCell, shown)]))
    if rows:
        yield el("h3", "Trust policies")
        headings = ["Role", *_TRUST_COLUMNS.values()]
        yield table(f"Trust policies of the roles of {cluster.cluster}", headings, rows, "trust", ("role", "roles"))


def _becomes(principal: ReviewedPrincipal, notation: _Notation) -> TableCell:
    at_random = badge("Or, at random", "warning")
    others = [
        el("div", at_random, " ", becomes(other), muted(notation.shown(other.place)), class_="other")
        for other in principal.alternatives
    ]
    if principal.may_get_nothing:
        others.append(el("div", badge("Or no access, at random", "warning"), class_="other"))
    return TableCell(fragment(becomes(principal.identity), others), principal.identity.username)


def _logins(principal: ReviewedPrincipal, _: _Notation, audit_log: AuditLog) -> TableCell:
    logins = principal.logins or Logins()
    return TableCell(logins_text(logins, audit_log), logins.last)


def _place(entry: ReviewedPrincipal | IneffectiveEntry, notation: _Notation) -> TableCell:
    """The place, which is never broken between line and column, and the last change."""
    place, where = entry.identity.place, None
    if place:
        first, *others = notation.shown(place).split("/")
        where = el("code", el("bdi", first, [["/", el("wbr"), part] for part in others]))
    shown = fragment(el("div", where, class_="place") if where else None, change(entry.change, notation.common))
    return TableCell(shown, f"{place.line or 0:06}" if place else "")


_PRINCIPAL_COLUMNS: Columns[ReviewedPrincipal] = {
    "Principal": lambda principal, _: name(principal.kind, principal.principal),
    "Becomes": _becomes,
    "Privilege": lambda principal, notation: TableCell(
        privilege(principal.privilege, principal.because, asked=notation.asked), str(principal.privilege.rank)
    ),
    "Entry, last change": _place,
    "Findings": lambda entry, notation: entry_findings(entry.findings, notation.repeated),
}
_INEFFECTIVE_COLUMNS: Columns[IneffectiveEntry] = {
    "Entry for": lambda entry, _: name(entry.kind, entry.principal),
    "Would become": lambda entry, _: TableCell(becomes(entry.identity), entry.identity.username),
    "Why it is ineffective": lambda entry, _: TableCell(sentence(entry.reason)),
    "Entry, last change": _place,
    "Findings": lambda entry, notation: entry_findings(entry.findings, notation.repeated),
}


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
    def row(may: str, where: str, by: str, mark: str = "") -> TableRow:
        who = fragment(code(subject.name), el("div", subject.kind.lower(), class_="muted"))
        given = [el("li", code(principal)) for principal in subject.principals] or el("li", subject.built_in)
        cells = [TableCell(content) for content in (who, el("ul", given, class_="plain"), may, where, by)]
        return TableRow(cells, mark=mark, flags="privileged" if mark else "")

    if subject.name == ADMINS:
        yield row(fragment(badge("Everything", "admin"), muted(" regardless of bindings")), *_KUBERNETES, "admin")
    elif subject.built_in and subject.principals and subject.name != EVERYONE:
        yield row(subject.built_in, *_KUBERNETES)
    for right in subject.rights if subject.name != ADMINS else ():
        where = code(right.namespace) if right.namespace else "everywhere"
        role = el("div", muted("to "), right.role.kind, " ", code(right.role.name))
        by = fragment(el("div", right.binding.kind, " ", code(right.binding.name)), role)
        yield row(_may(right), where, by, "" if right.privilege is Privilege.NONE else str(right.privilege))
    if subject.name in cluster.unbound:
        may = fragment(badge("Nothing", "warning"), muted(" no binding names the group"))
        yield row(may, nothing("nowhere"), nothing("none"))


def _may(right: BindingRights) -> Markup:
    if right.rules is None:
        return fragment(badge("Nothing", "warning"), muted(f" {right.role} does not exist"))
    if right.is_everything:
        return badge("Everything", "admin")
    marks = [
        fragment(badge(capital(escalation.name), _MARKS[escalation.privilege]), " ") for escalation in right.escalations
    ]
    rules = el("ul", [_rule(rule) for rule in right.rules], class_="plain rules")
    return fragment(el("div", marks, class_="risks") if marks else None, rules)


def _rule(rule: PolicyRule) -> Markup:
    if rule.is_everything:
        return el("li", "everything")
    only = fragment(" only ", code(", ".join(rule.names))) if rule.names else None
    return el("li", rule.does, muted(" on "), code(rule.what), only)
