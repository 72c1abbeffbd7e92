"""What a rollback would do, object by object, worked out before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path as File

from tarmak_iam.emit.ordering import in_apply_order
from tarmak_iam.errors import EditRefused, Place, SelectionError
from tarmak_iam.hook.cluster.changes import Action, Change
from tarmak_iam.hook.cluster.history import History, Revision, Status, UndoneObject, composed
from tarmak_iam.hook.cluster.merge import MISSING, Path, fields, merged, shortly
from tarmak_iam.hook.cluster.objects import Index, Object, Ref, cleaned, last_applied, meant
from tarmak_iam.hook.cluster.ownership import is_bookkeeping
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.text import brief_list

__all__ = ["UndoStep", "refuse_conflicts", "revisions_to_undo", "undo_steps"]

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
    def action(self) -> Action:
        if self.live is None:
            return Action.UNCHANGED if self.then is None else Action.CREATED
        if self.then is None:
            return Action.REMOVED
        is_same = meant(self.live) == meant(self.then) and last_applied(self.live) == last_applied(self.then)
        return Action.UNCHANGED if is_same else Action.CONFIGURED

    @property
    def change(self) -> Change:
        return Change.of(self.action, self.ref)


def revisions_to_undo(history: History, cluster: str, to: int | None, path: File) -> tuple[Revision, ...]:
    """The newest change, none where it is undone already; with `to` all that are newer than that one. What an earlier
    rollback did not finish is always among them.

    Raises EditRefused for the history of another cluster, SelectionError for a number that is not in it.
    """
    found = history.of(cluster)
    if not found:
        raise EditRefused(
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
    """Raises EditRefused, which names the fields, where somebody else has changed what would be put back or removed."""
    found = [each for each in steps if each.conflicts]
    if found:
        named = brief_list(f"{each.ref} ({shortly(each.conflicts)})" for each in found)
        raise EditRefused(
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
    found = merged(cleaned(live), each.target, states)
    then: Object = found.value
    return UndoStep(each, live, then, tuple(path for path in found.conflicts if not is_bookkeeping(path)))


def _unknown(each: UndoneObject, live: Object, target: Object) -> UndoStep:
    """What is there was made by somebody after it had been removed, or an old release has kept no more than what was
    there before: then whatever differs may be of anybody."""
    found = fields(meant(live), meant(target))
    if each.digest is not None:
        return UndoStep(each, live, target, tuple(path for path, (now, was) in found if now != was))
    then: Object = merged(cleaned(live), target, [{}]).value
    return UndoStep(each, live, then, tuple(path for path, (now, was) in found if MISSING is not was != now))


def _additions(each: UndoneObject, live: Object) -> Iterator[Path]:
    """What would be lost with an object of ours although others have set it. Labels and annotations are not: they are
    about the object, and have no use without it."""
    known = [meant(state) for state in each.known(live)]
    for path, (now, *states) in fields(meant(live), *known):
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
