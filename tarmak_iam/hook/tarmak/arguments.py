"""Parses tarmak's arguments as tarmak does: command, flags, and the directory and cluster on which it works.

tarmak uses cobra 0.0.3 and pflag. Their behaviour is reproduced exactly, because it decides what tarmak does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from tarmak_iam.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Flag:
    """`short`: its letter, or empty. A flag that `takes_value` requires a value; other flags are booleans."""

    name: str
    short: str = ""
    takes_value: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """`runs`: whether the command does anything itself; other commands show their help."""

    name: str
    aliases: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    commands: tuple[Command, ...] = ()
    runs: bool = True
    is_raw: bool = False
    """Whether its words are passed on unparsed: no flag among them is tarmak's."""

    def next(self, word: str) -> Command | None:
        return next((each for each in self.commands if word == each.name or word in each.aliases), None)


def _group(name: str, alias: str, *commands: Command) -> Command:
    return Command(name, (alias,) if alias else (), (), commands, runs=False)


def _commands(*names: str, is_raw: bool = False) -> Iterator[Command]:
    return (Command(name, is_raw=is_raw) for name in names)


GLOBAL = (
    Flag("config-directory", "c", takes_value=True),
    Flag("verbose", "v"),
    Flag("keep-containers"),
    Flag("current-cluster", takes_value=True),
    Flag("ignore-missing-public-key-tags"),
    Flag("wing-dev-mode"),  # of development builds only
    Flag("public-api-endpoint"),
)

HELP = Flag("help", "h")
"""cobra adds it to the command that it has found. Before that, the flag seems to take a value."""

_DRY_RUN, _AUTO_APPROVE = Flag("dry-run"), Flag("auto-approve")

_APPLY = (
    _DRY_RUN,
    Flag("configuration-only", "C"),
    Flag("infrastructure-only", "I"),
    _AUTO_APPROVE,
    Flag("auto-approve-deleting-data"),
    Flag("plan-file-location", "P", takes_value=True),
    Flag("wait-for-convergence", "W"),
)

_INIT = Command("init", ("initialise", "initialize"))

_SSH = Command("ssh")

_KUBECTL = Command("kubectl")

_KUBECONFIG = Command("kubeconfig", flags=(Flag("path", "p", takes_value=True),))

_LOGS = tuple(Flag(name, takes_value=True) for name in ("path", "since", "until"))

_CLUSTERS = _group(
    "clusters",
    "cluster",
    Command("apply", flags=_APPLY),
    Command("destroy", flags=(_DRY_RUN,)),
    _group("debug", "", _group("puppet", "", Command("build-tar")), _group("terraform", "", Command("shell"))),
    _group("images", "image", Command("build", flags=(Flag("rebuild-existing", "R"),)), Command("list")),
    _group("instances", "instance", Command("list"), _SSH),
    Command("logs", ("log",), _LOGS),
    Command("plan", flags=(Flag("plan-file-store", "P", takes_value=True),)),
    *_commands("force-unlock", "list", "set-current"),
    _INIT,
    _KUBECONFIG,
    _KUBECTL,
    _SSH,
)

_TERRAFORM = ("init", "plan", "apply", "destroy", "force-unlock", "output", "fmt", "validate", "taint")

ROOT = _group(
    "tarmak",
    "",
    _CLUSTERS,
    _group("environments", "environment", Command("destroy", flags=(_AUTO_APPROVE,)), _INIT, Command("list")),
    _group("providers", "provider", _INIT, *_commands("list", "validate")),
    _INIT,
    _KUBECONFIG,
    _KUBECTL,
    Command("version"),
    Command("help", runs=False),
    Command("terraform", commands=tuple(_commands(*_TERRAFORM, is_raw=True)), runs=False, is_raw=True),
    *_commands("internal-plugin", "tunnel", is_raw=True),
)


# Each rewrites the whole tarmak.yaml (from its sources: SetCurrentCluster, Append..., RemoveEnvironment).
_REWRITING = {
    ("init",),
    ("clusters", "init"),
    ("clusters", "set-current"),
    ("environments", "init"),
    ("environments", "destroy"),
    ("providers", "init"),
}

_CLUSTERS_APPLY = ("clusters", "apply")


# The words after these names belong to another program; cluster ssh is also found through `instances`.
_PASSING_ON = ("kubectl", "ssh")

_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


