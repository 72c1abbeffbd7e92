"""What `run` does around `tarmak clusters apply`: before it, after it, and the account of what state things are in."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from tarmak_iam.cli.cluster_access import given_access
from tarmak_iam.cli.console import MARK, aside, aside_error, tell
from tarmak_iam.cli.exit_codes import NOT_VERIFIED
from tarmak_iam.cli.progress import progress
from tarmak_iam.cli.session import Session
from tarmak_iam.cli.terminal import is_terminal
from tarmak_iam.clusterfiles import ClusterFiles
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.effects import Loaded
from tarmak_iam.errors import EditRefused, TarmakIamError
from tarmak_iam.hook.access import Access
from tarmak_iam.hook.around import (
    After,
    AfterReport,
    BeforeReport,
    Stage,
    before_apply,
    is_concerned,
    rollback_policy,
)
from tarmak_iam.hook.cluster.changes import Action, Applied
from tarmak_iam.hook.lock import ClusterLock, cluster_lock, lock_path
from tarmak_iam.hook.processes import Programs
from tarmak_iam.hook.steps import Steps
from tarmak_iam.hook.tarmak.arguments import TarmakCall
from tarmak_iam.hook.tarmak.passing import Ended, pass_through, stops_raised, undisturbed
from tarmak_iam.installation import Installation

__all__ = ["Wishes", "apply_around"]

_AWAITED = (Stage.NOT_VERIFIED, Stage.FAILED)
_UNREAD = "nothing will be applied"


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of `run`."""

    no_check: bool = False
    rollback_on_failure: bool = False
    rollback_unless_verified: bool = False
    kubeconfig: Path | None = None
    context: str | None = None
    follow_links: bool = False


def apply_around(command: tuple[str, ...], call: TarmakCall, environment: Mapping[str, str], wishes: Wishes) -> int:
    """The exit code. Raises TarmakIamError, tarmak not started, where the configuration cannot be read."""
    session = Session(call.directory(environment), call.cluster_name, "as tarmak has it")
    try:
        config = session.config()
        cluster = session.cluster(config)
    except TarmakIamError as error:
        if not wishes.no_check:
            raise
        aside_error(error, then=_UNREAD)
        return _without(command, environment)
    if not is_concerned(cluster):
        return pass_through(command, environment).code
    assert config.path is not None  # it is loaded from a file
    with stops_raised(), cluster_lock(lock_path(config.path.parent, cluster.cluster_name)) as lock:
        if lock.problem is not None:
            aside(f"warning: {lock.problem}")
        return _Around(command, call, environment, wishes, config, cluster, lock).code()


def _without(command: tuple[str, ...], environment: Mapping[str, str]) -> int:
    return pass_through(command, environment).code or 2


