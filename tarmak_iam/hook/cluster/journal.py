"""The history file, always replaced as a whole; and the journal of a running change,
saved before the first write and after each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from tarmak_iam._version import __version__
from tarmak_iam.errors import ConfigError, FileError, Place, SelectionError, TarmakIamError
from tarmak_iam.files import MAX_BYTES
from tarmak_iam.files.atomic import make_directory, replace_file
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import read_if_present
from tarmak_iam.hook.cluster.history import History, KeptObject, Revision, Status, composed
from tarmak_iam.hook.cluster.objects import Index, Object, Ref, comparable, last_applied
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Progress

_FORMAT = 2

_MODE = 0o600  # ConfigMaps contain who may log in, and objects of a plugin may be Secrets

_DIRECTORY_MODE = 0o700

_LIMIT = 8 * MAX_BYTES
"""Maximum size of the file. The newest change is kept whatever its size: 3,000 mappings before and after are 6 MB."""

_MOVE_AWAY = "move the file away; its changes can then no longer be rolled back"


def read_history(path: Path, within: Boundary | None = None) -> History | None:
    """None if the file does not exist. Raises FileError, and ConfigError for a file that is not a history."""
    data = read_if_present(path, within, _LIMIT)
    if data is None:
        return None
    try:
        found = json.loads(data)
        if found["format"] == _FORMAT:
            return History(tuple(map(_revision, found["changes"])))
        if found["format"] < _FORMAT:
            raise ValueError
        what = "this history was written by a newer release of tarmak-iam"
        remedy = f"use that release, or {_MOVE_AWAY}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        what, remedy = "this file is not a history of `apply`", f"restore it from a copy, or {_MOVE_AWAY}"
    raise ConfigError(what, remedy=remedy, place=Place(str(path)))


def load_history(path: Path, within: Boundary | None = None) -> History:
    """As `read_history`, but raises SelectionError if the file does not exist."""
    found = read_history(path, within)
    if found is None:
        raise SelectionError("no change to roll back: nothing was applied from this directory", place=Place(str(path)))
    return found


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
        head = {
            "number": revision.number,
            "cluster": revision.cluster,
            "time": revision.time.isoformat(),
            "release": revision.release,
            "status": str(revision.status),
        }
        objects = ",".join(f"\n {json.dumps(_shown(kept))}" for kept in revision.objects)
        changes.append(f'\n{json.dumps(head)[:-1]}, "objects": [{objects}]}}')
    return f'{{"format": {_FORMAT}, "changes": [{",".join(changes)}\n]}}\n'.encode("utf-8", "surrogatepass")


def _shown(kept: KeptObject) -> dict[str, Any]:
    ref = kept.ref
    named = {"apiVersion": ref.api_version, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
    return {"object": named, "ours": kept.is_ours, "done": kept.is_done, "before": kept.before, "after": kept.after}


def _revision(found: Any) -> Revision:
    time = datetime.fromisoformat(found["time"]).astimezone(timezone.utc)
    objects = []
    for kept in found["objects"]:
        ref = Ref(*(str(kept["object"][name]) for name in ("apiVersion", "kind", "namespace", "name")))
        before, after = _object(kept["before"]), _object(kept["after"])
        objects.append(KeptObject(ref, before, after, bool(kept["ours"]), bool(kept["done"])))
    number, status = int(found["number"]), Status(found["status"])
    return Revision(number, str(found["cluster"]), time, str(found["release"]), status, tuple(objects))


def _object(found: Any) -> dict[str, Any] | None:
    if found is None:
        return None
    if not isinstance(found, dict) or not isinstance(found["metadata"], dict):
        raise TypeError
    return found


def utc_now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


class Journal:
    """The history of one running apply. A disk that is full after the first change does not stop the apply midway: the
    file already contains the plan, which is enough for a rollback, and `close` raises the error."""

    def __init__(
        self, path: Path, within: Boundary | None, tell: Progress, history: History, revision: Revision
    ) -> None:
        self._path, self._within, self._tell = path, within, tell
        self._history, self._revision = history, revision
        self._kept = {each.ref: each for each in revision.objects}
        self._refs = Index(each.ref.stub for each in revision.objects)
        self._failure: FileError | None = None

    @classmethod
    def begin(
        cls, server: Server, objects: Sequence[KeptObject], path: Path, within: Boundary | None, tell: Progress
    ) -> Journal:
        """Saves the current objects and the planned ones. Raises FileError and ToolError."""
        cluster, history = server.identity(), read_history(path, within) or History()
        live = _live_of(server, history, cluster)
        history, revision = history.begun(cluster, objects, live, utc_now(), __version__)
        return cls(path, within, tell, write_history(history, path, within), revision)

    def note(self, ref: Ref, made: Object | None) -> None:
        """Records an object as the API server returned it; None if it was removed."""
        found = self._refs.get(ref)
        if found is not None:
            named = Ref.of(found)
            self._kept[named] = self._kept[named].done(made)

    def save(self) -> None:
        self._revision = replace(self._revision, objects=tuple(self._kept.values()))
        try:
            self._history = write_history(self._history.with_revision(self._revision), self._path, self._within)
            self._failure = None
        except FileError as error:
            if self._failure is None:
                self._tell(f"warning: {error}; continuing, because the previous objects are already saved")
            self._failure = error

    def applied(self) -> None:
        """Records that everything is applied except for removals, whatever the result of the rollout."""
        kept = {ref: each for ref, each in self._kept.items() if not each.is_done or each.is_change}
        self._kept = kept
        self._revision = replace(self._revision, status=Status.APPLIED)
        self.save()

    def close(self) -> None:
        """Raises FileError if the last change could not be saved."""
        if self._failure is not None:
            raise self._failure


def settle(server: Server, path: Path, within: Boundary | None) -> None:
    """Marks a change that was not completed as applied, once all objects are as wanted. Raises FileError, ConfigError
    and ToolError."""
    history = read_history(path, within)
    if history is None or not any(each.is_open for each in history.revisions):
        return
    cluster = server.identity()
    live = _live_of(server, history, cluster)
    found = history.settled(cluster, live)
    if found.opened(cluster):
        begun, revision = found.begun(cluster, (), live, utc_now(), __version__)
        found = begun.with_status((revision.number,), Status.APPLIED)
    if found != history:
        write_history(found, path, within)


def finish_notes(server: Server, path: Path, within: Boundary | None) -> None:
    """Completes a change that was killed: the objects that it wrote get client-side apply's annotation, and fields that
    a rollback restored are recorded under the field manager tarmak-iam. Otherwise a later apply would not remove fields
    that are no longer wanted. Raises ToolError."""
    try:
        history = read_history(path, within)
    except TarmakIamError:  # reported by the caller that writes the file
        return
    if history is None or not any(each.is_open for each in history.revisions):
        return
    cluster = server.identity()
    live = _live_of(server, history, cluster)
    opened = composed(history.opened(cluster))
    if server.is_server_side:
        server.join_entries([each.ref for each in opened if each.is_ours])
    for each in opened:
        now = live.get(each.ref)
        for written in (each.target, each.states[-1]):
            sent = written and last_applied(written)
            if now and written and sent and last_applied(now) is None and comparable(now) == comparable(written):
                server.note_applied(sent, now)


def left_by(server: Server, path: Path, within: Boundary | None) -> Callable[[Object], bool]:
    """Returns a function: whether an object is as the history in the file left it. False for every object if the file
    cannot be read: the caller that writes it reports that."""

    @cache
    def known() -> Callable[[Object], bool]:
        try:
            history = read_history(path, within)
        except TarmakIamError:
            history = None
        return (lambda _: False) if history is None else history.left(server.identity())

    def is_left(live: Object) -> bool:
        return known()(live)

    return is_left


def _live_of(server: Server, history: History, cluster: str) -> Index:
    """The live objects of changes that were not completed."""
    stubs = [each.ref.stub for each in composed(history.opened(cluster))]
    return Index(server.read(stubs) if stubs else ())
