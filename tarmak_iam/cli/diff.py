"""diff: what an apply would change in the cluster, and who would gain and lose what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tarmak_iam.cli.cluster_access import access_options, kubectl_of
from tarmak_iam.cli.live import change_json
from tarmak_iam.cli.mapping_change import effect_json
from tarmak_iam.cli.mapping_formats import read_foreign
from tarmak_iam.cli.output import note, print_diff_text, print_json
from tarmak_iam.cli.overrides import object_options
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.effects import effects
from tarmak_iam.emit import manifests
from tarmak_iam.guards import principal_refusal
from tarmak_iam.hook.cluster.diff import LiveDiff, live_diff
from tarmak_iam.identity.formats import as_mappings
from tarmak_iam.installation import Installation

__all__ = ["diff"]


@click.command(
    epilog="\b\nExamples:\n"
    "  tarmak-iam diff\n"
    "  git show HEAD~1:dev-cluster/aws-iam-authenticator.yaml | tarmak-iam diff --from -\n"
    "  kubectl -n kube-system get configmap aws-auth -o yaml | tarmak-iam diff --from -",
)
@click.option("--from", "file", metavar="FILE", help="Compare with a file, in any format that map import reads.")
@access_options
@object_options
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def diff(
    session: Session,
    /,
    file: str | None,
    kubeconfig: Path | None,
    kube_context: str | None,
    output: str,
    **overrides: Any,
) -> None:
    """What `apply` would change in the cluster: objects, who gains and who loses what, and groups that no binding
    of the cluster knows. With --from: who gains and loses what against FILE (- for stdin).

    Exit code 1 if there are differences, 0 if there are none.
    """
    if file is not None and (kubeconfig is not None or kube_context is not None):
        raise click.UsageError("--from compares with a file, --kubeconfig and --context with a cluster")
    installation = session.installation(overrides)
    if file is not None:
        found = LiveDiff((), effects(_as_installed(installation, file), installation), ())
    else:
        manifests(installation)  # as `apply` has it: tarmak is asked only about what can be made
        found = live_diff(installation, kubectl_of(session, kubeconfig, kube_context))
    if output == "json":
        print_json(_as_json(found, with_objects=file is None))
    else:
        _print(found)
    for text in found.notes:
        note(f"note: {text}")
    if found.changed:
        click.get_current_context().exit(1)
    note("no differences: everyone keeps what they have" if file else "no differences: the cluster is as it should be")


def _print(found: LiveDiff) -> None:
    for each in found.objects:
        click.echo(each.change.text)
        print_diff_text(each.text)
    for effect in found.effects:
        click.echo(effect.text)
    for group in found.unbound:
        note(f"warning: {group.text}")


def _as_json(found: LiveDiff, *, with_objects: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"changed": found.changed, "effects": [effect_json(effect) for effect in found.effects]}
    if not with_objects:
        return shown
    return {
        **shown,
        "objects": [{**change_json(each.change), "diff": each.text} for each in found.objects],
        "unboundGroups": [{"group": each.group, "principals": list(each.principals)} for each in found.unbound],
        "notes": list(found.notes),
    }


def _as_installed(installation: Installation, file: str) -> Installation:
    """The same installation with what the file maps."""
    found = read_foreign(file, None)
    mappings, left_out = as_mappings(found, installation.cluster_id, file, principal_refusal(installation))
    for each in left_out:
        note(f"note: {each}")
    return replace(installation, mappings=mappings)
