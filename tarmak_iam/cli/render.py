"""render: all of a cluster's artifacts as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from tarmak_iam.cli.output import note
from tarmak_iam.cli.overrides import backend_option, image_option, kubernetes_option, profile_option, role_option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.document.files import is_current, make_directory, read_if_present, replace_file
from tarmak_iam.emit import Artifact
from tarmak_iam.emit import render as emit_all
from tarmak_iam.errors import FileError, Place

__all__ = ["render"]


@click.command(epilog="\b\nExample: tarmak-iam render --output-dir out")
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    required=True,
    help="Directory for the files; made if it is missing.",
)
@image_option
@kubernetes_option
@backend_option
@role_option
@profile_option
@pass_session
def render(
    session: Session,
    output_dir: Path,
    image: str | None,
    kubernetes_version: str | None,
    backends: list[str] | None,
    role: str | None,
    profile: str | None,
) -> None:
    """All of a cluster's artifacts as files: flags, ConfigMap, DaemonSet, kubeconfig."""
    overrides = {
        "image": image,
        "kubernetesVersion": kubernetes_version,
        "backends": backends,
        "role": role,
        "profile": profile,
    }
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
