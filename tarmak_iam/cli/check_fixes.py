"""check --fix and --diff: the fixes of findings, written in turn with other edits, or only shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tarmak_iam.cli.console import note, print_diff_text, record_written, working
from tarmak_iam.cli.options import with_options
from tarmak_iam.config import TarmakConfig, type_repairs
from tarmak_iam.config.repairs import Repair, RepairedFile
from tarmak_iam.document import Document
from tarmak_iam.errors import FileError, PolicyRefused
from tarmak_iam.files.atomic import Replacement, replace_files
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.findings import Subject
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint import Report, Subjects
from tarmak_iam.mappings import template_repairs
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.text import brief_list

if TYPE_CHECKING:
    from tarmak_iam.lint.fixing import FixableFinding, FixOutcome

_Made = TypeVar("_Made")

_FIX_OPTIONS = (
    click.option("--fix", is_flag=True, help="Fix findings where neither access nor what Tarmak uses changes."),
    click.option(
        "--unsafe-fixes",
        is_flag=True,
        help="With --fix or --diff: also make fixes that change access or what Tarmak uses.",
    ),
    click.option("--diff", is_flag=True, help="Only print what --fix would change; exit with 1 if that is something."),
)


def fix_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--fix, --unsafe-fixes and --diff, as `fix_mode` takes them."""
    return with_options(command, _FIX_OPTIONS)


@dataclass(slots=True)
class FixMode:
    """What `check` does about findings that can be fixed: `is_dry` only shows it. `count` is the number of those that
    were fixed, or would be, so far."""

    unsafe: bool
    is_dry: bool
    count: int = 0


@dataclass(frozen=True, slots=True)
class _RepairedClusterFiles(ClusterFiles):
    repaired: Mappings | None = None

    def mappings(self) -> Mappings | None:
        return self.repaired


@dataclass(frozen=True, slots=True)
class FixTurn:
    """One attempt to fix the files of one tarmak.yaml. Files that cannot be used as they are, are repaired as they are
    read, and written with the fixes: `repaired` has them by name."""

    mode: FixMode
    repaired: dict[str, RepairedFile] = field(default_factory=dict)

    def config(self, path: Path | None) -> TarmakConfig | None:
        """The tarmak.yaml that `TarmakConfig.load` would read, with its values in the types that Tarmak requires. None
        if Tarmak can read the file, or could not read it then either. Tarmak uses nothing of such a file, so that this
        is a safe fix, unless it disables IAM login. Raises FileError."""
        found = type_repairs.load_repaired(path)
        if found is None or found[1].is_safe or self.mode.unsafe:
            return self._kept(found)
        for each in found[1].repairs:
            if not each.is_safe:
                note(f"{each.place}: not fixed: {each.title}; it disables IAM login: this requires --unsafe-fixes")
        return None

    def mappings(self, path: Path, within: Boundary) -> Mappings | None:
        """The mappings with templates in quotes, without which the authenticator does not start: principals gain
        access, so that it is an unsafe fix. None also for a file that cannot be read at all, which the check
        reports."""
        try:
            return self._kept(template_repairs.load_repaired(path, within)) if self.mode.unsafe else None
        except FileError:
            return None

    def files(self, files: ClusterFiles) -> ClusterFiles:
        """The files of a cluster, with repaired mappings."""
        mappings = self.mappings(files.mappings_path, files.within)
        if mappings is None:
            return files
        return _RepairedClusterFiles(
            files.directory, files.cluster_name, files.follow_links, files.command_line, mappings
        )

    def _kept(self, found: tuple[_Made, RepairedFile] | None) -> _Made | None:
        if found is None:
            return None
        self.repaired[found[1].after.filename] = found[1]
        return found[0]

    def repairs_of(self, config: TarmakConfig | None) -> tuple[Repair, ...]:
        """Those of a tarmak.yaml."""
        repaired = self.repaired.get(config.document.filename) if config is not None else None
        return repaired.repairs if repaired is not None else ()


def fix_mode(context: click.Context, output: str, *, fix: bool, unsafe_fixes: bool, diff: bool) -> FixMode | None:
    """None if nothing is to be fixed. Raises UsageError."""
    if unsafe_fixes and not (fix or diff):
        raise click.UsageError("--unsafe-fixes requires --fix or --diff", context)
    if diff and output != "text":
        raise click.UsageError(f"--diff prints a unified diff; remove -o {output}", context)
    return FixMode(unsafe_fixes, diff) if fix or diff else None


def edit_all_in_turn(config: Path, edit: Callable[[], _Made]) -> _Made:
    """Runs an edit that may write to tarmak.yaml and to the files of its clusters, in turn with other edits of them.
    Raises what `edit` raises, and ToolError if another run takes too long."""
    from tarmak_iam.cli.file_edits import in_turn, recover_config
    from tarmak_iam.installation.edit_locks import (
        CLUSTER_FILES_EDIT,
        CONFIG_EDIT,
        lock_of_cluster_files,
        lock_of_config,
    )

    inner = partial(in_turn, lock_of_cluster_files(config), edit, CLUSTER_FILES_EDIT)
    return in_turn(lock_of_config(config), inner, CONFIG_EDIT, partial(recover_config, config))


