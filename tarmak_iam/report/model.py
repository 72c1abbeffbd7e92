"""What an access review says, as values: who can get into which cluster, as whom, by what, and what that is worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tarmak_iam.access.diff import Effect
from tarmak_iam.document.go_case import to_lower
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.installation.admin_kubeconfig import AdminAccess
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.git_history import GitRevision, LastChange
from tarmak_iam.report.rbac import BindingRights, Rbac, SubjectRights
from tarmak_iam.text import one_line


@dataclass(frozen=True, slots=True)
class ReviewedFinding:
    """A finding of `check`. `ignored`: what the comment says that sets it aside, None for one that none does."""

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


@dataclass(frozen=True, slots=True)
class MappedIdentity:
    """What somebody becomes, with its templates, and the entry that gives it."""

    username: str
    groups: tuple[str, ...]
    place: Place | None


@dataclass(frozen=True, slots=True)
class ReviewedPrincipal:
    """Somebody who can get in: `kind` and `principal` are those of a `Grant`, `identity` what its entry says.

    `alternatives`: what the daemon may give instead, where it picks at random; `may_get_nothing`: whether
    that may be nothing. `privilege` is the greatest of all that it may give, with what everyone has, `because`: why.
    `rights`, by all these names but not everyone's, is None where no cluster was asked.
    """

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

    @property
    def key(self) -> tuple[str, str]:
        """Equal for the same principal in every cluster: the daemon compares without case."""
        return self.kind, to_lower(self.principal)


@dataclass(frozen=True, slots=True)
class IneffectiveEntry:
    """An entry of the mappings that lets nobody in. `kind`: role, user, account or sso; `principal` is as it is
    written, and may be empty."""

    kind: str
    principal: str
    identity: MappedIdentity
    reason: str
    findings: tuple[ReviewedFinding, ...] = ()
    change: LastChange | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One of the files that were read: `sha256` of its bytes, and the last change to it."""

    path: Path
    sha256: str
    change: LastChange | None = None


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """Whether anybody gets in by IAM at all, and through what. `login_obstacles`: all that keeps everybody out.

    `admin` is what was found of the admin certificate, which needs no IAM; None for a hub.
    """

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
    def recovery_hint(self) -> str:
        """How to get in without IAM, as far as was looked at."""
        return self.admin.text if self.admin else "a hub has no API server to log in to"


@dataclass(frozen=True, slots=True)
class ClusterReview:
    """`error` where the cluster could not be read: then there is no `status`, and nobody in it.

    `live`: whether the cluster was asked; `live_error` why that failed. `differences`: who would gain and lose what,
    were the files applied: None where that is not known. `everyone`: what each caller may do who gets in, and what
    those may who do not log in at all; each principal has it besides its own rights. `rbac` is None where no cluster
    was asked.
    """

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

    @property
    def is_hub(self) -> bool:
        return self.status is not None and self.status.type == "hub"

    @property
    def failed(self) -> bool:
        return bool(self.error or self.live_error)

    @property
    def all_findings(self) -> tuple[ReviewedFinding, ...]:
        """Those of the entries too."""
        people: Iterable[ReviewedPrincipal | IneffectiveEntry] = (*self.principals, *self.ineffective_entries)
        return (*self.findings, *(each for one in people for each in one.findings))


@dataclass(frozen=True, slots=True)
class AccessCell:
    """What somebody gets in a cluster. `is_named`: by an entry of its own there, not by a pattern or the account."""

    identity: MappedIdentity
    privilege: Privilege
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class AccessRow:
    """A principal of any cluster, and a cell for each cluster: None where it does not get in."""

    kind: str
    principal: str
    cells: tuple[AccessCell | None, ...]


@dataclass(frozen=True, slots=True)
class AccessReview:
    """Clusters in the order of tarmak.yaml. `findings` are about that file, and no single cluster of it.

    `revision`: the commit that the files are of, None where there is none: `history` then tells why; `date` is what
    somebody gave.
    """

    config: Path
    clusters: tuple[ClusterReview, ...]
    rows: tuple[AccessRow, ...] = ()
    findings: tuple[ReviewedFinding, ...] = ()
    revision: GitRevision | None = None
    history: str = ""
    date: str = ""

    @property
    def failed(self) -> bool:
        """Whether something could not be read, so that the review does not tell all."""
        return any(each.failed for each in self.clusters)
