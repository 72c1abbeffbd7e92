"""Fixes the findings of the files that were checked: what can be fixed, made file by file and checked again.

A fix is only made if its finding is gone afterwards and no error is new, if a fix that says that it is safe is
verified to be, and if no other principal is locked out. A fix that fails is dropped, and named.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tarmak_iam.command_line import PLAIN, CommandLine
from tarmak_iam.config import TarmakConfig
from tarmak_iam.document import Document
from tarmak_iam.errors import PolicyRefused, TarmakIamError
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.installation.cluster_files import ClusterFiles, is_cluster_id
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint.check import Report, examine, installed_rules
from tarmak_iam.lint.edited_subjects import document_of, with_document
from tarmak_iam.lint.fix import CompatibleFixes, Fix, with_fixes
from tarmak_iam.lint.fix_effects import lock_outs
from tarmak_iam.lint.fix_places import EditedLines, PlacesBefore
from tarmak_iam.lint.fix_safety import why_unsafe
from tarmak_iam.lint.fixes import BUILT_IN_FIXES
from tarmak_iam.lint.new_findings import finding_key
from tarmak_iam.lint.rule import Rule, Subjects
from tarmak_iam.lint.rule_run import Located
from tarmak_iam.plugins import Provided
from tarmak_iam.text import brief_list, shortened

_ROUNDS = 100
"""More than any file needs: in each round at least one finding is fixed, or one fix is dropped."""

_Mark = tuple[str, str, str, tuple[str | int, ...]]


@dataclass(frozen=True, slots=True)
class FixableFinding:
    """A finding and its fix. `why_unsafe`: what makes a fix unsafe that the rule takes for safe; else empty.
    `removed_comments` are the texts of the comments that went with what the fix removed."""

    located: Located
    fix: Fix
    filename: str
    why_unsafe: str = ""
    removed_comments: tuple[str, ...] = ()

    @property
    def is_safe(self) -> bool:
        return self.fix.is_safe and not self.why_unsafe

    @property
    def line(self) -> str:
        """As in `tarmak.yaml:3:1: fixed: remove the duplicate key [IAM032]`."""
        return self.line_of("fixed")

    def line_of(self, word: str) -> str:
        return f"{self.located.place}: {word}: {self.fix.title}{self._removed} [{self.located.finding.id}]"

    @property
    def _removed(self) -> str:
        count = len(self.removed_comments)
        texts = brief_list(map(shortened, self.removed_comments))
        return f" (removed with it: the comment{'s' if count > 1 else ''} {texts})" if count else ""


@dataclass(frozen=True, slots=True)
class DroppedFix:
    """A fix that was not made, and why. `finding` is one of the files as they are after all fixes, `found` the same one
    in the files before, as in `FixOutcome`."""

    finding: FixableFinding
    why: str
    found: FixableFinding

    @property
    def line(self) -> str:
        return self._line(self.finding)

    @property
    def line_before(self) -> str:
        """As `line`, with the place in the file before all fixes."""
        return self._line(self.found)

    def _line(self, finding: FixableFinding) -> str:
        return f"{finding.line_of('not fixed')}: {self.why}"


@dataclass(frozen=True, slots=True)
class FixOutcome:
    """`before` and `after` are the subjects of the same clusters, in the same order; `report` is about `after`, and
    `fixable` are its findings that have a fix that was not made.

    The places of `fixed`, and the lines that their titles name, are those in the files before all fixes. A finding that
    is in a line that a fix before has written has its place in the file as that fix left it.
    """

    before: tuple[Subjects, ...]
    after: tuple[Subjects, ...]
    report: Report
    fixed: tuple[FixableFinding, ...]
    dropped: tuple[DroppedFix, ...]
    fixable: tuple[FixableFinding, ...]

    @property
    def documents(self) -> tuple[tuple[Document, Document], ...]:
        """Each document before and after, in the order of the files."""
        return tuple(_documents(self.before, self.after))

    @property
    def changed(self) -> tuple[tuple[Document, Document], ...]:
        """Those of them that differ."""
        return _changed(self.before, self.after)


def _documents(before: Sequence[Subjects], after: Sequence[Subjects]) -> Iterable[tuple[Document, Document]]:
    pairs: dict[str, tuple[Document, Document]] = {}
    for one, two in zip(before, after, strict=True):
        for subject in Subject:
            old, new = one.text_of(subject), two.text_of(subject)
            if old is not None and new is not None:
                pairs.setdefault(old.filename, (old, new))
    return pairs.values()


def _changed(before: Sequence[Subjects], after: Sequence[Subjects]) -> tuple[tuple[Document, Document], ...]:
    return tuple((old, new) for old, new in _documents(before, after) if old.text != new.text)


def fix_findings(
    *subjects: Subjects,
    unsafe: bool = False,
    report: Report | None = None,
    originals: Mapping[str, str] | None = None,
) -> FixOutcome:
    """Fixes what can be fixed, with `unsafe` also what changes access or what Tarmak uses. Writes nothing. `report` is
    that of the subjects, if they have been examined; `originals` are the texts of files that were repaired before, by
    name: places are then those in these texts.

    Raises ConfigError for a plugin that cannot be used, or that fails.
    """
    found = examine(*subjects) if report is None else report
    return _FixRun(subjects, found, unsafe=unsafe, originals=originals or {}).outcome()


def fixable_findings(report: Report, *subjects: Subjects) -> tuple[FixableFinding, ...]:
    """The findings of the report that can be fixed, in its order. Safe fixes are tried, and verified to be safe. That
    costs as much as reading the files again, so that what `fix_findings` makes only if it is asked for, the unsafe
    fixes, is not tried. Raises ConfigError for a plugin that fails."""
    found = list(_proposals(report, subjects))
    possible = {id(each.located): each for each in found if not each.is_safe}
    possible |= {id(each.located): each for each in _tried(subjects, [each for each in found if each.is_safe])}
    return tuple(possible[id(each.located)] for each in found if id(each.located) in possible)


FIX = "check --fix"
"""The command that makes the safe fixes."""

UNSAFE_FIX = f"{FIX} --unsafe-fixes"


def with_fixes_in_remedies(report: Report, *subjects: Subjects) -> Report:
    """The report; the remedies of findings that can be fixed end with the command. Raises as `fixable_findings`."""
    fixable = {id(each.located): each for each in fixable_findings(report, *subjects)}

    def with_command(located: Located) -> Located:
        found = fixable.get(id(located))
        if found is None:
            return located
        command = _command_line(located, subjects).tarmak_iam(FIX if found.is_safe else UNSAFE_FIX)
        remedy = f"{located.finding.remedy} (fix: `{command}`)"
        return replace(located, finding=replace(located.finding, remedy=remedy))

    return replace(report, findings=tuple(map(with_command, report.findings)))


def _command_line(located: Located, subjects: Sequence[Subjects]) -> CommandLine:
    """For commands on the cluster that the file belongs to; tarmak.yaml belongs to all clusters."""
    owner = _owner(located, subjects)
    if owner is None or owner.config is None:
        return PLAIN
    if located.finding.subject is Subject.CONFIG or owner.installation is None:
        return owner.config.command_line()
    return owner.installation.command_line


def _tried(subjects: Sequence[Subjects], proposals: list[FixableFinding]) -> Iterator[FixableFinding]:
    """Those that can be made. They are tried together as far as that is possible."""
    while proposals:
        chosen, proposals = _compatible(proposals)
        yield from _tried_at_once(subjects, chosen)


def _tried_at_once(subjects: Sequence[Subjects], chosen: list[FixableFinding]) -> Iterator[FixableFinding]:
    problem = _edited(subjects, chosen)
    if not isinstance(problem, str):
        yield from chosen
    elif len(chosen) > 1:
        middle = len(chosen) // 2
        yield from _tried_at_once(subjects, chosen[:middle])
        yield from _tried_at_once(subjects, chosen[middle:])
    elif isinstance(problem, _Doubt):
        yield replace(chosen[0], why_unsafe=problem)


class _Doubt(str):
    """Why a fix that says that it is safe is not."""

    __slots__ = ()


def _with_fixes(subjects: Sequence[Subjects], proposals: Iterable[FixableFinding]) -> tuple[Subjects, ...]:
    """The subjects with the fixes. Raises TarmakIamError, for example if Tarmak could not read the file."""
    fixes: dict[tuple[str, Subject], list[Fix]] = {}
    for each in proposals:
        fixes.setdefault((each.filename, each.located.finding.subject), []).append(each.fix)
    state = tuple(subjects)
    for (filename, subject), those in fixes.items():
        state = with_document(state, subject, with_fixes(document_of(state, subject, filename), those))
    return state


def _edited(subjects: Sequence[Subjects], proposals: Sequence[FixableFinding]) -> tuple[Subjects, ...] | str:
    """The subjects with the fixes, or why they cannot be made. If all of them are safe, that is verified; of others,
    that they lock out nobody."""
    try:
        edited = _with_fixes(subjects, proposals)
        if not all(each.is_safe for each in proposals):
            if found := tuple(lock_outs(subjects, edited)):
                raise PolicyRefused("; ".join(found))
        elif why := why_unsafe(subjects, edited, [each.fix for each in proposals]):
            return _Doubt(why)
    except TarmakIamError as error:
        return error.message
    return edited


class _FixRun:
    def __init__(
        self, subjects: tuple[Subjects, ...], report: Report, *, unsafe: bool, originals: Mapping[str, str]
    ) -> None:
        self._before = self._state = subjects
        self._unsafe = unsafe
        self._report = report
        self._fixed: list[FixableFinding] = []
        self._dropped: dict[_Mark, DroppedFix] = {}
        self._doubts: dict[_Mark, str] = {}
        texts = {each.filename: each.text for each, _ in _documents(subjects, subjects)}
        self._places = PlacesBefore({**texts, **originals})

    def outcome(self) -> FixOutcome:
        for _ in range(_ROUNDS):
            if not self._round():
                break
        proposals = list(_proposals(self._report, self._state))
        left = {_mark(each.located): each for each in proposals}
        dropped = tuple(replace(drop, finding=left[mark]) for mark, drop in self._dropped.items() if mark in left)
        fixable = tuple(self._without_dropped(proposals))
        return FixOutcome(self._before, self._state, self._report, tuple(self._fixed), dropped, fixable)

    def _without_dropped(self, proposals: Iterable[FixableFinding]) -> Iterator[FixableFinding]:
        for each in proposals:
            mark = _mark(each.located)
            if mark not in self._dropped:
                yield replace(each, why_unsafe=self._doubts.get(mark, ""))

    def _round(self) -> bool:
        """Returns whether there was something to do. Safe fixes first, each kind in a round of its own."""
        waiting = list(self._without_dropped(_proposals(self._report, self._state)))
        safe = [each for each in waiting if each.is_safe]
        chosen, _ = _compatible(safe or (waiting if self._unsafe else []))
        if not chosen:
            return False
        if problem := self._attempt(chosen):
            groups = self._groups(chosen, problem)
            every = [each for group in groups for each in group]
            # Groups that work alone, but not together, wait for the next round.
            if groups and (len(groups) == 1 or self._attempt(every)):
                self._attempt(max(groups, key=len))
        return True

    def _groups(self, proposals: list[FixableFinding], problem: str) -> list[list[FixableFinding]]:
        """Those that can be made, in groups that work together, found by halves. The others are dropped, or taken for
        unsafe."""
        if len(proposals) > 1:
            middle = len(proposals) // 2
            found = []
            for half in (proposals[:middle], proposals[middle:]):
                made = self._made(half)
                found += self._groups(half, made) if isinstance(made, str) else [half]
            return found
        (only,) = proposals
        if isinstance(problem, _Doubt):
            self._doubts[_mark(only.located)] = problem
        else:
            self._dropped[_mark(only.located)] = DroppedFix(only, problem, self._as_found(only))
        return []

    def _attempt(self, proposals: list[FixableFinding]) -> str:
        """Makes the fixes. Returns why they cannot be made; then nothing changes."""
        made = self._made(proposals)
        if isinstance(made, str):
            return made
        for step in made:
            removed = dict(_removed_comments(step.proposals, self._state, step.state))
            self._fixed += [
                replace(self._as_found(each), removed_comments=tuple(removed.get(number, ())))
                for number, each in enumerate(step.proposals)
            ]
            self._state, self._report = step.state, step.report
        return ""

    def _as_found(self, proposal: FixableFinding) -> FixableFinding:
        """With the places in the files before all fixes."""
        text = document_of(self._state, proposal.located.finding.subject, proposal.filename).text
        place = self._places.of(proposal.located.place, text)
        fix = proposal.fix.with_lines(lambda line: self._places.line(proposal.filename, line, text))
        return replace(proposal, located=replace(proposal.located, place=place), fix=fix)

    def _made(self, proposals: list[FixableFinding]) -> list[_FixStep] | str:
        """The fixes, and those of the errors that a single one leads to, such as that of the value of a misspelt key;
        or why they cannot be made."""
        edited = _edited(self._state, proposals)
        if isinstance(edited, str):
            return edited
        step = _FixStep(proposals, edited, examine(*edited))
        problem = _why_no_better(self._report, step.report, proposals)
        if not problem:
            return [step]
        more = self._follow_up(step) if len(proposals) == 1 else None
        return problem if more is None else [step, more]

    def _follow_up(self, step: _FixStep) -> _FixStep | None:
        known, new = _counted((*self._report.findings, *self._report.explained)), _counted(step.report.findings)
        errors = [
            each
            for each in _proposals(step.report, step.state)
            if new[_kind(each.located)] > known[_kind(each.located)] and (each.is_safe or self._unsafe)
        ]
        chosen, _ = _compatible(errors)
        edited = _edited(step.state, chosen) if chosen else ""
        if isinstance(edited, str):
            return None
        more = _FixStep(chosen, edited, examine(*edited))
        return None if _why_no_better(self._report, more.report, step.proposals) else more


@dataclass(frozen=True, slots=True)
class _FixStep:
    """Fixes that were made at once, and the subjects and the report after them."""

    proposals: list[FixableFinding]
    state: tuple[Subjects, ...]
    report: Report


def _proposals(report: Report, subjects: Sequence[Subjects]) -> Iterator[FixableFinding]:
    rules = {each.value.id: each for each in installed_rules()}
    shared = shared_files(subjects)
    for located in report.findings:
        if located.place.filename in shared:
            continue
        rule = rules.get(located.finding.id)
        owner = _owner(located, subjects)
        fix = _fix_of(rule, located.finding, owner) if rule is not None and owner is not None else None
        document = owner.text_of(located.finding.subject) if owner is not None else None
        if fix is not None and document is not None:
            yield FixableFinding(located, fix, document.filename)


def _removed_comments(
    proposals: Sequence[FixableFinding], before: Sequence[Subjects], after: Sequence[Subjects]
) -> Iterator[tuple[int, list[str]]]:
    """For the indices of proposals: the comments that went with what they removed."""
    for old, new in _changed(before, after):
        own = {number: each.fix for number, each in enumerate(proposals) if each.filename == new.filename}
        found: dict[int, list[str]] = {}
        edited = EditedLines(old, own.items()) if new.removed_comments else None
        for comment in new.removed_comments:
            nearest = edited.fix_of(comment) if edited is not None else None
            found.setdefault(next(iter(own)) if nearest is None else nearest, []).append(comment.text)
        yield from found.items()


def shared_files(subjects: Sequence[Subjects]) -> dict[str, list[str]]:
    """The names of mappings and settings that are one file through links, and the clusters that share it, also those
    that are not checked. What fixes it for one cluster may change access to another, and each name is checked and
    written on its own, so that it is not fixed."""
    found: dict[str, dict[str, str]] = {}
    for each in (each.config for each in subjects[:1] if each.config is not None):
        for path, cluster in _own_paths(each):
            found.setdefault(os.path.realpath(path), {})[str(path)] = cluster
    return {name: list(names.values()) for names in found.values() if len(names) > 1 for name in names}


def _own_paths(config: TarmakConfig) -> Iterator[tuple[Path, str]]:
    """The mappings and settings of all clusters, whether they exist or not."""
    for cluster in config.selectable_clusters if config.path is not None else ():
        if is_cluster_id(cluster.cluster_name):
            files = ClusterFiles.of(config, cluster)
            yield from ((path, cluster.cluster_name) for path in (files.mappings_path, files.settings_path))


def _owner(located: Located, subjects: Sequence[Subjects]) -> Subjects | None:
    """The subjects with the file that the finding is in; None where it is about another file."""
    for each in subjects:
        document = each.text_of(located.finding.subject)
        if document is not None and document.filename == located.place.filename:
            return each
    return None


def _fix_of(rule: Provided[Rule], finding: Finding, subjects: Subjects) -> Fix | None:
    make = rule.value.fix or BUILT_IN_FIXES.get(rule.value.id)
    return None if make is None else rule.call(f"the fix of the rule {rule.value.id}", make, finding, subjects)


def _compatible(proposals: Sequence[FixableFinding]) -> tuple[list[FixableFinding], list[FixableFinding]]:
    """Those that can be made at once, the earlier ones first, and the others."""
    chosen: list[FixableFinding] = []
    others: list[FixableFinding] = []
    by_file: dict[str, CompatibleFixes] = {}
    for each in proposals:
        is_added = by_file.setdefault(each.filename, CompatibleFixes()).add(each.fix)
        (chosen if is_added else others).append(each)
    return chosen, others


def _why_no_better(before: Report, after: Report, fixed: Iterable[FixableFinding]) -> str:
    """Why the findings afterwards are not those before without the fixed ones; empty if they are.

    Findings are counted by rule and file: their messages depend on what else is found. Those that another finding
    explained before are not new.
    """
    known, new = _counted((*before.findings, *before.explained)), _counted(after.findings)
    gone = _counted(each.located for each in fixed)
    old = {_mark(each)[:3] for each in before.findings}
    for each in sorted(after.findings, key=lambda each: _mark(each)[:3] in old):
        key = _kind(each)
        if new[key] > known[key] - gone[key] and (gone[key] or each.finding.severity is Severity.ERROR):
            return f"check would then report: {shortened(each.finding.message)} [{each.finding.id}]"
    return ""


def _counted(found: Iterable[Located]) -> Counter[tuple[str, str]]:
    return Counter(map(_kind, found))


def _kind(located: Located) -> tuple[str, str]:
    return located.finding.id, located.place.filename


def _mark(located: Located) -> _Mark:
    """The same for a finding before and after edits of other lines."""
    rule_id, message = finding_key(located)
    return rule_id, located.place.filename, message, located.finding.route.plain
