"""A review as lines for a terminal, and the texts that describe a change, an entry and a right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from tarmak_iam.access.diff import who
from tarmak_iam.errors import Place
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.mappings.principals import SSO_PREFIX
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.model import (
    ClusterReview,
    FindingKey,
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


def change_text(change: LastChange) -> str:
    """As in `0123456789ab 2026-11-03 Alice Example: Give the auditors read access`."""
    if change.state == "unknown":
        return f"not known: {change.unknown}"
    if change.state == "uncommitted":
        return "not committed yet"
    return f"{short_commit(change.commit)} {change.date[:10]} {change.author}: {change.summary}"


def entry_name(kind: str, principal: str) -> str:
    """The principal of an entry, as written in the file."""
    if kind == "account":
        return f"account {principal}"
    return f"{SSO_PREFIX}{principal}" if kind == "sso" else principal or f"a {kind} without an ARN"


def right_text(right: BindingRights) -> str:
    """As in `get, list on pods in payments (RoleBinding payments/readers, ClusterRole view)`."""
    where = f" in {right.namespace}" if right.namespace else ""
    by = f"({right.binding}, {right.role})"
    if right.rules is None:
        return f"nothing{where}: {right.role} does not exist {by}"
    rules = "everything" if right.is_everything else "; ".join(rule.text for rule in right.rules) or "nothing"
    return f"{rules}{where} {by}"


def as_lines(review: Review) -> Iterator[str]:
    """An introduction, then a block for each cluster with its principals in the order of the file. Each item is one
    line."""
    yield one_line(f"Access review, {review.date}" if review.date else "Access review")
    yield from map(one_line, introduction(review))
    common = common_change(review)
    for cluster in review.clusters:
        yield ""
        yield from map(_indented, _ClusterLines(cluster, common).lines())
    about_file = [noted for noted in review.findings if noted.ignored is None]
    if about_file:
        yield ""
        yield from map(_indented, _findings(about_file, ""))


def _indented(line: str) -> str:
    """On one line, with the indentation of the report."""
    bare = line.lstrip(" ")
    return " " * (len(line) - len(bare)) + one_line(bare)


def _labelled(label: str, text: str) -> str:
    return f"    {label:<9}{text}"


@dataclass(frozen=True)
class _ClusterLines:
    """`common`: the unknown change that the introduction explains; it is not repeated."""

    cluster: ClusterReview
    common: LastChange | None

    def lines(self) -> Iterator[str]:
        cluster, status = self.cluster, self.cluster.status
        if status is None:
            yield f"{cluster.cluster}: cannot be read: {cluster.error}"
            return
        if cluster.is_hub:
            yield f"{cluster.cluster}: a hub, which has no API server to log in to"
            yield from _findings(cluster.findings, "  ")
            return
        state = "on" if status.authenticator_init else "off"
        backends = ", ".join(status.backends)
        yield (
            f"{cluster.cluster}: awsIAMAuthenticatorInit is {state}, authenticator {status.daemon_version}, backend "
            f"{backends}, Kubernetes {status.kubernetes_version}"
        )
        for reason in status.login_obstacles:
            yield f"  IAM login is not possible: {reason}"
        recovery = status.recovery
        yield f"  {recovery}" if recovery.startswith("no recovery access") else f"  recovery access: {recovery}"
        yield f"  {self._counts()}"
        yield from self._unknown_changes()
        for principal in cluster.principals:
            yield from self._principal(principal)
        for entry in cluster.ineffective_entries:
            yield from self._ineffective(entry)
        yield from _live(cluster)
        yield from self._repeated_lines()
        yield from _findings(cluster.findings, "  ")
        for text in cluster.notes:
            yield f"  note: {text}"

    def _counts(self) -> str:
        """As in `2 principals, 1 with admin access; 1 ineffective entry`."""
        cluster = self.cluster
        admins = sum(each.privilege is Privilege.ADMIN for each in cluster.principals)
        text = f"{counted(len(cluster.principals), 'principal')}, {admins or 'none'} with admin access"
        ineffective = len(cluster.ineffective_entries)
        return f"{text}; {counted(ineffective, 'ineffective entry', 'ineffective entries')}" if ineffective else text

    def _unknown_changes(self) -> Iterator[str]:
        """Each reason once, and not with every entry."""
        reasons: dict[str, int] = {}
        for each in self.cluster.entries:
            if each.change is not None and each.change.unknown and each.change != self.common:
                reasons[each.change.unknown] = reasons.get(each.change.unknown, 0) + 1
        for reason, count in reasons.items():
            yield f"  last change of {counted(count, 'entry', 'entries')} not known: {reason}"

    def _principal(self, one: ReviewedPrincipal) -> Iterator[str]:
        yield f"  {who(one.kind, one.principal)}"
        yield _labelled("becomes", _identity(one.identity))
        if one.privilege is not Privilege.NONE:
            yield _labelled(str(one.privilege), "; ".join(one.because))
        for other in one.alternatives:
            yield _labelled("or", f"{_identity(other)}, chosen at random: {other.place}")
        if one.may_get_nothing:
            yield _labelled("or", "no access, chosen at random")
        yield from self._entry(one.identity, one.change)
        for right in one.rights or ():
            yield _labelled("may", right_text(right))
        if one.rights == ():
            yield _labelled("may", _without_rights(self.cluster))
        for right in one.rights or ():
            for note in right.notes:
                yield _labelled("note", f"{right.binding}: {note}")
        yield from self._of_entry(one.findings)

    def _ineffective(self, one: IneffectiveEntry) -> Iterator[str]:
        yield f"  {entry_name(one.kind, one.principal)}"
        yield _labelled("denied", one.reason)
        yield from self._entry(one.identity, one.change)
        yield from self._of_entry(one.findings)

    def _entry(self, identity: MappedIdentity, change: LastChange | None) -> Iterator[str]:
        yield _labelled("entry", str(identity.place))
        if change is not None and change != self.common:
            yield _labelled("changed", "not known" if change.unknown else change_text(change))

    def _of_entry(self, findings: Iterable[ReviewedFinding]) -> Iterator[str]:
        """In full, or only as its ID if several entries have the same one: `_repeated_lines` prints it once."""
        findings = tuple(findings)
        ids = dict.fromkeys(each.id for each in findings if each.key in self._repeated)
        if ids:
            yield _labelled("findings", f"{', '.join(ids)}: see below")
        yield from _findings((each for each in findings if each.key not in self._repeated), "    ")

    @cached_property
    def _repeated(self) -> dict[FindingKey, tuple[ReviewedFinding, ...]]:
        return {group[0].key: group for group in self.cluster.repeated_findings}

    def _repeated_lines(self) -> Iterator[str]:
        for group in self._repeated.values():
            yield from _findings(group[:1], "  ")
            yield f"    also at {places_text([each.place for each in group])}"


def places_text(places: Sequence[Place]) -> str:
    """All but the first place: those in its file by line and column. Of many, the first ones: each entry says that it
    has the finding."""
    first, *others = places
    texts = (
        f"{each.line}:{each.column}" if each.filename == first.filename and each.line else str(each) for each in others
    )
    return brief_list(texts, _MOST_PLACES)


def _without_rights(cluster: ClusterReview) -> str:
    if cluster.everyone:
        return "only what every caller may: no binding names its username or groups"
    return "nothing: no binding names its username or groups"


def _identity(identity: MappedIdentity) -> str:
    groups = f"groups {', '.join(identity.groups)}" if identity.groups else "no groups"
    return f"{identity.username or 'its own ARN'}, {groups}"


def _live(cluster: ClusterReview) -> Iterator[str]:
    if cluster.live_error:
        yield f"  incomplete: {cluster.live_error}"
    for effect in cluster.differences or ():
        yield f"  not applied yet: {effect.text}"
    for group in cluster.unbound:
        yield f"  no binding names the group {group}"
    for right in _everyone(cluster):
        if right.needs_login:
            yield f"  every authenticated caller may {right_text(right)}"
        else:
            yield f"  every caller may {right_text(right)}, without a login"
    for right in cluster.everyone:
        for note in right.notes:
            yield f"  note: every caller, by {right.binding}: {note}"


def _everyone(cluster: ClusterReview) -> Iterator[BindingRights]:
    """The rights of every caller. A binding that grants rights without a login is not listed for logins as well."""
    without_login = {right.binding for right in cluster.everyone if not right.needs_login}
    return (right for right in cluster.everyone if not right.needs_login or right.binding not in without_login)


def _findings(findings: Iterable[ReviewedFinding], indent: str) -> Iterator[str]:
    for noted in findings:
        suppressed = "" if noted.ignored is None else f" ({suppressed_text(noted.ignored)})"
        yield f"{indent}{noted.place}: {noted.severity}: {noted.text} [{noted.id}]{suppressed}"


def suppressed_text(reason: str) -> str:
    return f"suppressed by a comment: {reason}" if reason else "suppressed by a comment without a reason"
