"""What all commands that edit files share: reading a file that is given, turns with other edits, writing unless it is a
dry run, printing the diff, and the findings of an edit of tarmak.yaml that are new."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tarmak_iam.cli.console import note, print_diff, record_done
from tarmak_iam.cli.session import Session, note_incomplete
from tarmak_iam.files import MAX_BYTES
from tarmak_iam.files.read import read_file
from tarmak_iam.files.turns import edit_in_turn
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.installation.edit_locks import CLUSTER_FILES_EDIT, CONFIG_EDIT, lock_of_cluster_files, lock_of_config
from tarmak_iam.text import shortened

if TYPE_CHECKING:
    from tarmak_iam.config import Cluster, TarmakConfig
    from tarmak_iam.document import Document
    from tarmak_iam.mappings.formats import Import

_Result = TypeVar("_Result")


def read_given(file: str) -> tuple[bytes, str]:
    """The content of a file, and its name in messages. `-` is stdin, which may be closed. Raises FileError."""
    if file == "-":
        return b"" if sys.stdin is None else sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>"
    return read_file(Path(file)), file


def read_import(file: str, form: str | None) -> Import:
    """The mappings of a file, `-` is stdin; warns of an interrupted `render`. Raises TarmakIamError."""
    from tarmak_iam.mappings.formats import read_mappings

    if file != "-":
        note_incomplete(Path(file).parent)
    return read_mappings(*read_given(file), form)


def in_turn(
    lock_file: Path, edit: Callable[[], _Result], does: str, first: Callable[[bool], object] = lambda _: None
) -> _Result:
    """As `edit_in_turn`. Waits and repetitions are printed, and SIGTERM ends the command as Ctrl-C does."""
    from tarmak_iam.hook.tarmak.passthrough import stops_raised

    with stops_raised():
        return edit_in_turn(lock_file, edit, does, report=note, first=first)


def in_turn_of_config(config: Path, edit: Callable[[], _Result]) -> _Result:
    """In turn with other edits, and with tarmak; a tarmak.yaml that a killed run left is restored before."""

    def restore(is_alone: bool) -> None:
        from tarmak_iam.hook.tarmak.backup import recover

        for line in recover(config, is_alone=is_alone):
            note(line)

    return in_turn(lock_of_config(config), edit, CONFIG_EDIT, restore)


def in_turn_of_cluster_files(config: Path, edit: Callable[[], _Result]) -> _Result:
    """In turn with other edits of the mappings and settings."""
    return in_turn(lock_of_cluster_files(config), edit, CLUSTER_FILES_EDIT)


_Body = Callable[..., None]


def _taking_turns(turn: Callable[[Path, Callable[[], None]], None]) -> Callable[[_Body], _Body]:
    def decorate(body: _Body) -> _Body:
        @functools.wraps(body)
        def call(session: Session, /, *args: object, dry_run: bool, **options: object) -> None:
            edit = functools.partial(body, session, *args, dry_run=dry_run, **options)
            if dry_run or (path := session.path()) is None:
                edit()
            else:
                turn(path, edit)

        return call

    return decorate


edits_tarmak_yaml = _taking_turns(in_turn_of_config)
"""Decorates the body of a command that edits tarmak.yaml: its first argument is the session, and a dry run takes no
lock."""

edits_cluster_files = _taking_turns(in_turn_of_cluster_files)
"""The same for a command that edits mappings or settings."""


def finish_edit(
    before: Document | None, after: Document, write: Callable[[], object], *, dry_run: bool, done: str
) -> None:
    """Writes, unless it is a dry run, and prints the diff. A new file has no `before`."""
    if not dry_run:  # before the diff: its reader may close the pipe
        write()
        record_done("wrote", after.filename)
    print_diff(unified_diff(before.text if before else "", after.text, after.filename))
    note_removed_comments(after, dry_run=dry_run)
    note("dry run: nothing was written" if dry_run else done)


def note_removed_comments(after: Document, *, dry_run: bool) -> None:
    for comment in after.removed_comments:
        note(f"{'would be ' * dry_run}removed with it: the comment {comment.text}")


def finish_config_edit(
    before: TarmakConfig, after: TarmakConfig, *, clusters: Sequence[Cluster], unchanged: str, dry_run: bool
) -> None:
    """Writes tarmak.yaml, and prints what has changed in these clusters, with the findings that are new."""
    from tarmak_iam.config.cluster_validation import version_change_flaw
    from tarmak_iam.lint import Subjects, check
    from tarmak_iam.lint.check import added_findings

    if after is before:
        note(f"unchanged: {unchanged}")
        return
    new_findings = list(added_findings(check(Subjects(before)), check(Subjects(after))))  # a plugin's rule may fail
    done = f"wrote {after.document.filename}"
    in_edited_file = (_edited(before, after, cluster) for cluster in clusters)
    # Tarmak cannot select a cluster whose name has another number of dashes.
    usable = [cluster for cluster in in_edited_file if cluster is not None and cluster.cluster_name.count("-") == 1]
    if usable:  # with the names and the currentCluster that the edited file has
        apply = after.command_line(usable[0]).tarmak("clusters apply")
        each = f"; apply it to each of the {len(usable)} clusters, as in `{apply}`"
        done += each if len(usable) > 1 else f"; run `{apply}` to apply it to the cluster"
    finish_edit(before.document, after.document, after.save, dry_run=dry_run, done=done)
    for route in after.document.also_changed:
        place = after.document.position(route)
        note(f"{place}: note: {route} shares this value through an alias, and changes too")
    for finding in new_findings:
        note(str(finding))
    for cluster in before.selectable_clusters:
        if (edited := _edited(before, after, cluster)) is not None:
            place = after.document.position((*edited.route.plain, "kubernetes", "version"))
            if flaw := version_change_flaw(cluster.kubernetes_version, edited.kubernetes_version):
                note(f"{place}: warning: {shortened(edited.cluster_name)}: {flaw}")


def _edited(before: TarmakConfig, after: TarmakConfig, cluster: Cluster) -> Cluster | None:
    """The cluster in the edited file: that of its name, else the one that has another name at its place."""
    for candidate in after.clusters:
        if candidate.cluster_name == cluster.cluster_name:
            return candidate
    return after.clusters[cluster.index] if len(after.clusters) == len(before.clusters) else None
