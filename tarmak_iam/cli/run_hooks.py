"""What `run` does around `clusters apply`, and around the commands that rewrite tarmak.yaml."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from tarmak_iam.access.diff import Loaded
from tarmak_iam.cli.console import PREFIX, error_line, is_terminal, note, progress
from tarmak_iam.cli.exit_codes import ExitCode, code_of_signal
from tarmak_iam.cli.options import given_access
from tarmak_iam.cli.session import Session
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.document.file_lock import file_lock, lock_file_of
from tarmak_iam.errors import EditRefused, PolicyRefused, TarmakIamError
from tarmak_iam.hook.apply_hook import AfterReport, ApplyHook, Stage, rollback_policy
from tarmak_iam.hook.cluster.history import Applied, ObjectAction
from tarmak_iam.hook.connection import Access
from tarmak_iam.hook.lock import ClusterLock, cluster_lock, lock_path
from tarmak_iam.hook.preflight import BeforeReport, before_apply, is_concerned
from tarmak_iam.hook.programs import Programs
from tarmak_iam.hook.tarmak import backup
from tarmak_iam.hook.tarmak.arguments import TarmakCall
from tarmak_iam.hook.tarmak.passthrough import Ended, pass_through, stops_raised, undisturbed
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation

_WAIT_SECONDS = 600
"""A wizard asks questions, and takes as long as it takes to answer them."""


def run_rewriting(command: Sequence[str], path: Path, environment: Mapping[str, str]) -> int:
    """The exit code; `path` is that of tarmak.yaml. Waits for whoever else edits the file, or runs a tarmak that does:
    the text that is kept must not be one that another tarmak has just written.

    Raises TarmakIamError, tarmak not started, where the turn does not come, or where the text cannot be kept: a disk
    that is full would take the file as well.
    """
    with stops_raised(), contextlib.ExitStack() as stack:
        lock = file_lock(lock_file_of(path), _busy, seconds=_WAIT_SECONDS, waiting=_note_waiting)
        try:
            held = stack.enter_context(lock)
        except KeyboardInterrupt as stop:
            note("interrupted: tarmak was not started, and nothing was changed")
            return code_of_signal(getattr(stop, "signum", signal.SIGINT))
        for line in backup.recover(path, is_alone=held.problem is None):
            note(line)
        return _run_with_backup(command, path, environment)


def _busy(holder: str) -> str:
    return f"{holder} is editing tarmak.yaml, or running a tarmak that rewrites it"


def _note_waiting(busy: str) -> None:
    note(f"waiting for up to {_WAIT_SECONDS // 60} minutes: {busy}; Ctrl-C ends the waiting")


def _run_with_backup(command: Sequence[str], path: Path, environment: Mapping[str, str]) -> int:
    """Keeps the text of tarmak.yaml, and puts it back whatever becomes of tarmak."""
    kept = backup.back_up(path, spare=Path(tempfile.gettempdir()))
    ended: Ended | None = None
    try:
        ended = pass_through(command, environment)
    finally:
        with undisturbed():
            report = backup.restore_backup(kept, finished=ended is not None and ended.exit_code == 0)
            for line in report.lines:
                note(line)
    return ExitCode.ERROR if ended.code == ExitCode.OK and report.severity == "error" else ended.code


_LOGIN_STAGES = (Stage.NOT_VERIFIED, Stage.FAILED)

_NOTHING_APPLIED = "nothing will be applied"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of `run`."""

    no_check: bool = False
    rollback_on_failure: bool = False
    rollback_unless_verified: bool = False
    kubeconfig: Path | None = None
    context: str | None = None
    follow_links: bool = False


def run_apply(command: tuple[str, ...], call: TarmakCall, environment: Mapping[str, str], wishes: RunOptions) -> int:
    """The exit code. Raises TarmakIamError, tarmak not started, where the configuration cannot be read."""
    session = Session(call.directory(environment), call.cluster_name, "as tarmak has it")
    try:
        config = session.config()
        cluster = session.cluster(config)
    except TarmakIamError as error:
        if not wishes.no_check:
            raise
        note(error_line(error, then=_NOTHING_APPLIED))
        return _run_without_apply(command, environment)
    if not is_concerned(cluster):
        return pass_through(command, environment).code
    assert config.path is not None  # it is loaded from a file
    with stops_raised(), cluster_lock(lock_path(config.path.parent, cluster.cluster_name)) as lock:
        if lock.problem is not None:
            note(f"warning: {lock.problem}")
        return _RunAroundApply(command, call, environment, wishes, config, cluster, lock).code()


def _run_without_apply(command: tuple[str, ...], environment: Mapping[str, str]) -> int:
    return pass_through(command, environment).code or ExitCode.ERROR


