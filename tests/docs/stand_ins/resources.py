"""Kinds of objects by the names that kubectl takes, and the columns that it prints of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["KINDS", "Kind", "columns", "kind_named", "kind_of", "table"]

_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Kind:
    name: str
    plural: str
    short: str = ""
    group: str = ""
    is_namespaced: bool = True

    @property
    def printed(self) -> str:
        """As in `daemonset.apps/NAME created`."""
        singular = self.name.lower()
        return f"{singular}.{self.group}" if self.group else singular


KINDS = (
    Kind("ConfigMap", "configmaps", "cm"),
    Kind("Secret", "secrets"),
    Kind("Pod", "pods", "po"),
    Kind("Service", "services", "svc"),
    Kind("ServiceAccount", "serviceaccounts", "sa"),
    Kind("Namespace", "namespaces", "ns", is_namespaced=False),
    Kind("Node", "nodes", "no", is_namespaced=False),
    Kind("DaemonSet", "daemonsets", "ds", "apps"),
    Kind("Lease", "leases", "", "coordination.k8s.io"),
    Kind("Deployment", "deployments", "deploy", "apps"),
    Kind("Role", "roles", "", _RBAC),
    Kind("RoleBinding", "rolebindings", "", _RBAC),
    Kind("ClusterRole", "clusterroles", "", _RBAC, False),
    Kind("ClusterRoleBinding", "clusterrolebindings", "", _RBAC, False),
    Kind("PodSecurityPolicy", "podsecuritypolicies", "psp", "policy", False),
    Kind("CustomResourceDefinition", "customresourcedefinitions", "crd", "apiextensions.k8s.io", False),
    Kind("IAMIdentityMapping", "iamidentitymappings", "", "iamauthenticator.k8s.aws", False),
)


def kind_named(word: str) -> Kind | None:
    """By what is typed: `cm`, `configmaps`, `daemonset.apps`, `DaemonSet.v1.apps`."""
    name = word.partition(".")[0].lower()
    return next((each for each in KINDS if name in (each.name.lower(), each.plural, each.short)), None)


def kind_of(each: dict[str, Any]) -> Kind:
    found = kind_named(str(each["kind"]))
    return found or Kind(str(each["kind"]), f"{str(each['kind']).lower()}s")


def table(kind: Kind, objects: list[dict[str, Any]], *, all_namespaces: bool = False) -> str:
    rows = [_header(kind), *(_row(kind, each) for each in objects)]
    if all_namespaces and kind.is_namespaced:
        spaces = ["NAMESPACE", *(each["metadata"].get("namespace", "default") for each in objects)]
        rows = [[space, *row] for space, row in zip(spaces, rows, strict=True)]
    return columns(rows)


def columns(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def _header(kind: Kind) -> list[str]:
    more = {
        "Node": ["STATUS", "ROLES", "AGE", "VERSION"],
        "ConfigMap": ["DATA", "AGE"],
    }
    return ["NAME", *more.get(kind.name, ["AGE"])]


def _row(kind: Kind, each: dict[str, Any]) -> list[str]:
    name, age = each["metadata"]["name"], "5d"
    match kind.name:
        case "Node":
            roles = [label.rpartition("/")[2] for label in each["metadata"].get("labels") or {} if "node-role" in label]
            return [name, "Ready", ",".join(roles) or "<none>", age, each["metadata"]["annotations"]["kubelet-version"]]
        case "ConfigMap":
            return [name, str(len(each.get("data") or {})), age]
    return [name, age]
