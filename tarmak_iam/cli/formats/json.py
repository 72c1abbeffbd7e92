"""Findings as a JSON list."""

from __future__ import annotations

from tarmak_iam.cli.console import print_json
from tarmak_iam.cli.formats import CheckReport, FindingResult, OfferedFix, TextChange
from tarmak_iam.errors import place_json
from tarmak_iam.findings import Finding


def print_findings_json(report: CheckReport) -> None:
    print_json([_finding_json(each) for each in report.unsuppressed])


def _finding_json(result: FindingResult) -> dict[str, object]:
    finding = result.finding
    return {
        "id": finding.id,
        "severity": str(finding.severity),
        **place_json(result.place),
        **result.more,
        "message": finding.message,
        "remedy": finding.remedy,
        **({"fix": _fix_json(result.fix)} if isinstance(finding, Finding) else {}),
    }


def _fix_json(fix: OfferedFix | None) -> dict[str, object] | None:
    """Null if the finding cannot be fixed. Without edits if they are too long for a report."""
    changes = fix.shown_changes if fix is not None else None
    if fix is None or changes is None:
        return None
    return {"title": fix.title, "safe": fix.is_safe, "edits": [_edit(each) for each in changes]}


def _edit(change: TextChange) -> dict[str, object]:
    """Replaces the text from one place up to another, which is not part of it."""
    (line, column), (end_line, end_column) = change.start, change.end
    return {
        "file": change.filename,
        "line": line,
        "column": column,
        "endLine": end_line,
        "endColumn": end_column,
        "text": change.text,
    }
