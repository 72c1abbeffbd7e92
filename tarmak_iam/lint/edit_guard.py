"""The checks before an edit of the mappings is written: whether the authenticator starts, lock-outs, and findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import Enum, auto

from tarmak_iam.access.diff import Effect, Loaded, effects
from tarmak_iam.access.lockout import check_admin_access, check_starts, is_known, losses
from tarmak_iam.document.document import gc_paused
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint.new_findings import NewFindings
from tarmak_iam.lint.rule_run import Located
from tarmak_iam.mappings.mappings_file import Mappings


class MappedEffects(list[Effect]):
    """Who gains and who loses access by a mapping; empty if nothing changes.

    `findings` is what `check` reports about the mapping, also if nothing changes. `lines` are these findings, or why it
    could not be checked.
    """

    findings: tuple[Located, ...]
    lines: list[str]

    def __init__(self, effects: Iterable[Effect], found: NewFindings) -> None:
        super().__init__(effects)
        self.findings, self.lines = found.found, found.lines


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
) -> tuple[tuple[Effect, ...], NewFindings]:
    """Who gains and who loses access by the mappings `after`, and the new findings. `tell` is called with one line for
    the losses that `force` accepts, and for what else the user should know.

    Raises ConfigError if the authenticator would not start. Unless `force`, raises PolicyRefused for a new finding that
    is an error, and if the last admin, a node role or the caller `me` would lose access.
    """
    now, then = Loaded.of(before), Loaded.of(replace(before, mappings=after))
    check_starts(now, then, repairs=kind is EditKind.REMOVE)
    if me is not None and not is_known(now, me):
        tell(f"{me} is not mapped yet, so --me protects nothing")
    if force:
        if accepted := losses(now, then, me):
            tell(f"forced: {'; '.join(accepted)}; {before.recovery_hint}")
    else:
        check_admin_access(now, then, me)
    if then.authenticator.failure is not None:
        tell(f"authenticator {before.daemon_version} still does not start: {then.authenticator.failure.reason}")
    new = NewFindings() if kind is EditKind.REMOVE else NewFindings.of(now.installation, then.installation)
    if kind is EditKind.ADD and not force:
        new.refuse_errors()
    return effects(now, then), new


def guarded_mapping(
    before: Installation, after: Mappings, principal: str, *, me: str | None, force: bool, tell: Callable[[str], object]
) -> MappedEffects:
    """As `guarded_edit`, for mappings to which one of a principal was added, or that are as before."""
    found: tuple[Effect, ...] = ()
    if after is not before.mappings:
        found, _ = guarded_edit(before, after, EditKind.ADD, me=me, force=force, tell=tell)
    return MappedEffects(found, NewFindings.of_mapping(replace(before, mappings=after), principal))
