"""Which worker of pytest-xdist runs which test: those that need one Kubernetes' API server run where it runs.

xdist has marks for that, `--dist loadgroup`: it writes the group into the test's id, which pytest from 9.2 on does not
take. Here the release is read off the id. A start of an API server takes four seconds of a processor, and CI has other
tests for what is left of it: so there are no more groups than it takes for the longest one to end before those. On
local nodes every worker has a cluster of its own, and each test is a group.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

from tests.e2e import components

__all__ = ["ByApiServer", "part_of"]

_SERVER = re.compile(r"[\[-](v\d+\.\d+\.\d+)-kubectl-|\[(v\d+\.\d+\.\d+)[-\]]")
_PARTS = {
    "test_live": "live",
    "test_privileged_logins": "live",
    "test_locks": "processes",
    "test_pods": "processes",
    "test_run": "processes",
}
"""What the tests of these modules share an API server for; those of all others share one."""


def part_of(module: str, release: str) -> str:
    """The group; an older Kubernetes has few tests, which are one."""
    return _PARTS.get(module, "others") if release == components.KUBERNETES else "all"


class ByApiServer(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        """A test that shares nothing with others is a group of its own."""
        path = nodeid.partition("::")[0]
        found = _SERVER.search(nodeid)
        if found is None:
            return nodeid
        release = found[1] or found[2]
        return f"{release} {part_of(path.rpartition('/')[2].removesuffix('.py'), release)}"
