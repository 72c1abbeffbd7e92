"""One run of the rules: its findings, without those that other findings explain or that comments suppress."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.unknown_keys import with_keys_corrected
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint.messages import of_cluster
from tarmak_iam.lint.rule import Implication, Rule, Scope, Subjects
from tarmak_iam.lint.suppression import Suppression, suppressions_of
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.plugins import OWN, Provided
from tarmak_iam.text import one_line


def without_implied(found: Iterable[Finding], rules: Iterable[Rule], mappings: Mappings | None) -> list[Finding]:
    """The findings without those that another finding explains."""
    findings, by_id = list(found), {rule.id: rule for rule in rules}
    names = {rule_id: rule.name for rule_id, rule in by_id.items()}

    by_name: dict[str | None, list[Finding]] = {}
    for each in findings:
        by_name.setdefault(names.get(each.id), []).append(each)

    def is_implied(finding: Finding, by: Implication) -> bool:
        causes = (each for name in by.causes for each in by_name.get(name, ())) if by.causes else findings
        others = (each for each in causes if each is not finding)
        return any(by.is_cause(finding, each, names.get(each.id), mappings) for each in others)

    followers = {each: rule.implied_by for each, rule in by_id.items() if rule.implied_by}
    return [each for each in findings if not any(is_implied(each, by) for by in followers.get(each.id, ()))]


def with_consequences(
    cause: Finding, explained: Iterable[Finding], rules: Iterable[Rule], mappings: Mappings | None
) -> Finding:
    """The finding with what those say that are not reported because of it."""
    by_id = {each.id: each for each in rules}
    name = by_id[cause.id].name if cause.id in by_id else None
    for finding in explained:
        for by in by_id[finding.id].implied_by if finding.id in by_id else ():
            if by.is_cause(finding, cause, name, mappings):
                cause = by.adds(finding, cause)
    return cause


_MOST_FINDINGS = 5000

_MISSPELT = "misplaced-tarmak-key"


def without_misspelling_consequences(
    findings: list[Finding], config: TarmakConfig | None, rules: Iterable[Provided[Rule]]
) -> list[Finding]:
    """The findings that remain once every misspelt key is corrected: the key `enviroment` alone can be why a cluster
    has no environment, and why currentCluster selects no cluster."""
    built_in = [each.value for each in rules if each.origin == OWN]
    misspelt = {rule.id for rule in built_in if rule.name == _MISSPELT}
    routes = {each.route for each in findings if each.id in misspelt}
    own = {rule.id: rule for rule in built_in if rule.scope is Scope.CONFIG}
    followers = [each for each in findings if each.subject is Subject.CONFIG and each.id in own]
    if config is None or not routes or not followers:
        return findings
    corrected = with_keys_corrected(config, (each for each in config.ignored_content.unknown if each.route in routes))
    if corrected is None:
        return findings
    stay = {
        (finding.id, finding.route.plain)
        for rule_id in {each.id for each in followers}
        for finding in own[rule_id].check(own[rule_id], corrected)
    }
    gone = {id(each) for each in followers if (each.id, each.route.plain) not in stay}
    return [each for each in findings if id(each) not in gone]


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
    reached = [each for each in rules if parts.get(each.value.scope) is not None]
    by_id: dict[tuple[Subject, str], list[Suppression]] = {}
    for comment in comments:
        by_id.setdefault((comment.subject, comment.id), []).append(comment)
    unsuppressed, suppressed, used = list[Finding](), list[Located](), set[Suppression]()
    for each_rule in (each for each in reached if each.value.scope in scopes):
        scope = each_rule.value.scope
        for finding in map(subjects.as_written, _findings(each_rule, parts[scope])):
            if len(unsuppressed) + len(suppressed) == _MOST_FINDINGS:
                what = f"there are more than {_MOST_FINDINGS:,} findings, which is the limit"
                raise ConfigError(what, remedy=f"fix this one first: {finding.text}", place=_place(subjects, finding))
            of_rule = by_id.get((finding.subject, finding.id.upper()), ())
            if covering := suppressing(of_rule, subjects, scope, finding):
                suppressed.append(located(subjects, finding, covering[-1].reason))
                used.update(covering)
            else:
                unsuppressed.append(finding)
    own, mappings = [each.value for each in reached], subjects.mappings
    unexplained = without_implied(unsuppressed, own, mappings)
    unexplained = without_misspelling_consequences(unexplained, subjects.config, reached)
    left = {id(each) for each in unexplained}
    explained = [each for each in unsuppressed if id(each) not in left]
    reported = [located(subjects, with_consequences(each, explained, own, mappings)) for each in unexplained]
    return RuleRun(
        subjects, own, reported, [located(subjects, each) for each in explained], suppressed, frozenset(used)
    )


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


def comments_in(subjects: Subjects, files: Iterable[Subject], rules: dict[str, str]) -> tuple[Suppression, ...]:
    """The suppressions in these files of the cluster, in the files' order. `rules` as in `Suppressions`."""
    documents = [(subject, document) for subject in files if (document := subjects.text_of(subject)) is not None]
    return tuple(each for subject, document in documents for each in suppressions_of(document, subject, rules))


def suppressing(
    comments: Collection[Suppression], subjects: Subjects, scope: Scope | None, finding: Finding
) -> list[Suppression]:
    """The comments that cover the finding; `scope` is that of its rule."""
    steps, place = finding.route.plain, _place(subjects, finding)
    is_alone = subjects.config is not None and len(subjects.config.clusters) == 1
    # Of a file with one cluster, what is about this cluster as a whole is about the file.
    of_cluster_alone = is_alone and finding.subject is Subject.CONFIG and scope is Scope.INSTALLATION
    of_file = of_cluster_alone or not any(isinstance(step, int) for step in steps)
    return [
        each
        for each in comments
        if each.scope.covers(steps, place.line if place.filename == each.place.filename else None, is_of_file=of_file)
    ]


def _findings(provided_rule: Provided[Rule], part: Any) -> list[Finding]:
    rule = provided_rule.value
    what = f"the rule {rule.id}"
    found: list[Any] = provided_rule.call(what, lambda: list(islice(rule.check(rule, part), _MOST_FINDINGS + 1)))
    odd = next((each for each in found if not isinstance(each, Finding)), None)
    if odd is not None:
        raise ConfigError(
            f"{what} of {provided_rule.origin} yields a {type(odd).__name__} instead of a Finding",
            remedy="report it to the authors of the plugin that provides it",
        )
    return found


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
