"""What is said beside another program's output: on stderr, each line marked as ours."""

from __future__ import annotations

import contextlib

import click

from tarmak_iam.errors import TarmakIamError
from tarmak_iam.text import one_line

__all__ = ["aside", "aside_error"]


def aside(message: str) -> None:
    """One line. Where nobody can be told, the exit code still says it."""
    with contextlib.suppress(OSError):
        click.echo(f"tarmak-iam: {one_line(message)}", err=True)


def aside_error(error: TarmakIamError, *, then: str = "") -> None:
    """An error as everywhere else, and what state things are in."""
    place = f"{error.place}: " if error.place else ""
    aside(f"{place}error: {error.message}{f'; {then}' if then else ''}")
