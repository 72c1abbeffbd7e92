"""Undoes changes that `apply` made to a cluster, by the history that it kept: the newest one, or all after a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from tarmak_iam.access.diff import Standings, changes, effects
from tarmak_iam.access.lockout import is_admin
from tarmak_iam.emit.kubernetes_objects import in_apply_order
from tarmak_iam.errors import Place, PolicyRefused, SelectionError, ToolError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.hook.cluster.history import History, Revision, Snapshot, Status, combined, read_history, write_history
from tarmak_iam.hook.cluster.kubectl import Kubectl, objects_of
from tarmak_iam.hook.cluster.lease import leased
from tarmak_iam.hook.cluster.live_mappings import LiveMappings, read_live
from tarmak_iam.hook.cluster.object_fields import MISSING, FieldPath, fields, is_bookkeeping, merged, shortly
from tarmak_iam.hook.cluster.objects import (
    CRD,
    Index,
    Object,
    Ref,
    comparable,
    in_batches,
    last_applied,
    with_last_applied,
    without_server_fields,
)
from tarmak_iam.hook.cluster.pods import CONFIG_MAP, DAEMONSET, check_pods, read_rollout
from tarmak_iam.hook.cluster.results import (
    AccessAfter,
    ObjectAction,
    RollbackFailed,
    RolledBack,
    Step,
    Writes,
    action_on,
    rehearse,
    stopped,
)
from tarmak_iam.hook.cluster.rollout import (
    ROLLOUT_SECONDS,
    check_update,
    note_config_version,
    roll_out_and_restart,
)
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Progress, no_progress
from tarmak_iam.text import brief_list

_ENDS = {ObjectAction.REMOVED: "removed", ObjectAction.CREATED: "created again", ObjectAction.CONFIGURED: "restored"}

# Of a ConfigMap or a Secret: any manager may set keys there.
_DATA = ("data", "binaryData", "stringData")
_AUTHENTICATOR_KINDS = ("DaemonSet", "ConfigMap", "IAMIdentityMapping")
"""The kinds of the authenticator's objects that decide who can log in."""


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
    """Undoes the newest change of the history in the file `state`, or every change that is newer than `to`. Fields that
    others have set are kept. A second run completes the first one, or finds nothing to do. No link may lead from the
    file out of the boundary `within`.

    Before the first write, `tell` is called with what will be changed and who can log in afterwards; with `dry_run`
    nothing else is done. Raises SelectionError if the file or the number does not exist, and ConfigError for a file
    that is not a history. Raises PolicyRefused, with nothing changed, for the history of another cluster, and, unless
    `force`, for fields that another manager has changed since, and for pods whose node cannot run the previous ones.
    Raises ToolError, also where another run holds the lease; and RollbackFailed from the first change on.
    """
    history = read_history(state, within)
    if not history.revisions:
        what = "no change to roll back: nothing was applied from this directory"
        raise SelectionError(what, place=Place(str(state)))
    with nullcontext(kubectl) if dry_run else leased(kubectl, tell) as held:
        server = Server.of(held)
        revisions = _revisions_to_undo(history, server.identity(), to, state)
        if not revisions:
            return RolledBack(())
        undone = _undone(server, revisions)
        steps, conflicting = [step for step, _ in undone], [pair for pair in undone if pair[1]]
        if conflicting and not force:
            named = brief_list(f"{step.ref} ({shortly(paths)})" for step, paths in conflicting)
            what = f"{named} {'has' if len(conflicting) == 1 else 'have'} since been changed by another manager"
            raise PolicyRefused(f"{what}; nothing was changed", remedy="use --force to undo the change anyway")
        changes, undone_numbers = tuple(step.change for step in steps), tuple(other.number for other in revisions)
        foreseen = RolledBack(changes, undone=undone_numbers, access_after=_access_after(server, steps))
        warnings, restarts = check_update(server, check_pods(server), steps, force=force)
        if not dry_run:
            rehearse(server, [*steps, *restarts], tell)
        for line in (*_announced(revisions, foreseen), *(f"warning: {warning}" for warning in warnings)):
            tell(line)
        if dry_run:
            return foreseen
        return _carry_out(server, history, state, within, steps, foreseen, tell, wait)


