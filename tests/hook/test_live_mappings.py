"""Groups that no binding of the cluster knows, and those that are spelled nearly so."""

from __future__ import annotations

import pytest

from tarmak_iam.hook.cluster.live_mappings import unbound_groups
from tarmak_iam.identity.model import Grant

DEV = "arn:aws:iam::111122223333:role/Dev"


@pytest.mark.parametrize(
    ("group", "bound", "nearest"),
    [
        ("developer", ["developers", "ops"], "developers"),
        ("Developers", ["developers"], "developers"),
        ("dev_ops", ["dev-ops"], "dev-ops"),
        ("developers\u200b", ["developers"], "developers"),
        ("system:master", ["ops"], "system:masters"),
        ("team-a", ["team-b"], ""),
        ("ops", ["developers"], ""),
        ("ops", [], ""),
    ],
)
def test_a_group_that_is_spelled_nearly_so(group: str, bound: list[str], nearest: str) -> None:
    (found,) = unbound_groups([Grant("arn", DEV, "dev", (group,), "MountedFile")], bound)
    assert found.nearest == nearest
    what = f"no RoleBinding or ClusterRoleBinding names the group {group}, which {DEV} would get"
    assert found.text == (f"{what}; did you mean {nearest}?" if nearest else what)


def test_a_group_that_is_bound_or_built_in_is_known() -> None:
    groups = ("dev", "system:masters", "team-{{AccountID}}")
    assert unbound_groups([Grant("arn", DEV, "dev", groups, "MountedFile")], ["dev", "team-111122223333"]) == ()
