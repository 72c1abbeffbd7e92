"""Findings about tarmak.yaml that only follow from a misspelt key, which is a finding itself."""

from __future__ import annotations

from collections.abc import Iterable

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.repair import repaired
from tarmak_iam.findings import Finding, Subject
from tarmak_iam.lint.rule import Rule, Scope

__all__ = ["without_misspelling_consequences"]

_MISSPELT = "IAM031"


def without_misspelling_consequences(
    findings: list[Finding], config: TarmakConfig | None, rules: Iterable[Rule]
) -> list[Finding]:
    """The findings that are still there once every key of a finding is spelled right: `enviroment` alone is why a
    cluster has no environment, and why currentCluster selects none."""
    routes = {each.route for each in findings if each.id == _MISSPELT}
    own = {rule.id: rule for rule in rules if rule.scope is Scope.CONFIG and rule.id.startswith("IAM")}
    followers = [each for each in findings if each.subject is Subject.CONFIG and each.id in own]
    if config is None or not routes or not followers:
        return findings
    corrected = repaired(config, (each for each in config.survey.unknown if each.route in routes))
    if corrected is None:
        return findings
    stay = {
        (finding.id, finding.route.plain)
        for rule_id in {each.id for each in followers}
        for finding in own[rule_id].check(own[rule_id], corrected)
    }
    gone = [each for each in followers if (each.id, each.route.plain) not in stay]
    return [each for each in findings if each not in gone]
