"""The steps of `run` before and after `clusters apply` and the commands that rewrite tarmak.yaml."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from tarmak_iam.access.diff import Loaded
from tarmak_iam.cli.console import PREFIX, ExitCode, code_of_signal, error_sentences, is_terminal, note, progress
from tarmak_iam.cli.session import Session, cluster_locked
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.errors import EditRefused, PolicyRefused, TarmakIamError
from tarmak_iam.files.lock import file_lock, living_holder, lock_file_of
from tarmak_iam.hook.apply_hook import (
    AfterReport,
    ApplyHook,
    BeforeReport,
    Stage,
    before_apply,
    is_concerned,
    rollback_policy,
)
from tarmak_iam.hook.cluster.results import ObjectAction
from tarmak_iam.hook.connection import Access
from tarmak_iam.hook.programs import ClusterLock, Programs
from tarmak_iam.hook.tarmak import backup
from tarmak_iam.hook.tarmak.arguments import TarmakCall
from tarmak_iam.hook.tarmak.passthrough import Ended, pass_through, stops_raised, undisturbed
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation

_WAIT_SECONDS = 600
"""Long enough for a user to answer the questions of a wizard in another terminal."""


def run_rewriting(command: Sequence[str], path: Path, environment: Mapping[str, str]) -> int:
    """Returns the exit code; `path` is that of tarmak.yaml. Waits while another process edits the file, or runs a
    tarmak that rewrites it: the saved text must not be one that another tarmak has just written.

    Raises TarmakIamError, with tarmak not started, if the wait takes too long, or if the text cannot be saved: on a
    full disk tarmak would destroy the file as well.
    """
    with stops_raised(), contextlib.ExitStack() as stack:
        lock_file = lock_file_of(path)

        def busy(taker: str) -> str:
            return f"{living_holder(lock_file, taker)} is editing tarmak.yaml, or running a tarmak that rewrites it"

        def waiting(holder: str) -> None:
            note(f"waiting for up to {_WAIT_SECONDS // 60} minutes: {holder}; press Ctrl-C to stop waiting")

        try:
            held = stack.enter_context(file_lock(lock_file, busy, seconds=_WAIT_SECONDS, waiting=waiting))
        except KeyboardInterrupt as stop:
            note("interrupted: tarmak was not started, and nothing was changed")
            return code_of_signal(stop)
        for line in backup.recover(path, is_alone=held.problem is None):
            note(line)
        # Tarmak holds the lock too: if this process is killed, the saved text is needed until tarmak has ended.
        inherited = () if held.descriptor is None else (held.descriptor,)
        # The text of tarmak.yaml is saved, and restored whatever the result of tarmak.
        kept = backup.back_up(path)
        ended: Ended | None = None
        try:
            ended = pass_through(command, environment, inherited)
        finally:
            with undisturbed():
                report = backup.restore_backup(kept, finished=ended is not None and ended.exit_code == 0)
                for line in report.lines:
                    note(line)
        return ExitCode.ERROR if ended.code == ExitCode.OK and report.severity == "error" else ended.code


_NOTHING_APPLIED = "nothing will be applied"


def run_apply(
    command: tuple[str, ...], call: TarmakCall, environment: Mapping[str, str], session: Session, flags: dict[str, bool]
) -> int:
    """Returns the exit code. `session` and `flags` are the options of `run`; directory and cluster are those of
    tarmak's own arguments. Raises TarmakIamError, with tarmak not started, if the configuration cannot be read."""
    of_tarmak = Session(call.directory(environment), call.cluster_name, "chosen by tarmak")
    try:
        config = of_tarmak.config()
        cluster = of_tarmak.cluster(config)
    except TarmakIamError as error:
        if not flags["no_check"]:
            raise
        note(*error_sentences(error, then=_NOTHING_APPLIED))
        return pass_through(command, environment).code or ExitCode.ERROR
    if not is_concerned(cluster):
        return pass_through(command, environment).code
    with cluster_locked(config, cluster) as lock:
        return _RunAroundApply(command, call, environment, session, flags, config, cluster, lock).code()


