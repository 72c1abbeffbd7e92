"""The changes that an apply made to the objects of a cluster, and the numbered history of changes for `rollback`, with
each object before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tarmak_iam.access.diff import Effect
from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.hook.cluster.object_fields import merged
from tarmak_iam.hook.cluster.objects import (
    Index,
    Object,
    Ref,
    comparable,
    is_ours,
    object_digest,
    without_server_fields,
)
from tarmak_iam.hook.programs import Progress
from tarmak_iam.text import TextEnum, brief_list

if TYPE_CHECKING:
    from tarmak_iam.hook.cluster.rollback_plan import AccessAfter
    from tarmak_iam.hook.cluster.rollout import StalePod


class ObjectAction(TextEnum):
    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """A change that was or would be made to one object. `namespace` is empty for a cluster-scoped object."""

    action: ObjectAction
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, action: ObjectAction, ref: Ref) -> ObjectChange:
        return cls(action, ref.kind, ref.namespace, ref.name)

    @property
    def named(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"

    @property
    def text(self) -> str:
        return f"{self.action} {self.named}"


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of an apply: what was done to each object, in the order of the changes.

    `state` is the file with the previous objects, None where nothing changed (an older file is then left unchanged).
    `rolled_out`: whether the DaemonSet runs on every node with these objects; None where nothing was waited for.
    """

    changes: tuple[ObjectChange, ...]
    state: Path | None = None
    rolled_out: bool | None = None
    notes: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    """How the access of principals changed, compared with what the cluster's authenticator granted before."""
    restarted: tuple[StalePod, ...] = ()
    """Pods that ran another configuration, and were restarted."""

    @property
    def changed(self) -> bool:
        return any(change.action is not ObjectAction.UNCHANGED for change in self.changes)


class ApplyFailed(ToolError):
    """An apply stopped midway. `applied`: what was done; `left`: what was not; `unknown`: what may have been done, or
    may still be done; `state`: the history for `rollback`."""

    def __init__(
        self, reason: TarmakIamError, applied: Applied, left: tuple[Ref, ...], unknown: tuple[Ref, ...]
    ) -> None:
        done = [change.text for change in applied.changes if change.action is not ObjectAction.UNCHANGED]
        parts = [str(reason), f"done: {brief_list(done) or 'nothing'}"]
        if unknown:
            parts.append(f"may have been written: {brief_list(unknown)}")
        if left:
            parts.append(f"not done: {brief_list(left)}")
        # Without a saved state, a rollback would undo an earlier change.
        restores = ", or run rollback to restore the previous objects" if applied.state is not None else ""
        super().__init__("; ".join(parts), remedy=f"run apply again{restores}")
        self.applied, self.left, self.unknown = applied, left, unknown
        self.state = applied.state


class RollbackFailed(ToolError):
    """A rollback stopped midway. The message says what was done and what was not."""


@contextmanager
def reporting_failure(failure: Callable[[TarmakIamError], ToolError], tell: Progress) -> Iterator[None]:
    """Reports a change that stopped midway: an error is raised as `failure` converts it, after Ctrl-C `tell` is called
    with the same message."""
    try:
        yield
    except TarmakIamError as error:
        raise failure(error) from None
    except KeyboardInterrupt:
        tell(failure(ToolError("interrupted")).message)
        raise


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The result of a rollback: whether each object was created, configured (restored), removed or unchanged.

    `undone`: the numbers of the changes, empty where the newest one was already undone. `access_after`: who can log in
    afterwards, None where there was nothing to undo. `restarted`: pods that ran another configuration.
    """

    changes: tuple[ObjectChange, ...]
    rolled_out: bool | None = None
    undone: tuple[int, ...] = ()
    access_after: AccessAfter | None = None
    restarted: tuple[StalePod, ...] = ()

    @property
    def changed(self) -> bool:
        return any(change.action is not ObjectAction.UNCHANGED for change in self.changes)


STATE_NAME = "tarmak-iam.state.json"
"""The name of the history file in the cluster's directory."""

_MAX_CHANGES = 20


