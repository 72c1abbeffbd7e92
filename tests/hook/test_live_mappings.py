"""Groups that no binding of the cluster knows, and those that are spelled nearly so."""

from __future__ import annotations

from tarmak_iam.hook.cluster.live_mappings import unbound_groups
from tarmak_iam.identity.model import Grant
from tests.support.case_rows import rows

DEV = "arn:aws:iam::111122223333:role/Dev"


@rows(__file__, "a group that is spelled nearly so")
def test_a_group_that_is_spelled_nearly_so(group: str, bound: list[str], nearest: str) -> None:
    (found,) = unbound_groups([Grant("arn", DEV, "dev", (group,), "MountedFile")], bound)
    assert found.nearest == nearest
    what = f"no RoleBinding or ClusterRoleBinding names the group {group}, which {DEV} would get"
    assert found.text == (f"{what}; did you mean {nearest}?" if nearest else what)


def test_a_group_that_is_bound_or_built_in_is_known() -> None:
    groups = ("dev", "system:masters", "team-{{AccountID}}")
    assert unbound_groups([Grant("arn", DEV, "dev", groups, "MountedFile")], ["dev", "team-111122223333"]) == ()
