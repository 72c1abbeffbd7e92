"""Options that override a setting of the cluster for one run."""

from __future__ import annotations

import click

__all__ = ["image_option", "kubernetes_option", "profile_option", "registry_option", "role_option"]

image_option = click.option("--image", help="Image of the authenticator; a digest is allowed.")
registry_option = click.option(
    "--registry", metavar="public|ecr|HOST", help="Where the image comes from; a mirror is HOST[:PORT][/PATH]."
)
kubernetes_option = click.option(
    "--kubernetes-version", metavar="VERSION", help="Kubernetes version that the objects are for."
)
role_option = click.option("--role", metavar="ARN", help="Role to assume for the token.")
profile_option = click.option("--profile", metavar="NAME", help="AWS profile that the credentials come from.")
