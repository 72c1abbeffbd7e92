"""Options that every command has: before its name or behind it, as Tarmak's own persistent flags; the last counts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from tarmak_iam.cli import colour
from tarmak_iam.cli.completing import clusters, directories
from tarmak_iam.cli.session import session_of
from tarmak_iam.cli.verbosity import tell_more

__all__ = ["CommonOption", "common_options", "offer_common_options"]

_IN_SHORT = ("-c, -v, --color, ...", "Common options: see tarmak-iam --help.")


class CommonOption(click.Option):
    """The main help lists it; that of a command has one line for all of them."""

    def __init__(self, *args: Any, record: tuple[str, str] | None = None, is_listed: bool, **kwargs: Any) -> None:
        super().__init__(*args, expose_value=False, **kwargs)
        self._record, self._is_listed = record, is_listed

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return super().get_help_record(ctx) if self._is_listed else self._record


def _choose_directory(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        from tarmak_iam.config.locate import with_home

        context.obj = replace(session_of(context), directory=with_home(value) if value else None)


def _choose_cluster(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.obj = replace(session_of(context), cluster_name=value)


def _choose_links(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.obj = replace(session_of(context), follow_links=True)


def _choose_colour(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is None and context.parent is not None:  # as it was chosen before the command's name
        return
    reached: click.Context | None = context
    while reached is not None:  # an error is told in the outermost one
        reached.color = colour.of_choice(value, os.environ)
        reached = reached.parent


def _choose_verbosity(context: click.Context, _: click.Parameter, times: int) -> None:
    if times and not context.resilient_parsing:
        tell_more(context, times)


_Callback = Callable[[click.Context, click.Parameter, Any], None]
_OPTIONS: tuple[tuple[tuple[str, ...], _Callback, dict[str, Any]], ...] = (
    (
        ("-c", "--config-directory"),
        _choose_directory,
        {"metavar": "DIR", "shell_complete": directories, "help": "Directory of tarmak.yaml."},
    ),
    (
        ("--current-cluster",),
        _choose_cluster,
        {
            "metavar": "ENV-NAME",
            "is_eager": True,  # wherever it stands, before options that do not go with it
            "shell_complete": clusters,
            "help": "Cluster to work on, instead of currentCluster.",
        },
    ),
    (
        ("--follow-links",),
        _choose_links,
        {
            "is_flag": True,
            "envvar": "TARMAK_IAM_FOLLOW_LINKS",
            "help": "Follow links in a cluster's directory that lead out of DIR, if you own link and target.",
        },
    ),
    (
        ("--color",),
        _choose_colour,
        {
            "type": click.Choice(colour.CHOICES),
            "is_eager": True,
            "help": "Colours; auto: on a terminal, unless NO_COLOR is set.",
        },
    ),
    (
        ("-v", "--verbose"),
        _choose_verbosity,
        {"count": True, "help": "Tell on stderr what is read from where, and what counts; -vv: more of it."},
    ),
)


def common_options() -> list[click.Parameter]:
    """For the main command, whose help lists them."""
    return [CommonOption(names, is_listed=True, callback=callback, **kwargs) for names, callback, kwargs in _OPTIONS]


def offer_common_options(command: click.Command) -> None:
    """Adds them to a command and to all below it, but for those of which it has one of the same name. A second time
    nothing happens."""
    if any(isinstance(each, CommonOption) for each in command.params):
        return
    taken = {name for each in command.params for name in each.opts}
    record: tuple[str, str] | None = _IN_SHORT
    for names, callback, kwargs in _OPTIONS:
        if taken.isdisjoint(names):
            option = CommonOption(names, is_listed=False, record=record, callback=callback, **kwargs)
            command.params.append(option)
            record = None
    if isinstance(command, click.Group):
        for each in command.commands.values():
            offer_common_options(each)
