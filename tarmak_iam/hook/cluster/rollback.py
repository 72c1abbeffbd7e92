"""Undoes changes that `apply` made to a cluster, by the history that it kept: the newest one, or all after a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import field, replace
from pathlib import Path

from tarmak_iam.errors import TarmakIamError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.hook.cluster.crd_ready import CRD, wait_until_established
from tarmak_iam.hook.cluster.history import (
    History,
    ObjectAction,
    ObjectChange,
    Revision,
    RollbackFailed,
    RolledBack,
    Status,
    composed,
    reporting_failure,
)
from tarmak_iam.hook.cluster.journal import load_history, write_history
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.lease import leased
from tarmak_iam.hook.cluster.objects import MANAGER, Object, Ref, in_batches, number_of_kind
from tarmak_iam.hook.cluster.permissions import check_permissions, explained, permissions_of_rollback
from tarmak_iam.hook.cluster.rollback_plan import (
    UndoStep,
    access_after,
    refuse_conflicts,
    revisions_to_undo,
    undo_steps,
)
from tarmak_iam.hook.cluster.rollout import (
    CONFIG_MAP,
    DAEMONSET,
    ROLLOUT_SECONDS,
    RolledOut,
    check_pods,
    note_config_version,
    read_rollout,
    roll_out_and_restart,
)
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.cluster.update_check import check_changes
from tarmak_iam.hook.programs import Progress, no_progress
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.text import brief_list

_ENDS = {ObjectAction.REMOVED: "removed", ObjectAction.CREATED: "created again", ObjectAction.CONFIGURED: "restored"}


def roll_back(
    kubectl: Kubectl,
    state: Path,
    *,
    to: int | None = None,
    force: bool = False,
    dry_run: bool = False,
    wait: float | None = ROLLOUT_SECONDS,
    tell: Progress = no_progress,
    within: Boundary | None = None,
) -> RolledBack:
    """Undoes the newest change of the history in the file `state`, or every change that is newer than `to`: fields that
    it set get their previous value, objects that it created are removed, objects that it removed are created again.
    Fields that others have set are kept. A second run completes the first one, for example if pods did not run yet, or
    finds nothing to do. No link may lead from the file out of the boundary `within`.

    Before the first write, `tell` is called with what will be changed and who can log in afterwards; with `dry_run`
    nothing else is done. Raises SelectionError if the file or the number does not exist, and ConfigError for a file
    that is not a history. Raises PolicyRefused, with nothing changed, for the history of another cluster, and, unless
    `force`, for fields that another manager has changed since, and for pods whose node cannot run the previous ones.
    Raises ToolError, also where another run holds the cluster's lease; and RollbackFailed from the first change on.
    """
    history = load_history(state, within)
    with nullcontext(kubectl) if dry_run else leased(kubectl, tell) as held:
        return _rolled_back(history, held, state, to, force, dry_run, wait, tell, within)


def _rolled_back(
    history: History,
    kubectl: Kubectl,
    state: Path,
    to: int | None,
    force: bool,
    dry_run: bool,
    wait: float | None,
    tell: Progress,
    within: Boundary | None,
) -> RolledBack:
    server = Server.of(kubectl)
    with explained(server, [each.ref.stub for each in composed(history.revisions[-1:])], are_applied=False):
        cluster = server.identity()
    revisions = revisions_to_undo(history, cluster, to, state)
    if not revisions:
        return RolledBack(())
    with explained(server, [each.ref.stub for each in composed(revisions)], are_applied=False):
        steps = undo_steps(server, revisions)
    if not force:
        refuse_conflicts(steps)
    foreseen = RolledBack(
        tuple(each.change for each in steps),
        undone=tuple(each.number for each in revisions),
        access_after=access_after(server, steps),
    )
    check = check_pods(server)
    warnings = check_changes(server, check, [(each.live, each.then) for each in steps], force=force)
    if not dry_run:
        check_permissions(kubectl, permissions_of_rollback(server, steps, check), tell)
    for line in (*_announced(revisions, foreseen), *(f"warning: {each}" for each in warnings)):
        tell(line)
    if dry_run:
        return foreseen
    return _RollbackRun(
        server, _Notes(history, foreseen.undone, state, within), steps, foreseen, tell, wait
    ).carried_out()


def _announced(revisions: Sequence[Revision], foreseen: RolledBack) -> Iterator[str]:
    """Lines about the coming changes, and about who can log in afterwards."""
    named = ", ".join(f"{each.number} of {each.when}" for each in reversed(revisions))
    yield f"undoing change{'s' if len(revisions) > 1 else ''} {named}"
    for action, end in _ENDS.items():
        found = [each for each in foreseen.changes if each.action is action]
        if found:
            yield f"{brief_list(each.named for each in found)} will be {end}"
    if foreseen.access_after is not None:
        for effect in foreseen.access_after.effects:
            yield effect.text
        yield foreseen.access_after.text


@dataclass
class _Notes:
    """The status in the history of the changes that are undone."""

    history: History
    numbers: tuple[int, ...]
    path: Path
    within: Boundary | None

    def write(self, status: Status) -> None:
        """Raises FileError."""
        found = self.history.with_status(self.numbers, status)
        if found != self.history:
            self.history = write_history(found, self.path, self.within)


@dataclass
class _RollbackRun:
    """One rollback, from the first change on."""

    _server: Server
    _notes: _Notes
    _steps: Sequence[UndoStep]
    _foreseen: RolledBack
    _tell: Progress
    _wait: float | None
    _done: dict[Ref, ObjectChange] = field(default_factory=dict)
    _begun: set[Ref] = field(default_factory=set)
    _made: list[Object] = field(default_factory=list)

    def carried_out(self) -> RolledBack:
        self._notes.write(Status.UNDOING)
        removals = [each for each in reversed(self._steps) if each.action is ObjectAction.REMOVED]
        with reporting_failure(self._failure, self._tell):
            self._put_back()
            live = [each.live for each in self._steps if each.live is not None]
            note_config_version(self._server, CONFIG_MAP.among(live), CONFIG_MAP.among(self._made))
            put_back = [each.then for each in self._steps if each.then is not None]
            rolled_out = self._roll_out([*put_back, *self._untouched_daemon()])
            is_removed = self._remove_when_safe(removals)
            if is_removed and not rolled_out.is_left:
                self._notes.write(Status.UNDONE)
        return replace(
            self._foreseen,
            changes=tuple(self._done.values()),
            rolled_out=rolled_out.is_done,
            restarted=rolled_out.restarted,
        )

    def _put_back(self) -> None:
        steps = [each for each in self._steps if each.then is not None]
        for batch in in_batches(steps, lambda step: step.then or step.undone.ref.stub, is_of_one_kind=True):
            for step in batch:
                if step.action is ObjectAction.UNCHANGED:
                    self._note(ObjectAction.UNCHANGED, step.ref)
            self._put_back_together([step for step in batch if step.action is not ObjectAction.UNCHANGED])

    def _put_back_together(self, steps: Sequence[UndoStep]) -> None:
        """Restores objects of one kind."""
        if not steps:
            return
        self._tell(f"restoring {number_of_kind([step.ref for step in steps])}")
        self._begun |= {step.ref for step in steps}
        work = [(step.then, step.live, step.undone.is_ours) for step in steps if step.then is not None]
        self._made += self._server.put_back_all(work)
        for step in steps:
            if step.ref.kind == CRD:
                wait_until_established(self._server.kubectl, step.ref)
            self._note(step.action, step.ref)

    def _untouched_daemon(self) -> list[Object]:
        """The authenticator's DaemonSet, if only its ConfigMap changes."""
        if any(each.ref.is_same(DAEMONSET) for each in self._steps):
            return []
        return self._server.read([DAEMONSET.stub])

    def _roll_out(self, objects: Sequence[Object]) -> RolledOut:
        refs = [Ref.of(each) for each in objects if each["kind"] == "DaemonSet"]
        rolled_out = roll_out_and_restart(self._server, refs, self._wait, self._tell)
        for note in rolled_out.notes:
            self._tell(f"note: {note}")
        return rolled_out

    def _remove_when_safe(self, removals: Sequence[UndoStep]) -> bool:
        if not removals or not self._is_rolling_out():
            self._remove(removals)
            return True
        kept = brief_list(each.ref for each in removals)
        remedy = "run rollback again without --no-wait"
        self._tell(f"note: not removed yet, because pods may still use it: {kept}; {remedy}")
        return False

    def _is_rolling_out(self) -> bool:
        """Whether pods may still read what is to be removed, and the rollout is not waited for."""
        if self._wait is not None:
            return False
        refs = [each.ref for each in self._steps if each.ref.kind == "DaemonSet" and each.then is not None]
        return not all(read_rollout(self._server.kubectl, ref).is_done for ref in refs)

    def _remove(self, steps: Sequence[UndoStep]) -> None:
        """Removes the objects, in the given order."""
        live = [each.live for each in steps if each.live is not None]
        for batch in in_batches(live, lambda each: each, is_of_one_kind=True):
            refs = [Ref.of(each) for each in batch if not self._stays(each)]
            if refs:
                self._tell(f"removing {number_of_kind(refs)}")
                self._begun |= set(refs)
                self._server.remove(*refs)
            for ref in refs:
                self._note(ObjectAction.REMOVED, ref)
        self._server.wait_until_gone([Ref.of(each) for each in live])

    def _stays(self, each: Object) -> bool:
        if each.get("kind") != CRD or not self._server.others(each):
            return False
        self._tell(f"note: kept {Ref.of(each)}: it has objects that are not managed by {MANAGER}")
        return True

    def _failure(self, error: TarmakIamError) -> RollbackFailed:
        done = brief_list(each.text for each in self._done.values() if each.action is not ObjectAction.UNCHANGED)
        due = (each.ref for each in self._steps if each.live is not None or each.then is not None)
        left = [ref for ref in due if ref not in self._done]
        unknown = [ref for ref in left if ref in self._begun] if self._server.kubectl.on_its_way else []
        parts = [str(error), f"done: {done or 'nothing'}"]
        if unknown:
            parts.append(f"may have been written: {brief_list(unknown)}")
        if left := [ref for ref in left if ref not in unknown]:
            parts.append(f"not done: {brief_list(left)}")
        return RollbackFailed("; ".join(parts), remedy="run rollback again")

    def _note(self, action: ObjectAction, ref: Ref) -> None:
        self._done[ref] = ObjectChange.of(action, ref)
