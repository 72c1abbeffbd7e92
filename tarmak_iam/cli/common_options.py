"""The common options, which are accepted before and after a command. Every call needs them, so they import little."""

from __future__ import annotations

import os
from typing import Any

import click

from tarmak_iam.cli.completion import clusters, directories
from tarmak_iam.cli.console import COLOUR_CHOICES, colour_of_choice, show_log
from tarmak_iam.cli.session import session_of


class CommonOption(click.Option):
    """An option of every command. Only the main help lists it; the help of a command has one line for all of them."""

    def __init__(self, *args: Any, record: tuple[str, str] | None = None, is_listed: bool, **kwargs: Any) -> None:
        super().__init__(*args, expose_value=False, **kwargs)
        self._record, self._is_listed = record, is_listed

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """None for a flag that the variable switches off. Raises BadParameter for a value that is no boolean."""
        if not self.is_flag:
            return super().resolve_envvar_value(ctx)
        text = super(click.Option, self).resolve_envvar_value(ctx)  # Option's own of click 8.2.1 takes `0` for on
        return text if text and click.BOOL.convert(text, self, ctx) else None

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return super().get_help_record(ctx) if self._is_listed else self._record


def _choose_directory(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        from tarmak_iam.config.locate import with_home

        context.obj = session_of(context)._replace(directory=with_home(value) if value else None)


def choose(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Sets the field of the session that has the name of the parameter, if the option is given."""
    if value not in (None, False):
        context.obj = session_of(context)._replace(**{str(parameter.name): value})


def _choose_colour(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is None and context.parent is not None:  # keeps the choice made before the command
        return
    reached: click.Context | None = context
    while reached is not None:  # errors are printed in the outermost one
        reached.color = colour_of_choice(value, os.environ)
        reached = reached.parent


def _choose_verbosity(context: click.Context, _: click.Parameter, times: int) -> None:
    if times and not context.resilient_parsing:
        show_log(context, times)


def declared(usage: str, about: str, parameter: str = "", **settings: Any) -> tuple[list[str], dict[str, Any]]:
    """The names of an option, and how it is declared. `usage` is its names and the placeholder of its value, as in
    `-i --cluster-id ID`; if it has no placeholder, type and default, it is a flag. The help shows the default.
    `parameter` is the name in Python."""
    words = usage.split()
    names = [word for word in words if word.startswith("-")]
    if len(names) < len(words):
        settings["metavar"] = words[-1]
    elif not {"type", "default", "count"} & settings.keys():
        settings["is_flag"] = True
    names += [parameter] if parameter else []
    return names, {"help": about, "show_default": bool(settings.get("default")), **settings}


_COMMON_OPTIONS = (
    declared(
        "-c --config-directory DIR", "Directory of tarmak.yaml.", callback=_choose_directory, shell_complete=directories
    ),
    declared(
        "--current-cluster --cluster ENV-NAME",  # as Tarmak spells it, and the short form
        "Cluster to use instead of currentCluster of tarmak.yaml.",
        "cluster_name",
        callback=choose,
        is_eager=True,  # before the options that conflict with it, whatever their order
        shell_complete=clusters,
    ),
    declared(
        "--follow-links",
        "Follow links in a cluster's directory that point outside of DIR, if you own link and target.",
        callback=choose,
        envvar="TARMAK_IAM_FOLLOW_LINKS",
    ),
    declared(
        "--color",
        "Colours; auto: only on a terminal, and not if NO_COLOR is set.",
        callback=_choose_colour,
        type=click.Choice(COLOUR_CHOICES),
        is_eager=True,
    ),
    declared(
        "-v --verbose",
        "Print on stderr which files, variables and values are used; -vv: more details.",
        callback=_choose_verbosity,
        count=True,
    ),
)


def common_options() -> list[click.Parameter]:
    """The options of the main command, whose help lists them."""
    return [CommonOption(names, is_listed=True, **settings) for names, settings in _COMMON_OPTIONS]


def offer_common_options(command: click.Command) -> None:
    """Adds the common options to a command and its subcommands. Does nothing the second time."""
    if any(isinstance(parameter, CommonOption) for parameter in command.params):
        return
    record: tuple[str, str] | None = ("-c, --cluster, -v, ...", "Common options: see tarmak-iam --help.")
    for names, settings in _COMMON_OPTIONS:
        command.params.append(CommonOption(names, is_listed=False, record=record, **settings))
        record = None
    for subcommand in command.commands.values() if isinstance(command, click.Group) else ():
        offer_common_options(subcommand)
