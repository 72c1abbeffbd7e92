"""What the commands that edit values of tarmak.yaml share: writing, the diff, and the findings that are new."""

from __future__ import annotations

from collections.abc import Sequence

from tarmak_iam.cli.console import note
from tarmak_iam.cli.file_edits import finish_edit
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.lint import Located, Subjects, check
from tarmak_iam.lint.new_findings import added_findings


def finish_config_edit(
    before: TarmakConfig, after: TarmakConfig, *, clusters: Sequence[Cluster], unchanged: str, dry_run: bool
) -> None:
    """Writes the edited configuration, unless it is a dry run or nothing has changed, and prints what has changed, and
    the findings of `check` that are new. `clusters` are those that were edited."""
    if after is before:
        note(f"unchanged: {unchanged}")
        return
    surprises = _new_findings(before, after)  # before writing: a plugin's rule may fail
    done = f"wrote {after.document.filename}{_next_command(before, clusters)}"
    finish_edit(before.document, after.document, after.save, dry_run=dry_run, done=done)
    for route in after.document.also_changed:
        place = after.document.position(route)
        note(f"{place}: note: {route} has the same value through an alias, and has changed with it")
    for each in surprises:
        note(str(each))


def _next_command(config: TarmakConfig, clusters: Sequence[Cluster]) -> str:
    if not clusters:
        return ""
    apply = config.command_line(clusters[0]).tarmak("clusters apply")
    if len(clusters) == 1:
        return f"; run `{apply}` to apply it to the cluster"
    return f"; apply it to each of the {len(clusters)} clusters, as in `{apply}`"


def _new_findings(before: TarmakConfig, after: TarmakConfig) -> list[Located]:
    return list(added_findings(check(Subjects(before)), check(Subjects(after))))
