"""The tuple of all built-in rules, and a run of them: the findings, without those that other findings explain or that
comments suppress, sorted by file and position.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.ignored_content import with_keys_corrected
from tarmak_iam.config.section_keys import installed_sections
from tarmak_iam.document.document import gc_paused
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.findings import At, Finding, Subject
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
    trust_rules,
)
from tarmak_iam.lint.config_rules import rules_of
from tarmak_iam.lint.messages import of_cluster
from tarmak_iam.lint.rule import Implication, Rule, Scope, Subjects
from tarmak_iam.lint.suppression import Suppression, Suppressions, suppressions_of
from tarmak_iam.plugins import OWN, Provided, check_unique, provided
from tarmak_iam.text import one_line

_MOST_FINDINGS = 5000
_NAMED = 3
"""The number of clusters that a message about several clusters names."""

GROUP = "tarmak_iam.rules"
"""The entry-point group; each of its entry points is a `Rule`."""

_MODULES = (
    config_rules,
    *(principal_rules, key_rules, shape_rules, name_rules, rbac_rules, daemon_rules, trust_rules),  # the mappings
    *(installation_rules, image_rules, kubeconfig_rules),  # the cluster, its mappings and its authenticator together
    suppression,
)

RULES = tuple(rule for module in _MODULES for rule in vars(module).values() if isinstance(rule, Rule))
"""All built-in rules except those of sections (the built-in section included)."""


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with its place; as a string it is a line of a report: `file:line:col: severity: message [ID]`.

    `cluster` is the name of the cluster that it is about, None where it is about no cluster, or about several. `reason`
    is the reason in the comment that suppresses it."""

    finding: Finding
    place: Place
    cluster: str | None = None
    reason: str = ""
    shared_by: tuple[str, ...] = ()
    """The clusters that have the finding at the same place, where it is about several."""

    def __str__(self) -> str:
        return f"{one_line(str(self.place))}: {self.finding.severity}: {self.finding.text} [{self.finding.id}]"


@dataclass(frozen=True, slots=True)
class Report:
    """The findings, and those that comments in the files suppress."""

    findings: tuple[Located, ...]
    suppressed: tuple[Located, ...]
    explained: tuple[Located, ...] = ()
    """Those that are not reported because another finding explains them."""


def all_rules() -> tuple[Rule, ...]:
    """The built-in rules, those of every section, and those of other distributions. Raises ConfigError if two rules
    have the same id or name, and for a plugin that cannot be loaded."""
    return tuple(provided.value for provided in installed_rules())


def installed_rules() -> list[Provided[Rule]]:
    rules = [Provided(rule, OWN) for rule in RULES]
    rules += [Provided(rule, part.origin) for part in installed_sections() for rule in rules_of(part.value)]
    rules += provided(GROUP, Rule)
    check_unique("rule", [(rule.value.id, rule.origin) for rule in rules])
    check_unique("rule", [(rule.value.name.lower(), rule.origin) for rule in rules if rule.value.name])
    return rules


def check(subjects: Subjects, *others: Subjects) -> list[Located]:
    """The findings of every rule whose subject exists, sorted by file and position, without duplicates. `others` are
    the subjects of further clusters of the same tarmak.yaml. Raises ConfigError for a plugin that cannot be used, or
    that fails."""
    return list(examine(subjects, *others).findings)


