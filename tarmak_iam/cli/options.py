"""Options and arguments of several commands, and the common ones, which are accepted before and after a command."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from tarmak_iam.cli.completion import backends, clusters, daemon_versions, directories, registries, roles
from tarmak_iam.cli.console import COLOUR_CHOICES, colour_of_choice, raise_verbosity
from tarmak_iam.cli.session import Session, session_of
from tarmak_iam.installation.setting_table import REGISTRY, SETTINGS, Exec

_COMMON_HELP = ("-c, --cluster, -v, ...", "Common options: see tarmak-iam --help.")


class CommonOption(click.Option):
    """An option of every command. Only the main help lists it; the help of a command has one line for all of them."""

    def __init__(self, *args: Any, record: tuple[str, str] | None = None, is_listed: bool, **kwargs: Any) -> None:
        super().__init__(*args, expose_value=False, **kwargs)
        self._record, self._is_listed = record, is_listed

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return super().get_help_record(ctx) if self._is_listed else self._record


class _Seconds(click.FloatRange):
    """A number of seconds. float() accepts "nan", which no time would ever exceed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


SECONDS = _Seconds(min=0)


def _choose_directory(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        from tarmak_iam.config.locate import with_home

        context.obj = replace(session_of(context), directory=with_home(value) if value else None)


def _choose_cluster(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.obj = replace(session_of(context), cluster_name=value)


def _choose_links(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.obj = replace(session_of(context), follow_links=True)


def _choose_colour(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is None and context.parent is not None:  # keeps the choice made before the command
        return
    reached: click.Context | None = context
    while reached is not None:  # errors are printed in the outermost one
        reached.color = colour_of_choice(value, os.environ)
        reached = reached.parent


def _choose_verbosity(context: click.Context, _: click.Parameter, times: int) -> None:
    if times and not context.resilient_parsing:
        raise_verbosity(context, times)


_Callback = Callable[[click.Context, click.Parameter, Any], None]

_COMMON_OPTIONS: tuple[tuple[tuple[str, ...], _Callback, dict[str, Any]], ...] = (
    (
        ("-c", "--config-directory"),
        _choose_directory,
        {"metavar": "DIR", "shell_complete": directories, "help": "Directory of tarmak.yaml."},
    ),
    (
        ("--current-cluster", "--cluster"),  # as Tarmak spells it, and the short form
        _choose_cluster,
        {
            "metavar": "ENV-NAME",
            "is_eager": True,  # before the options that conflict with it, whatever their order
            "shell_complete": clusters,
            "help": "Cluster to use instead of currentCluster of tarmak.yaml.",
        },
    ),
    (
        ("--follow-links",),
        _choose_links,
        {
            "is_flag": True,
            "envvar": "TARMAK_IAM_FOLLOW_LINKS",
            "help": "Follow links in a cluster's directory that point outside of DIR, if you own link and target.",
        },
    ),
    (
        ("--color",),
        _choose_colour,
        {
            "type": click.Choice(COLOUR_CHOICES),
            "is_eager": True,
            "help": "Colours; auto: only on a terminal, and not if NO_COLOR is set.",
        },
    ),
    (
        ("-v", "--verbose"),
        _choose_verbosity,
        {"count": True, "help": "Print on stderr which files, variables and values are used; -vv: more details."},
    ),
)


def common_options() -> list[click.Parameter]:
    """The options of the main command, whose help lists them."""
    return [
        CommonOption(names, is_listed=True, callback=callback, **kwargs) for names, callback, kwargs in _COMMON_OPTIONS
    ]


def offer_common_options(command: click.Command) -> None:
    """Adds the common options to a command and its subcommands, except those whose name it uses itself. Does nothing
    the second time."""
    if any(isinstance(each, CommonOption) for each in command.params):
        return
    taken = {name for each in command.params for name in each.opts}
    record: tuple[str, str] | None = _COMMON_HELP
    for names, callback, kwargs in _COMMON_OPTIONS:
        if taken.isdisjoint(names):
            option = CommonOption(names, is_listed=False, record=record, callback=callback, **kwargs)
            command.params.append(option)
            record = None
    if isinstance(command, click.Group):
        for each in command.commands.values():
            offer_common_options(each)


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


_OBJECT_OPTIONS = (
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

_KUBECONFIG_OPTIONS = (
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

_AnyCommand = Callable[..., Any]


def object_options(command: _AnyCommand) -> _AnyCommand:
    """The options for the Kubernetes objects, each with the name of its setting."""
    return with_options(command, _OBJECT_OPTIONS)


def kubeconfig_options(command: _AnyCommand) -> _AnyCommand:
    """The options for the kubeconfig, each with the name of its setting."""
    return with_options(command, _KUBECONFIG_OPTIONS)


def with_options(command: _AnyCommand, options: tuple[Callable[[_AnyCommand], _AnyCommand], ...]) -> _AnyCommand:
    """Adds options, in the order of the help."""
    for option in reversed(options):
        command = option(command)
    return command


_Command = TypeVar("_Command", bound=Callable[..., Any])


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


_ACCESS_OPTIONS = (
    click.option(
        "--kubeconfig",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Kubeconfig of an admin. Default: the one that `tarmak clusters kubeconfig` prints.",
    ),
    click.option("--context", "kube_context", metavar="NAME", help="Context of the kubeconfig."),
)


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--kubeconfig and --context, as `kubeconfig` and `kube_context`."""
    return with_options(command, _ACCESS_OPTIONS)


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
