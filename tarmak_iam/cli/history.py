"""The changes that apply made to a cluster, as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tarmak_iam.cli.changes import change_json
from tarmak_iam.cli.console import note, print_json, print_line
from tarmak_iam.hook.cluster.changes import Change
from tarmak_iam.hook.cluster.history import History, Revision, Status

__all__ = ["print_history"]

_MAX_NAMED = 3


def print_history(history: History | None, output: str) -> None:
    """The newest one last, as kubectl has it. None: there is no history."""
    revisions = history.revisions if history else ()
    if output == "json":
        print_json({"changes": [_json(each) for each in revisions]})
        return
    if not revisions:
        note("no changes: nothing was applied from here")
        return
    clusters = list(dict.fromkeys(each.cluster for each in revisions))
    rows = [("CHANGE", "TIME", "STATUS", "OBJECTS"), *(_row(each, clusters) for each in revisions)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        print_line("   ".join((*cells, row[3])).rstrip())


def _row(revision: Revision, clusters: list[str]) -> tuple[str, str, str, str]:
    """A cluster that was made anew since is another one, which no rollback can bring back."""
    elsewhere = " (of an earlier cluster)" if revision.cluster != clusters[-1] else ""
    return str(revision.number), revision.when, f"{revision.status}{elsewhere}", _summary(_changes(revision))


def _changes(revision: Revision) -> list[Change]:
    """Those that were made; of a change that did not come to its end, those that were to be."""
    is_over = revision.status in (Status.APPLIED, Status.UNDONE)
    return [each.change for each in revision.objects if each.is_change and (each.is_done or not is_over)]


def _summary(changes: list[Change]) -> str:
    """Many of one kind are counted."""
    counts = Counter((each.action, each.kind) for each in changes)
    told = []
    for (action, kind), count in counts.items():
        if count > _MAX_NAMED:
            told.append(f"{action} {count} objects of the kind {kind}")
        else:
            told += [each.text for each in changes if (each.action, each.kind) == (action, kind)]
    return ", ".join(told)


def _json(revision: Revision) -> dict[str, Any]:
    return {
        "number": revision.number,
        "time": None if revision.time is None else f"{revision.time:%Y-%m-%dT%H:%M:%SZ}",
        "status": str(revision.status),
        "cluster": revision.cluster,
        "release": revision.release or None,
        "changes": [change_json(each) for each in _changes(revision)],
    }
