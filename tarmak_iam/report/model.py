"""The values of an access review: who can log in to which cluster, as whom, by which entry, and how privileged."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.access.diff import Effect
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.aws.trust_policy import Trust
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.identity.templates import has_session
from tarmak_iam.installation.admin_kubeconfig import AdminAccess
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.rbac import BindingRights, Rbac, SubjectRights
from tarmak_iam.text import one_line, quoted

FindingKey = tuple[str, Severity, str, str | None]
"""ID, severity, text and the reason why it is suppressed."""


@dataclass(frozen=True, slots=True)
class ReviewedFinding:
    """A finding of `check`. `ignored`: the reason in the comment that suppresses it (may be ""), None without one."""

    id: str
    severity: Severity
    place: Place
    message: str
    remedy: str
    ignored: str | None = None

    @property
    def text(self) -> str:
        """Message and remedy on one line."""
        return one_line(f"{self.message}; {self.remedy}" if self.remedy else self.message)

    @property
    def key(self) -> FindingKey:
        """Equal for findings that differ only in their places."""
        return self.id, self.severity, self.text, self.ignored

    @property
    def suppressed(self) -> str:
        return "suppressed by a comment" + (f": {self.ignored}" if self.ignored else " without a reason")


@dataclass(frozen=True, slots=True)
class LastChange:
    """A commit with its author and date (ISO 8601, in the author's time zone). Without a commit, `unknown` is why it is
    not known, or the change is not committed yet. `time`: when it was committed, in seconds."""

    commit: str = ""
    author: str = ""
    date: str = ""
    summary: str = ""
    unknown: str = ""
    time: int = field(default=0, repr=False, compare=False)

    @property
    def state(self) -> str:
        """`committed`, `uncommitted` or `unknown`."""
        return "committed" if self.commit else "unknown" if self.unknown else "uncommitted"


def short_commit(commit: str) -> str:
    return commit[:12]


@dataclass(frozen=True, slots=True)
class GitRevision:
    """The commit that is checked out, and its date. `changed`: files that differ from it, or may differ."""

    commit: str
    date: str
    changed: tuple[Path, ...] = ()


class MappedIdentity(NamedTuple):
    """Username and groups with their templates, and the place of the entry that gives them."""

    username: str
    groups: tuple[str, ...]
    place: Place | None


def span_text(first: str, last: str) -> str:
    """As in `2026-10-01 09:12:44 to 2026-10-03 11:00:02 UTC`."""
    start, end = (time.replace("T", " ").removesuffix("Z") for time in (first, last))
    return f"{start} UTC" if start == end else f"{start} to {end} UTC"


@dataclass(frozen=True, slots=True)
class Logins:
    """The requests of one or more users whom the authenticator logged in. `first` and `last`: UTC, to the second, as in
    2026-10-01T09:12:44Z; empty without requests. `is_shared`: another mapping gives such usernames too, and the log
    does not say which one it was."""

    requests: int = 0
    first: str = ""
    last: str = ""
    is_shared: bool = False

    def with_others(self, others: Logins) -> Logins:
        first = min(filter(None, (self.first, others.first)), default="")
        requests, is_shared = self.requests + others.requests, self.is_shared or others.is_shared
        return Logins(requests, first, max(self.last, others.last), is_shared)

    @property
    def text(self) -> str:
        requests = f"{self.requests} request{'' if self.requests == 1 else 's'}"
        shared = "; other mappings give such usernames too" if self.is_shared else ""
        return f"{requests}, {span_text(self.first, self.last)}{shared}"


@dataclass(frozen=True, slots=True)
class UnexplainedUser:
    """A user whom the authenticator logged in, but no mapping gives. `arn`: the canonical ARN of the caller, "" if the
    release does not log it."""

    username: str
    arn: str
    logins: Logins

    @property
    def text(self) -> str:
        return f"{quoted(self.username)}{f' ({self.arn})' if self.arn else ''}: {self.logins.text}"


@dataclass(frozen=True, slots=True)
class AuditLog:
    """What audit logs say. `first` and `last` are the window that they cover: the times of the oldest and newest event
    of any user; empty without events. `unreadable`: the number of lines that are not audit events, the first of them
    `unreadable_at`. `left_out`: events of more users than are counted. `problems`: files that end early."""

    files: tuple[str, ...]
    first: str
    last: str
    events: int
    unexplained: tuple[UnexplainedUser, ...] = ()
    unreadable: int = 0
    unreadable_at: str = ""
    left_out: int = 0
    problems: tuple[str, ...] = ()

    @property
    def window(self) -> str:
        return span_text(self.first, self.last) if self.first else "no event"


@dataclass(frozen=True, slots=True)
class ReviewedPrincipal:
    """A principal that can log in. `kind` and `principal` are those of a `Grant`; `identity` is from its entry.
    `alternatives`: what the authenticator may give instead, where it chooses at random. `may_get_nothing`: whether it
    may deny the login instead. `privilege` is the highest of all these, including the permissions of every caller;
    `because`: the reasons. `rights`: those of its own username and groups only; None if the cluster was not queried.
    `logins`: those in the audit logs; None without audit logs. `trust`: what the trust policy of a role says; None for
    other principals, and without trust policies."""

    kind: str
    principal: str
    identity: MappedIdentity
    backend: str
    privilege: Privilege
    because: tuple[str, ...] = ()
    alternatives: tuple[MappedIdentity, ...] = ()
    may_get_nothing: bool = False
    findings: tuple[ReviewedFinding, ...] = ()
    change: LastChange | None = None
    rights: tuple[BindingRights, ...] | None = None
    logins: Logins | None = None
    trust: Trust | None = None

    @property
    def uses_session_name(self) -> bool:
        return any(map(has_session, (self.identity.username, *self.identity.groups)))

    @property
    def key(self) -> tuple[str, str]:
        """Equal for the same principal in every cluster: the authenticator compares case-insensitively."""
        return self.kind, to_lower(self.principal)


@dataclass(frozen=True, slots=True)
class IneffectiveEntry:
    """An entry by which no principal can log in. `kind`: role, user, account or sso. `principal`: as in the file."""

    kind: str
    principal: str
    identity: MappedIdentity
    reason: str
    findings: tuple[ReviewedFinding, ...] = ()
    change: LastChange | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read: the SHA-256 of its bytes, in hexadecimal, and its last change."""

    path: Path
    sha256: str
    change: LastChange | None = None


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """How IAM login is set up for a cluster. `login_obstacles`: the reasons why it is not possible; empty if it is.
    `admin` describes the admin certificate, which needs no IAM; None for a hub."""

    type: str
    authenticator_init: bool
    kubernetes_version: str
    daemon_version: str
    image: str
    backends: tuple[str, ...]
    webhook_file: str | None
    admin: AdminAccess | None
    login_obstacles: tuple[str, ...] = ()

    @property
    def recovery(self) -> str:
        """How to get access without IAM, as far as that was examined."""
        if self.admin is None:
            return "a hub has no API server to log in to"
        if self.admin.gives_access:
            return self.admin.what
        return f"{'no recovery access' if self.admin.is_examined else 'not known'}: {self.admin.what}"


@dataclass(frozen=True, slots=True)
class ClusterReview:
    """The review of one cluster. `error`: why its files could not be read; then `status` is None. `live`: whether the
    cluster was queried; `live_error`: why that failed. `differences`: the access that principals would gain and lose if
    the files were applied; None if that is not known. `everyone`: the permissions of every caller, with and without a
    login; each principal has them in addition to its own. `rbac` is None if the cluster was not queried, `audit_log`
    without audit logs."""

    cluster: str
    place: Place
    status: ClusterStatus | None = None
    error: str = ""
    principals: tuple[ReviewedPrincipal, ...] = ()
    ineffective_entries: tuple[IneffectiveEntry, ...] = ()
    findings: tuple[ReviewedFinding, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[SourceFile, ...] = ()
    live: bool = False
    live_error: str = ""
    differences: tuple[Effect, ...] | None = None
    everyone: tuple[BindingRights, ...] = ()
    unbound: tuple[str, ...] = ()
    subjects: tuple[SubjectRights, ...] = ()
    rbac: Rbac | None = field(default=None, repr=False, compare=False)
    audit_log: AuditLog | None = None

    @property
    def is_hub(self) -> bool:
        return self.status is not None and self.status.type == "hub"

    @property
    def is_login_possible(self) -> bool:
        """Whether IAM login is possible, by the files."""
        return self.status is not None and not self.status.login_obstacles

    @property
    def failed(self) -> bool:
        return bool(self.error or self.live_error)

    @property
    def entries(self) -> tuple[ReviewedPrincipal | IneffectiveEntry, ...]:
        """All that a finding or a change may be about."""
        return (*self.principals, *self.ineffective_entries)

    @property
    def all_findings(self) -> tuple[ReviewedFinding, ...]:
        """Those about the cluster and those about its entries."""
        return (*self.findings, *(finding for entry in self.entries for finding in entry.findings))

    @property
    def repeated_findings(self) -> tuple[tuple[ReviewedFinding, ...], ...]:
        """Findings about entries with the same text in more than one place, together, in the order of the first."""
        groups: dict[FindingKey, dict[Place, ReviewedFinding]] = {}
        for finding in (listed for entry in self.entries for listed in entry.findings):
            groups.setdefault(finding.key, {}).setdefault(finding.place, finding)
        return tuple(tuple(group.values()) for group in groups.values() if len(group) > 1)


class AccessCell(NamedTuple):
    """The access of a principal in a cluster. `is_named`: by its own entry there, not by a pattern or its account."""

    identity: MappedIdentity
    privilege: Privilege
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class AccessRow:
    """A principal of any cluster, and a cell for each cluster: None where it is not mapped."""

    kind: str
    principal: str
    cells: tuple[AccessCell | None, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """What an `AccessReview` contains."""

    config: Path
    clusters: tuple[ClusterReview, ...]
    rows: tuple[AccessRow, ...] = ()
    findings: tuple[ReviewedFinding, ...] = ()
    revision: GitRevision | None = None
    history: str = ""
    date: str = ""

    @property
    def has_trust(self) -> bool:
        """Whether trust policies of roles were given."""
        return any(principal.trust for cluster in self.clusters for principal in cluster.principals)

    @property
    def failed(self) -> bool:
        """Whether something could not be read, so that the review is incomplete."""
        return any(cluster.failed for cluster in self.clusters)
