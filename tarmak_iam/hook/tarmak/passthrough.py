"""Runs another program in our place: it has the terminal, gets every signal once, and we wait for it."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.errors import ToolError

_LOGGER = logging.getLogger(__name__)

# The terminal sends the first two to all processes in the foreground, also to the program. A supervisor may send any of
# them only to us, and then we forward it.
_FORWARDED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)

# One signal reaches all of a group within microseconds; timeout(1) signals its child first, and then the group.
_GROUP_SECONDS = 0.2


class ProcessGroupProbe:
    """An idle process in our process group: a signal to the whole group ends it, a signal to one process does not.
    Without it, the program would get Ctrl-C twice, and tarmak aborts immediately at the second one."""

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
        if self._pid:
            os.close(end)
            return
        try:  # runs until a signal, or until the other end of the pipe is closed because the parent was killed
            signal.set_wakeup_fd(-1)
            for signum in _FORWARDED:
                if signal.getsignal(signum) is not signal.SIG_IGN:  # as under nohup
                    signal.signal(signum, lambda *_: os._exit(0))  # the default for SIGQUIT leaves a core file
            os.close(self._line)
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
    """Runs a command with our input, output, terminal and process group, and waits for it. SIGINT, SIGQUIT, SIGTERM and
    SIGHUP are forwarded to it unless it got them itself, as from Ctrl-C. `inherited`: file descriptors of ours that it
    keeps open, such as that of a lock. For the main thread only. Raises ProgramNotStarted."""
    program = _found(command[0], environment)
    _LOGGER.info("run: %s", shlex.join((program, *command[1:])))
    heard = [signum for signum in _FORWARDED if signal.getsignal(signum) is not signal.SIG_IGN]
    with _signal_numbers(heard) as numbers, ProcessGroupProbe.running() as probe:
        # Signals that arrive while it starts are delivered to it afterwards.
        with _held(heard) as before:

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
        asked: int | None = None
        while (waited := os.waitpid(process.pid, os.WNOHANG)) == (0, 0):
            select.select([numbers], [], [])
            got = _read_numbers(numbers)
            if got and probe.was_signalled():
                got += _read_numbers(numbers)  # those that arrived together with it, also for the group
            else:
                for signum in got:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process.pid, signum)
            asked = got[-1] if got else asked
        late = _read_numbers(numbers)
    code = os.waitstatus_to_exitcode(waited[1])
    asked = late[-1] if late else asked
    ended = Ended(code, None, asked) if code >= 0 else Ended(None, -code, asked)
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


@contextlib.contextmanager
def _signal_numbers(heard: Sequence[signal.Signals]) -> Iterator[int]:
    """Yields the end of a pipe from which the numbers of these signals and of SIGCHLD are read: none is lost between
    two looks at the program, and each is noted whichever thread receives it."""
    numbers, line = os.pipe()
    os.set_blocking(numbers, False)
    os.set_blocking(line, False)
    handlers = {signum: signal.getsignal(signum) for signum in (*heard, signal.SIGCHLD)}
    wakeup = signal.set_wakeup_fd(line)
    for signum in handlers:
        signal.signal(signum, lambda *_: None)
    try:
        yield numbers
    finally:
        # Python prints an error for a signal whose handler is removed before its call.
        with _held(list(handlers)):
            for signum, handler in handlers.items():
                signal.signal(signum, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(wakeup)
        os.close(numbers)
        os.close(line)


def _read_numbers(numbers: int) -> list[int]:
    with contextlib.suppress(BlockingIOError):
        return [number for number in os.read(numbers, 4096) if number != signal.SIGCHLD]
    return []


@contextlib.contextmanager
def _held(signals: Sequence[signal.Signals]) -> Iterator[set[signal.Signals]]:
    """Blocks signals within; yields the previous mask."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield {signal.Signals(signum) for signum in mask}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


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
