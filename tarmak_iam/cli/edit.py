"""What all editing commands share: --dry-run, writing, and telling what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from tarmak_iam.cli.console import note, print_diff, print_line, wrote
from tarmak_iam.document import Document

__all__ = ["dry_run_option", "finish_edit"]

dry_run_option = click.option("--dry-run", is_flag=True, help="Only print what would change.")


def finish_edit(
    before: Document | None,
    after: Document,
    write: Callable[[], object],
    *,
    dry_run: bool,
    done: str,
    effects: Iterable[str] = (),
) -> None:
    """Writes, unless it is a dry run, and prints the diff and the lines on its effects. `before` is None for a
    new file."""
    if not dry_run:  # before the diff: whoever reads that may hang up
        write()
        wrote(after.filename)
    print_diff(before, after)
    for line in effects:
        print_line(line)
    for comment in after.removed_comments:
        note(f"the comment went with it: {comment.text}")
    note("dry run: nothing was written" if dry_run else done)
