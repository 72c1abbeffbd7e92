"""What must not reach a cluster: whatever `check` calls an error."""

from __future__ import annotations

from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Severity
from tarmak_iam.lint import Subjects, check

__all__ = ["refuse_errors"]


def refuse_errors(subjects: Subjects) -> None:
    """Raises ConfigError, at the first of them, for findings that are errors."""
    errors = [each for each in check(subjects) if each.finding.severity is Severity.ERROR]
    if not errors:
        return
    first, more = errors[0], len(errors) - 1
    others = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
    raise ConfigError(
        f"{first.finding.text} [{first.finding.id}]{others}; nothing was changed",
        remedy="`tarmak-iam check` shows them all, --no-check goes on all the same",
        place=first.place,
    )
