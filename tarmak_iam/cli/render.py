"""render: all of a cluster's artifacts as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.directories import output_dir_option
from tarmak_iam.cli.edit import dry_run_option
from tarmak_iam.cli.kubeconfig import note_tunnel
from tarmak_iam.cli.notes import note_objects, note_role
from tarmak_iam.cli.output import note, print_json
from tarmak_iam.cli.overrides import kubeconfig_options, object_options
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.directory import Action, Plan, carry_out, plan
from tarmak_iam.emit import render as emit_all
from tarmak_iam.errors import ConfigError
from tarmak_iam.text import one_line

if TYPE_CHECKING:
    from tarmak_iam.config import TarmakConfig

__all__ = ["render"]

_DONE = {
    Action.WRITE: "wrote",
    Action.UNCHANGED: "unchanged",
    Action.RESTRICT: "restricted",
    Action.REMOVE: "removed",
    Action.KEEP: "kept",
}
_AT_REST = (Action.UNCHANGED, Action.KEEP)


@click.command(epilog="\b\nExample: tarmak-iam render --output-dir out && kubectl apply -k out")
@output_dir_option
@object_options
@kubeconfig_options
@dry_run_option
@click.option("--force", is_flag=True, help="Write over files that were not written by render, or changed since.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def render(
    session: Session,
    /,
    output_dir: Path,
    dry_run: bool,
    force: bool,
    output: str,
    **overrides: Any,
) -> None:
    """All of a cluster's artifacts as files: flags, kubeconfig, and the objects for `kubectl apply -k`.

    Only files that render wrote before are replaced, and removed where they are no longer made.
    """
    config = session.config()
    cluster = session.cluster(config)
    installation = session.installation_of(config, cluster, overrides, with_admin=True)
    artifacts, left_out = emit_all(installation)
    own = _own_files(session, config)
    planned = plan(output_dir, artifacts, installation.cluster_id, force=force, untouchable=own)
    if not dry_run:  # before anything is printed: whoever reads that may hang up
        carry_out(planned)
    if output == "json":
        print_json(_as_json(planned, left_out, cluster_id=installation.cluster_id, dry_run=dry_run))
    else:
        _print(planned, dry_run=dry_run)
    note_objects(installation, () if output == "json" else left_out)  # JSON has them itself
    if any(step.action is Action.REMOVE and step.path.suffix == ".yaml" for step in planned.steps):
        note("note: an object whose file is removed stays in a cluster that has it, until somebody deletes it there")
    if "kubeconfig" not in dict(left_out):
        note_role(installation)
        note_tunnel(installation)


def _own_files(session: Session, config: TarmakConfig) -> list[Path]:
    """tarmak.yaml and the files of every cluster of it: the ways back in, above all."""
    from tarmak_iam.clusterfiles import is_cluster_id

    clusters = [each for each in config.clusters if is_cluster_id(each.cluster_name)]
    own = [path for each in clusters for path in session.files(config, each).own]
    return [*own, config.path] if config.path else own


def _print(planned: Plan, *, dry_run: bool) -> None:
    for step in planned.steps:
        would = dry_run and step.action not in _AT_REST
        click.echo(one_line(f"{f'would {step.action.value}' if would else _DONE[step.action]} {step.path}"))
    for step in planned.steps:
        if step.action is Action.KEEP:
            note(f"{step.path} is no longer made, but is kept: it was changed by hand since it was written")
    if dry_run:
        note("dry run: nothing was written")


def _as_json(
    planned: Plan, left_out: list[tuple[str, ConfigError]], *, cluster_id: str, dry_run: bool
) -> dict[str, object]:
    return {
        "cluster": cluster_id,
        "directory": str(planned.directory),
        "dry_run": dry_run,
        "files": [
            {"name": step.path.name, "path": str(step.path), "action": step.action.value} for step in planned.steps
        ],
        "left_out": [{"name": name, "reason": str(error)} for name, error in left_out],
    }
