"""The numbered history of the changes that `apply` made to a cluster, in one file that is always replaced as a whole:
each object before a change and after it. It is written before the first write to the cluster, and after each batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from tarmak_iam.errors import ConfigError, FileError, Place, TarmakIamError
from tarmak_iam.files import MAX_BYTES
from tarmak_iam.files.atomic import make_directory, replace_file
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import read_if_present
from tarmak_iam.hook.cluster.object_fields import merged
from tarmak_iam.hook.cluster.objects import (
    Index,
    Object,
    Ref,
    comparable,
    is_ours,
    last_applied,
    without_server_fields,
)
from tarmak_iam.hook.cluster.results import ObjectAction, ObjectChange
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Progress
from tarmak_iam.plugins import __version__
from tarmak_iam.text import TextEnum

STATE_NAME = "tarmak-iam.state.json"
"""The name of the history file in the cluster's directory."""

_MAX_CHANGES = 20
_FORMAT = 2
_MODE = 0o600  # ConfigMaps contain who may log in, and objects of a plugin may be Secrets
_DIRECTORY_MODE = 0o700
_LIMIT = 8 * MAX_BYTES
"""Maximum size of the file. The newest change is kept whatever its size: 3,000 mappings before and after are 6 MB."""

_MOVE_AWAY = "move the file away; its changes can then no longer be rolled back"