def fix_and_write(
    subjects: Sequence[Subjects], report: Report, turn: FixTurn, within: Boundary | None = None
) -> FixOutcome:
    """Fixes what can be fixed of the report and writes the files that change, all or none of them, or only shows it.
    `within` is the boundary of a mappings file without a cluster.

    Raises TarmakIamError: PolicyRefused if a repair could lock users out, and FileChanged if another program has
    changed a file meanwhile."""
    from tarmak_iam.lint.fixing import fix_findings

    mode, repaired = turn.mode, turn.repaired
    texts = {name: each.before for name, each in repaired.items()}
    with working("fixing"):
        outcome = fix_findings(*subjects, unsafe=mode.unsafe, report=report, originals=texts)
    _check_repairs(outcome, turn)
    changed = [(texts.get(new.filename, old.text), new) for old, new in outcome.documents]
    changed = [(text, document) for text, document in changed if text != document.text]
    if not mode.is_dry:
        # Of a repaired file that clusters share through links, each name has the same text.
        replaced = {
            os.path.realpath(document.filename): _replacement(outcome, text, document, within)
            for text, document in changed
        }
        replace_files(replaced.values())
        record_written(*(document.filename for _, document in changed))
    for text, document in changed:
        if mode.is_dry:
            print_diff_text(unified_diff(text, document.text, document.filename))
        for line in dict.fromkeys(_lines_about(document.filename, outcome, turn)):
            note(line)
    for dropped in outcome.dropped:
        note(dropped.line_before if mode.is_dry else dropped.line)
    for line in _effects(outcome, turn):
        note(f"effect: {line}")
    mode.count += len(outcome.fixed) + sum(len(each.repairs) for each in repaired.values())
    return outcome


def _check_repairs(outcome: FixOutcome, turn: FixTurn) -> None:
    from tarmak_iam.lint.fix_effects import lock_outs
    from tarmak_iam.lint.fix_repairs import before_repairs

    config = outcome.before[0].config
    disabling = [each for each in turn.repairs_of(config) if not each.is_safe]
    found = tuple(lock_outs(before_repairs(outcome.before, disabling), outcome.after)) if disabling else ()
    if found and config is not None:
        what = f"IAM login would be disabled, if it is enabled now: {'; '.join(found)}; nothing was changed"
        raise PolicyRefused(what, remedy="if that is wanted, write false without quotes", place=disabling[0].place)


def _replacement(outcome: FixOutcome, before: str, after: Document, within: Boundary | None) -> Replacement:
    path = Path(after.filename)
    for each in outcome.after:
        if each.text_of(Subject.CONFIG) is after:
            within = None
        elif any(each.text_of(subject) is after for subject in Subject) and each.config and each.installation:
            installation = each.installation
            files = ClusterFiles.of(each.config, installation.cluster, follow_links=installation.follow_links)
            path, within = files.home / path.name, files.within
    return Replacement(path, after.to_bytes(), after.source.encode(before), within=within)


def _lines_about(filename: str, outcome: FixOutcome, turn: FixTurn) -> Iterator[str]:
    """The repairs and the fixes of a file."""
    word = "would be fixed" if turn.mode.is_dry else "fixed"
    if filename in turn.repaired:
        for each in turn.repaired[filename].repairs:
            yield f"{each.place}: {word}: {each.title}"
    for found in outcome.fixed:
        if found.filename == filename:
            yield found.line_of(word)


def _effects(outcome: FixOutcome, turn: FixTurn) -> Iterator[str]:
    """Safe fixes have none. Of a repaired tarmak.yaml only IAM login is compared: Tarmak used nothing of it."""
    from tarmak_iam.lint.fix_effects import effect_lines

    texts = (each.text_of(Subject.MAPPINGS) for each in outcome.after)
    unreadable = [each.filename for each in texts if each is not None and each.filename in turn.repaired]
    is_read = any(each.installation is not None for each in outcome.after)
    for name in unreadable:
        yield f"{name}: the authenticator can read the file{', and all of its entries take effect' if is_read else ''}"
        if others := _unchecked_sharers(name, outcome):
            yield f"{name}: this file is also that of {brief_list(others)}; access to them changes, and was not checked"
    repairs = turn.repairs_of(outcome.before[0].config)
    is_safe = all(each.is_safe for each in outcome.fixed) and all(each.is_safe for each in repairs)
    if unreadable or not is_safe:
        yield from effect_lines(outcome.before, outcome.after, unreadable, repairs)


def _unchecked_sharers(filename: str, outcome: FixOutcome) -> list[str]:
    """The clusters that use a file through a link, and are not checked."""
    from tarmak_iam.lint.fixing import shared_files

    checked = {each.installation.cluster.cluster_name for each in outcome.after if each.installation is not None}
    return [each for each in shared_files(outcome.after).get(filename, ()) if each not in checked]


def fixable_summary(fixable: Sequence[FixableFinding]) -> str:
    """How many findings can be fixed, and with which options; empty for none."""
    safe = sum(each.is_safe for each in fixable)
    parts = [(safe, "--fix"), (len(fixable) - safe, "--fix --unsafe-fixes")]
    texts = [f"{count} with `{option}`" for count, option in parts if count]
    return f"can be fixed: {', '.join(texts)}" if texts else ""
