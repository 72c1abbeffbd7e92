"""Runs every rule that can be reached, sets aside what comments ask for, and puts findings in the files' order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tarmak_iam.config.plugins import installed_sections
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.lint.arn_rules import ARN_RULES
from tarmak_iam.lint.backend_rules import BACKEND_RULES
from tarmak_iam.lint.config_rules import CONFIG_RULES
from tarmak_iam.lint.consequences import without_consequences
from tarmak_iam.lint.daemon_rules import DAEMON_RULES, DAEMON_VERSION_RULES
from tarmak_iam.lint.document_rules import DOCUMENT_RULES
from tarmak_iam.lint.duplicate_rules import DUPLICATE_RULES
from tarmak_iam.lint.image_rules import IMAGE_RULES
from tarmak_iam.lint.installation_rules import INSTALLATION_RULES
from tarmak_iam.lint.kubeconfig_rules import KUBECONFIG_RULES
from tarmak_iam.lint.privilege_rules import ADMIN_RULES, PRIVILEGE_RULES
from tarmak_iam.lint.rule import Rule, Scope, Subjects
from tarmak_iam.lint.section_rules import SECTION_RULES, rules_of
from tarmak_iam.lint.shape_rules import SHAPE_RULES
from tarmak_iam.lint.sso_rules import SSO_RULES, SSO_VERSION_RULES
from tarmak_iam.lint.suppression import SUPPRESSION_RULES, Suppression, Suppressions, suppressions_of
from tarmak_iam.lint.template_rules import TEMPLATE_RULES, TEMPLATE_VERSION_RULES
from tarmak_iam.plugins import OWN, Brought, brought, check_unique

__all__ = ["GROUP", "RULES", "Located", "Report", "all_rules", "check", "examine"]

GROUP = "tarmak_iam.rules"
"""The entry-point group; each of its entry points is a `Rule`."""

RULES: tuple[Rule, ...] = (
    # tarmak.yaml
    *CONFIG_RULES,
    *SECTION_RULES,
    *DOCUMENT_RULES,
    # the mappings, whatever the daemon's version
    *ARN_RULES,
    *DUPLICATE_RULES,
    *SHAPE_RULES,
    *TEMPLATE_RULES,
    *PRIVILEGE_RULES,
    *DAEMON_RULES,
    *SSO_RULES,
    # the cluster, its mappings and the daemon together
    *INSTALLATION_RULES,
    *IMAGE_RULES,
    *KUBECONFIG_RULES,
    *TEMPLATE_VERSION_RULES,
    *ADMIN_RULES,
    *DAEMON_VERSION_RULES,
    *BACKEND_RULES,
    *SSO_VERSION_RULES,
    # comments
    *SUPPRESSION_RULES,
)
"""All built-in rules but those that sections bring, the built-in section too."""


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with its place; as text a line of a report: `file:line:col: severity: message [ID]`."""

    finding: Finding
    place: Place

    def __str__(self) -> str:
        return f"{self.place}: {self.finding.severity}: {self.finding.text} [{self.finding.id}]"


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say, and what comments in the files have set aside."""

    findings: tuple[Located, ...]
    suppressed: tuple[Located, ...]


def all_rules() -> tuple[Rule, ...]:
    """The built-in rules, those of every section, and those of distributions.

    Raises ConfigError where two have one id, and for a plugin that cannot be loaded.
    """
    return tuple(each.value for each in _installed_rules())


def _installed_rules() -> list[Brought[Rule]]:
    rules = [Brought(rule, OWN) for rule in RULES]
    rules += [Brought(rule, each.origin) for each in installed_sections() for rule in rules_of(each.section)]
    rules += brought(GROUP, Rule)
    check_unique("rule", [(each.value.id, each.origin) for each in rules])
    return rules


def check(subjects: Subjects) -> list[Located]:
    """The findings of every rule whose subject is there, by file and position; none is told twice.

    Raises ConfigError for a plugin that cannot be used, or that fails.
    """
    return list(examine(subjects).findings)


def examine(subjects: Subjects) -> Report:
    """The same, with what was suppressed. Raises ConfigError for a plugin that cannot be used, or that fails."""
    installed = _installed_rules()
    rules = [each.value for each in installed]
    parts: dict[Scope, Any] = {scope: subjects.of(scope) for scope in Scope if scope is not Scope.SUPPRESSIONS}
    reached = [each for each in installed if parts.get(each.value.scope) is not None]
    found = [finding for each in reached for finding in _findings(each, parts[each.value.scope])]
    running = [each.value for each in reached]
    comments = _suppressions(subjects)
    by_line = _by_line(comments)
    applied = [(each, by_line.get((each.subject, each.id.upper(), _place(subjects, each).line), ())) for each in found]
    left = without_consequences((finding for finding, by in applied if not by), subjects.mappings)
    used = frozenset(each for _, by in applied for each in by)
    ran = {subject: frozenset(_seeing_all(running, subject, subjects)) for subject in Subject}
    asked = Suppressions(comments, used, frozenset(rule.id.upper() for rule in rules), ran)
    left += [finding for rule in SUPPRESSION_RULES for finding in rule.check(rule, asked)]
    return Report(_in_order(subjects, left), _in_order(subjects, (finding for finding, by in applied if by)))


def _findings(brought_rule: Brought[Rule], part: Any) -> list[Finding]:
    rule = brought_rule.value
    what = f"the rule {rule.id}"
    found: list[Any] = brought_rule.call(what, lambda: list(rule.check(rule, part)))
    odd = next((each for each in found if not isinstance(each, Finding)), None)
    if odd is not None:
        raise ConfigError(
            f"{what} of {brought_rule.origin} gives a {type(odd).__name__} where a Finding belongs",
            remedy="report it to the authors of the plugin that brings it",
        )
    return found


def _suppressions(subjects: Subjects) -> tuple[Suppression, ...]:
    documents = ((subject, subjects.text_of(subject)) for subject in Subject)
    return tuple(
        each for subject, document in documents if document is not None for each in suppressions_of(document, subject)
    )


def _by_line(comments: Iterable[Suppression]) -> dict[tuple[Subject, str, int | None], list[Suppression]]:
    found: dict[tuple[Subject, str, int | None], list[Suppression]] = {}
    for each in comments:
        found.setdefault((each.subject, each.id, each.line), []).append(each)
    return found


def _seeing_all(rules: list[Rule], subject: Subject, subjects: Subjects) -> Iterator[str]:
    """Rules about installations see one cluster: a comment in tarmak.yaml may be about another."""
    several = subject is Subject.CONFIG and subjects.config is not None and len(subjects.config.clusters) > 1
    return (rule.id.upper() for rule in rules if not (several and rule.scope is Scope.INSTALLATION))


def _in_order(subjects: Subjects, found: Iterable[Finding]) -> tuple[Located, ...]:
    unique: dict[tuple[Place, str, str], Located] = {}
    for finding in found:
        place = _place(subjects, finding)
        # Several clusters that share an anchor share what is wrong with it.
        unique.setdefault((place, finding.id, finding.message), Located(finding, place))
    return tuple(sorted(unique.values(), key=_order))


def _order(each: Located) -> tuple[Any, ...]:
    subject = list(Subject).index(each.finding.subject)
    return subject, each.place.line or 0, each.place.column or 0, each.finding.id


def _place(subjects: Subjects, finding: Finding) -> Place:
    """File, line and column; a key that is missing is reported at its parent."""
    if finding.place is not None:
        return finding.place
    document = subjects.text_of(finding.subject)
    if document is None:
        return Place(str(finding.subject))
    if finding.at is At.NEXT_DOCUMENT and document.next_document is not None:
        return document.next_document
    return document.position(finding.route, at_key=finding.at is At.KEY)