class Status(TextEnum):
    """`begun` is a change that was not completed, `undoing` a rollback that was not completed."""

    BEGUN = "begun"
    APPLIED = "applied"
    UNDOING = "undoing"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An object before one or several changes and after them; None where it does not exist. `between`: what it was
    between several changes. `is_done`: whether they were made, so that `after` is as the API server returned it."""

    ref: Ref
    before: Object | None
    after: Object | None
    is_ours: bool = True
    is_done: bool = False
    between: tuple[Object | None, ...] = ()

    @classmethod
    def of(cls, live: Object | None, then: Object | None) -> Snapshot:
        """Of an object that is to become `then`."""
        before, after = (state and without_server_fields(state) for state in (live, then))
        return cls(Ref.of(then or live or {}), before, after, live is None or is_ours(live))

    @property
    def known(self) -> list[Object]:
        """The states that the changes gave it."""
        return [state for state in (*self.between, self.after) if state is not None]

    @property
    def change(self) -> ObjectChange:
        action = ObjectAction.CREATED if self.before is None else ObjectAction.CONFIGURED
        return ObjectChange.of(ObjectAction.REMOVED if self.after is None else action, self.ref)

    @property
    def is_change(self) -> bool:
        """Whether the object changed, or tarmak-iam took it over."""
        return not self.is_ours or (self.before and comparable(self.before)) != (self.after and comparable(self.after))

    def is_as(self, state: Object | None, live: Object | None) -> bool:
        """Whether the live object has everything in which one of the states differs from the others."""
        if live is None or state is None:
            return live is state
        others = [comparable(other or {}) for other in (self.before, *self.between, self.after) if other is not state]
        now = comparable(live)
        return bool(merged(now, comparable(state), others)[0] == now)


@dataclass(frozen=True, slots=True)
class Revision:
    """The changes of one apply: `objects` in the order of the changes. `cluster` is the uid of the cluster's
    kube-system namespace, `time` the start in UTC, `release` the release of tarmak-iam."""

    number: int
    cluster: str
    time: datetime
    release: str
    status: Status
    objects: tuple[Snapshot, ...]

    @property
    def is_open(self) -> bool:
        """Whether it is neither completed nor undone."""
        return self.status in (Status.BEGUN, Status.UNDOING)

    @property
    def when(self) -> str:
        return f"{self.time:%Y-%m-%d %H:%M:%S} UTC"


def combined(revisions: Sequence[Revision]) -> tuple[Snapshot, ...]:
    """Each object before and after all of these changes, the newest last."""
    by_object: dict[tuple[object, ...], list[Snapshot]] = {}
    for snapshot in (snapshot for revision in revisions for snapshot in revision.objects):
        by_object.setdefault((snapshot.ref.key, snapshot.ref.namespace), []).append(snapshot)
    result = []
    for snapshots in by_object.values():
        first, *between, last = (state for snapshot in snapshots for state in (snapshot.before, snapshot.after))
        is_done = all(snapshot.is_done for snapshot in snapshots)
        result.append(Snapshot(snapshots[-1].ref, first, last, snapshots[0].is_ours, is_done, tuple(between)))
    return tuple(result)


@dataclass(frozen=True, slots=True)
class History:
    """The newest change last. It has changes of more than one cluster where a cluster was created again."""

    revisions: tuple[Revision, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether a change was not completed."""
        return any(revision.is_open for revision in self.revisions)

    def of(self, cluster: str) -> tuple[Revision, ...]:
        return tuple(revision for revision in self.revisions if revision.cluster == cluster)

    def opened(self, cluster: str) -> tuple[Revision, ...]:
        """The newest change, and those that an interrupted rollback was to undo with it, if they were not completed."""
        return tuple(revision for revision in self.of(cluster) if revision.is_open)

    def with_revision(self, revision: Revision) -> History:
        """With this revision in place of the one with its number, or as the newest. The oldest are dropped."""
        others = [other for other in self.revisions if other.number != revision.number]
        return History(tuple(sorted((*others, revision), key=lambda other: other.number))[-_MAX_CHANGES:])

    def with_status(self, numbers: Collection[int], status: Status) -> History:
        return History(
            tuple(replace(other, status=status) if other.number in numbers else other for other in self.revisions)
        )

    def settled(self, cluster: str, live: Index) -> History:
        """With the status of changes that were completed but could not be written down, and without a change that was
        never started. `live` contains all of their objects that exist."""
        opened = self.opened(cluster)
        numbers = [revision.number for revision in opened]
        objects = [(snapshot, live.get(snapshot.ref)) for snapshot in combined(opened)]
        is_rollback = any(revision.status is Status.UNDOING for revision in opened)
        if all(snapshot.is_as(snapshot.before, now) for snapshot, now in objects):
            if is_rollback:
                return self.with_status(numbers, Status.UNDONE)
            return History(tuple(revision for revision in self.revisions if revision.number not in numbers))
        # Objects that are no longer generated are removed after the rollout, perhaps only by the next apply.
        is_over = all(snapshot.is_as(snapshot.after, now) for snapshot, now in objects if snapshot.after is not None)
        return self.with_status(numbers, Status.APPLIED) if is_over and not is_rollback else self

    def begun(self, cluster: str, objects: Sequence[Snapshot], live: Index) -> tuple[History, Revision]:
        """The history, which is settled, with a new change of these objects, and that change. A change that was not
        completed is continued under its number: its objects keep what they were before it, so that one rollback undoes
        both."""
        history, now, last = self, utc_now(), next(iter(self.of(cluster)[::-1]), None)
        pending = [snapshot.ref for snapshot in last.objects if not snapshot.is_done] if last is not None else []
        if opened := self.opened(cluster):
            history = self.with_status([revision.number for revision in opened[:-1]], Status.UNDONE)
            joined = _joined(combined(opened), objects, live)
            revision = replace(opened[-1], status=Status.BEGUN, objects=joined, time=now, release=__version__)
        elif (
            last
            and last.status is Status.APPLIED
            and all(snapshot.after is None and snapshot.ref in pending for snapshot in objects)
        ):
            revision = last  # only removals that this completed change has not made yet
        else:
            number = max((other.number for other in self.revisions), default=0) + 1
            revision = Revision(number, cluster, now, __version__, Status.BEGUN, tuple(objects))
        return history.with_revision(revision), revision


def _joined(opened: Sequence[Snapshot], objects: Sequence[Snapshot], live: Index) -> tuple[Snapshot, ...]:
    """The objects of a continued change together with those that are about to be changed."""
    new = {(snapshot.ref.key, snapshot.ref.namespace): snapshot for snapshot in objects}
    kept = []
    for old in opened:
        now, mine = live.get(old.ref), new.pop((old.ref.key, old.ref.namespace), None)
        known = [comparable(state) for state in old.known]
        if mine is None and old.is_as(old.after, now):
            kept.append(replace(old, after=now and without_server_fields(now), is_done=True, between=()))
        elif mine is None and not old.is_as(old.before, now):
            kept.append(replace(old, is_done=False, between=()))
        elif mine is None:
            continue
        elif now and known and merged(comparable(now), comparable(old.before or {}), known)[1]:
            kept.append(mine)  # changed by another manager in between: that state is restored
        else:
            kept.append(replace(mine, before=old.before, is_ours=old.is_ours))
    return (*kept, *new.values())


