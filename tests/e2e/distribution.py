"""Which worker of pytest-xdist runs which test: those that need one Kubernetes' API server run where it runs.

xdist has marks for that, `--dist loadgroup`: it writes the group into the test's id, which pytest from 9.2 on does not
take. Here the release is read off the id. As the tests on the current Kubernetes take twice as long as all others, they
are two groups, each with an API server of its own.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

from tests.e2e import components

__all__ = ["ByApiServer", "group_of"]

_RELEASE = r"(v\d+\.\d+\.\d+)"
_SERVER = re.compile(rf"[\[-]{_RELEASE}-kubectl-|\[{_RELEASE}[-\]]")
_APART = ("test_access_review", "test_backends", "test_changes_of_others", "test_custom_resources")
"""Half of what is to be done on the current Kubernetes."""


def group_of(nodeid: str) -> str | None:
    """None for a test that asks no API server."""
    found = _SERVER.search(nodeid)
    if found is None:
        return None
    release = found[1] or found[2]
    is_apart = release == components.KUBERNETES and any(f"/{name}.py::" in nodeid for name in _APART)
    return f"{release}, apart" if is_apart else release


class ByApiServer(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid) or nodeid
