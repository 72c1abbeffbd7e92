"""What a cluster itself makes of its principals: RBAC's rights, and how far its own mappings are from the files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tarmak_iam.effects import Loaded, effects, who
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.bindings import BUILT_IN, unbound_groups
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.mappings import read_live
from tarmak_iam.identity.groups import EVERYONE
from tarmak_iam.installation import Installation
from tarmak_iam.report.model import ClusterReview, Principal
from tarmak_iam.report.privilege import weighed
from tarmak_iam.report.rights import GroupRights, Rbac, Right

__all__ = ["ask_cluster"]


def ask_cluster(review: ClusterReview, installation: Installation, kubectl: Kubectl) -> ClusterReview:
    """The review with rights and differences. Raises ToolError where RBAC cannot be read.

    Only reads: roles and bindings of every namespace, and the objects of the authenticator in kube-system; where the
    latter are not for the kubeconfig's user to read, that is told in the review.
    """
    rbac = Rbac.read(kubectl)
    principals = tuple(_with_rights(each, rbac) for each in review.principals)
    asked = replace(
        review,
        live=True,
        principals=principals,
        everyone=rbac.of("Group", EVERYONE),
        unbound=tuple(each.group for each in unbound_groups(installation.loaded.grants, rbac.groups)),
        subjects=tuple(_subjects(principals, rbac)),
    )
    try:
        found = effects(read_live(kubectl).loaded(installation), Loaded.of(installation))
    except TarmakIamError as error:
        return replace(asked, live_error=f"its own mappings cannot be read: {error.message}")
    return replace(asked, differences=found)


def _with_rights(principal: Principal, rbac: Rbac) -> Principal:
    given = principal.given
    groups = (right for group in given.groups for right in rbac.of("Group", group))
    rights = tuple(dict.fromkeys((*groups, *_of_username(principal, rbac))))
    privilege, because = weighed(given.username, given.groups, rights)
    return replace(principal, rights=rights, privilege=privilege, because=because)


def _of_username(principal: Principal, rbac: Rbac) -> tuple[Right, ...]:
    if principal.kind != "account":
        return rbac.of("User", principal.given.username)
    # Their username is the own ARN.
    own = re.compile(rf"arn:[^:]*:(iam|sts)::{re.escape(principal.principal)}:.*")
    return rbac.matching("User", own)


def _subjects(principals: Iterable[Principal], rbac: Rbac) -> Iterator[GroupRights]:
    """Each group that is given, then each username that some binding names, in the order of the principals."""
    people = tuple(principals)
    groups: dict[str, list[str]] = {}
    users: dict[str, tuple[list[str], list[Right]]] = {}
    for each in people:
        name = who(each.kind, each.principal)
        for group in each.given.groups:
            groups.setdefault(group, []).append(name)
        for right in _of_username(each, rbac):
            names, rights = users.setdefault(right.subject[1], ([], []))
            names.append(name)
            rights.append(right)
    for group, names in groups.items():
        unique = tuple(dict.fromkeys(names))
        yield GroupRights("Group", group, unique, rbac.of("Group", group), BUILT_IN.get(group, ""))
    for user, (names, rights) in users.items():
        yield GroupRights("User", user, tuple(dict.fromkeys(names)), tuple(dict.fromkeys(rights)))