def read_history(path: Path, within: Boundary | None = None) -> History:
    """Empty if the file does not exist. Raises FileError, and ConfigError for a file that is not a history."""
    data = read_if_present(path, within, _LIMIT)
    if data is None:
        return History()
    try:
        saved = json.loads(data)
        if saved["format"] == _FORMAT:
            return History(tuple(map(_revision, saved["changes"])))
        if saved["format"] < _FORMAT:
            raise ValueError
        what, remedy = "this history was written by a newer release of tarmak-iam", f"use that release, or {_MOVE_AWAY}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        what, remedy = "this file is not a history of `apply`", f"restore it from a copy, or {_MOVE_AWAY}"
    raise ConfigError(what, remedy=remedy, place=Place(str(path)))


def write_history(history: History, path: Path, within: Boundary | None = None) -> History:
    """Replaces the file, readable by its owner only, and returns what it contains: the oldest changes are dropped if
    it would be too large. Raises FileError, with the old file unchanged."""
    make_directory(path.parent, _DIRECTORY_MODE, within)
    revisions = history.revisions
    text = _text(revisions)
    while len(text) > MAX_BYTES and len(revisions) > 1:
        revisions = revisions[1:]
        text = _text(revisions)
    if len(text) > _LIMIT:  # read_history would reject it
        raise FileError(f"the history would be larger than {_LIMIT:,} bytes", place=Place(str(path)))
    now = read_if_present(path, within, _LIMIT)
    replace_file(path, text, expected=now, mode=_MODE, secret=True, within=within)
    return History(revisions)


