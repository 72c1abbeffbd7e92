"""The arguments of a token command in a kubeconfig, parsed in all their spellings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

MISNAMED = ("aws-iam-authenticator-aws", "heptio-authenticator-aws")
"""The authenticator's name in Tarmak's documentation, a command that never existed; and its name up to v0.3."""

_FAMILIES = {
    "aws-iam-authenticator": "authenticator",
    **dict.fromkeys(MISNAMED, "authenticator"),
    "tarmak-iam": "tarmak-iam",
    "aws": "aws",
}
_SUBCOMMANDS = {"authenticator": ("token",), "tarmak-iam": ("token",), "aws": ("eks", "get-token")}
_TOKEN_OPTIONS = {
    "-i": "cluster",
    "--cluster-id": "cluster",
    "-r": "role",
    "--role": "role",
    "-s": "session",
    "--session-name": "session",
}
_OPTIONS = {
    "authenticator": _TOKEN_OPTIONS,
    "tarmak-iam": _TOKEN_OPTIONS,
    "aws": {"--cluster-name": "cluster", "--role-arn": "role", "--output": "output"},
}
_SHARED = {"--region": "region", "--profile": "profile"}
WORDS = frozenset().union(*_SUBCOMMANDS.values(), *_OPTIONS.values(), _SHARED)
"""The known subcommands and options, which contain no private data."""
# The environment variables that aws-iam-authenticator and tarmak-iam accept in place of options.
_VARIABLES = {"cluster": "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "role": "DEFAULT_ROLE"}


def command_family(command: object) -> str | None:
    """Which token command this is, whatever its directory; None for any other command."""
    return _FAMILIES.get(PurePath(command).name) if isinstance(command, str) else None


class ExecArguments(NamedTuple):
    """`rest` contains all other arguments, such as `--cache`."""

    family: str
    options: Mapping[str, str]
    rest: tuple[str, ...]

    @classmethod
    def of(cls, plugin: Mapping[Any, Any]) -> ExecArguments | None:
        """None for any other command than the three, and where its arguments are not strings."""
        kind, args = command_family(plugin.get("command")), plugin.get("args") or []
        if kind is None or not isinstance(args, list) or not all(isinstance(arg, str) for arg in args):
            return None
        options, words = _parsed(args, {**_OPTIONS[kind], **_SHARED})
        subcommand = _SUBCOMMANDS[kind]
        if tuple(words[: len(subcommand)]) != subcommand:
            return None
        if kind != "aws":
            env = plugin.get("env")
            variables = [item for item in env if isinstance(item, dict)] if isinstance(env, list) else []
            values = {str(item.get("name")): str(item.get("value")) for item in variables}
            options = {option: values[name] for option, name in _VARIABLES.items() if name in values} | options
        return cls(kind, {name: value for name, value in options.items() if value}, tuple(words[len(subcommand) :]))

    def includes(self, other: ExecArguments) -> bool:
        """Whether it is the same command, with all options of the other at the same values."""
        return self.family == other.family and all(self.options.get(key) == val for key, val in other.options.items())


def _parsed(args: Sequence[str], known: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The known options with their values, and all other words in their order."""
    options: dict[str, str] = {}
    words: list[str] = []
    remaining = iter(args)
    for word in remaining:
        flag, sign, value = word.partition("=")
        if word in known:
            options[known[word]] = next(remaining, "")
        elif sign and flag in known:
            options[known[flag]] = value
        elif word[:2] in known and not word.startswith("--"):
            options[known[word[:2]]] = word[2:]
        else:
            words.append(word)
    return options, words
