"""The service account of a daemon that reads from the API server, and the least permissions that it requires.

Its requests are the same in all releases that have backends (pkg/mapper/configmap, pkg/mapper/crd):
EKSConfigMap: watch ConfigMaps of kube-system with the field selector metadata.name=aws-auth, never get or list.
CRD: list and watch iamidentitymappings, update their status, and create and patch (core) events; those of an
object without a namespace are written to the namespace default (client-go tools/record).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tarmak_iam.emit.artifact import NAME, NAMESPACE, Emitter, object_labels
from tarmak_iam.identity.backend_support import ENTRY_OBJECTS, EntryObjects
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.installation import Installation

_API_GROUP = "rbac.authorization.k8s.io"

RbacRule = dict[str, list[str]]


def rbac(installation: Installation) -> tuple[Manifest, ...]:
    """() for a daemon that reads only its file. Raises ConfigError where the Kubernetes version cannot be read."""
    if not installation.daemon.asks_cluster:
        return ()
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(installation, NAME, NAMESPACE),
        # The pod template sets it for its own pods.
        "automountServiceAccountToken": False,
    }
    backends = installation.daemon.backends
    chosen = [objects for backend, objects in ENTRY_OBJECTS.items() if backend.name in backends]
    chosen.sort(key=lambda objects: bool(objects.names))
    return (account, *(manifest for objects in chosen for manifest in _rights_on(objects, installation)))


RBAC = Emitter("rbac", objects=rbac)


def _rights_on(objects: EntryObjects, installation: Installation) -> Iterator[Manifest]:
    rules: list[RbacRule] = [{"apiGroups": [objects.group], "resources": [objects.resource], "verbs": [*objects.verbs]}]
    # Before 1.11, a watch of one object by its name is authorized as a watch of all objects (kubernetes#63469).
    if objects.names and not installation.kubernetes.is_below(1, 11):
        rules[0]["resourceNames"] = [*objects.names]
    # Upstream's example binds a ClusterRole under NAME in kube-system, and the roleRef of a binding cannot be changed.
    name = NAME if objects.is_reconciled else f"{NAME}-{objects.label}"
    if objects.is_reconciled:
        rules.append({"apiGroups": [objects.group], "resources": [f"{objects.resource}/status"], "verbs": ["update"]})
    yield from _granted(installation, name, NAMESPACE if objects.names else "", *rules)
    if objects.is_reconciled:
        events: RbacRule = {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]}
        yield from _granted(installation, f"{NAME}-events", "default", events)


def _granted(installation: Installation, name: str, namespace: str, *rules: RbacRule) -> Iterator[Manifest]:
    """A ClusterRole, which grants nothing on its own, and its binding: a RoleBinding if `namespace` is not empty."""
    api_version = f"{_API_GROUP}/v1"
    role = {"apiVersion": api_version, "kind": "ClusterRole", "metadata": _metadata(installation, name, "")}
    yield {**role, "rules": list(rules)}
    yield {
        "apiVersion": api_version,
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": _metadata(installation, name, namespace),
        "roleRef": {"apiGroup": _API_GROUP, "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }


def _metadata(installation: Installation, name: str, namespace: str) -> dict[str, Any]:
    where = {"namespace": namespace} if namespace else {}
    return {"name": name, **where, "labels": object_labels(installation)}
