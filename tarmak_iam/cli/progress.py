"""Lines about something that takes long: one that changes on a terminal, one after the other elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator

from tarmak_iam.cli.terminal import is_terminal
from tarmak_iam.cli.verbosity import is_verbose
from tarmak_iam.text import one_line

__all__ = ["progress"]

_ANEW = "\r\x1b[K"


@contextlib.contextmanager
def progress(plain: Callable[[str], None], mark: str = "") -> Iterator[Callable[[str], None]]:
    """Gives what takes a line. Where stderr is no terminal, or -v has lines too, that is `plain`; on one the line,
    with `mark` before it, replaces the one before, and the last one goes at the end, or whatever comes in between."""
    stream = sys.stderr
    if is_verbose() or not is_terminal(stream) or os.environ.get("TERM") in (None, "", "dumb"):
        yield plain
        return

    def show(text: str) -> None:
        with contextlib.suppress(OSError):
            width = os.get_terminal_size(stream.fileno()).columns or 80
            stream.write(_ANEW + f"{mark}{one_line(text)}"[: width - 1])
            stream.flush()

    try:
        yield show
    finally:
        with contextlib.suppress(OSError):
            stream.write(_ANEW)
            stream.flush()
