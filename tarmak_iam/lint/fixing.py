"""Fixes findings: fixes are made, the files are checked again, and the fixes stay if their findings are gone, no error
is new, and nobody is locked out. A fix that says that it is safe must also change neither access nor what Tarmak uses.

All fixes are tried at once first, and only if that fails those of one rule, and then one after the other. A fix that
fails is dropped, and named.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, TypeVar

from tarmak_iam.document import Document
from tarmak_iam.errors import PolicyRefused, TarmakIamError
from tarmak_iam.findings import Severity, Subject
from tarmak_iam.installation.cluster_files import ClusterFiles, is_cluster_id
from tarmak_iam.lint.check import Report, examine, installed_rules
from tarmak_iam.lint.edited_subjects import document_of, with_document
from tarmak_iam.lint.fix import Fix, can_be_made_at_once, with_fixes
from tarmak_iam.lint.fix_effects import lock_outs, why_unsafe
from tarmak_iam.lint.fixes import BUILT_IN_FIXES
from tarmak_iam.lint.new_findings import finding_key, without_numbers
from tarmak_iam.lint.rule import Subjects
from tarmak_iam.lint.rule_run import Located
from tarmak_iam.text import PLAIN, brief_list, shortened

_ROUNDS = 100
"""More than any file needs: in each round at least one finding is fixed, or one fix is dropped."""

_AT_ONCE = 20
"""Fixes of one rule that are tried together after all fixes of the rule together have failed."""

_Key = tuple[str, str, str]

_Mark = tuple[str, str, str, tuple[str | int, ...]]

_Made = TypeVar("_Made")


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
    def mark(self) -> _Mark:
        """The same for a finding until an edit moves it to another route."""
        return *_key(self.located), self.located.finding.route.plain

    @property
    def line(self) -> str:
        """As in `tarmak.yaml:3:1: fixed: remove the duplicate key [IAM032]`."""
        return self.line_of("fixed")

    def line_of(self, word: str) -> str:
        count = len(self.removed_comments)
        texts = brief_list(map(shortened, self.removed_comments))
        removed = f" (removed with it: the comment{'s' if count > 1 else ''} {texts})" if count else ""
        return f"{self.located.place}: {word}: {self.fix.title}{removed} [{self.located.finding.id}]"


class DroppedFix(NamedTuple):
    """A fix that was not made, and why. `finding` is one of the files as they are after all fixes, `found` the same one
    in the files before, as in `FixOutcome`."""

    finding: FixableFinding
    why: str
    found: FixableFinding

    @property
    def line(self) -> str:
        return f"{self.finding.line_of('not fixed')}: {self.why}"

    @property
    def line_before(self) -> str:
        """As `line`, with the place in the file before all fixes."""
        return f"{self.found.line_of('not fixed')}: {self.why}"


class FixOutcome(NamedTuple):
    """`before` and `after` are the subjects of the same clusters, in the same order; `report` is about `after`, and
    `fixable` are its findings that have a fix that was not made.

    The places of `fixed`, and the lines that their titles name, are those in the files before all fixes. A finding that
    only another fix has led to has its place in the file as that fix left it.
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
        return _documents(self.before, self.after)

    @property
    def changed(self) -> tuple[tuple[Document, Document], ...]:
        """Those of them that differ."""
        return tuple((old, new) for old, new in self.documents if old.text != new.text)


def _documents(before: Sequence[Subjects], after: Sequence[Subjects]) -> tuple[tuple[Document, Document], ...]:
    pairs: dict[str, tuple[Document, Document]] = {}
    for one, two in zip(before, after, strict=True):
        for subject in Subject:
            old, new = one.text_of(subject), two.text_of(subject)
            if old is not None and new is not None:
                pairs.setdefault(old.filename, (old, new))
    return tuple(pairs.values())


class _Fixed(NamedTuple):
    """The subjects and the report after fixes that were made at once."""

    proposals: list[FixableFinding]
    state: tuple[Subjects, ...]
    report: Report


class _UnsafeFix(PolicyRefused):
    """A fix that says that it is safe is not."""


