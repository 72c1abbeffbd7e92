"""The tuple of all built-in rules, and the functions that run them and sort their findings by file and position."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tarmak_iam.config.section_keys import installed_sections
from tarmak_iam.document.document import gc_paused
from tarmak_iam.errors import Place
from tarmak_iam.findings import Subject
from tarmak_iam.lint import (
    config_rules,
    daemon_rules,
    image_rules,
    installation_rules,
    key_rules,
    kubeconfig_rules,
    name_rules,
    principal_rules,
    rbac_rules,
    shape_rules,
    suppression,
)
from tarmak_iam.lint.config_rules import rules_of
from tarmak_iam.lint.rule import Rule, Scope, Subjects
from tarmak_iam.lint.rule_run import SCOPES_OF_A_CLUSTER, Located, RuleRun, located, run_rules, suppressing
from tarmak_iam.lint.suppression import Suppression, Suppressions, suppressions_of
from tarmak_iam.plugins import OWN, Provided, check_unique, provided

_NAMED = 3
"""The number of clusters that a message about several clusters names."""

GROUP = "tarmak_iam.rules"
"""The entry-point group; each of its entry points is a `Rule`."""

_MODULES = (
    config_rules,
    *(principal_rules, key_rules, shape_rules, name_rules, rbac_rules, daemon_rules),  # the mappings
    *(installation_rules, image_rules, kubeconfig_rules),  # the cluster, its mappings and the daemon's release together
    suppression,
)

RULES = tuple(rule for module in _MODULES for rule in vars(module).values() if isinstance(rule, Rule))
"""All built-in rules except those of sections (the built-in section included)."""


@dataclass(frozen=True, slots=True)
class Report:
    """The findings, and those that comments in the files suppress."""

    findings: tuple[Located, ...]
    suppressed: tuple[Located, ...]
    explained: tuple[Located, ...] = ()
    """Those that are not reported because another finding explains them."""


def all_rules() -> tuple[Rule, ...]:
    """The built-in rules, those of every section, and those of other distributions.

    Raises ConfigError if two rules have the same id or name, and for a plugin that cannot be loaded.
    """
    return tuple(provided.value for provided in installed_rules())


def installed_rules() -> list[Provided[Rule]]:
    rules = [Provided(rule, OWN) for rule in RULES]
    rules += [Provided(rule, part.origin) for part in installed_sections() for rule in rules_of(part.value)]
    rules += provided(GROUP, Rule)
    check_unique("rule", [(rule.value.id, rule.origin) for rule in rules])
    check_unique("rule", [(rule.value.name.lower(), rule.origin) for rule in rules if rule.value.name])
    return rules


def check(subjects: Subjects, *others: Subjects) -> list[Located]:
    """The findings of every rule whose subject exists, sorted by file and position, without duplicates.

    `others` are the subjects of further clusters of the same tarmak.yaml. Raises ConfigError for a plugin that cannot
    be used, or that fails.
    """
    return list(examine(subjects, *others).findings)


@gc_paused()
def examine(subjects: Subjects, *others: Subjects) -> Report:
    """As `check`, with the suppressed findings. Raises ConfigError for a plugin that cannot be used, or that fails."""
    given, rules = (subjects, *others), installed_rules()
    names = {provided.value.id.upper(): provided.value.name for provided in rules}
    on_config = tuple(suppressions_of(given[0].text_of(Subject.CONFIG), Subject.CONFIG, names))
    comments = [
        [
            comment
            for subject in (Subject.MAPPINGS, Subject.SETTINGS)
            for comment in suppressions_of(part.text_of(subject), subject, names)
        ]
        for part in given
    ]
    runs = [
        run_rules(part, rules, SCOPES_OF_A_CLUSTER if number else frozenset(Scope), (*on_config, *comments[number]))
        for number, part in enumerate(given)
    ]
    reported = [(number, finding) for number, run in enumerate(runs) for finding in run.reported]
    for number, run in enumerate(runs):
        ran, of_run = {rule.id.upper() for rule in run.rules}, comments[number]
        unused = [comment for comment in of_run if comment.id in ran and comment not in run.used]
        there = _there(of_run, names, [run])
        if not number:
            reached, used = _judging_config(runs), frozenset[Suppression]().union(*(comment.used for comment in runs))
            unused = [*(comment for comment in on_config if comment.id in reached and comment not in used), *unused]
            of_run, there = [*on_config, *of_run], {**_there(on_config, names, runs), **there}
        asked = Suppressions(tuple(of_run), tuple(unused), names, _lines(run, runs), there)
        judging = [rule for rule in RULES if rule.scope is Scope.SUPPRESSIONS]
        findings = (finding for rule in judging for finding in rule.check(rule, asked))
        reported += [(number, located(run.subjects, finding)) for finding in findings]
    suppressed = [(number, finding) for number, run in enumerate(runs) for finding in run.suppressed]
    explained = [(number, finding) for number, run in enumerate(runs) for finding in run.explained]
    return Report(_in_order(reported), _in_order(suppressed), _in_order(explained))


def _lines(run: RuleRun, runs: Iterable[RuleRun]) -> dict[tuple[Subject, str], int]:
    """The first line with a finding of an id, in each of the cluster's files; tarmak.yaml is shared by all clusters."""
    lines: dict[tuple[Subject, str], int] = {}
    for reporting, there in ((other, there) for other in runs for there in other.reported):
        subject, place = there.finding.subject, there.place
        if reporting is not run and subject is not Subject.CONFIG:
            continue
        document = run.subjects.text_of(subject)
        if document is not None and place.line is not None and place.filename == document.filename:
            key = subject, there.finding.id.upper()
            lines[key] = min(lines.get(key, place.line), place.line)
    return lines


