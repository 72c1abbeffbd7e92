"""Edits of the mappings of one cluster or of several: all are checked before the first file is written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import click

from tarmak_iam.access.diff import effect_json
from tarmak_iam.access.lockout import principal_refusal
from tarmak_iam.cli import all_clusters, console
from tarmak_iam.cli.all_clusters import ClusterOutcome
from tarmak_iam.cli.console import ExitCode, note, working
from tarmak_iam.cli.edits import note_removed_comments
from tarmak_iam.cli.session import Session, note_misplaced
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.cluster import check_masters
from tarmak_iam.errors import EditRefused, FileError, Place
from tarmak_iam.files.atomic import Replacement, make_directory, replace_files
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.findings import Subject
from tarmak_iam.lint.edit_guard import EditKind, MappedEffects, guarded_edit
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tarmak_iam.mappings.merging import MergeOutcome, Wanted

_UNCHANGED, _INCOMPLETE = "unchanged", "incomplete"


class MappingsEdit:
    """Of one cluster, with the options of `mappings_edit_options`; it is not written yet. `tell` prints a line about
    it. Raises TarmakIamError."""

    def __init__(self, session: Session, config: TarmakConfig, cluster: Cluster, options: dict[str, Any]) -> None:
        self.files, self.options = session.files(config, cluster), options
        self.tell = all_clusters.noting(cluster) if options["all_clusters"] else note
        with working("reading the mappings"):
            self.installation = session.installation_of(config, cluster)
        self.before = self.installation.mappings or self.files.mappings_or_new()
        self.undo()

    def undo(self) -> None:
        self.after, self.effects = self.before, MappedEffects()
        self.errors: Sequence[str] = ()
        self.more: dict[str, Any] = {}

    def merge(self, wanted: Sequence[Wanted], *, strip_path: bool) -> tuple[Mappings, tuple[MergeOutcome, ...]]:
        with working("mapping the principals"):
            return self.before.merge(wanted, strip_path=strip_path, refuse=principal_refusal(self.installation))

    def plan(self, after: Mappings, kind: EditKind, errors: Sequence[str] = (), **more: Any) -> None:
        """Guards against lock-outs. `errors` are printed after the edit, and `more` is added to the output of -o json.
        Raises TarmakIamError."""
        if after is not self.before:
            me, force = self.options["me"], self.options["force"]
            with working("checking the mappings"):
                self.effects = guarded_edit(self.installation, after, kind, me=me, force=force, tell=self.tell)
        self.after, self.errors, self.more = after, errors, more

    @property
    def is_changed(self) -> bool:
        return self.after is not self.before

    @property
    def diff(self) -> str:
        before = "" if self.before.is_new else self.before.document.text
        return unified_diff(before, self.after.document.text, self.after.document.filename)

    @property
    def replacement(self) -> Replacement:
        data = None if self.before.is_new else self.before.document.to_bytes()
        return Replacement(self.files.mappings_path, self.after.document.to_bytes(), data, within=self.files.within)

    @property
    def word(self) -> str:
        changed = "would be changed" if self.options["dry_run"] else "changed"
        return _INCOMPLETE if self.errors else changed if self.is_changed else _UNCHANGED

    def note_findings(self) -> None:
        """Those that are new, the errors, and files in the wrong place."""
        for text in (*self.effects.lines, *self.errors):
            self.tell(text)
        if self.is_changed:
            note_misplaced(self.files, self.installation.cluster, Subject.MAPPINGS)

    def as_json(self) -> dict[str, object]:
        diff = {"diff": self.diff} if self.is_changed else {}
        return {"changed": self.is_changed, **diff, "effects": list(map(effect_json, self.effects)), **self.more}


Plan = Callable[[MappingsEdit], None]
Unchanged = Callable[[Sequence[MappingsEdit]], str]


def edit_mappings(
    session: Session, options: dict[str, Any], plan: Plan, unchanged: Unchanged, *, if_exists: bool | None = None
) -> None:
    """Edits the mappings of the selected cluster, or of all. `unchanged` returns the line for an edit that changes
    nothing. `if_exists` is for one that removes something: clusters without a mappings file are skipped, and if it is
    False, an edit that changes nothing fails. Exits with FINDINGS then, and for errors of the plan. Raises
    TarmakIamError before anything is written."""
    config = session.config()
    if options["all_clusters"]:
        outcomes = _planned_for_all(session, config, options, plan, only_existing=if_exists is not None)
    else:
        check_masters(cluster := session.cluster(config))
        plan(edit := MappingsEdit(session, config, cluster, options))
        outcomes = [ClusterOutcome(cluster, edit)]
    if not options["dry_run"]:
        outcomes = _written(outcomes, is_atomic=options["atomic"] or not options["all_clusters"])
    made: list[MappingsEdit] = [outcome.value for outcome in outcomes if not outcome.error]
    is_unchanged = len(made) == len(outcomes) and not any(edit.is_changed for edit in made)
    if is_unchanged:
        note(unchanged(made))
    if options["output"] == "json" and not options["all_clusters"]:  # before a note says that it is done
        console.print_json(made[0].as_json())
    _print_changed([edit for edit in made if edit.is_changed], options)
    for edit in made:
        edit.note_findings()
    if options["all_clusters"]:
        as_json, output = MappingsEdit.as_json, options["output"]
        all_clusters.finish_all(outcomes, as_json, output, lambda edit: edit.word, _UNCHANGED, {})
    if (is_unchanged and if_exists is False) or any(edit.errors for edit in made):
        click.get_current_context().exit(ExitCode.FINDINGS)


def _planned_for_all(
    session: Session, config: TarmakConfig, options: dict[str, Any], plan: Plan, *, only_existing: bool
) -> list[ClusterOutcome]:
    """With --atomic, none of the edits is left if one is refused."""
    assert config.path is not None  # it is loaded from a file
    chosen, home = all_clusters.clusters_of(config, session.environment), config.path.parent
    every = config.clusters_in(None)  # also those of other environments
    paths = {cluster: os.path.realpath(home / cluster.cluster_name / MAPPINGS_NAME) for cluster in every}
    uses = Counter(paths.values())

    def check(cluster: Cluster, _: object) -> MappingsEdit | None:
        if uses[paths[cluster]] > 1:
            what, remedy = "several clusters share this file, through links", "edit it for one of them, with --cluster"
            raise EditRefused(what, remedy=remedy, place=Place(paths[cluster]))
        edit = MappingsEdit(session, config, cluster, options)
        if only_existing and edit.before.is_new:
            return None
        plan(edit)
        return edit

    outcomes = list(all_clusters.with_mappings(config, all_clusters.for_each(chosen, check, "checking")))
    if options["atomic"] and any(outcome.error for outcome in outcomes):
        note(all_clusters.NOT_ATOMIC)
        for edit in (outcome.value for outcome in outcomes if not outcome.error):
            edit.undo()
    return outcomes


def _written(outcomes: Sequence[ClusterOutcome], *, is_atomic: bool) -> list[ClusterOutcome]:
    """Writes each file whole. With `is_atomic`, a file that cannot be written raises FileError, and the others are as
    before; else it is a failure of its cluster."""
    changed = [outcome for outcome in outcomes if not outcome.error and outcome.value.is_changed]
    failed = dict[Cluster, ClusterOutcome]()
    for batch in [changed] if is_atomic else [[outcome] for outcome in changed]:
        files = [outcome.value.replacement for outcome in batch]
        try:
            for file in files:
                if file.before is None:
                    make_directory(file.path.parent, 0o700, file.within)  # the mode of Tarmak's own directories
            replace_files(files)
            console.record_done("wrote", *(file.path for file in files))
        except FileError as error:
            if is_atomic:
                raise
            all_clusters.print_cluster_error(error, batch[0].name)
            failed[batch[0].cluster] = ClusterOutcome(batch[0].cluster, None, error)
    return [failed.get(outcome.cluster, outcome) for outcome in outcomes]


def _print_changed(changed: Sequence[MappingsEdit], options: dict[str, Any]) -> None:
    """One diff, who gains and who loses access, and what was written."""
    if options["output"] == "text":
        for edit in changed:
            console.print_diff(edit.diff)
        texts = [(edit.files.cluster_name, effect.text) for edit in changed for effect in edit.effects]
        if options["all_clusters"]:
            rows = [(name, *text.split(": ", 1)) for name, text in texts]
            console.print_rows(("CLUSTER", "PRINCIPAL", "CHANGE"), rows)
        for _, text in texts if not options["all_clusters"] else ():
            console.print_line(text)
    for edit in changed:
        note_removed_comments(edit.after.document, dry_run=options["dry_run"])
        if not options["dry_run"]:
            note(f"wrote {edit.files.mappings_path}")
    if changed and options["dry_run"]:
        note("dry run: nothing was written")
