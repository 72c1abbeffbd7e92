"""What a rollback would do, object by object, and who can log in afterwards, worked out before anything is changed."""

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
from tarmak_iam.hook.cluster.objects import Index, Object, Ref, comparable, last_applied, without_server_fields
from tarmak_iam.hook.cluster.rollout import DAEMONSET
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.text import brief_list

# Of a ConfigMap or a Secret, whose keys are everybody's.
_DATA = ("data", "binaryData", "stringData")


@dataclass(frozen=True, slots=True)
class UndoStep:
    """One object: as the history has it, as it is, and as it will be; None where it is not there. `conflicts` are the
    fields that somebody else has changed since."""

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
    """The newest change, none where it is undone already; with `to` all that are newer than that one. What an earlier
    rollback did not finish is always among them.

    Raises PolicyRefused for the history of another cluster, SelectionError for a number that is not in it.
    """
    found = history.of(cluster)
    if not found:
        raise PolicyRefused(
            f"{path} has no change of this cluster; nothing was changed",
            remedy="name the kubeconfig of the cluster that it was kept of, or its history with --state",
        )
    if to is None:
        to = found[-1].number - 1
    else:
        _check_number(found, to, path)
    newer = (each for each in found if each.number > to or each.status is Status.UNDOING)
    return tuple(each for each in newer if each.status is not Status.UNDONE)


def undo_steps(server: Server, revisions: Sequence[Revision]) -> tuple[UndoStep, ...]:
    """In apply order. Raises ToolError."""
    undone = composed(revisions)
    stubs = in_apply_order(each.ref.stub for each in undone)  # those of one kind together
    found = Index(server.read(stubs) if stubs else ())
    by_ref = {each.ref: each for each in undone}
    return tuple(_step(each, found.get(each.ref)) for each in (by_ref[Ref.of(stub)] for stub in stubs))


def refuse_conflicts(steps: Sequence[UndoStep]) -> None:
    """Raises PolicyRefused, which names the fields, where others have changed what would be put back or removed."""
    found = [each for each in steps if each.conflicts]
    if found:
        named = brief_list(f"{each.ref} ({shortly(each.conflicts)})" for each in found)
        raise PolicyRefused(
            f"{named} {'was' if len(found) == 1 else 'were'} changed since by somebody else; nothing was changed",
            remedy="--force undoes the change all the same",
        )


def _check_number(found: Sequence[Revision], to: int, path: File) -> None:
    oldest, newest = found[0].number, found[-1].number
    named = next((each for each in found if each.number == to), None)
    place = Place(str(path))
    if named is not None and named.status is Status.UNDONE:
        raise SelectionError(
            f"change {to} is undone", remedy="see `rollback --list`, and name a change that is applied", place=place
        )
    if named is None and to != oldest - 1:
        what = f"{oldest - 1} to {newest}" if newest > oldest else f"{oldest - 1} and {newest}"
        raise SelectionError(f"there is no change {to} to go back to", remedy=f"there are {what}", place=place)


def _step(each: UndoneObject, live: Object | None) -> UndoStep:
    if each.target is None:
        return UndoStep(each, live, None, () if live is None else tuple(_additions(each, live)))
    if live is None:
        return UndoStep(each, None, each.target)
    states = each.known(live)
    if not states:
        return _unknown(each, live, each.target)
    found = merged(without_server_fields(live), each.target, states)
    then: Object = found.value
    return UndoStep(each, live, then, tuple(path for path in found.conflicts if not is_bookkeeping(path)))


def _unknown(each: UndoneObject, live: Object, target: Object) -> UndoStep:
    """What is there was made by somebody after it had been removed, or an old release has kept no more than what was
    there before: then whatever differs may be of anybody."""
    found = fields(comparable(live), comparable(target))
    if each.digest is not None:
        return UndoStep(each, live, target, tuple(path for path, (now, was) in found if now != was))
    then: Object = merged(without_server_fields(live), target, [{}]).value
    return UndoStep(each, live, then, tuple(path for path, (now, was) in found if MISSING is not was != now))


def _additions(each: UndoneObject, live: Object) -> Iterator[Path]:
    """What would be lost with an object of ours although others have set it. Labels and annotations are not: they are
    about the object, and have no use without it."""
    known = [comparable(state) for state in each.known(live)]
    for path, (now, *states) in fields(comparable(live), *known):
        if now is MISSING or any(state is not MISSING and state == now for state in states) or _is_about(path):
            continue
        # What the API server makes of an object is not known where its answer is not.
        is_default = not each.is_done and path[0] not in _DATA and all(state is MISSING for state in states)
        if not known or not is_default:
            yield path


