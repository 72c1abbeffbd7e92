"""The directories and files that commands write to and look into."""

from __future__ import annotations

from pathlib import Path

import click

from tarmak_iam.cli.completing import directories

__all__ = ["named_directory", "named_files", "output_dir_option"]


def named_directory(context: click.Context, parameter: click.Parameter, value: str) -> Path:
    """As a path; an empty one, of a variable that is not set, would be the working directory."""
    if not value:
        raise click.BadParameter("it is empty; name a directory", context, parameter)
    return Path(value)


def named_files(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Path, ...]:
    """As paths; an empty one, of a variable that is not set, would be the working directory."""
    if not all(values):
        raise click.BadParameter("it is empty; name a file", context, parameter)
    return tuple(map(Path, values))


output_dir_option = click.option(
    "--output-dir",
    type=click.Path(),
    metavar="DIR",
    shell_complete=directories,
    required=True,
    callback=named_directory,
    help="Directory for the files; made if it is missing.",
)
