"""Groups and usernames with a meaning in Kubernetes itself, whatever the bindings are.

From Kubernetes: apiserver/pkg/authentication/user (names), rbac/bootstrappolicy/policy.go (what is bound to them).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from tarmak_iam.aws.copied_text import cleaned
from tarmak_iam.errors import ConfigError

ADMINS = "system:masters"
"""Has all permissions in the cluster."""
NODES = "system:nodes"
NODE_PREFIX = "system:node:"
"""The prefix of a node's username; the name of the node follows."""
EVERYONE = "system:authenticated"
"""Every authenticated user is in it."""
UNAUTHENTICATED = "system:unauthenticated"
"""Requests without credentials."""
SERVICE_ACCOUNTS = "system:serviceaccounts"
"""All service accounts; those of a namespace are also in `system:serviceaccounts:NAMESPACE`."""
BOOTSTRAPPERS = "system:bootstrappers"
"""Bootstrap tokens, which request a node's certificate; also with a suffix after a colon."""

GROUPS = (ADMINS, NODES, BOOTSTRAPPERS, EVERYONE, UNAUTHENTICATED, SERVICE_ACCOUNTS, "system:monitoring")
"""The groups that Kubernetes itself assigns or binds; system:monitoring reads metrics and health."""

COMPONENT_USERS = {
    "system:kube-controller-manager": "reads every Secret and issues tokens of every service account",
    "system:kube-scheduler": "reads all pods and nodes, and places pods",
    "system:kube-proxy": "reads all services and nodes",
    "system:apiserver": "is the API server itself",
    "system:anonymous": "is everyone who sends no credentials",
}
"""The usernames that Kubernetes itself assigns or binds, and what each of them can do."""

CLUSTER_ROLES = frozenset(
    (
        *("cluster-admin", "system:auth-delegator", "system:basic-user", "system:discovery", "system:heapster"),
        *("system:kube-aggregator", "system:kube-dns", "system:kubelet-api-admin", "system:node"),
        *("system:node-bootstrapper", "system:node-problem-detector", "system:node-proxier"),
        *("system:persistent-volume-provisioner", "system:public-info-viewer"),
        *("system:service-account-issuer-discovery", "system:volume-scheduler"),
    )
)
"""ClusterRoles of Kubernetes whose names are never meant as the name of a group."""

_SEPARATOR = re.compile(r"[,;\uff0c\uff1b]")


def is_group_within(group: str, family: str) -> bool:
    """Whether a group is the `family`, for example `system:serviceaccounts`, or one below it."""
    return group == family or group.startswith(f"{family}:")


@lru_cache(maxsize=1024)
def joined_groups(text: str) -> tuple[str, ...] | None:
    """The groups in a string that contains several: separated by commas or semicolons, or by blanks if one of them is a
    group of Kubernetes. None for the name of a single group.

    An LDAP distinguished name (`cn=ops,dc=example`) is a single group: other login methods use such names.
    """
    parts = _SEPARATOR.split(text)
    if len(parts) == 1:
        words = text.split()
        return tuple(map(cleaned, words)) if len(words) > 1 and set(words) & set(GROUPS) else None
    if all("=" in part for part in parts):
        return None
    if text[:1] + text[-1:] in ("[]", "()"):
        parts = _SEPARATOR.split(text[1:-1])
    return tuple(filter(None, map(cleaned, parts)))


def listed_groups(groups: Iterable[str] | None) -> tuple[str, ...] | None:
    """The groups that a caller passes. Raises ConfigError for a single string, which would be one group per character,
    and for an item that is not a string; TypeError for a value that is not a list."""
    if groups is None:
        return None
    if isinstance(groups, str):
        raise ConfigError("groups must be a list, not a string", remedy=f"use [{groups!r}]")
    if not isinstance(groups, Iterable):
        raise TypeError(f"groups must be a list, not {groups!r}")
    chosen = tuple(groups)
    for group in chosen:
        if not isinstance(group, str):
            raise ConfigError(f"{group!r} is not the name of a group", remedy="use strings")
    return chosen
