"""Rules that sections bring: their validation, and what they find surprising."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.plugins import load_sections
from tarmak_iam.config.sections import Section, SectionRule
from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.lint.rule import Rule, Scope

__all__ = ["SECTION_VALIDATION", "rules_of"]


def _validation(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for section in load_sections():
        if section is AMAZON:
            continue  # Tarmak's own validation has it: IAM001
        for cluster in config.clusters:
            for problem in cluster.problems(section):
                path = (*cluster.route.plain, *section.path, *problem.path)
                what = f"{cluster.cluster_name}: {section.name}: {problem.message}"
                yield rule.finding(Subject.CONFIG, path, what, problem.remedy)


SECTION_VALIDATION = Rule(
    "IAM045", Severity.ERROR, Scope.CONFIG, "the validation of a section that a plugin brings fails", _validation
)


def rules_of(section: Section[Any]) -> list[Rule]:
    """A section's own rules, each run on every cluster that has the section as its model wants it."""
    return [_rule(section, each) for each in section.rules]


def _rule(section: Section[Any], own: SectionRule) -> Rule:
    def check(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
        for cluster in config.clusters:
            try:
                model = cluster.section(section)
            except ConfigError:
                continue  # which the rule about validation tells
            for problem in own.check(model, cluster.data) if model is not None else ():
                path = (*cluster.route.plain, *section.path, *problem.path)
                yield rule.finding(Subject.CONFIG, path, f"{cluster.cluster_name}: {problem.message}", problem.remedy)

    return Rule(own.id, own.severity, Scope.CONFIG, own.summary, check)
