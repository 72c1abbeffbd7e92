"""An `exec` of an existing kubeconfig: whether it logs in as ours does, and brought up to date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from tarmak_iam.exec_arguments import MISNAMED, ExecArguments
from tarmak_iam.exec_plugin import API_GROUP, DEFAULT_HINTS
from tarmak_iam.identity.arn import ArnError, parse_arn
from tarmak_iam.text import quoted

__all__ = ["foreign_plugin", "kept_role", "login_of", "repaired", "up_to_date"]

Values = Mapping[Any, Any]

_MODES = ("Never", "IfAvailable", "Always")


def foreign_plugin(plugin: Any, own: Values) -> str | None:
    """Why it gets no token for the same cluster id and role as ours; None if it does. Where ours has no role, the
    one that is there is somebody's choice, as a profile is."""
    before = ExecArguments.of(plugin) if isinstance(plugin, dict) else None
    if before is None:
        return "its exec is no command that gets a token of AWS IAM"
    wanted = _arguments(own)
    cluster, role = before.options.get("cluster"), before.options.get("role")
    if cluster != wanted.options["cluster"]:
        return (
            f"its token is for the cluster {quoted(cluster)}"
            if cluster
            else "its token is for no cluster that it names"
        )
    if "role" in wanted.options and not _same_role(role, wanted.options["role"]):
        return f"its role is {role}" if role else "it assumes no role"
    return None


def _same_role(one: str | None, other: str) -> bool:
    """Within an account there is one role of a name, whatever its path."""
    try:
        left, right = parse_arn(one or ""), parse_arn(other)
    except ArnError:
        return False
    return (left.partition, left.account, left.name.lower()) == (right.partition, right.account, right.name.lower())


def kept_role(plugin: Values, own: Values) -> str | None:
    """The role that an exec has and ours has not."""
    return None if "role" in _arguments(own).options else _arguments(plugin).options.get("role")


def login_of(plugin: Any) -> tuple[str, str | None] | None:
    """Cluster id and role of a token command; None for everything else."""
    arguments = ExecArguments.of(plugin) if isinstance(plugin, dict) else None
    cluster = arguments.options.get("cluster") if arguments else None
    return (cluster, arguments.options.get("role")) if arguments and cluster else None


def repaired(plugin: Values, own: Values) -> dict[Any, Any]:
    """Another login to the cluster with what its kubectl, the one that ours is for, would refuse put right: a version
    that is gone, a command that never was, a mode that is missing."""
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


def up_to_date(plugin: Values, own: Values) -> dict[Any, Any]:
    """What we write, with what somebody added: variables, options, a directory of the command, a mode. For an exec
    that is not foreign."""
    before, wanted = _arguments(plugin), _arguments(own)
    value = {**plugin, **{key: own[key] for key in own if key not in plugin}}
    # A kubectl that has interactiveMode has v1 too.
    if not (plugin.get("apiVersion") == f"{API_GROUP}/v1" and "interactiveMode" in own):
        value["apiVersion"] = own["apiVersion"]
    is_other = PurePath(plugin["command"]).name != own["command"]
    if is_other:
        value["command"] = own["command"]
    if "installHint" in own and (is_other or not _keeps_hint(plugin, own)):
        value["installHint"] = own["installHint"]
    profile = _profile(own)
    if not before.says(wanted) or (profile is not None and before.options.get("profile", profile) != profile):
        value["args"] = [*own["args"], *_kept_arguments(before, wanted, profile)]
    variables = [*own.get("env", ()), *_kept_variables(before, wanted, profile)]
    if variables:
        value["env"] = _with_variables(plugin.get("env"), variables)
    if "interactiveMode" in own and plugin.get("interactiveMode") not in _MODES:
        value["interactiveMode"] = own["interactiveMode"]
    return value


def _keeps_hint(plugin: Values, own: Values) -> bool:
    """A hint of somebody's own stays, unless the settings have one."""
    return own["installHint"] in DEFAULT_HINTS and plugin.get("installHint") not in DEFAULT_HINTS | {None}


def _arguments(plugin: Values) -> ExecArguments:
    arguments = ExecArguments.of(plugin)
    assert arguments is not None  # ours, or not foreign
    return arguments


def _profile(own: Values) -> str | None:
    return next((item["value"] for item in own.get("env", ()) if item["name"] == "AWS_PROFILE"), None)


def _kept_arguments(before: ExecArguments, wanted: ExecArguments, profile: str | None) -> Iterator[str]:
    """Of arguments that have to change, those that do not contradict ours and that the command takes too. An option
    --profile would win over the variable."""
    is_same, options = before.family == wanted.family, before.options
    if "role" in options and "role" not in wanted.options:
        yield from ("--role-arn" if wanted.family == "aws" else "-r", options["role"])
    if "region" in options and "region" not in wanted.options and (is_same or wanted.family != "authenticator"):
        yield from ("--region", options["region"])
    if "profile" in options and profile is None and wanted.family != "authenticator":
        yield from ("--profile", options["profile"])
    if is_same:
        yield from before.rest


def _kept_variables(before: ExecArguments, wanted: ExecArguments, profile: str | None) -> Iterator[dict[str, str]]:
    """An option --profile as a variable, for the command that has no such option."""
    if "profile" in before.options and profile is None and wanted.family == "authenticator":
        yield {"name": "AWS_PROFILE", "value": before.options["profile"]}


def _with_variables(found: Any, own: list[dict[str, str]]) -> list[Any]:
    """The variables that are there, ours among them with our values."""
    values = {item["name"]: item["value"] for item in own}
    kept = [
        {**item, "value": values.get(str(item.get("name")), item.get("value"))} if isinstance(item, dict) else item
        for item in (found if isinstance(found, list) else ())
    ]
    names = {item.get("name") for item in kept if isinstance(item, dict)}
    return kept + [item for item in own if item["name"] not in names]
