"""What is said beside another program's output: on stderr, each line marked as ours."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import click

from tarmak_iam.cli.colour import marked, of_context
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.text import one_line

__all__ = ["MARK", "aside", "aside_error", "drop", "tell"]

MARK = "tarmak-iam: "


def aside(message: str) -> None:
    """One line."""
    tell(f"{MARK}{one_line(message)}")


def aside_error(error: TarmakIamError, *, then: str = "") -> None:
    """An error as everywhere else, and what state things are in."""
    place = f"{error.place}: " if error.place else ""
    aside(f"{place}error: {error.message}{f'; {then}' if then else ''}")


def tell(line: str) -> None:
    """On stderr. Where nobody can be told, the exit code still says it."""
    try:
        click.echo(marked(line), err=True, color=of_context())
    except OSError:
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """What is still buffered cannot be written either; without this Python complains at exit, and changes the code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