def fix_findings(*subjects: Subjects, unsafe: bool = False, report: Report | None = None) -> FixOutcome:
    """Fixes what can be fixed, with `unsafe` also what changes access or what Tarmak uses. Writes nothing. `report` is
    that of the subjects, if they have been examined.

    Raises ConfigError for a plugin that cannot be used, or that fails.
    """
    now = _Fixed([], subjects, examine(*subjects) if report is None else report)
    fixed, dropped, doubts = list[FixableFinding](), dict[_Mark, DroppedFix](), dict[_Mark, str]()
    proposals = _proposals(now)
    unfixed, fixes = _by_key(now.report), {id(each.located): each.fix for each in proposals}
    for _ in range(_ROUNDS):
        waiting = [each for each in proposals if each.mark not in dropped]
        safe = [each for each in waiting if each.is_safe]
        chosen, _later = _at_once(safe or (waiting if unsafe else []))
        if not chosen:
            break
        steps, failed = _most_of(chosen, partial(_steps, now, unsafe))
        before = {
            id(located): old
            for key, alike in _by_key(now.report).items()
            for located, old in zip(alike, unfixed.get(key, ()), strict=False)
        }
        for proposal, error in failed:
            if isinstance(error, _UnsafeFix):
                doubts[proposal.mark] = error.message
            else:
                dropped[proposal.mark] = DroppedFix(proposal, error.message, _as_found(proposal, before, fixes))
        for step in steps or ():
            removed = _removed_comments(now.state, step)
            for number, proposal in enumerate(step.proposals):
                as_found = _as_found(proposal, before, fixes)
                fixed.append(replace(as_found, removed_comments=tuple(removed.get(number, ()))))
                if id(proposal.located) in before:
                    unfixed[_key(proposal.located)].remove(as_found.located)
            now = step
        proposals = [replace(each, why_unsafe=doubts.get(each.mark, "")) for each in _proposals(now)]
    left = {each.mark: each for each in proposals}
    not_made = tuple(drop._replace(finding=left[mark]) for mark, drop in dropped.items() if mark in left)
    fixable = tuple(each for each in proposals if each.mark not in dropped)
    return FixOutcome(subjects, now.state, now.report, tuple(fixed), not_made, fixable)


def fixable_findings(report: Report, *subjects: Subjects) -> tuple[FixableFinding, ...]:
    """The findings of the report that can be fixed, in its order. Safe fixes are tried, and verified to be safe. That
    costs as much as reading the files again, so that what `fix_findings` makes only if it is asked for, the unsafe
    fixes, is not tried. Raises ConfigError for a plugin that fails."""
    proposals = _proposals(_Fixed([], subjects, report))
    verified = {id(each.located): each for each in proposals if not each.is_safe}
    untried = [each for each in proposals if each.is_safe]
    while untried:
        chosen, untried = _at_once(untried)
        _, failed = _most_of(chosen, partial(_edited, subjects))
        verified |= {id(each.located): each for each in chosen}
        for proposal, error in failed:
            verified[id(proposal.located)] = replace(proposal, why_unsafe=error.message)
            if not isinstance(error, _UnsafeFix):
                del verified[id(proposal.located)]
    return tuple(verified[id(each.located)] for each in proposals if id(each.located) in verified)


FIX = "check --fix"
"""The command that makes the safe fixes."""

UNSAFE_FIX = f"{FIX} --unsafe-fixes"


def with_fixes_in_remedies(report: Report, *subjects: Subjects) -> Report:
    """The report; the remedies of findings that can be fixed end with the command. Raises as `fixable_findings`."""
    fixable = {id(each.located): each for each in fixable_findings(report, *subjects)}

    def with_command(located: Located) -> Located:
        if id(located) not in fixable:
            return located
        owner, line = _owner(located, subjects), PLAIN
        if owner is not None and owner.config is not None:
            line = owner.config.command_line()
            if owner.installation is not None and located.finding.subject is not Subject.CONFIG:
                line = owner.installation.command_line  # tarmak.yaml belongs to all clusters
        command = line.tarmak_iam(FIX if fixable[id(located)].is_safe else UNSAFE_FIX)
        remedy = f"{located.finding.remedy} (fix: `{command}`)"
        return replace(located, finding=replace(located.finding, remedy=remedy))

    return replace(report, findings=tuple(map(with_command, report.findings)))


