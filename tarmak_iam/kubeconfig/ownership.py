"""Whether tarmak-iam manages an entry of an existing kubeconfig, and what its content should be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from tarmak_iam.aws.arn import ArnError, parse_arn
from tarmak_iam.kubeconfig.exec_arguments import MISNAMED, ExecArguments
from tarmak_iam.kubeconfig.exec_plugin import API_GROUP, DEFAULT_HINTS
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.text import quoted

Values = Mapping[Any, Any]
"""The content of a cluster, context or user, or the `exec` of one."""

ROLE = compiled(r"arn:[a-z-]+:iam::[0-9]{12}:role/\S+\Z", re.ASCII)

_MODES = ("Never", "IfAvailable", "Always")


OTHER_CREDENTIALS = (
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

OTHER_TRUST = ("insecure-skip-tls-verify", "certificate-authority")


def unmanaged_exec(plugin: Any, own: Values) -> str | None:
    """Why an exec does not get a token for the same cluster ID and role as ours; None if it does. Where ours has no
    role, an existing role is the user's choice, as a profile is."""
    before = ExecArguments.of(plugin) if isinstance(plugin, dict) else None
    if before is None:
        return "its exec command does not get an AWS IAM token"
    wanted = _arguments(own)
    cluster, role = before.options.get("cluster"), before.options.get("role")
    if cluster != wanted.options["cluster"]:
        return (
            f"its token is for the cluster {quoted(cluster)}"
            if cluster
            else "its exec command does not specify a cluster ID"
        )
    if "role" in wanted.options and not _same_role(role, wanted.options["role"]):
        return f"its role is {_shown_role(role)}" if role else "it assumes no role"
    return None


def _shown_role(role: str) -> str:
    """A role for a message. What is not an ARN of a role may be a credential in the wrong place."""
    return role if ROLE.match(role) else "(not an ARN)"


def _same_role(one: str | None, other: str) -> bool:
    """Role names are unique within an account, whatever the path."""
    try:
        left, right = parse_arn(one or ""), parse_arn(other)
    except ArnError:
        return False
    return (left.partition, left.account, left.name.lower()) == (right.partition, right.account, right.name.lower())


def unrequested_role(plugin: Values, own: Values) -> str | None:
    """The role of an exec for a message, where ours has none."""
    role = None if "role" in _arguments(own).options else _arguments(plugin).options.get("role")
    return None if role is None else _shown_role(role)


def exec_login(plugin: Any) -> tuple[str, str | None] | None:
    """Cluster ID and role of a token command; None for any other command."""
    arguments = ExecArguments.of(plugin) if isinstance(plugin, dict) else None
    cluster = arguments.options.get("cluster") if arguments else None
    return (cluster, arguments.options.get("role")) if arguments and cluster else None


def fixed_exec(plugin: Values, own: Values) -> dict[Any, Any]:
    """The exec of another user of the cluster, with fixes for what the kubectl that ours is for would reject: a removed
    apiVersion, a command name that never existed, a missing interactiveMode."""
    command, version = PurePath(plugin["command"]).name, plugin.get("apiVersion")
    is_dated = (
        (version in (None, "", f"{API_GROUP}/v1alpha1") and version != own["apiVersion"])
        or command in MISNAMED
        or (version == f"{API_GROUP}/v1" and plugin.get("interactiveMode") not in _MODES)
    )
    if not is_dated:
        return dict(plugin)
    value = {**plugin, "command": "aws-iam-authenticator" if command in MISNAMED else plugin["command"]}
    if version != f"{API_GROUP}/v1" or "interactiveMode" not in own:
        value["apiVersion"] = own["apiVersion"]
    if "interactiveMode" in own and plugin.get("interactiveMode") not in _MODES:
        value["interactiveMode"] = own["interactiveMode"]
    return value


def updated_exec(plugin: Values, own: Values) -> dict[Any, Any]:
    """Our exec, with what the user added to the existing one: variables, options, the command's directory, a mode.
    For an exec that `unmanaged_exec` has no objection to."""
    before, wanted = _arguments(plugin), _arguments(own)
    value = {**plugin, **{key: own[key] for key in own if key not in plugin}}
    # A kubectl that knows interactiveMode knows v1 too.
    if not (plugin.get("apiVersion") == f"{API_GROUP}/v1" and "interactiveMode" in own):
        value["apiVersion"] = own["apiVersion"]
    is_other = PurePath(plugin["command"]).name != own["command"]
    if is_other:
        value["command"] = own["command"]
    if "installHint" in own and (is_other or not _keeps_hint(plugin, own)):
        value["installHint"] = own["installHint"]
    profile = _profile(own)
    if not before.includes(wanted) or (profile is not None and before.options.get("profile", profile) != profile):
        value["args"] = [*own["args"], *_kept_arguments(before, wanted, profile)]
    variables = [*own.get("env", ()), *_kept_variables(before, wanted, profile)]
    if variables:
        value["env"] = _with_variables(plugin.get("env"), variables)
    if "interactiveMode" in own and plugin.get("interactiveMode") not in _MODES:
        value["interactiveMode"] = own["interactiveMode"]
    return value


def _keeps_hint(plugin: Values, own: Values) -> bool:
    """A hint that a user wrote stays, unless the settings contain one."""
    return own["installHint"] in DEFAULT_HINTS and plugin.get("installHint") not in DEFAULT_HINTS | {None}


def _arguments(plugin: Values) -> ExecArguments:
    arguments = ExecArguments.of(plugin)
    assert arguments is not None  # ours, or checked by unmanaged_exec
    return arguments


def _profile(own: Values) -> str | None:
    return next((item["value"] for item in own.get("env", ()) if item["name"] == "AWS_PROFILE"), None)


