"""The record of what was written to a directory: names and SHA-256, nothing that is secret."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tarmak_iam.emit.filenames import is_safe_name

__all__ = ["RECORD_NAME", "Record", "digest"]

RECORD_NAME = ".tarmak-iam-render"
"""Not `.json`, which `kubectl apply -f DIRECTORY` would read as an object."""

_ABOUT = "What `tarmak-iam render` wrote to this directory, and so may replace. Keep it with the files."
_VERSION = 1


def digest(data: bytes) -> str:
    """SHA-256, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """`files`: name -> the digests of what the file may hold.

    There is one, but two while the files are being written: an interrupted run leaves some old and some new.
    """

    cluster_id: str
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Record:
        """Raises ValueError for what is no record of this version; a name in it leads nowhere else."""
        try:
            content = json.loads(data)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except ValueError:
            raise ValueError("it is no JSON") from None
        if not isinstance(content, dict) or content.get("version") != _VERSION:
            raise ValueError("it is of another version")
        cluster_id, files = content.get("cluster"), content.get("files")
        if not isinstance(cluster_id, str) or not isinstance(files, dict):
            raise ValueError("cluster or files are missing")
        return cls(cluster_id, {_plain_name(name): _digests(value) for name, value in files.items()})

    def to_bytes(self) -> bytes:
        """The same for the same record."""
        files = {name: list(self.files[name]) for name in sorted(self.files)}
        content = {"about": _ABOUT, "version": _VERSION, "cluster": self.cluster_id, "files": files}
        return (json.dumps(content, indent=2) + "\n").encode()

    def has(self, name: str, data: bytes) -> bool:
        """Whether that is what was written under the name."""
        return digest(data) in self.files.get(name, ())


def _plain_name(name: str) -> str:
    """Somebody else may have written the record: no name of it is followed to another directory."""
    if not is_safe_name(name):
        raise ValueError(f"{name!r} is no name of a file")
    return name


def _digests(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("a digest is no text")
    return tuple(value)
