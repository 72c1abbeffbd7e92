"""One run of the rules: its findings, without those that follow from others or that comments suppress."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.ignored_content import with_keys_corrected
from tarmak_iam.document.go_case import fold, to_lower
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.messages import of_cluster
from tarmak_iam.lint.rule import Rule, Scope, Subjects
from tarmak_iam.lint.suppression import Suppression, suppressions_of
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.plugins import Brought
from tarmak_iam.routes import Route
from tarmak_iam.text import one_line

_NOBODY, _WOULD_NOT_START, _NO_ADMIN = "IAM021", "IAM022", "IAM084"

_ROLE_UNMAPPED = "IAM108"

_FOLLOWING = (_NOBODY, _WOULD_NOT_START, _NO_ADMIN, _ROLE_UNMAPPED)

_DOUBLED_KEY, _MISTAKEN_KEY, _DUPLICATE, _TEXT = "IAM059", "IAM057", "IAM011", "IAM060"

_LIST_SHAPES = frozenset({"IAM115", "IAM116"})

_ENDS_THE_DAEMON = frozenset(
    {
        "IAM010",
        "IAM020",
        "IAM023",
        "IAM052",
        "IAM053",
        "IAM054",
        _MISTAKEN_KEY,
        _DOUBLED_KEY,
        _TEXT,
        "IAM063",
        "IAM082",
        "IAM109",
        "IAM115",
        "IAM116",
    }
)
"""Rules about what may be why the daemon does not start."""

_HIDES_EVERYONE = frozenset({_MISTAKEN_KEY, _TEXT}) | _LIST_SHAPES
"""Rules about why there may be no entries where somebody wrote some."""

_HIDES_SOMEBODY = _HIDES_EVERYONE | {_DOUBLED_KEY}
"""Rules about why there may be no entry for a principal where somebody wrote one."""

_KEEPS_ADMINS_OUT = frozenset({"IAM087"})
"""Rules about why an admin's entry may not count: once that is fixed, it shows."""

_HIDES_ENTRIES = frozenset({_MISTAKEN_KEY, _DOUBLED_KEY}) | _LIST_SHAPES
"""The same, where the file names system:masters somewhere."""

_NAMES_ADMINS = frozenset({"IAM061", "IAM064", "IAM078", "IAM114", "IAM122", "IAM124", "IAM125", "IAM127"})
"""The same, where what they say of a group is that it was to be system:masters."""

_NEXT_DOCUMENT = "IAM079"
"""The same, where the entries are in a part of the file that is not read."""

_LIST = re.compile(r"\bmap(Roles|Users|Accounts)\b", re.IGNORECASE)


def without_implied(found: Iterable[Finding], mappings: Mappings | None) -> list[Finding]:
    """The findings that stand for themselves."""
    findings = list(found)
    return [each for each in findings if each.id not in _FOLLOWING or not _is_implied(each, findings, mappings)]


def _is_implied(finding: Finding, findings: list[Finding], mappings: Mappings | None) -> bool:
    others = [each for each in findings if each.subject is Subject.MAPPINGS and each is not finding]
    ids = {each.id for each in others}
    if finding.id in (_NOBODY, _NO_ADMIN) and _NEXT_DOCUMENT in ids and mappings and _are_lists_unread(mappings):
        return True
    if finding.id == _NOBODY and any(_is_all_of_server(each) for each in others):
        return True
    if finding.id == _NOBODY:
        return any(each.id in _HIDES_EVERYONE and (each.id != _MISTAKEN_KEY or each.hides_entries) for each in others)
    if finding.id == _ROLE_UNMAPPED:
        return bool(ids & _HIDES_SOMEBODY) or any(each.id == _NOBODY for each in findings)
    if finding.id == _NO_ADMIN:
        is_named = any(each.id in _NAMES_ADMINS and ADMINS in each.text and _is_of_groups(each) for each in others)
        lost = mappings is not None and _is_an_admin_lost(others, mappings)
        hidden = bool(ids & _HIDES_ENTRIES) and mappings is not None and ADMINS in mappings.document.text
        return bool(ids & _KEEPS_ADMINS_OUT) or hidden or is_named or lost
    causes = [each for each in others if each.id in _ENDS_THE_DAEMON]
    if not len(finding.route):  # of which the daemon says only that it cannot read it
        return any(each.id == _DOUBLED_KEY for each in causes)
    return any(_leads(_part(finding, each), each.route) for each in causes)


def _is_all_of_server(finding: Finding) -> bool:
    """The daemon does not start, and what is below `server` is no mapping that could map anybody."""
    return finding.id == _WOULD_NOT_START and [str(step).lower() for step in finding.route.plain] == ["server"]


def _part(finding: Finding, cause: Finding) -> Route:
    """What the daemon stops at; an entry that a dash splits in two are two items of the list."""
    return finding.route.parent if cause.id in _LIST_SHAPES else finding.route


def _is_of_groups(finding: Finding) -> bool:
    return any(isinstance(step, str) and fold(to_lower(step)) == "groups" for step in finding.route.plain)


def _are_lists_unread(mappings: Mappings) -> bool:
    """Whether what follows the document that the daemon reads has entries, which count once it is read."""
    place = mappings.document.next_document
    rest = mappings.document.text.splitlines()[place.line - 1 :] if place and place.line else []
    return any(_LIST.search(line) for line in rest)


