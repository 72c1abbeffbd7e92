"""How a command line is parsed: the common options, which are accepted before and after a command, groups that import
their commands when called, and suggestions for mistyped words. Every call needs this, so it imports little."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.completion import clusters, directories
from tarmak_iam.cli.console import COLOUR_CHOICES, QUIET, colour_of_choice, show_log
from tarmak_iam.cli.session import session_of
from tarmak_iam.text import CLOSE, LIKELY, did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


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


def _choose_quiet(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.meta[QUIET] = value or context.meta.get(QUIET)


def declared(usage: str, parameter: str = "", about: str = "", **settings: Any) -> tuple[list[str], dict[str, Any]]:
    """Names and settings of an option. `usage` is its names and placeholder; a flag has neither type nor default."""
    words = usage.split()
    names = [word for word in words if word.startswith("-")]
    if len(names) < len(words):
        settings["metavar"] = " ".join(words[len(names) :])
    elif not {"type", "default", "count"} & settings.keys():
        settings["is_flag"] = True
    names += [parameter] if parameter else []
    return names, {"help": about, "show_default": bool(settings.get("default")), **settings}


COMMON_OPTIONS = (
    declared("-c --config-directory DIR", callback=_choose_directory, shell_complete=directories),
    declared(
        "--current-cluster --cluster ENV-NAME",  # as Tarmak spells it, and the short form
        "cluster_name",
        callback=choose,
        is_eager=True,  # before the options that conflict with it, whatever their order
        shell_complete=clusters,
    ),
    declared("--follow-links", callback=choose, envvar="TARMAK_IAM_FOLLOW_LINKS"),
    declared("--color", callback=_choose_colour, type=click.Choice(COLOUR_CHOICES), is_eager=True),
    declared("-v --verbose", callback=_choose_verbosity, count=True),
    declared("-q --quiet", callback=_choose_quiet),
)


def _offer_common_options(command: click.Command) -> None:
    """To a command and its subcommands. Does nothing the second time."""
    if any(isinstance(parameter, CommonOption) for parameter in command.params):
        return
    record: tuple[str, str] | None = ("-c, --cluster, -v, ...", "Common options: see tarmak-iam --help.")
    for names, settings in COMMON_OPTIONS:
        command.params.append(CommonOption(names, is_listed=False, record=record, **settings))
        record = None
    for subcommand in command.commands.values() if isinstance(command, click.Group) else ():
        _offer_common_options(subcommand)


_HELP_OF_OPTION = re.compile(r"^(--[\w-]+): (.*)\n?", re.MULTILINE)


def _describe(command: click.Command, name: str, sections: Mapping[str, str] | None = None) -> None:
    """Gives a command and its subcommands their help, and that of their options: of pages in the folder `help`."""
    if sections is None:
        text = ""
        for page in ("options", name):  # without pathlib, whose import takes a tenth of the time of --help
            with open(os.path.join(os.path.dirname(__file__), "help", f"{page}.txt"), encoding="utf-8") as file:
                text += f"\n{file.read()}"
        sections = dict(part.split("\n", 1) for part in text.split("\n== ")[1:])
    section = sections.get(name, "")
    options = {**dict(_HELP_OF_OPTION.findall(sections[""])), **dict(_HELP_OF_OPTION.findall(section))}
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.help:
            parameter.help = next(options[name] for name in parameter.opts if name in options)
    about, example, more = _HELP_OF_OPTION.sub("", section).replace("\\b\n", "\b\n").partition("\nExample")
    command.help = about.strip() or command.help
    command.epilog = f"\b{example}{more.rstrip()}" if example else command.epilog
    for subcommand in command.commands.values() if isinstance(command, click.Group) else ():
        _describe(subcommand, f"{name} {subcommand.name}", sections)


class CommandGroup(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, known = args[0], self.list_commands(ctx)
        if name in known or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        remedy = did_you_mean(name, known, cutoff=LIKELY)
        remedy = remedy or (f"choose one of {', '.join(known)}" if len(known) <= 6 else "")
        raise click.UsageError(f"unknown command '{name}'{remedy and '; ' + remedy}", ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Nothing if words remain after the group's own options: then the first is not a command."""
        return [] if vars(ctx).get("_protected_args") or ctx.args else super().shell_complete(ctx, incomplete)