@dataclass
class _Around:
    """One apply. Whoever interrupts it is told what state things are in."""

    command: tuple[str, ...]
    call: TarmakCall
    environment: Mapping[str, str]
    wishes: Wishes
    config: TarmakConfig
    cluster: Cluster
    lock: ClusterLock
    steps: Steps = field(default_factory=Steps)
    _is_tarmak_done: bool = False
    _after: After | None = None

    def code(self) -> int:
        try:
            return self._code()
        except KeyboardInterrupt as stop:
            with undisturbed():
                aside(f"interrupted: {self._state()}")
            return 128 + int(getattr(stop, "signum", signal.SIGINT))
        except TarmakIamError:
            raise
        except Exception:
            aside(f"stopped: {self._state()}")
            raise

    def _code(self) -> int:
        installation: Installation | None = None
        try:
            before = before_apply(
                self.config,
                self.cluster,
                live=self._look,
                no_check=self.wishes.no_check,
                follow_links=self.wishes.follow_links,
            )
        except TarmakIamError as error:
            if not self.wishes.no_check:
                raise
            aside_error(error, then=_UNREAD)
        else:
            if not self._may_start(before):
                return 1
            installation = before.installation
        try:
            ended = pass_through(self.command, self.environment)
        finally:  # whoever interrupts us as it ends too
            self._is_tarmak_done = True
        return self._passed_on(ended) or (2 if installation is None else self._applied(installation))

    def _look(self, installation: Installation) -> Loaded | None:
        """Raises FileError where a link leads to somebody else's kubeconfig."""
        if not self._access.is_given:
            files = ClusterFiles.of(self.config, self.cluster, follow_links=self.wishes.follow_links)
            files.within.resolve(files.kubeconfig_path)
        return self._access.look(installation, self.steps)

    def _may_start(self, before: BeforeReport) -> bool:
        for each in before.errors:
            aside(str(each))
        if before.refusal and not before.errors:
            aside(f"refused: {before.refusal}")
        if not before.ok:
            aside("tarmak was not started, and nothing was changed; --no-check starts it all the same")
            return False
        if before.warnings:
            many = len(before.warnings) > 1
            aside(f"{len(before.warnings)} warning{'s' if many else ''}, which `{self._own('check')}` shows")
        if shutil.which("kubectl", path=self.environment.get("PATH", os.defpath)) is None:
            aside("warning: kubectl is not installed, so nothing can be applied after tarmak; put kubectl on the PATH")
        return True

    def _passed_on(self, ended: Ended) -> int:
        """tarmak's code where it failed, that of the signal where somebody wanted it to stop; else 0."""
        if ended.code:
            aside(f"tarmak ended with {ended.text}: nothing was applied to {self.cluster.cluster_name}")
        elif ended.asked is not None:
            aside(f"interrupted: {self._state()}")
            return 128 + ended.asked
        return ended.code

    def _applied(self, installation: Installation) -> int:
        self._after = after = After(installation, self._access, self.steps, follow_links=self.wishes.follow_links)
        with progress(aside, MARK) as after.tell:
            report = after.run()
        _tell_changes(report.applied)
        if report.ok:
            aside(report.text)
            return 0
        self._tell_why(report, installation)
        code = _code_of(report)
        if report.can_roll_back and self._wants_rollback(report, installation):
            with progress(aside, MARK) as after.tell:
                report = after.roll_back(report)
            aside(report.text if report.stage is Stage.UNDONE else f"error: {report.text}; {self._state(report)}")
            return 1 if code == NOT_VERIFIED else code  # whoever takes 4 for done must not take this for it
        aside(self._state(report))
        return code

    def _tell_why(self, report: AfterReport, installation: Installation) -> None:
        aside(f"error: {report.text}; {installation.way_in}" if report.is_failure else report.text)
        if report.is_failure and report.stage in _AWAITED and not self.call.waits:
            aside("note: tarmak was told not to wait for the masters, which may take the switch in only later")

    def _wants_rollback(self, report: AfterReport, installation: Installation) -> bool:
        wishes = self.wishes
        policy = rollback_policy(
            installation, on_failure=wishes.rollback_on_failure, unless_verified=wishes.rollback_unless_verified
        )
        if report.is_to_roll_back(policy):
            return True
        if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
            return False
        reason = "" if report.is_failure else "nobody whom a mapping names has logged in; "
        try:
            return click.confirm(f"{MARK}{reason}restore what was there before?", default=False, err=True)
        except click.Abort:  # Ctrl-C or the end of the input
            tell("")
            return False

    def _state(self, report: AfterReport | None = None) -> str:
        """What state things are in, and what to do next; `report` where it came to its end."""
        if not self._is_tarmak_done:
            return "tarmak was not started, and nothing was changed"
        stage = self._after.stage if self._after else Stage.NOTHING
        verified = report.verified if report is not None else None
        verify = self._own("verify", *(verified.options if verified is not None else ()))
        apply, rollback = map(self._own, ("apply", "rollback"))
        if report is not None and isinstance(report.error, EditRefused):
            apply, rollback = f"{apply} --force", f"{rollback} --force"
        restores = f", `{rollback}` restores what was there before" if self._after and self._after.is_kept else ""
        return {
            Stage.NOTHING: f"tarmak is done, and nothing was applied; `{apply}` does that",
            Stage.SOME: f"{Stage.SOME}; `{apply}` goes on{restores}",
            Stage.NOT_VERIFIED: f"{Stage.NOT_VERIFIED}; `{verify}` logs in{restores}",
            Stage.FAILED: f"{Stage.FAILED}; `{verify}` logs in again{restores}",
            Stage.UNDOING: f"{Stage.UNDOING}; `{rollback}` goes on",
            Stage.KEPT: f"the objects are as `apply` left them{restores}",
        }.get(stage, str(stage))

    def _own(self, command: str, *options: str) -> str:
        """A command line of ours for the same cluster."""
        access = () if command == "check" else given_access(self.wishes.kubeconfig, self.wishes.context)
        return self.config.command_line(self.cluster).tarmak_iam(command, *options, *access)

    @property
    def _access(self) -> Access:
        name, wishes = self.command[0], self.wishes
        tarmak = os.path.abspath(name) if os.sep in name else name  # the same one is asked for the kubeconfig
        programs, options = Programs(self.environment), self.call.access_options
        return Access(programs, wishes.kubeconfig, wishes.context, options, tarmak, self.lock)


def _code_of(report: AfterReport) -> int:
    """Of a report that is not ok."""
    if report.error is not None:
        return 1 if isinstance(report.error, EditRefused) else 2
    return 1 if report.is_failure else NOT_VERIFIED


def _tell_changes(applied: Applied | None) -> None:
    """Of what `apply` returned, None where it did not come to its end."""
    if applied is None:
        return
    for change in applied.changes:
        if change.action is not Action.UNCHANGED:
            aside(change.text)
    for effect in applied.effects:
        aside(effect.text)
    for text in applied.notes:
        aside(f"note: {text}")
