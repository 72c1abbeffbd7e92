"""Groups and usernames that mean something to Kubernetes itself, whatever bindings say.

From Kubernetes: apiserver/pkg/authentication/user (names), rbac/bootstrappolicy/policy.go (what is bound to them).
"""

from __future__ import annotations

import re

from tarmak_iam.aws.copied_text import cleaned

ADMINS = "system:masters"
"""Everything in the cluster."""
NODES = "system:nodes"
NODE_PREFIX = "system:node:"
"""What a node's username begins with; its name follows."""
EVERYONE = "system:authenticated"
"""Everybody who gets in has it."""
UNAUTHENTICATED = "system:unauthenticated"
"""Requests without credentials."""
SERVICE_ACCOUNTS = "system:serviceaccounts"
"""All service accounts; those of a namespace are also in `system:serviceaccounts:NAMESPACE`."""
BOOTSTRAPPERS = "system:bootstrappers"
"""Bootstrap tokens, which ask for a node's certificate; also with more behind a colon."""

GROUPS = (
    ADMINS,
    NODES,
    BOOTSTRAPPERS,
    EVERYONE,
    UNAUTHENTICATED,
    SERVICE_ACCOUNTS,
    "system:monitoring",  # reads metrics and health
)
"""The groups that Kubernetes itself gives or binds."""

COMPONENT_USERS = {
    "system:kube-controller-manager": "reads every Secret and issues tokens of every service account",
    "system:kube-scheduler": "reads all pods and nodes, and places pods",
    "system:kube-proxy": "reads all services and nodes",
    "system:apiserver": "is the API server itself",
    "system:anonymous": "is everyone who sends no credentials",
}
"""The usernames that Kubernetes itself gives or binds, and what each of them does."""

CLUSTER_ROLES = frozenset(
    f"system:{name}"
    for name in (
        "auth-delegator",
        "basic-user",
        "discovery",
        "heapster",
        "kube-aggregator",
        "kube-dns",
        "kubelet-api-admin",
        "node",
        "node-bootstrapper",
        "node-problem-detector",
        "node-proxier",
        "persistent-volume-provisioner",
        "public-info-viewer",
        "service-account-issuer-discovery",
        "volume-scheduler",
    )
) | {"cluster-admin"}
"""The ClusterRoles of Kubernetes that nobody takes for a name of their own."""

_SEPARATOR = re.compile(r"[,;\uff0c\uff1b]")


def is_group_within(group: str, family: str) -> bool:
    """Whether a group is the `family`, as `system:serviceaccounts` is, or one below it."""
    return group == family or group.startswith(f"{family}:")


def joined_groups(text: str) -> tuple[str, ...] | None:
    """The groups that somebody meant who wrote several into one text, with commas or semicolons, or with blanks where
    one of them is Kubernetes's; None for the name of one group.

    A distinguished name of LDAP (`cn=ops,dc=example`) is one: groups of other logins may be called so.
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
