"""The roles and bindings that access entries rely on, as manifests for another cluster."""

from __future__ import annotations

from typing import Any

from tarmak_iam.report.rbac_manifests import rbac_manifests

API = "rbac.authorization.k8s.io/v1"
RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
DEFAULT = {"kubernetes.io/bootstrapping": "rbac-defaults"}


def role(kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": "u", "resourceVersion": "1", **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": API, "kind": kind, "metadata": metadata, "rules": RULES, **more}


def binding(kind: str, name: str, role_kind: str, role_name: str, *subjects: str, **metadata: Any) -> dict[str, Any]:
    named = [dict(zip(("kind", "name"), text.split(" ", 1), strict=True)) for text in subjects]
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role_name}
    head = {"apiVersion": API, "kind": kind, "metadata": {"name": name, **metadata}}
    return {**head, "roleRef": ref, "subjects": named}


OBJECTS = [
    role("ClusterRole", "reader", aggregationRule={"clusterRoleSelectors": []}),
    {**role("ClusterRole", "edit"), "metadata": {"name": "edit", "labels": DEFAULT}},
    role("Role", "local", "dev"),
    role("Role", "other", "dev"),
    binding("ClusterRoleBinding", "readers", "ClusterRole", "reader", "Group dev", "Group others", "User dev:ann"),
    binding("ClusterRoleBinding", "editors", "ClusterRole", "edit", "Group dev"),
    binding("ClusterRoleBinding", "unrelated", "ClusterRole", "reader", "Group others", "ServiceAccount dev"),
    binding("ClusterRoleBinding", "missing", "ClusterRole", "gone", "Group dev"),
    binding("ClusterRoleBinding", "default", "ClusterRole", "edit", "Group dev", labels=DEFAULT),
    binding("RoleBinding", "locals", "Role", "local", "User bob", "ServiceAccount bob", namespace="dev"),
]


def test_what_groups_and_usernames_rely_on() -> None:
    made = rbac_manifests(OBJECTS, [("dev:{{SessionName}}", ("dev",)), ("bob", ())])
    plain = {"apiVersion": API, "rules": RULES}
    assert made == [
        {**plain, "kind": "ClusterRole", "metadata": {"name": "reader"}},
        {**plain, "kind": "Role", "metadata": {"name": "local", "namespace": "dev"}},
        binding("ClusterRoleBinding", "readers", "ClusterRole", "reader", "Group dev", "User dev:ann"),
        binding("ClusterRoleBinding", "editors", "ClusterRole", "edit", "Group dev"),
        binding("RoleBinding", "locals", "Role", "local", "User bob", namespace="dev"),
    ]


def test_nobody_else() -> None:
    assert rbac_manifests(OBJECTS, [("ann", ("admins",))]) == []
