"""manifests, flags: the Kubernetes objects, and the API server's webhook flags."""

from __future__ import annotations

from typing import Any

import click

from tarmak_iam.cli.console import note, print_json, print_line, print_payload
from tarmak_iam.cli.installation_notes import note_objects
from tarmak_iam.cli.options import format_option, object_options
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit.emitters import objects as emit_objects
from tarmak_iam.emit.emitters import webhook_args, webhook_hieradata


@click.command(epilog="\b\nExample: tarmak-iam flags -o hieradata")
@format_option("args", "json", "hieradata")
@pass_session
def flags(session: Session, output: str) -> None:
    """Print the API server's webhook flags, exactly as Tarmak's Puppet sets them."""
    config = session.config()
    installation = session.installation_of(config, session.cluster(config))
    args = webhook_args(installation)
    if output == "json":
        print_json(dict(arg.removeprefix("--").split("=", 1) for arg in args))
    else:
        for line in args if output == "args" else webhook_hieradata(installation):
            print_line(line)
    if not args:
        why = (
            "it is a hub, without masters"
            if installation.is_hub
            else "awsIAMAuthenticatorInit is off and authTokenWebhookFile is not set"
        )
        note(f"Tarmak sets no webhook flag for {installation.cluster_id}: {why}")


@click.command(epilog="\b\nExample: tarmak-iam manifests | kubectl apply -f -")
@object_options
@format_option("yaml", "json")
@pass_session
def manifests(session: Session, /, output: str, **overrides: Any) -> None:
    """Print all Kubernetes objects of the authenticator, in apply order: ConfigMap, DaemonSet, the objects that its
    backends read and require, and those of plugins."""
    installation = session.installation(overrides)
    objects, left_out = emit_objects(installation)
    note_objects(installation, left_out)
    if output == "json":
        print_json({"apiVersion": "v1", "kind": "List", "items": objects})
        return
    print_payload(b"---\n".join(yaml_bytes(manifest) for manifest in objects))