def _revisions_to_undo(history: History, cluster: str, to: int | None, path: Path) -> tuple[Revision, ...]:
    """The newest change, or none if it is already undone; with `to`, every change that is newer than that. Changes
    whose rollback was interrupted are always included."""
    revisions = history.of(cluster)
    if not revisions:
        remedy = "use the kubeconfig of its cluster, or specify the history of this cluster with --state"
        raise PolicyRefused(f"{path} contains no change of this cluster; nothing was changed", remedy=remedy)
    oldest, newest = revisions[0].number, revisions[-1].number
    named = next((revision for revision in revisions if revision.number == to), None)
    if named is not None and named.status is Status.UNDONE:
        what, remedy = f"change {to} is already undone", "choose an applied change from `rollback --list`"
        raise SelectionError(what, remedy=remedy, place=Place(str(path)))
    if named is None and to not in (None, oldest - 1):
        numbers = f"a number from {oldest - 1} to {newest}" if newest > oldest else f"{oldest - 1} or {newest}"
        raise SelectionError(f"change {to} does not exist", remedy=f"use {numbers}", place=Place(str(path)))
    last_left = newest - 1 if to is None else to
    newer = (revision for revision in revisions if revision.number > last_left or revision.status is Status.UNDOING)
    return tuple(revision for revision in newer if revision.status is not Status.UNDONE)


def _undone(server: Server, revisions: Sequence[Revision]) -> list[tuple[Step, Sequence[FieldPath]]]:
    """The steps in apply order, each with the fields that another manager has changed since. Raises ToolError."""
    by_ref = {snapshot.ref: snapshot for snapshot in combined(revisions)}
    stubs = in_apply_order(ref.stub for ref in by_ref)  # those of one kind together
    index = Index(server.read(stubs) if stubs else ())
    undone = []
    for ref in map(Ref.of, stubs):
        snapshot, live = by_ref[ref], index.get(ref)
        before = then = snapshot.before
        conflicts: Sequence[FieldPath] = ()
        if live is not None and before is None:
            conflicts = list(_additions(snapshot, live))
        elif live is not None and before is not None:
            then, changed = merged(without_server_fields(live), before, snapshot.known or [{}])
            conflicts = [path for path in changed if not is_bookkeeping(path)]
            if not snapshot.known:
                # Another process created it after it had been removed: what differs or is missing may be meant.
                now_and_was = fields(comparable(live), comparable(before))
                conflicts = [path for path, (now, was) in now_and_was if was is not MISSING and was != now]
            sent = last_applied(before)
            if sent and last_applied(live) is None and comparable(live) == comparable(before):
                then = with_last_applied(then, sent)  # a rollback was interrupted before it had set the annotation
        action = action_on(live, then)
        if live is not None and then is not None and last_applied(live) != last_applied(then):
            action = ObjectAction.CONFIGURED
        named = Ref.of(then or live or ref.stub)
        undone.append((Step(named, action, live, then, is_ours=snapshot.is_ours), conflicts))
    return undone


def _additions(snapshot: Snapshot, live: Object) -> Iterator[FieldPath]:
    """Fields that other managers set and that would be lost with an object that tarmak-iam manages. Labels and
    annotations are not included: they describe the object, and have no use without it."""
    known = [comparable(state) for state in snapshot.known]
    for path, (now, *states) in fields(comparable(live), *known):
        is_about = any(pair in (("metadata", "labels"), ("metadata", "annotations")) for pair in pairwise(path))
        if now is MISSING or now in states or is_about or path[0] in ("apiVersion", "kind"):
            continue
        # Without the API server's answer, its defaults are unknown.
        is_default = not snapshot.is_done and path[0] not in _DATA and all(state is MISSING for state in states)
        if not known or not is_default:
            yield path


def _access_after(server: Server, steps: Sequence[Step]) -> AccessAfter:
    """Computed from the objects as they will be. If they may not be read, it is unknown: that prevents no rollback."""
    try:
        now = read_live(server.kubectl)
        then = _live_after(server.kubectl, now, steps)
    except ToolError as error:
        return AccessAfter(None, None, str(error))
    if then.daemonset is not None and then.config_map is None:
        return AccessAfter(None, None, f"{DAEMONSET} does not read its configuration from a ConfigMap")
    # None runs if the DaemonSet does not exist, or its pods wait for a ConfigMap that does not exist.
    before, after = (
        live.authenticator() if live.daemonset and live.config_map and live.config_map.among(live.objects) else None
        for live in (now, then)
    )
    old, new = (Standings(()) if daemon is None else Standings.of_daemon(daemon) for daemon in (before, after))
    changed = tuple(changes(old, new)) if before is None or after is None else effects(before, after)
    reason = ""
    if then.daemonset is None:
        reason = f"{DAEMONSET} does not exist"
    elif after is None:
        reason = f"{DAEMONSET} waits for {then.config_map}, which does not exist"
    elif not new.grants:
        failure = after.failure
        reason = "no principal is mapped" if failure is None else f"the authenticator does not start: {failure.reason}"
    return AccessAfter(len(new.grants), sum(map(is_admin, new.grants)), reason, changed)