def _there(
    comments: Iterable[Suppression], names: Collection[str], runs: Iterable[RuleRun]
) -> dict[Suppression, tuple[str, ...]]:
    """For comments that name an unknown rule: the IDs of the findings that they would suppress if they named them."""
    there: dict[Suppression, tuple[str, ...]] = {}
    for comment in (comment for comment in comments if comment.id not in names):
        covered: dict[str, None] = {}
        for run in runs:
            scopes = {rule.id: rule.scope for rule in run.rules}
            for finding in (reported.finding for reported in run.reported):
                if finding.subject is not comment.subject:
                    continue
                if suppressing([comment], run.subjects, scopes.get(finding.id), finding):
                    covered[finding.id] = None
        there[comment] = tuple(covered)
    return there


def _judging_config(runs: Sequence[RuleRun]) -> frozenset[str]:
    """The IDs, in capitals, of the rules for which a comment in tarmak.yaml can be reported as unused. Rules about
    installations are among them only if all clusters were checked: the comment may be about one that was not."""
    config = runs[0].subjects.config
    seen = {run.subjects.installation.cluster.index for run in runs if run.subjects.installation}
    all_seen = config is None or seen >= {cluster.index for cluster in config.selectable_clusters}
    reached = (rule for run in runs for rule in run.rules)
    return frozenset(rule.id.upper() for rule in reached if all_seen or rule.scope is not Scope.INSTALLATION)


def _in_order(numbered: Iterable[tuple[int, Located]]) -> tuple[Located, ...]:
    """tarmak.yaml first, and then cluster by cluster. Clusters that share an anchor share its findings: there is one
    for all clusters that have it at the same place, with their names if its message begins with the cluster's."""
    alike: dict[tuple[Place, str, str], list[tuple[int, Located]]] = {}
    for number, result in numbered:
        message = result.finding.message.removeprefix(f"{result.cluster}: ")
        alike.setdefault((result.place, result.finding.id, message), []).append((number, result))
    unique = []
    for same in alike.values():
        (number, first), clusters = same[0], list(dict.fromkeys(result.cluster for _, result in same))
        if len(clusters) > 1:
            names, what = [name for name in clusters if name], first.finding.what
            bare = what.removeprefix(f"{first.cluster}: ")
            if bare != what:
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                what = f"{', '.join(names[:_NAMED])}{more}: {bare}"
            finding = replace(first.finding, what=what)
            number, first = same[-1][0], replace(first, finding=finding, cluster=None, shared_by=tuple(names))
        unique.append((number, first))
    return tuple(result for _, result in sorted(unique, key=_order))


def _order(numbered: tuple[int, Located]) -> tuple[Any, ...]:
    number, result = numbered
    subject = list(Subject).index(result.finding.subject)
    return number if subject else -1, subject, result.place.line or 0, result.place.column or 0, result.finding.id
