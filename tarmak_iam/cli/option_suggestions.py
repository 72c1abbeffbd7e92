"""What was meant by an option that a command does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from tarmak_iam.cli.common import CommonOption
from tarmak_iam.near import closest, spelled_otherwise

__all__ = ["option_remedy"]

_LIKE = 0.7
"""How alike two options must be: `--roel` is enough like `--role`, `--region` not like `--version`."""
# What other tools, and people in a hurry, call ours: the first of them that the command has.
_ALSO: Mapping[str, tuple[str, ...]] = {
    "cluster": ("--current-cluster",),
    "clustername": ("--current-cluster",),
    "clusterid": ("--current-cluster",),
    "user": ("--username", "--user-id"),
    "name": ("--username",),
    "rolearn": ("--role",),
    "config": ("--config-directory",),
    "configdir": ("--config-directory",),
    "directory": ("--output-dir", "--config-directory"),
    "dir": ("--output-dir", "--config-directory"),
    "out": ("--output-dir", "--output"),
    "outputdirectory": ("--output-dir",),
    "format": ("--output",),
    "kubecontext": ("--context",),
    "yes": ("--force",),
    "ignorenotfound": ("--if-exists",),
    "rolesessionname": ("--session",),
}
_FEW = 3


def option_remedy(name: str, context: click.Context) -> str:
    """`did you mean --role?`, or which commands have it; empty for no idea. `name` begins with two dashes."""
    known = [each for each in _names(context.command, context) if each.startswith("--")]
    meant = (
        spelled_otherwise(name, known)
        or _also(name, known)
        or closest(name, known)
        or _part(name, known)
        or closest(name, known, _LIKE)
    )
    if meant:
        return f"did you mean {meant}?"
    owners = list(_owners(name, context))
    if owners:
        listed = ", ".join(f"`{each}`" for each in owners[:_FEW]) + (" and others" if len(owners) > _FEW else "")
        after = ": write it after the command's name" if context.parent is None else ""
        return f"it is an option of {listed}{after}"
    return ""


def _names(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option):
            yield from (*parameter.opts, *parameter.secondary_opts)


def _also(name: str, known: list[str]) -> str | None:
    meant = _ALSO.get(name.replace("-", "").replace("_", "").lower(), ())
    return next((each for each in meant if each in known), None)


def _part(name: str, known: list[str]) -> str | None:
    """The only one that begins like it, or has it for one of its words."""
    word = name.removeprefix("--").lower()
    having = [each for each in known if each[2:].startswith(word) or word in each[2:].split("-")]
    return having[0] if len(having) == 1 and len(word) > 1 else None


def _owners(name: str, context: click.Context) -> Iterator[str]:
    """The commands that have the option, by the words to type. Imports all of them: nothing works here anyway."""
    root = context.find_root()
    for words, command in _commands(root.command, root, ()):
        own = [each for each in command.params if not isinstance(each, CommonOption)]
        if any(name in each.opts for each in own if isinstance(each, click.Option)):
            yield " ".join(words)


def _commands(
    command: click.Command, context: click.Context, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None:
            yield from _commands(found, context, (*words, name))
