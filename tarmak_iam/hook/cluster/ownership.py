"""Whose the fields of an object are: what others have changed of ours, and what only looks like theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tarmak_iam.emit.checksum import OWN_ANNOTATIONS, checksum_of, is_intact
from tarmak_iam.hook.cluster.managed_fields import FieldSet, is_within, joined, projected
from tarmak_iam.hook.cluster.merge import MISSING, Path, fields
from tarmak_iam.hook.cluster.objects import LAST_APPLIED, MANAGER, Object, entries, last_applied, meant

__all__ = ["edited_fields", "is_bookkeeping", "is_own_trace", "lost_fields", "under_one_entry"]

# Of an object that bears our label, these may be traces of `manifests | kubectl apply -f -`. Up to 1.18 kubectl is
# called `kubectl` whatever it does, and later only for `apply --server-side`.
_KUBECTL = frozenset({"kubectl-client-side-apply", "kubectl"})


def is_own_trace(live: Object, manager: str) -> bool:
    """Whether all that a field manager has set there is what `manifests` makes, or what our own rollback wrote."""
    if manager == MANAGER:
        return True
    found = [each for each in entries(live) if each.get("manager") == manager and not each.get("subresource")]
    return manager in _KUBECTL and bool(found) and all(_is_own(live, each) for each in found)


def lost_fields(live: Object, wanted: Object, then: Object) -> tuple[Path, ...]:
    """Fields that were applied and are not there as they were: somebody has removed them, and nobody has them now, so
    that the API server sees no conflict. Known where the very manifest that is wanted was the last to be applied."""
    # What is fitted to the one that is there is not the manifest as it was applied.
    if not is_intact(wanted) or checksum_of(live) != checksum_of(wanted):
        return ()
    found = fields(meant(wanted), meant(live), meant(then))
    return tuple(path for path, (mine, now, after) in found if mine is not MISSING and now != after)


def edited_fields(live: Object, wanted: Object, then: Object) -> tuple[Path, ...]:
    """Fields that an apply would set and that somebody has set since the last one, where the API server does not keep
    who sets what: below Kubernetes 1.16."""
    last = next(_applied(live, wanted), None)
    if last is None:
        return tuple(path for path, (now, after) in fields(meant(live), meant(then)) if now != after)
    found = fields(meant(last), meant(live), meant(then))
    return tuple(path for path, (was, now, after) in found if was is not MISSING and now not in (was, after))


def under_one_entry(live: Object) -> Object | None:
    """With what we have written by another way in the entry of our server-side applies: an apply removes only what that
    entry has and no other. None where it is so already, and where kubectl's own note is there, which is set last."""
    own = {each.get("operation"): each for each in entries(live) if _is_ours(each)}
    applied, updated = own.get("Apply"), own.get("Update")
    if applied is None or updated is None or last_applied(live) is not None:
        return None
    # The time of the write: by it pods are judged that have read a ConfigMap before.
    one = {**applied, "time": updated.get("time"), "fieldsV1": joined(_fields_of(applied), _fields_of(updated))}
    left = [one if each is applied else each for each in entries(live) if each is not updated]
    return {**live, "metadata": {**live["metadata"], "managedFields": left}}


def _is_ours(entry: Object) -> bool:
    return entry.get("manager") == MANAGER and not entry.get("subresource")


def is_bookkeeping(path: Path) -> bool:
    """Whether a field is an annotation in which kubectl or we note what was done."""
    is_annotation = path[:2] == ("metadata", "annotations") and len(path) > 2
    return is_annotation and (path[2] == LAST_APPLIED or path[2].startswith(OWN_ANNOTATIONS))


def _is_own(live: Object, entry: Object) -> bool:
    theirs = _fields_of(entry)
    if entry.get("operation") == "Apply":
        return is_within(theirs, _ours(live)) or is_intact(projected(live, theirs))
    last = last_applied(live)
    if last is None or not is_intact(last):
        return False
    # What the API server added as a default is theirs as well, and not in what was applied.
    found = fields(projected(live, theirs), last)
    return all(MISSING in pair or pair[0] == pair[1] for _, pair in found)


def _applied(live: Object, wanted: Object) -> Iterator[Object]:
    """What was applied of it and is what `manifests` made: by kubectl's own apply, or server-side under our name."""
    last = last_applied(live)
    if last is not None and is_intact(last):
        yield last
    ours = projected(live, _ours(live))
    if is_intact(ours):
        yield ours
    # What is too large for kubectl's copy of it has none. The API server adds nothing to a ConfigMap.
    if live.get("kind") == "ConfigMap" and is_intact(whole := _in_shape(live, wanted)):
        yield whole


def _in_shape(value: Any, shape: Any) -> Any:
    """What of it is in what another object has fields for."""
    if not isinstance(value, dict) or not isinstance(shape, dict):
        return value
    return {key: _in_shape(value[key], inner) for key, inner in shape.items() if key in value}


def _ours(live: Object) -> FieldSet:
    """What server-side apply has under our name."""
    for entry in entries(live):
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply":
            return _fields_of(entry)
    return {}


def _fields_of(entry: Object) -> FieldSet:
    found = entry.get("fieldsV1")
    return found if isinstance(found, dict) else {}