def _moved(context: click.Context, name: str, *words: str) -> str:
    """The command line for what was `set` or `unset` of a section, with the same arguments."""
    from tarmak_iam.config.key_paths import KeyStep, joined
    from tarmak_iam.config.section_keys import section_named

    old = click.Command(name, params=[click.Argument(["keys"], nargs=-1), click.Option(["--section"])])
    old.add_help_option = False
    _offer_common_options(old)
    with old.make_context(name, list(words), parent=context, ignore_unknown_options=True) as given:
        keys = list(given.params["keys"])
        options = [key for key in keys if key in ("--dry-run", "--help", "-h")] + ["--"] * ("--" in words)
        keys = [key for key in keys if key not in options]
        if section := given.params["section"]:
            home, step = joined(tuple(map(KeyStep, section_named(section).path))), 2 if name == "set" else 1
            keys[::step] = [f"{home}.{key}" for key in keys[::step]]
        return session_of(given).command(f"config {name}", *options, *keys)


class LazyGroup(CommandGroup):
    """The program. `modules`: a module -> the names of its commands; their headings and help are on its page."""

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        params = [CommonOption(names, is_listed=True, **settings) for names, settings in COMMON_OPTIONS]
        super().__init__(*args, params=[*params, *kwargs.pop("params", ())], **kwargs)
        _describe(self, "tarmak-iam")
        self._modules = {name: module for module, names in modules.items() for name in names.split()}
        self.help, *sections = (self.help or "").split("\n\n")
        self._sections = [(part.partition(":")[0], re.findall(r"(?m)^  (\S+): (.*)", part)) for part in sections]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in ("set", "unset") and not ctx.resilient_parsing:
            raise click.UsageError(f"`{args[0]}` is now `config {args[0]}`: run `{_moved(ctx, *args)}`", ctx)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for _, lines in self._sections for name, _ in lines]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._modules:
            return None
        module = importlib.import_module(f"tarmak_iam.cli.commands.{self._modules[cmd_name]}")
        command = getattr(module, cmd_name, None) or getattr(module, f"{cmd_name}_")  # of a built-in function's name
        assert isinstance(command, click.Command)
        _offer_common_options(command)
        _describe(command, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the page: listing the commands imports none of them."""
        width = max(map(len, self._modules))
        for heading, lines in self._sections:
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), about) for name, about in lines])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the page, too."""
        from click.shell_completion import CompletionItem

        if vars(ctx).get("_protected_args") or ctx.args:
            return []
        known = (line for _, lines in self._sections for line in lines)
        named = [CompletionItem(name, help=about) for name, about in known if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]


def usage_message(error: click.ClickException) -> str:
    """On one line, as our own begin: in lower case, without `error:`; and the command that shows the help."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    message = " ".join(error.format_message().split()).removesuffix(".")
    message = message[:1].lower() + message[1:] if message[1:2].islower() else message  # not of FILE
    if isinstance(error, click.NoSuchOption) and context is not None:
        name, parameters = error.option_name, context.command.get_params(context)
        known = [option for parameter in parameters for option in (*parameter.opts, *parameter.secondary_opts)]
        longer = [option for option in known if name.startswith("--") and option.startswith(name)]
        remedy = did_you_mean(name, known, cutoff=LIKELY if context.parent else CLOSE) if len(name) > 2 else ""
        remedy = f"did you mean {longer[0]}?" if len(longer) == 1 else remedy
        if isinstance(context.command, CommandOfValues):
            remedy = remedy or "to use it as a value, write -- before the first PATH"
        remedy = remedy or ("" if context.parent else "specify options of a command after its name")
        message = f"unknown option {name}{remedy and '; ' + remedy}"
    return f"{message} (see {context.command_path} --help)" if context else message


class CommandOfValues(click.Command):
    """A command whose arguments may begin with a dash, if they are numbers or after `--`."""

    ignore_unknown_options = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        literal = args[args.index("--") :] if "--" in args else []
        rest = super().parse_args(ctx, args)
        for parameter in self.params:
            values = ctx.params.get(parameter.name or "") if isinstance(parameter, click.Argument) else None
            for value in (values,) if isinstance(values, str) else values or ():
                is_number = re.match(r"-(\.?[0-9].*|\.inf)\Z", value)
                if len(value) > 1 and value.startswith("-") and value not in literal and not is_number:
                    raise click.NoSuchOption(value.partition("=")[0], ctx=ctx)
        return rest
