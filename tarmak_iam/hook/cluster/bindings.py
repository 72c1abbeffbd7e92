"""Groups that mappings give and that no binding of the cluster knows: whoever has no other may do nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tarmak_iam.hook.cluster.objects import Object
from tarmak_iam.identity.model import Grant

__all__ = ["UnboundGroup", "bound_groups", "unbound_groups"]

# What the API server knows by itself, without a binding: cluster-admin, the Node authorizer, and who is anybody.
_BUILT_IN = frozenset(
    (
        "system:authenticated",
        "system:bootstrappers",
        "system:masters",
        "system:nodes",
        "system:serviceaccounts",
        "system:unauthenticated",
    )
)
_TEMPLATE = re.compile(r"\{\{[A-Za-z0-9]+\}\}")


@dataclass(frozen=True, slots=True)
class UnboundGroup:
    """`principals` are given the group; a template in it stands for any text."""

    group: str
    principals: tuple[str, ...]

    @property
    def text(self) -> str:
        some = ", ".join(self.principals[:3]) + (f" and {len(self.principals) - 3} more" if self.principals[3:] else "")
        return f"no RoleBinding or ClusterRoleBinding knows the group {self.group}, which {some} would get"


def bound_groups(bindings: Iterable[Object]) -> frozenset[str]:
    """The groups that RoleBindings and ClusterRoleBindings name."""
    subjects = (subject for each in bindings for subject in each.get("subjects") or ())
    return frozenset(str(each.get("name", "")) for each in subjects if each.get("kind") == "Group")


def unbound_groups(grants: Iterable[Grant], bound: Iterable[str]) -> tuple[UnboundGroup, ...]:
    """In the order of the mappings. Groups that Kubernetes itself knows need no binding."""
    known = frozenset(bound) | _BUILT_IN
    found: dict[str, list[str]] = {}
    for grant in grants:
        for group in grant.groups:
            if not _is_known(group, known):
                found.setdefault(group, []).append(grant.principal)
    return tuple(UnboundGroup(group, tuple(dict.fromkeys(names))) for group, names in found.items())


def _is_known(group: str, known: frozenset[str]) -> bool:
    if not _TEMPLATE.search(group):
        return group in known
    pattern = re.compile(".+".join(map(re.escape, _TEMPLATE.split(group))), re.DOTALL)
    return any(pattern.fullmatch(each) for each in known)
