"""Findings as a JSON list."""

from __future__ import annotations

from tarmak_iam.cli.console import print_json
from tarmak_iam.cli.formats import CheckReport, OfferedFix
from tarmak_iam.errors import place_json
from tarmak_iam.findings import Finding


def print_findings_json(report: CheckReport) -> None:
    findings = [
        {
            "id": result.finding.id,
            "severity": str(result.finding.severity),
            **place_json(result.place),
            **result.more,
            "message": result.finding.message,
            "remedy": result.finding.remedy,
            **({"fix": _fix_json(result.fix)} if isinstance(result.finding, Finding) else {}),
        }
        for result in report.unsuppressed
    ]
    print_json(findings)


def _fix_json(fix: OfferedFix | None) -> dict[str, object] | None:
    """Null if the finding cannot be fixed. Without edits if they are too long for a report. An edit replaces the text
    from one place up to another, which is not part of it."""
    changes = fix.shown_changes if fix is not None else None
    if fix is None or changes is None:
        return None
    return {"title": fix.title, "safe": fix.is_safe, "edits": changes}