def _proposals(now: _Fixed) -> list[FixableFinding]:
    """The findings that have a fix, in the order of the report."""
    rules = {each.value.id: each for each in installed_rules()}
    shared, proposals = shared_files(now.state), []
    for located in now.report.findings:
        finding, owner, rule = located.finding, _owner(located, now.state), rules.get(located.finding.id)
        if owner is None or rule is None or located.place.filename in shared:
            continue
        make = rule.value.fix or BUILT_IN_FIXES.get(finding.id)
        fix = rule.call(f"the fix of the rule {finding.id}", make, finding, owner) if make is not None else None
        if fix is not None:
            proposals.append(FixableFinding(located, fix, located.place.filename))
    return proposals


def _owner(located: Located, subjects: Sequence[Subjects]) -> Subjects | None:
    """The subjects with the file that the finding is in; None where it is about another file."""
    for each in subjects:
        document = each.text_of(located.finding.subject)
        if document is not None and document.filename == located.place.filename:
            return each
    return None


def shared_files(subjects: Sequence[Subjects]) -> dict[str, list[str]]:
    """The names of mappings and settings that are one file through links, and the clusters that share it, also those
    that are not checked. What fixes it for one cluster may change access to another, and each name is checked and
    written on its own, so that it is not fixed."""
    config = subjects[0].config
    clusters: dict[str, dict[str, str]] = {}
    for cluster in config.selectable_clusters if config is not None and config.path is not None else ():
        if config is not None and is_cluster_id(cluster.cluster_name):
            files = ClusterFiles.of(config, cluster)
            for path in (files.mappings_path, files.settings_path):
                clusters.setdefault(os.path.realpath(path), {})[str(path)] = cluster.cluster_name
    return {name: list(names.values()) for names in clusters.values() if len(names) > 1 for name in names}


def _at_once(proposals: Sequence[FixableFinding]) -> tuple[list[FixableFinding], list[FixableFinding]]:
    """Those that can be made at once, the earlier ones first, and the others."""
    can_be = can_be_made_at_once((each.filename, each.fix) for each in proposals)
    pairs = list(zip(proposals, can_be, strict=True))
    return [each for each, can in pairs if can], [each for each, can in pairs if not can]


def _most_of(
    proposals: list[FixableFinding], make: Callable[[list[FixableFinding]], _Made]
) -> tuple[_Made | None, list[tuple[FixableFinding, TarmakIamError]]]:
    """What `make` returns for as many of them as possible, and those for which it raises an error."""
    kept, made, failed, parts = list[FixableFinding](), None, [], [proposals]
    while parts:
        part = parts.pop(0)
        try:
            made = make([*kept, *part])
            kept += part
        except TarmakIamError as error:
            if len(part) == 1:
                failed.append((part[0], error))
            else:
                parts[:0] = _smaller(part)
    return made, failed


def _smaller(proposals: list[FixableFinding]) -> list[list[FixableFinding]]:
    """Those of each rule; of one rule a few at once; else each."""
    by_rule: dict[str, list[FixableFinding]] = {}
    for each in proposals:
        by_rule.setdefault(each.located.finding.id, []).append(each)
    size = _AT_ONCE if len(proposals) > _AT_ONCE else 1
    few = [proposals[start : start + size] for start in range(0, len(proposals), size)]
    return list(by_rule.values()) if len(by_rule) > 1 else few


def _edited(subjects: Sequence[Subjects], proposals: Sequence[FixableFinding]) -> tuple[Subjects, ...]:
    """The subjects with the fixes. Raises TarmakIamError, for example if Tarmak could not read the file, or somebody
    would be locked out; _UnsafeFix for safe fixes that change something."""
    fixes: dict[tuple[str, Subject], list[Fix]] = {}
    for each in proposals:
        fixes.setdefault((each.filename, each.located.finding.subject), []).append(each.fix)
    state = tuple(subjects)
    for (filename, subject), of_file in fixes.items():
        state = with_document(state, subject, with_fixes(document_of(state, subject, filename), of_file))
    if all(each.is_safe for each in proposals):
        if why := why_unsafe(subjects, state):
            raise _UnsafeFix(why)
    elif losses := tuple(lock_outs(subjects, state)):
        raise PolicyRefused("; ".join(losses))
    return state


