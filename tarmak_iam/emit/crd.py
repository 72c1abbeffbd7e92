"""The CustomResourceDefinition of IAMIdentityMapping.

The fields are those of the daemon's pkg/mapper/crd/apis, the same in every release that has the backend. It finds
an object by the canonical ARN in its status, so without the status subresource nobody would be mapped.
"""

from __future__ import annotations

from typing import Any

from tarmak_iam.config.versions import GoVersion
from tarmak_iam.emit.artifact import Emitter, Manifest
from tarmak_iam.emit.labels import labels
from tarmak_iam.identity.crd import GROUP
from tarmak_iam.identity.formats.custom_resource import API_VERSION, KIND
from tarmak_iam.installation import Installation

__all__ = ["CRD", "PLURAL", "custom_resource_definition"]

PLURAL = "iamidentitymappings"
_VERSION = API_VERSION.rpartition("/")[2]


def custom_resource_definition(installation: Installation) -> tuple[Manifest, ...]:
    """None for other backends. Raises ConfigError where the Kubernetes version cannot be read."""
    if "CRD" not in installation.daemon.backends:
        return ()
    kubernetes = installation.kubernetes
    is_beta = kubernetes.is_below(1, 16)
    spec: dict[str, Any] = {
        "group": GROUP,
        "scope": "Cluster",
        "names": {"plural": PLURAL, "singular": KIND.lower(), "kind": KIND, "listKind": f"{KIND}List"},
        **(_beta(kubernetes) if is_beta else _stable()),
    }
    made = {
        "apiVersion": f"apiextensions.k8s.io/{'v1beta1' if is_beta else 'v1'}",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}", "labels": labels(installation)},
        "spec": spec,
    }
    return (made,)


CRD = Emitter("crd", objects=custom_resource_definition)


def _beta(kubernetes: GoVersion) -> dict[str, Any]:
    schema = _schema()
    if kubernetes.is_below(1, 12):
        # 1.11 takes no type at the root of a schema that has a status (kubernetes#65357).
        del schema["type"]
    return {"version": _VERSION, "subresources": {"status": {}}, "validation": {"openAPIV3Schema": schema}}


def _stable() -> dict[str, Any]:
    version = {
        "name": _VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _schema()},
        "subresources": {"status": {}},
    }
    return {"versions": [version]}


def _schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": text,
            "kind": text,
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "required": ["arn", "username"],
                "properties": {"arn": text, "username": text, "groups": {"type": "array", "items": text}},
            },
            "status": {"type": "object", "properties": {"canonicalARN": text, "userID": text}},
        },
    }
