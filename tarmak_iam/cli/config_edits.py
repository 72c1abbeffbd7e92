"""What the commands that edit values of tarmak.yaml share: writing, the diff, and the findings that are new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tarmak_iam.cli.console import note
from tarmak_iam.cli.file_edits import finish_edit
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.version_issues import version_change_flaw
from tarmak_iam.lint import Located, Subjects, check
from tarmak_iam.lint.new_findings import added_findings
from tarmak_iam.text import shortened


def finish_config_edit(
    before: TarmakConfig, after: TarmakConfig, *, clusters: Sequence[Cluster], unchanged: str, dry_run: bool
) -> None:
    """Writes the edited configuration, unless it is a dry run or nothing has changed, and prints what has changed, and
    the findings of `check` that are new. `clusters` are those that were edited."""
    if after is before:
        note(f"unchanged: {unchanged}")
        return
    surprises = _new_findings(before, after)  # before writing: a plugin's rule may fail
    done = f"wrote {after.document.filename}{_next_command(before, after, clusters)}"
    finish_edit(before.document, after.document, after.save, dry_run=dry_run, done=done)
    for route in after.document.also_changed:
        place = after.document.position(route)
        note(f"{place}: note: {route} has the same value through an alias, and has changed with it")
    for each in surprises:
        note(str(each))
    for line in _version_warnings(before, after):
        note(line)


def _version_warnings(before: TarmakConfig, after: TarmakConfig) -> Iterator[str]:
    for cluster in before.selectable_clusters:
        edited = _edited(before, after, cluster)
        flaw = version_change_flaw(cluster.kubernetes_version, edited.kubernetes_version) if edited else ""
        if edited and flaw:
            place = after.document.position((*edited.route.plain, "kubernetes", "version"))
            yield f"{place}: warning: {shortened(edited.cluster_name)}: {flaw}"


def _next_command(before: TarmakConfig, after: TarmakConfig, clusters: Sequence[Cluster]) -> str:
    """What to run then, with the names and the `currentCluster` that the edited file has. Tarmak cannot select a
    cluster whose name has another number of dashes."""
    found = [_edited(before, after, cluster) for cluster in clusters]
    edited = [each for each in found if each is not None and each.cluster_name.count("-") == 1]
    if not edited:
        return ""
    apply = after.command_line(edited[0]).tarmak("clusters apply")
    if len(edited) == 1:
        return f"; run `{apply}` to apply it to the cluster"
    return f"; apply it to each of the {len(edited)} clusters, as in `{apply}`"


def _edited(before: TarmakConfig, after: TarmakConfig, cluster: Cluster) -> Cluster | None:
    """The cluster in the edited file: that of its name, else the one that has another name at its place."""
    same_name = [each for each in after.clusters if each.cluster_name == cluster.cluster_name]
    if same_name:
        return same_name[0]
    return after.clusters[cluster.index] if len(after.clusters) == len(before.clusters) else None


def _new_findings(before: TarmakConfig, after: TarmakConfig) -> list[Located]:
    return list(added_findings(check(Subjects(before)), check(Subjects(after))))
