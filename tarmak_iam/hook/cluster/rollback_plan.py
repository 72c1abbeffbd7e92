"""Plans a rollback before anything is changed: what would become of each object, and who could log in afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path as File

from tarmak_iam.access.diff import Effect, Standings, changes, effects
from tarmak_iam.access.lockout import is_admin
from tarmak_iam.emit.kubernetes_objects import in_apply_order
from tarmak_iam.errors import Place, PolicyRefused, SelectionError, ToolError
from tarmak_iam.hook.cluster.history import (
    History,
    ObjectAction,
    ObjectChange,
    Revision,
    Status,
    UndoneObject,
    composed,
)
from tarmak_iam.hook.cluster.kubectl import Kubectl, items_of
from tarmak_iam.hook.cluster.live_mappings import LiveMappings, read_live
from tarmak_iam.hook.cluster.object_fields import MISSING, Path, fields, is_bookkeeping, merged, shortly
from tarmak_iam.hook.cluster.objects import (
    Index,
    Object,
    Ref,
    comparable,
    last_applied,
    with_last_applied,
    without_server_fields,
)
from tarmak_iam.hook.cluster.rollout import DAEMONSET
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.text import brief_list

# Of a ConfigMap or a Secret: any manager may set keys there.
_DATA = ("data", "binaryData", "stringData")


@dataclass(frozen=True, slots=True)
class UndoStep:
    """One object: in the history, as it is now, and as it will be; None where it does not exist. `conflicts`: fields
    that another manager has changed since."""

    undone: UndoneObject
    live: Object | None = field(repr=False)
    then: Object | None = field(repr=False)
    conflicts: tuple[Path, ...] = ()

    @property
    def ref(self) -> Ref:
        return Ref.of(self.then or self.live or self.undone.ref.stub)

    @property
    def action(self) -> ObjectAction:
        if self.live is None:
            return ObjectAction.UNCHANGED if self.then is None else ObjectAction.CREATED
        if self.then is None:
            return ObjectAction.REMOVED
        is_same = comparable(self.live) == comparable(self.then) and last_applied(self.live) == last_applied(self.then)
        return ObjectAction.UNCHANGED if is_same else ObjectAction.CONFIGURED

    @property
    def change(self) -> ObjectChange:
        return ObjectChange.of(self.action, self.ref)


def revisions_to_undo(history: History, cluster: str, to: int | None, path: File) -> tuple[Revision, ...]:
    """The newest change, or none if it is already undone; with `to`, every change that is newer than that. Changes
    whose rollback was interrupted are always included.

    Raises PolicyRefused for the history of another cluster, and SelectionError for a number that it does not contain.
    """
    found = history.of(cluster)
    if not found:
        raise PolicyRefused(
            f"{path} contains no change of this cluster; nothing was changed",
            remedy="use the kubeconfig of its cluster, or specify the history of this cluster with --state",
        )
    oldest, newest = found[0].number, found[-1].number
    named = next((revision for revision in found if revision.number == to), None)
    if named is not None and named.status is Status.UNDONE:
        what, remedy = f"change {to} is already undone", "choose an applied change from `rollback --list`"
        raise SelectionError(what, remedy=remedy, place=Place(str(path)))
    if named is None and to not in (None, oldest - 1):
        numbers = f"a number from {oldest - 1} to {newest}" if newest > oldest else f"{oldest - 1} or {newest}"
        raise SelectionError(f"change {to} does not exist", remedy=f"use {numbers}", place=Place(str(path)))
    last_left = newest - 1 if to is None else to
    newer = (revision for revision in found if revision.number > last_left or revision.status is Status.UNDOING)
    return tuple(revision for revision in newer if revision.status is not Status.UNDONE)


def undo_steps(server: Server, revisions: Sequence[Revision]) -> tuple[UndoStep, ...]:
    """In apply order. Raises ToolError."""
    undone = composed(revisions)
    stubs = in_apply_order(each.ref.stub for each in undone)  # those of one kind together
    found = Index(server.read(stubs) if stubs else ())
    by_ref = {each.ref: each for each in undone}
    return tuple(_step(each, found.get(each.ref)) for each in (by_ref[Ref.of(stub)] for stub in stubs))


def refuse_conflicts(steps: Sequence[UndoStep]) -> None:
    """Raises PolicyRefused with the fields that another manager changed and that would be restored or removed."""
    found = [each for each in steps if each.conflicts]
    if found:
        named = brief_list(f"{each.ref} ({shortly(each.conflicts)})" for each in found)
        raise PolicyRefused(
            f"{named} {'has' if len(found) == 1 else 'have'} since been changed by another manager; nothing was "
            "changed",
            remedy="use --force to undo the change anyway",
        )


def _step(each: UndoneObject, live: Object | None) -> UndoStep:
    if each.target is None:
        return UndoStep(each, live, None, () if live is None else tuple(_additions(each, live)))
    if live is None:
        return UndoStep(each, None, each.target)
    if not each.known:
        # Another process created it after it had been removed: every difference may come from another manager.
        now_and_was = fields(comparable(live), comparable(each.target))
        conflicts = tuple(path for path, (now, was) in now_and_was if MISSING is not was != now)
        return UndoStep(each, live, merged(without_server_fields(live), each.target, [{}]).value, conflicts)
    found = merged(without_server_fields(live), each.target, each.known)
    then: Object = found.value
    sent = last_applied(each.target)
    if sent and last_applied(live) is None and comparable(live) == comparable(each.target):
        then = with_last_applied(then, sent)  # a rollback was interrupted before it had set the annotation
    return UndoStep(each, live, then, tuple(path for path in found.conflicts if not is_bookkeeping(path)))


def _additions(each: UndoneObject, live: Object) -> Iterator[Path]:
    """Fields that other managers set and that would be lost with an object that tarmak-iam manages. Labels and
    annotations are not included: they describe the object, and have no use without it."""
    known = [comparable(state) for state in each.known]
    for path, (now, *states) in fields(comparable(live), *known):
        is_about = any(pair in (("metadata", "labels"), ("metadata", "annotations")) for pair in pairwise(path))
        if now is MISSING or is_about or path[0] in ("apiVersion", "kind"):
            continue
        if any(state is not MISSING and state == now for state in states):
            continue
        # Without the API server's answer, its defaults are unknown.
        is_default = not each.is_done and path[0] not in _DATA and all(state is MISSING for state in states)
        if not known or not is_default:
            yield path


_AUTHENTICATOR_KINDS = ("DaemonSet", "ConfigMap", "IAMIdentityMapping")
"""The kinds of the authenticator's objects that decide who can log in."""


