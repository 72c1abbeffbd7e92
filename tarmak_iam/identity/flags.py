"""The authenticator's command line, parsed as its pflag library does, by release."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.document.scalars import parse_go_integer
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import SSO_GATE, DaemonVersion
from tarmak_iam.identity.viper import GO_TRUE
from tarmak_iam.text import shortened

# Flag, shorthand, type, and the configuration key that it overrides.
_FLAGS: tuple[tuple[str, str, str, str], ...] = (
    ("root (persistent) --config (-c)", "c", "string", ""),
    ("root (persistent) --cluster-id (-i)", "i", "string", "clusterID"),
    ("root (persistent) --log-format (-l)", "l", "string", ""),
    ("root (persistent) --log-verbosity (-v)", "v", "level", ""),
    ("root (persistent) --feature-gates", "", "gates", ""),
    ("server --address", "", "string", "server.address"),
    ("server --backend-mode", "", "list", "server.backendMode"),
    ("server --bind (-b)", "b", "string", ""),
    ("server --ec2-describeInstances-burst", "", "int", "server.ec2DescribeInstancesBurst"),
    ("server --ec2-describeInstances-qps", "", "int", "server.ec2DescribeInstancesQps"),
    ("server --generate-kubeconfig", "", "string", "server.generateKubeconfig"),
    ("server --kubeconfig", "", "string", "server.kubeconfig"),
    ("server --kubeconfig-pregenerated", "", "bool", "server.kubeconfigPregenerated"),
    ("server --master", "", "string", "server.master"),
    ("server --partition", "", "string", "server.partition"),
    ("server --port", "", "int", "server.port"),
    ("server --state-dir", "", "string", "server.stateDir"),
)
_GATES = ("ConfiguredInitDirectories", "IAMIdentityMappingCRD", SSO_GATE)
_LEVELS = frozenset(("panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
# Go takes underscores between the digits of a literal.
_GO_DIGITS = re.compile(r"[-+]?[0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*\Z", re.ASCII)


_Flag = tuple[str, str, str]
"""Name, type and configuration key."""


class DaemonFlags(NamedTuple):
    """`values`: what the command line sets, by configuration key; `gates`: the feature gates that are on."""

    values: Mapping[str, Any] = MappingProxyType({})
    gates: frozenset[str] = frozenset()


def parse_flags(args: Iterable[str], version: DaemonVersion) -> DaemonFlags:
    """Raises DaemonNotStarted for a flag or value that this release does not accept."""
    known: dict[str, _Flag] = {}
    for item, short, kind, key in _FLAGS:
        if version.has_flag(item):
            name = re.split(r"--| \(-", item)[1]
            known[f"--{name}"] = name, kind, key
            if short:
                known[f"-{short}"] = name, kind, key
    values: dict[str, Any] = {}
    gates: dict[str, bool] = {}
    for (name, kind, key), text in _pairs(iter(args), known):
        if kind == "gates":
            gates = _gates(text, gates, version)
            continue
        value = _value(name, kind, text)
        if kind == "list" and key in values:
            values[key] = values[key] + value  # a repeated slice flag adds up
        elif key:
            values[key] = value
    return DaemonFlags(values, frozenset(name for name, on in gates.items() if on))


def _pairs(args: Iterator[str], known: dict[str, _Flag]) -> Iterator[tuple[_Flag, str]]:
    for arg in args:
        if arg == "--":
            return
        if arg in ("-h", "--help"):
            raise DaemonNotStarted(f"{arg} prints the help and exits")
        if not arg.startswith("-") or arg == "-":
            continue  # the command's name, and words that cobra passes on
        # --a=b, -a=b and -ab
        if arg.startswith("--"):
            name, attached, text = arg.partition("=")
        else:
            name, attached, text = arg[:2], arg[2:], arg[2:].removeprefix("=")
        if name not in known:
            raise DaemonNotStarted(f"unknown flag: {name}")
        if not attached and known[name][1] == "bool":
            text = "true"
        elif not attached:
            try:
                text = next(args)
            except StopIteration:
                raise DaemonNotStarted(f"flag needs an argument: {name}") from None
        yield known[name], text


def _value(name: str, kind: str, text: str) -> Any:
    what = f'invalid argument "{shortened(text)}" for "--{name}" flag'
    if kind == "bool":
        if text not in GO_TRUE | _FALSE:
            raise DaemonNotStarted(f"{what}: it is not a boolean")
        return text in GO_TRUE
    if kind == "int":
        number = parse_go_integer(text.replace("_", "")) if _GO_DIGITS.match(text) else None
        if number is None:
            raise DaemonNotStarted(f"{what}: it is not a number")
        return number
    if kind == "level" and to_lower(text) not in _LEVELS:
        raise DaemonNotStarted(f'invalid log level "{shortened(text)}"')
    if kind == "list":
        return next(csv.reader([text]), []) if text else []
    return text


def _gates(text: str, before: dict[str, bool], version: DaemonVersion) -> dict[str, bool]:
    """`A=true,B=false` over earlier flags; AllAlpha sets the gates that are not named only."""
    registered = [name for name in _GATES if version.has_gate(name)]
    gates, all_alpha = dict(before), None
    for part in filter(None, text.split(",")):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign:
            raise DaemonNotStarted(f"missing bool value for feature gate {name}")
        if value not in GO_TRUE | _FALSE:
            raise DaemonNotStarted(f"invalid value of the feature gate {name}={value}")
        if name == "AllAlpha":
            all_alpha = value in GO_TRUE
        elif name in registered:
            gates[name] = value in GO_TRUE
        elif name != "AllBeta":
            raise DaemonNotStarted(f"unrecognized feature gate: {name}")
    return gates if all_alpha is None else {**dict.fromkeys(registered, all_alpha), **gates}
