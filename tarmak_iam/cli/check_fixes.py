"""check --fix and --diff: the fixes of findings, written in turn with other edits, or only shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tarmak_iam.cli.console import note, print_diff, print_diff_text, record_written, working
from tarmak_iam.cli.options import with_options
from tarmak_iam.config.type_repairs import with_types_repaired
from tarmak_iam.document import Document
from tarmak_iam.document.file_on_disk import FileOnDisk
from tarmak_iam.document.files import Boundary, read_file, read_if_present
from tarmak_iam.document.repairs import RepairedFile
from tarmak_iam.document.unified_diff import unified_diff
from tarmak_iam.errors import FileError
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint import Report, Subjects
from tarmak_iam.mappings.template_repairs import with_templates_quoted

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


@dataclass(frozen=True, slots=True)
class FixMode:
    """What `check` does about findings that can be fixed: `is_dry` only shows it."""

    unsafe: bool
    is_dry: bool


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
    from tarmak_iam.document.edit_turn import CLUSTER_FILES_EDIT, CONFIG_EDIT, lock_of_cluster_files
    from tarmak_iam.document.file_lock import lock_file_of

    inner = partial(in_turn, lock_of_cluster_files(config), edit, CLUSTER_FILES_EDIT)
    return in_turn(lock_file_of(config), inner, CONFIG_EDIT, partial(recover_config, config))


def fix_and_write(subjects: Sequence[Subjects], report: Report, mode: FixMode) -> FixOutcome:
    """Fixes what can be fixed of the report and writes the files that change, or only shows it.

    Raises TarmakIamError; FileChanged if another program has changed a file meanwhile."""
    from tarmak_iam.lint.fixing import fix_findings

    with working("fixing"):
        outcome = fix_findings(*subjects, unsafe=mode.unsafe, report=report)
    for before, after in outcome.changed:
        if mode.is_dry:
            print_diff(before, after)
        else:
            _save(outcome, before, after)
            record_written(after.filename)
        for each in outcome.fixed:
            if each.filename == after.filename:
                note(each.line_of("would be fixed" if mode.is_dry else "fixed"))
        for filename, comment in outcome.removed_comments:
            if filename == after.filename:
                note(f"{filename}: removed with it: the comment {comment}")
    for dropped in outcome.dropped:
        note(dropped.line)
    for line in _effects(outcome):
        note(line)
    return outcome


def repair_config(path: Path, mode: FixMode) -> int:
    """Writes values of tarmak.yaml in the type that Tarmak requires, or only shows it, and returns how many. 0 if
    Tarmak can read the file, or could not read it then either. Tarmak uses nothing of such a file. Raises FileError."""
    data = read_file(path)
    return _repair(with_types_repaired(data, str(path)), FileOnDisk.of(path, data), mode)


def repair_mappings(path: Path, within: Boundary, mode: FixMode | None) -> int:
    """The same for templates without quotes, for which the authenticator does not start: with them in quotes,
    principals gain access, so that it is an unsafe fix. 0 also for a file that cannot be read at all, which the check
    reports."""
    if mode is None or not mode.unsafe:
        return 0
    try:
        data = read_if_present(path, within)
    except FileError:
        return 0
    if data is None:
        return 0
    count = _repair(with_templates_quoted(data, str(path)), FileOnDisk.of(path, data, within), mode)
    if count:
        note(f"{path}: the authenticator could not read it: with the quotes, all of its entries give access")
    return count


def _repair(found: RepairedFile | None, file: FileOnDisk, mode: FixMode) -> int:
    if found is None:
        return 0
    if mode.is_dry:
        print_diff_text(unified_diff(found.before, found.after.text, str(file.path)))
    else:
        file.save(found.after.to_bytes())
        record_written(file.path)
    for each in found.repairs:
        note(f"{each.place}: {'would be fixed' if mode.is_dry else 'fixed'}: {each.title}")
    return len(found.repairs)


def _save(outcome: FixOutcome, before: Document, after: Document) -> None:
    for each in outcome.after:
        if each.config is not None and each.config.document is after:
            return each.config.save()
        if each.mappings is not None and each.mappings.document is after:
            return each.mappings.save()
        if each.settings is after and each.config is not None and each.installation is not None:
            installation = each.installation
            files = ClusterFiles.of(each.config, installation.cluster, follow_links=installation.follow_links)
            return files.write(files.settings_path, after, before)
    raise AssertionError(f"{after.filename} belongs to nothing that was checked")


def _effects(outcome: FixOutcome) -> Iterable[str]:
    """A line for each value that is used otherwise, and for each principal whose access changes. Safe fixes change
    neither."""
    from tarmak_iam.lint.fix_effects import effect_lines

    if any(not each.is_safe for each in outcome.fixed):
        for line in effect_lines(outcome.before, outcome.after):
            yield f"effect: {line}"


def fixable_summary(fixable: Sequence[FixableFinding]) -> str:
    """How many findings can be fixed, and with which options; empty for none."""
    safe = sum(each.is_safe for each in fixable)
    parts = [(safe, "--fix"), (len(fixable) - safe, "--fix --unsafe-fixes")]
    texts = [f"{count} with `{option}`" for count, option in parts if count]
    return f"can be fixed: {', '.join(texts)}" if texts else ""
