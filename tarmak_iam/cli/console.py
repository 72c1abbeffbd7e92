"""The one place that writes to stdout and stderr: payload, notes, errors, progress and the lines of -v; the exit codes.

Text from files and other programs is made safe here before it reaches a terminal, a log or a workflow run.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, TextIO

import click

from tarmak_iam.errors import TarmakIamError
from tarmak_iam.plugins import __version__
from tarmak_iam.text import brief_list, defused, escaped, one_line, without_markers


class ExitCode(IntEnum):
    """tarmak-iam's own exit codes; `run` also returns those of tarmak."""

    OK = 0
    FINDINGS = 1
    """Also differences, and a login that failed."""
    ERROR = 2
    BUG = 3
    NOT_VERIFIED = 4
    """No mapped principal has logged in, so it is unknown whether the login works."""
    CANNOT_BE_RUN = 126
    """As shells use it, like the next one."""
    NOT_FOUND = 127
    BROKEN_PIPE = 141
    """As for a process that SIGPIPE ends, such as any program before `| head`."""

    __str__ = int.__repr__  # as in Python 3.11 and later


def code_of_signal(stop: BaseException) -> int:
    """Of an interruption, as shells report it; that of Ctrl-C if it has no signal."""
    return 128 + int(getattr(stop, "signum", signal.SIGINT))


COLOUR_CHOICES = ("auto", "always", "never")
COLOUR_VARIABLES = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM")
SEVERITY_COLOURS = {"error": "red", "warning": "yellow"}
_SEVERITY = rf"(?:\A|(?<=: ))({'|'.join(SEVERITY_COLOURS)})(?=: )"