def _is_an_admin_lost(others: list[Finding], mappings: Mappings) -> bool:
    """Some entry is an admin's, but does not count, or another one takes its place."""
    errors = [each for each in others if each.severity is Severity.ERROR]
    for entry in entries_of(mappings).mapped:
        if entry.is_admin and any(each.id == _DUPLICATE or _leads(entry.listed.route, each.route) for each in errors):
            return True
    return False


def _leads(outer: Route, inner: Route) -> bool:
    """Without the occurrences of keys, which rules need not tell."""
    return inner.plain[: len(outer)] == outer.plain


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
    corrected = with_keys_corrected(
        config.file, (each for each in config.ignored_content.unknown if each.route in routes)
    )
    if corrected is None:
        return findings
    stay = {
        (finding.id, finding.route.plain)
        for rule_id in {each.id for each in followers}
        for finding in own[rule_id].check(own[rule_id], TarmakConfig(corrected))
    }
    gone = [each for each in followers if (each.id, each.route.plain) not in stay]
    return [each for each in findings if each not in gone]


SCOPES_OF_A_CLUSTER = frozenset({Scope.MAPPINGS, Scope.INSTALLATION})
"""What rules look at that each cluster has for itself; the rest is tarmak.yaml, which all share."""


@dataclass(frozen=True, slots=True)
class Located:
    """A finding with its place; as text a line of a report: `file:line:col: severity: message [ID]`.

    `cluster` is the name of the one that it is about, None where it is about none, or about several. `reason` is what
    the comment says that sets it aside.
    """

    finding: Finding
    place: Place
    cluster: str | None = None
    reason: str = ""
    shared_by: tuple[str, ...] = ()
    """The clusters that have it at the same place, where it is about several."""

    def __str__(self) -> str:
        return f"{one_line(str(self.place))}: {self.finding.severity}: {self.finding.text} [{self.finding.id}]"


@dataclass(frozen=True, slots=True)
class RuleRun:
    """`found` has beside each finding the comments that set it aside; the subject of `reached` rules is there."""

    subjects: Subjects
    reached: tuple[Rule, ...]
    found: tuple[tuple[Finding, tuple[Suppression, ...]], ...]

    @classmethod
    def of(
        cls,
        subjects: Subjects,
        rules: Iterable[Brought[Rule]],
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
        found = [
            (
                finding,
                _suppressing(by_id.get((finding.subject, finding.id.upper()), ()), subjects, each.value.scope, finding),
            )
            for each in reached
            if each.value.scope in scopes
            for finding in _findings(each, parts[each.value.scope])
        ]
        return cls(subjects, tuple(each.value for each in reached), tuple(found))

    @property
    def used(self) -> frozenset[Suppression]:
        return frozenset(each for _, by in self.found for each in by)

    @property
    def reported(self) -> list[Located]:
        """What no comment sets aside, and does not follow from something else that is told."""
        counting = (finding for finding, by in self.found if not by)
        findings = without_implied(counting, self.subjects.mappings)
        findings = without_misspelling_consequences(findings, self.subjects.config, self.reached)
        return [self.located(each) for each in findings]

    @property
    def suppressed(self) -> list[Located]:
        """With the reason of the nearest comment."""
        return [self.located(finding, by[-1].reason) for finding, by in self.found if by]

    def about(self, comment: Suppression) -> tuple[str, ...]:
        """The ids of the findings left that it would set aside if it named them, in their order."""
        scopes = {each.id: each.scope for each in self.reached}
        found = (each.finding for each in self.reported if each.finding.subject is comment.subject)
        return tuple(
            dict.fromkeys(
                each.id for each in found if _suppressing([comment], self.subjects, scopes.get(each.id), each)
            )
        )

    def located(self, finding: Finding, reason: str = "") -> Located:
        installation = self.subjects.installation
        told = finding if installation is None else of_cluster(finding, installation)
        return Located(told, _place(self.subjects, finding), _cluster(self.subjects, finding), reason)


def comments_in(subjects: Subjects, files: Iterable[Subject]) -> tuple[Suppression, ...]:
    """What comments of these of the cluster's files ask for, in the files' order."""
    documents = ((subject, subjects.text_of(subject)) for subject in files)
    return tuple(
        each for subject, document in documents if document is not None for each in suppressions_of(document, subject)
    )


def _suppressing(
    comments: Collection[Suppression], subjects: Subjects, scope: Scope | None, finding: Finding
) -> tuple[Suppression, ...]:
    """Those of the comments of its file that are about the finding, of a rule of the scope."""
    steps = finding.route.plain
    of_file = not any(isinstance(step, int) for step in steps) or _is_of_only_cluster(subjects, scope, finding)
    place = _place(subjects, finding)
    return tuple(
        each
        for each in comments
        if each.scope.covers(steps, place.line if place.filename == each.place.filename else None, is_of_file=of_file)
    )


def _is_of_only_cluster(subjects: Subjects, scope: Scope | None, finding: Finding) -> bool:
    """Whether it is about all that a cluster is, and tarmak.yaml has no other one."""
    is_alone = subjects.config is not None and len(subjects.config.clusters) == 1
    return is_alone and finding.subject is Subject.CONFIG and scope is Scope.INSTALLATION


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