def _is_about(path: Path) -> bool:
    return path[0] in ("apiVersion", "kind") or any(
        pair in (("metadata", "labels"), ("metadata", "annotations")) for pair in pairwise(path)
    )


_AUTHENTICATOR_KINDS = ("DaemonSet", "ConfigMap", "IAMIdentityMapping")
"""The authenticator's."""


@dataclass(frozen=True, slots=True)
class AccessAfter:
    """What there will be: `principals` who can log in and how many of them are `admins`, None where that is not known,
    `reason` why nobody can or why it is not; `effects` on each of them, against what the cluster gives now."""

    principals: int | None
    admins: int | None
    reason: str = ""
    effects: tuple[Effect, ...] = ()

    @property
    def text(self) -> str:
        """One line."""
        if self.principals is None:
            return f"who can log in with IAM afterwards is not known: {self.reason}"
        if not self.principals:
            return f"afterwards nobody can log in with IAM: {self.reason}"
        return f"afterwards {_many(self.principals)} can log in with IAM, {self.admins} of them in {ADMINS}"


def access_after(server: Server, steps: Sequence[UndoStep]) -> AccessAfter:
    """By the objects as they will be; what may not be read is not known, and keeps nobody from going back."""
    try:
        now = read_live(server.kubectl)
        then = _replaced(server.kubectl, now, steps)
    except ToolError as error:
        return AccessAfter(None, None, str(error))
    unknown = _why_unknown(then)
    if unknown:
        return AccessAfter(None, None, unknown)
    before, after = _running(now), _running(then)
    grants = Standings.of_daemon(after).grants if after is not None else ()
    changed = _effects(before, after)
    admins = sum(map(is_admin, grants))
    return AccessAfter(len(grants), admins, _why_nobody(then, after) if not grants else "", changed)


def _replaced(kubectl: Kubectl, now: LiveMappings, steps: Sequence[UndoStep]) -> LiveMappings:
    """With what the steps leave in the place of what they find."""
    ends = [(each.ref, each.then) for each in steps if each.ref.kind in _AUTHENTICATOR_KINDS]
    daemonset = next((then for ref, then in ends if ref.is_same(DAEMONSET)), now.daemonset)
    touched = {(ref.key, ref.namespace) for ref, _ in ends}
    objects = [each for each in now.objects if (Ref.of(each).key, Ref.of(each).namespace) not in touched]
    objects += [then for ref, then in ends if then is not None and ref.kind != "DaemonSet"]
    found = LiveMappings(daemonset, tuple(objects))
    # The DaemonSet of before may have read another ConfigMap.
    named = found.config_map
    if named is None or named.among(objects) is not None or (named.key, named.namespace) in touched:
        return found
    done = kubectl.check("get", named.resource, named.name, *named.scope, "--ignore-not-found", "-o", "json")
    return LiveMappings(daemonset, (*objects, *items_of(done)))


def _running(found: LiveMappings) -> Authenticator | None:
    """None where none runs: there is no DaemonSet, or its pods wait for a ConfigMap that is not there."""
    if found.daemonset is None or found.config_map is None or found.config_map.among(found.objects) is None:
        return None
    return found.running()


def _why_unknown(found: LiveMappings) -> str:
    if found.daemonset is not None and found.config_map is None:
        return f"{DAEMONSET} has its configuration not from a ConfigMap"
    return ""


def _why_nobody(found: LiveMappings, authenticator: Authenticator | None) -> str:
    if found.daemonset is None:
        return f"there is no {DAEMONSET}"
    if authenticator is None:
        return f"{DAEMONSET} waits for {found.config_map}, which is not there"
    failure = authenticator.failure
    return "nobody is mapped" if failure is None else f"the authenticator does not start: {failure.reason}"


def _effects(before: Authenticator | None, after: Authenticator | None) -> tuple[Effect, ...]:
    if before is not None and after is not None:
        return effects(before, after)
    old, new = (Standings(()) if each is None else Standings.of_daemon(each) for each in (before, after))
    return tuple(changes(old, new))


def _many(number: int) -> str:
    return f"{number} principal{'' if number == 1 else 's'}"
