"""Options that override a setting of the cluster for one run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["backend_option", "image_option", "kubeconfig_options", "kubernetes_option", "registry_option"]


def _backends(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> list[str] | None:
    from tarmak_iam.settings import typed_value  # here: --help does without pydantic

    return list(typed_value("backends", ",".join(texts))) if texts else None


backend_option = click.option(
    "--backend",
    "backends",
    metavar="LIST",
    multiple=True,  # the last one alone would count, and the file's mappings be left out
    callback=_backends,
    help="What the authenticator takes mappings from, in the order given, with commas between: MountedFile, "
    "EKSConfigMap, CRD.",
)
image_option = click.option("--image", help="Image of the authenticator; a digest is allowed.")
registry_option = click.option(
    "--registry", metavar="public|ecr|HOST", help="Where the image comes from; a mirror is HOST[:PORT][/PATH]."
)
kubernetes_option = click.option(
    "--kubernetes-version", metavar="VERSION", help="Kubernetes version that the objects are for."
)

_KUBECONFIG_OPTIONS = (
    click.option("--role", metavar="ARN", help="Role to assume for the token."),
    click.option("--profile", metavar="NAME", help="AWS profile that the credentials come from."),
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


def kubeconfig_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What the kubeconfig is made of, each under the name of its setting."""
    for option in reversed(_KUBECONFIG_OPTIONS):
        command = option(command)
    return command
