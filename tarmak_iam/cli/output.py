"""Payload to stdout, everything else to stderr."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from tarmak_iam.cli.colour import marked
from tarmak_iam.document import Document
from tarmak_iam.document.textdiff import unified_diff
from tarmak_iam.text import one_line

__all__ = ["format_option", "note", "print_diff", "print_diff_text", "print_json"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

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


def note(message: str) -> None:
    """One line; what a terminal would act on is shown as an escape."""
    click.echo(marked(one_line(message)), err=True)


def print_json(value: Any) -> None:
    """In UTF-8, which is what JSON is in, whatever the locale."""
    try:
        data = json.dumps(value, indent=2, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a file name that is not UTF-8
        data = json.dumps(value, indent=2).encode()
    click.echo(data)


def print_diff(before: Document | None, after: Document) -> None:
    """What an edit changes; nothing is printed for none. `before` is None for a new file."""
    print_diff_text(unified_diff(before.text if before else "", after.text, after.filename))


def print_diff_text(text: str) -> None:
    """A unified diff that was made already."""
    for line in text.splitlines():
        colour = None if line.startswith(("---", "+++")) else _COLOURS.get(line[:1])
        click.echo(click.style(line, fg=colour) if colour else line)
