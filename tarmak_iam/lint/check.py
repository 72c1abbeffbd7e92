"""Runs every rule that can be reached, and puts its findings into the order of the files."""

from __future__ import annotations

from tarmak_iam.document import Document
from tarmak_iam.errors import Place
from tarmak_iam.findings import Finding, Subject
from tarmak_iam.lint.config_rules import CONFIG_RULES
from tarmak_iam.lint.installation_rules import INSTALLATION_RULES, WOULD_NOT_START
from tarmak_iam.lint.mapping_rules import MAPPING_RULES
from tarmak_iam.lint.rule import Rule, Subjects

__all__ = ["RULES", "check", "place_of"]

RULES: tuple[Rule, ...] = (*CONFIG_RULES, *MAPPING_RULES, *INSTALLATION_RULES)
"""All built-in rules."""


def check(subjects: Subjects) -> list[Finding]:
    """The findings of every rule whose subject is there, by file and position."""
    found: list[Finding] = []
    for rule in RULES:
        subject = subjects.of(rule.scope)
        if subject is not None:
            found += list(rule.check(rule, subject))
    found = [finding for finding in found if not _is_told_better(finding, found)]
    order = list(Subject)
    return sorted(
        found, key=lambda finding: (order.index(finding.subject), _line_and_column(subjects, finding), finding.id)
    )


def place_of(subjects: Subjects, finding: Finding) -> Place:
    """File, line and column of a finding; a key that is missing is reported at its parent."""
    document = _document(subjects, finding.subject)
    if document is None:
        return Place(str(finding.subject))
    return document.position(finding.route, at_key=finding.at_key)


def _is_told_better(finding: Finding, found: list[Finding]) -> bool:
    """That the daemon would not start is only the consequence where a rule says what is wrong with that entry."""
    if finding.id != WOULD_NOT_START:
        return False
    width = len(finding.route)
    causes = [other for other in found if other.subject is finding.subject and other.id != finding.id]
    return any(width and other.route.steps[:width] == finding.route.steps for other in causes)


def _document(subjects: Subjects, subject: Subject) -> Document | None:
    if subject is Subject.MAPPINGS:
        return subjects.mappings.document if subjects.mappings else None
    return subjects.config.document if subjects.config and subject is Subject.CONFIG else None


def _line_and_column(subjects: Subjects, finding: Finding) -> tuple[int, int]:
    place = place_of(subjects, finding)
    return place.line or 0, place.column or 0
