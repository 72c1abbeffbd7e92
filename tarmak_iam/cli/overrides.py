"""Options that override a setting of the cluster for one run."""

from __future__ import annotations

import click

__all__ = ["backend_option", "image_option", "kubernetes_option", "profile_option", "role_option"]


def _backends(_context: click.Context, _parameter: click.Parameter, text: str | None) -> list[str] | None:
    from tarmak_iam.settings import typed_value  # here: --help does without pydantic

    return None if text is None else list(typed_value("backends", text))


backend_option = click.option(
    "--backend",
    "backends",
    metavar="LIST",
    callback=_backends,
    help="What the authenticator takes mappings from, in this order: MountedFile, EKSConfigMap, CRD.",
)
image_option = click.option("--image", help="Image of the authenticator; a digest is allowed.")
kubernetes_option = click.option(
    "--kubernetes-version", metavar="VERSION", help="Kubernetes version that the objects are for."
)
role_option = click.option("--role", metavar="ARN", help="Role to assume for the token.")
profile_option = click.option("--profile", metavar="NAME", help="AWS profile that the credentials come from.")
