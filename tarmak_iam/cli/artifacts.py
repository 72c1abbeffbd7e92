"""flags, manifests, kubeconfig, render: what an installation is made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from tarmak_iam.cli.output import note, print_json
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.document.files import is_current, make_directory, read_if_present, replace_file
from tarmak_iam.emit import Artifact
from tarmak_iam.emit import manifests as emit_manifests
from tarmak_iam.emit.artifact import yaml_bytes
from tarmak_iam.emit.emitters import render as emit_all
from tarmak_iam.emit.flags import webhook_args, webhook_hieradata
from tarmak_iam.emit.kubeconfig import client_kubeconfig
from tarmak_iam.errors import FileError, Place

__all__ = ["flags", "kubeconfig", "manifests", "render"]

_image = click.option("--image", help="Image of the authenticator; a digest is allowed.")
_kubernetes = click.option(
    "--kubernetes-version", metavar="VERSION", help="Kubernetes version that the objects are for."
)
_role = click.option("--role", metavar="ARN", help="Role to assume for the token.")
_profile = click.option("--profile", metavar="NAME", help="AWS profile that the credentials come from.")


@click.command(epilog="\b\nExample: tarmak-iam flags -o hieradata")
@click.option("-o", "--output", type=click.Choice(["args", "json", "hieradata"]), default="args", show_default=True)
@pass_session
def flags(session: Session, output: str) -> None:
    """The API server's webhook flags, exactly where Tarmak's Puppet sets them."""
    installation = session.installation()
    args = webhook_args(installation)
    if output == "json":
        print_json(dict(arg.removeprefix("--").split("=", 1) for arg in args))
    else:
        for line in args if output == "args" else webhook_hieradata(installation):
            click.echo(line)
    if not args:
        why = "it is a hub, without masters" if installation.is_hub else "the switch is off and no webhook file is set"
        note(f"Tarmak sets no webhook flag for {installation.cluster_id}: {why}")


@click.command(epilog="\b\nExample: tarmak-iam manifests | kubectl apply -f -")
@_image
@_kubernetes
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
@pass_session
def manifests(session: Session, image: str | None, kubernetes_version: str | None, output: str) -> None:
    """ConfigMap and DaemonSet of the authenticator, in apply order."""
    objects = emit_manifests(session.installation({"image": image, "kubernetesVersion": kubernetes_version}))
    if output == "json":
        print_json({"apiVersion": "v1", "kind": "List", "items": objects})
        return
    click.echo(b"---\n".join(yaml_bytes(each) for each in objects), nl=False)


@click.command(
    epilog="\b\nExample: tarmak-iam kubeconfig --role arn:aws:iam::111122223333:role/Admin > admin.kubeconfig"
)
@_role
@_profile
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
@pass_session
def kubeconfig(session: Session, role: str | None, profile: str | None, output: str) -> None:
    """A kubeconfig that gets its tokens from `aws-iam-authenticator token`."""
    config = client_kubeconfig(session.installation({"role": role, "profile": profile}, with_admin=True))
    click.echo(yaml_bytes(config) if output == "yaml" else json.dumps(config, indent=2).encode() + b"\n", nl=False)


@click.command(epilog="\b\nExample: tarmak-iam render --output-dir out")
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    required=True,
    help="Directory for the files; made if it is missing.",
)
@_image
@_kubernetes
@_role
@_profile
@pass_session
def render(
    session: Session,
    output_dir: Path,
    image: str | None,
    kubernetes_version: str | None,
    role: str | None,
    profile: str | None,
) -> None:
    """All of a cluster's artifacts as files: flags, ConfigMap, DaemonSet, kubeconfig."""
    overrides = {"image": image, "kubernetesVersion": kubernetes_version, "role": role, "profile": profile}
    config = session.config()
    cluster = session.cluster(config)
    artifacts, left_out = emit_all(session.installation_of(config, cluster, overrides, with_admin=True))
    outputs = [_Output.of(output_dir, artifact) for artifact in artifacts]
    own = {path.resolve() for path in (*session.files(config, cluster).own, config.path) if path}
    for output in outputs:
        if output.path.resolve() in own:
            raise FileError(
                "this is a file of the cluster itself; nothing was written",
                remedy="choose another --output-dir",
                place=Place(str(output.path)),
            )
    make_directory(output_dir, 0o755)
    for output in outputs:
        click.echo(f"{output.write()} {output.path}")
    for name, error in left_out:
        note(f"{name} left out: {error}")


@dataclass(frozen=True, slots=True)
class _Output:
    """A file to write, and what is there: looked at for all files before the first one is written."""

    path: Path
    artifact: Artifact
    existing: bytes | None
    is_current: bool

    @classmethod
    def of(cls, directory: Path, artifact: Artifact) -> _Output:
        path = directory / artifact.name
        return cls(path, artifact, read_if_present(path), is_current(path, artifact.data, artifact.mode))

    def write(self) -> str:
        """What was done, in a word."""
        if self.is_current:
            return "unchanged"
        mode = self.artifact.mode
        replace_file(self.path, self.artifact.data, expected=self.existing, mode=mode, secret=mode == 0o600)
        return "wrote"
