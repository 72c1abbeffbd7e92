"""Groups that import their commands when called, and suggestions for mistyped words."""

from __future__ import annotations

import contextlib
import importlib
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.common_options import offer_common_options
from tarmak_iam.cli.session import session_of
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.text import CLOSE, LIKELY, did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def cluster_remedy(context: click.Context, words: Iterable[str]) -> str:
    """`use --cluster NAME` if one of the words is a cluster of tarmak.yaml, and none is selected; else empty."""
    session = session_of(context)
    likely = [word.rstrip("/") for word in words if "-" in word]
    if likely and not session.cluster_name:
        with contextlib.suppress(TarmakIamError):
            names = {cluster.cluster_name for cluster in session.config().selectable_clusters}
            return next((f"use --cluster {shlex.quote(word)}" for word in likely if word in names), "")
    return ""


class CommandGroup(click.Group):
    """`aliases`: other names for a command, or commands expected in this group -> the command. `has_cluster`: whether
    the commands work on the cluster of --cluster."""

    def __init__(
        self, *args: Any, aliases: Mapping[str, str] | None = None, has_cluster: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._aliases, self._has_cluster = aliases or {}, has_cluster

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, known = args[0], self.list_commands(ctx)
        if name in known or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        alias = self._aliases.get(name)
        if alias and " " in alias:  # a command line, and printed as one
            alias = f"`{ctx.command_path} {alias}`"
        remedy = (
            (cluster_remedy(ctx, [name]) if self._has_cluster else "")
            or (alias and f"did you mean {alias}?")
            or did_you_mean(name, known, cutoff=LIKELY)
            or (f"choose one of {', '.join(known)}" if len(known) <= 6 else "")
        )
        raise click.UsageError(f"unknown command '{name}'{remedy and '; ' + remedy}", ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Nothing if words remain after the group's own options: then the first is not a command."""
        return [] if vars(ctx).get("_protected_args") or ctx.args else self._offers(ctx, incomplete)

    def _offers(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return super().shell_complete(ctx, incomplete)


class LazyGroup(CommandGroup):
    """`sections`: heading in the help -> name of a command -> its module, attribute and one line of help."""

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, tuple[str, str, str]]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = sections
        self._lazy = {name: row for rows in sections.values() for name, row in rows.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module, attribute, _ = self._lazy[cmd_name]
        command = getattr(importlib.import_module(f"tarmak_iam.cli.commands.{module}"), attribute)
        assert isinstance(command, click.Command)
        offer_common_options(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table: listing the commands imports none of them."""
        width = max(map(len, self._lazy))
        for heading, commands in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), row[2]) for name, row in commands.items()])

    def _offers(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table, too."""
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name, help=row[2]) for name, row in self._lazy.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]


# Click has these only in the text of its message.
_EXTRA = r"Got unexpected extra arguments? \((?P<words>.*)\)\Z"
_NOT_A_NUMBER = r"(?s)'(?P<value>.*)' is not a valid (?P<kind>integer|float)( range)?\Z"
_NOT_IN_RANGE = r"(?P<value>\S+) is not in the range x>=0\Z"
_NOT_ONE_OF = r"(['\"])(?P<value>.*)\1 is not one of "


def usage_message(error: click.ClickException) -> str:
    """The message on one line, without `error:`, and with the command that shows the help."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f" (see {context.command_path} --help)" if context else ""
    return f"{_message(error, context)}{hint}"


def _message(error: click.ClickException, context: click.Context | None) -> str:
    if isinstance(error, click.NoSuchOption) and context is not None:
        name, parameters = error.option_name, context.command.get_params(context)
        known = [option for parameter in parameters for option in (*parameter.opts, *parameter.secondary_opts)]
        longer = [option for option in known if name.startswith("--") and option.startswith(name)]
        remedy = did_you_mean(name, known, cutoff=LIKELY if context.parent else CLOSE) if len(name) > 2 else ""
        remedy = f"did you mean {longer[0]}?" if len(longer) == 1 else remedy
        if not remedy and context.parent is None:
            remedy = "specify options of a command after its name"
        remedy = remedy or _VALUE_REMEDY * isinstance(context.command, CommandOfValues)
        return f"unknown option {error.option_name}{remedy and '; ' + remedy}"
    extra = re.match(_EXTRA, error.message, re.DOTALL)
    if extra and context is not None:
        words = extra["words"].split(" ")
        remedy = cluster_remedy(context, words)
        return f"unexpected argument{'s' if len(words) > 1 else ''} {shlex.join(words)}{remedy and '; ' + remedy}"
    # Click's message as our own begin: in lower case, and with numbers as a user calls them.
    message = re.sub(
        _NOT_A_NUMBER,
        lambda number: f"'{number['value']}' is not a {'whole ' if number['kind'] == 'integer' else ''}number",
        error.format_message().removesuffix("."),
    )
    message = re.sub(_NOT_IN_RANGE, r"\g<value> is below 0", message)
    message = message[:1].lower() + message[1:] if message[1:2].islower() else message  # not of FILE
    kind = error.param.type if isinstance(error, click.BadParameter) and error.param else None
    wrong = re.match(_NOT_ONE_OF, error.message)
    if isinstance(kind, click.Choice) and wrong:
        remedy = did_you_mean(wrong["value"], [str(choice) for choice in kind.choices], cutoff=LIKELY)
        return f"{message}; {remedy}" if remedy else message
    return message


class CommandOfValues(click.Command):
    """A command whose arguments may begin with a dash, if they are numbers or after `--`."""

    ignore_unknown_options = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        literal = args[args.index("--") :] if "--" in args else []
        rest = super().parse_args(ctx, args)
        for parameter in self.params:
            values = ctx.params.get(parameter.name or "") if isinstance(parameter, click.Argument) else None
            for value in (values,) if isinstance(values, str) else values or ():
                if len(value) > 1 and value.startswith("-") and value not in literal and not re.match(_NUMBER, value):
                    raise click.NoSuchOption(value.partition("=")[0], ctx=ctx)
        return rest


_VALUE_REMEDY = "to use it as a value, write -- before the first PATH"
_NUMBER = r"-(\.?[0-9].*|\.inf)\Z"
