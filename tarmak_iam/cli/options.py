"""Options and arguments of several commands."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from tarmak_iam.cli.completion import backends, callers, daemon_versions, directories, environments, registries, roles
from tarmak_iam.cli.parsing import choose, declared
from tarmak_iam.cli.session import Session
from tarmak_iam.installation.setting_table import REGISTRY, SETTINGS, Exec

_Command = TypeVar("_Command", bound=Callable[..., Any])


def option(usage: str, parameter: str = "", *, about: str = "", **settings: Any) -> Callable[[_Command], _Command]:
    """An option of a command, as in `declared`. What it is about is in the page of the command in the folder `help`, or
    in `options.txt` there, if it is not given."""
    names, settings = declared(usage, parameter, about, **settings)
    return click.option(*names, **settings)


def all_of(*options: Callable[[Any], Any]) -> Callable[[_Command], _Command]:
    """A decorator that adds options, in the order of the help."""

    def decorate(command: _Command) -> _Command:
        for add in reversed(options):
            command = add(command)
        return command

    return decorate


class _Seconds(click.FloatRange):
    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):  # float() accepts "nan", which no time would ever exceed
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


WHOLE_NUMBER = click.IntRange(min=0)
WHOLE_NUMBER.name = "whole number"  # in errors, for click's "integer range"


def seconds_option(about: str, default: float) -> Callable[[_Command], _Command]:
    return option("--timeout SECONDS", about=about, type=_Seconds(min=0), default=default)


def paths_argument(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """As paths. An empty one, as of an unset shell variable, would mean the working directory."""
    if value is None:
        return None
    if not all([value] if isinstance(value, str) else value):
        what = "directory" if isinstance(value, str) else "file"
        raise click.BadParameter(f"the value is empty; specify a {what}", context, parameter)
    return Path(value) if isinstance(value, str) else tuple(map(Path, value))


def output_dir_option(about: str, *, required: bool = True) -> Callable[[_Command], _Command]:
    about = f"Directory for {about}; created if it does not exist."
    settings: dict[str, Any] = {"type": click.Path(), "shell_complete": directories, "callback": paths_argument}
    return option("--output-dir DIR", about=about, required=required, **settings)


def _backends(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> list[str] | None:
    from tarmak_iam.installation.settings import typed_value

    return list(typed_value("backends", ",".join(texts))) if texts else None


def _setting_option(usage: str, key: str, **settings: Any) -> Callable[[_Command], _Command]:
    """An option that overrides a setting, whose name its parameter has."""
    return option(usage, key, about=SETTINGS[key].option, **settings)


object_options = all_of(
    _setting_option("--image IMAGE", "image"),
    _setting_option("--registry public|ecr|HOST", REGISTRY, shell_complete=registries),
    _setting_option("--kubernetes-version VERSION", "kubernetesVersion"),
    # Of a single value only the last one would be used, and the mappings file possibly not.
    _setting_option("--backend LIST", "backends", multiple=True, callback=_backends, shell_complete=backends),
)
"""The options for the Kubernetes objects."""


def plain_role(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """Its account may be written as the AWS console shows it, `1111-2222-3333`."""
    from tarmak_iam.aws.arn import with_plain_account

    return None if text is None else with_plain_account(text)


login_options = all_of(
    _setting_option("--role ARN", "role", callback=plain_role, shell_complete=roles),
    _setting_option("--profile NAME", "profile"),
)

daemon_version_option = option(
    "--daemon-version VERSION", about=SETTINGS["daemonVersion"].option, shell_complete=daemon_versions
)

kubeconfig_options = all_of(
    login_options,
    _setting_option("--exec", "exec", type=click.Choice(get_args(Exec))),
    _setting_option("--kubectl-version VERSION", "kubectlVersion"),
)


def format_option(*formats: str) -> Callable[[_Command], _Command]:
    """-o, as `output`; the first format is the default."""
    return option("-o --output", type=click.Choice(formats), default=formats[0])


access_options = all_of(
    option("--kubeconfig FILE", type=click.Path(path_type=Path), expose_value=False, callback=choose),
    option("--context NAME", "kube_context", expose_value=False, callback=choose),
)
"""--kubeconfig and --context, which become those of the session."""

trust_option = option("--trust PATH", multiple=True, type=click.Path(), callback=paths_argument)

dry_run_option = option("--dry-run")


def _check_all_clusters(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    """Whether the command works on several clusters, by this option or by --environment."""
    session = context.find_object(Session) or Session(None, None)
    given = ["--cluster selects one cluster"] if session.cluster_name else []
    given += ["--all-clusters selects all"] if value else []
    given += ["--environment selects those of an environment"] if session.environment is not None else []
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given[:2])}; use only one of them", context)
    return value or session.environment is not None


all_clusters_option = all_of(
    option("--all-clusters", callback=_check_all_clusters),
    # Before the option that looks at it, whatever their order:
    option("--environment ENV", expose_value=False, is_eager=True, callback=choose, shell_complete=environments),
)
"""--all-clusters and --environment: as `all_clusters`, whether one of them is given; the session has the latter."""
atomic_option = option("--atomic")
root_option = option("--root")

key_edit_options = all_of(
    root_option,
    all_clusters_option,
    option("--force"),
    option("--through-alias"),
    dry_run_option,
)

strip_path_option = option("--strip-path")

mappings_edit_options = all_of(
    all_clusters_option,
    atomic_option,
    option("--me ARN", shell_complete=callers),
    option("--force"),
    dry_run_option,
    format_option("text", "json"),
)
