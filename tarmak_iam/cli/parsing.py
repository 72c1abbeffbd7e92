"""Groups that import their commands when called, and suggestions for mistyped words."""

from __future__ import annotations

import contextlib
import importlib
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.common_options import CommonOption, offer_common_options
from tarmak_iam.cli.session import session_of
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.text import LIKELY, closest, did_you_mean, spelled_otherwise

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


_WORDS = f"{__name__}.words"


# <environment>-<name>, and neither a path nor an ARN.
_CLUSTER = r"[A-Za-z0-9][A-Za-z0-9_.]*(-[A-Za-z0-9_.]+)+/?"


def remember_words(context: click.Context, words: Sequence[str]) -> None:
    """Keeps all words typed after the program's name, for suggestions in errors."""
    context.meta[_WORDS] = tuple(words)


def typed_words(context: click.Context) -> tuple[str, ...]:
    """The words typed after the program's name; empty if they were not kept."""
    words: tuple[str, ...] = context.meta.get(_WORDS, ())
    return words


def cluster_remedy(context: click.Context, words: Iterable[str], *, exactly: bool = False, instead: str = "") -> str:
    """What to type instead if one of the words is the name of a cluster in tarmak.yaml.

    Unless `exactly`: also for a word that is close to such a name, and, if tarmak.yaml cannot be read, for a word that
    has the form of one. `instead` is what the command needs in its place, as `ARN`. Empty if no word is a cluster, or a
    cluster is selected already.
    """
    session = session_of(context)
    likely = [word for word in words if re.fullmatch(_CLUSTER, word)]
    if not likely or session.cluster_name:
        return ""
    names: list[str] | None = None
    with contextlib.suppress(TarmakIamError):
        names = [cluster.cluster_name for cluster in session.config().selectable_clusters]
    for word in likely:
        name = word.rstrip("/")
        if names is None:
            meant = None if exactly else name
        else:
            meant = name if name in names else None if exactly else closest(name, names)
        if meant is not None:
            rest = list(typed_words(context))
            index = next((number for number, typed in enumerate(rest) if typed.rstrip("/") == name), None)
            if index is not None:
                rest[index : index + 1] = [instead] if instead else []
            command = f"tarmak-iam --cluster {shlex.quote(meant)} {shlex.join(rest) or 'COMMAND'}"
            if names is None:
                return f"if {name} is a cluster, use `{command}`"
            return f"use --cluster {meant}: `{command}`" if meant == name else f"did you mean `{command}`?"
    return ""


@contextlib.contextmanager
def cluster_suggested(word: str, instead: str) -> Iterator[None]:
    """For an argument that must be something else, as `instead` says: if it is the name of a cluster in tarmak.yaml, an
    error about it says how to select that cluster."""
    try:
        yield
    except TarmakIamError as error:
        remedy = cluster_remedy(click.get_current_context(), [word], exactly=True, instead=instead)
        error.remedy = remedy or error.remedy
        raise


