"""What happens before and after `tarmak clusters apply`, as reports: nothing is printed here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from tarmak_iam.clusterfiles import ClusterFiles
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.document.boundary import Boundary
from tarmak_iam.effects import Loaded
from tarmak_iam.errors import ConfigError, EditRefused, TarmakIamError
from tarmak_iam.findings import Severity
from tarmak_iam.guards import losses
from tarmak_iam.hook.access import Access
from tarmak_iam.hook.cluster.changes import Applied, ApplyFailed, RollbackFailed, RolledBack
from tarmak_iam.hook.cluster.history import STATE_NAME
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.gate import findings_about
from tarmak_iam.hook.login.outcome import Outcome
from tarmak_iam.hook.steps import Steps
from tarmak_iam.hook.telling import Tell, silent
from tarmak_iam.installation import Installation
from tarmak_iam.lint import Located, Subjects
from tarmak_iam.setting_values import Rollback
from tarmak_iam.text import one_line

if TYPE_CHECKING:
    from tarmak_iam.hook.login.verify import Verified

__all__ = [
    "Access",
    "After",
    "AfterReport",
    "BeforeReport",
    "Outcome",
    "Stage",
    "after_apply",
    "before_apply",
    "is_concerned",
    "rollback_policy",
]


@dataclass(frozen=True, slots=True)
class BeforeReport:
    """`errors` and `refusal` are reasons not to start tarmak; `warnings` are none.

    `installation` is what `after_apply` is to apply, None where `tarmak clusters apply` changes nothing about the
    authenticator: the switch is off, or the cluster is a hub.
    """

    cluster_name: str
    installation: Installation | None = None
    findings: tuple[Located, ...] = ()
    refusal: str = ""
    """Who would be locked out, and what was found of the admin certificate; empty for nobody."""

    @property
    def errors(self) -> tuple[Located, ...]:
        return tuple(each for each in self.findings if each.finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Located, ...]:
        return tuple(each for each in self.findings if each.finding.severity is Severity.WARNING)

    @property
    def ok(self) -> bool:
        return not self.errors and not self.refusal


def is_concerned(cluster: Cluster) -> bool:
    """Whether `tarmak clusters apply` brings the switch to masters: it is on, and there are some."""
    return cluster.authenticator_init and not cluster.is_hub


def before_apply(
    config: TarmakConfig,
    cluster: Cluster | str,
    *,
    live: Callable[[Installation], Loaded | None] = lambda _: None,
    no_check: bool = False,
    follow_links: bool = False,
) -> BeforeReport:
    """What `check` finds about one cluster, and whether the change would lock everyone out.

    `config` was loaded from a file. `live` gives what the cluster gives now, None where that is not known; the
    last way into system:masters and the nodes' are guarded against it. `no_check`: only the installation is made.
    `follow_links` as in `ClusterFiles`. Raises TarmakIamError where there is no such cluster, or its files cannot be
    read.
    """
    chosen = config.cluster(cluster) if isinstance(cluster, str) else cluster
    if not is_concerned(chosen):
        return BeforeReport(chosen.cluster_name)
    subjects = Subjects.of_cluster(config, chosen, ClusterFiles.of(config, chosen, follow_links=follow_links))
    installation = subjects.installation
    assert installation is not None  # of_cluster makes it
    if no_check:
        return BeforeReport(chosen.cluster_name, installation)
    findings = findings_about(chosen, subjects)
    return BeforeReport(chosen.cluster_name, installation, findings, _refusal(installation, live(installation)))


def _refusal(installation: Installation, live: Loaded | None) -> str:
    after = Loaded.of(installation)
    failure = after.authenticator.failure
    if installation.mappings is None:
        lost = [f"{installation.cluster_id} has no mappings, so nobody could log in with IAM"]
    elif failure is not None:
        lost = [f"nobody could log in with IAM: authenticator {installation.daemon_version}: {failure.reason}"]
    elif not after.standings.grants:
        lost = ["nobody is mapped, so nobody could log in with IAM"]
    else:
        lost = [] if live is None else [*losses(live, after)]
    return one_line(f"{'; '.join(lost)}; {installation.way_in}") if lost else ""


class Stage(str, Enum):
    """How far `after_apply` came."""

    NOTHING = "nothing was applied"
    SOME = "some objects may have been applied"
    NOT_VERIFIED = "applied, not verified"
    FAILED = "applied, but the verification failed"
    VERIFIED = "applied and verified"
    UNDOING = "the rollback may be half done"
    KEPT = "not rolled back"
    UNDONE = "rolled back"

    def __str__(self) -> str:
        return self.value


_STAGES = {Outcome.VERIFIED: Stage.VERIFIED, Outcome.FAILED: Stage.FAILED}


@dataclass(frozen=True, slots=True)
class AfterReport:
    """`stage` says what state the cluster is in, `error` what stopped it, `verified` what the login came to.

    `applied` is what `apply` returned, `rolled_back` what `rollback` did; None for what did not come to its end.
    """

    cluster_name: str
    stage: Stage
    applied: Applied | None = None
    verified: Verified | None = None
    rolled_back: RolledBack | None = None
    error: TarmakIamError | None = None
    can_roll_back: bool = False
    """Whether something changed that is not verified, and what was there before is kept."""

    @property
    def ok(self) -> bool:
        return self.stage is Stage.VERIFIED

    @property
    def is_failure(self) -> bool:
        """Whether something went wrong, as against a login that nobody who is mapped has tried."""
        return self.error is not None or (self.verified is not None and self.verified.outcome is Outcome.FAILED)

    def is_to_roll_back(self, policy: Rollback) -> bool:
        return self.can_roll_back and (policy == "unverified" or (policy == "failure" and self.is_failure))

    @property
    def text(self) -> str:
        """One line: what state things are in, and why."""
        if isinstance(self.error, EditRefused):  # whose remedy is an option of `apply`
            why = self.error.what
        elif self.error is not None:
            why = str(self.error)
        else:
            why = self.verified.why if self.verified is not None else ""
        return one_line(f"{self.cluster_name}: {self.stage}{f': {why}' if why else ''}")


def after_apply(
    config: TarmakConfig,
    cluster: Cluster | str,
    access: Access,
    *,
    installation: Installation | None = None,
    rollback_on_failure: bool = False,
    rollback_unless_verified: bool = False,
    tell: Tell = silent,
    steps: Steps | None = None,
    follow_links: bool = False,
) -> AfterReport:
    """Applies an installation, and verifies a login.

    `rollback_on_failure` restores what was there before where apply or the login fails, `rollback_unless_verified` also
    where nobody who is mapped has logged in; without either the setting `rollback` of the cluster counts.
    `installation`: what `before_apply` checked; None for what the files say now. `tell` takes a line about what is
    going on; `follow_links` is as in `ClusterFiles`. What stops it is in the report; only the reading of the files
    raises TarmakIamError, also for a cluster that has nothing to be applied.
    """
    chosen = config.cluster(cluster) if isinstance(cluster, str) else cluster
    made = installation or before_apply(config, chosen, no_check=True, follow_links=follow_links).installation
    if made is None:
        raise ConfigError(
            "there is nothing to apply: the authenticator is off, or the cluster is a hub",
            remedy=f"switch it on: {config.command_line(chosen).tarmak_iam('enable')}",
        )
    after = After(made, access, steps or Steps(), tell, follow_links=follow_links)
    report = after.run()
    policy = rollback_policy(made, on_failure=rollback_on_failure, unless_verified=rollback_unless_verified)
    return after.roll_back(report) if report.is_to_roll_back(policy) else report


def rollback_policy(installation: Installation, *, on_failure: bool, unless_verified: bool) -> Rollback:
    """What is asked for, else what the settings of the cluster say."""
    if unless_verified:
        return "unverified"
    return "failure" if on_failure else installation.settings.rollback


@dataclass
class After:
    """One run of `after_apply`; `stage` tells the state of things also where it is interrupted."""

    installation: Installation
    access: Access
    steps: Steps
    tell: Tell = silent
    follow_links: bool = False
    stage: Stage = Stage.NOTHING
    is_kept: bool = False
    """Whether what was there before this run is kept: a `rollback` would else undo an earlier one."""
    _kubectl: Kubectl | None = field(default=None, init=False)

    def run(self) -> AfterReport:
        """What stops it is in the report."""
        applied = verified = None
        try:
            applied = self._apply()
            verified = self._verified()
        except TarmakIamError as error:
            return self._report(applied=applied, error=error)
        return self._report(applied=applied, verified=verified)

    def roll_back(self, report: AfterReport) -> AfterReport:
        """Restores what was there before a run that `can_roll_back`. What stops it is in the report."""
        self.stage, rolled_back, error = Stage.UNDOING, None, report.error
        try:
            rolled_back = self.steps.rollback(self._reached(), self._state_path, tell=self.tell, within=self._within)
            self.stage = Stage.UNDONE
        except TarmakIamError as failure:
            error = failure
            if not isinstance(failure, RollbackFailed):  # it has not begun
                self.stage = Stage.KEPT
        return replace(report, stage=self.stage, rolled_back=rolled_back, error=error, can_roll_back=False)

    def _apply(self) -> Applied:
        kubectl, path = self._reached(), self._state_path
        try:
            applied = self.steps.apply(
                self.installation, kubectl, path, tell=self.tell, begun=self._begun, within=self._within
            )
        except TarmakIamError as error:
            if isinstance(error, ApplyFailed):  # also where all that it did was to wait
                self.stage = Stage.SOME
            raise
        self.stage, self.is_kept = Stage.NOT_VERIFIED, applied.state is not None
        return applied

    def _tell(self, text: str) -> None:
        self.tell(text)  # another one for the rollback, maybe

    def _begun(self) -> None:
        self.stage, self.is_kept = Stage.SOME, True

    def _verified(self) -> Verified:
        verified = self.steps.verify(self.installation, self._reached(), tell=self.tell)
        self.stage = _STAGES.get(verified.outcome, Stage.NOT_VERIFIED)
        return verified

    def _reached(self) -> Kubectl:
        if self._kubectl is None:
            self._kubectl = self.access.kubectl(self.steps, self._told)
        return self._kubectl

    def _told(self, text: str) -> None:
        """To whoever listens then: the rollback has a `tell` of its own."""
        self.tell(text)

    @property
    def _home(self) -> Path:
        assert self.installation.home is not None  # before_apply takes only what is in files
        return self.installation.home

    @property
    def _within(self) -> Boundary:
        return Boundary(self._home.parent, self.follow_links)

    @property
    def _state_path(self) -> Path:
        return self._home / STATE_NAME

    def _report(
        self, applied: Applied | None, verified: Verified | None = None, error: TarmakIamError | None = None
    ) -> AfterReport:
        can_roll_back = self.is_kept and self.stage in (Stage.SOME, Stage.NOT_VERIFIED, Stage.FAILED)
        return AfterReport(
            self.installation.cluster_id, self.stage, applied, verified, error=error, can_roll_back=can_roll_back
        )
