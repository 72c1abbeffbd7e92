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
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from tarmak_iam.document import Document
from tarmak_iam.errors import PolicyRefused, TarmakIamError
from tarmak_iam.findings import Severity, Subject
from tarmak_iam.installation.cluster_files import ClusterFiles, is_cluster_id
from tarmak_iam.lint.check import Located, Report, examine, finding_key, installed_rules, without_numbers
from tarmak_iam.lint.fix import Fix, can_be_made_at_once, with_fixes
from tarmak_iam.lint.fix_effects import lock_outs, why_unsafe, with_document
from tarmak_iam.lint.rule import Subjects
from tarmak_iam.text import PLAIN, brief_list, shortened

_ROUNDS = 100
"""More than any file needs: in each round at least one finding is fixed, or one fix is dropped."""

_AT_ONCE = 20
"""Fixes of one rule that are tried together after all fixes of the rule together have failed."""

FIX = "check --fix"
"""The command that makes the safe fixes."""

UNSAFE_FIX = f"{FIX} --unsafe-fixes"
_Made = TypeVar("_Made")


class FixableFinding(NamedTuple):
    """A finding and its fix. `why_unsafe`: what makes a fix unsafe that the rule takes for safe; else empty.
    `removed_comments` are the texts of the comments that went with what the fix removed."""

    located: Located
    fix: Fix
    why_unsafe: str = ""
    removed_comments: tuple[str, ...] = ()

    @property
    def filename(self) -> str:
        return self.located.place.filename

    @property
    def is_safe(self) -> bool:
        return self.fix.is_safe and not self.why_unsafe

    @property
    def mark(self) -> tuple[object, ...]:
        """The same for a finding until an edit moves it to another route."""
        return *_key(self.located), self.located.finding.route.plain

    def line_of(self, word: str) -> str:
        """As in `tarmak.yaml:3:1: fixed: remove the duplicate key [IAM032]`."""
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
    `fixable` are its findings that have a fix that was not made. The places of `fixed`, and the lines that their titles
    name, are those in the files before all fixes. A finding that only another fix has led to has its place in the file
    as that fix left it."""

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
    for was, now in zip(before, after, strict=True):
        for subject in Subject:
            old, new = was.text_of(subject), now.text_of(subject)
            if old is not None and new is not None:
                pairs.setdefault(old.filename, (old, new))
    return tuple(pairs.values())


class _Fixed(NamedTuple):
    """The subjects and the report after fixes that were made at once."""

    fixes: list[FixableFinding]
    subjects: tuple[Subjects, ...]
    report: Report


class _UnsafeFix(PolicyRefused):
    """A fix that says that it is safe is not."""


def fix_findings(*subjects: Subjects, unsafe: bool = False, report: Report | None = None) -> FixOutcome:
    """Fixes what can be fixed, with `unsafe` also what changes access or what Tarmak uses. Writes nothing. `report` is
    that of the subjects, if they have been examined. Raises ConfigError for a plugin that cannot be used, or that
    fails."""
    now = _Fixed([], subjects, examine(*subjects) if report is None else report)
    fixable = _fixable(now.report, subjects)
    unfixed, first_fixes = _by_key(now.report), {id(finding.located): finding.fix for finding in fixable}
    fixed, dropped, doubts = list[FixableFinding](), dict[object, DroppedFix](), dict[object, str]()
    for _ in range(_ROUNDS):
        waiting = [finding for finding in fixable if finding.mark not in dropped]
        chosen, _later = _at_once([finding for finding in waiting if finding.is_safe] or (waiting if unsafe else []))
        if not chosen:
            break
        steps, failed = _most_of(chosen, partial(_steps, now, unsafe))
        # The findings of now as they were in the files before all fixes.
        first = {
            id(located): old
            for key, alike in _by_key(now.report).items()
            for located, old in zip(alike, unfixed.get(key, ()), strict=False)
        }
        for finding, error in failed:
            if isinstance(error, _UnsafeFix):
                doubts[finding.mark] = error.message
            else:
                dropped[finding.mark] = DroppedFix(finding, error.message, _as_found(finding, first, first_fixes))
        for step in steps or ():
            removed = _removed_comments(now.subjects, step)
            for number, finding in enumerate(step.fixes):
                as_found = _as_found(finding, first, first_fixes)
                fixed.append(as_found._replace(removed_comments=tuple(removed.get(number, ()))))
                if id(finding.located) in first:
                    unfixed[_key(finding.located)].remove(first[id(finding.located)])
            now = step
        fixable = _fixable(now.report, now.subjects, doubts)
    left = {finding.mark: finding for finding in fixable}
    not_made = tuple(drop._replace(finding=left[mark]) for mark, drop in dropped.items() if mark in left)
    waiting = [finding for finding in fixable if finding.mark not in dropped]
    return FixOutcome(subjects, now.subjects, now.report, tuple(fixed), not_made, tuple(waiting))


def _as_found(finding: FixableFinding, first: Mapping[int, Located], fixes: Mapping[int, Fix]) -> FixableFinding:
    """With its place, and the lines in its title, in the files before all fixes, if the finding was there: `first` has
    the finding of then by the ID of that of now, and `fixes` its fix by its ID."""
    old = first.get(id(finding.located), finding.located)
    fix = fixes.get(id(old), finding.fix)
    is_same = without_numbers(fix.title) == without_numbers(finding.fix.title)
    return finding._replace(located=old, fix=fix if is_same else finding.fix)


def fixable_findings(report: Report, *subjects: Subjects) -> tuple[FixableFinding, ...]:
    """The findings of the report that can be fixed, in its order. Safe fixes are tried, and verified to be safe. That
    costs as much as reading the files again, so the unsafe fixes, which `fix_findings` makes only if `unsafe`, are not
    tried. Raises ConfigError for a plugin that fails."""
    fixable = _fixable(report, subjects)
    untried, errors = [finding for finding in fixable if finding.is_safe], dict[int, TarmakIamError]()
    while untried:
        chosen, untried = _at_once(untried)
        errors |= {id(finding.located): error for finding, error in _most_of(chosen, partial(_edited, subjects))[1]}
    verified = []
    for finding in fixable:
        error = errors.get(id(finding.located))
        if error is None or isinstance(error, _UnsafeFix):
            verified.append(finding._replace(why_unsafe="" if error is None else error.message))
    return tuple(verified)


def with_fixes_in_remedies(report: Report, *subjects: Subjects) -> Report:
    """The report; the remedies of findings that can be fixed end with the command. Raises as `fixable_findings`."""
    fixable = {id(finding.located): finding for finding in fixable_findings(report, *subjects)}

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


def _fixable(
    report: Report, subjects: Sequence[Subjects], doubts: Mapping[object, str] = MappingProxyType({})
) -> list[FixableFinding]:
    """The findings that have a fix, in the order of the report. `doubts`: why fixes are not safe, by their marks."""
    rules = {provided.value.id: provided for provided in installed_rules()}
    shared, fixable = shared_files(subjects), []
    for located in report.findings:
        finding, owner, rule = located.finding, _owner(located, subjects), rules.get(located.finding.id)
        if owner is None or rule is None or located.place.filename in shared:
            continue
        what, fix = f"the fix of the rule {finding.id}", finding.fix
        if rule.value.fix is not None:
            fix = rule.call(what, rule.value.fix, finding, owner)
        elif callable(fix):
            fix = rule.call(what, fix)
        if isinstance(fix, Fix):
            fixable.append(FixableFinding(located, fix))
    return [finding._replace(why_unsafe=doubts.get(finding.mark, "")) for finding in fixable]


def _owner(located: Located, subjects: Sequence[Subjects]) -> Subjects | None:
    """The subjects with the file that the finding is in; None where it is about another file."""
    for part in subjects:
        document = part.text_of(located.finding.subject)
        if document is not None and document.filename == located.place.filename:
            return part
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


def _at_once(fixable: Sequence[FixableFinding]) -> tuple[list[FixableFinding], list[FixableFinding]]:
    """Those whose fixes can be made at once, the earlier ones first, and the others."""
    can_be = can_be_made_at_once((finding.filename, finding.fix) for finding in fixable)
    pairs = list(zip(fixable, can_be, strict=True))
    return [finding for finding, can in pairs if can], [finding for finding, can in pairs if not can]


def _most_of(
    chosen: list[FixableFinding], make: Callable[[list[FixableFinding]], _Made]
) -> tuple[_Made | None, list[tuple[FixableFinding, TarmakIamError]]]:
    """What `make` returns for as many of them as possible, and those for which it raises an error."""
    kept, made, failed, parts = list[FixableFinding](), None, [], [chosen]
    while parts:
        part = parts.pop(0)
        try:
            made = make([*kept, *part])
            kept += part
        except TarmakIamError as error:
            by_rule: dict[str, list[FixableFinding]] = {}
            for finding in part:
                by_rule.setdefault(finding.located.finding.id, []).append(finding)
            size = _AT_ONCE if len(part) > _AT_ONCE else 1
            if len(part) == 1:
                failed.append((part[0], error))
            elif len(by_rule) > 1:
                parts[:0] = by_rule.values()
            else:
                parts[:0] = [part[start : start + size] for start in range(0, len(part), size)]
    return made, failed


def _edited(subjects: Sequence[Subjects], fixable: Sequence[FixableFinding]) -> tuple[Subjects, ...]:
    """The subjects with the fixes. Raises TarmakIamError, for example if Tarmak could not read the file, or somebody
    would be locked out; _UnsafeFix for safe fixes that change something."""
    fixes: dict[tuple[Subject, str], list[Fix]] = {}
    for finding in fixable:
        fixes.setdefault((finding.located.finding.subject, finding.filename), []).append(finding.fix)
    edited = tuple(subjects)
    for (subject, filename), of_file in fixes.items():
        texts = (part.text_of(subject) for part in edited)
        document = next(text for text in texts if text is not None and text.filename == filename)
        edited = with_document(edited, subject, with_fixes(document, of_file))
    if all(finding.is_safe for finding in fixable):
        if why := why_unsafe(subjects, edited):
            raise _UnsafeFix(why)
    elif losses := tuple(lock_outs(subjects, edited)):
        raise PolicyRefused("; ".join(losses))
    return edited


def _steps(base: _Fixed, unsafe: bool, chosen: list[FixableFinding]) -> list[_Fixed]:
    """The fixes, and those of the errors that they lead to, such as that of the value of a misspelt key. Raises
    TarmakIamError if they cannot be made."""
    edited = _edited(base.subjects, chosen)
    step = _Fixed(chosen, edited, examine(*edited))
    problem = _why_no_better(base.report, step.report, chosen)
    if not problem:
        return [step]
    more = _counted(step.report.findings)
    more.subtract(_counted((*base.report.findings, *base.report.explained)))
    more.update(_counted(finding.located for finding in chosen))
    fixable = [finding for finding in _fixable(step.report, edited) if finding.is_safe or unsafe]
    errors, _ = _at_once([finding for finding in fixable if more[_kind(finding.located)] > 0])
    with suppress(TarmakIamError):
        edited = _edited(edited, errors)
        then = _Fixed(errors, edited, examine(*edited)) if errors else step
        if not _why_no_better(base.report, then.report, chosen):
            return [step, then]
    raise PolicyRefused(problem)


def _why_no_better(before: Report, after: Report, fixed: Iterable[FixableFinding]) -> str:
    """Why the findings afterwards are not those before without the fixed ones; empty if they are. Findings are counted
    by rule and file: their messages depend on what else is found. Those that another finding explained before are not
    new."""
    known, new = _counted((*before.findings, *before.explained)), _counted(after.findings)
    gone, old = _counted(finding.located for finding in fixed), set(map(_key, before.findings))
    for located in sorted(after.findings, key=lambda located: _key(located) in old):
        kind = _kind(located)
        if new[kind] > known[kind] - gone[kind] and (gone[kind] or located.finding.severity is Severity.ERROR):
            return f"check would then report: {shortened(located.finding.message)} [{located.finding.id}]"
    return ""


def _kind(located: Located) -> tuple[str, str]:
    return located.finding.id, located.place.filename


def _counted(findings: Iterable[Located]) -> Counter[tuple[str, str]]:
    return Counter(map(_kind, findings))


def _key(located: Located) -> tuple[str, str, str]:
    """The same for a finding before and after edits of other lines."""
    return located.place.filename, *finding_key(located)


def _by_key(report: Report) -> dict[tuple[str, str, str], list[Located]]:
    alike: dict[tuple[str, str, str], list[Located]] = {}
    for located in report.findings:
        alike.setdefault(_key(located), []).append(located)
    return alike


def _removed_comments(before: Sequence[Subjects], step: _Fixed) -> dict[int, list[str]]:
    """The comments that went with what the fixes removed, by the number of the fix: the first one that ends in the line
    of the comment or below it, or else the last one."""
    removed: dict[int, list[str]] = {}
    for old, new in _documents(before, step.subjects):
        if old.text == new.text or not new.removed_comments:
            continue
        source, numbers = old.source, [n for n, finding in enumerate(step.fixes) if finding.filename == new.filename]
        nodes = ((number, old.node(edit.path)) for number in numbers for edit in step.fixes[number].fix.edits)
        ends = sorted((max(node.start, node.end - 1), number) for number, node in nodes if node is not None)
        for comment in new.removed_comments:
            line_start = source.line_start(comment.span.start)
            at = min(bisect_left(ends, (line_start, -1)), len(ends) - 1)
            removed.setdefault(ends[at][1] if ends else numbers[0], []).append(comment.text)
    return removed
