"""Which worker of pytest-xdist runs which test: those that need one Kubernetes' API server run where it runs.

xdist has marks for that, `--dist loadgroup`: it writes the group into the test's id, which pytest from 9.2 on does not
take. Here the release is read off the id. The tests mostly wait, each in its turn, so those on one Kubernetes are
several groups, each with an API server of its own: what a group leaves behind, no other meets, in whatever order they
are run. On local nodes every worker has a cluster of its own, and each test is a group.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

__all__ = ["ByApiServer", "part_of"]

_SERVER = re.compile(r"[\[-](v\d+\.\d+\.\d+)-kubectl-|\[(v\d+\.\d+\.\d+)[-\]]")
_PARTS = {
    "test_live": "live",
    "test_locks": "locks",
    "test_run": "processes",
    "test_custom_resources": "definitions",
    "test_changes_of_others": "changes",
    "test_access_review": "objects",
    "test_backends": "objects",
}
"""The modules that are groups of their own on each Kubernetes."""


def part_of(module: str) -> str:
    """What the module's tests share an API server for; empty for all that are not in `_PARTS`."""
    return _PARTS.get(module, "")


class ByApiServer(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        """A test that shares nothing with others is a group of its own."""
        path = nodeid.partition("::")[0]
        server = _SERVER.search(nodeid)
        if server is None:
            return nodeid
        return f"{server[1] or server[2]} {part_of(path.rpartition('/')[2].removesuffix('.py'))}"
