"""A review as lines for a terminal, and the texts that describe a change, an entry and a right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tarmak_iam.access.diff import who
from tarmak_iam.mappings.principals import SSO_PREFIX
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.git_history import LastChange, short_commit
from tarmak_iam.report.model import (
    AccessReview,
    ClusterReview,
    IneffectiveEntry,
    MappedIdentity,
    ReviewedFinding,
    ReviewedPrincipal,
)
from tarmak_iam.report.rbac import BindingRights
from tarmak_iam.text import one_line


def change_text(change: LastChange) -> str:
    """As in `0123456789ab 2026-11-03 Alice Example: Give the auditors read access`."""
    if change.state == "unknown":
        return f"not known: {change.unknown}"
    if change.state == "uncommitted":
        return "not committed yet"
    return f"{short_commit(change.commit)} {change.date[:10]} {change.author}: {change.summary}"


def entry_name(kind: str, principal: str) -> str:
    """What an entry is for, as its author wrote it."""
    if kind == "account":
        return f"account {principal}"
    return f"{SSO_PREFIX}{principal}" if kind == "sso" else principal or f"a {kind} without an ARN"


def right_text(right: BindingRights) -> str:
    """As in `get, list on pods in payments (RoleBinding payments/readers, ClusterRole view)`."""
    where = f" in {right.namespace}" if right.namespace else ""
    by = f"({right.binding}, {right.role})"
    if right.rules is None:
        return f"nothing{where}: there is no {right.role} {by}"
    rules = "everything" if right.is_everything else "; ".join(rule.text for rule in right.rules) or "nothing"
    return f"{rules}{where} {by}"


def as_lines(review: AccessReview) -> Iterator[str]:
    """A block for each cluster, its principals in the file's order; each of the lines is one."""
    for number, cluster in enumerate(review.clusters):
        if number:
            yield ""
        yield from map(_indented, _cluster(cluster))
    about_file = [noted for noted in review.findings if noted.ignored is None]
    if about_file:
        yield ""
        yield from map(_indented, _findings(about_file, ""))


def _indented(line: str) -> str:
    """What somebody wrote into a file, with the indentation that is ours."""
    bare = line.lstrip(" ")
    return " " * (len(line) - len(bare)) + one_line(bare)


def _cluster(cluster: ClusterReview) -> Iterator[str]:
    status = cluster.status
    if status is None:
        yield f"{cluster.cluster}: cannot be read: {cluster.error}"
        return
    if cluster.is_hub:
        yield f"{cluster.cluster}: a hub, without masters to log in to"
        return
    switch = "on" if status.authenticator_init else "off"
    what = f"authenticator {status.daemon_version}, {','.join(status.backends)}, Kubernetes {status.kubernetes_version}"
    yield f"{cluster.cluster}: switch {switch}, {what}"
    for reason in status.login_obstacles:
        yield f"  nobody gets in: {reason}"
    yield f"  without IAM: {status.recovery_hint}"
    for principal in cluster.principals:
        yield from _principal(principal, cluster)
    for entry in cluster.ineffective_entries:
        yield from _ineffective(entry)
    yield from _live(cluster)
    yield from _findings(cluster.findings, "  ")
    for text in cluster.notes:
        yield f"  note: {text}"


def _principal(one: ReviewedPrincipal, cluster: ClusterReview) -> Iterator[str]:
    yield f"  {who(one.kind, one.principal)}"
    yield f"    {'becomes':<9}{_identity(one.identity)}"
    if one.privilege is not Privilege.NONE:
        yield f"    {one.privilege:<9}{'; '.join(one.because)}"
    for other in one.alternatives:
        yield f"    {'or':<9}{_identity(other)}, at random: {other.place}"
    if one.may_get_nothing:
        yield f"    {'or':<9}nothing, at random"
    yield from _entry(one.identity, one.change)
    for right in one.rights or ():
        yield f"    {'may':<9}{right_text(right)}"
    if one.rights == ():
        yield f"    {'may':<9}{'only what everybody may' if cluster.everyone else 'nothing that a binding gives'}"
    for right in one.rights or ():
        for note in right.notes:
            yield f"    {'note':<9}{right.binding}: {note}"
    yield from _findings(one.findings, "    ")


def _ineffective(one: IneffectiveEntry) -> Iterator[str]:
    yield f"  {entry_name(one.kind, one.principal)}"
    yield f"    {'nobody':<9}{one.reason}"
    yield from _entry(one.identity, one.change)
    yield from _findings(one.findings, "    ")


def _entry(identity: MappedIdentity, change: LastChange | None) -> Iterator[str]:
    yield f"    {'entry':<9}{identity.place}"
    if change is not None:
        yield f"    {'changed':<9}{change_text(change)}"


def _identity(identity: MappedIdentity) -> str:
    groups = f"groups {', '.join(identity.groups)}" if identity.groups else "no groups"
    return f"{identity.username or 'the own ARN'}, {groups}"


def _live(cluster: ClusterReview) -> Iterator[str]:
    for effect in cluster.differences or ():
        yield f"  not applied yet: {effect.text}"
    for group in cluster.unbound:
        yield f"  no binding knows the group {group}"
    for right in _everyone(cluster):
        yield f"  everybody may {right_text(right)}{'' if right.needs_login else ', without a login'}"
    for right in cluster.everyone:
        for note in right.notes:
            yield f"  note: everybody, by {right.binding}: {note}"


def _everyone(cluster: ClusterReview) -> Iterator[BindingRights]:
    """What a binding gives without a login it need not give with one as well."""
    without_login = {right.binding for right in cluster.everyone if not right.needs_login}
    return (right for right in cluster.everyone if not right.needs_login or right.binding not in without_login)


def _findings(findings: Iterable[ReviewedFinding], indent: str) -> Iterator[str]:
    for noted in findings:
        ignored = "" if noted.ignored is None else f" (ignored: {noted.ignored or 'without a reason'})"
        yield f"{indent}{noted.place}: {noted.severity}: {noted.text} [{noted.id}]{ignored}"
