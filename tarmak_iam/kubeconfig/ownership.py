"""Whether tarmak-iam manages an entry of an existing kubeconfig, and what its content should be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tarmak_iam.aws.arn import ArnError, parse_arn
from tarmak_iam.kubeconfig.exec_plugin import API_GROUP, DEFAULT_HINTS, MISNAMED, ExecArguments
from tarmak_iam.text import quoted

Values = Mapping[Any, Any]
"""The content of a cluster, context or user, or the `exec` of one."""

ROLE = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/\S+\Z", re.ASCII)
_MODES = ("Never", "IfAvailable", "Always")

OTHER_CREDENTIALS = (
    *("client-certificate", "client-certificate-data", "client-key", "client-key-data"),
    *("token", "tokenFile", "username", "password", "auth-provider"),
)

OTHER_TRUST = ("insecure-skip-tls-verify", "certificate-authority")


def unmanaged_exec(plugin: Any, ours: Values) -> str | None:
    """Why an exec does not get a token for the same cluster ID and role as ours; None if it does. Where ours has no
    role, an existing role is the user's choice, as a profile is."""
    before = ExecArguments.of(plugin) if isinstance(plugin, dict) else None
    if before is None:
        return "its exec command does not get an AWS IAM token"
    wanted = _arguments(ours).options
    cluster, role = before.options.get("cluster"), before.options.get("role")
    if cluster is None:
        return "its exec command does not specify a cluster ID"
    if cluster != wanted["cluster"]:
        return f"its token is for the cluster {quoted(cluster)}"
    if "role" not in wanted:
        return None
    try:  # role names are unique within an account, whatever the path
        arns = map(parse_arn, (role or "", wanted["role"]))
        if len({(arn.partition, arn.account, arn.name.lower()) for arn in arns}) == 1:
            return None
    except ArnError:
        pass
    return f"its role is {_shown_role(role)}" if role else "it assumes no role"


def _shown_role(role: str) -> str:
    """What is not an ARN of a role may be a credential in the wrong place."""
    return role if ROLE.match(role) else "(not an ARN)"


def updated_exec(plugin: Values, ours: Values) -> dict[Any, Any]:
    """Our exec, with what the user added to the existing one: variables, options, the command's directory, a mode.
    For an exec that `unmanaged_exec` has no objection to."""
    before, wanted = _arguments(plugin), _arguments(ours)
    value = {**plugin, **{key: ours[key] for key in ours if key not in plugin}}
    # A kubectl that knows interactiveMode knows v1 too.
    if not (plugin.get("apiVersion") == f"{API_GROUP}/v1" and "interactiveMode" in ours):
        value["apiVersion"] = ours["apiVersion"]
    is_other = PurePath(plugin["command"]).name != ours["command"]
    if is_other:
        value["command"] = ours["command"]
    # A hint that a user wrote stays, unless the settings contain one.
    is_users_hint = plugin.get("installHint") not in DEFAULT_HINTS | {None}
    if "installHint" in ours and (is_other or ours["installHint"] not in DEFAULT_HINTS or not is_users_hint):
        value["installHint"] = ours["installHint"]
    own_variables = list(ours.get("env", ()))
    profile = next((item["value"] for item in own_variables if item["name"] == "AWS_PROFILE"), None)
    if not before.includes(wanted) or (profile is not None and before.options.get("profile", profile) != profile):
        value["args"] = [*ours["args"], *_kept_arguments(before, wanted, profile)]
    if "profile" in before.options and profile is None and wanted.family == "authenticator":
        # The command without the option --profile gets it as a variable.
        own_variables.append({"name": "AWS_PROFILE", "value": before.options["profile"]})
    if own_variables:
        value["env"] = _with_variables(plugin.get("env"), own_variables)
    if "interactiveMode" in ours and plugin.get("interactiveMode") not in _MODES:
        value["interactiveMode"] = ours["interactiveMode"]
    return value


def _arguments(plugin: Values) -> ExecArguments:
    arguments = ExecArguments.of(plugin)
    assert arguments is not None  # ours, or checked by unmanaged_exec
    return arguments


def _kept_arguments(before: ExecArguments, wanted: ExecArguments, profile: str | None) -> list[str]:
    """The existing arguments to keep when the arguments have to change: those that do not contradict ours and that the
    new command accepts. An option --profile would override the variable."""
    is_same, taken = before.family == wanted.family, {*wanted.options, *(["profile"] if profile is not None else [])}
    if not is_same and wanted.family == "authenticator":
        taken.add("region")
    if wanted.family == "authenticator":
        taken.add("profile")
    if wanted.family == "aws":
        taken.add("session")
    flags = {"role": "--role-arn" if wanted.family == "aws" else "-r"}
    flags |= {"region": "--region", "profile": "--profile", "session": "-s"}
    kept = [(flag, before.options[name]) for name, flag in flags.items() if name in before.options.keys() - taken]
    words = before.rest if is_same else ()
    if "session" in wanted.options:  # both commands reject this option together with a session name
        words = tuple(word for word in words if word.partition("=")[0] != "--forward-session-name")
    return [*(word for option in kept for word in option), *words]


