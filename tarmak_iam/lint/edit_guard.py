"""The checks before an edit of the mappings is written: whether the authenticator starts, lock-outs, and findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import Enum, auto

from tarmak_iam.access.diff import Effect, Loaded, effects
from tarmak_iam.access.lockout import check_admin_access, check_starts, is_known, losses
from tarmak_iam.document.document import gc_paused
from tarmak_iam.errors import PolicyRefused, TarmakIamError
from tarmak_iam.findings import Severity, Subject
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint.check import Located, added_findings, check
from tarmak_iam.lint.rule import Subjects
from tarmak_iam.mappings.mappings_file import Mappings


class MappedEffects(list[Effect]):
    """Who gains and who loses access by an edit of the mappings; empty if nothing changes. `findings` are those of
    `check` that the edit adds, or that a mapping adds to those of the others. `lines` are these findings, or why they
    are not known, such as a plugin's rule that fails."""

    findings: tuple[Located, ...] = ()
    lines: tuple[str, ...] = ()

    def add_findings(self, before: Installation, after: Installation) -> None:
        """Raises nothing: an edit is not refused because it cannot be checked."""
        try:
            there = _of_mappings(check(Subjects(mappings=after.mappings, installation=after)))
            known = check(Subjects(mappings=before.mappings, installation=before)) if there else ()
            self.findings = tuple(added_findings(_of_mappings(known), there))
            self.lines = tuple(map(str, self.findings))
        except TarmakIamError as error:
            self.lines = (f"not checked: {error.message}",)


class EditKind(Enum):
    """ADD: a finding that is an error refuses the edit. IMPORT: the findings are only returned, because they are about
    entries that another tool already uses. REMOVE: there are none, and the edit may leave a file with which the
    authenticator does not start, if it did not start before."""

    ADD = auto()
    IMPORT = auto()
    REMOVE = auto()


@gc_paused()
def guarded_edit(
    before: Installation, after: Mappings, kind: EditKind, *, me: str | None, force: bool, tell: Callable[[str], object]
) -> MappedEffects:
    """Who gains and who loses access by the mappings `after`, and the new findings. `tell` is called with one line for
    the losses that `force` accepts, and for what else the user should know. Raises ConfigError if the authenticator
    would not start. Unless `force`, raises PolicyRefused for a new finding that is an error, and if the last admin, a
    node role or the caller `me` would lose access."""
    now, then = Loaded.of(before), Loaded.of(replace(before, mappings=after))
    check_starts(now, then, repairs=kind is EditKind.REMOVE)
    if me is not None and not is_known(now, me):
        tell(f"warning: {me} is not mapped yet, so --me protects nothing")
    if force:
        if accepted := losses(now, then, me):
            tell(f"warning: forced: {'; '.join(accepted)}; {before.recovery_hint}")
    else:
        check_admin_access(now, then, me)
    if then.authenticator.failure is not None:
        tell(
            f"warning: authenticator {before.daemon_version} still does not start: {then.authenticator.failure.reason}"
        )
    edited = MappedEffects(effects(now, then))
    if kind is not EditKind.REMOVE:
        edited.add_findings(now.installation, then.installation)
    errors = [located.finding for located in edited.findings if located.finding.severity is Severity.ERROR]
    if errors and kind is EditKind.ADD and not force:
        # Without its place: the line is one of a text that is not written.
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        what = f"{errors[0].text} [{errors[0].id}]{more}; nothing was changed"
        raise PolicyRefused(what, remedy="use --force to write it anyway")
    return edited


def guarded_mapping(
    before: Installation, after: Mappings, principal: str, *, me: str | None, force: bool, tell: Callable[[str], object]
) -> MappedEffects:
    """As `guarded_edit`, for mappings to which one of a principal was added, or that are as before: the findings are
    those that the mapping of the principal adds to those of the others."""
    changes: Iterable[Effect] = ()
    if after is not before.mappings:
        changes = guarded_edit(before, after, EditKind.ADD, me=me, force=force, tell=tell)
    mapped = MappedEffects(changes)
    mapped.add_findings(replace(before, mappings=after.remove(principal)), replace(before, mappings=after))
    return mapped


def _of_mappings(findings: Iterable[Located]) -> list[Located]:
    return [located for located in findings if located.finding.subject is Subject.MAPPINGS]
