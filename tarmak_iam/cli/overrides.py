"""Options that override a setting of the cluster for one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from tarmak_iam.cli.completing import backends, daemon_versions, registries, roles

__all__ = ["daemon_version_option", "kubeconfig_options", "object_options", "profile_option", "role_option"]


def _backends(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> list[str] | None:
    from tarmak_iam.settings import typed_value  # here: --help does without pydantic

    return list(typed_value("backends", ",".join(texts))) if texts else None


_OBJECT_OPTIONS = (
    click.option("--image", metavar="IMAGE", help="Image of the authenticator; a digest is allowed."),
    click.option(
        "--registry",
        metavar="public|ecr|HOST",
        shell_complete=registries,
        help="Where the image comes from; a mirror is HOST[:PORT][/PATH].",
    ),
    click.option(
        "--kubernetes-version",
        "kubernetesVersion",
        metavar="VERSION",
        help="Kubernetes version that the objects are for.",
    ),
    click.option(
        "--backend",
        "backends",
        metavar="LIST",
        multiple=True,  # the last one alone would count, and the file's mappings be left out
        callback=_backends,
        shell_complete=backends,
        help="What the authenticator takes mappings from, in the order given, with commas between: MountedFile, "
        "EKSConfigMap, CRD.",
    ),
)
role_option = click.option(
    "--role",
    metavar="ARN",
    shell_complete=roles,
    help="Role to assume for the token; '' for none, where the settings have one.",
)
profile_option = click.option("--profile", metavar="NAME", help="AWS profile that the credentials come from.")
daemon_version_option = click.option(
    "--daemon-version",
    metavar="VERSION",
    shell_complete=daemon_versions,
    help="Version of the authenticator, as in v0.7.18.",
)
_KUBECONFIG_OPTIONS = (
    role_option,
    profile_option,
    click.option(
        "--exec",
        type=click.Choice(["aws-iam-authenticator", "tarmak-iam", "aws"]),
        help="Command that the kubeconfig gets its tokens from; aws is the AWS CLI.",
    ),
    click.option(
        "--kubectl-version",
        "kubectlVersion",
        metavar="VERSION",
        help="kubectl that reads the kubeconfig. Default: any from 1.11 on.",
    ),
)

_Command = Callable[..., Any]


def object_options(command: _Command) -> _Command:
    """What the Kubernetes objects are made of, each under the name of its setting."""
    return _with(command, _OBJECT_OPTIONS)


def kubeconfig_options(command: _Command) -> _Command:
    """What the kubeconfig is made of, each under the name of its setting."""
    return _with(command, _KUBECONFIG_OPTIONS)


def _with(command: _Command, options: tuple[Callable[[_Command], _Command], ...]) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
