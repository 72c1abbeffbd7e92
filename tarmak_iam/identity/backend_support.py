"""The daemon's backends: their names by release, and what each can carry of the entries of a mappings file."""

from __future__ import annotations

WRITABLE_BACKENDS = ("MountedFile", "EKSConfigMap", "CRD")
"""The backends that a mappings file can be written to."""

_NOT_BY_OBJECTS = ("account", "sso")


def carries(backend: str, kind: str) -> bool:
    """`kind` is that of a principal: `role`, `user`, `account` or `sso`.

    An IAMIdentityMapping object is for one ARN (pkg/mapper/crd).
    """
    return backend != "CRD" or kind not in _NOT_BY_OBJECTS


BACKENDS = ("MountedFile", "EKSConfigMap", "CRD", "DynamicFile")

DEPRECATED_BACKENDS = {"File": "MountedFile", "ConfigMap": "EKSConfigMap"}
