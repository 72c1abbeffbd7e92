"""An `exec` of an existing kubeconfig: whether it logs in as ours does, and brought up to date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from tarmak_iam.emit.exec_arguments import ExecArguments
from tarmak_iam.exec_plugin import API_GROUP
from tarmak_iam.identity.arn import ArnError, parse_arn

__all__ = ["foreign_plugin", "up_to_date"]

Values = Mapping[Any, Any]

_MODES = ("Never", "IfAvailable", "Always")


def foreign_plugin(plugin: Any, own: Values) -> str | None:
    """Why it gets no token for the same cluster id and role as ours; None if it does."""
    before = ExecArguments.of(plugin) if isinstance(plugin, dict) else None
    if before is None:
        return "its exec is no command that gets a token of AWS IAM"
    wanted = _arguments(own)
    cluster, role = before.options.get("cluster"), before.options.get("role")
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


def up_to_date(plugin: Values, own: Values) -> dict[Any, Any]:
    """What we write, with what somebody added: variables, options, a directory of the command, a mode. For an exec
    that is not foreign."""
    before, wanted = _arguments(plugin), _arguments(own)
    value = {**plugin, **{key: own[key] for key in own if key not in plugin}}
    # A kubectl that has interactiveMode has v1 too.
    if not (plugin.get("apiVersion") == f"{API_GROUP}/v1" and "interactiveMode" in own):
        value["apiVersion"] = own["apiVersion"]
    if PurePath(plugin["command"]).name != own["command"]:
        value |= {key: own[key] for key in ("command", "installHint") if key in own}
    profile = _profile(own)
    if not before.says(wanted) or (profile is not None and before.options.get("profile", profile) != profile):
        value["args"] = [*own["args"], *_kept_arguments(before, wanted, profile)]
    variables = [*own.get("env", ()), *_kept_variables(before, wanted, profile)]
    if variables:
        value["env"] = _with_variables(plugin.get("env"), variables)
    if "interactiveMode" in own and plugin.get("interactiveMode") not in _MODES:
        value["interactiveMode"] = own["interactiveMode"]
    return value


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
