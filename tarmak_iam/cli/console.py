"""The one place that writes to stdout and stderr: payload to stdout, everything else to stderr.

Foreign text passes through here before anybody's terminal, log or workflow run sees it.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from tarmak_iam.cli.colour import marked, of_context
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.text import defused, escaped, one_line

if TYPE_CHECKING:  # imported in the functions: --help does without ruamel.yaml
    from tarmak_iam.document import Document

__all__ = [
    "MARK",
    "aside",
    "aside_error",
    "did",
    "drop",
    "format_option",
    "note",
    "print_command",
    "print_diff",
    "print_diff_text",
    "print_json",
    "print_line",
    "print_payload",
    "tell",
    "what_was_done",
    "wrote",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])

MARK = "tarmak-iam: "
_DONE = f"{__name__}.done"
_FEW = 3
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def format_option(*formats: str) -> Callable[[_Command], _Command]:
    """-o, as `output`; the first is what is printed without it."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="Format of what is printed.",
    )


# --- stdout ------------------------------------------------------------------------------------------------------


def print_line(line: str, *, err: bool = False) -> None:
    """One line of text. The caller has put foreign text on one line with `one_line`; colours may be in it."""
    if err:
        click.echo(defused(line), err=True)
    else:
        _print(defused(line))


def print_payload(data: bytes | str) -> None:
    """A whole document in a format of its own, such as YAML, HTML or a shell script, as its maker has quoted it."""
    _print(data, nl=False)


def print_command(line: str) -> None:
    """A workflow command that GitHub is meant to act on; whoever made it has escaped what is in it."""
    _print(line)


def print_json(value: Any) -> None:
    """In UTF-8, which is what JSON is in, whatever the locale."""
    try:
        data = escaped(json.dumps(value, indent=2, ensure_ascii=False)).encode()
    except UnicodeEncodeError:  # a file name that is not UTF-8
        data = escaped(json.dumps(value, indent=2)).encode()
    _print(data)


def print_diff(before: Document | None, after: Document) -> None:
    """What an edit changes; nothing is printed for none. `before` is None for a new file."""
    from tarmak_iam.document.textdiff import unified_diff

    print_diff_text(unified_diff(before.text if before else "", after.text, after.filename))


def print_diff_text(text: str) -> None:
    """A unified diff that was made already."""
    for line in text.splitlines():
        colour = None if line.startswith(("---", "+++")) else _COLOURS.get(line[:1])
        shown = escaped(line)
        _print(click.style(shown, fg=colour) if colour else shown)


def _print(data: bytes | str, *, nl: bool = True) -> None:
    """Raises OSError also where stdout is closed, which click takes for one that nobody wants to see."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    click.echo(data, nl=nl)


# --- what was done -----------------------------------------------------------------------------------------------


def did(verb: str, *objects: str) -> None:
    """Something that stays done even if nothing can be printed any more, as in `changed` and what."""
    context = click.get_current_context(silent=True)
    if context is not None:
        done: dict[str, dict[str, None]] = context.meta.setdefault(_DONE, {})
        done.setdefault(verb, {}).update(dict.fromkeys(objects))


def wrote(*paths: Path | str) -> None:
    """Files that are written: called right after that, before anything is printed."""
    if paths:
        did("wrote", *map(str, paths))


def what_was_done() -> str:
    """In words, as in `wrote a.yaml and b.yaml`; empty for nothing."""
    context = click.get_current_context(silent=True)
    done: dict[str, dict[str, None]] = context.meta.get(_DONE, {}) if context is not None else {}
    return ", ".join(f"{verb} {_listed(list(objects))}" for verb, objects in done.items())


def _listed(names: list[str]) -> str:
    shown = names[:_FEW] if len(names) > _FEW + 1 else names
    rest = len(names) - len(shown)
    return ", ".join([*shown, f"{rest} more"] if rest else shown)


# --- stderr ------------------------------------------------------------------------------------------------------


def note(message: str) -> None:
    """One line; what a terminal would act on is shown as an escape."""
    click.echo(marked(defused(one_line(message))), err=True)


def aside(message: str) -> None:
    """One line next to another program's output, marked as ours."""
    tell(f"{MARK}{one_line(message)}")


def aside_error(error: TarmakIamError, *, then: str = "") -> None:
    """An error as everywhere else, and what state things are in."""
    place = f"{error.place}: " if error.place else ""
    aside(f"{place}error: {error.message}{f'; {then}' if then else ''}")


def tell(line: str) -> None:
    """A line that is ready to print. Where stderr cannot be written to, the exit code still says it."""
    try:
        click.echo(marked(defused(line)), err=True, color=of_context())
    except OSError:
        drop(sys.stderr)


def drop(stream: TextIO | None) -> None:
    """What is still buffered cannot be written either; without this Python complains at exit, and changes the code."""
    if stream is None:  # closed by whoever started us
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