@dataclass
class _RunAroundApply:
    """One apply. An interruption is answered with the current state."""

    command: tuple[str, ...]
    call: TarmakCall
    environment: Mapping[str, str]
    session: Session
    flags: Mapping[str, bool]
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
            return code_of_signal(stop)
        except TarmakIamError:
            raise
        except Exception:
            note(f"error: stopped: {self._state()}")
            raise

    def _code(self) -> int:
        no_check, follow_links = self.flags["no_check"], self.session.follow_links

        def live(installation: Installation) -> Loaded | None:
            """Raises FileError if a link leads to a kubeconfig outside of the cluster's directory."""
            if not self._access.is_given:
                files = ClusterFiles.of(self.config, self.cluster, follow_links=follow_links)
                files.within.resolve(files.kubeconfig_path)
            return self._access.live_access(installation)

        installation: Installation | None = None
        try:
            before = before_apply(self.config, self.cluster, live=live, no_check=no_check, follow_links=follow_links)
        except TarmakIamError as error:
            if not no_check:
                raise
            note(*error_sentences(error, then=_NOTHING_APPLIED))
        else:
            if not self._may_start(before):
                return ExitCode.FINDINGS
            installation = before.installation
        try:
            ended = pass_through(self.command, self.environment)
        finally:  # also for an interruption at its end
            self._is_tarmak_done = True
        if ended.code:
            note(f"tarmak ended with {ended.text}: nothing was applied to {self.cluster.cluster_name}")
            return ended.code
        if ended.asked is not None:
            note(f"interrupted: {self._state()}")
            return 128 + ended.asked
        return ExitCode.ERROR if installation is None else self._applied(installation)

    def _may_start(self, before: BeforeReport) -> bool:
        for finding in before.errors:
            note(str(finding))
        if before.refusal and not before.errors:
            note(f"error: {before.refusal}")
        if not before.ok:
            note("tarmak was not started, and nothing was changed; use --no-check to start it anyway")
            return False
        if count := len(before.warnings):
            what, them = ("1 warning", "it") if count == 1 else (f"{count} warnings", "them")
            note(f"{what}; run `{self._own('check')}` to see {them}")
        if shutil.which("kubectl", path=self.environment.get("PATH", os.defpath)) is None:
            note("warning: kubectl is not installed, so nothing can be applied after tarmak; put kubectl on the PATH")
        home = ClusterFiles.of(self.config, self.cluster).home
        if not can_be_written(home):
            reason = "the history for rollback cannot be saved, so nothing can be applied after tarmak"
            note(f"warning: {home}: the directory is not writable: {reason}; make it writable")
        return True

    def _applied(self, installation: Installation) -> int:
        self._hook = hook = ApplyHook(installation, self._access, follow_links=self.session.follow_links)
        with progress(note, PREFIX) as hook.tell:
            report = hook.run()
        if (applied := report.applied) is not None:  # None if it was not completed
            texts = [change.text for change in applied.changes if change.action is not ObjectAction.UNCHANGED]
            texts += [*(effect.text for effect in applied.effects), *(f"note: {text}" for text in applied.notes)]
            for text in texts:
                note(text)
        if report.ok:
            note(report.text)
            return ExitCode.OK
        severity, hint = ("error", installation.recovery_hint) if report.is_failure else ("warning", "")
        note(f"{severity}: {report.text}", hint)
        if report.is_failure and report.stage in (Stage.NOT_VERIFIED, Stage.FAILED) and not self.call.waits:
            note("note: tarmak does not wait for the masters: awsIAMAuthenticatorInit may take effect only later")
        code = ExitCode.FINDINGS if report.is_failure else ExitCode.NOT_VERIFIED
        if report.error is not None and not isinstance(report.error, (EditRefused, PolicyRefused)):
            code = ExitCode.ERROR
        if report.can_roll_back and self._wants_rollback(report, installation):
            with progress(note, PREFIX) as hook.tell:
                report = hook.roll_back(report)
            is_undone = report.stage is Stage.UNDONE
            note(f"warning: {report.text}" if is_undone else f"error: {report.text}; {self._state(report)}")
            # 4 means applied, which is no longer true
            return ExitCode.FINDINGS if code is ExitCode.NOT_VERIFIED else code
        note(self._state(report))
        return code

    def _wants_rollback(self, report: AfterReport, installation: Installation) -> bool:
        on_failure, unless_verified = (self.flags[f"rollback_{when}"] for when in ("on_failure", "unless_verified"))
        policy = rollback_policy(installation, on_failure=on_failure, unless_verified=unless_verified)
        if report.is_to_roll_back(policy):
            return True
        if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
            return False
        reason = "" if report.is_failure else "no mapped caller has logged in; "
        try:
            return click.confirm(f"{PREFIX}{reason}restore the previous objects?", default=False, err=True)
        except click.Abort:  # Ctrl-C or the end of the input
            note("", plain=True)
            return False

    def _state(self, report: AfterReport | None = None) -> str:
        """The current state, and what to do next; `report` if there is one."""
        if not self._is_tarmak_done:
            return "tarmak was not started, and nothing was changed"
        stage = self._hook.stage if self._hook else Stage.NOTHING
        verified = report.verified if report is not None else None
        verify = self._own("verify", *(verified.options if verified is not None else ()))
        apply, rollback = map(self._own, ("apply", "rollback"))
        if report is not None and isinstance(report.error, (EditRefused, PolicyRefused)):
            apply, rollback = f"{apply} --force", f"{rollback} --force"
        restore = f"`{rollback}` to restore the previous objects" if self._hook and self._hook.has_backup else ""
        or_restore = f", or {restore}" if restore else ""
        return {
            Stage.NOTHING: f"tarmak has finished, but nothing was applied; run `{apply}` to apply the objects",
            Stage.SOME: f"{Stage.SOME}; run `{apply}` to continue{or_restore}",
            Stage.NOT_VERIFIED: f"{Stage.NOT_VERIFIED}; run `{verify}` to verify a login{or_restore}",
            Stage.FAILED: f"{Stage.FAILED}; run `{verify}` to try again{or_restore}",
            Stage.UNDOING: f"{Stage.UNDOING}; run `{rollback}` to continue",
            Stage.KEPT: f"the objects are as `apply` left them{f'; run {restore}' if restore else ''}",
        }.get(stage, str(stage))

    def _own(self, command: str, *options: str) -> str:
        """A tarmak-iam command line for the same cluster."""
        access = () if command == "check" else self.session.access
        config = self.config
        with contextlib.suppress(TarmakIamError):  # another process may have set another current cluster meanwhile
            if config.path is not None and config.path.is_file():  # a named pipe would be waited for
                config = TarmakConfig.load(self.call.directory(self.environment))
        return config.command_line(self.cluster).tarmak_iam(command, *options, *access)

    @property
    def _access(self) -> Access:
        name, chosen = self.command[0], self.session
        tarmak = os.path.abspath(name) if os.sep in name else name  # the same program is asked for the kubeconfig
        programs, options = Programs(self.environment), self.call.access_options
        return Access(programs, chosen.kubeconfig, chosen.kube_context, options, tarmak, self.lock)


def can_be_written(directory: Path) -> bool:
    """Whether files can be created in the directory, which is created first if it does not exist."""
    existing = next(parent for parent in (directory, *directory.parents) if parent.exists())
    return os.access(existing, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
