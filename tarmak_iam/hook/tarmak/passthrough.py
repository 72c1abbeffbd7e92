"""Another program in our place: it has the terminal, every signal reaches it once, and we wait for it."""

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

_ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)


# Between the deliveries of one signal to a group there are microseconds; timeout(1) signals its child, and then all.
_GROUP_SECONDS = 0.2


class ProcessGroupProbe:
    """A process of our group that does nothing: what is sent to all of us ends it, what is sent to one does not.

    Without it a program beside us would get Ctrl-C twice where the whole group gets it, once from us, and tarmak
    takes the second one as the order to drop everything.
    """

    def __init__(self) -> None:
        self._start()

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[ProcessGroupProbe]:
        probe = cls()
        try:
            yield probe
        finally:
            probe._stop()

    def was_signalled(self) -> bool:
        """Whether one of these signals, which we just got, was for the whole group."""
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

    def _stop(self) -> None:
        os.close(self._line)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _run_probe(end: int, line: int) -> None:
    """Until a signal, or until nobody holds the other end of the pipe any more: we were killed."""
    try:
        for each in _ENDING:
            if signal.getsignal(each) is not signal.SIG_IGN:  # as under nohup
                signal.signal(each, lambda *_: os._exit(0))  # the default for SIGQUIT leaves a core file
        os.close(line)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        os.read(end, 1)
    finally:
        os._exit(0)


_LOGGER = logging.getLogger(__name__)


# The terminal sends the first two to everybody in the foreground, and the program has its own. A supervisor sends
# any of them to us alone, and then it is the program's.
_FORWARDED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)

_WITHOUT_PYTHONS_OWN = (signal.SIGTERM, signal.SIGHUP)


# What the terminal, or the program itself, stops it with. SIGSTOP is somebody's who wants this one process stopped.
_JOB_CONTROL = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


# Where the terminal stopped and continued us both, the news of its stop may come when that is over already.
_SETTLED = 0.05


# How long to wait for a signal before the program is looked at without one.
_LOOK_SECONDS = 1.0


class ProgramNotStarted(ToolError):
    """The program is not there (`is_missing`), or cannot be run."""

    def __init__(self, what: str, *, remedy: str = "", is_missing: bool = False) -> None:
        super().__init__(what, remedy=remedy)
        self.is_missing = is_missing


class Stopped(KeyboardInterrupt):
    """Somebody wants us to end, by a signal other than Ctrl-C's."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


@dataclass(frozen=True, slots=True)
class Ended:
    """`exit_code` is the program's own, None where a `signal` ended it. `asked`: the last signal that asked it, or
    us, to end while it ran."""

    exit_code: int | None
    signal: int | None = None
    asked: int | None = None

    @property
    def code(self) -> int:
        """As a shell has it: 128 and the number of the signal."""
        return 128 + (self.signal or 0) if self.exit_code is None else self.exit_code

    @property
    def text(self) -> str:
        """As in `exit code 1`, or `SIGKILL`."""
        return f"exit code {self.exit_code}" if self.exit_code is not None else _name(self.signal or 0)


def pass_through(command: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Runs it with our own input, output, terminal and process group, and waits for it.

    SIGINT, SIGQUIT, SIGTERM and SIGHUP to us are sent on to it unless it got them itself, as from Ctrl-C, and where
    it stops we stop. For the main thread only. Raises ProgramNotStarted.
    """
    program = _found(command[0], environment)
    _LOGGER.info("run: %s", shlex.join((program, *command[1:])))
    heard = [each for each in _FORWARDED if signal.getsignal(each) is not signal.SIG_IGN]
    with _children_heard_of(), _held((*heard, signal.SIGCHLD)) as before, ProcessGroupProbe.running() as probe:

        def as_found() -> None:
            for each in heard:
                signal.signal(each, signal.SIG_DFL)
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
        process.returncode = ended.code  # waited for it is
        return ended


@contextlib.contextmanager
def stops_raised() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP raise Stopped, as Ctrl-C raises KeyboardInterrupt: what was done can be told.
    Nothing is changed in another thread than the main one, which alone hears of signals."""

    def stop(signum: int, _: object) -> None:
        raise Stopped(signum)

    is_main = threading.current_thread() is threading.main_thread()
    ours = [each for each in _WITHOUT_PYTHONS_OWN if is_main and signal.getsignal(each) is signal.SIG_DFL]
    for each in ours:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Holds back whatever wants us to end, until the end of what must not be left half done."""
    with _held(_FORWARDED):
        yield


class _ChildWait:
    """For one program, while signals are held back so that none is lost between two looks at it."""

    def __init__(self, pid: int, probe: ProcessGroupProbe, watched: set[signal.Signals]) -> None:
        self._pid, self._probe, self._watched = pid, probe, watched
        self._asked: int | None = None
        self._status: int | None = None

    def ended(self) -> Ended:
        self._look()  # it may have ended already
        while self._status is None:
            got = _waited_for(self._watched)
            if got is not None:
                self._take(got)
            self._look()
        self._drain(self._watched)
        code = os.waitstatus_to_exitcode(self._status)
        return Ended(code, None, self._asked) if code >= 0 else Ended(None, -code, self._asked)

    def _take(self, got: int) -> None:
        self._note(got)
        if got in _FORWARDED and not self._probe.was_signalled():
            self._send(got)
        elif got in _FORWARDED:
            self._drain(_FORWARDED)  # which came with it, to the group too

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
        """Stops us too, so that the shell has its terminal back, and goes on when we are continued. The next change."""
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
        """The next of its changes that nobody has looked at."""
        pid, status = os.waitpid(self._pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
        return status if pid else None

    def _send(self, signum: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signum)


def _waited_for(signals: set[signal.Signals]) -> int | None:
    """The next of the signals; None where none came within a second. A process with more threads may hear of the end of
    its child in another one, which does not hold the signal back: nobody may wait for that signal alone."""
    if not hasattr(signal, "sigtimedwait"):  # macOS
        return signal.sigwait(signals)
    got = signal.sigtimedwait(signals, _LOOK_SECONDS)
    return None if got is None else got.si_signo


@contextlib.contextmanager
def _held(signals: Sequence[signal.Signals]) -> Iterator[set[signal.Signals]]:
    """Holds signals back within; gives the mask that there was before."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield {signal.Signals(each) for each in mask}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextlib.contextmanager
def _children_heard_of() -> Iterator[None]:
    """Where SIGCHLD is ignored, nobody can wait for a child; where it is not handled, macOS keeps none that is held
    back. A handler only there: Python complains of a signal whose handler is gone by the time that it calls it."""
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
    found = shutil.which(name, path=path)
    if found is not None:
        return found
    is_path = os.sep in name
    places = [Path(name)] if is_path else [Path(each or ".") / name for each in path.split(os.pathsep)]
    if any(place.is_file() for place in places):
        raise ProgramNotStarted(f"{name} cannot be run", remedy="look at its permissions")
    if is_path:
        raise ProgramNotStarted(f"{name} is not there", remedy="check the path", is_missing=True)
    raise ProgramNotStarted(f"{name} is not installed", remedy=f"put {name} on the PATH", is_missing=True)


def _name(signum: int) -> str:
    try:
        return signal.Signals(signum).name
    except ValueError:  # a real-time signal
        return f"signal {signum}"