class Status(TextEnum):
    """`begun` is a change that was not completed, `undoing` a rollback that was not completed."""

    BEGUN = "begun"
    APPLIED = "applied"
    UNDOING = "undoing"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class KeptObject:
    """An object before a change and after it; None where it did not exist, or was to be removed. `is_done`: whether
    the change was made, so that `after` is the object as the API server returned it."""

    ref: Ref
    before: Object | None
    after: Object | None
    is_ours: bool = True
    is_done: bool = False

    @classmethod
    def of(cls, live: Object | None, then: Object | None) -> KeptObject:
        """Of an object that is to become `then`."""
        before, after = (None if each is None else without_server_fields(each) for each in (live, then))
        return cls(Ref.of(then or live or {}), before, after, live is None or is_ours(live))

    def done(self, made: Object | None) -> KeptObject:
        return replace(
            self,
            ref=self.ref if made is None else Ref.of(made),
            after=made and without_server_fields(made),
            is_done=True,
        )

    def ends(self, status: Status) -> tuple[Object, ...]:
        """The possible states of an existing object after a change of that status, or after its rollback."""
        found = {Status.UNDONE: (self.before,), Status.UNDOING: (self.before, self.after)}.get(status, (self.after,))
        return tuple(each for each in found if each is not None)

    @property
    def change(self) -> ObjectChange:
        if self.after is None:
            return ObjectChange.of(ObjectAction.REMOVED, self.ref)
        return ObjectChange.of(ObjectAction.CREATED if self.before is None else ObjectAction.CONFIGURED, self.ref)

    @property
    def is_change(self) -> bool:
        """Whether the object changed, or tarmak-iam took it over."""
        return not self.is_ours or _comparable(self.before) != _comparable(self.after)


@dataclass(frozen=True, slots=True)
class Revision:
    """The changes of one apply: `objects` in the order of the changes. `cluster` is the uid of the cluster's
    kube-system namespace, `time` the start in UTC, `release` the release of tarmak-iam."""

    number: int
    cluster: str
    time: datetime
    release: str
    status: Status
    objects: tuple[KeptObject, ...]

    @property
    def is_open(self) -> bool:
        """Whether it is neither completed nor undone."""
        return self.status in (Status.BEGUN, Status.UNDOING)

    def is_finished_by(self, objects: Sequence[KeptObject]) -> bool:
        """Whether these are only removals that it has not made yet."""
        pending = {kept.ref for kept in self.objects if kept.after is None and not kept.is_done}
        is_over = self.status is Status.APPLIED and bool(objects)
        return is_over and all(kept.after is None and kept.ref in pending for kept in objects)

    @property
    def when(self) -> str:
        return f"{self.time:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class UndoneObject:
    """An object that one or more changes touched: `target` is the object before the first of them, `states` what it was
    afterwards, the newest last. `is_done`: whether these are the API server's own answers."""

    ref: Ref
    target: Object | None
    states: tuple[Object | None, ...]
    is_ours: bool
    is_done: bool

    @property
    def known(self) -> tuple[Object, ...]:
        """The states in which it existed."""
        return tuple(state for state in self.states if state is not None)

    def is_as_left(self, live: Object | None) -> bool:
        """Whether the live object still has everything that the changes set."""
        return _is_there(live, self.states[-1], (self.target, *self.states[:-1]))

    def is_as_before(self, live: Object | None) -> bool:
        return _is_there(live, self.target, self.states)


