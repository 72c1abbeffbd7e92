"""Options and arguments of several commands."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from tarmak_iam.cli.completion import backends, callers, daemon_versions, directories, registries, roles
from tarmak_iam.cli.session import Session
from tarmak_iam.installation.setting_table import REGISTRY, SETTINGS, Exec

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _all_of(*options: Callable[[Any], Any]) -> Callable[[_Command], _Command]:
    """A decorator that adds options, in the order of the help."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


class _Seconds(click.FloatRange):
    """A number of seconds. float() accepts "nan", which no time would ever exceed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


SECONDS = _Seconds(min=0)


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


output_dir_option = click.option(
    "--output-dir",
    type=click.Path(),
    metavar="DIR",
    shell_complete=directories,
    required=True,
    callback=directory_argument,
    help="Directory for the files; created if it does not exist.",
)


def _backends(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> list[str] | None:
    from tarmak_iam.installation.settings import typed_value

    return list(typed_value("backends", ",".join(texts))) if texts else None


object_options = _all_of(
    click.option("--image", metavar="IMAGE", help=SETTINGS["image"].option),
    click.option(
        "--registry",
        REGISTRY,
        metavar="public|ecr|HOST",
        shell_complete=registries,
        help=SETTINGS[REGISTRY].option,
    ),
    click.option(
        "--kubernetes-version",
        "kubernetesVersion",
        metavar="VERSION",
        help=SETTINGS["kubernetesVersion"].option,
    ),
    click.option(
        "--backend",
        "backends",
        metavar="LIST",
        multiple=True,  # otherwise only the last one would be used, and the mappings file possibly not
        callback=_backends,
        shell_complete=backends,
        help=SETTINGS["backends"].option,
    ),
)
"""The options for the Kubernetes objects, each with the name of its setting."""


def plain_role(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """Its account may be written as the AWS console shows it, `1111-2222-3333`."""
    from tarmak_iam.aws.arn import with_plain_account

    return None if text is None else with_plain_account(text)


role_option = click.option(
    "--role",
    metavar="ARN",
    callback=plain_role,
    shell_complete=roles,
    help=SETTINGS["role"].option,
)

profile_option = click.option("--profile", metavar="NAME", help=SETTINGS["profile"].option)

daemon_version_option = click.option(
    "--daemon-version",
    metavar="VERSION",
    shell_complete=daemon_versions,
    help=SETTINGS["daemonVersion"].option,
)

kubeconfig_options = _all_of(
    role_option,
    profile_option,
    click.option(
        "--exec",
        type=click.Choice(get_args(Exec)),
        help=SETTINGS["exec"].option,
    ),
    click.option(
        "--kubectl-version",
        "kubectlVersion",
        metavar="VERSION",
        help=SETTINGS["kubectlVersion"].option,
    ),
)
"""The options for the kubeconfig, each with the name of its setting."""


def format_option(*formats: str) -> Callable[[_Command], _Command]:
    """-o, as `output`; the first format is the default."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="Output format.",
    )


access_options = _all_of(
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Kubeconfig of an admin. Default: the one that `tarmak clusters kubeconfig` prints.",
    ),
    click.option("--context", "kube_context", metavar="NAME", help="Context of the kubeconfig."),
)
"""--kubeconfig and --context, as `kubeconfig` and `kube_context`."""


def given_access(kubeconfig: Path | None, context: str | None) -> tuple[str, ...]:
    """--kubeconfig and --context as they were given, for a suggested command."""
    words = () if kubeconfig is None else ("--kubeconfig", str(kubeconfig))
    return words if context is None else (*words, "--context", context)


dry_run_option = click.option("--dry-run", is_flag=True, help="Only print what would change.")


def _check_all_clusters(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
    session = context.find_object(Session)
    if value and session is not None and session.cluster_name:
        raise click.UsageError(
            "--cluster selects one cluster and --all-clusters selects all; use only one of them", context
        )
    return value


all_clusters_option = click.option(
    "--all-clusters",
    is_flag=True,
    callback=_check_all_clusters,
    help="Work on all clusters of tarmak.yaml; an error in one of them does not stop the others.",
)

all_clusters_edit_option = click.option(
    "--all-clusters",
    is_flag=True,
    callback=_check_all_clusters,
    help="Edit all clusters of tarmak.yaml at once. A cluster without the item of a list that a path names is skipped, "
    "and so are hubs for keys of kubernetes.",
)

root_option = click.option("--root", is_flag=True, help="Begin all paths at the root of the file, with or without /.")

key_edit_options = _all_of(
    root_option,
    all_clusters_edit_option,
    click.option("--force", is_flag=True, help="Also write keys that only a fork of Tarmak knows."),
    click.option(
        "--through-alias",
        is_flag=True,
        help="Change a value that is shared through an alias or a merge key (<<) at its anchor, and so every use.",
    ),
    dry_run_option,
)

strip_path_option = click.option(
    "--strip-path",
    is_flag=True,
    help="Remove the path from the role's ARN, because STS omits it. The mapping then matches every role of that name "
    "in the account.",
)

mappings_edit_options = _all_of(
    click.option(
        "--me", metavar="ARN", shell_complete=callers, help="Your own ARN; a change of its access requires --force."
    ),
    click.option("--force", is_flag=True, help="Apply even if the last admin, a node role or --me loses access."),
    dry_run_option,
    format_option("text", "json"),
)

fix_options = _all_of(
    click.option("--fix", is_flag=True, help="Fix findings where neither access nor what Tarmak uses changes."),
    click.option(
        "--unsafe-fixes",
        is_flag=True,
        help="With --fix or --diff: also make fixes that change access or what Tarmak uses.",
    ),
    click.option("--diff", is_flag=True, help="Only print what --fix would change; exit with 1 if that is something."),
)