def _steps(base: _Fixed, unsafe: bool, proposals: list[FixableFinding]) -> list[_Fixed]:
    """The fixes, and those of the errors that they lead to, such as that of the value of a misspelt key. Raises
    TarmakIamError if they cannot be made."""
    state = _edited(base.state, proposals)
    step = _Fixed(proposals, state, examine(*state))
    problem = _why_no_better(base.report, step.report, proposals)
    if not problem:
        return [step]
    known, new = _counted((*base.report.findings, *base.report.explained)), _counted(step.report.findings)
    errors, _ = _at_once(
        [
            each
            for each in _proposals(step)
            if new[_kind(each.located)] > known[_kind(each.located)] and (each.is_safe or unsafe)
        ]
    )
    with suppress(TarmakIamError):
        state = _edited(state, errors)
        more = _Fixed(errors, state, examine(*state)) if errors else step
        if not _why_no_better(base.report, more.report, proposals):
            return [step, more]
    raise PolicyRefused(problem)


def _why_no_better(before: Report, after: Report, fixed: Iterable[FixableFinding]) -> str:
    """Why the findings afterwards are not those before without the fixed ones; empty if they are.

    Findings are counted by rule and file: their messages depend on what else is found. Those that another finding
    explained before are not new.
    """
    known, new = _counted((*before.findings, *before.explained)), _counted(after.findings)
    gone = _counted(each.located for each in fixed)
    old = {(*_kind(each), finding_key(each)) for each in before.findings}
    for each in sorted(after.findings, key=lambda each: (*_kind(each), finding_key(each)) in old):
        kind = _kind(each)
        if new[kind] > known[kind] - gone[kind] and (gone[kind] or each.finding.severity is Severity.ERROR):
            return f"check would then report: {shortened(each.finding.message)} [{each.finding.id}]"
    return ""


def _counted(findings: Iterable[Located]) -> Counter[tuple[str, str]]:
    return Counter(map(_kind, findings))


def _kind(located: Located) -> tuple[str, str]:
    return located.finding.id, located.place.filename


def _key(located: Located) -> _Key:
    """The same for a finding before and after edits of other lines."""
    return located.place.filename, *finding_key(located)


def _by_key(report: Report) -> dict[_Key, list[Located]]:
    alike: dict[_Key, list[Located]] = {}
    for located in report.findings:
        alike.setdefault(_key(located), []).append(located)
    return alike


def _as_found(proposal: FixableFinding, before: Mapping[int, Located], fixes: Mapping[int, Fix]) -> FixableFinding:
    """With its place, and the lines in its title, in the files before all fixes, if the finding was there. `before` has
    the finding of then by the ID of that of now, and `fixes` its fix by its ID."""
    old = before.get(id(proposal.located))
    if old is None:
        return proposal
    fix = fixes.get(id(old), proposal.fix)
    is_same = without_numbers(fix.title) == without_numbers(proposal.fix.title)
    return replace(proposal, located=old, fix=fix if is_same else proposal.fix)


def _removed_comments(before: Sequence[Subjects], step: _Fixed) -> dict[int, list[str]]:
    """The comments that went with what the fixes removed, by the number of the fix: the first one that ends in the line
    of the comment or below it, or else the last one."""
    removed: dict[int, list[str]] = {}
    for old, new in _documents(before, step.state):
        if old.text == new.text or not new.removed_comments:
            continue
        source, numbers = old.source, [n for n, each in enumerate(step.proposals) if each.filename == new.filename]
        nodes = ((number, old.node(edit.path)) for number in numbers for edit in step.proposals[number].fix.edits)
        ends = sorted((max(node.start, node.end - 1), number) for number, node in nodes if node is not None)
        for comment in new.removed_comments:
            line_start = source.line_start(comment.span.start)
            at = min(bisect_left(ends, (line_start, -1)), len(ends) - 1)
            removed.setdefault(ends[at][1] if ends else numbers[0], []).append(comment.text)
    return removed
