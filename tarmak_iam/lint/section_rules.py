"""Rules that sections bring: their validation, the keys that they do not have, and what they find surprising."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.options import block_of
from tarmak_iam.config.plugins import load_sections
from tarmak_iam.config.sections import Path, Section, SectionModel, SectionRule
from tarmak_iam.config.types import field_at
from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.near import did_you_mean
from tarmak_iam.text import quoted, shortened

__all__ = ["SECTION_RULES", "rules_of"]


def _validation(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for section in load_sections():
        for cluster in () if section is AMAZON else config.clusters:  # whose validation is Tarmak's: IAM001
            for problem in cluster.problems(section):
                path = (*cluster.route.plain, *section.path, *problem.path)
                what = f"{shortened(cluster.cluster_name)}: {section.name}: {problem.message}"
                yield rule.finding(Subject.CONFIG, path, what, problem.remedy, at=problem.at)


def _unknown_key(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    """Of sections that Tarmak does not know: of the others the survey finds them."""
    for section in load_sections():
        if field_at("Cluster", section.path) is not None:
            continue
        for cluster in config.clusters:
            for path, known in _unknown(section.model, section.data(cluster.everything), ()):
                what = f"the section {section.name} has no key {quoted(path[-1])}"
                remedy = did_you_mean(str(path[-1]), known, "its keys are")
                route = (*cluster.route.plain, *section.path, *path)
                yield rule.finding(Subject.CONFIG, route, what, remedy, at=At.KEY)


def _unknown(model: type[SectionModel], data: Any, path: Path) -> Iterator[tuple[Path, list[str]]]:
    """The paths of keys that a model does not have, with the keys that it has there."""
    for key, value in data.items() if isinstance(data, dict) else ():
        field = model.model_fields.get(key)
        if field is None:
            if not str(key).startswith("x-"):
                yield (*path, key), list(model.model_fields)
        elif (block := block_of(field)) is not None:
            yield from _unknown(block, value, (*path, key))


SECTION_RULES = (
    Rule("IAM045", Severity.ERROR, Scope.CONFIG, "the validation of a section that a plugin brings fails", _validation),
    Rule("IAM046", Severity.ERROR, Scope.CONFIG, "a key that a plugin's section does not have", _unknown_key),
)


def rules_of(section: Section[Any]) -> list[Rule]:
    """A section's own rules, each run on every cluster that has the section as its model wants it."""
    return [_rule(section, each) for each in section.rules]


def _rule(section: Section[Any], own: SectionRule) -> Rule:
    def check(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
        for cluster in config.clusters:
            everything = cluster.everything
            try:
                model = section.read(everything)
            except ValidationError:
                continue  # which the rule about validation tells
            if model is None:
                continue
            for problem in section.guarded(lambda each, data: list(own.check(each, data)), model, everything):
                path = (*cluster.route.plain, *section.path, *problem.path)
                what = f"{shortened(cluster.cluster_name)}: {problem.message}"
                yield rule.finding(Subject.CONFIG, path, what, problem.remedy, at=problem.at)

    return Rule(own.id, own.severity, Scope.CONFIG, own.summary, check)
