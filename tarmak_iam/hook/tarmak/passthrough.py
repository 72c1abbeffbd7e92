"""Runs another program in our place: it has the terminal, gets every signal once, and we wait for it."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.errors import ToolError

_LOGGER = logging.getLogger(__name__)

# The terminal sends the first two to all processes in the foreground, also to the program. A supervisor may send any of
# them only to us, and then we forward it.
_FORWARDED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)

# Signals with which the terminal or the program itself stops it. SIGSTOP is meant for that one process only.
_JOB_CONTROL = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)

# If the terminal stopped and continued both processes, the report of the stop may arrive after the continuation.
_SETTLED = 0.05

# How long to wait for a signal before the state of the program is checked anyway.
_LOOK_SECONDS = 1.0

# One signal reaches all of a group within microseconds; timeout(1) signals its child first, and then the group.
_GROUP_SECONDS = 0.2


class ProcessGroupProbe:
    """An idle process in our process group: a signal to the whole group ends it, a signal to one process does not.

    Without it, the program would get Ctrl-C twice, once from the terminal and once from us, and tarmak aborts
    immediately at the second one.
    """

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[ProcessGroupProbe]:
        probe = cls()
        probe._start()
        try:
            yield probe
        finally:
            os.close(probe._line)
            os.kill(probe._pid, signal.SIGKILL)
            os.waitpid(probe._pid, 0)

    def was_signalled(self) -> bool:
        """Whether the signal that we just got was sent to the whole group."""
        deadline = time.monotonic() + _GROUP_SECONDS
        while os.waitpid(self._pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        os.close(self._line)
        self._start()  # for the next signal
        return True

    def _start(self) -> None:
        end, self._line = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _run_probe(end, self._line)
        os.close(end)


def _run_probe(end: int, line: int) -> None:
    """Runs until a signal, or until the other end of the pipe is closed because the parent was killed."""
    try:
        for signum in _FORWARDED:
            if signal.getsignal(signum) is not signal.SIG_IGN:  # as under nohup
                signal.signal(signum, lambda *_: os._exit(0))  # the default for SIGQUIT leaves a core file
        os.close(line)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
        os.read(end, 1)
    finally:
        os._exit(0)


class ProgramNotStarted(ToolError):
    """The program does not exist (`is_missing`), or cannot be run."""

    def __init__(self, what: str, *, remedy: str = "", is_missing: bool = False) -> None:
        super().__init__(what, remedy=remedy)
        self.is_missing = is_missing


class Stopped(KeyboardInterrupt):
    """A signal other than that of Ctrl-C asks this process to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


@dataclass(frozen=True, slots=True)
class Ended:
    """`exit_code` is that of the program, None if a `signal` ended it. `asked`: the last signal that asked the program
    or this process to end while it ran."""

    exit_code: int | None
    signal: int | None = None
    asked: int | None = None

    @property
    def code(self) -> int:
        """As in a shell: 128 plus the number of the signal."""
        return 128 + (self.signal or 0) if self.exit_code is None else self.exit_code

    @property
    def text(self) -> str:
        """As in `exit code 1`, or `SIGKILL`."""
        if self.exit_code is not None:
            return f"exit code {self.exit_code}"
        names = {signum.value: signum.name for signum in signal.Signals}
        return names.get(self.signal or 0, f"signal {self.signal}")  # a real-time signal has no name


