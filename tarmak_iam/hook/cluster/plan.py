"""What an apply would do, object by object, worked out before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tarmak_iam.emit.ordering import in_apply_order
from tarmak_iam.errors import EditRefused
from tarmak_iam.hook.cluster.changes import Action, Change
from tarmak_iam.hook.cluster.objects import MANAGER, Object, Ref, cleaned, is_applied, is_ours, labels, managers, meant
from tarmak_iam.hook.cluster.overlay import overlaid
from tarmak_iam.hook.cluster.server import CRD, Conflict, Pair, Server

__all__ = ["Plan", "Step", "is_settled", "make_plan"]


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
    def is_change(self) -> bool:
        return any(change.action is not Action.UNCHANGED for change in self.changes)


def make_plan(server: Server, objects: Sequence[Object], *, ask: bool = True, force: bool = False) -> Plan:
    """`ask`: whether the API server works out what would become of each object, or we do.

    Raises EditRefused for objects that are somebody else's, and for fields of ours that somebody else has set,
    unless `force`; ToolError.
    """
    try:
        return _made(server, objects, ask=ask, force=force)
    except Conflict:  # perhaps with somebody who was just at it: what they did is read again
        try:
            return _made(server, objects, ask=ask, force=force)
        except Conflict as again:
            raise EditRefused(f"{again.what}; nothing was changed", remedy=again.remedy) from None


def _made(server: Server, objects: Sequence[Object], *, ask: bool, force: bool) -> Plan:
    found = server.read(objects)
    pairs: list[Pair] = [(each, Ref.of(each).among(found)) for each in objects]
    if not force:
        _refuse_foreign(live for _, live in pairs if live is not None)
    then = server.tried(pairs, force=force) if ask else [_laid(*pair) for pair in pairs]
    steps = (Step(wanted, live, after) for (wanted, live), after in zip(pairs, then, strict=True))
    removals, notes = _removals(server, objects)
    return Plan(tuple(steps), removals, notes)


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


def _shown(each: Object) -> str:
    """Which object, and whose."""
    who, marks = managers(each), labels(each)
    told = [f"set by {', '.join(who)}"] if who else []
    told.append(f"labels {', '.join(f'{key}={value}' for key, value in marks.items())}" if marks else "without labels")
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
    return (each for each in server.ours() if Ref.of(each).among(objects) is None)
