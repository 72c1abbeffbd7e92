"""diff: what an apply would change in the cluster, and whose access would change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.access.diff import effect_json, effects
from tarmak_iam.access.lockout import principal_refusal
from tarmak_iam.cli import options
from tarmak_iam.cli.all_clusters import ClusterOutcome, ReportProgress, clusters_of, finish_all, for_each
from tarmak_iam.cli.commands.apply import change_json, stale_pod_json
from tarmak_iam.cli.console import ExitCode, note, print_diff, print_json, print_line
from tarmak_iam.cli.edits import read_import
from tarmak_iam.cli.session import Session, kubectl_of, pass_session
from tarmak_iam.emit import manifests
from tarmak_iam.hook.cluster.apply_plan import LiveDiff, live_diff
from tarmak_iam.hook.cluster.kubectl import ANSWER_SECONDS
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.formats import as_mappings

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster

_UP_TO_DATE = "up to date"
_NONE = "no differences: the cluster is up to date"


@click.command()
@options.option("--from FILE", "file")
@options.all_clusters_option
@options.access_options
@options.seconds_option("How long to wait for each answer of the API server, at least 5 seconds.", ANSWER_SECONDS)
@options.object_options
@options.format_option("text", "json")
@pass_session
def diff(
    session: Session, /, file: str | None, timeout: float, all_clusters: bool, output: str, **overrides: Any
) -> None:
    if file is not None and session.access:
        raise click.UsageError("--from compares with a file: use it without --kubeconfig and --context")
    if all_clusters and (file is not None or session.access):
        raise click.UsageError("--all-clusters cannot be combined with --from, --kubeconfig or --context")

    def live(installation: Installation, tell: ReportProgress = note) -> LiveDiff:
        manifests(installation)  # as in `apply`: tarmak is asked for a kubeconfig only if the objects can be generated
        return live_diff(installation, kubectl_of(session, installation.cluster_id, tell, seconds=timeout))

    if all_clusters:
        _diff_all(session, live, output, overrides)
        return
    installation = session.installation(overrides)
    if file is not None:
        imported = read_import(file, None)
        mappings, left_out = as_mappings(imported, installation.cluster_id, file, principal_refusal(installation))
        for entry in left_out:
            note(f"note: {entry}")
        differences = LiveDiff((), effects(replace(installation, mappings=mappings), installation), ())
    else:
        differences = live(installation)
    if output == "json":
        print_json(_as_json(differences, with_objects=file is None))
    else:
        _print(differences)
    for text in differences.notes:
        note(f"note: {text}")
    if differences.changed:
        click.get_current_context().exit(ExitCode.FINDINGS)
    note("no differences: access stays the same" if file else _NONE)


def _diff_all(session: Session, live: Callable[..., LiveDiff], output: str, overrides: dict[str, Any]) -> None:
    config = session.config()

    def compare(cluster: Cluster, tell: ReportProgress) -> LiveDiff:
        return live(session.installation_of(config, cluster, overrides), tell)

    outcomes = []
    for outcome in for_each(clusters_of(config), compare, "comparing"):
        outcomes.append(outcome)
        if outcome.error:
            continue
        if not outcome.value.changed:
            note(f"{outcome.name}: {_NONE}")
        elif output == "json":
            note(f"{outcome.name}:")
        else:
            print_line(f"{outcome.name}:")
            _print(outcome.value)
        for text in outcome.value.notes:
            note(f"note: {text}")

    def as_json(outcome: ClusterOutcome) -> dict[str, object]:
        return {"cluster": outcome.name, **_as_json(outcome.value, with_objects=True)}

    finish_all(outcomes, as_json, output, lambda result: "different" if result.changed else _UP_TO_DATE, _UP_TO_DATE)


def _print(differences: LiveDiff) -> None:
    for changed in differences.objects:
        print_line(changed.change.text)
        print_diff(changed.text)
    for effect in differences.effects:
        print_line(effect.text)
    for pod in differences.stale_pods:
        print_line(pod.text)
    if differences.missing_pods:
        print_line(differences.missing_text)
    for group in differences.unbound:
        note(f"warning: {group.text}")


def _as_json(differences: LiveDiff, *, with_objects: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "changed": differences.changed,
        "effects": [effect_json(effect) for effect in differences.effects],
    }
    if not with_objects:
        return shown
    return {
        **shown,
        "objects": [{**change_json(entry.change), "diff": entry.text} for entry in differences.objects],
        "unboundGroups": [{"group": name.group, "principals": list(name.principals)} for name in differences.unbound],
        "stalePods": [stale_pod_json(pod) for pod in differences.stale_pods],
        "missingPods": differences.missing_pods,
        "notes": list(differences.notes),
    }