def _kept_arguments(before: ExecArguments, wanted: ExecArguments, profile: str | None) -> Iterator[str]:
    """The existing arguments to keep when the arguments have to change: those that do not contradict ours and that the
    new command accepts. An option --profile would override the variable."""
    is_same, options = before.family == wanted.family, before.options
    if "role" in options and "role" not in wanted.options:
        yield from ("--role-arn" if wanted.family == "aws" else "-r", options["role"])
    if "region" in options and "region" not in wanted.options and (is_same or wanted.family != "authenticator"):
        yield from ("--region", options["region"])
    if "profile" in options and profile is None and wanted.family != "authenticator":
        yield from ("--profile", options["profile"])
    if "session" in options and "session" not in wanted.options and wanted.family != "aws":
        yield from ("-s", options["session"])
    if is_same:
        yield from (word for word in before.rest if not (_forwards_session(word) and "session" in wanted.options))


def _forwards_session(word: str) -> bool:
    """Whether it is --forward-session-name, which both commands reject together with a session name."""
    return word.partition("=")[0] == "--forward-session-name"


def _kept_variables(before: ExecArguments, wanted: ExecArguments, profile: str | None) -> Iterator[dict[str, str]]:
    """An existing option --profile as a variable, for the command without that option."""
    if "profile" in before.options and profile is None and wanted.family == "authenticator":
        yield {"name": "AWS_PROFILE", "value": before.options["profile"]}


def _with_variables(found: Any, own: list[dict[str, str]]) -> list[Any]:
    """The existing variables, with our values for ours, followed by those of ours that were missing."""
    values = {item["name"]: item["value"] for item in own}
    kept = [
        {**item, "value": values.get(str(item.get("name")), item.get("value"))} if isinstance(item, dict) else item
        for item in (found if isinstance(found, list) else ())
    ]
    names = {item.get("name") for item in kept if isinstance(item, dict)}
    return kept + [item for item in own if item["name"] not in names]


def is_tunnel(server: str) -> bool:
    """Whether the address of an API server is a loopback one: an SSH tunnel, which Tarmak opens for ten minutes."""
    try:
        host = urlsplit(server).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Claim:
    """`value` is what the content should be. `against` is why tarmak-iam does not manage the entry, which `value` would
    replace; it never quotes a credential."""

    value: dict[Any, Any]
    against: str | None = None
    kept_role: str | None = None
    """The existing role of a user, where ours has none."""


def claim(kind: str, found: Values, wanted: Values) -> Claim:
    """For the existing content of a `cluster`, `context` or `user` of the same name, and the generated one.

    tarmak-iam manages a cluster with the same server, or with a tunnel and the same CA; a context of the same cluster
    and user; and a user without other credentials whose command gets a token for the same cluster ID and role. Where
    no role is requested, the existing one stays.
    """
    return _CLAIMS[kind](found, wanted)


def _cluster(found: Values, wanted: Values) -> Claim:
    kept = {key: value for key, value in found.items() if key not in OTHER_TRUST}
    value = {**kept, **wanted}
    for key in OTHER_TRUST:
        if found.get(key):
            return Claim(value, f"it contains {key}")
    server, own = found.get("server"), wanted["server"]
    ca, own_ca = found.get("certificate-authority-data"), wanted.get("certificate-authority-data")
    has_ca = isinstance(ca, str) and own_ca is not None and "".join(ca.split()) == own_ca
    if has_ca:
        value["certificate-authority-data"] = ca  # with its own whitespace
    if server and not _same_address(server, own) and not (has_ca and is_tunnel(str(server))):
        return Claim(value, f"its server is {_shown_address(server)}, not {own}")
    if ca and own_ca is not None and not has_ca and (not server or is_tunnel(str(server))):
        return Claim(value, "its CA is different")
    if server and _same_address(server, own):
        value["server"] = server
    return Claim(value)


def _same_address(server: object, own: str) -> bool:
    return isinstance(server, str) and server.rstrip("/") == own.rstrip("/")


def _shown_address(server: object) -> str:
    """Without username and password, which a URL may contain."""
    try:
        parts = urlsplit(str(server))
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    except ValueError:
        return "another URL"


def _context(found: Values, wanted: Values) -> Claim:
    value = {**found, **wanted}
    for key in ("cluster", "user"):
        if found.get(key) not in (None, "", wanted[key]):
            return Claim(value, f"its {key} is {quoted(found[key])}, not {quoted(wanted[key])}")
    return Claim(value)


def _user(found: Values, wanted: Values) -> Claim:
    for key in OTHER_CREDENTIALS:
        if found.get(key):
            return Claim(dict(wanted), f"it contains {key}")
    plugin, own = found.get("exec"), wanted["exec"]
    if plugin is None:
        return Claim({**found, **wanted})
    against = unmanaged_exec(plugin, own)
    if against is not None:
        return Claim(dict(wanted), against)
    return Claim({**found, "exec": updated_exec(plugin, own)}, kept_role=unrequested_role(plugin, own))


def fixed_user(name: str, found: Values, wanted: Values, cluster_id: str) -> dict[Any, Any]:
    """The content of another user. It is fixed where it is an outdated login to the same cluster under a name that
    tarmak-iam used or uses: the cluster ID, or the cluster ID and its role."""
    plugin: Any = found.get("exec")
    login = None if any(found.get(key) for key in OTHER_CREDENTIALS) else exec_login(plugin)
    if login is None or login[0] != cluster_id:
        return dict(found)
    role = (login[1] or "").rpartition("/")[2]
    if name not in (cluster_id, f"{cluster_id}-{role}"):
        return dict(found)
    return {**found, "exec": fixed_exec(plugin, wanted["exec"])}


_CLAIMS: dict[str, Callable[[Values, Values], Claim]] = {"cluster": _cluster, "context": _context, "user": _user}
