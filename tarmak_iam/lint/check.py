"""The tuple of all built-in rules, and the functions that run them and sort their findings by file and position."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from tarmak_iam.config.section_keys import installed_sections
from tarmak_iam.document.document import gc_paused
from tarmak_iam.errors import Place
from tarmak_iam.findings import Subject
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint.config_rules import CONFIG_RULES, SECTION_RULES, rules_of
from tarmak_iam.lint.daemon_rules import BACKEND_RULES, DAEMON_RULES, DAEMON_VERSION_RULES
from tarmak_iam.lint.document_rules import DOCUMENT_RULES
from tarmak_iam.lint.duplicate_rules import DUPLICATE_RULES, DYNAMIC_FILE_RULES
from tarmak_iam.lint.environment_rules import ENVIRONMENT_RULES
from tarmak_iam.lint.image_rules import IMAGE_RULES
from tarmak_iam.lint.installation_rules import ADMIN_RULES, FILE_PLACE_RULES, INSTALLATION_RULES
from tarmak_iam.lint.key_rules import KEY_RULES
from tarmak_iam.lint.kubeconfig_rules import ADMIN_CERTIFICATE_RULES, KUBECONFIG_RULES
from tarmak_iam.lint.name_rules import NAME_RULES, TEMPLATE_RULES, TEMPLATE_VERSION_RULES
from tarmak_iam.lint.principal_rules import (
    ACCOUNT_RULES,
    ARN_RULES,
    DESCRIBING_ROLE_RULES,
    SSO_RULES,
    SSO_VERSION_RULES,
)
from tarmak_iam.lint.rbac_rules import GROUP_RULES, PRIVILEGE_RULES
from tarmak_iam.lint.rule import Rule, Scope, Subjects
from tarmak_iam.lint.rule_run import SCOPES_OF_A_CLUSTER, Located, RuleRun, comments_in
from tarmak_iam.lint.shape_rules import LIST_RULES, SHAPE_RULES
from tarmak_iam.lint.suppression import SUPPRESSION_RULES, Suppression, Suppressions
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.plugins import OWN, Provided, check_unique, provided

_NAMED = 3
"""The number of clusters that a message about several clusters names."""

GROUP = "tarmak_iam.rules"
"""The entry-point group; each of its entry points is a `Rule`."""

RULES: tuple[Rule, ...] = (
    # tarmak.yaml
    *CONFIG_RULES,
    *ENVIRONMENT_RULES,
    *SECTION_RULES,
    *DOCUMENT_RULES,
    # the mappings, independent of the daemon's release
    *ARN_RULES,
    *ACCOUNT_RULES,
    *DUPLICATE_RULES,
    *KEY_RULES,
    *LIST_RULES,
    *SHAPE_RULES,
    *NAME_RULES,
    *GROUP_RULES,
    *TEMPLATE_RULES,
    *PRIVILEGE_RULES,
    *DAEMON_RULES,
    *SSO_RULES,
    # the cluster, its mappings and the daemon's release together
    *INSTALLATION_RULES,
    *IMAGE_RULES,
    *KUBECONFIG_RULES,
    *DESCRIBING_ROLE_RULES,
    *FILE_PLACE_RULES,
    *TEMPLATE_VERSION_RULES,
    *ADMIN_RULES,
    *DAEMON_VERSION_RULES,
    *BACKEND_RULES,
    *SSO_VERSION_RULES,
    *ADMIN_CERTIFICATE_RULES,
    # the file of the backend DynamicFile
    *DYNAMIC_FILE_RULES,
    # comments
    *SUPPRESSION_RULES,
)
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
    return tuple(each.value for each in installed_rules())


def installed_rules() -> list[Provided[Rule]]:
    rules = [Provided(rule, OWN) for rule in RULES]
    rules += [Provided(rule, each.origin) for each in installed_sections() for rule in rules_of(each.section)]
    rules += provided(GROUP, Rule)
    check_unique("rule", [(each.value.id, each.origin) for each in rules])
    check_unique("rule", [(each.value.name.lower(), each.origin) for each in rules if each.value.name])
    return rules


def check(subjects: Subjects, *others: Subjects) -> list[Located]:
    """The findings of every rule whose subject exists, sorted by file and position, without duplicates.

    `others` are the subjects of further clusters of the same tarmak.yaml. Raises ConfigError for a plugin that cannot
    be used, or that fails.
    """
    return list(examine(subjects, *others).findings)


def findings_with(ids: Collection[str], subjects: Subjects) -> list[Located]:
    """The findings of some rules, as `check` has them. Those of other rules may be among them."""
    return list(_examined((subjects,), ids).findings)


def examine(subjects: Subjects, *others: Subjects) -> Report:
    """As `check`, with the suppressed findings. Raises ConfigError for a plugin that cannot be used, or that fails."""
    return _examined((subjects, *others), None)


@gc_paused()
def _examined(given: tuple[Subjects, ...], ids: Collection[str] | None) -> Report:
    subjects, *others = given
    rules = installed_rules()
    names = {each.value.id.upper(): each.value.name for each in rules}
    if ids is not None:
        rules = _needed(rules, ids, subjects.mappings)
    on_config = comments_in(subjects, (Subject.CONFIG,), names)
    own = [comments_in(each, (Subject.MAPPINGS, Subject.SETTINGS), names) for each in (subjects, *others)]
    runs = [
        RuleRun.of(each, rules, SCOPES_OF_A_CLUSTER if number else frozenset(Scope), (*on_config, *own[number]))
        for number, each in enumerate((subjects, *others))
    ]
    found = [(number, each) for number, run in enumerate(runs) for each in run.reported]
    for number, run in enumerate(runs):
        idle = _unused(own[number], run.used, _ids(run.rules))
        asked = Suppressions(own[number], idle, names, _lines(run, runs), _there(own[number], names, [run]))
        if not number:
            idle = _unused(on_config, frozenset().union(*(each.used for each in runs)), _judging_config(runs))
            there = {**_there(on_config, names, runs), **asked.there}
            asked = replace(asked, all=(*on_config, *asked.all), unused=(*idle, *asked.unused), there=there)
        found += [(number, run.located(each)) for rule in SUPPRESSION_RULES for each in rule.check(rule, asked)]
    suppressed = [(number, each) for number, run in enumerate(runs) for each in run.suppressed]
    explained = [(number, each) for number, run in enumerate(runs) for each in run.explained]
    return Report(_in_order(found), _in_order(suppressed), _in_order(explained))


def _needed(rules: list[Provided[Rule]], ids: Collection[str], mappings: Mappings | None) -> list[Provided[Rule]]:
    """The rules with these ids, and those whose findings may be the cause of theirs. Comments are judged by all."""
    asked = [each.value for each in rules if each.value.id in ids]
    causes = [by.causes for rule in asked for by in rule.implied_by if by.can_hold(mappings)]
    if not all(causes) or any(rule.scope is Scope.SUPPRESSIONS for rule in asked):
        return rules
    names = {name for each in causes for name in each}
    return [each for each in rules if each.value in asked or each.value.name in names]


def _lines(run: RuleRun, runs: Iterable[RuleRun]) -> dict[tuple[Subject, str], int]:
    """The first line with a finding of an id, in each of the cluster's files; tarmak.yaml is shared by all clusters."""
    others = (each for one in runs if one is not run for each in one.reported)
    shared = [each for each in others if each.finding.subject is Subject.CONFIG]
    found: dict[tuple[Subject, str], int] = {}
    for each in (*run.reported, *shared):
        document = run.subjects.text_of(each.finding.subject)
        if each.place.line is not None and document is not None and each.place.filename == document.filename:
            key = each.finding.subject, each.finding.id.upper()
            found[key] = min(found.get(key, each.place.line), each.place.line)
    return found


