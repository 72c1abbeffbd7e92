"""Undoes changes that `apply` made to a cluster, by the history that it kept: the newest one, or all after a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
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
    check_pods,
    note_config_version,
    read_rollout,
    roll_out_and_restart,
)
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.cluster.update_check import check_changes
from tarmak_iam.hook.programs import Progress, no_progress
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
        server = Server.of(held)
        with explained(server, [kept.ref.stub for kept in composed(history.revisions[-1:])], are_applied=False):
            cluster = server.identity()
        revisions = revisions_to_undo(history, cluster, to, state)
        if not revisions:
            return RolledBack(())
        with explained(server, [kept.ref.stub for kept in composed(revisions)], are_applied=False):
            steps = undo_steps(server, revisions)
        if not force:
            refuse_conflicts(steps)
        foreseen = RolledBack(
            tuple(step.change for step in steps),
            undone=tuple(revision.number for revision in revisions),
            access_after=access_after(server, steps),
        )
        check = check_pods(server)
        warnings = check_changes(server, check, [(step.live, step.then) for step in steps], force=force)
        if not dry_run:
            check_permissions(held, permissions_of_rollback(server, steps, check), tell)
        for line in (*_announced(revisions, foreseen), *(f"warning: {warning}" for warning in warnings)):
            tell(line)
        if dry_run:
            return foreseen
        return _RollbackRun(server, history, state, within, steps, foreseen, tell, wait).carried_out()


def _announced(revisions: Sequence[Revision], foreseen: RolledBack) -> Iterator[str]:
    """Lines about the coming changes, and about who can log in afterwards."""
    named = ", ".join(f"{revision.number} of {revision.when}" for revision in reversed(revisions))
    yield f"undoing change{'s' if len(revisions) > 1 else ''} {named}"
    for action, end in _ENDS.items():
        changes = [change for change in foreseen.changes if change.action is action]
        if changes:
            yield f"{brief_list(change.named for change in changes)} will be {end}"
    if foreseen.access_after is not None:
        yield from (effect.text for effect in foreseen.access_after.effects)
        yield foreseen.access_after.text


@dataclass
class _RollbackRun:
    """One rollback, from the first change on."""

    _server: Server
    _history: History
    _state: Path
    _within: Boundary | None
    _steps: Sequence[UndoStep]
    _foreseen: RolledBack
    _tell: Progress
    _wait: float | None
    _done: dict[Ref, ObjectChange] = field(default_factory=dict)
    _begun: set[Ref] = field(default_factory=set)
    _made: list[Object] = field(default_factory=list)

    def carried_out(self) -> RolledBack:
        self._write(Status.UNDOING)
        removals = [each for each in reversed(self._steps) if each.action is ObjectAction.REMOVED]
        with reporting_failure(self._failure, self._tell):
            self._put_back()
            live = [each.live for each in self._steps if each.live is not None]
            note_config_version(self._server, CONFIG_MAP.among(live), CONFIG_MAP.among(self._made))
            daemonsets = [step.ref for step in self._steps if step.then is not None and step.ref.kind == "DaemonSet"]
            restarted = list(daemonsets)
            if not any(step.ref.is_same(DAEMONSET) for step in self._steps):  # only its ConfigMap may change
                restarted += map(Ref.of, self._server.read([DAEMONSET.stub]))
            rolled_out = roll_out_and_restart(self._server, restarted, self._wait, self._tell)
            for note in rolled_out.notes:
                self._tell(f"note: {note}")
            # Unless the rollout was waited for, pods may still read what is to be removed.
            kubectl = self._server.kubectl
            if not removals or self._wait is not None or all(read_rollout(kubectl, ref).is_done for ref in daemonsets):
                self._remove(removals)
                if not rolled_out.is_left:
                    self._write(Status.UNDONE)
            else:
                kept = brief_list(step.ref for step in removals)
                remedy = "run rollback again without --no-wait"
                self._tell(f"note: not removed yet, because pods may still use it: {kept}; {remedy}")
        return replace(
            self._foreseen,
            changes=tuple(self._done.values()),
            rolled_out=rolled_out.is_done,
            restarted=rolled_out.restarted,
        )

    def _write(self, status: Status) -> None:
        """Writes the status of the changes that are undone to the history. Raises FileError."""
        history = self._history.with_status(self._foreseen.undone, status)
        if history != self._history:
            self._history = write_history(history, self._state, self._within)

    def _put_back(self) -> None:
        steps = [each for each in self._steps if each.then is not None]
        for batch in in_batches(steps, lambda step: step.then or step.undone.ref.stub, is_of_one_kind=True):
            for step in batch:
                if step.action is ObjectAction.UNCHANGED:
                    self._note(ObjectAction.UNCHANGED, step.ref)
            changed = [step for step in batch if step.action is not ObjectAction.UNCHANGED]
            if not changed:
                continue
            self._tell(f"restoring {number_of_kind([step.ref for step in changed])}")
            self._begun |= {step.ref for step in changed}
            work = [(step.then, step.live, step.undone.is_ours) for step in changed if step.then is not None]
            self._made += self._server.put_back_all(work)
            for step in changed:
                if step.ref.kind == CRD:
                    wait_until_established(self._server.kubectl, step.ref)
                self._note(step.action, step.ref)

    def _remove(self, steps: Sequence[UndoStep]) -> None:
        """Removes the objects, in the given order."""
        live = [each.live for each in steps if each.live is not None]
        for batch in in_batches(live, lambda each: each, is_of_one_kind=True):
            refs = []
            for removal in batch:
                if removal.get("kind") == CRD and self._server.others(removal):
                    self._tell(f"note: kept {Ref.of(removal)}: it has objects that are not managed by {MANAGER}")
                else:
                    refs.append(Ref.of(removal))
            if refs:
                self._tell(f"removing {number_of_kind(refs)}")
                self._begun |= set(refs)
                self._server.remove(*refs)
            for ref in refs:
                self._note(ObjectAction.REMOVED, ref)
        self._server.wait_until_gone([Ref.of(each) for each in live])

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
