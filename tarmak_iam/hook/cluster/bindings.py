"""Groups that mappings give and that no binding of the cluster knows: whoever has no other may do nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tarmak_iam.hook.cluster.objects import Object
from tarmak_iam.identity.copied_text import cleaned
from tarmak_iam.identity.groups import ADMINS, EVERYONE, NODES
from tarmak_iam.identity.model import Grant
from tarmak_iam.identity.template_names import could_be, templates_in
from tarmak_iam.near import closest
from tarmak_iam.text import brief_list, shortened

__all__ = ["BUILT_IN", "UnboundGroup", "bound_groups", "unbound_groups"]

BUILT_IN = {
    EVERYONE: "everybody who gets in has it",
    "system:bootstrappers": "the group of bootstrap tokens, which ask for a node's certificate",
    ADMINS: "everything, whatever bindings say",
    NODES: "what the Node authorizer gives to the node of that username",
    "system:serviceaccounts": "the group of all service accounts",
    "system:unauthenticated": "the group of callers whom nobody knows",
}
"""What Kubernetes knows by itself, without a binding, and what each of these groups means."""


_NEAR = 0.85
"""`developer` is near `developers`, and `dev-a` not near `dev-b`."""


@dataclass(frozen=True, slots=True)
class UnboundGroup:
    """`principals` are given the group; a template in it stands for what it can become."""

    group: str
    principals: tuple[str, ...]
    nearest: str = ""
    """A group that a binding names and that is spelled nearly so; empty if there is none."""

    @property
    def text(self) -> str:
        some = brief_list(self.principals, 3)
        what = f"no RoleBinding or ClusterRoleBinding knows the group {self.group}, which {some} would get"
        return f"{what}; did you mean {shortened(self.nearest)}?" if self.nearest else what


def bound_groups(bindings: Iterable[Object]) -> frozenset[str]:
    """The groups that RoleBindings and ClusterRoleBindings name."""
    subjects = (subject for each in bindings for subject in each.get("subjects") or ())
    return frozenset(str(each.get("name", "")) for each in subjects if each.get("kind") == "Group")


def unbound_groups(grants: Iterable[Grant], bound: Iterable[str]) -> tuple[UnboundGroup, ...]:
    """In the order of the mappings. Groups that Kubernetes itself knows need no binding."""
    known = frozenset(bound) | frozenset(BUILT_IN)
    by_name = sorted(known)
    found: dict[str, list[str]] = {}
    for grant in grants:
        for group in grant.groups:
            if not _is_known(group, known):
                found.setdefault(group, []).append(grant.principal)
    return tuple(
        UnboundGroup(group, tuple(dict.fromkeys(names)), closest(cleaned(group), by_name, _NEAR) or "")
        for group, names in found.items()
    )


def _is_known(group: str, known: frozenset[str]) -> bool:
    return group in known or (bool(templates_in(group)) and any(map(could_be(group).fullmatch, known)))
