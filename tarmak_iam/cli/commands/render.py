"""flags, manifests, render: the API server's webhook flags, the Kubernetes objects, and all artifacts as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tarmak_iam.cli.all_clusters import clusters_of, finish_all, for_each
from tarmak_iam.cli.console import note, print_json, print_line, print_payload, record_done
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
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit import render as emit_all
from tarmak_iam.emit.directory import DirectoryPlan, FileAction, plan_directory, write_directory
from tarmak_iam.emit.emitters import objects as emit_objects
from tarmak_iam.emit.flags import webhook_args, webhook_hieradata
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.cluster_files import is_cluster_id

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster
    from tarmak_iam.installation.installation import Installation


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
        why = "awsIAMAuthenticatorInit is off and authTokenWebhookFile is not set"
        why = "it is a hub, without masters" if installation.is_hub else why
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
    else:
        print_payload(b"---\n".join(yaml_bytes(manifest) for manifest in objects))


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
    """The files of a cluster in their directory, and the emitters that were skipped."""

    installation: Installation
    plan: DirectoryPlan
    left_out: list[tuple[str, ConfigError]]


@click.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam render --output-dir out && kubectl apply -k out\n"
    "  tarmak-iam render --output-dir out --all-clusters"
)
@output_dir_option("the files")
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
        if not dry_run:
            write_directory(planned)
            for step in planned.steps:
                if step.action not in _UNWRITTEN:
                    record_done(_DONE[step.action], step.path)
        return _RenderedCluster(installation, planned, left_out)

    if all_clusters:
        outcomes = []
        directories = {cluster: output_dir / cluster.cluster_name for cluster in clusters_of(config)}
        for outcome in for_each([*directories], lambda cluster, _: make(cluster, directories[cluster]), "rendering"):
            outcomes.append(outcome)
            if not outcome.error:
                note(f"{outcome.name}:")
                _print_files(outcome.value, output, dry_run=dry_run)
        if dry_run:
            note(_DRY)
        done = "could be rendered" if dry_run else "rendered"
        finish_all(outcomes, lambda made: _as_json(made.value, dry_run=dry_run), output, lambda _: done, done)
        return
    check_masters(cluster := session.cluster(config))
    made = make(cluster, output_dir)
    if output == "json":
        print_json(_as_json(made, dry_run=dry_run))
    _print_files(made, output, dry_run=dry_run, says_dry=dry_run)


def _print_files(made: _RenderedCluster, output: str, *, dry_run: bool, says_dry: bool = False) -> None:
    """What was written as text, and notes; without the skipped artifacts for JSON, which contains them itself."""
    steps = made.plan.steps
    if output != "json":
        for step in steps:
            would = dry_run and step.action not in _UNWRITTEN
            print_line(f"{f'would {step.action.value}' if would else _DONE[step.action]} {step.path}")
        for step in steps:
            if step.action is FileAction.KEEP:
                why = "it was changed by hand since it was written"
                note(f"{step.path} is no longer generated, but was not removed: {why}")
        if says_dry:
            note(_DRY)
    note_objects(made.installation, made.left_out if output != "json" else ())
    if any(step.action is FileAction.REMOVE and step.path.suffix == ".yaml" for step in steps):
        note("note: removing the file of an object does not delete the object from a cluster; use kubectl to delete it")
    if "kubeconfig" not in dict(made.left_out):
        note_role(made.installation)
        note_tunnel(made.installation)


def _as_json(made: _RenderedCluster, *, dry_run: bool) -> dict[str, object]:
    steps = made.plan.steps
    return {
        "cluster": made.installation.cluster_id,
        "directory": str(made.plan.directory),
        "dryRun": dry_run,
        "files": [{"name": step.path.name, "path": str(step.path), "action": step.action.value} for step in steps],
        "leftOut": [{"name": name, "reason": str(error)} for name, error in made.left_out],
    }