def _text(revisions: tuple[Revision, ...]) -> bytes:
    """One line per object."""
    changes = []
    for revision in revisions:
        head = {"number": revision.number, "cluster": revision.cluster, "time": revision.time.isoformat()}
        head |= {"release": revision.release, "status": str(revision.status)}
        lines = []
        for kept in revision.objects:
            ref = kept.ref
            named = {"apiVersion": ref.api_version, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
            states = {"ours": kept.is_ours, "done": kept.is_done, "before": kept.before, "after": kept.after}
            lines.append(f"\n {json.dumps({'object': named, **states})}")
        changes.append(f'\n{json.dumps(head)[:-1]}, "objects": [{",".join(lines)}]}}')
    return f'{{"format": {_FORMAT}, "changes": [{",".join(changes)}\n]}}\n'.encode("utf-8", "surrogatepass")


def _revision(saved: Any) -> Revision:
    objects = []
    for kept in saved["objects"]:
        ref = Ref(*(str(kept["object"][name]) for name in ("apiVersion", "kind", "namespace", "name")))
        for state in (kept["before"], kept["after"]):
            if state is not None and not (isinstance(state, dict) and isinstance(state["metadata"], dict)):
                raise TypeError
        objects.append(Snapshot(ref, kept["before"], kept["after"], bool(kept["ours"]), bool(kept["done"])))
    time = datetime.fromisoformat(saved["time"]).astimezone(timezone.utc)
    number, status = int(saved["number"]), Status(saved["status"])
    return Revision(number, str(saved["cluster"]), time, str(saved["release"]), status, tuple(objects))


def utc_now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


class Journal:
    """The history of one running apply; without a `revision` nothing is recorded. A disk that is full after the first
    change does not stop the apply midway: the plan in the file is enough for a rollback. `close` raises the error."""

    def __init__(
        self, history: History, revision: Revision | None, path: Path, within: Boundary | None, tell: Progress
    ) -> None:
        self._history, self._revision = history, revision
        self._path, self._within, self._tell = path, within, tell
        self._objects = {snapshot.ref: snapshot for snapshot in (revision.objects if revision else ())}
        self._refs = Index(ref.stub for ref in self._objects)
        self._failure: FileError | None = None

    @classmethod
    def begin(
        cls, server: Server, objects: Sequence[Snapshot], path: Path, within: Boundary | None, tell: Progress
    ) -> Journal:
        """Saves the current and the planned objects. Raises FileError, ConfigError and ToolError."""
        saved = history = read_history(path, within)
        revision: Revision | None = None
        if objects or saved.is_open:
            cluster = server.identity()
            live = _live_of(server, saved, cluster)
            history = saved.settled(cluster, live)
            if objects or history.opened(cluster):
                history, revision = history.begun(cluster, objects, live)
        if history != saved:
            history = write_history(history, path, within)
        return cls(history, revision, path, within, tell)

    def save(self, made: Iterable[tuple[Ref, Object | None]] = ()) -> None:
        """Records objects as the API server returned them, None for one that was removed."""
        if self._revision is None:
            return
        for ref, became in made:
            if (stub := self._refs.get(ref)) is not None:
                planned = self._objects[Ref.of(stub)]
                after = became and without_server_fields(became)
                then = Ref.of(became) if became else planned.ref
                self._objects[Ref.of(stub)] = replace(planned, ref=then, after=after, is_done=True)
        self._revision = replace(self._revision, objects=tuple(self._objects.values()))
        try:
            self._history = write_history(self._history.with_revision(self._revision), self._path, self._within)
            self._failure = None
        except FileError as error:
            if self._failure is None:
                self._tell(f"warning: {error}; continuing, because the previous objects are already saved")
            self._failure = error

    def applied(self) -> None:
        """Records that everything is applied except for removals, whatever the result of the rollout."""
        self._objects = {
            ref: snapshot for ref, snapshot in self._objects.items() if not snapshot.is_done or snapshot.is_change
        }
        if self._revision is not None:
            self._revision = replace(self._revision, status=Status.APPLIED)
        self.save()

    def close(self) -> None:
        """Raises FileError if the last change could not be saved."""
        if self._failure is not None:
            raise self._failure


def history_if_readable(path: Path, within: Boundary | None) -> History:
    """Empty if the file cannot be read: the caller that writes it reports that."""
    try:
        return read_history(path, within)
    except TarmakIamError:
        return History()


def finish_notes(server: Server, history: History) -> None:
    """Completes a change that was killed: objects that it wrote get client-side apply's annotation, and fields that a
    rollback restored become ours. Otherwise a later apply would not remove unwanted fields. Raises ToolError."""
    if not history.is_open:
        return
    cluster = server.identity()
    live = _live_of(server, history, cluster)
    opened = combined(history.opened(cluster))
    if server.is_server_side:
        server.join_entries([snapshot.ref for snapshot in opened if snapshot.is_ours])
    for snapshot in opened:
        now = live.get(snapshot.ref)
        for written in (snapshot.before, snapshot.after):
            sent = written and last_applied(written)
            if now and written and sent and last_applied(now) is None and comparable(now) == comparable(written):
                server.note_applied(sent, now)


def left_by(server: Server, history: History) -> Callable[[Object], bool]:
    """Returns a function: whether an object is as its newest change, or the (perhaps interrupted) rollback of that,
    left it."""

    @cache
    def newest_first() -> list[Revision]:
        return list(reversed(history.of(server.identity()))) if history.revisions else []

    def is_left(live: Object) -> bool:
        for revision in newest_first():
            for snapshot in revision.objects:
                if snapshot.ref.is_same(Ref.of(live)):
                    states = {Status.UNDONE: [snapshot.before], Status.UNDOING: [snapshot.before, snapshot.after]}
                    ends = states.get(revision.status, [snapshot.after])
                    return any(state and comparable(live) == comparable(state) for state in ends)
        return False

    return is_left


def _live_of(server: Server, history: History, cluster: str) -> Index:
    """The live objects of changes that were not completed."""
    stubs = [snapshot.ref.stub for snapshot in combined(history.opened(cluster))]
    return Index(server.read(stubs) if stubs else ())
