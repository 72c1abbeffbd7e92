"""The order in which Kubernetes objects are applied: what others refer to comes first."""

from __future__ import annotations

from collections.abc import Iterable

from tarmak_iam.emit.artifact import Manifest

__all__ = ["in_apply_order"]

_FIRST = (
    "Namespace",
    "CustomResourceDefinition",
    "PodSecurityPolicy",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
)
_LAST = ("Deployment", "StatefulSet", "DaemonSet")
"""Workloads; what is in neither list (custom resources above all) comes between."""


def in_apply_order(objects: Iterable[Manifest]) -> list[Manifest]:
    """Objects of one kind stay in the order that they came in."""
    return sorted(objects, key=_rank)


def _rank(each: Manifest) -> int:
    kind = str(each.get("kind"))
    if kind in _FIRST:
        return _FIRST.index(kind)
    return len(_FIRST) + 1 + (_LAST.index(kind) if kind in _LAST else -1)
