"""Parses tarmak's arguments: command, flags, and the directory and cluster on which it works. What cobra 0.0.3 accepts
by accident (flags of a command before its name, a lone `-`) is an error here: then tarmak runs without the hook."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Flag(NamedTuple):
    """`short`: its letter, or empty. A flag that `takes_value` requires a value; other flags are booleans."""

    name: str
    short: str = ""
    takes_value: bool = False


GLOBAL = (
    Flag("config-directory", "c", takes_value=True),
    Flag("verbose", "v"),
    Flag("keep-containers"),
    Flag("current-cluster", takes_value=True),
    Flag("ignore-missing-public-key-tags"),
    Flag("wing-dev-mode"),  # of development builds only
    Flag("public-api-endpoint"),
)
_HELP = Flag("help", "h")
_APPLY = ("clusters", "apply")
COMMANDS: Mapping[tuple[str, ...], tuple[Flag, ...]] = {
    _APPLY: (
        Flag("dry-run"),
        Flag("configuration-only", "C"),
        Flag("infrastructure-only", "I"),
        Flag("auto-approve"),
        Flag("auto-approve-deleting-data"),
        Flag("plan-file-location", "P", takes_value=True),
        Flag("wait-for-convergence", "W"),
    ),
    # Each rewrites the whole tarmak.yaml (from its sources: SetCurrentCluster, Append..., RemoveEnvironment).
    ("init",): (),
    ("clusters", "init"): (),
    ("clusters", "set-current"): (),
    ("environments", "init"): (),
    ("environments", "destroy"): (Flag("auto-approve"),),
    ("providers", "init"): (),
}
"""The commands around which `run` acts, with their own flags."""

ALIASES = {
    "cluster": "clusters",
    "environment": "environments",
    "initialise": "init",
    "initialize": "init",
    "provider": "providers",
}
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


@dataclass(frozen=True, slots=True)
class TarmakCall:
    """`command`: the names down to it without `tarmak`, no aliases; of a command around which `run` does not act, the
    first ones. Empty where tarmak shows help or an error. `flags`: the last value of each flag, by its long name;
    booleans are "true" and "false"."""

    command: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    flags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, args: Sequence[str]) -> TarmakCall:
        """`args` without the program's name. Never raises: arguments that tarmak rejects give an empty command."""
        command, flags, words, rest = tuple[str, ...](), dict[str, str](), list[str](), list(args)[::-1]
        while rest:
            word = rest.pop()
            if word == "--":
                break
            if word.startswith("-") and word != "-":
                settings = _settings(word, (*GLOBAL, _HELP, *COMMANDS.get(command, ())), rest)
                if settings is None:
                    return cls(())
                flags |= settings
            elif command in COMMANDS:
                words.append(word)
            else:
                command = (*command, ALIASES.get(word, word))
                if all(known[: len(command)] != command for known in COMMANDS):
                    break
        if flags.pop("help", "false") == "true":
            return cls(())
        return cls(command, (*words, *reversed(rest)), flags)

    @property
    def applies(self) -> bool:
        """Whether it applies a cluster's configuration to its masters: a dry run fails, as do both -I and -C."""
        return self.command == _APPLY and not (self.has("dry-run") or self.has("infrastructure-only"))

    @property
    def waits(self) -> bool:
        """Whether `clusters apply` waits until the masters have applied everything."""
        return self.flags.get("wait-for-convergence", "true") == "true"

    @property
    def rewrites(self) -> bool:
        """Whether it may write tarmak.yaml."""
        return self.command in COMMANDS and self.command != _APPLY

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


def _settings(word: str, known: Sequence[Flag], rest: list[str]) -> dict[str, str] | None:
    """The flags in one argument (`--name=value`, `-vc DIR`, `-cDIR`, `-c=DIR`), with a value from `rest` if one is
    missing. None if tarmak rejects it."""
    settings: dict[str, str] = {}
    parts: list[tuple[Flag | None, str | None]] = []
    if word.startswith("--"):
        name, has_value, given = word[2:].partition("=")
        parts.append((next((flag for flag in known if flag.name == name), None), given if has_value else None))
    letters = "" if parts else word[1:]
    while letters:
        flag, given, letters = next((flag for flag in known if flag.short == letters[0]), None), letters[1:], ""
        if len(given) > 1 and given[0] == "=":
            given = given[1:]
        elif flag is None or not flag.takes_value:
            letters, given = given, ""
        parts.append((flag, given or None))
    for flag, value in parts:
        if flag is not None and flag.takes_value and (value is not None or rest):
            settings[flag.name] = rest.pop() if value is None else value
        elif flag is not None and not flag.takes_value and value in (None, *_TRUE, *_FALSE):
            settings[flag.name] = "false" if value in _FALSE else "true"
        else:
            return None
    return settings
