"""Which worker of pytest-xdist runs which test: those that need one Kubernetes' API server run where it runs.

xdist has marks for that, `--dist loadgroup`: it writes the group into the test's id, which pytest from 9.2 on does not
take. Here the release is read off the id. The tests mostly wait, each in its turn, so those on one Kubernetes are
several groups, each with an API server of its own: what a group leaves behind, no other meets, in whatever order they
are run. On local nodes every worker has a cluster of its own, and each test is a group, except those that share a
second master.
"""

from __future__ import annotations

import re
from zlib import crc32

from xdist.scheduler import LoadScopeScheduling

__all__ = ["ByApiServer", "group_of", "part_of"]

_RELEASE = r"(v\d+\.\d+\.\d+)"
_SERVER = re.compile(rf"[\[-]{_RELEASE}-kubectl-|\[{_RELEASE}[-\]]")
_PARTS = {
    "live": ("test_live",),
    "locks": ("test_locks",),
    "processes": ("test_kills", "test_run"),
    "definitions": ("test_custom_resources",),
    "changes": ("test_changes_of_others",),
    "objects": ("test_access_review", "test_backends"),
}
"""The modules that are groups of their own on each Kubernetes."""
_HALVED = ("live", "locks")
"""Those that take longest are two groups each: a test belongs to one of them by its name."""

_TWO_MASTERS = "tests/e2e/node/test_two_masters.py"


def group_of(nodeid: str) -> str | None:
    """None for a test that shares nothing with others."""
    if nodeid.startswith(f"{_TWO_MASTERS}::"):
        return _TWO_MASTERS
    found = _SERVER.search(nodeid)
    if found is None:
        return None
    release, part = found[1] or found[2], part_of(nodeid.partition(".py::")[0].rpartition("/")[2])
    if part in _HALVED:
        part += f" {crc32(nodeid.partition('::')[2].encode()) % 2 + 1}"
    return f"{release}, {part}" if part else release


def part_of(module: str) -> str:
    """What the module's tests share an API server for; empty for all that are not in `_PARTS`."""
    return next((name for name, modules in _PARTS.items() if module in modules), "")


class ByApiServer(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid) or nodeid
