"""The file of a history: read in both of its formats, and replaced whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tarmak_iam.document.boundary import Boundary
from tarmak_iam.document.files import make_directory, read_if_present, replace_file
from tarmak_iam.document.source import MAX_BYTES
from tarmak_iam.errors import ConfigError, FileError, Place, SelectionError
from tarmak_iam.hook.cluster.history import History, KeptObject, Revision, Status
from tarmak_iam.hook.cluster.objects import Ref

__all__ = ["load_history", "read_history", "write_history"]

_FORMAT = 2
_MODE = 0o600  # ConfigMaps say who may log in, and a plugin's objects may be Secrets
_DIRECTORY_MODE = 0o700
_LIMIT = 8 * MAX_BYTES
"""Of what is read: the newest change is kept whatever its size, and 3,000 mappings before and after are 6 MB."""

_MOVE_AWAY = "move it away; the changes in it can then no longer be rolled back"


def read_history(path: Path, within: Boundary | None = None) -> History | None:
    """None where there is no such file. Raises FileError, and ConfigError for a file that is no history."""
    data = read_if_present(path, within, _LIMIT)
    if data is None:
        return None
    try:
        found = json.loads(data)
        if found["format"] == 1:
            return _of_format_1(found)
        if found["format"] == _FORMAT:
            return History(tuple(map(_revision, found["changes"])))
        if found["format"] < _FORMAT:
            raise ValueError
        what = "a newer release of tarmak-iam wrote this history"
        remedy = f"use that release, or {_MOVE_AWAY}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        what, remedy = "this is not a history that apply keeps", f"restore it from a copy, or {_MOVE_AWAY}"
    raise ConfigError(what, remedy=remedy, place=Place(str(path)))


def load_history(path: Path, within: Boundary | None = None) -> History:
    """As `read_history`; raises SelectionError where there is no such file."""
    found = read_history(path, within)
    if found is None:
        raise SelectionError("there is no change to roll back: nothing was applied from here", place=Place(str(path)))
    return found


def write_history(history: History, path: Path, within: Boundary | None = None) -> History:
    """Replaces the file, for its owner alone, and returns what is in it: the oldest changes go where it would be too
    large. Raises FileError, the old one untouched."""
    make_directory(path.parent, _DIRECTORY_MODE, within)
    revisions = history.revisions
    text = _text(revisions)
    while len(text) > MAX_BYTES and len(revisions) > 1:
        revisions = revisions[1:]
        text = _text(revisions)
    if len(text) > _LIMIT:  # which nobody could read again
        raise FileError(f"the history has more than the {_LIMIT:,} bytes that are read", place=Place(str(path)))
    now = read_if_present(path, within, _LIMIT)
    replace_file(path, text, expected=now, mode=_MODE, secret=True, within=within)
    return History(revisions)


def _text(revisions: tuple[Revision, ...]) -> bytes:
    """A line for each object."""
    return "".join(_lines(revisions)).encode("utf-8", "surrogatepass")


def _lines(revisions: tuple[Revision, ...]) -> Iterator[str]:
    yield f'{{"format": {_FORMAT}, "changes": ['
    for at, each in enumerate(revisions):
        head = {
            "number": each.number,
            "cluster": each.cluster,
            "time": None if each.time is None else each.time.isoformat(),
            "release": each.release,
            "status": str(each.status),
        }
        yield f'{"," if at else ""}\n{json.dumps(head)[:-1]}, "objects": ['
        for number, kept in enumerate(each.objects):
            yield f"{',' if number else ''}\n {json.dumps(_shown(kept))}"
        yield "]}"
    yield "\n]}\n"


def _shown(each: KeptObject) -> dict[str, Any]:
    ref = each.ref
    named = {"apiVersion": ref.api_version, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
    shown = {"object": named, "ours": each.is_ours, "done": each.is_done, "before": each.before, "after": each.after}
    return shown if each.digest is None else {**shown, "digest": each.digest}


def _revision(found: Any) -> Revision:
    time = None if found["time"] is None else datetime.fromisoformat(found["time"]).astimezone(timezone.utc)
    objects = tuple(
        KeptObject(
            _ref(each["object"]),
            _object(each["before"]),
            _object(each["after"]),
            bool(each["ours"]),
            bool(each["done"]),
            None if each.get("digest") is None else str(each["digest"]),
        )
        for each in found["objects"]
    )
    number = int(found["number"])
    return Revision(number, str(found["cluster"]), time, str(found["release"]), Status(found["status"]), objects)


def _of_format_1(found: Any) -> History:
    """One state, from before the last apply, as releases up to 0.1 kept it: with a digest of what was made."""
    is_settled = bool(found["settled"])
    objects = []
    for each in found["objects"]:
        made = each["after"] if isinstance(each["after"], str) else ""
        kept = KeptObject(_ref(each["object"]), _object(each["before"]), None, bool(each["ours"]), is_settled, made)
        # Of a settled one without a digest it is known that it was removed.
        objects.append(kept if made or not is_settled else KeptObject(kept.ref, kept.before, None, kept.is_ours, True))
    status = Status.APPLIED if is_settled else Status.BEGUN
    return History((Revision(1, str(found["cluster"]), None, "", status, tuple(objects)),))


def _ref(named: Any) -> Ref:
    return Ref(str(named["apiVersion"]), str(named["kind"]), str(named["namespace"]), str(named["name"]))


def _object(found: Any) -> dict[str, Any] | None:
    if found is None:
        return None
    if not isinstance(found, dict) or not isinstance(found["metadata"], dict):
        raise TypeError
    return found
