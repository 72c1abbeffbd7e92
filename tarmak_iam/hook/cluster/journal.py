"""A change while it is made: written down before the first write to the cluster, and after each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

from tarmak_iam._version import __version__
from tarmak_iam.document.boundary import Boundary
from tarmak_iam.errors import FileError, TarmakIamError
from tarmak_iam.hook.cluster.history import History, KeptObject, Revision, Status, composed
from tarmak_iam.hook.cluster.history_file import read_history, write_history
from tarmak_iam.hook.cluster.objects import Index, Object, Ref, last_applied, meant
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.telling import Tell

__all__ = ["Journal", "finish_notes", "left_by", "settle", "utc_now"]


def utc_now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


class Journal:
    """Of one apply. A disk that is full from the first change on does not stop it half-way: by then the file has what
    is planned, which is enough for a rollback, and `close` raises what was in the way."""

    def __init__(self, path: Path, within: Boundary | None, tell: Tell, history: History, revision: Revision) -> None:
        self._path, self._within, self._tell = path, within, tell
        self._history, self._revision = history, revision
        self._kept = {each.ref: each for each in revision.objects}
        self._refs = Index(each.ref.stub for each in revision.objects)
        self._failure: FileError | None = None

    @classmethod
    def begin(
        cls, server: Server, objects: Sequence[KeptObject], path: Path, within: Boundary | None, tell: Tell
    ) -> Journal:
        """Writes down what is there now and what is planned. Raises FileError and ToolError."""
        cluster, history = server.identity(), read_history(path, within) or History()
        live = _live_of(server, history, cluster)
        history, revision = history.begun(cluster, objects, live, utc_now(), __version__)
        return cls(path, within, tell, write_history(history, path, within), revision)

    def note(self, ref: Ref, made: Object | None) -> None:
        """What has become of an object; None where it was removed."""
        found = self._refs.get(ref)
        if found is not None:
            named = Ref.of(found)
            self._kept[named] = self._kept[named].done(made)

    def save(self) -> None:
        self._write(replace(self._revision, objects=tuple(self._kept.values())))

    def applied(self) -> None:
        """All is written but what is still to be removed; whatever the rollout comes to."""
        kept = {ref: each for ref, each in self._kept.items() if not each.is_done or each.is_change}
        self._kept = kept
        self._revision = replace(self._revision, status=Status.APPLIED)
        self.save()

    def close(self) -> None:
        """Raises FileError where the last thing could not be written down."""
        if self._failure is not None:
            raise self._failure

    def _write(self, revision: Revision) -> None:
        self._revision = revision
        try:
            self._history = write_history(self._history.with_revision(revision), self._path, self._within)
            self._failure = None
        except FileError as error:
            if self._failure is None:
                self._tell(f"warning: {error}; going on, since what was there before is written down")
            self._failure = error


def settle(server: Server, path: Path, within: Boundary | None) -> None:
    """Of a change that did not come to its end, where everything is as it is wanted now: that it is applied. Raises
    FileError, ConfigError and ToolError."""
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
    """Of a rollback that was killed: what it has put back gets plain apply's note, and its fields belong to
    our server-side applies. Without that an apply would remove nothing that is no longer wanted. Raises ToolError."""
    try:
        history = read_history(path, within)
    except TarmakIamError:  # whoever is about to write it says so
        return
    if history is None or not any(each.status is Status.UNDOING for each in history.revisions):
        return
    cluster = server.identity()
    live = _live_of(server, history, cluster)
    opened = composed(history.opened(cluster))
    if server.is_server_side:
        server.join_entries([each.ref for each in opened if each.is_ours])
    for each in opened:
        now, sent = live.get(each.ref), each.target and last_applied(each.target)
        if now and each.target and sent and last_applied(now) is None and meant(now) == meant(each.target):
            server.note_applied(sent, now)


def left_by(server: Server, path: Path, within: Boundary | None) -> Callable[[Object], bool]:
    """Tells whether an object is as the history in the file left it. A file that cannot be read tells of none: whoever
    is about to write it says so."""

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
    """What is there of the objects of changes that did not come to their end."""
    stubs = [each.ref.stub for each in composed(history.opened(cluster))]
    return Index(server.read(stubs) if stubs else ())
