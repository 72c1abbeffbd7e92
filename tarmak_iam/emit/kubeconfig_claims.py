"""Whether an entry of an existing kubeconfig is ours to change, and what it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tarmak_iam.emit.exec_arguments import ExecArguments
from tarmak_iam.emit.kubeconfig import is_tunnel
from tarmak_iam.exec_plugin import API_GROUP
from tarmak_iam.identity.arn import ArnError, parse_arn

__all__ = ["Claim", "claim"]

Values = Mapping[Any, Any]

_OTHER_CREDENTIALS = (
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "token",
    "tokenFile",
    "username",
    "password",
    "auth-provider",
)
_OTHER_TRUST = ("insecure-skip-tls-verify", "certificate-authority")
_MODES = ("Never", "IfAvailable", "Always")


@dataclass(frozen=True, slots=True)
class Claim:
    """`value` is what the entry should be; `against` says why it is not ours (with `value` taking its place),
    and never quotes a credential."""

    value: dict[Any, Any]
    against: str | None = None


def claim(kind: str, found: Values, wanted: Values) -> Claim:
    """For the content of a `cluster`, `context` or `user` of our name and the one that `kubeconfig` makes.

    Ours is a cluster of the same server, or of a tunnel with the same CA; a context of our cluster and user; and
    a user without other credentials whose command gets a token for the same cluster id and role.
    """
    return _CLAIMS[kind](found, wanted)


def _cluster(found: Values, wanted: Values) -> Claim:
    kept = {key: value for key, value in found.items() if key not in _OTHER_TRUST}
    value = {**kept, **wanted}
    for key in _OTHER_TRUST:
        if found.get(key):
            return Claim(value, f"it has {key}")
    server, own = found.get("server"), wanted["server"]
    ca = found.get("certificate-authority-data")
    has_ca = isinstance(ca, str) and "".join(ca.split()) == wanted["certificate-authority-data"]
    if has_ca:
        value["certificate-authority-data"] = ca  # as it is written there
    if server and not _same_address(server, own) and not (has_ca and is_tunnel(str(server))):
        return Claim(value, f"its server is {_shown_address(server)}, not {own}")
    if ca and not has_ca and (not server or is_tunnel(str(server))):
        return Claim(value, "its CA is another")
    if server and _same_address(server, own):
        value["server"] = server
    return Claim(value)


def _same_address(server: object, own: str) -> bool:
    return isinstance(server, str) and server.rstrip("/") == own.rstrip("/")


def _shown_address(server: object) -> str:
    """Without user and password, which an address may have."""
    try:
        parts = urlsplit(str(server))
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    except ValueError:
        return "another one"


def _context(found: Values, wanted: Values) -> Claim:
    value = {**found, **wanted}
    for key in ("cluster", "user"):
        if found.get(key) not in (None, "", wanted[key]):
            return Claim(value, f"its {key} is '{found[key]}', not '{wanted[key]}'")
    return Claim(value)


def _user(found: Values, wanted: Values) -> Claim:
    for key in _OTHER_CREDENTIALS:
        if found.get(key):
            return Claim(dict(wanted), f"it has {key}")
    plugin, own = found.get("exec"), wanted["exec"]
    if plugin is None:
        return Claim({**found, **wanted})
    against = _against_plugin(plugin, own)
    if against is not None:
        return Claim(dict(wanted), against)
    return Claim({**found, "exec": _up_to_date(plugin, own)})


def _against_plugin(plugin: Any, own: Values) -> str | None:
    arguments, wanted = ExecArguments.of(plugin) if isinstance(plugin, dict) else None, ExecArguments.of(own)
    assert wanted is not None
    if arguments is None:
        return "its exec is no command that gets a token of AWS IAM"
    cluster, role = arguments.options.get("cluster"), arguments.options.get("role")
    if cluster != wanted.options["cluster"]:
        return f"its token is for the cluster '{cluster}'" if cluster else "its token is for no cluster that it names"
    if not _same_role(role, wanted.options.get("role")):
        return f"its role is {role}" if role else "it assumes no role"
    return None


def _same_role(one: str | None, other: str | None) -> bool:
    """Within an account there is one role of a name, whatever its path."""
    if one is None or other is None:
        return one == other
    try:
        left, right = parse_arn(one), parse_arn(other)
    except ArnError:
        return False
    return (left.partition, left.account, left.name.lower()) == (right.partition, right.account, right.name.lower())


def _up_to_date(plugin: Values, own: Values) -> dict[Any, Any]:
    """What differs from what we write, without what somebody added: variables, options, a directory, a mode."""
    value = {**plugin, **{key: own[key] for key in own if key not in plugin}}
    before, wanted = ExecArguments.of(plugin), ExecArguments.of(own)
    assert before is not None
    assert wanted is not None
    # A kubectl that has interactiveMode has v1 too.
    if not (plugin.get("apiVersion") == f"{API_GROUP}/v1" and "interactiveMode" in own):
        value["apiVersion"] = own["apiVersion"]
    if str(plugin["command"]).replace("\\", "/").rpartition("/")[2] != own["command"]:
        value["command"] = own["command"]
        value |= {key: own[key] for key in ("installHint",) if key in own}
    if not before.says(_with_variables(wanted, own, before)):
        added = before.rest if before.family == wanted.family else ()
        value["args"] = [*own["args"], *added]
    if "env" in own:
        value["env"] = _with_own(plugin.get("env"), own["env"])
    if "interactiveMode" in own and plugin.get("interactiveMode") not in _MODES:
        value["interactiveMode"] = own["interactiveMode"]
    return value


def _with_variables(wanted: ExecArguments, own: Values, before: ExecArguments) -> ExecArguments:
    """An option --profile that is there already has to say what our variable says: it would win over that."""
    profile = next((item["value"] for item in own.get("env", ()) if item["name"] == "AWS_PROFILE"), None)
    if profile is None or "profile" not in before.options:
        return wanted
    return ExecArguments(wanted.family, {**wanted.options, "profile": profile}, wanted.rest)


def _with_own(found: Any, own: list[dict[str, str]]) -> list[Any]:
    """The variables that are there, ours among them with our values."""
    values = {item["name"]: item["value"] for item in own}
    kept = [
        {**item, "value": values.get(str(item.get("name")), item.get("value"))} if isinstance(item, dict) else item
        for item in (found if isinstance(found, list) else ())
    ]
    names = {item.get("name") for item in kept if isinstance(item, dict)}
    return kept + [item for item in own if item["name"] not in names]


_CLAIMS: dict[str, Callable[[Values, Values], Claim]] = {"cluster": _cluster, "context": _context, "user": _user}
