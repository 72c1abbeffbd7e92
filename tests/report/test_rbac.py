"""The rights that bindings grant, in words, and their privilege."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.rbac import PolicyRule, Rbac, privilege_of
from tarmak_iam.report.text_format import right_text

GROUP = "rbac.authorization.k8s.io"
EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
READING = {"apiGroups": ["", "apps"], "resources": ["pods"], "verbs": ["get", "list"]}


def role(name: str, *rules: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"kind": "Role" if namespace else "ClusterRole", "metadata": metadata, "rules": list(rules)}


def binding(name: str, to: str, *subjects: str, namespace: str = "", kind: str = "ClusterRole") -> dict[str, Any]:
    """A subject is `Group:name`, `User:name` or `ServiceAccount:namespace:name`."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"kind": kind, "name": to},
        "subjects": [subject(*each.split(":", 1)) for each in subjects],
    }


def subject(kind: str, name: str) -> dict[str, str]:
    if kind == "ServiceAccount":
        namespace, _, name = name.partition(":")
        return {"kind": kind, "namespace": namespace, "name": name}
    return {"kind": kind, "name": name}


OBJECTS = [
    role("cluster-admin", EVERYTHING),
    role("view", READING),
    role("view", {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}, namespace="pay"),
    binding("admins", "cluster-admin", "Group:admins", "User:root"),
    binding("readers", "view", "Group:readers", "Group:readers"),
    binding("own", "view", "Group:readers", namespace="pay", kind="Role"),
    binding("shared", "view", "User:dev:alice", namespace="pay"),
    binding("dangling", "gone", "Group:readers", namespace="ops"),
    binding("robots", "view", "ServiceAccount:ci:runner"),
    binding("nobody", "view"),
]


def texts(kind: str, name: str) -> list[str]:
    return [right_text(each) for each in Rbac(OBJECTS).of(kind, name)]


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("Group", "admins", ["everything (ClusterRoleBinding admins, ClusterRole cluster-admin)"]),
        (
            "Group",
            "readers",
            [
                "get, list on pods, pods.apps (ClusterRoleBinding readers, ClusterRole view)",
                "nothing in ops: ClusterRole gone does not exist (RoleBinding ops/dangling, ClusterRole gone)",
                "get on secrets in pay (RoleBinding pay/own, Role pay/view)",
            ],
        ),
        (
            "User",
            "dev:{{SessionName}}",
            ["get, list on pods, pods.apps in pay (RoleBinding pay/shared, ClusterRole view)"],
        ),
        ("User", "{{SessionName}}", ["everything (ClusterRoleBinding admins, ClusterRole cluster-admin)"]),
        (
            "User",
            "system:serviceaccount:ci:runner",
            ["get, list on pods, pods.apps (ClusterRoleBinding robots, ClusterRole view)"],
        ),
        ("Group", "root", []),
        ("User", "roo.", []),
        ("Group", "{{AccountID}}", []),
    ],
)
def test_what_a_name_may_do(kind: str, name: str, expected: list[str]) -> None:
    assert texts(kind, name) == expected


@pytest.mark.parametrize(
    ("rule", "expected", "risks"),
    [
        (EVERYTHING, "everything", ()),
        ({**EVERYTHING, "resourceNames": ["a"]}, "every verb on every resource, only a", "*"),
        ({"nonResourceURLs": ["*"], "verbs": ["*"]}, "every verb on every URL", ()),
        ({"nonResourceURLs": ["/healthz"], "verbs": ["get"]}, "get on /healthz", ()),
        (
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"], "resourceNames": ["tls"]},
            "list on secrets, only tls",
            ("reads secrets",),
        ),
        ({"apiGroups": ["apps"], "resources": ["secrets"], "verbs": ["get"]}, "get on secrets.apps", ()),
        (
            {"apiGroups": [""], "resources": ["*/exec"], "verbs": ["create"]},
            "create on */exec",
            ("runs commands in pods",),
        ),
        (
            {"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"], "resourceNames": ["system:masters"]},
            "impersonate on groups, only system:masters",
            ("impersonates others",),
        ),
        (
            {"apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["bind"]},
            f"bind on clusterroles.{GROUP}",
            ("grants rights that it does not have",),
        ),
        ({}, "every verb on every resource", None),
    ],
)
def test_a_rule_in_words(rule: dict[str, Any], expected: str, risks: tuple[str, ...] | str | None) -> None:
    made = PolicyRule.of(rule)
    if risks is None:
        assert (made.verbs, made.resources, made.is_everything) == ((), (), False)
        return
    assert made.text == expected
    (right,) = Rbac([role("r", rule), binding("b", "r", "Group:a")]).of("Group", "a")
    assert right.risks == risks if risks != "*" else len(right.risks) > 3


@pytest.mark.parametrize(
    ("username", "groups", "privilege", "because"),
    [
        ("a", ["system:masters"], Privilege.ADMIN, ("group system:masters",)),
        (
            "a",
            ["system:{{SessionName}}"],
            Privilege.ADMIN,
            ("the group system:{{SessionName}} can become system:masters",),
        ),
        # A session name has no colon, so that alone it is never one of Kubernetes's groups.
        ("a", ["{{SessionName}}"], Privilege.ADMIN, ("ClusterRoleBinding admins: everything for the group admins",)),
        ("a", ["system:{{AccountID}}"], Privilege.NONE, ()),
        (
            "system:node:{{EC2PrivateDNSName}}",
            ["system:nodes"],
            Privilege.NODE,
            ("group system:nodes", "the username of a node"),
        ),
        (
            "system:{{SessionName}}",
            [],
            Privilege.NODE,
            ("the username system:{{SessionName}} can become a username of Kubernetes itself",),
        ),
        ("root", [], Privilege.ADMIN, ("ClusterRoleBinding admins: everything",)),
        ("{{SessionName}}", [], Privilege.ADMIN, ("ClusterRoleBinding admins: everything for the user root",)),
        ("a", ["readers"], Privilege.ELEVATED, ("RoleBinding pay/own: reads secrets in pay",)),
        ("dev:alice", [], Privilege.NONE, ()),
    ],
)
def test_the_privilege(username: str, groups: list[str], privilege: Privilege, because: tuple[str, ...]) -> None:
    rbac = Rbac(OBJECTS)
    rights = [*rbac.of("User", username), *(right for group in groups for right in rbac.of("Group", group))]
    assert privilege_of(username, groups, rights) == (privilege, because)


def test_everything_in_one_namespace_is_not_the_whole_cluster() -> None:
    rbac = Rbac([role("cluster-admin", EVERYTHING), binding("own", "cluster-admin", "Group:a", namespace="pay")])
    (right,) = rbac.of("Group", "a")
    assert (right.is_everything, right.risks) == (False, ("everything in a namespace",))
    assert privilege_of("u", ["a"], [right])[0] is Privilege.ELEVATED
