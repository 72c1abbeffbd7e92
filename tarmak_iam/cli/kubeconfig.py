"""kubeconfig: what the people who log in get."""

from __future__ import annotations

import json

import click

from tarmak_iam.cli.overrides import profile_option, role_option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.emit.artifact import yaml_bytes
from tarmak_iam.emit.kubeconfig import client_kubeconfig

__all__ = ["kubeconfig"]


@click.command(
    epilog="\b\nExample: tarmak-iam kubeconfig --role arn:aws:iam::111122223333:role/Admin > admin.kubeconfig"
)
@role_option
@profile_option
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
@pass_session
def kubeconfig(session: Session, role: str | None, profile: str | None, output: str) -> None:
    """A kubeconfig that gets its tokens from `aws-iam-authenticator token`."""
    config = client_kubeconfig(session.installation({"role": role, "profile": profile}, with_admin=True))
    click.echo(yaml_bytes(config) if output == "yaml" else json.dumps(config, indent=2).encode() + b"\n", nl=False)