def _live_after(kubectl: Kubectl, now: LiveMappings, steps: Sequence[Step]) -> LiveMappings:
    """The live mappings with the objects as the steps leave them."""
    ends = {step.ref: step.then for step in steps if step.ref.kind in _AUTHENTICATOR_KINDS}
    daemonset = next((then for ref, then in ends.items() if ref.is_same(DAEMONSET)), now.daemonset)
    objects = [live for live in now.objects if Ref.of(live) not in ends]
    objects += [then for ref, then in ends.items() if then is not None and ref.kind != "DaemonSet"]
    mounted = LiveMappings(daemonset, ()).config_map
    # The previous DaemonSet may have read another ConfigMap.
    if mounted is not None and mounted not in ends and mounted.among(objects) is None:
        options = (*mounted.scope, "--ignore-not-found", "-o", "json")
        objects += objects_of(kubectl.check("get", mounted.resource, mounted.name, *options))
    return LiveMappings(daemonset, tuple(objects))


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


def _carry_out(
    server: Server,
    history: History,
    state: Path,
    within: Boundary | None,
    steps: Sequence[Step],
    foreseen: RolledBack,
    tell: Progress,
    wait: float | None,
) -> RolledBack:
    """From the first change on."""
    writes, made = Writes(server, steps, tell), list[Object]()
    history = _written_down(history, foreseen, Status.UNDOING, state, within)
    removals = [step for step in reversed(steps) if step.action is ObjectAction.REMOVED]
    restored = [step for step in steps if step.then is not None]
    with writes.reporting(
        lambda error, *refs: RollbackFailed(stopped(error, writes.changes, *refs), remedy="run rollback again")
    ):
        for batch in in_batches(restored, lambda step: step.then or {}, is_of_one_kind=True):
            made += _restore(batch, writes)
        live = [step.live for step in steps if step.live is not None]
        note_config_version(server, CONFIG_MAP.among(live), CONFIG_MAP.among(made))
        daemonsets = [step.ref for step in restored if step.ref.kind == "DaemonSet"]
        restarted = list(daemonsets)
        if not any(step.ref.is_same(DAEMONSET) for step in steps):  # only its ConfigMap may change
            restarted += map(Ref.of, server.read([DAEMONSET.stub]))
        rolled_out = roll_out_and_restart(server, restarted, wait, tell)
        for note in rolled_out.notes:
            tell(f"note: {note}")
        # Unless the rollout was waited for, pods may still read what is to be removed.
        if not removals or wait is not None or all(read_rollout(server.kubectl, ref).is_done for ref in daemonsets):
            for _ in writes.remove(removals):
                pass
            server.wait_until_gone([step.ref for step in removals])
            if not rolled_out.is_left:
                _written_down(history, foreseen, Status.UNDONE, state, within)
        else:
            kept = brief_list(step.ref for step in removals)
            tell(f"note: not removed yet, because pods may still use it: {kept}; run rollback again without --no-wait")
    done, pods = rolled_out.is_done, rolled_out.restarted
    return replace(foreseen, changes=writes.changes, rolled_out=done, restarted=pods)


def _restore(steps: Sequence[Step], writes: Writes) -> list[Object]:
    """Restores objects of one kind, and returns those that differed."""
    server, changed = writes.server, [step for step in steps if step.action is not ObjectAction.UNCHANGED]
    if changed:
        writes.begin("restoring", [step.ref for step in changed])
    made = server.put_back_all([(step.then or {}, step.live, step.is_ours) for step in changed])
    for step in steps:
        if step.ref.kind == CRD and step in changed:
            server.wait_until_established(step.ref)
        writes.note(step.action, step.ref)
    return made


def _written_down(
    history: History, foreseen: RolledBack, status: Status, state: Path, within: Boundary | None
) -> History:
    """The history, with the status of the changes that are undone in the file too. Raises FileError."""
    then = history.with_status(foreseen.undone, status)
    return then if then == history else write_history(then, state, within)