@dataclass(frozen=True, slots=True)
class AccessAfter:
    """Access after a rollback: the number of `principals` who can log in and of `admins` among them, None where that is
    unknown; `reason`: why no principal can log in, or why it is unknown; `effects`: how their access changes, against
    what the cluster grants now."""

    principals: int | None
    admins: int | None
    reason: str = ""
    effects: tuple[Effect, ...] = ()

    @property
    def text(self) -> str:
        """One line."""
        if self.principals is None:
            return f"it is unknown who can log in with IAM afterwards: {self.reason}"
        if not self.principals:
            return f"afterwards IAM login is not possible: {self.reason}"
        many = f"{self.principals} principal{'' if self.principals == 1 else 's'}"
        return f"afterwards {many} can log in with IAM, {self.admins} of them in {ADMINS}"


def access_after(server: Server, steps: Sequence[UndoStep]) -> AccessAfter:
    """Computed from the objects as they will be. If they may not be read, the result is unknown: that prevents no
    rollback."""
    try:
        now = read_live(server.kubectl)
        then = _replaced(server.kubectl, now, steps)
    except ToolError as error:
        return AccessAfter(None, None, str(error))
    if then.daemonset is not None and then.config_map is None:
        return AccessAfter(None, None, f"{DAEMONSET} does not read its configuration from a ConfigMap")
    before, after = _running(now), _running(then)
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


def _replaced(kubectl: Kubectl, now: LiveMappings, steps: Sequence[UndoStep]) -> LiveMappings:
    """The live mappings with the objects as the steps leave them."""
    ends = [(each.ref, each.then) for each in steps if each.ref.kind in _AUTHENTICATOR_KINDS]
    daemonset = next((then for ref, then in ends if ref.is_same(DAEMONSET)), now.daemonset)
    touched = {(ref.key, ref.namespace) for ref, _ in ends}
    objects = [each for each in now.objects if (Ref.of(each).key, Ref.of(each).namespace) not in touched]
    objects += [then for ref, then in ends if then is not None and ref.kind != "DaemonSet"]
    found = LiveMappings(daemonset, tuple(objects))
    # The previous DaemonSet may have read another ConfigMap.
    named = found.config_map
    if named is None or named.among(objects) is not None or (named.key, named.namespace) in touched:
        return found
    done = kubectl.check("get", named.resource, named.name, *named.scope, "--ignore-not-found", "-o", "json")
    return LiveMappings(daemonset, (*objects, *items_of(done)))


def _running(found: LiveMappings) -> Authenticator | None:
    """None where none runs: the DaemonSet does not exist, or its pods wait for a ConfigMap that does not exist."""
    if found.daemonset is None or found.config_map is None or found.config_map.among(found.objects) is None:
        return None
    return found.running()
