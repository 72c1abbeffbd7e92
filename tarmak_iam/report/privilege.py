"""The privilege of a username with its groups, and the reasons for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tarmak_iam.identity.templates import can_become, can_begin, fixed_prefix
from tarmak_iam.mappings.groups import ADMINS, EVERYONE, NODES
from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.rbac import (
    ANONYMOUS,
    UNAUTHENTICATED,
    BindingRights,
    Rbac,
    combined_escalations,
)

_NODE = "system:node:"
# The default bindings of Kubernetes (rbac/bootstrappolicy) allow them to read secrets or to get more rights.
_CONTROLLER_MANAGER = "system:kube-controller-manager"
_CONTROLLERS = "system:serviceaccount:kube-system:"
_WHOSE = {
    ("Group", EVERYONE): f" for every authenticated caller ({EVERYONE})",
    ("Group", UNAUTHENTICATED): f" for every caller, without a login ({UNAUTHENTICATED})",
    ("User", ANONYMOUS): f" for every caller, without a login ({ANONYMOUS})",
}

JustifiedPrivilege = tuple[Privilege, tuple[str, ...]]


def privilege_of(username: str, groups: Iterable[str], rights: Iterable[BindingRights] = ()) -> JustifiedPrivilege:
    """The highest privilege, and the reasons for it."""
    names = (username, *groups)
    reasons = [*_of_groups(names[1:]), *_of_username(username), *_of_rights(tuple(rights), names)]
    if not reasons:
        return Privilege.NONE, ()
    most = min((privilege for privilege, _ in reasons), key=lambda privilege: privilege.rank)
    return most, tuple(dict.fromkeys(why for privilege, why in reasons if privilege is most))


def privilege_of_any(
    possible: Iterable[tuple[str, tuple[str, ...]]], rbac: Rbac | None, account: str = ""
) -> JustifiedPrivilege:
    """The highest privilege of the usernames and groups that a principal may get; the first one of equal ones.
    `account`: the ID of an account whose callers all log in with their own ARN as username; "" for other principals."""
    by_account = rbac.matching("User", names_of_account(account)) if rbac and account else ()
    justified = (
        privilege_of(username, groups, (*by_account, *rbac.rights_of(username, groups)) if rbac else ())
        for username, groups in possible
    )
    return min(justified, key=lambda reasons: reasons[0].rank)


def names_of_account(account: str) -> re.Pattern[str]:
    """The usernames of callers that are mapped by their account: their own ARNs."""
    return re.compile(rf"arn:[^:]*:(iam|sts)::{re.escape(account)}:.*")


def _of_groups(groups: Iterable[str]) -> Iterator[tuple[Privilege, str]]:
    for group in groups:
        for name, privilege in ((ADMINS, Privilege.ADMIN), (NODES, Privilege.NODE)):
            if group == name:
                yield privilege, f"group {name}"
            elif can_become(group, name):
                yield privilege, f"the group {group} can become {name}"


def _of_username(username: str) -> Iterator[tuple[Privilege, str]]:
    if username.startswith(_NODE):
        yield Privilege.NODE, "the username of a node"
    elif (username.startswith("system:") and fixed_prefix(username) in ("system:", _NODE[:-1])) or can_begin(
        username, _NODE
    ):
        yield Privilege.NODE, f"the username {username} can become a username of Kubernetes itself"
    elif username == _CONTROLLER_MANAGER or username.startswith(_CONTROLLERS):
        yield Privilege.ELEVATED, "the username of a Kubernetes controller"
    elif can_become(username, _CONTROLLER_MANAGER) or can_begin(username, _CONTROLLERS):
        yield Privilege.ELEVATED, f"the username {username} can become that of a Kubernetes controller"


def _of_rights(rights: Sequence[BindingRights], names: tuple[str, ...]) -> Iterator[tuple[Privilege, str]]:
    # system:masters has every right without a binding.
    others = [right for right in rights if right.subject != ("Group", ADMINS)]
    for right in others:
        # For rights of another name, which a template can become or which every caller has: whose rights they are.
        other = _WHOSE.get(right.subject) or f" for the {right.subject.kind.lower()} {right.subject.name}"
        whose = "" if right.subject.name in names else other
        if right.is_everything:
            yield Privilege.ADMIN, f"{right.binding}: everything{whose}"
        for privilege in (Privilege.ADMIN, Privilege.ELEVATED):
            by_detail: dict[str, list[str]] = {}
            for escalation in right.escalations:
                if escalation.privilege is privilege:
                    by_detail.setdefault(escalation.detail, []).append(escalation.name)
            if by_detail:
                texts = (f"{', '.join(names_there)}{detail}" for detail, names_there in by_detail.items())
                yield privilege, f"{right.binding}: {', '.join(texts)}{whose}"
    for escalation, bindings in combined_escalations(others):
        yield escalation.privilege, f"{' and '.join(map(str, bindings))}: {escalation.text}"
