"""What an apply would do, object by object, worked out before anything is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tarmak_iam.emit.ordering import in_apply_order
from tarmak_iam.errors import EditRefused
from tarmak_iam.hook.cluster.changes import Action, Change
from tarmak_iam.hook.cluster.definitions import fitted
from tarmak_iam.hook.cluster.deletion import is_going
from tarmak_iam.hook.cluster.merge import Path, shortly
from tarmak_iam.hook.cluster.objects import (
    MANAGER,
    Index,
    Object,
    Ref,
    cleaned,
    is_applied,
    is_ours,
    labels,
    last_applied,
    managers,
    meant,
)
from tarmak_iam.hook.cluster.overlay import overlaid
from tarmak_iam.hook.cluster.ownership import edited_fields, lost_fields
from tarmak_iam.hook.cluster.server import CRD, Conflict, Pair, Server
from tarmak_iam.text import brief_list

__all__ = ["Left", "Plan", "Step", "is_settled", "make_plan"]


@dataclass(frozen=True, slots=True)
class Step:
    """One object: as it is wanted, as it is (None where it is not there), and as it would become."""

    wanted: Object = field(repr=False)
    live: Object | None = field(repr=False)
    then: Object = field(repr=False)

    @property
    def ref(self) -> Ref:
        return Ref.of(self.wanted)

    @property
    def action(self) -> Action:
        if self.live is None:
            return Action.CREATED
        return Action.UNCHANGED if meant(self.live) == meant(self.then) else Action.CONFIGURED

    @property
    def pair(self) -> Pair:
        return self.wanted, self.live


@dataclass(frozen=True, slots=True)
class Plan:
    """`steps` in apply order, then `removals`, the live objects of ours that are no longer made, in their order."""

    steps: tuple[Step, ...]
    removals: tuple[Object, ...]
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        made = [Change.of(step.action, step.ref) for step in self.steps]
        return (*made, *(Change.of(Action.REMOVED, Ref.of(each)) for each in self.removals))

    @property
    def live(self) -> list[Object]:
        """What is there of the objects that are made."""
        return [step.live for step in self.steps if step.live is not None]

    @property
    def ends(self) -> list[tuple[Object | None, Object | None]]:
        """Those as they are and as they would become."""
        return [(step.live, step.then) for step in self.steps]

    @property
    def is_change(self) -> bool:
        return any(change.action is not Action.UNCHANGED for change in self.changes)


Left = Callable[[Object], bool]
"""Whether a live object is as the newest change left it, by a history."""


def make_plan(
    server: Server,
    objects: Sequence[Object],
    *,
    ask: bool = True,
    force: bool = False,
    left: Left = lambda _: False,
) -> Plan:
    """`ask`: whether the API server works out what would become of each object, or we do. `left` helps where the API
    server does not keep who set what.

    Raises EditRefused for objects that are somebody else's, and for fields of ours that somebody else has set or
    removed, unless `force`; ToolError.
    """
    try:
        return _made(server, objects, ask=ask, force=force, left=left)
    except Conflict:  # perhaps with somebody who was just at it: what they did is read again
        try:
            return _made(server, objects, ask=ask, force=force, left=left)
        except Conflict as again:
            raise EditRefused(f"{again.what}; nothing was changed", remedy=again.remedy) from None


def _made(server: Server, objects: Sequence[Object], *, ask: bool, force: bool, left: Left) -> Plan:
    found = Index(_staying(server, objects))
    pairs: list[Pair] = [(fitted(each, live), live) for each in objects for live in [found.get(Ref.of(each))]]
    if not force:
        _refuse_foreign(live for _, live in pairs if live is not None)
    then = server.tried(pairs, force=force) if ask else [_laid(*pair) for pair in pairs]
    steps = tuple(Step(wanted, live, after) for (wanted, live), after in zip(pairs, then, strict=True))
    if not force:
        _refuse_edited(server, steps, left)
    removals, notes = _removals(server, objects)
    return Plan(steps, removals, notes)


def _staying(server: Server, objects: Sequence[Object]) -> list[Object]:
    """Those of the objects that are there, once what is being deleted is gone."""
    found = server.read(objects)
    going = [Ref.of(each) for each in found if is_going(each)]
    if not going:
        return found
    server.wait_until_gone(going)
    return server.read(objects)


def is_settled(server: Server, step: Step) -> bool:
    """Whether there is nothing to do for it: not even to take note that its fields are ours."""
    if step.action is not Action.UNCHANGED:
        return False
    return not server.is_server_side or (step.live is not None and is_applied(step.live))


def _laid(wanted: Object, live: Object | None) -> Object:
    return wanted if live is None else overlaid(cleaned(live), wanted, None)


def _refuse_foreign(found: Iterable[Object]) -> None:
    told = [_shown(each) for each in found if not is_ours(each)]
    if told:
        verb = "is" if len(told) == 1 else "are"
        raise EditRefused(
            f"{', '.join(told)} {verb} there and not made by {MANAGER}; nothing was changed",
            remedy="--force takes over what it sets there, and rollback gives it back",
        )


def _refuse_edited(server: Server, steps: Iterable[Step], left: Left) -> None:
    """What the API server itself does not take for a conflict: fields that somebody has removed, and below 1.16 all."""
    is_told = server.is_server_side
    found: list[tuple[Step, tuple[Path, ...]]] = []
    for step in steps:
        if step.live is not None and step.action is not Action.UNCHANGED:
            edited = (
                lost_fields(step.live, step.wanted, step.then)
                if is_told
                else edited_fields(step.live, step.wanted, step.then)
            )
            if edited and not left(step.live):
                found.append((step, edited))
    if found:
        named = brief_list(f"{step.ref} ({shortly(edited)})" for step, edited in found)
        verb, them = ("was", "it was") if len(found) == 1 else ("were", "they were")
        why = "by somebody who removed fields" if is_told else "and this Kubernetes does not record by whom"
        raise EditRefused(
            f"{named} {verb} changed since {them} applied, {why}; nothing was changed",
            remedy="take the change into the mappings or settings, or take these fields over with --force",
        )


def _shown(each: Object) -> str:
    """Which object, and whose, as far as that can be told."""
    who, marks = managers(each), labels(each)
    told = [f"set by {', '.join(who)}"] if who else []
    if not who and last_applied(each) is not None:
        told.append("applied with kubectl")
    told.append(f"labels {', '.join(f'{key}={value}' for key, value in marks.items())}" if marks else "without labels")
    created = (each.get("metadata") or {}).get("creationTimestamp")
    if not who and created:
        told.append(f"created {created}")
    return f"{Ref.of(each)} ({', '.join(told)})"


def _removals(server: Server, objects: Sequence[Object]) -> tuple[tuple[Object, ...], tuple[str, ...]]:
    """What nobody makes any more, the last to be applied first; and what stays all the same."""
    gone: list[Object] = []
    notes: list[str] = []
    for each in _left_over(server, objects):
        others = server.others(each) if each.get("kind") == CRD else 0
        if others:
            notes.append(f"{Ref.of(each)} stays: {others} of its objects are not ours")
        else:
            gone.append(each)
    return tuple(reversed(in_apply_order(gone))), tuple(notes)


def _left_over(server: Server, objects: Sequence[Object]) -> Iterator[Object]:
    made = Index(objects)
    return (each for each in server.ours() if made.get(Ref.of(each)) is None)
