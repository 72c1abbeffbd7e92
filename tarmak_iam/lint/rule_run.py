"""One run of the rules: its findings, without those that other findings explain or that comments suppress."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any

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


@dataclass(frozen=True, slots=True)
class RuleRun:
    """`found` has each finding with the comments that suppress it; `reached` are the rules whose subject is present."""

    subjects: Subjects
    reached: tuple[Provided[Rule], ...]
    found: tuple[tuple[Finding, tuple[Suppression, ...]], ...]

    @classmethod
    def of(
        cls,
        subjects: Subjects,
        rules: Iterable[Provided[Rule]],
        scopes: Collection[Scope],
        comments: Iterable[Suppression],
    ) -> RuleRun:
        """Runs the rules of the `scopes`. Raises ConfigError for a plugin that cannot be used, or that fails."""
        parts: dict[Scope, Any] = {scope: subjects.of(scope) for scope in Scope if scope is not Scope.SUPPRESSIONS}
        reached = [each for each in rules if parts.get(each.value.scope) is not None]
        by_id: dict[tuple[Subject, str], tuple[Suppression, ...]] = {}
        for each in comments:
            key = each.subject, each.id
            by_id[key] = (*by_id.get(key, ()), each)
        found: list[tuple[Finding, tuple[Suppression, ...]]] = []
        for each_rule in (each for each in reached if each.value.scope in scopes):
            scope = each_rule.value.scope
            for finding in map(subjects.as_written, _findings(each_rule, parts[scope])):
                if len(found) == _MOST_FINDINGS:
                    what = f"there are more than {_MOST_FINDINGS:,} findings, which is the limit"
                    raise ConfigError(
                        what, remedy=f"fix this one first: {finding.text}", place=_place(subjects, finding)
                    )
                of_rule = by_id.get((finding.subject, finding.id.upper()), ())
                found.append((finding, _suppressing(of_rule, subjects, scope, finding)))
        return cls(subjects, tuple(reached), tuple(found))

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(each.value for each in self.reached)

    @property
    def used(self) -> frozenset[Suppression]:
        return frozenset(each for _, by in self.found for each in by)

    @property
    def reported(self) -> list[Located]:
        """The findings that no comment suppresses, and that no other reported finding explains."""
        unexplained = self._unexplained
        explained, mappings = self._others(unexplained), self.subjects.mappings
        return [self.located(with_consequences(each, explained, self.rules, mappings)) for each in unexplained]

    @property
    def explained(self) -> list[Located]:
        """The others that no comment suppresses."""
        return [self.located(finding) for finding in self._others(self._unexplained)]

    def _others(self, unexplained: Iterable[Finding]) -> list[Finding]:
        """The findings that no comment suppresses, without these."""
        left = {id(each) for each in unexplained}
        return [finding for finding, by in self.found if not by and id(finding) not in left]

    @property
    def _unexplained(self) -> list[Finding]:
        unsuppressed = (finding for finding, by in self.found if not by)
        findings = without_implied(unsuppressed, self.rules, self.subjects.mappings)
        return without_misspelling_consequences(findings, self.subjects.config, self.reached)

    @property
    def suppressed(self) -> list[Located]:
        """The suppressed findings, each with the reason of the nearest comment."""
        return [self.located(finding, by[-1].reason) for finding, by in self.found if by]

    def about(self, comment: Suppression, reported: Iterable[Located]) -> tuple[str, ...]:
        """The IDs of the `reported` findings that the comment would suppress if it named them, in their order."""
        scopes = {each.id: each.scope for each in self.rules}
        found = (each.finding for each in reported if each.finding.subject is comment.subject)
        return tuple(
            dict.fromkeys(
                each.id for each in found if _suppressing([comment], self.subjects, scopes.get(each.id), each)
            )
        )

    def located(self, finding: Finding, reason: str = "") -> Located:
        installation = self.subjects.installation
        completed = finding if installation is None else of_cluster(finding, installation)
        return Located(completed, _place(self.subjects, finding), _cluster(self.subjects, finding), reason)


def comments_in(subjects: Subjects, files: Iterable[Subject], rules: dict[str, str]) -> tuple[Suppression, ...]:
    """The suppressions in these files of the cluster, in the files' order. `rules` as in `Suppressions`."""
    documents = [(subject, document) for subject in files if (document := subjects.text_of(subject)) is not None]
    return tuple(each for subject, document in documents for each in suppressions_of(document, subject, rules))


def _suppressing(
    comments: Collection[Suppression], subjects: Subjects, scope: Scope | None, finding: Finding
) -> tuple[Suppression, ...]:
    """The comments that cover the finding; `scope` is that of its rule."""
    steps = finding.route.plain
    of_file = not any(isinstance(step, int) for step in steps) or _is_of_only_cluster(subjects, scope, finding)
    place = _place(subjects, finding)
    return tuple(
        each
        for each in comments
        if each.scope.covers(steps, place.line if place.filename == each.place.filename else None, is_of_file=of_file)
    )


def _is_of_only_cluster(subjects: Subjects, scope: Scope | None, finding: Finding) -> bool:
    """Whether the finding is about a cluster as a whole, and tarmak.yaml has no other cluster."""
    is_alone = subjects.config is not None and len(subjects.config.clusters) == 1
    return is_alone and finding.subject is Subject.CONFIG and scope is Scope.INSTALLATION


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


def _cluster(subjects: Subjects, finding: Finding) -> str | None:
    if finding.subject is not Subject.CONFIG:
        return subjects.installation.cluster_id if subjects.installation else None
    match finding.route.plain[:2]:
        case ("clusters", int(index)) if subjects.config is not None and index < len(subjects.config.clusters):
            cluster = subjects.config.clusters[index]
            return cluster.cluster_name if cluster.environment and cluster.name else None
    return None
