"""Edits of the mappings of one cluster or of several: all of them are checked before the first file is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import click

from tarmak_iam.access.lockout import principal_refusal
from tarmak_iam.cli.all_clusters import (
    ClusterOutcome,
    ReportProgress,
    clusters_of,
    finish_all,
    for_each,
    noting,
    print_cluster_error,
    with_mappings,
)
from tarmak_iam.cli.console import ExitCode, note, print_diff, print_json, print_rows, record_done, working
from tarmak_iam.cli.edits import changed_json, finish_edit, note_removed_comments
from tarmak_iam.cli.session import Session, note_misplaced
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.errors import EditRefused, FileError, Place, TarmakIamError
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.findings import Subject
from tarmak_iam.lint.edit_guard import EditKind, MappedEffects, guarded_edit
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings, save_mappings
from tarmak_iam.mappings.merging import MergeOutcome, Wanted
from tarmak_iam.text import brief_list, shortened

_UNCHANGED, _WITH_ERRORS = "unchanged", "with errors"


class MappingsEdit:
    """Of one cluster, with the options of `mappings_edit_options`. `tell` prints a line about it. Raises
    TarmakIamError."""

    def __init__(
        self,
        session: Session,
        config: TarmakConfig,
        cluster: Cluster,
        options: dict[str, Any],
        tell: Callable[[str], None] = note,
    ) -> None:
        self.files = session.files(config, cluster)
        with working("reading the mappings"):
            self.before = session.installation_of(config, cluster)
        self.mappings = self.before.mappings or self.files.mappings_or_new()
        self.options, self.tell = options, tell

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
    def real_path(self) -> str:
        """Clusters may share a file through a link."""
        return os.path.realpath(self.edit.files.mappings_path)

    def as_json(self) -> dict[str, object]:
        if self.is_changed:
            return changed_json(self.diff, self.effects, self.more)
        return {"changed": False, "effects": [], **self.more}

    def note_written(self, tell: Callable[[str], None]) -> None:
        """The new findings, and files whose names look like that of the mappings."""
        for text in self.effects.lines:
            tell(text)
        note_misplaced(self.edit.files, self.edit.before.cluster, Subject.MAPPINGS)


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
    if options["all_clusters"]:
        _edit_all(session, options, plan, unchanged, must_change=must_change, only_existing=only_existing)
        return
    config, cluster, _ = session.selected()
    planned = plan(MappingsEdit(session, config, cluster, options))
    edit, json = planned.edit, planned.more if options["output"] == "json" else None
    if planned.is_changed:
        before, done = None if edit.mappings.is_new else edit.mappings.document, f"wrote {edit.files.mappings_path}"
        after, write = planned.after.document, planned.after.save
        flags = {"dry_run": options["dry_run"], "done": done, "effects": planned.effects}
        finish_edit(before, after, write, json=json, **flags)
        planned.note_written(note)
    else:
        note(unchanged([edit]))
        if json is not None:
            print_json(planned.as_json())
    for text in planned.errors:
        note(text)
    if planned.errors or (must_change and not planned.is_changed):
        click.get_current_context().exit(ExitCode.FINDINGS)


def _edit_all(
    session: Session,
    options: dict[str, Any],
    plan: Callable[[MappingsEdit], PlannedEdit],
    unchanged: Callable[[Sequence[MappingsEdit]], str],
    *,
    must_change: bool,
    only_existing: bool,
) -> None:
    config, dry_run = session.config(), options["dry_run"]

    def check(cluster: Cluster, _: ReportProgress) -> PlannedEdit | None:
        edit = MappingsEdit(session, config, cluster, options, noting(cluster))
        return None if only_existing and edit.mappings.is_new else plan(edit)

    checked = for_each(clusters_of(config, session.environment), check, "checking")
    outcomes = _without_conflicts(config, list(with_mappings(config, checked)))
    if options["atomic"] and any(outcome.error for outcome in outcomes):
        note("nothing was written: --atomic requires that the edit is accepted for every cluster")
        outcomes = [outcome if outcome.error else _undone(outcome) for outcome in outcomes]
    elif not dry_run:
        outcomes = _written(outcomes, is_atomic=options["atomic"])
    made = [outcome.value for outcome in outcomes if not outcome.error]
    _print_made(made, dry_run=dry_run, is_json=options["output"] == "json")
    is_unchanged = not any(outcome.error or outcome.value.is_changed for outcome in outcomes)
    if is_unchanged:
        note(unchanged([part.edit for part in made]))

    def word(part: PlannedEdit) -> str:
        changed = "would be changed" if dry_run else "changed"
        return _WITH_ERRORS if part.errors else changed if part.is_changed else _UNCHANGED

    def as_json(outcome: ClusterOutcome) -> dict[str, object]:
        return {"cluster": outcome.name, **outcome.value.as_json()}

    finish_all(outcomes, as_json, options["output"], word, _UNCHANGED, {_WITH_ERRORS: ExitCode.FINDINGS})
    if is_unchanged and must_change:
        click.get_current_context().exit(ExitCode.FINDINGS)


def _print_made(made: Sequence[PlannedEdit], *, dry_run: bool, is_json: bool) -> None:
    """One diff, one table of who gains and who loses access where, and notes."""
    changed = _by_file(made)
    if not is_json:
        for part in changed.values():
            print_diff(part.diff)
        names = [(part.edit.before.cluster_id, effect) for part in made for effect in part.effects]
        print_rows(("CLUSTER", "PRINCIPAL", "CHANGE"), [(name, effect.who, effect.change) for name, effect in names])
    for part in made:
        tell = noting(part.edit.before.cluster)
        if part.is_changed:
            part.note_written(tell)
        for text in part.errors:
            tell(text)
    for part in changed.values():
        note_removed_comments(part.after.document)
        if not dry_run:
            note(f"wrote {part.edit.files.mappings_path}")
    if changed and dry_run:
        note("dry run: nothing was written")


def _by_file(edits: Sequence[PlannedEdit]) -> dict[str, PlannedEdit]:
    """The first edit of each file that changes."""
    changed: dict[str, PlannedEdit] = {}
    for planned in edits:
        if planned.is_changed:
            changed.setdefault(planned.real_path, planned)
    return changed


def _undone(outcome: ClusterOutcome) -> ClusterOutcome:
    planned: PlannedEdit = outcome.value
    return outcome._replace(value=planned._replace(after=planned.edit.mappings, effects=MappedEffects(), errors=()))


def _failed(outcome: ClusterOutcome, error: TarmakIamError) -> ClusterOutcome:
    print_cluster_error(error, outcome.name)
    return ClusterOutcome(outcome.cluster, None, error)


def _without_conflicts(config: TarmakConfig, outcomes: Sequence[ClusterOutcome]) -> list[ClusterOutcome]:
    """A file that clusters share is edited only if the edit is the same for all of them."""
    assert config.path is not None  # it is loaded from a file
    paths = [os.path.realpath(config.path.parent / outcome.name / MAPPINGS_NAME) for outcome in outcomes]
    texts: dict[str, dict[str, str | None]] = {path: {} for path in paths}
    for path, outcome in zip(paths, outcomes, strict=True):
        texts[path][outcome.name] = None if outcome.error else outcome.value.after.document.text

    def checked(path: str, outcome: ClusterOutcome) -> ClusterOutcome:
        if outcome.error or len(set(texts[path].values())) == 1:
            return outcome
        others = brief_list(shortened(name) for name in texts[path] if name != outcome.name)
        what = f"this is also the mappings file of {others}, where this edit is not possible"
        remedy = "give each cluster a file of its own"
        return _failed(outcome, EditRefused(what, remedy=remedy, place=Place(path)))

    return list(map(checked, paths, outcomes))


def _written(outcomes: Sequence[ClusterOutcome], *, is_atomic: bool) -> list[ClusterOutcome]:
    """Writes each file whole. With `is_atomic`, a file that cannot be written raises FileError, and the others are as
    before; else it is a failure of its clusters."""
    changed = _by_file([outcome.value for outcome in outcomes if not outcome.error])
    failed = dict[str, FileError]()
    for paths in [list(changed)] if is_atomic else [[path] for path in changed]:
        try:
            save_mappings([changed[path].after for path in paths])
        except FileError as error:
            if is_atomic:
                raise
            failed |= dict.fromkeys(paths, error)
        else:
            record_done("wrote", *(changed[path].edit.files.mappings_path for path in paths))
    errors = [None if outcome.error else failed.get(outcome.value.real_path) for outcome in outcomes]
    return [_failed(outcome, error) if error else outcome for outcome, error in zip(outcomes, errors, strict=True)]