@dataclass
class _RunAroundApply:
    """One apply. Whoever interrupts it is told what state things are in."""

    command: tuple[str, ...]
    call: TarmakCall
    environment: Mapping[str, str]
    wishes: RunOptions
    config: TarmakConfig
    cluster: Cluster
    lock: ClusterLock
    _is_tarmak_done: bool = False
    _hook: ApplyHook | None = None

    def code(self) -> int:
        try:
            return self._code()
        except KeyboardInterrupt as stop:
            with undisturbed():
                note(f"interrupted: {self._state()}")
            return code_of_signal(getattr(stop, "signum", signal.SIGINT))
        except TarmakIamError:
            raise
        except Exception:
            note(f"stopped: {self._state()}")
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
            note(error_line(error, then=_NOTHING_APPLIED))
        else:
            if not self._may_start(before):
                return ExitCode.FINDINGS
            installation = before.installation
        try:
            ended = pass_through(self.command, self.environment)
        finally:  # whoever interrupts us as it ends too
            self._is_tarmak_done = True
        return self._passed_on(ended) or (ExitCode.ERROR if installation is None else self._applied(installation))

    def _look(self, installation: Installation) -> Loaded | None:
        """Raises FileError where a link leads to somebody else's kubeconfig."""
        if not self._access.is_given:
            files = ClusterFiles.of(self.config, self.cluster, follow_links=self.wishes.follow_links)
            files.within.resolve(files.kubeconfig_path)
        return self._access.live_access(installation)

    def _may_start(self, before: BeforeReport) -> bool:
        for each in before.errors:
            note(str(each))
        if before.refusal and not before.errors:
            note(f"refused: {before.refusal}")
        if not before.ok:
            note("tarmak was not started, and nothing was changed; --no-check starts it all the same")
            return False
        if before.warnings:
            many = len(before.warnings) > 1
            note(f"{len(before.warnings)} warning{'s' if many else ''}, which `{self._own('check')}` shows")
        if shutil.which("kubectl", path=self.environment.get("PATH", os.defpath)) is None:
            note("warning: kubectl is not installed, so nothing can be applied after tarmak; put kubectl on the PATH")
        return True

    def _passed_on(self, ended: Ended) -> int:
        """tarmak's code where it failed, that of the signal where somebody wanted it to stop; else 0."""
        if ended.code:
            note(f"tarmak ended with {ended.text}: nothing was applied to {self.cluster.cluster_name}")
        elif ended.asked is not None:
            note(f"interrupted: {self._state()}")
            return code_of_signal(ended.asked)
        return ended.code

    def _applied(self, installation: Installation) -> int:
        self._hook = hook = ApplyHook(installation, self._access, follow_links=self.wishes.follow_links)
        with progress(note, PREFIX) as hook.tell:
            report = hook.run()
        _print_changes(report.applied)
        if report.ok:
            note(report.text)
            return ExitCode.OK
        self._tell_why(report, installation)
        code = _code_of(report)
        if report.can_roll_back and self._wants_rollback(report, installation):
            with progress(note, PREFIX) as hook.tell:
                report = hook.roll_back(report)
            note(report.text if report.stage is Stage.UNDONE else f"error: {report.text}; {self._state(report)}")
            # whoever takes 4 for done must not take this for it
            return ExitCode.FINDINGS if code is ExitCode.NOT_VERIFIED else code
        note(self._state(report))
        return code

    def _tell_why(self, report: AfterReport, installation: Installation) -> None:
        note(f"error: {report.text}; {installation.recovery_hint}" if report.is_failure else report.text)
        if report.is_failure and report.stage in _LOGIN_STAGES and not self.call.waits:
            note("note: tarmak was told not to wait for the masters, which may take the switch in only later")

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
            return click.confirm(f"{PREFIX}{reason}restore what was there before?", default=False, err=True)
        except click.Abort:  # Ctrl-C or the end of the input
            note("", plain=True)
            return False

    def _state(self, report: AfterReport | None = None) -> str:
        """What state things are in, and what to do next; `report` where it came to its end."""
        if not self._is_tarmak_done:
            return "tarmak was not started, and nothing was changed"
        stage = self._hook.stage if self._hook else Stage.NOTHING
        verified = report.verified if report is not None else None
        verify = self._own("verify", *(verified.options if verified is not None else ()))
        apply, rollback = map(self._own, ("apply", "rollback"))
        if report is not None and isinstance(report.error, (EditRefused, PolicyRefused)):
            apply, rollback = f"{apply} --force", f"{rollback} --force"
        restores = f", `{rollback}` restores what was there before" if self._hook and self._hook.has_backup else ""
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


def _code_of(report: AfterReport) -> ExitCode:
    """Of a report that is not ok."""
    if report.error is not None and not isinstance(report.error, (EditRefused, PolicyRefused)):
        return ExitCode.ERROR
    return ExitCode.FINDINGS if report.is_failure else ExitCode.NOT_VERIFIED


def _print_changes(applied: Applied | None) -> None:
    """Of what `apply` returned, None where it did not come to its end."""
    if applied is None:
        return
    for change in applied.changes:
        if change.action is not ObjectAction.UNCHANGED:
            note(change.text)
    for effect in applied.effects:
        note(effect.text)
    for text in applied.notes:
        note(f"note: {text}")
