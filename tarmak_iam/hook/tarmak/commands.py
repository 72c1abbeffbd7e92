"""The commands of tarmak and their flags, as its sources declare them (cmd/tarmak/cmd, after 0.6.7)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["GLOBAL", "HELP", "ROOT", "Command", "Flag", "kubeconfig_command"]


@dataclass(frozen=True, slots=True)
class Flag:
    """`short`: its letter, empty for none. One that `takes_value` needs it; the others are booleans."""

    name: str
    short: str = ""
    takes_value: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """`runs`: whether it does anything itself; the others show their help."""

    name: str
    aliases: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    commands: tuple[Command, ...] = ()
    runs: bool = True
    is_raw: bool = False
    """Its words are its own: no flag among them is tarmak's."""

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
"""Which cobra adds to the command that it has found, and not before: until then it seems to take a value."""

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


def kubeconfig_command(tarmak_options: Sequence[str] = (), program: str = "tarmak") -> str:
    """`tarmak clusters kubeconfig` as somebody types it."""
    return shlex.join((program, *tarmak_options, "clusters", "kubeconfig"))
