"""The steps before and after `tarmak clusters apply`, as reports: check and lock-out before; apply, verify, roll
back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tarmak_iam.access.diff import Loaded
from tarmak_iam.access.lockout import losses
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.errors import ConfigError, EditRefused, PolicyRefused, TarmakIamError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.findings import Severity, Subject
from tarmak_iam.hook.cluster.history import STATE_NAME
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.results import Applied, ApplyFailed, RollbackFailed, RolledBack
from tarmak_iam.hook.connection import Access
from tarmak_iam.hook.login.review import LoginOutcome
from tarmak_iam.hook.programs import Progress, no_progress
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.setting_table import Rollback
from tarmak_iam.lint import Located, Subjects, all_rules, check
from tarmak_iam.text import PLAIN, TextEnum, one_line

if TYPE_CHECKING:
    from tarmak_iam.hook.login.verify import Verified


def findings_about(cluster: Cluster, subjects: Subjects) -> tuple[Located, ...]:
    """The findings of `check`, except for those about other clusters of the file, about currentCluster (the cluster is
    already chosen), and about this machine only."""
    elsewhere = {rule.id for rule in all_rules() if not rule.concerns_apply}

    def is_about(located: Located) -> bool:
        plain = located.finding.route.plain
        is_other = plain[:1] == ("clusters",) and plain[1:2] not in ((), (cluster.index,))
        return located.finding.subject is not Subject.CONFIG or not (plain[:1] == ("currentCluster",) or is_other)

    return tuple(located for located in check(subjects) if located.finding.id not in elsewhere and is_about(located))


def refuse_errors(cluster: Cluster, subjects: Subjects) -> None:
    """Raises ConfigError for the first finding that is an error."""
    errors = [located for located in findings_about(cluster, subjects) if located.finding.severity is Severity.ERROR]
    if not errors:
        return
    command_line = subjects.installation.command_line if subjects.installation else PLAIN
    first, more = errors[0], len(errors) - 1
    others = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
    what = f"{first.finding.text} [{first.finding.id}]{others}; nothing was changed"
    remedy = f"run `{command_line.tarmak_iam('check')}` to see all findings, or use --no-check to continue anyway"
    raise ConfigError(what, remedy=remedy, place=first.place)


@dataclass(frozen=True, slots=True)
class BeforeReport:
    """The result of `before_apply`. `errors` and `refusal` are reasons not to start tarmak; `warnings` are not.
    `installation` is what `after_apply` applies, None where tarmak changes nothing about the authenticator: it is off,
    or a hub."""

    cluster_name: str
    installation: Installation | None = None
    findings: tuple[Located, ...] = ()
    refusal: str = ""
    """Who would be locked out, and what is known of the admin certificate; empty if no caller would be."""

    @property
    def errors(self) -> tuple[Located, ...]:
        return tuple(located for located in self.findings if located.finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Located, ...]:
        return tuple(located for located in self.findings if located.finding.severity is Severity.WARNING)

    @property
    def ok(self) -> bool:
        return not self.errors and not self.refusal


def is_concerned(cluster: Cluster) -> bool:
    """Whether `tarmak clusters apply` rolls out awsIAMAuthenticatorInit: it is on, and the cluster has masters."""
    return cluster.authenticator_init and not cluster.is_hub


def before_apply(
    config: TarmakConfig,
    cluster: Cluster | str,
    *,
    live: Callable[[Installation], Loaded | None] = lambda _: None,
    no_check: bool = False,
    follow_links: bool = False,
) -> BeforeReport:
    """The findings of `check` about one cluster, and whether the change would lock out callers.

    `live` returns the access that the cluster grants now, None where that is unknown; a change that removes the last
    admin or the nodes' access is refused. `no_check`: only the installation is loaded. Raises TarmakIamError if the
    cluster does not exist, or its files cannot be read.
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
    return BeforeReport(chosen.cluster_name, installation, findings, _lockout(installation, live(installation)))


