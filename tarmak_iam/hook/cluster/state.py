"""The state before an apply, kept in a file until the next one, so that `rollback` can restore it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tarmak_iam.document.boundary import Boundary
from tarmak_iam.document.files import make_directory, read_if_present, replace_file
from tarmak_iam.document.source import MAX_BYTES
from tarmak_iam.errors import ConfigError, FileError, Place, SelectionError
from tarmak_iam.hook.cluster.objects import Object, Ref, cleaned, is_ours

__all__ = ["STATE_NAME", "KeptObject", "State", "older"]

STATE_NAME = "tarmak-iam.state.json"
"""In the cluster's directory: what `rollback` restores."""

_FORMAT = 1
_MODE = 0o600  # ConfigMaps say who may log in, and a plugin's objects may be Secrets
_DIRECTORY_MODE = 0o700


@dataclass(frozen=True, slots=True)
class KeptObject:
    """An object as it was before, and whether it was ours; None where there was none. `after`: digest of what was
    made of it, None where that is not known or it was removed."""

    ref: Ref
    before: Object | None
    is_ours: bool = True
    after: str | None = None

    @classmethod
    def of(cls, ref: Ref, live: Object | None) -> KeptObject:
        return cls(ref, None) if live is None else cls(ref, cleaned(live), is_ours(live))


@dataclass(frozen=True, slots=True)
class State:
    """`cluster` is the uid of the cluster's kube-system. `settled`: whether the apply came to its end, or was rolled
    back; what an unsettled state has of an object is from before the first attempt, and stays."""

    cluster: str
    objects: tuple[KeptObject, ...]
    settled: bool = False

    @classmethod
    def read(cls, path: Path, within: Boundary | None = None) -> State | None:
        """None where there is no such file. Raises FileError, and ConfigError for a file that is no such state."""
        data = read_if_present(path, within)
        if data is None:
            return None
        try:
            found = json.loads(data)
            if found["format"] != _FORMAT:
                raise ValueError
            objects = tuple(_kept(each) for each in found["objects"])
            return cls(str(found["cluster"]), objects, bool(found["settled"]))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise ConfigError(
                "this is no state that apply keeps", remedy="name another file, or remove it", place=Place(str(path))
            ) from None

    @classmethod
    def load(cls, path: Path, within: Boundary | None = None) -> State:
        """As `read`; raises SelectionError where there is no such file."""
        found = cls.read(path, within)
        if found is None:
            raise SelectionError(
                "there is no state to roll back to: nothing was applied from here", place=Place(str(path))
            )
        return found

    def write(self, path: Path, within: Boundary | None = None) -> None:
        """Replaces the file, for its owner alone. Raises FileError, the old one untouched."""
        make_directory(path.parent, _DIRECTORY_MODE, within)
        shown = {
            "format": _FORMAT,
            "cluster": self.cluster,
            "settled": self.settled,
            "objects": [
                {"object": _shown(each.ref), "ours": each.is_ours, "before": each.before, "after": each.after}
                for each in self.objects
            ],
        }
        text = (json.dumps(shown, indent=1, ensure_ascii=False) + "\n").encode()
        if len(text) > MAX_BYTES:  # which nobody could read again
            raise FileError(f"the state has more than the {MAX_BYTES:,} bytes that are read", place=Place(str(path)))
        now = read_if_present(path, within)
        replace_file(path, text, expected=now, mode=_MODE, secret=True, within=within)

    def with_first(self, earlier: State) -> State:
        """The same objects, and those of an apply that was not finished: as they were before that one."""
        first = {each.ref: each for each in earlier.objects}
        mine = {each.ref for each in self.objects}
        kept = tuple(first.get(each.ref, each) for each in self.objects)
        return replace(self, objects=(*kept, *(each for each in earlier.objects if each.ref not in mine)))

    def finished(self, digests: Iterable[tuple[Ref, str]]) -> State:
        """With what was made of each object."""
        made = dict(digests)
        return replace(
            self, settled=True, objects=tuple(replace(each, after=made.get(each.ref)) for each in self.objects)
        )


def older(path: Path) -> Path:
    """Where the state before the one in `path` is kept: `tarmak-iam.state.1.json`."""
    return path.with_name(f"{path.stem}.1{path.suffix}")


def _kept(each: Any) -> KeptObject:
    ref, before, after = each["object"], each["before"], each["after"]
    if before is not None and not isinstance(before["metadata"], dict):
        raise ValueError
    if after is not None and not isinstance(after, str):
        raise ValueError
    named = Ref(str(ref["apiVersion"]), str(ref["kind"]), str(ref["namespace"]), str(ref["name"]))
    return KeptObject(named, before, bool(each["ours"]), after)


def _shown(ref: Ref) -> dict[str, str]:
    return {"apiVersion": ref.api_version, "kind": ref.kind, "namespace": ref.namespace, "name": ref.name}
