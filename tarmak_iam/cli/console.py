"""The one place that writes to stdout and stderr: payload to stdout, everything else to stderr.

Foreign text passes through here before anybody's terminal, log or workflow run sees it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
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
]

_Command = TypeVar("_Command", bound=Callable[..., Any])

MARK = "tarmak-iam: "
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
    click.echo(defused(line), err=err)


def print_payload(data: bytes | str) -> None:
    """A whole document in a format of its own, such as YAML, HTML or a shell script, as its maker has quoted it."""
    click.echo(data, nl=False)


def print_command(line: str) -> None:
    """A workflow command that GitHub is meant to act on; whoever made it has escaped what is in it."""
    click.echo(line)


def print_json(value: Any) -> None:
    """In UTF-8, which is what JSON is in, whatever the locale."""
    try:
        data = escaped(json.dumps(value, indent=2, ensure_ascii=False)).encode()
    except UnicodeEncodeError:  # a file name that is not UTF-8
        data = escaped(json.dumps(value, indent=2)).encode()
    click.echo(data)


def print_diff(before: Document | None, after: Document) -> None:
    """What an edit changes; nothing is printed for none. `before` is None for a new file."""
    from tarmak_iam.document.textdiff import unified_diff

    print_diff_text(unified_diff(before.text if before else "", after.text, after.filename))


def print_diff_text(text: str) -> None:
    """A unified diff that was made already."""
    for line in text.splitlines():
        colour = None if line.startswith(("---", "+++")) else _COLOURS.get(line[:1])
        shown = escaped(line)
        click.echo(click.style(shown, fg=colour) if colour else shown)


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


def drop(stream: TextIO) -> None:
    """What is still buffered cannot be written either; without this Python complains at exit, and changes the code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
