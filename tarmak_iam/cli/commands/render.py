"""render: all artifacts of a cluster as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tarmak_iam.cli.all_clusters import clusters_of, error_json, for_each, outcome_summary, outcomes_exit_code
from tarmak_iam.cli.console import note, print_json, print_line, record_done
from tarmak_iam.cli.installation_notes import note_incomplete, note_objects, note_role, note_tunnel
from tarmak_iam.cli.options import (
    all_clusters_option,
    dry_run_option,
    format_option,
    kubeconfig_options,
    object_options,
    option,
    output_dir_option,
)
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.config.cluster import check_masters
from tarmak_iam.emit import render as emit_all
from tarmak_iam.emit.directory import DirectoryPlan, FileAction, plan_directory, write_directory
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.cluster_files import is_cluster_id

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.installation.installation import Installation


_DONE = {
    FileAction.WRITE: "wrote",
    FileAction.UNCHANGED: "unchanged",
    FileAction.RESTRICT: "restricted",
    FileAction.REMOVE: "removed",
    FileAction.KEEP: "kept",
}
_DRY = "dry run: nothing was written"
_UNWRITTEN = (FileAction.UNCHANGED, FileAction.KEEP)


class _RenderedCluster(NamedTuple):
    """The rendered files of a cluster, and their directory."""

    installation: Installation
    plan: DirectoryPlan
    left_out: list[tuple[str, ConfigError]]


@click.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam render --output-dir out && kubectl apply -k out\n"
    "  tarmak-iam render --output-dir out --all-clusters"
)
@output_dir_option
@all_clusters_option
@object_options
@kubeconfig_options
@dry_run_option
@option("--force", "Overwrite files that were not written by render, or were changed since.")
@format_option("text", "json")
@pass_session
def render(
    session: Session, /, output_dir: Path, all_clusters: bool, dry_run: bool, force: bool, output: str, **overrides: Any
) -> None:
    """Write all artifacts of a cluster to a directory: flags, kubeconfig, and the objects for `kubectl apply -k`.

    Only files written by an earlier render are replaced, or removed if they are no longer generated. With
    --all-clusters each cluster has its own directory DIR/CLUSTER, hubs are skipped, and -o json prints a list.
    """
    config = session.config()
    # Never to be overwritten, above all the admin certificates:
    clusters = [cluster for cluster in config.clusters if is_cluster_id(cluster.cluster_name)]
    own_files = [path for cluster in clusters for path in session.files(config, cluster).own]
    own_files += [config.path] if config.path else []

    def make(cluster: Cluster, directory: Path) -> _RenderedCluster:
        installation = session.installation_of(config, cluster, overrides, with_admin=True)
        artifacts, left_out = emit_all(installation)
        planned = plan_directory(directory, artifacts, installation.cluster_id, force=force, untouchable=own_files)
        note_incomplete(directory, "run it without --dry-run to complete it" if dry_run else "this run completes it")
        if not dry_run:  # before anything is printed: the reader may close the pipe
            write_directory(planned)
            for step in planned.steps:
                if step.action not in _UNWRITTEN:
                    record_done(_DONE[step.action], str(step.path))
        return _RenderedCluster(installation, planned, left_out)

    if all_clusters:
        _render_all(config, lambda cluster: make(cluster, output_dir / cluster.cluster_name), output, dry_run=dry_run)
        return
    check_masters(cluster := session.cluster(config))
    made = make(cluster, output_dir)
    if output == "json":
        print_json(_as_json(made, dry_run=dry_run))
    else:
        _print(made.plan, dry_run=dry_run)
        if dry_run:
            note(_DRY)
    _note_render(made, with_left_out=output != "json")


def _render_all(
    config: TarmakConfig, make: Callable[[Cluster], _RenderedCluster], output: str, *, dry_run: bool
) -> None:
    outcomes = []
    for outcome in for_each(clusters_of(config), lambda cluster, _: make(cluster), "rendering"):
        outcomes.append(outcome)
        if outcome.error:
            continue
        note(f"{outcome.name}:")
        if output != "json":
            _print(outcome.value.plan, dry_run=dry_run)
        _note_render(outcome.value, with_left_out=output != "json")
    if output == "json":
        print_json(
            [error_json(outcome) if outcome.error else _as_json(outcome.value, dry_run=dry_run) for outcome in outcomes]
        )
    if dry_run:
        note(_DRY)
    done = "could be rendered" if dry_run else "rendered"
    note(outcome_summary(outcomes, lambda _: done, done))
    if code := outcomes_exit_code(outcomes):
        click.get_current_context().exit(code)


def _print(planned: DirectoryPlan, *, dry_run: bool) -> None:
    for step in planned.steps:
        would = dry_run and step.action not in _UNWRITTEN
        print_line(f"{f'would {step.action.value}' if would else _DONE[step.action]} {step.path}")
    for step in planned.steps:
        if step.action is FileAction.KEEP:
            note(
                f"{step.path} is no longer generated, but was not removed: it was changed by hand since it was written"
            )


def _note_render(made: _RenderedCluster, *, with_left_out: bool) -> None:
    """Without the skipped artifacts for JSON, which contains them itself."""
    note_objects(made.installation, made.left_out if with_left_out else ())
    if any(step.action is FileAction.REMOVE and step.path.suffix == ".yaml" for step in made.plan.steps):
        note("note: removing the file of an object does not delete the object from a cluster; use kubectl to delete it")
    if "kubeconfig" not in dict(made.left_out):
        note_role(made.installation)
        note_tunnel(made.installation)


def _as_json(made: _RenderedCluster, *, dry_run: bool) -> dict[str, object]:
    return {
        "cluster": made.installation.cluster_id,
        "directory": str(made.plan.directory),
        "dryRun": dry_run,
        "files": [
            {"name": step.path.name, "path": str(step.path), "action": step.action.value} for step in made.plan.steps
        ],
        "leftOut": [{"name": name, "reason": str(error)} for name, error in made.left_out],
    }