def _there(
    comments: Iterable[Suppression], ids: Collection[str], runs: Iterable[RuleRun]
) -> dict[Suppression, tuple[str, ...]]:
    """For comments that name an unknown rule: the ids of the findings at their place."""
    unknown = [each for each in comments if each.id not in ids]
    reported = [(run, run.reported) for run in runs] if unknown else []
    return {
        each: tuple(dict.fromkeys(i for run, found in reported for i in run.about(each, found))) for each in unknown
    }


def _ids(rules: Iterable[Rule]) -> frozenset[str]:
    """In capitals: comments may write them in any case."""
    return frozenset(each.id.upper() for each in rules)


def _unused(
    comments: Iterable[Suppression], used: frozenset[Suppression], ran: frozenset[str]
) -> tuple[Suppression, ...]:
    return tuple(each for each in comments if each.id in ran and each not in used)


def _judging_config(runs: Sequence[RuleRun]) -> frozenset[str]:
    """The rules for which a comment in tarmak.yaml can be reported as unused. Rules about installations are among them
    only if all clusters were checked: the comment may be about one that was not."""
    config = runs[0].subjects.config
    seen = {each.subjects.installation.cluster.index for each in runs if each.subjects.installation}
    all_seen = config is None or seen >= {each.index for each in config.selectable_clusters}
    reached = (rule for run in runs for rule in run.rules)
    return _ids(rule for rule in reached if all_seen or rule.scope is not Scope.INSTALLATION)


def _in_order(found: Iterable[tuple[int, Located]]) -> tuple[Located, ...]:
    """tarmak.yaml first, and then cluster by cluster."""
    unique: dict[tuple[Place, str, str], list[tuple[int, Located]]] = {}
    for number, each in found:
        # Clusters that share an anchor share its findings.
        unique.setdefault((each.place, each.finding.id, _without_cluster(each)), []).append((number, each))
    return tuple(each for _, each in sorted(map(_shared, unique.values()), key=_order))


def _without_cluster(located: Located) -> str:
    """The message without the cluster's name that it may begin with."""
    return located.finding.message.removeprefix(f"{located.cluster}: ")


def _shared(found: Sequence[tuple[int, Located]]) -> tuple[int, Located]:
    """One finding for all clusters that have it at the same place."""
    first, clusters = found[0][1], list(dict.fromkeys(each.cluster for _, each in found))
    if len(clusters) == 1:
        return found[0]
    names, message = [each for each in clusters if each], first.finding.what
    what = message.removeprefix(f"{first.cluster}: ")
    if what != message:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        message = f"{', '.join(names[:_NAMED])}{more}: {what}"
    return found[-1][0], replace(
        first, finding=replace(first.finding, what=message), cluster=None, shared_by=tuple(names)
    )


def _order(numbered: tuple[int, Located]) -> tuple[Any, ...]:
    number, each = numbered
    subject = list(Subject).index(each.finding.subject)
    return number if subject else -1, subject, each.place.line or 0, each.place.column or 0, each.finding.id