def _lockout(installation: Installation, live: Loaded | None) -> str:
    after = Loaded.of(installation)
    failure = after.authenticator.failure
    lost = [] if live is None else [*losses(live, after)]
    if installation.mappings is None:
        lost = [f"{installation.cluster_id} has no mappings, so IAM login would not be possible"]
    elif failure is not None:
        version = installation.daemon_version
        lost = [f"IAM login would not be possible: authenticator {version} would not start: {failure.reason}"]
    elif not after.standings.grants:
        lost = ["no principal is mapped, so IAM login would not be possible"]
    return one_line(f"{'; '.join(lost)}; {installation.recovery_hint}") if lost else ""


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
    """The result of `after_apply`: the state of the cluster (`stage`), and what stopped the run (`error`). `applied` is
    the result of `apply`, `verified` that of the test login, `rolled_back` that of `rollback`; None for a step that was
    not completed."""

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
        why = self.verified.why if self.verified is not None else ""
        if self.error is not None:  # the remedy of a refusal is an option of `apply`
            why = self.error.what if isinstance(self.error, (EditRefused, PolicyRefused)) else str(self.error)
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
    """Applies an installation, and verifies a login. `rollback_on_failure` restores the previous objects if apply or
    the login fails, `rollback_unless_verified` also if no mapped caller has logged in; without either, the setting
    `rollback` decides. `installation`: the one that `before_apply` checked; None to read the files again. Errors are in
    the report; only reading the files raises TarmakIamError, also for a cluster for which nothing is to be applied."""
    chosen = config.cluster(cluster) if isinstance(cluster, str) else cluster
    made = installation or before_apply(config, chosen, no_check=True, follow_links=follow_links).installation
    if made is None:
        what = "nothing to apply: awsIAMAuthenticatorInit is off, or the cluster is a hub"
        raise ConfigError(what, remedy=f"run `{config.command_line(chosen).tarmak_iam('enable')}`")
    after = ApplyHook(made, access, tell, follow_links=follow_links)
    report = after.run()
    policy = rollback_policy(made, on_failure=rollback_on_failure, unless_verified=rollback_unless_verified)
    return after.roll_back(report) if report.is_to_roll_back(policy) else report


def rollback_policy(installation: Installation, *, on_failure: bool, unless_verified: bool) -> Rollback:
    """The policy that the options request, else that of the cluster's settings."""
    return "unverified" if unless_verified else "failure" if on_failure else installation.settings.rollback


class ApplyHook:
    """One run of `after_apply`. `stage` is the current state, also after an interruption. `has_backup`: whether the
    objects before this run are saved; otherwise a `rollback` would undo an earlier run."""

    def __init__(
        self, installation: Installation, access: Access, tell: Progress = no_progress, *, follow_links: bool = False
    ) -> None:
        self.tell, self.stage, self.has_backup = tell, Stage.NOTHING, False
        self._installation, self._access = installation, access
        self._kubectl: Kubectl | None = None
        assert installation.home is not None  # before_apply accepts only a configuration from a file
        self._state, self._directory = installation.home / STATE_NAME, installation.home.parent
        self._within = Boundary(self._directory, follow_links)

    def run(self) -> AfterReport:
        """Applies and verifies. Errors are in the report."""
        from tarmak_iam.hook.cluster.apply import apply_to_cluster
        from tarmak_iam.hook.login.verify import verify_login

        report = AfterReport(self._installation.cluster_id, self.stage)
        try:
            made, state, kubectl, within = self._installation, self._state, self._connected(), self._within
            applied = apply_to_cluster(made, kubectl, state, tell=self.tell, begun=self._begun, within=within)
            self.stage, self.has_backup = Stage.NOT_VERIFIED, applied.state is not None
            report = replace(report, applied=applied)
            verified = verify_login(self._installation, kubectl, tell=self.tell)
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
            rolled_back = roll_back(self._connected(), self._state, tell=self.tell, within=self._within)
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
            access = self._access.of_cluster(self._installation.cluster_id, self._directory)
            self._kubectl = access.kubectl(lambda text: self.tell(text))  # noqa: PLW0108 # the rollback has its own
        return self._kubectl