def colour_of_choice(choice: str | None, environ: Mapping[str, str]) -> bool | None:
    """Whether to colour; None: only on a terminal, which is decided for each stream. Without a choice the environment
    decides, in the same order as for Python's own tools. Any value of NO_COLOR but an empty one turns colours off
    (no-color.org). The value 0 forces nothing, as CLICOLOR_FORCE defines it."""
    if choice in ("always", "never"):
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if any(environ.get(name) not in (None, "", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return False if environ.get("TERM") == "dumb" else None


def with_coloured_severity(line: str) -> str:
    return re.sub(_SEVERITY, lambda word: click.style(word[0], fg=SEVERITY_COLOURS[word[0]]), line, count=1)


def is_terminal(stream: TextIO | None) -> bool:
    """None is a stream that the caller has closed."""
    return stream is not None and stream.isatty()


PREFIX = "tarmak-iam: "
MARK = f"{__name__}.mark"
"""What the context's `meta` has as PREFIX while another program writes to stderr too."""

_OUTPUT = threading.RLock()
"""Held while something is printed: a thread shows progress, and must not do so between its removal and a line."""

_DONE = f"{__name__}.done"
QUIET = f"{__name__}.quiet"
"""What the context's `meta` has with -q."""
_KEPT = rf"{_SEVERITY}|\Ainterrupted"
_DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def print_line(text: str) -> None:
    """A text on one line, with control characters as escapes."""
    print_styled_line(one_line(text))


def print_styled_line(line: str, *, err: bool = False) -> None:
    """One line, which may contain colours and tabs. The caller has put foreign text on one line with `one_line`."""
    _print(defused(line), err=err)


def print_rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns on a terminal, `-` for an empty cell; elsewhere the rows alone, separated by tabs."""
    lines = [[one_line(cell) for cell in row] for row in rows]
    if not is_terminal(sys.stdout):
        for row in lines:
            print_styled_line("\t".join(row).rstrip())
    elif lines:
        for line in aligned([header, *([cell or "-" for cell in row] for row in lines)]):
            print_line(line)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The rows as lines; all but the last of their cells are as wide as the widest of their column."""
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell + " " * (width - cell_width(cell)) for cell, width in zip(row, widths, strict=True))
        yield "   ".join(padded).rstrip()


def cell_width(text: str) -> int:
    """How many cells of a terminal a text on one line takes."""
    if text.isascii():
        return len(text)
    marks = sum(unicodedata.category(character) in ("Mn", "Me") for character in text)
    wide = sum(unicodedata.east_asian_width(character) in ("W", "F") for character in text)
    return len(text) - marks + wide


def print_payload(data: bytes | str) -> None:
    """A whole document, such as YAML, HTML or a shell script; its generator has quoted what needs quoting."""
    _print(data, nl=False)


def print_command(line: str) -> None:
    """A workflow command for GitHub's runner; its values are escaped already, but for commands of other CI systems."""
    _print(without_markers(line, "\\u0023"))


def print_json(value: Any) -> None:
    """In UTF-8, the encoding of JSON, whatever the locale."""
    import json

    try:
        data = escaped(json.dumps(value, indent=2, ensure_ascii=False)).encode()
    except UnicodeEncodeError:  # a file name that is not valid UTF-8
        data = escaped(json.dumps(value, indent=2)).encode()
    _print(data)


def print_diff(text: str) -> None:
    """A unified diff."""
    for line in text.splitlines():
        colour = None if line.startswith(("---", "+++")) else _DIFF_COLOURS.get(line[:1])
        shown = escaped(line)
        _print(click.style(shown, fg=colour) if colour else shown)


def _print(data: bytes | str, *, nl: bool = True, err: bool = False) -> None:
    """Raises OSError also if stdout is closed; click would ignore that."""
    if sys.stdout is None and not err:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    context = click.get_current_context(silent=True)
    colour = context.color if context else colour_of_choice(None, os.environ)  # click itself asks for stdout's
    with _OUTPUT:
        _remove_progress()
        click.echo(data, nl=nl, err=err, color=colour if err else None)


def _meta() -> dict[str, Any]:
    """What is known of this call of the program; nothing outside of one."""
    context = click.get_current_context(silent=True)
    return {} if context is None else context.meta


def record_done(verb: str, *objects: object) -> None:
    """Right after something that is not undone if the command fails later: a verb such as `wrote`, and its objects."""
    if objects:
        _meta().setdefault(_DONE, {}).setdefault(verb, {}).update(dict.fromkeys(map(str, objects)))


def done_so_far() -> str:
    """The recorded changes, as in `wrote a.yaml, b.yaml`; empty if there are none."""
    return ", ".join(f"{verb} {brief_list(objects, 4)}" for verb, objects in _meta().get(_DONE, {}).items())


def note(message: str, *more: str, plain: bool = False, dim: bool = False) -> None:
    """One line, with control characters as escapes; further sentences are on lines of their own on a terminal. With -q
    only errors, warnings, and what was interrupted. Raises OSError if stderr cannot be written to.

    While another program writes to stderr too, the line begins with the name of this one, and nothing is raised.
    `plain`: in any case and without the name, and nothing is raised: the exit code reports the failure as well.
    """
    mark = "" if plain else _meta().get(MARK, "")
    if _meta().get(QUIET) and not plain and not re.search(_KEPT, message):
        return
    sentences = [message, *filter(is_stated, more)]
    if mark or not is_terminal(sys.stderr):
        sentences = ["; ".join(sentences)]
    try:
        for number, sentence in enumerate(sentences):
            line = with_coloured_severity(defused(f"{'  ' if number else mark}{one_line(sentence)}"))
            _print(click.style(line, dim=True) if dim else line, err=True)
    except OSError:
        if not (plain or mark):
            raise
        discard_output(sys.stderr)


def is_stated(sentence: str) -> bool:
    """Not in CI that there is no recovery access: no admin kubeconfig is expected there."""
    is_in_ci = os.environ.get("CI", "") not in ("", "0", "false")
    return bool(sentence) and not (is_in_ci and sentence.startswith("no recovery access"))


def error_sentences(error: TarmakIamError, *, whose: str = "", then: str = "") -> tuple[str, ...]:
    """For `note`: the line of an error, its remedy, and the recovery access; `then` describes the state after it."""
    place = f"{error.place}: " if error.place else ""
    remedy = f"{error.remedy} ({then})" if then and error.remedy.endswith("?") else error.remedy
    return f"{place}error: {whose}{error.what}", remedy, error.recovery, then if remedy == error.remedy else ""


def discard_output(stream: TextIO | None) -> None:
    """Drops what is buffered: it cannot be written either, and Python would print an error at exit."""
    if stream is not None:  # closed by the caller
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


LOGGER_NAME = "tarmak_iam"
_TIMES = f"{LOGGER_NAME}.verbosity"
_ONCE = (f"{LOGGER_NAME}.plugins", f"{LOGGER_NAME}.document")
"""Lines of these loggers are printed once: repeated look-ups of a plugin and reads of a file are of no interest."""


# The values of these are not secret; of all other variables only the name is printed.
_NOT_SECRET = {*COLOUR_VARIABLES, "DEFAULT_ROLE", "KUBECONFIG", "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID"}
_NOT_SECRET |= {"TARMAK_CONFIG", "TARMAK_IAM_CLUSTER", "TARMAK_IAM_FOLLOW_LINKS", "AWS_CONFIG_FILE"}
_NOT_SECRET |= {"AWS_SHARED_CREDENTIALS_FILE", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_REGION"}


def show_log(context: click.Context, times: int = 0) -> None:
    """Prints warnings of the library on stderr from now on, each once: a file may be read several times. `times` is
    that of -v. Once: which files are read and written, which values are used and why, which programs run. Twice: more
    details."""
    import logging

    logger = logging.getLogger(LOGGER_NAME)
    if not any(handler.name == LOGGER_NAME for handler in logger.handlers):
        shown: set[str] = set()

        class Lines(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                text, is_detail = record.getMessage(), record.levelno < logging.WARNING
                if text not in shown or (is_detail and not record.name.startswith(_ONCE)):
                    shown.add(text)
                    note(f"* {one_line(text)}" if is_detail else text, plain=is_detail, dim=is_detail)

        logger.addHandler(Lines())
        logger.handlers[-1].name = LOGGER_NAME
    if not times:
        return
    total = context.meta[_TIMES] = context.meta.get(_TIMES, 0) + times  # shared by all contexts of a call
    logger.setLevel(logging.INFO if total == 1 else logging.DEBUG)
    if total == times:
        log_variables(*COLOUR_VARIABLES[:3], "TARMAK_CONFIG", "TARMAK_IAM_CLUSTER", "TARMAK_IAM_FOLLOW_LINKS")
    if total > 1:
        import platform
        from importlib.metadata import version

        logger.debug("tarmak-iam %s, Python %s on %s", __version__, platform.python_version(), sys.platform)
        logger.debug(", ".join(f"{name} {version(name)}" for name in ("click", "pydantic", "ruamel.yaml")))


def end_log() -> None:
    """Reverts `show_log`."""
    if "logging" in sys.modules:
        import logging

        logger = logging.getLogger(LOGGER_NAME)
        logger.handlers = [handler for handler in logger.handlers if handler.name != LOGGER_NAME]
        logger.setLevel(logging.NOTSET)


def is_verbose() -> bool:
    return bool(_meta().get(_TIMES))


def log(text: str, *args: object) -> None:
    """Like logging's `info`, but without -v it costs next to nothing."""
    if is_verbose():
        import logging

        logging.getLogger(f"{LOGGER_NAME}.cli").info(text, *args)


def log_variables(*names: str, prefixes: Iterable[str] = ()) -> None:
    """Logs which of these environment variables are set and not empty, with their values unless they may be secret."""
    if not is_verbose():
        return
    for name in sorted(os.environ):
        if os.environ[name] and (name in names or name.startswith(tuple(prefixes))):
            log("environment: %s", f"{name}={os.environ[name]}" if name in _NOT_SECRET else f"{name} is set")


_LASTING = ("note: ", "warning: ", "interrupted")
_ANEW = "\r\x1b[K"
_PATIENCE = 0.5
"""Seconds: work that takes less shows no progress, which would only flicker."""


@contextlib.contextmanager
def progress(plain: Callable[[str], None], mark: str = "") -> Iterator[Callable[[str], None]]:
    """Yields the function that shows a line of progress.

    On a terminal each line, after `mark`, replaces the one before, and the last one is removed at the end, and before
    anything else is printed. Notes and warnings stay. If stderr is not a terminal, or -v prints lines too, the function
    is `plain`.
    """
    stream = sys.stderr
    if is_verbose() or _meta().get(QUIET) or not is_terminal(stream) or os.environ.get("TERM") in (None, "", "dumb"):
        yield plain
        return

    def show(text: str) -> None:
        if text.startswith(_LASTING):
            note(text)
            return
        with _OUTPUT, contextlib.suppress(OSError):
            width = os.get_terminal_size(stream.fileno()).columns or 80
            _PROGRESS_ON.append(stream)
            stream.write(_ANEW + f"{mark}{one_line(text)}"[: width - 1])
            stream.flush()

    try:
        yield show
    finally:
        _remove_progress()


_PROGRESS_ON: list[TextIO] = []
"""Not empty while a line of progress is shown: the stream that shows it."""


def _remove_progress() -> None:
    if _PROGRESS_ON:
        stream = _PROGRESS_ON[-1]
        _PROGRESS_ON.clear()
        with contextlib.suppress(OSError):
            stream.write(_ANEW)
            stream.flush()


@contextlib.contextmanager
def working(doing: str) -> Iterator[None]:
    """Shows on a terminal what a long computation is doing, and for how long: `checking mappings (4 s)`."""

    def hide(_: str) -> None:
        pass

    with progress(hide) as show:
        if show is hide:
            yield
            return
        ended = threading.Event()
        ticker = threading.Thread(target=_tick, args=(doing, show, ended), daemon=True)
        ticker.start()
        try:
            yield
        finally:
            ended.set()
            ticker.join()


def _tick(doing: str, show: Callable[[str], None], ended: threading.Event) -> None:
    start, pause = time.monotonic(), _PATIENCE
    while not ended.wait(pause):
        show(f"{doing} ({int(time.monotonic() - start)} s)")
        pause = 1
