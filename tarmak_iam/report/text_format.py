"""A review in words: its numbers, an introduction for readers from outside, and all of it as lines for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.access.diff import who
from tarmak_iam.aws.trust_policy import trust_rows
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.mappings.entries import SSO_PREFIX
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.model import (
    AccessRow,
    AuditLog,
    ClusterReview,
    ClusterStatus,
    IneffectiveEntry,
    LastChange,
    Logins,
    MappedIdentity,
    Review,
    ReviewedFinding,
    ReviewedPrincipal,
    short_commit,
)
from tarmak_iam.report.rbac import BindingRights
from tarmak_iam.text import brief_list, one_line

_MOST_PLACES = 20
_PRINCIPALS = "This access review lists the principals (IAM roles, users, accounts and SSO permission sets)"
_COLUMNS = """\
For each principal it shows the username, groups and privilege in Kubernetes, and the entry of the mappings file that \
grants them."""
_PRIVILEGES = """\
The privilege of a principal is the highest one that is known. "admin" means that it has all permissions in the \
cluster or can give itself all permissions, "node" that it has the identity of a node, and "elevated" that it has \
permissions with which it can get more permissions. If no privilege is shown, none of these is known."""
_WITHOUT_IAM = "logins without IAM (client certificates, tokens of service accounts)."
_NOT_COVERED = f"Not covered: who can assume a role or use the keys of a user in AWS, and {_WITHOUT_IAM}"
_WITH_TRUST = f"""\
Of the trust policies of roles, five facts are shown; "not evaluated" means that the policy may allow more or less. \
Not covered: other policies in AWS, who can use the keys of a user, and {_WITHOUT_IAM}"""


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """`clusters`: without hubs. `principals`: each one once, in however many clusters. `admins`: those that have admin
    access in at least one of them. Suppressed findings are not counted as errors or warnings."""

    clusters: int
    principals: int
    admins: int
    ineffective: int
    errors: int
    warnings: int
    suppressed: int


def summarize(review: Review) -> ReviewSummary:
    findings = {
        (finding.place, finding.key): finding
        for finding in (*review.findings, *(noted for cluster in review.clusters for noted in cluster.all_findings))
    }.values()
    reported = [finding for finding in findings if finding.ignored is None]
    errors = sum(finding.severity is Severity.ERROR for finding in reported)
    return ReviewSummary(
        clusters=len(_with_masters(review)),
        principals=len(review.rows),
        admins=sum(highest_privilege(row) is Privilege.ADMIN for row in review.rows),
        ineffective=sum(len(cluster.ineffective_entries) for cluster in review.clusters),
        errors=errors,
        warnings=len(reported) - errors,
        suppressed=len(findings) - len(reported),
    )


def _with_masters(review: Review) -> list[ClusterReview]:
    return [cluster for cluster in review.clusters if not cluster.is_hub]


def highest_privilege(row: AccessRow) -> Privilege:
    """Of a principal, over all clusters."""
    return min((cell.privilege for cell in row.cells if cell), key=lambda privilege: privilege.rank)


def counted(number: int, single: str, several: str = "") -> str:
    """As in `1 principal` and `2 principals`."""
    return f"{number} {single if number == 1 else several or f'{single}s'}"


def common_change(review: Review) -> LastChange | None:
    """The unknown or uncommitted change that all entries and files have in common, which the introduction explains."""
    if review.revision is not None:
        return None
    parts = (part for cluster in review.clusters for part in (*cluster.entries, *cluster.files))
    changes = {part.change for part in parts if part.change is not None}
    return next((change for change in changes if len(changes) == 1 and change.state != "committed"), None)


def introduction(review: Review, shown: Callable[[Path], str] = str) -> tuple[str, ...]:
    """Paragraphs: what the review is, its sources, what it covers, and how to read it. `shown`: displays a path."""
    reviewed = _with_masters(review) or review.clusters
    several = f"{len(reviewed)} Kubernetes clusters"
    clusters = f"the Kubernetes cluster {reviewed[0].cluster}" if len(reviewed) == 1 else several
    return (
        f"{_PRINCIPALS} that are configured to log in to {clusters} with AWS IAM credentials. {_COLUMNS}",
        " ".join((*_sources(review, shown), *_queried(review))),
        " ".join(_results(review)),
        _PRIVILEGES,
        _WITH_TRUST if review.has_trust else _NOT_COVERED,
    )


def _sources(review: Review, shown: Callable[[Path], str]) -> Iterator[str]:
    files = "It was generated from tarmak.yaml and from the settings and mappings files of each cluster"
    revision = review.revision
    if revision is None:
        why = review.history or "nothing is committed yet"
        yield f"{files}. The commit of these files and their last changes are not known: {why}."
        return
    yield f"{files}, at commit {short_commit(revision.commit)} of {revision.date[:10]}."
    if revision.changed:
        names = _listed([shown(path) for path in revision.changed])
        yield f"{counted(len(revision.changed), 'file differs', 'files differ')} from that commit: {names}."


def _queried(review: Review) -> Iterator[str]:
    clusters = [cluster for cluster in _with_masters(review) if cluster.status]
    queried = [cluster.cluster for cluster in clusters if cluster.live]
    others = [cluster.cluster for cluster in clusters if not cluster.live]
    if queried:
        yield f"RBAC roles and bindings and the current mappings were read from {_listed(queried)}."
        if others:
            yield f"Not queried: {_listed(others)}. Permissions from RBAC bindings there are not included."
    elif others:
        who = "The cluster was" if len(others) == 1 else "The clusters were"
        yield f"{who} not queried: permissions from RBAC bindings are not included."
    failed = [cluster.cluster for cluster in review.clusters if cluster.failed]
    if failed:
        yield f"The review is incomplete: {_listed(failed)} could not be read completely."


def _results(review: Review) -> Iterator[str]:
    numbers = summarize(review)
    if not numbers.principals:
        yield "It lists no principals."
        return
    several = numbers.clusters > 1
    admins = {0: "none has", 1: "1 has"}.get(numbers.admins, f"{numbers.admins} have")
    principals = counted(numbers.principals, "principal", "different principals" if several else "principals")
    yield f"It lists {principals}; {admins} admin access{' to at least one cluster' if several else ''}."
    readable = (cluster for cluster in _with_masters(review) if cluster.status)
    without = [cluster.cluster for cluster in readable if not cluster.is_login_possible]
    if without:
        yield f"IAM login is not possible for {_listed(without)}, so the principals listed there cannot log in."


def _listed(names: list[str]) -> str:
    """All of a few, or the first ones and how many more there are."""
    return ", ".join(names if len(names) <= 4 else [*names[:3], f"{len(names) - 3} more"])


def as_lines(review: Review) -> Iterator[str]:
    """An introduction, then a block for each cluster with its principals in the order of the file, line by line."""
    yield one_line(f"Access review, {review.date}" if review.date else "Access review")
    yield from map(one_line, introduction(review))
    common = common_change(review)
    for cluster in review.clusters:
        yield ""
        yield from map(_indented, _cluster(cluster, common))
    about_file = [finding for finding in review.findings if finding.ignored is None]
    if about_file:
        yield ""
        yield from map(_indented, _findings(about_file, ""))


def _indented(line: str) -> str:
    """On one line, with the indentation of the report."""
    bare = line.lstrip(" ")
    return " " * (len(line) - len(bare)) + one_line(bare)


def _cluster(cluster: ClusterReview, common: LastChange | None) -> Iterator[str]:
    """`common`: the unknown change that the introduction explains; it is not repeated."""
    status = cluster.status
    if status is None:
        yield f"{cluster.cluster}: cannot be read: {cluster.error}"
        return
    if cluster.is_hub:
        yield f"{cluster.cluster}: a hub, which has no API server to log in to"
        yield from _findings(cluster.findings, "  ")
        return
    yield from _status(cluster, status)
    changes = (entry.change for entry in cluster.entries if entry.change is not None and entry.change != common)
    for unknown, count in Counter(change.unknown for change in changes if change.unknown).items():
        yield f"  last change of {counted(count, 'entry', 'entries')} not known: {unknown}"
    repeated = {group[0].key: group for group in cluster.repeated_findings}
    for entry in cluster.entries:
        yield from _entry(entry, cluster, common)
        ids = dict.fromkeys(finding.id for finding in entry.findings if finding.key in repeated)
        if ids:
            yield _labelled("findings", f"{', '.join(ids)}: see below")
        yield from _findings((finding for finding in entry.findings if finding.key not in repeated), "    ")
    yield from _live(cluster)
    for line in audit_log_lines(cluster.audit_log) if cluster.audit_log is not None else ():
        yield f"  {line}"
    for group in repeated.values():
        yield from _findings(group[:1], "  ")
        # All but the first place: those in its file by line and column. Of many, the first ones: each entry has a note.
        first, *others = (finding.place for finding in group)
        yield f"    also at {brief_list((_short(place, first) for place in others), _MOST_PLACES)}"
    yield from _findings(cluster.findings, "  ")
    for text in cluster.notes:
        yield f"  note: {text}"


def _status(cluster: ClusterReview, status: ClusterStatus) -> Iterator[str]:
    yield (
        f"{cluster.cluster}: awsIAMAuthenticatorInit is {'on' if status.authenticator_init else 'off'}, authenticator "
        f"{status.daemon_version}, backend {', '.join(status.backends)}, Kubernetes {status.kubernetes_version}"
    )
    for reason in status.login_obstacles:
        yield f"  IAM login is not possible: {reason}"
    recovery = status.recovery
    yield f"  {recovery}" if recovery.startswith("no recovery access") else f"  recovery access: {recovery}"
    admins = sum(principal.privilege is Privilege.ADMIN for principal in cluster.principals)
    ineffective = counted(len(cluster.ineffective_entries), "ineffective entry", "ineffective entries")
    principals = f"{counted(len(cluster.principals), 'principal')}, {admins or 'none'} with admin access"
    yield f"  {principals}; {ineffective}" if cluster.ineffective_entries else f"  {principals}"


def _entry(
    entry: ReviewedPrincipal | IneffectiveEntry, cluster: ClusterReview, common: LastChange | None
) -> Iterator[str]:
    if isinstance(entry, ReviewedPrincipal):
        yield f"  {who(entry.kind, entry.principal)}"
        yield _labelled("becomes", _identity(entry.identity))
        if entry.privilege is not Privilege.NONE:
            yield _labelled(str(entry.privilege), "; ".join(entry.because))
        for other in entry.alternatives:
            yield _labelled("or", f"{_identity(other)}, chosen at random: {other.place}")
        if entry.may_get_nothing:
            yield _labelled("or", "no access, chosen at random")
    else:  # the principal as written in the file
        names = {"account": f"account {entry.principal}", "sso": f"{SSO_PREFIX}{entry.principal}"}
        yield f"  {names.get(entry.kind) or entry.principal or f'a {entry.kind} without an ARN'}"
        yield _labelled("denied", entry.reason)
    yield _labelled("entry", str(entry.identity.place))
    yield from _changed(entry.change, common)
    logins = entry.logins if isinstance(entry, ReviewedPrincipal) else None
    if logins is not None and cluster.audit_log is not None:
        yield _labelled("logins", logins_text(logins, cluster.audit_log))
    if isinstance(entry, ReviewedPrincipal) and entry.trust is not None:
        for label, text in trust_rows(entry.trust, uses_session_name=entry.uses_session_name):
            yield _labelled(label, text)
    yield from _rights(entry, cluster)


def logins_text(logins: Logins, audit_log: AuditLog) -> str:
    """Without a login, the window is part of the statement: the logs before it are gone. What was not read may contain
    one."""
    is_whole = not (audit_log.unreadable or audit_log.left_out or audit_log.problems)
    what = "the audit logs" if is_whole else "what was read of the audit logs"
    return logins.text if logins.first else f"none in {what} ({audit_log.window})"


def audit_log_lines(audit_log: AuditLog) -> Iterator[str]:
    """What the logs cover, what could not be read in them, and the users that no mapping explains."""
    files = counted(len(audit_log.files), "file")
    yield f"audit logs: {counted(audit_log.events, 'event')} in {files}, {audit_log.window}"
    if audit_log.unreadable:
        lines = counted(audit_log.unreadable, "line is not an audit event", "lines are not audit events")
        yield f"audit logs: {lines}, the first one at {audit_log.unreadable_at}"
    if audit_log.left_out:
        yield f"audit logs: {counted(audit_log.left_out, 'event')} of further users left out: there are too many users"
    yield from (f"audit logs: {problem}" for problem in audit_log.problems)
    for user in audit_log.unexplained:
        yield f"no mapping explains the user {user.text}"


def _changed(change: LastChange | None, common: LastChange | None) -> Iterator[str]:
    """As in `0123456789ab 2026-11-03 Alice Example: Give the auditors read access`."""
    if change is not None and change != common:
        by_commit = f"{short_commit(change.commit)} {change.date[:10]} {change.author}: {change.summary}"
        others = {"unknown": "not known", "uncommitted": "not committed yet"}
        yield _labelled("changed", others.get(change.state, by_commit))


def _rights(entry: ReviewedPrincipal | IneffectiveEntry, cluster: ClusterReview) -> Iterator[str]:
    rights = entry.rights if isinstance(entry, ReviewedPrincipal) else None
    for right in rights or ():
        yield _labelled("may", right_text(right))
    if rights == ():
        what = "no more than every caller" if cluster.everyone else "nothing"
        yield _labelled("may", f"{what}: no binding names its username or groups")
    for right in rights or ():
        for note in right.notes:
            yield _labelled("note", f"{right.binding}: {note}")


def _labelled(label: str, text: str) -> str:
    return f"    {label:<9}{text}"


def _identity(identity: MappedIdentity) -> str:
    groups = f"groups {', '.join(identity.groups)}" if identity.groups else "no groups"
    return f"{identity.username or 'its own ARN'}, {groups}"


def right_text(right: BindingRights) -> str:
    """As in `get, list on pods in payments (RoleBinding payments/readers, ClusterRole view)`."""
    where = f" in {right.namespace}" if right.namespace else ""
    by = f"({right.binding}, {right.role})"
    if right.rules is None:
        return f"nothing{where}: {right.role} does not exist {by}"
    rules = "everything" if right.is_everything else "; ".join(rule.text for rule in right.rules) or "nothing"
    return f"{rules}{where} {by}"


def _short(place: Place, first: Place) -> str:
    is_in_file = place.filename == first.filename and place.line
    return f"{place.line}:{place.column}" if is_in_file else str(place)


def _live(cluster: ClusterReview) -> Iterator[str]:
    if cluster.live_error:
        yield f"  incomplete: {cluster.live_error}"
    for effect in cluster.differences or ():
        yield f"  not applied yet: {effect.text}"
    for group in cluster.unbound:
        yield f"  no binding names the group {group}"
    # A binding that grants rights without a login is not listed for logins as well.
    without_login = {right.binding for right in cluster.everyone if not right.needs_login}
    for right in cluster.everyone:
        if not right.needs_login:
            yield f"  every caller may {right_text(right)}, without a login"
        elif right.binding not in without_login:
            yield f"  every authenticated caller may {right_text(right)}"
    for right in cluster.everyone:
        for note in right.notes:
            yield f"  note: every caller, by {right.binding}: {note}"


def _findings(findings: Iterable[ReviewedFinding], indent: str) -> Iterator[str]:
    for finding in findings:
        suppressed = "" if finding.ignored is None else f" ({finding.suppressed})"
        yield f"{indent}{finding.place}: {finding.severity}: {finding.text} [{finding.id}]{suppressed}"
