"""Options and arguments of several commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from tarmak_iam.cli.common_options import choose, declared
from tarmak_iam.cli.completion import backends, callers, daemon_versions, directories, registries, roles
from tarmak_iam.cli.session import Session
from tarmak_iam.installation.setting_table import REGISTRY, SETTINGS, Exec

_Command = TypeVar("_Command", bound=Callable[..., Any])


def option(usage: str, about: str, parameter: str = "", **settings: Any) -> Callable[[_Command], _Command]:
    """An option of a command, as in `declared`."""
    names, settings = declared(usage, about, parameter, **settings)
    return click.option(*names, **settings)


def _all_of(*options: Callable[[Any], Any]) -> Callable[[_Command], _Command]:
    """A decorator that adds options, in the order of the help."""

    def decorate(command: _Command) -> _Command:
        for add in reversed(options):
            command = add(command)
        return command

    return decorate


SECONDS = click.FloatRange(min=0)


def directory_argument(context: click.Context, parameter: click.Parameter, value: str) -> Path:
    """As a path. An empty one, as of an unset shell variable, would mean the working directory."""
    if not value:
        raise click.BadParameter("the value is empty; specify a directory", context, parameter)
    return Path(value)


def file_arguments(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Path, ...]:
    """As paths. An empty one, as of an unset shell variable, would mean the working directory."""
    if not all(values):
        raise click.BadParameter("the value is empty; specify a file", context, parameter)
    return tuple(map(Path, values))


output_dir_option = option(
    "--output-dir DIR",
    "Directory for the files; created if it does not exist.",
    type=click.Path(),
    shell_complete=directories,
    required=True,
    callback=directory_argument,
)


def _backends(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> list[str] | None:
    from tarmak_iam.installation.settings import typed_value

    return list(typed_value("backends", ",".join(texts))) if texts else None


def _setting_option(usage: str, key: str, **settings: Any) -> Callable[[_Command], _Command]:
    """An option that overrides a setting, whose name its parameter has."""
    return option(usage, SETTINGS[key].option, key, **settings)


object_options = _all_of(
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


role_option = _setting_option("--role ARN", "role", callback=plain_role, shell_complete=roles)
profile_option = _setting_option("--profile NAME", "profile")

daemon_version_option = option(
    "--daemon-version VERSION", SETTINGS["daemonVersion"].option, shell_complete=daemon_versions
)

kubeconfig_options = _all_of(
    role_option,
    profile_option,
    _setting_option("--exec", "exec", type=click.Choice(get_args(Exec))),
    _setting_option("--kubectl-version VERSION", "kubectlVersion"),
)
"""The options for the kubeconfig."""


def format_option(*formats: str) -> Callable[[_Command], _Command]:
    """-o, as `output`; the first format is the default."""
    return option("-o --output", "Output format.", type=click.Choice(formats), default=formats[0])


access_options = _all_of(
    option(
        "--kubeconfig FILE",
        "Kubeconfig of an admin. Default: the one that `tarmak clusters kubeconfig` prints.",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=choose,
    ),
    option("--context NAME", "Context of the kubeconfig.", "kube_context", expose_value=False, callback=choose),
)
"""--kubeconfig and --context, which become those of the session."""

dry_run_option = option("--dry-run", "Only print what would change.")


def _check_all_clusters(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    session = context.find_object(Session)
    if value and session is not None and session.cluster_name:
        raise click.UsageError(
            "--cluster selects one cluster and --all-clusters selects all; use only one of them", context
        )
    return value


all_clusters_option = option(
    "--all-clusters",
    "Work on all clusters of tarmak.yaml; an error in one of them does not stop the others.",
    callback=_check_all_clusters,
)

all_clusters_edit_option = option(
    "--all-clusters",
    "Edit all clusters of tarmak.yaml at once. A cluster without the item of a list that a path names is skipped, "
    "and so are hubs for keys of kubernetes.",
    callback=_check_all_clusters,
)

root_option = option("--root", "Begin all paths at the root of the file, with or without /.")

key_edit_options = _all_of(
    root_option,
    all_clusters_edit_option,
    option("--force", "Also write keys that only a fork of Tarmak knows."),
    option(
        "--through-alias",
        "Change a value that is shared through an alias or a merge key (<<) at its anchor, and so every use.",
    ),
    dry_run_option,
)

strip_path_option = option(
    "--strip-path",
    "Remove the path from the role's ARN, because STS omits it. The mapping then matches every role of that name "
    "in the account.",
)

mappings_edit_options = _all_of(
    option("--me ARN", "Your own ARN; a change of its access requires --force.", shell_complete=callers),
    option("--force", "Apply even if the last admin, a node role or --me loses access."),
    dry_run_option,
    format_option("text", "json"),
)

fix_options = _all_of(
    option("--fix", "Fix findings where neither access nor what Tarmak uses changes."),
    option("--unsafe-fixes", "With --fix or --diff: also make fixes that change access or what Tarmak uses."),
    option("--diff", "Only print what --fix would change; exit with 1 if that is something."),
)
