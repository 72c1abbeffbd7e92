"""Tells a signal to the whole process group from one to a single process, which the kernel does not."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator

__all__ = ["Witness"]

_ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)
# Between the deliveries of one signal to a group there are microseconds; timeout(1) signals its child, and then all.
_SECONDS = 0.2


class Witness:
    """A process of our group that does nothing: what is sent to all of us ends it, what is sent to one does not.

    Without it a program beside us would get Ctrl-C twice where the whole group gets it, once from us, and tarmak
    takes the second one as the order to drop everything.
    """

    def __init__(self) -> None:
        self._stand()

    @classmethod
    @contextlib.contextmanager
    def standing(cls) -> Iterator[Witness]:
        witness = cls()
        try:
            yield witness
        finally:
            witness._dismiss()

    def got_it_too(self) -> bool:
        """Whether one of these signals, which we just got, was for the whole group."""
        deadline = time.monotonic() + _SECONDS
        while os.waitpid(self._pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        os.close(self._line)
        self._stand()  # for the next signal
        return True

    def _stand(self) -> None:
        end, self._line = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _watch(end, self._line)
        os.close(end)

    def _dismiss(self) -> None:
        os.close(self._line)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


def _watch(end: int, line: int) -> None:
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