def pass_through(command: Sequence[str], environment: Mapping[str, str], inherited: Sequence[int] = ()) -> Ended:
    """Runs a command with our input, output, terminal and process group, and waits for it. `inherited`: file
    descriptors of ours that it keeps open, such as that of a lock.

    SIGINT, SIGQUIT, SIGTERM and SIGHUP are forwarded to it unless it got them itself, as from Ctrl-C. If it stops, we
    stop. For the main thread only. Raises ProgramNotStarted.
    """
    program = _found(command[0], environment)
    _LOGGER.info("run: %s", shlex.join((program, *command[1:])))
    heard = [signum for signum in _FORWARDED if signal.getsignal(signum) is not signal.SIG_IGN]
    with _children_heard_of(), _held((*heard, signal.SIGCHLD)) as before, ProcessGroupProbe.running() as probe:

        def as_found() -> None:
            for descriptor in inherited:
                os.set_inheritable(descriptor, True)
            for signum in heard:
                signal.signal(signum, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

        try:
            process = subprocess.Popen(
                command,
                executable=program,
                env=environment,
                close_fds=False,
                preexec_fn=as_found,  # noqa: PLW1509
            )
        except OSError as error:
            raise ProgramNotStarted(f"{command[0]} cannot be run: {error.strerror}") from None
        ended = _ChildWait(process.pid, probe, {*heard, signal.SIGCHLD}).ended()
        process.returncode = ended.code  # it was already waited for
        return ended


@contextlib.contextmanager
def stops_raised() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP raise Stopped, as Ctrl-C raises KeyboardInterrupt, so that the state can be reported.
    Has no effect outside of the main thread, which alone receives signals."""

    def stop(signum: int, _: object) -> None:
        raise Stopped(signum)

    is_main = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGTERM, signal.SIGHUP)
    unhandled = [signum for signum in signals if is_main and signal.getsignal(signum) is signal.SIG_DFL]
    for signum in unhandled:
        signal.signal(signum, stop)
    try:
        yield
    finally:
        for signum in unhandled:
            signal.signal(signum, signal.SIG_DFL)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Blocks signals that would end this process, during work that must not be interrupted."""
    with _held(_FORWARDED):
        yield


class _ChildWait:
    """Waits for one program, with signals blocked so that none is lost between two checks of its state."""

    def __init__(self, pid: int, probe: ProcessGroupProbe, watched: set[signal.Signals]) -> None:
        self._pid, self._probe, self._watched = pid, probe, watched
        self._asked: int | None = None
        self._status: int | None = None

    def ended(self) -> Ended:
        self._look()  # it may have ended already
        while self._status is None:
            got = _waited_for(self._watched)
            if got is not None:
                self._note(got)
            if got in _FORWARDED and not self._probe.was_signalled():
                self._send(got)
            elif got in _FORWARDED:
                self._drain(_FORWARDED)  # signals that arrived together with it, also for the group
            self._look()
        self._drain(self._watched)
        code = os.waitstatus_to_exitcode(self._status)
        return Ended(code, None, self._asked) if code >= 0 else Ended(None, -code, self._asked)

    def _drain(self, signals: Iterable[int]) -> None:
        while late := self._watched.intersection(signals) & signal.sigpending():
            self._note(signal.sigwait(late))

    def _note(self, got: int) -> None:
        if got != signal.SIGCHLD:
            self._asked = int(got)

    def _look(self) -> None:
        status = self._changed()
        while status is not None:
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                self._status = status
                return
            is_stopped = os.WIFSTOPPED(status) and os.WSTOPSIG(status) in _JOB_CONTROL
            status = self._stopped(os.WSTOPSIG(status)) if is_stopped else self._changed()

    def _stopped(self, signum: int) -> int | None:
        """Stops us too, so that the shell gets its terminal back, until we are continued. Returns the next change."""
        time.sleep(_SETTLED)
        then = self._changed()
        if then is not None:
            return then
        os.kill(os.getpid(), signum)
        then = self._changed()
        if then is None:  # only we were continued
            self._send(signal.SIGCONT)
        return then

    def _changed(self) -> int | None:
        """The next change of its state."""
        pid, status = os.waitpid(self._pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
        return status if pid else None

    def _send(self, signum: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signum)


def _waited_for(signals: set[signal.Signals]) -> int | None:
    """The next of the signals; None if none arrived within a second. In a process with several threads, another thread
    that does not block the signal may receive it: therefore never wait for a signal without a limit."""
    if not hasattr(signal, "sigtimedwait"):  # macOS
        return signal.sigwait(signals)
    got = signal.sigtimedwait(signals, _LOOK_SECONDS)
    return None if got is None else got.si_signo


@contextlib.contextmanager
def _held(signals: Sequence[signal.Signals]) -> Iterator[set[signal.Signals]]:
    """Blocks signals within; yields the previous mask."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield {signal.Signals(signum) for signum in mask}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextlib.contextmanager
def _children_heard_of() -> Iterator[None]:
    """If SIGCHLD is ignored, a process cannot wait for a child; if it has no handler, macOS drops a blocked one. A
    handler is set only on macOS: Python prints an error for a signal whose handler was removed before its call."""
    before = signal.getsignal(signal.SIGCHLD)
    if not hasattr(signal, "sigtimedwait"):
        signal.signal(signal.SIGCHLD, lambda *_: None)
    elif before is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    else:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)


def _found(name: str, environment: Mapping[str, str]) -> str:
    """Where execvp would find it. Raises ProgramNotStarted."""
    path = environment.get("PATH", os.defpath)
    program = shutil.which(name, path=path)
    if program is not None:
        return program
    is_path = os.sep in name
    places = [Path(name)] if is_path else [Path(directory or ".") / name for directory in path.split(os.pathsep)]
    if any(place.is_file() for place in places):
        raise ProgramNotStarted(f"{name} cannot be run", remedy="check its permissions")
    if is_path:
        raise ProgramNotStarted(f"{name} does not exist", remedy="check the path", is_missing=True)
    raise ProgramNotStarted(f"{name} is not installed", remedy=f"put {name} on the PATH", is_missing=True)
