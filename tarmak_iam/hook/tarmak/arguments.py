"""Parses tarmak's arguments as tarmak does: command, flags, and the directory and cluster on which it works.

tarmak uses cobra 0.0.3 and pflag, whose behaviour decides what tarmak does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


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
        return next((command for command in self.commands if word in (command.name, *command.aliases)), None)


def _group(name: str, alias: str, *commands: Command) -> Command:
    return Command(name, (alias,) if alias else (), (), commands, runs=False)


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
"""cobra adds it to the command that it has found: before that, it is an unknown flag."""

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

_CLUSTERS = _group(
    "clusters",
    "cluster",
    Command("apply", flags=_APPLY),
    Command("destroy", flags=(_DRY_RUN,)),
    _group("debug", "", _group("puppet", "", Command("build-tar")), _group("terraform", "", Command("shell"))),
    _group("images", "image", Command("build", flags=(Flag("rebuild-existing", "R"),)), Command("list")),
    _group("instances", "instance", Command("list"), _SSH),
    Command("logs", ("log",), tuple(Flag(name, takes_value=True) for name in ("path", "since", "until"))),
    Command("plan", flags=(Flag("plan-file-store", "P", takes_value=True),)),
    *map(Command, ("force-unlock", "list", "set-current")),
    _INIT,
    _KUBECONFIG,
    _KUBECTL,
    _SSH,
)

ROOT = _group(
    "tarmak",
    "",
    _CLUSTERS,
    _group("environments", "environment", Command("destroy", flags=(_AUTO_APPROVE,)), _INIT, Command("list")),
    _group("providers", "provider", _INIT, Command("list"), Command("validate")),
    _INIT,
    _KUBECONFIG,
    _KUBECTL,
    Command("version"),
    Command("help", runs=False),
    *(Command(name, is_raw=True) for name in ("terraform", "internal-plugin", "tunnel")),
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

# The words after these names belong to another program: tarmak inserts `--` between them.
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
        flags: dict[str, str] = {}
        try:
            command, arguments = _parsed(ROOT, list(args), flags)
        except _Refused:
            return cls(())
        return cls(()) if flags.pop("help", "false") == "true" else cls(command, tuple(arguments), flags)

    @property
    def applies(self) -> bool:
        """Whether it applies a cluster's configuration to its masters: a dry run fails, as do both -I and -C."""
        return self.command == ("clusters", "apply") and not (self.has("dry-run") or self.has("infrastructure-only"))

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
    """tarmak shows its help, or ends with a usage error."""


def _parsed(command: Command, args: list[str], flags: dict[str, str]) -> tuple[tuple[str, ...], list[str]]:
    """The names of the commands below this one, and the arguments of the last one. Sets `flags`: what was set on the
    way down stays set. Raises _Refused, also for flags before their own command, few of which cobra accepts."""
    if command.is_raw:
        return (), args
    known = (*command.flags, *GLOBAL, *((HELP,) if command.runs else ()))
    words: list[str] = []
    rest = args[::-1]
    while rest:
        arg = rest.pop()
        if arg == "--":
            words += reversed(rest)
            break
        if arg.startswith("--"):
            name, has_value, value = arg[2:].partition("=")
            flag = next((flag for flag in known if flag.name == name), None)
            flags |= _setting(flag, value if has_value else None, rest)
        elif arg.startswith("-") and arg != "-":
            _take_letters(arg[1:], known, rest if command.runs or len(arg) == 2 else [], flags)
        elif (below := command.next(arg)) is not None and not "".join(words).strip("-"):
            at = args.index(arg)  # may be a flag's value: cobra removes the first equal word, and begins again
            separator = ["--"] if below.name in _PASSING_ON and not words else []
            names, arguments = _parsed(below, [*args[:at], *separator, *args[at + 1 :]], flags)
            return (below.name, *names), arguments
        else:
            words.append(arg)
    if not command.runs:
        raise _Refused
    return (), words


def _take_letters(letters: str, known: Sequence[Flag], rest: list[str], flags: dict[str, str]) -> None:
    """`-vc DIR`, `-cDIR` and `-c=DIR`. Before the last command, cobra finds no value after several letters."""
    while letters:
        flag = next((flag for flag in known if flag.short == letters[0]), None)
        letters, value = letters[1:], None
        if len(letters) > 1 and letters[0] == "=":
            letters, value = "", letters[1:]
        elif letters and flag is not None and flag.takes_value:
            letters, value = "", letters
        flags |= _setting(flag, value, rest)


def _setting(flag: Flag | None, value: str | None, rest: list[str]) -> dict[str, str]:
    """`value`: what is given in the same argument; else it is the next of `rest`. Raises _Refused."""
    if flag is not None and flag.takes_value and (value is not None or rest):
        return {flag.name: rest.pop() if value is None else value}
    if flag is not None and not flag.takes_value and value in (None, *_TRUE, *_FALSE):
        return {flag.name: "false" if value in _FALSE else "true"}
    raise _Refused
