"""Files after their findings are fixed, for tests."""

from __future__ import annotations

from tarmak_iam.lint import examine
from tarmak_iam.lint.fixing import FixableFinding, FixOutcome, fix_findings, fixable_findings
from tests.lint.remedies import Files, subjects_of


def outcome(files: Files, *, unsafe: bool = False) -> FixOutcome:
    return fix_findings(subjects_of(files), unsafe=unsafe)


def fixable(files: Files) -> tuple[FixableFinding, ...]:
    subjects = subjects_of(files)
    return fixable_findings(examine(subjects), subjects)


def fixed(files: Files, *, unsafe: bool = False) -> Files:
    """The same files with the fixes."""
    return {**files, **{after.filename: after.text for _, after in outcome(files, unsafe=unsafe).changed}}
