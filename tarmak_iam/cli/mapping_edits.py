"""Edits of the mappings of one cluster or of several: all are checked before the first file is written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import click

from tarmak_iam.access.diff import effect_json
from tarmak_iam.access.lockout import principal_refusal
from tarmak_iam.cli import console
from tarmak_iam.cli.all_clusters import (
    ClusterOutcome,
    clusters_of,
    finish_all,
    for_each,
    noting,
    print_cluster_error,
    with_mappings,
)
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
    """Of one cluster, with the options of `mappings_edit_options`. `tell` prints a line about it. Raises
    TarmakIamError."""

    def __init__(self, session: Session, config: TarmakConfig, cluster: Cluster, options: dict[str, Any]) -> None:
        self.files, self.options = session.files(config, cluster), options
        self.tell = noting(cluster) if options["all_clusters"] else note
        with working("reading the mappings"):
            self.before = session.installation_of(config, cluster)
        self.mappings = self.before.mappings or self.files.mappings_or_new()

    def merge(self, wanted: Sequence[Wanted], *, strip_path: bool) -> tuple[Mappings, tuple[MergeOutcome, ...]]:
        with working("mapping the principals"):
            return self.mappings.merge(wanted, strip_path=strip_path, refuse=principal_refusal(self.before))

    def planned(self, after: Mappings, kind: EditKind, errors: Sequence[str] = (), **more: Any) -> PlannedEdit:
        """Guards against lock-outs. `errors` are printed after the edit, and `more` is added to the output of -o json.
        Raises TarmakIamError."""
        effects = MappedEffects()
        if after is not self.mappings:
            me, force = self.options["me"], self.options["force"]
            with working("checking the mappings"):
                effects = guarded_edit(self.before, after, kind, me=me, force=force, tell=self.tell)
        return PlannedEdit(self, after, effects, tuple(errors), more)


class PlannedEdit(NamedTuple):
    """An edit that was checked, and is not written yet."""

    edit: MappingsEdit
    after: Mappings
    effects: MappedEffects
    errors: tuple[str, ...]
    more: dict[str, Any]

    @property
    def is_changed(self) -> bool:
        return self.after is not self.edit.mappings

    @property
    def diff(self) -> str:
        before = "" if self.edit.mappings.is_new else self.edit.mappings.document.text
        return unified_diff(before, self.after.document.text, self.after.document.filename)

    @property
    def replacement(self) -> Replacement:
        files, before = self.edit.files, self.edit.mappings
        data = None if before.is_new else before.document.to_bytes()
        return Replacement(files.mappings_path, self.after.document.to_bytes(), data, within=files.within)

    @property
    def word(self) -> str:
        changed = "would be changed" if self.edit.options["dry_run"] else "changed"
        return _INCOMPLETE if self.errors else changed if self.is_changed else _UNCHANGED

    def note_findings(self) -> None:
        """Those that are new, the errors, and files in the wrong place."""
        for text in (*self.effects.lines, *self.errors):
            self.edit.tell(text)
        if self.is_changed:
            note_misplaced(self.edit.files, self.edit.before.cluster, Subject.MAPPINGS)

    def as_json(self) -> dict[str, object]:
        diff = {"diff": self.diff} if self.is_changed else {}
        return {"changed": self.is_changed, **diff, "effects": list(map(effect_json, self.effects)), **self.more}


def edit_mappings(
    session: Session,
    options: dict[str, Any],
    plan: Callable[[MappingsEdit], PlannedEdit],
    unchanged: Callable[[Sequence[MappingsEdit]], str],
    *,
    must_change: bool = False,
    only_existing: bool = False,
) -> None:
    """Edits the mappings of the selected cluster, or of all clusters. `unchanged` returns the line for an edit that
    changes nothing, which is a failure if it `must_change` something. `only_existing`: of all clusters, those without a
    mappings file are skipped. Exits with FINDINGS for a failure, and for errors of the plan. Raises TarmakIamError
    before anything is written."""
    config = session.config()
    if options["all_clusters"]:
        outcomes = _planned_for_all(session, config, options, plan, only_existing=only_existing)
    else:
        check_masters(cluster := session.cluster(config))
        outcomes = [ClusterOutcome(cluster, plan(MappingsEdit(session, config, cluster, options)))]
    if not options["dry_run"]:
        outcomes = _written(outcomes, is_atomic=options["atomic"] or not options["all_clusters"])
    made: list[PlannedEdit] = [outcome.value for outcome in outcomes if not outcome.error]
    is_unchanged = len(made) == len(outcomes) and not any(part.is_changed for part in made)
    if is_unchanged:
        note(unchanged([part.edit for part in made]))
    _print_changed([part for part in made if part.is_changed], options)
    for part in made:
        part.note_findings()
    if options["all_clusters"]:
        codes = {_INCOMPLETE: ExitCode.FINDINGS}
        finish_all(outcomes, PlannedEdit.as_json, options["output"], lambda part: part.word, _UNCHANGED, codes)
    elif options["output"] == "json":
        console.print_json(made[0].as_json())
    if (is_unchanged and must_change) or any(part.errors for part in made):
        click.get_current_context().exit(ExitCode.FINDINGS)


def _planned_for_all(
    session: Session,
    config: TarmakConfig,
    options: dict[str, Any],
    plan: Callable[[MappingsEdit], PlannedEdit],
    *,
    only_existing: bool,
) -> list[ClusterOutcome]:
    """With --atomic, none of the edits is left if one is refused."""
    assert config.path is not None  # it is loaded from a file
    chosen, home = clusters_of(config, session.environment), config.path.parent
    paths = {cluster: os.path.realpath(home / cluster.cluster_name / MAPPINGS_NAME) for cluster in chosen}
    uses = Counter(paths.values())

    def check(cluster: Cluster, _: Callable[[str], None]) -> PlannedEdit | None:
        if uses[paths[cluster]] > 1:
            what, remedy = "several clusters share this file, through links", "edit it for one of them, with --cluster"
            raise EditRefused(what, remedy=remedy, place=Place(paths[cluster]))
        edit = MappingsEdit(session, config, cluster, options)
        return None if only_existing and edit.mappings.is_new else plan(edit)

    outcomes = list(with_mappings(config, for_each(chosen, check, "checking")))
    if options["atomic"] and any(outcome.error for outcome in outcomes):
        note("nothing was written: --atomic requires that the edit is accepted for every cluster")
        for index, (cluster, planned, error) in enumerate(outcomes):
            if error is None:
                undone = planned._replace(after=planned.edit.mappings, effects=MappedEffects(), errors=())
                outcomes[index] = ClusterOutcome(cluster, undone)
    return outcomes


def _written(outcomes: Sequence[ClusterOutcome], *, is_atomic: bool) -> list[ClusterOutcome]:
    """Writes each file whole. With `is_atomic`, a file that cannot be written raises FileError, and the others are as
    before; else it is a failure of its cluster."""
    after = {outcome.cluster: outcome for outcome in outcomes}
    changed = [outcome for outcome in outcomes if not outcome.error and outcome.value.is_changed]
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
            print_cluster_error(error, batch[0].name)
            after[batch[0].cluster] = ClusterOutcome(batch[0].cluster, None, error)
    return list(after.values())


def _print_changed(changed: Sequence[PlannedEdit], options: dict[str, Any]) -> None:
    """One diff, who gains and who loses access, and what was written."""
    effects = [(part.edit.files.cluster_name, effect) for part in changed for effect in part.effects]
    if options["output"] == "text":
        for part in changed:
            console.print_diff(part.diff)
        if options["all_clusters"]:
            rows = [(cluster_name, effect.who, effect.change) for cluster_name, effect in effects]
            console.print_rows(("CLUSTER", "PRINCIPAL", "CHANGE"), rows)
        else:
            for _, effect in effects:
                console.print_line(effect.text)
    for part in changed:
        note_removed_comments(part.after.document)
        if not options["dry_run"]:
            note(f"wrote {part.edit.files.mappings_path}")
    if changed and options["dry_run"]:
        note("dry run: nothing was written")
