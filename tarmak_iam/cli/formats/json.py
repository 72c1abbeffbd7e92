"""Findings as a JSON list."""

from __future__ import annotations

from tarmak_iam.cli.console import print_json
from tarmak_iam.cli.formats import CheckReport, FindingResult
from tarmak_iam.errors import place_json


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
    }
