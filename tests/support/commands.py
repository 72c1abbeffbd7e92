"""Every command of the program, in the order of --help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import pytest

from tarmak_iam.cli.main import cli

__all__ = ["COMMANDS", "CONTEXTS", "context_of", "every_command"]


def every_command() -> Iterator[click.Context]:
    """The program itself first, then each command before those below it."""
    return _from(context_of(cli, "tarmak-iam", None))


def context_of(command: click.Command, name: str | None, parent: click.Context | None, **more: Any) -> click.Context:
    """With the command's own settings: click keeps the help option that it makes first."""
    return click.Context(command, parent=parent, info_name=name, **{**command.context_settings, **more})


def _from(context: click.Context) -> Iterator[click.Context]:
    yield context
    group = context.command
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from _from(context_of(command, name, context))


CONTEXTS = list(every_command())
COMMANDS = pytest.mark.parametrize("context", CONTEXTS, ids=[each.command_path for each in CONTEXTS])
