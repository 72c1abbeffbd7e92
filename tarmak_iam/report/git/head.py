"""The commit that is checked out: HEAD, through the branch that it names."""

from __future__ import annotations

import os
import re

from tarmak_iam.report.git.files import GitFiles
from tarmak_iam.report.git.limits import HistoryUnknown
from tarmak_iam.report.git.location import Location

__all__ = ["head_commit", "shallow_commits"]

_REF_BYTES = 8192
_LIST_BYTES = 1 << 25
_LINKS = 5
_ID = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCH = re.compile(rb"ref: (?P<name>refs(?:/(?!\.)[^/\x00-\x20\x7f]+)+)\s*")


def head_commit(location: Location) -> bytes | None:
    """Its id in hexadecimal; None where nothing is committed yet. Raises HistoryUnknown."""
    own, common = GitFiles(location.own), GitFiles(location.common)
    if common.has("reftable"):
        raise HistoryUnknown("the repository keeps its branches in the reftable format, which is not read")
    text = own.read("HEAD", _REF_BYTES)
    for _ in range(_LINKS):
        if text is None:
            return None
        branch = _BRANCH.fullmatch(text)
        if branch is None:
            return _id(text)
        name = branch["name"]
        text = common.read(os.fsdecode(name), _REF_BYTES)
        text = _packed(common, name) if text is None else text
    raise HistoryUnknown("HEAD names branches that name each other")


def shallow_commits(location: Location) -> frozenset[bytes]:
    """Those whose parents a shallow clone has left behind."""
    text = GitFiles(location.common).read("shallow", _LIST_BYTES)
    return frozenset(text.split()) if text else frozenset()


def _id(text: bytes) -> bytes:
    stripped = text.strip()
    if not _ID.fullmatch(stripped):
        raise HistoryUnknown("HEAD does not name a commit")
    return stripped


def _packed(files: GitFiles, name: bytes) -> bytes | None:
    text = files.read("packed-refs", _LIST_BYTES) or b""
    line = re.search(rb"^([0-9a-f]{40,64}) " + re.escape(name) + rb"\r?$", text, re.MULTILINE)
    return line[1] if line else None