@gc_paused()
def examine(subjects: Subjects, *others: Subjects) -> Report:
    """As `check`, with the suppressed findings. Raises ConfigError for a plugin that cannot be used, or that fails."""
    given, rules = (subjects, *others), installed_rules()
    names = {provided.value.id.upper(): provided.value.name for provided in rules}
    on_config = tuple(suppressions_of(given[0].text_of(Subject.CONFIG), Subject.CONFIG, names))
    files = (Subject.MAPPINGS, Subject.SETTINGS)
    comments = [
        [comment for subject in files for comment in suppressions_of(part.text_of(subject), subject, names)]
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
        asked = Suppressions(tuple(of_run), tuple(unused), names, _lines(run, runs), there, run.subjects.text_of)
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


def _reported_and_explained(
    findings: list[Finding], rules: list[Provided[Rule]], subjects: Subjects
) -> tuple[list[Finding], list[Finding]]:
    """The findings that no other one explains, with what those say that they explain; and the latter."""
    names = {provided.value.id: provided.value.name for provided in rules}
    implications = {provided.value.id: provided.value.implied_by for provided in rules}
    by_name: dict[str | None, list[Finding]] = {}
    for finding in findings:
        by_name.setdefault(names.get(finding.id), []).append(finding)

    def explains(finding: Finding, by: Implication, cause: Finding) -> bool:
        return cause is not finding and by.is_cause(finding, cause, names.get(cause.id), subjects.mappings)

    def is_explained(finding: Finding, by: Implication) -> bool:
        causes = (cause for name in by.causes for cause in by_name.get(name, ())) if by.causes else findings
        return any(explains(finding, by, cause) for cause in causes)

    unexplained = [
        finding for finding in findings if not any(is_explained(finding, by) for by in implications.get(finding.id, ()))
    ]
    gone = _following_from_misspelt_keys(unexplained, rules, subjects.config)
    left = {id(finding) for finding in unexplained} - gone
    reported, explained = list[Finding](), [finding for finding in findings if id(finding) not in left]
    for cause in (finding for finding in findings if id(finding) in left):
        completed = cause
        for finding in explained:
            for by in implications.get(finding.id, ()):
                completed = by.adds(finding, completed) if explains(finding, by, completed) else completed
        reported.append(completed)
    return reported, explained


def _following_from_misspelt_keys(
    findings: list[Finding], rules: Iterable[Provided[Rule]], config: TarmakConfig | None
) -> set[int]:
    """The findings, by their `id()`, that are gone once every misspelt key is corrected: the key `enviroment` alone can
    be why a cluster has no environment, and why currentCluster selects no cluster."""
    built_in = [provided.value for provided in rules if provided.origin == OWN]
    misspelt = {rule.id for rule in built_in if rule.name == "misplaced-tarmak-key"}
    routes = {finding.route for finding in findings if finding.id in misspelt}
    of_config = {rule.id: rule for rule in built_in if rule.scope is Scope.CONFIG}
    others = [finding for finding in findings if finding.subject is Subject.CONFIG and finding.id in of_config]
    if config is None or not routes or not others:
        return set()
    corrected = with_keys_corrected(config, (key for key in config.ignored_content.unknown if key.route in routes))
    if corrected is None:
        return set()
    checked = (of_config[rule_id] for rule_id in {finding.id for finding in others})
    stay = {(finding.id, finding.route.plain) for rule in checked for finding in rule.check(rule, corrected)}
    return {id(finding) for finding in others if (finding.id, finding.route.plain) not in stay}


SCOPES_OF_A_CLUSTER = frozenset({Scope.MAPPINGS, Scope.INSTALLATION, Scope.TRUST})
"""The scopes of each cluster's own files; the other scopes are about tarmak.yaml, which all clusters share."""


def added_findings(before: Iterable[Located], after: Iterable[Located]) -> Iterator[Located]:
    """The findings that are not among those before; line numbers and places are not compared, since an edit changes
    them."""
    known = Counter(map(finding_key, before))
    for located in after:
        key = finding_key(located)
        if known[key]:
            known[key] -= 1
        else:
            yield located


def finding_key(located: Located) -> tuple[str, str]:
    """The same for a finding before and after edits of other lines, whichever of several has the consequence of all."""
    finding = located.finding
    alone = replace(finding, consequence="", recovery=None) if finding.consequence else finding
    return finding.id, without_numbers(alone.message)


_NUMBER = re.compile(r"[0-9][0-9,]*")


def without_numbers(text: str) -> str:
    """Line numbers and sizes in the messages of old findings: an edit changes them."""
    return _NUMBER.sub("#", text)


class RuleRun(NamedTuple):
    """`rules` are those whose subject is present. `reported` are the findings that no comment suppresses, and that no
    other reported finding explains; `explained` are the others that no comment suppresses; `used` are the comments that
    suppress some."""

    subjects: Subjects
    rules: list[Rule]
    reported: list[Located]
    explained: list[Located]
    suppressed: list[Located]
    used: frozenset[Suppression]


def run_rules(
    subjects: Subjects, rules: Iterable[Provided[Rule]], scopes: Collection[Scope], comments: Iterable[Suppression]
) -> RuleRun:
    """Runs the rules of the `scopes`. Raises ConfigError for a plugin that cannot be used, or that fails."""
    parts: dict[Scope, Any] = {scope: subjects.of(scope) for scope in Scope if scope is not Scope.SUPPRESSIONS}
    reached = [provided for provided in rules if parts.get(provided.value.scope) is not None]
    by_id: dict[tuple[Subject, str], list[Suppression]] = {}
    for comment in comments:
        by_id.setdefault((comment.subject, comment.id), []).append(comment)
    unsuppressed, suppressed, used = list[Finding](), list[Located](), set[Suppression]()
    for of_scope in (rule for rule in reached if rule.value.scope in scopes):
        scope = of_scope.value.scope
        for finding in map(subjects.as_written, _findings(of_scope, parts[scope])):
            if len(unsuppressed) + len(suppressed) == _MOST_FINDINGS:
                what = f"there are more than {_MOST_FINDINGS:,} findings, which is the limit"
                raise ConfigError(what, remedy=f"fix this one first: {finding.text}", place=_place(subjects, finding))
            of_rule = by_id.get((finding.subject, finding.id.upper()), ())
            if covering := suppressing(of_rule, subjects, scope, finding):
                suppressed.append(located(subjects, finding, covering[-1].reason))
                used.update(covering)
            elif (judged := trust_rules.with_trust(finding, subjects.trusted)) is not None:
                unsuppressed.append(judged)
    reported, explained = (
        [located(subjects, finding) for finding in findings]
        for findings in _reported_and_explained(unsuppressed, reached, subjects)
    )
    return RuleRun(subjects, [provided.value for provided in reached], reported, explained, suppressed, frozenset(used))


def located(subjects: Subjects, finding: Finding, reason: str = "") -> Located:
    """The finding with its place and cluster."""
    installation, config, cluster = subjects.installation, subjects.config, None
    completed = finding if installation is None else of_cluster(finding, installation)
    if finding.subject is not Subject.CONFIG:
        cluster = installation.cluster_id if installation is not None else None
    else:
        match finding.route.plain[:2]:
            case ("clusters", int(index)) if config is not None and index < len(config.clusters):
                named = config.clusters[index]
                cluster = named.cluster_name if named.environment and named.name else None
    return Located(completed, _place(subjects, finding), cluster, reason)


def suppressing(
    comments: Collection[Suppression], subjects: Subjects, scope: Scope | None, finding: Finding
) -> list[Suppression]:
    """The comments that cover the finding; `scope` is that of its rule."""
    steps, place = finding.route.plain, _place(subjects, finding)
    # Of a file with one cluster, what is about this cluster as a whole is about the file.
    is_alone = subjects.config is not None and len(subjects.config.clusters) == 1
    of_cluster_alone = is_alone and finding.subject is Subject.CONFIG and scope is Scope.INSTALLATION
    of_file = of_cluster_alone or not any(isinstance(step, int) for step in steps)
    lines = {place.filename: place.line}
    return [
        comment
        for comment in comments
        if comment.scope.covers(steps, lines.get(comment.place.filename), is_of_file=of_file)
    ]


def _findings(provided_rule: Provided[Rule], part: Any) -> list[Finding]:
    rule = provided_rule.value
    what = f"the rule {rule.id}"
    findings: list[Any] = provided_rule.call(what, lambda: list(islice(rule.check(rule, part), _MOST_FINDINGS + 1)))
    for finding in findings:
        if not isinstance(finding, Finding):
            what = f"{what} of {provided_rule.origin} yields a {type(finding).__name__} instead of a Finding"
            raise ConfigError(what, remedy="report it to the authors of the plugin that provides it")
    return findings


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
