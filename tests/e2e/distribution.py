"""Which worker of pytest-xdist runs which test: all that need one Kubernetes' API server run where it runs.

xdist has marks for that, `--dist loadgroup`: it writes the group into the test's id, which pytest from 9.2 on does not
take. Here the release is read off the id, in which it comes first of the parameters.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

__all__ = ["ByApiServer", "server_of"]

_SERVER = re.compile(r"\[(v\d+\.\d+\.\d+)(?=[-\]])")


def server_of(nodeid: str) -> str | None:
    """The release of the API server that a test asks; None for those that ask none."""
    found = _SERVER.search(nodeid)
    return found[1] if found else None


class ByApiServer(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        return server_of(nodeid) or nodeid
