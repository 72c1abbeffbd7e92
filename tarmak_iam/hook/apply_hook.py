"""The steps after `tarmak clusters apply`, as reports: apply, verify, roll back. Nothing is printed here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.errors import ConfigError, EditRefused, PolicyRefused, TarmakIamError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.hook.cluster.history import STATE_NAME
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.results import Applied, ApplyFailed, RollbackFailed, RolledBack
from tarmak_iam.hook.connection import Access
from tarmak_iam.hook.login.review import LoginOutcome
from tarmak_iam.hook.preflight import before_apply
from tarmak_iam.hook.programs import Progress, no_progress
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.setting_table import Rollback
from tarmak_iam.text import TextEnum, one_line

if TYPE_CHECKING:
    from tarmak_iam.hook.login.verify import Verified


class Stage(TextEnum):
    """The state that `after_apply` reached."""

    NOTHING = "nothing was applied"
    SOME = "some objects may have been applied"
    NOT_VERIFIED = "applied, not verified"
    FAILED = "applied, but the verification failed"
    VERIFIED = "applied and verified"
    UNDOING = "the rollback may be incomplete"
    KEPT = "not rolled back"
    UNDONE = "rolled back"


@dataclass(frozen=True, slots=True)
class AfterReport:
    """The result of `after_apply`.

    `stage`: the state of the cluster. `error`: what stopped the run. `verified`: the result of the test login.

    `applied` is the result of `apply`, `rolled_back` that of `rollback`; None for a step that was not completed.
    """

    cluster_name: str
    stage: Stage
    applied: Applied | None = None
    verified: Verified | None = None
    rolled_back: RolledBack | None = None
    error: TarmakIamError | None = None
    can_roll_back: bool = False
    """Whether a change was made that is not verified, and the previous objects are saved."""

    @property
    def ok(self) -> bool:
        return self.stage is Stage.VERIFIED

    @property
    def is_failure(self) -> bool:
        """Whether a step failed, in contrast to a login that was not tried as a mapped caller."""
        return self.error is not None or (self.verified is not None and self.verified.outcome is LoginOutcome.FAILED)

    def is_to_roll_back(self, policy: Rollback) -> bool:
        """Whether the setting `rollback` with this value restores the previous objects now."""
        return self.can_roll_back and (policy == "unverified" or (policy == "failure" and self.is_failure))

    @property
    def text(self) -> str:
        """One line: the state, and why."""
        if isinstance(self.error, (EditRefused, PolicyRefused)):  # the remedy is an option of `apply`
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
    tell: Progress = no_progress,
    follow_links: bool = False,
) -> AfterReport:
    """Applies an installation, and verifies a login.

    `rollback_on_failure` restores the previous objects if apply or the login fails, `rollback_unless_verified` also if
    no mapped caller has logged in. Without either, the setting `rollback` of the cluster is used. `installation`: the
    one that `before_apply` checked; None to read the files again. `tell` is called with lines about the progress;
    `follow_links` as in `ClusterFiles`. Errors are in the report; only reading the files raises TarmakIamError, also
    for a cluster for which nothing is to be applied.
    """
    chosen = config.cluster(cluster) if isinstance(cluster, str) else cluster
    made = installation or before_apply(config, chosen, no_check=True, follow_links=follow_links).installation
    if made is None:
        raise ConfigError(
            "nothing to apply: awsIAMAuthenticatorInit is off, or the cluster is a hub",
            remedy=f"run `{config.command_line(chosen).tarmak_iam('enable')}`",
        )
    after = ApplyHook(made, access, tell, follow_links=follow_links)
    report = after.run()
    policy = rollback_policy(made, on_failure=rollback_on_failure, unless_verified=rollback_unless_verified)
    return after.roll_back(report) if report.is_to_roll_back(policy) else report


def rollback_policy(installation: Installation, *, on_failure: bool, unless_verified: bool) -> Rollback:
    """The policy that the options request, else that of the cluster's settings."""
    if unless_verified:
        return "unverified"
    return "failure" if on_failure else installation.settings.rollback


@dataclass
class ApplyHook:
    """One run of `after_apply`. `stage` is the current state, also after an interruption."""

    installation: Installation
    access: Access
    tell: Progress = no_progress
    follow_links: bool = False
    stage: Stage = Stage.NOTHING
    has_backup: bool = False
    """Whether the objects before this run are saved: otherwise a `rollback` would undo an earlier run."""
    _kubectl: Kubectl | None = field(default=None, init=False)

    def run(self) -> AfterReport:
        """Applies and verifies. Errors are in the report."""
        from tarmak_iam.hook.cluster.apply import apply_to_cluster
        from tarmak_iam.hook.login.verify import verify_login

        report = AfterReport(self.installation.cluster_id, self.stage)
        try:
            kubectl, path = self._connected(), self._state_path
            applied = apply_to_cluster(
                self.installation, kubectl, path, tell=self.tell, begun=self._begun, within=self._within
            )
            self.stage, self.has_backup = Stage.NOT_VERIFIED, applied.state is not None
            report = replace(report, applied=applied)
            verified = verify_login(self.installation, kubectl, tell=self.tell)
            stages = {LoginOutcome.VERIFIED: Stage.VERIFIED, LoginOutcome.FAILED: Stage.FAILED}
            self.stage = stages.get(verified.outcome, Stage.NOT_VERIFIED)
            report = replace(report, verified=verified)
        except TarmakIamError as error:
            if isinstance(error, ApplyFailed):  # also if it only waited
                self.stage = Stage.SOME
            report = replace(report, error=error)
        can_roll_back = self.has_backup and self.stage in (Stage.SOME, Stage.NOT_VERIFIED, Stage.FAILED)
        return replace(report, stage=self.stage, can_roll_back=can_roll_back)

    def roll_back(self, report: AfterReport) -> AfterReport:
        """Restores the objects from before a run that `can_roll_back`. Errors are in the report."""
        from tarmak_iam.hook.cluster.rollback import roll_back

        self.stage, rolled_back, error = Stage.UNDOING, None, report.error
        try:
            rolled_back = roll_back(self._connected(), self._state_path, tell=self.tell, within=self._within)
            self.stage = Stage.UNDONE
        except TarmakIamError as failure:
            error = failure
            if not isinstance(failure, RollbackFailed):  # nothing was changed
                self.stage = Stage.KEPT
        return replace(report, stage=self.stage, rolled_back=rolled_back, error=error, can_roll_back=False)

    def _begun(self) -> None:
        self.stage, self.has_backup = Stage.SOME, True

    def _connected(self) -> Kubectl:
        if self._kubectl is None:
            access = self.access.of_cluster(self.installation.cluster_id, self._home.parent)
            self._kubectl = access.kubectl(self._progress)
        return self._kubectl

    def _progress(self, text: str) -> None:
        """Calls the current `tell`: the rollback has its own."""
        self.tell(text)

    @property
    def _home(self) -> Path:
        assert self.installation.home is not None  # before_apply accepts only a configuration from a file
        return self.installation.home

    @property
    def _within(self) -> Boundary:
        return Boundary(self._home.parent, self.follow_links)

    @property
    def _state_path(self) -> Path:
        return self._home / STATE_NAME
