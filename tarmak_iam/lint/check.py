"""Runs every rule that can be reached, and puts its findings into the order of the files."""

from __future__ import annotations

from dataclasses import dataclass

from tarmak_iam.config.plugins import OWN, installed_sections
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.lint.config_rules import CONFIG_RULES
from tarmak_iam.lint.document_rules import DOCUMENT_RULES
from tarmak_iam.lint.installation_rules import INSTALLATION_RULES, WOULD_NOT_START
from tarmak_iam.lint.mapping_rules import MAPPING_RULES
from tarmak_iam.lint.rule import Rule, Subjects
from tarmak_iam.lint.section_rules import SECTION_RULES, rules_of

__all__ = ["RULES", "Located", "all_rules", "check"]

RULES: tuple[Rule, ...] = (*CONFIG_RULES, *SECTION_RULES, *DOCUMENT_RULES, *MAPPING_RULES, *INSTALLATION_RULES)
"""All built-in rules but those that sections bring, the built-in section too."""


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with its place; as text a line of a report: `file:line:col: severity: message [ID]`."""

    finding: Finding
    place: Place

    def __str__(self) -> str:
        return f"{self.place}: {self.finding.severity}: {self.finding.text} [{self.finding.id}]"


def all_rules() -> tuple[Rule, ...]:
    """The built-in rules, and those of every section. Raises ConfigError where two have one id."""
    origins = {rule.id: OWN for rule in RULES}
    rules = [*RULES]
    for installed in installed_sections():
        for rule in rules_of(installed.section):
            if rule.id in origins:
                raise ConfigError(
                    f"the rule {rule.id} is brought by {origins[rule.id]} and by {installed.origin}",
                    remedy="remove one of them",
                )
            origins[rule.id] = installed.origin
            rules.append(rule)
    return tuple(rules)


def check(subjects: Subjects) -> list[Located]:
    """The findings of every rule whose subject is there, by file and position; none is told twice.

    Raises ConfigError for a section plugin that cannot be used.
    """
    found: list[Finding] = []
    for rule in all_rules():
        subject = subjects.of(rule.scope)
        if subject is not None:
            found += list(rule.check(rule, subject))
    unique: dict[tuple[Place, str, str], Located] = {}
    for finding in found:
        if not _is_told_better(finding, found):
            place = _place(subjects, finding)
            # Several clusters that share an anchor share what is wrong with it.
            unique.setdefault((place, finding.id, finding.message), Located(finding, place))
    order = list(Subject)
    return sorted(
        unique.values(),
        key=lambda each: (
            order.index(each.finding.subject),
            each.place.line or 0,
            each.place.column or 0,
            each.finding.id,
        ),
    )


def _place(subjects: Subjects, finding: Finding) -> Place:
    """File, line and column; a key that is missing is reported at its parent."""
    document = subjects.text_of(finding.subject)
    if document is None:
        return Place(str(finding.subject))
    if finding.at is At.NEXT_DOCUMENT and document.next_document is not None:
        return document.next_document
    return document.position(finding.route, at_key=finding.at is At.KEY)


def _is_told_better(finding: Finding, found: list[Finding]) -> bool:
    """That the daemon would not start is only the consequence where a rule says what is wrong with that entry."""
    if finding.id != WOULD_NOT_START:
        return False
    width = len(finding.route)
    causes = [other for other in found if other.subject is finding.subject and other.id != finding.id]
    return any(width and other.route.steps[:width] == finding.route.steps for other in causes)