def _with_variables(existing: Any, own_variables: list[dict[str, str]]) -> list[Any]:
    values = {item["name"]: item["value"] for item in own_variables}
    kept = [
        {**item, "value": values.get(str(item.get("name")), item.get("value"))} if isinstance(item, dict) else item
        for item in (existing if isinstance(existing, list) else ())
    ]
    names = {item.get("name") for item in kept if isinstance(item, dict)}
    return kept + [item for item in own_variables if item["name"] not in names]


def is_tunnel(server: str) -> bool:
    """Whether the address of an API server is a loopback one: an SSH tunnel, which Tarmak opens for ten minutes."""
    try:
        host = urlsplit(server).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Claim(NamedTuple):
    """`value` is what the content should be; `against`, which quotes no credential, why the entry is not managed."""

    value: dict[Any, Any]
    against: str | None = None
    kept_role: str | None = None
    """The existing role of a user, where ours has none."""


def claim(kind: str, existing: Values, wanted: Values) -> Claim:
    """For the existing content of a `cluster`, `context` or `user` of the same name, and the generated one:
    tarmak-iam manages a cluster with the same server, or with a tunnel and the same CA; a context of the same cluster
    and user; and a user without other credentials whose command gets a token for the same cluster ID and role. Where
    no role is requested, the existing one stays.
    """
    return {"cluster": _cluster, "context": _context, "user": _user}[kind](existing, wanted)


def _cluster(existing: Values, wanted: Values) -> Claim:
    value = {**{key: content for key, content in existing.items() if key not in OTHER_TRUST}, **wanted}
    for key in OTHER_TRUST:
        if existing.get(key):
            return Claim(value, f"it contains {key}")
    server, own_server = existing.get("server"), wanted["server"]
    ca, own_ca = existing.get("certificate-authority-data"), wanted.get("certificate-authority-data")
    has_ca = isinstance(ca, str) and own_ca is not None and "".join(ca.split()) == own_ca
    if has_ca:
        value["certificate-authority-data"] = ca  # with its own whitespace
    is_same = isinstance(server, str) and server.rstrip("/") == own_server.rstrip("/")
    if server and not is_same and not (has_ca and is_tunnel(str(server))):
        try:  # without username and password, which a URL may contain
            parts = urlsplit(str(server))
            shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        except ValueError:
            shown = "another URL"
        return Claim(value, f"its server is {shown}, not {own_server}")
    if ca and own_ca is not None and not has_ca and (not server or is_tunnel(str(server))):
        return Claim(value, "its CA is different")
    return Claim({**value, "server": server} if server and is_same else value)


def _context(existing: Values, wanted: Values) -> Claim:
    value = {**existing, **wanted}
    for key in ("cluster", "user"):
        if existing.get(key) not in (None, "", wanted[key]):
            return Claim(value, f"its {key} is {quoted(existing[key])}, not {quoted(wanted[key])}")
    return Claim(value)


def _user(existing: Values, wanted: Values) -> Claim:
    for key in OTHER_CREDENTIALS:
        if existing.get(key):
            return Claim(dict(wanted), f"it contains {key}")
    plugin, ours = existing.get("exec"), wanted["exec"]
    if plugin is None:
        return Claim({**existing, **wanted})
    against = unmanaged_exec(plugin, ours)
    if against is not None:
        return Claim(dict(wanted), against)
    role = None if "role" in _arguments(ours).options else _arguments(plugin).options.get("role")
    kept_role = None if role is None else _shown_role(role)
    return Claim({**existing, "exec": updated_exec(plugin, ours)}, kept_role=kept_role)


def fixed_user(name: str, existing: Values, wanted: Values, cluster_id: str) -> dict[Any, Any]:
    """The content of another user. Where it is a login to the same cluster under a name that tarmak-iam used or uses
    (the cluster ID, or the cluster ID and its role), with fixes for what the kubectl that ours is for would reject: a
    removed apiVersion, a command name that never existed, a missing interactiveMode."""
    plugin: Any = existing.get("exec")
    arguments = ExecArguments.of(plugin) if isinstance(plugin, dict) else None
    if arguments is None or any(existing.get(key) for key in OTHER_CREDENTIALS):
        return dict(existing)
    role, ours = arguments.options.get("role", "").rpartition("/")[2], wanted["exec"]
    is_login = arguments.options.get("cluster") == cluster_id and name in (cluster_id, f"{cluster_id}-{role}")
    command, version = PurePath(plugin["command"]).name, plugin.get("apiVersion")
    is_old = version in (None, "", f"{API_GROUP}/v1alpha1") and version != ours["apiVersion"]
    is_v1, lacks_mode = version == f"{API_GROUP}/v1", plugin.get("interactiveMode") not in _MODES
    if not is_login or not (is_old or command in MISNAMED or (is_v1 and lacks_mode)):
        return dict(existing)
    value = {**plugin, "command": "aws-iam-authenticator" if command in MISNAMED else plugin["command"]}
    if not is_v1 or "interactiveMode" not in ours:
        value["apiVersion"] = ours["apiVersion"]
    if "interactiveMode" in ours and lacks_mode:
        value["interactiveMode"] = ours["interactiveMode"]
    return {**existing, "exec": value}