def unexpected_argument(context: click.Context, words: Sequence[str], otherwise: str = "") -> str:
    """The message for words that a command does not accept; `otherwise` if no cluster is among what was typed."""
    others = [word for word in typed_words(context) if word not in words]
    exact = cluster_remedy(context, words, exactly=True) or cluster_remedy(context, others, exactly=True)
    if exact:
        name = context.command_path.partition(" ")[2]
        return f"{name} does not take a cluster as an argument; {exact}"
    near = cluster_remedy(context, words)
    what = f"unexpected argument{'s' if len(words) > 1 else ''} {shlex.join(words)}"
    return f"{what}; {near}" if near else otherwise or what


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
        """A remedy for an unknown command is a cluster of tarmak.yaml first, then a command, then a word that has the
        form of a cluster name."""
        name, known = args[0], self.list_commands(ctx)
        if name in known or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        alias = self._aliases.get(name)
        if alias and " " in alias:  # a command line, and printed as one
            alias = f"`{ctx.command_path} {alias}`"
        remedy = (
            (self._has_cluster and cluster_remedy(ctx, [name], exactly=True))
            or (alias and f"did you mean {alias}?")
            or did_you_mean(name, known, cutoff=LIKELY)
            or (self._has_cluster and cluster_remedy(ctx, [name]))
            or (f"choose one of {', '.join(known)}" if len(known) <= 6 else "")
        )
        raise click.UsageError(f"unknown command '{name}'{remedy and '; ' + remedy}", ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Nothing if words remain after the group's own options: then the first is not a command."""
        return [] if vars(ctx).get("_protected_args") or ctx.args else self._offers(ctx, incomplete)

    def _offers(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return super().shell_complete(ctx, incomplete)


class LazyGroup(CommandGroup):
    """`commands_by_name`: name -> (module, attribute, one line of help). `headings`: heading in the help -> names of
    its commands; the others are listed last."""

    def __init__(
        self,
        *args: Any,
        commands_by_name: Mapping[str, tuple[str, str, str]],
        headings: Mapping[str, Sequence[str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._lazy, self._headings = commands_by_name, headings

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
        grouped = {name for names in self._headings.values() for name in names}
        rest = [name for name in self._lazy if name not in grouped]
        width = max(map(len, self._lazy))
        for heading, names in (*self._headings.items(), ("Other commands", rest)):
            rows = [(name.ljust(width), self._lazy[name][2]) for name in names if name in self._lazy]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def _offers(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table, too."""
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name, help=row[2]) for name, row in self._lazy.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]


_MIN_LIKENESS = 0.7
"""How similar two options must be: `--roel` is similar enough to `--role`, `--region` is not to `--version`."""


# Names that other tools use, and frequent slips -> our options; the first that the command has is suggested.
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "clustername": ("--cluster",),
    "clusterid": ("--cluster",),
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
    "dryrun": ("--diff",),
}


def option_remedy(name: str, context: click.Context) -> str:
    """`did you mean --role?`, or the commands that have the option; else empty. `name` begins with two dashes."""
    parameters = context.command.get_params(context)
    options = [parameter for parameter in parameters if isinstance(parameter, click.Option)]
    names = (name for option in options for name in (*option.opts, *option.secondary_opts))
    known = [long for long in names if long.startswith("--")]
    others = _OTHER_NAMES.get(name.replace("-", "").replace("_", "").lower(), ())
    word = name.removeprefix("--").lower()
    having = [long for long in known if long[2:].startswith(word) or word in long[2:].split("-")]
    meant = (
        spelled_otherwise(name, known)
        or next((other for other in others if other in known), None)
        or closest(name, known)
        or (having[0] if len(having) == 1 and len(word) > 1 else None)  # begins with it, or contains it as a word
        or closest(name, known, _MIN_LIKENESS)
    )
    if meant:
        return f"did you mean {meant}?"
    root = context.find_root()
    owners = [
        " ".join(words)
        for words, command in _commands(root.command, root, ())
        if any(name in parameter.opts for parameter in command.params if not isinstance(parameter, CommonOption))
    ]
    if not owners:
        return ""
    listed = ", ".join(f"`{owner}`" for owner in owners[:3])
    more = " and others" if len(owners) > 3 else ""
    return f"this is an option of {listed}{more}{'; specify it after the command' if context.parent is None else ''}"


def _commands(
    command: click.Command, context: click.Context, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands, by the words that are typed. Imports them, which is slow: the call fails anyway."""
    if not isinstance(command, click.Group):
        yield words, command
        return
    for name in command.list_commands(context):
        subcommand = command.get_command(context, name)
        if subcommand is not None:
            yield from _commands(subcommand, context, (*words, name))


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
        return _no_such_option(error.option_name, context)
    extra = re.match(_EXTRA, error.message, re.DOTALL)
    if extra and context is not None:
        return unexpected_argument(context, extra["words"].split(" "))
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


def _no_such_option(name: str, context: click.Context) -> str:
    if name.startswith("--"):
        remedy = option_remedy(name, context)
    else:  # click reads -role as the options -r, -o, -l and -e
        word = next((typed for typed in typed_words(context) if typed.startswith(name) and len(typed) > 3), "")
        remedy = option_remedy(f"-{word.partition('=')[0]}", context) if word else ""
        name = word if remedy else name
    if not remedy and context.parent is None:
        remedy = "specify options of a command after its name"
    return f"unknown option {name}{f'; {remedy}' if remedy else ''}"


ACCEPTS_DASHES = {"ignore_unknown_options": True}
"""The `context_settings` of a command with values that may begin with a dash. All its arguments need
`refuse_options`."""

_NUMBER = r"-(\.?[0-9].*|\.inf)\Z"


def refuse_options(context: click.Context, _: click.Parameter, values: Any) -> Any:
    """The callback of an argument: raises click.UsageError for a word that begins with a dash, but is neither a number
    nor after `--`."""
    words = typed_words(context)
    literal = words[words.index("--") :] if "--" in words else ()
    for value in (values,) if isinstance(values, str) else values or ():
        if len(value) > 1 and value.startswith("-") and value not in literal and not re.match(_NUMBER, value):
            name = value.partition("=")[0]
            if name.startswith("--") and option_remedy(name, context):
                raise click.NoSuchOption(name, ctx=context)
            remedy = "to use it as a value, write -- before the first PATH"
            raise click.UsageError(f"unknown option {value}; {remedy}", context)
    return values
