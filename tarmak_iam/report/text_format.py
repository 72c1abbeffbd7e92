"""A review as lines for a terminal, and the texts that describe a change, an entry and a right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tarmak_iam.access.diff import who
from tarmak_iam.errors import Place
from tarmak_iam.mappings.entries import SSO_PREFIX
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.model import (
    ClusterReview,
    ClusterStatus,
    IneffectiveEntry,
    LastChange,
    MappedIdentity,
    Review,
    ReviewedFinding,
    ReviewedPrincipal,
    short_commit,
)
from tarmak_iam.report.rbac import BindingRights
from tarmak_iam.report.summary import common_change, counted, introduction
from tarmak_iam.text import brief_list, one_line

_MOST_PLACES = 20


def as_lines(review: Review) -> Iterator[str]:
    """An introduction, then a block for each cluster with its principals in the order of the file. Each item is one
    line."""
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
    for group in repeated.values():
        yield from _findings(group[:1], "  ")
        yield f"    also at {_other_places([finding.place for finding in group])}"
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
    yield from _principal(entry) if isinstance(entry, ReviewedPrincipal) else _ineffective(entry)
    yield _labelled("entry", str(entry.identity.place))
    if entry.change is not None and entry.change != common:
        yield _labelled("changed", "not known" if entry.change.unknown else _change(entry.change))
    rights = entry.rights if isinstance(entry, ReviewedPrincipal) else None
    for right in rights or ():
        yield _labelled("may", right_text(right))
    if rights == ():
        what = "only what every caller may" if cluster.everyone else "nothing"
        yield _labelled("may", f"{what}: no binding names its username or groups")
    for right in rights or ():
        for note in right.notes:
            yield _labelled("note", f"{right.binding}: {note}")


def _labelled(label: str, text: str) -> str:
    return f"    {label:<9}{text}"


def _principal(principal: ReviewedPrincipal) -> Iterator[str]:
    yield f"  {who(principal.kind, principal.principal)}"
    yield _labelled("becomes", _identity(principal.identity))
    if principal.privilege is not Privilege.NONE:
        yield _labelled(str(principal.privilege), "; ".join(principal.because))
    for other in principal.alternatives:
        yield _labelled("or", f"{_identity(other)}, chosen at random: {other.place}")
    if principal.may_get_nothing:
        yield _labelled("or", "no access, chosen at random")


def _ineffective(entry: IneffectiveEntry) -> Iterator[str]:
    """The principal as written in the file."""
    names = {"account": f"account {entry.principal}", "sso": f"{SSO_PREFIX}{entry.principal}"}
    yield f"  {names.get(entry.kind) or entry.principal or f'a {entry.kind} without an ARN'}"
    yield _labelled("denied", entry.reason)


def _identity(identity: MappedIdentity) -> str:
    groups = f"groups {', '.join(identity.groups)}" if identity.groups else "no groups"
    return f"{identity.username or 'its own ARN'}, {groups}"


def _change(change: LastChange) -> str:
    """As in `0123456789ab 2026-11-03 Alice Example: Give the auditors read access`."""
    if change.state == "uncommitted":
        return "not committed yet"
    return f"{short_commit(change.commit)} {change.date[:10]} {change.author}: {change.summary}"


def right_text(right: BindingRights) -> str:
    """As in `get, list on pods in payments (RoleBinding payments/readers, ClusterRole view)`."""
    where = f" in {right.namespace}" if right.namespace else ""
    by = f"({right.binding}, {right.role})"
    if right.rules is None:
        return f"nothing{where}: {right.role} does not exist {by}"
    rules = "everything" if right.is_everything else "; ".join(rule.text for rule in right.rules) or "nothing"
    return f"{rules}{where} {by}"


def _other_places(places: Sequence[Place]) -> str:
    """All but the first place: those in its file by line and column. Of many, the first ones: each entry says that it
    has the finding."""
    first, *others = places
    in_file = (place.filename == first.filename and bool(place.line) for place in others)
    texts = (
        f"{place.line}:{place.column}" if short else str(place) for place, short in zip(others, in_file, strict=True)
    )
    return brief_list(texts, _MOST_PLACES)


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
        because = f": {finding.ignored}" if finding.ignored else " without a reason"
        suppressed = "" if finding.ignored is None else f" (suppressed by a comment{because})"
        yield f"{indent}{finding.place}: {finding.severity}: {finding.text} [{finding.id}]{suppressed}"