@dataclass(frozen=True, slots=True)
class History:
    """The newest change last. It has changes of more than one cluster where a cluster was created again."""

    revisions: tuple[Revision, ...] = ()

    def of(self, cluster: str) -> tuple[Revision, ...]:
        return tuple(each for each in self.revisions if each.cluster == cluster)

    def newest(self, cluster: str) -> Revision | None:
        return next(reversed(self.of(cluster)), None)

    def opened(self, cluster: str) -> tuple[Revision, ...]:
        """The changes that were not completed: the newest of a cluster, and those that an interrupted rollback was to
        undo together with it."""
        newest = self.newest(cluster)
        if newest is None or not newest.is_open:
            return ()
        if newest.status is Status.BEGUN:
            return (newest,)
        return tuple(each for each in self.of(cluster) if each.status is Status.UNDOING)

    def left(self, cluster: str) -> Callable[[Object], bool]:
        """Returns a function: whether an object is as its newest change, or the rollback of that, left it. After an
        interrupted rollback it may be either."""
        newest: dict[tuple[str, str, str], list[tuple[Status, KeptObject]]] = {}
        for revision in reversed(self.of(cluster)):
            for each in revision.objects:
                newest.setdefault(each.ref.key, []).append((revision.status, each))

        def is_left(live: Object) -> bool:
            ref, found = Ref.of(live), object_digest(live)
            for status, each in newest.get(ref.key, ()):
                if each.ref.is_same(ref):
                    return any(found == object_digest(end) for end in each.ends(status))
            return False

        return is_left

    def with_revision(self, revision: Revision) -> History:
        """With this revision in place of the one with its number, or as the newest. The oldest are dropped."""
        others = [each for each in self.revisions if each.number != revision.number]
        return History(tuple(sorted((*others, revision), key=lambda each: each.number))[-_MAX_CHANGES:])

    def with_status(self, numbers: Iterable[int], status: Status) -> History:
        chosen = frozenset(numbers)
        return History(
            tuple(replace(each, status=status) if each.number in chosen else each for each in self.revisions)
        )

    def settled(self, cluster: str, live: Index) -> History:
        """With the status of changes that were completed but could not be written down, and without a change that was
        never started. `live` contains all of their objects that exist."""
        opened = self.opened(cluster)
        found = [(each, live.get(each.ref)) for each in composed(opened)]
        if not opened:
            return self
        numbers = [each.number for each in opened]
        is_undone = all(each.is_as_before(now) for each, now in found)
        if opened[-1].status is Status.UNDOING:
            return self.with_status(numbers, Status.UNDONE) if is_undone else self
        if is_undone:
            return History(tuple(each for each in self.revisions if each.number not in numbers))
        # Objects that are no longer generated are removed after the rollout, perhaps only by the next apply.
        is_over = all(each.is_as_left(now) for each, now in found if each.states[-1] is not None)
        return self.with_status(numbers, Status.APPLIED) if is_over else self

    def begun(
        self, cluster: str, objects: Sequence[KeptObject], live: Index, time: datetime, release: str
    ) -> tuple[History, Revision]:
        """The history with a new change of these objects, and that change.

        A change that was not completed is continued under its number: its objects keep what they were before it, so
        that one rollback undoes both.
        """
        history = self.settled(cluster, live)
        opened, newest = history.opened(cluster), history.newest(cluster)
        if opened:
            kept = _joined(composed(opened), objects, live)
            history = history.with_status((each.number for each in opened[:-1]), Status.UNDONE)
            revision = replace(opened[-1], status=Status.BEGUN, objects=kept, time=time, release=release)
        elif newest is not None and newest.is_finished_by(objects):
            revision = newest
        else:
            number = max((each.number for each in history.revisions), default=0) + 1
            revision = Revision(number, cluster, time, release, Status.BEGUN, tuple(objects))
        return history.with_revision(revision), revision


def composed(revisions: Sequence[Revision]) -> tuple[UndoneObject, ...]:
    """The combined effect of changes, the newest last, object by object."""
    found: dict[tuple[tuple[str, str, str], str], list[KeptObject]] = {}
    for revision in revisions:
        for each in revision.objects:
            found.setdefault((each.ref.key, each.ref.namespace), []).append(each)
    undone = []
    for every in found.values():
        target, *states = [state for kept in every for state in (kept.before, kept.after)]
        is_done = all(kept.is_done for kept in every)
        undone.append(UndoneObject(every[-1].ref, target, tuple(states), every[0].is_ours, is_done))
    return tuple(undone)


def _joined(opened: Sequence[UndoneObject], objects: Sequence[KeptObject], live: Index) -> tuple[KeptObject, ...]:
    """The objects of a continued change together with those that are about to be changed."""
    new = {(each.ref.key, each.ref.namespace): each for each in objects}
    kept = []
    for each in opened:
        now, mine = live.get(each.ref), new.pop((each.ref.key, each.ref.namespace), None)
        if mine is None and each.is_as_left(now):
            kept.append(
                KeptObject(each.ref, each.target, now and without_server_fields(now), each.is_ours, is_done=True)
            )
        elif mine is None and not each.is_as_before(now):
            kept.append(KeptObject(each.ref, each.target, each.states[-1], each.is_ours))
        elif mine is None:
            continue
        elif _is_known(each, now):
            kept.append(replace(mine, before=each.target, is_ours=each.is_ours))
        else:  # changed by another manager in between: that state is restored
            kept.append(mine)
    return (*kept, *new.values())


def _is_known(each: UndoneObject, live: Object | None) -> bool:
    """Whether no other manager has changed the fields that the changes set."""
    if live is None or not each.known:
        return True
    target = {} if each.target is None else comparable(each.target)
    return not merged(comparable(live), target, [comparable(state) for state in each.known]).conflicts


def _is_there(live: Object | None, wanted: Object | None, others: Sequence[Object | None]) -> bool:
    if live is None or wanted is None:
        return live is wanted
    states = [{} if each is None else comparable(each) for each in others]
    now = comparable(live)
    return bool(merged(now, comparable(wanted), states).value == now)


def _comparable(each: Object | None) -> Object | None:
    return None if each is None else comparable(each)
