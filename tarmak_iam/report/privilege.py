"""How much a username and its groups are worth, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tarmak_iam.identity.groups import ADMINS, NODES
from tarmak_iam.identity.template_names import can_become, fixed_prefix
from tarmak_iam.report.model import Privilege
from tarmak_iam.report.rights import Right

__all__ = ["greatest", "weighed"]

_NODE = "system:node:"


def weighed(username: str, groups: Iterable[str], rights: Iterable[Right] = ()) -> tuple[Privilege, tuple[str, ...]]:
    """The greatest privilege, and all that makes it so."""
    names = (username, *groups)
    found = [*_of_groups(names[1:]), *_of_username(username), *_of_rights(rights, names)]
    if not found:
        return Privilege.NONE, ()
    most = min((privilege for privilege, _ in found), key=lambda privilege: privilege.rank)
    return most, tuple(dict.fromkeys(why for privilege, why in found if privilege is most))


def greatest(possible: Iterable[tuple[Privilege, tuple[str, ...]]]) -> tuple[Privilege, tuple[str, ...]]:
    """Of all that somebody may get, the first of the most privileged."""
    return min(possible, key=lambda each: each[0].rank)


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
    elif username.startswith("system:") and fixed_prefix(username) in ("system:", _NODE[:-1]):
        yield Privilege.NODE, f"the username {username} can become one of Kubernetes's own"


def _of_rights(rights: Iterable[Right], names: tuple[str, ...]) -> Iterator[tuple[Privilege, str]]:
    for right in rights:
        kind, name = right.subject
        if right.subject == ("Group", ADMINS):
            continue  # which has everything without it
        # By a template, or of an account: only who gets that name has the right.
        whose = "" if name in names else f" for the {kind.lower()} {name}"
        if right.is_everything:
            yield Privilege.ADMIN, f"{right.binding}: everything{whose}"
        elif right.risks:
            where = f" in {right.namespace}" if right.namespace else ""
            yield Privilege.ELEVATED, f"{right.binding}: {', '.join(right.risks)}{where}{whose}"