@dataclass(frozen=True, slots=True)
class TarmakCall:
    """`command`: the names down to it without `tarmak`, no aliases; empty where tarmak shows help or an error.

    `flags`: the last value of each flag that was given, by its long name; booleans are "true" and "false".
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, args: Sequence[str]) -> TarmakCall:
        """`args` without the program's name. Never raises: arguments that tarmak rejects give an empty command."""
        try:
            flags: dict[str, str] = {}  # of both passes over the arguments: what the first one sets stays set
            path, rest = _find(_separated(list(args), flags))
            arguments = _parsed(path[-1], rest, (*path[-1].flags, *GLOBAL, HELP), flags)
        except _Refused:
            return cls(())
        if flags.pop("help", "false") == "true" or not path[-1].runs:
            return cls(())
        return cls(tuple(each.name for each in path[1:]), tuple(arguments), flags)

    @property
    def applies(self) -> bool:
        """Whether it applies a cluster's configuration to its masters: a dry run fails, as do both -I and -C."""
        return self.command == _CLUSTERS_APPLY and not (self.has("dry-run") or self.has("infrastructure-only"))

    @property
    def waits(self) -> bool:
        """Whether `clusters apply` waits until the masters have applied everything."""
        return self.flags.get("wait-for-convergence", "true") == "true"

    @property
    def rewrites(self) -> bool:
        """Whether it may write tarmak.yaml."""
        return self.command in _REWRITING

    @property
    def cluster_name(self) -> str | None:
        """--current-cluster; None for the currentCluster of the file."""
        return self.flags.get("current-cluster") or None

    @property
    def access_options(self) -> tuple[str, ...]:
        """The options with which another tarmak works on the same cluster."""
        names = ("config-directory", "current-cluster", "public-api-endpoint")
        return tuple(f"--{name}={self.flags[name]}" for name in names if name in self.flags)

    def has(self, flag: str) -> bool:
        return self.flags.get(flag) == "true"

    def directory(self, environment: Mapping[str, str]) -> Path:
        """Where tarmak looks for tarmak.yaml: -c, an empty one too, a non-empty TARMAK_CONFIG, ~/.tarmak."""
        given = self.flags.get("config-directory")
        chosen = given if given is not None else environment.get("TARMAK_CONFIG") or "~/.tarmak"
        if chosen == "~" or chosen.startswith("~/"):
            chosen = (environment.get("HOME") or str(Path.home())) + chosen[1:]
        return Path(os.path.abspath(chosen))


class _Refused(Exception):
    """tarmak ends with a usage error."""


def _separated(args: list[str], flags: dict[str, str]) -> list[str]:
    """The arguments with the `--` that tarmak inserts after kubectl and ssh, so that the rest is passed to them."""
    command = _traversed(ROOT, args, flags)
    for name in _PASSING_ON:
        if command.name == name and name in args:
            after = args.index(name) + 1
            return [*args[:after], "--", *args[after:]]
    return args


def _traversed(command: Command, args: list[str], flags: dict[str, str]) -> Command:
    """cobra's Traverse, which does not know the flags yet: every flag that could take a value takes the next word."""
    seen: list[str] = []
    takes_next = False
    for index, arg in enumerate(args):
        could = "=" not in arg and (arg.startswith("--") or (arg.startswith("-") and len(arg) == 2))
        if could or takes_next or _is_flag(arg):
            takes_next = could
            seen.append(arg)
            continue
        found = command.next(arg)
        if found is None:
            return command
        _parsed(command, seen, (*command.flags, *GLOBAL), flags)
        return _traversed(found, args[index + 1 :], flags)
    return command


def _is_flag(arg: str) -> bool:
    return (len(arg) >= 3 and arg[1] == "-") or (len(arg) >= 2 and arg[0] == "-" and arg[1] != "-")


def _find(args: list[str]) -> tuple[list[Command], list[str]]:
    """The commands from the root down, and the arguments without their names."""
    path = [ROOT]
    while True:
        word = next(_words(args, (*path[-1].flags, *GLOBAL)), None)
        found = None if word is None else path[-1].next(word)
        if word is None or found is None:
            return path, args
        path.append(found)
        first = args.index(word)  # may be a flag's value: cobra removes the first equal word
        args = [*args[:first], *args[first + 1 :]]


def _words(args: list[str], flags: Sequence[Flag]) -> Iterator[str]:
    """The words that are neither flags nor, as far as known here, values of flags."""
    alone = {f"--{flag.name}" for flag in flags if not flag.takes_value}
    alone |= {f"-{flag.short}" for flag in flags if flag.short and not flag.takes_value}
    rest = iter(args)
    left = len(args)
    for arg in rest:
        left -= 1
        if arg == "--":
            return
        if "=" not in arg and arg not in alone and (arg.startswith("--") or (arg.startswith("-") and len(arg) == 2)):
            if left <= 1:
                return
            next(rest)
            left -= 1
        elif arg and not arg.startswith("-"):
            yield arg


def _parsed(command: Command, args: list[str], known: Sequence[Flag], flags: dict[str, str]) -> list[str]:
    """pflag's Parse: sets `flags` and returns the other arguments. Raises _Refused."""
    if command.is_raw:
        return args
    left: list[str] = []
    rest = list(reversed(args))
    while rest:
        arg = rest.pop()
        if not arg.startswith("-") or arg == "-":
            left.append(arg)
        elif arg == "--":
            return [*left, *reversed(rest)]
        elif arg.startswith("--"):
            _take_long(arg[2:], rest, known, flags)
        else:
            _take_short(arg[1:], rest, known, flags)
    return left


def _take_long(text: str, rest: list[str], known: Sequence[Flag], flags: dict[str, str]) -> None:
    name, has_value, value = text.partition("=")
    flag = next((each for each in known if each.name == name), None)
    if flag is None or name.startswith("-"):
        raise _Refused
    flags[name] = _value(flag, value if has_value else None, rest)


def _take_short(letters: str, rest: list[str], known: Sequence[Flag], flags: dict[str, str]) -> None:
    while letters:
        flag = next((each for each in known if each.short == letters[0]), None)
        if flag is None:
            raise _Refused
        letters = letters[1:]
        value = None
        if len(letters) > 1 and letters[0] == "=":
            value, letters = letters[1:], ""
        elif flag.takes_value and letters:
            value, letters = letters, ""
        flags[flag.name] = _value(flag, value, rest)


def _value(flag: Flag, given: str | None, rest: list[str]) -> str:
    if flag.takes_value:
        if given is not None:
            return given
        if rest:
            return rest.pop()
    elif given is None or given in _TRUE:
        return "true"
    elif given in _FALSE:
        return "false"
    raise _Refused
