"""One run of the rules: its findings, without those that other findings explain or that comments suppress."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.ignored_content import with_keys_corrected
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.lint.messages import of_cluster
from tarmak_iam.lint.rule import Implication, Rule, Scope, Subjects
from tarmak_iam.lint.suppression import Suppression
from tarmak_iam.plugins import OWN, Provided
from tarmak_iam.text import one_line

_MOST_FINDINGS = 5000


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


SCOPES_OF_A_CLUSTER = frozenset({Scope.MAPPINGS, Scope.INSTALLATION})
"""The scopes of each cluster's own files; the other scopes are about tarmak.yaml, which all clusters share."""


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with its place; as a string it is a line of a report: `file:line:col: severity: message [ID]`.

    `cluster` is the name of the cluster that it is about, None where it is about no cluster, or about several. `reason`
    is the reason in the comment that suppresses it.
    """

    finding: Finding
    place: Place
    cluster: str | None = None
    reason: str = ""
    shared_by: tuple[str, ...] = ()
    """The clusters that have the finding at the same place, where it is about several."""

    def __str__(self) -> str:
        return f"{one_line(str(self.place))}: {self.finding.severity}: {self.finding.text} [{self.finding.id}]"


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
    for provided in (provided for provided in reached if provided.value.scope in scopes):
        scope = provided.value.scope
        for finding in map(subjects.as_written, _findings(provided, parts[scope])):
            if len(unsuppressed) + len(suppressed) == _MOST_FINDINGS:
                what = f"there are more than {_MOST_FINDINGS:,} findings, which is the limit"
                raise ConfigError(what, remedy=f"fix this one first: {finding.text}", place=_place(subjects, finding))
            of_rule = by_id.get((finding.subject, finding.id.upper()), ())
            if covering := suppressing(of_rule, subjects, scope, finding):
                suppressed.append(located(subjects, finding, covering[-1].reason))
                used.update(covering)
            else:
                unsuppressed.append(finding)
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
