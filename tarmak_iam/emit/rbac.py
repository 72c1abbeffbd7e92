"""The service account of a daemon that asks the cluster, and the least that it must be allowed.

What it calls is the same in every release that has backends (pkg/mapper/configmap, pkg/mapper/crd):
EKSConfigMap: watch ConfigMaps of kube-system with the field selector metadata.name=aws-auth, never get or list.
CRD: list and watch iamidentitymappings, update their status, and create and patch (core) events; those of an
object without a namespace are written to the namespace default (client-go tools/record).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tarmak_iam.emit.artifact import Emitter
from tarmak_iam.emit.backend_objects import PLURAL
from tarmak_iam.emit.labels import NAME, NAMESPACE, object_labels
from tarmak_iam.identity.backend_support import CRD, EKS_CONFIG_MAP
from tarmak_iam.identity.crd import CRD_GROUP
from tarmak_iam.identity.eks_configmap import AWS_AUTH_NAME as AWS_AUTH
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.installation import Installation

_API_GROUP = "rbac.authorization.k8s.io"
_EVENTS_NAMESPACE = "default"
# Upstream's example binds a ClusterRole under NAME in kube-system, and what a binding refers to cannot be changed.
_AWS_AUTH_NAME, _EVENTS_NAME = f"{NAME}-{AWS_AUTH}", f"{NAME}-events"

RbacRule = dict[str, list[str]]


def rbac(installation: Installation) -> tuple[Manifest, ...]:
    """Nothing for a daemon that reads its file alone. Raises ConfigError where the Kubernetes version cannot be
    read."""
    if not installation.daemon.asks_cluster:
        return ()
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(installation, NAME, NAMESPACE),
        # The pod asks for its token itself.
        "automountServiceAccountToken": False,
    }
    return (account, *_rights(installation))


RBAC = Emitter("rbac", objects=rbac)


def _rights(installation: Installation) -> Iterator[Manifest]:
    backends = installation.daemon.backends
    if CRD.name in backends:
        mappings: RbacRule = {"apiGroups": [CRD_GROUP], "resources": [PLURAL], "verbs": ["list", "watch"]}
        status: RbacRule = {"apiGroups": [CRD_GROUP], "resources": [f"{PLURAL}/status"], "verbs": ["update"]}
        yield from _granted(installation, NAME, "", mappings, status)
        events: RbacRule = {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]}
        yield from _granted(installation, _EVENTS_NAME, _EVENTS_NAMESPACE, events)
    if EKS_CONFIG_MAP.name in backends:
        watched: RbacRule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["watch"]}
        # Before, a watch of one object by its name counts as one of all (kubernetes#63469).
        if not installation.kubernetes.is_below(1, 11):
            watched["resourceNames"] = [AWS_AUTH]
        yield from _granted(installation, _AWS_AUTH_NAME, NAMESPACE, watched)


def _granted(installation: Installation, name: str, namespace: str, *rules: RbacRule) -> Iterator[Manifest]:
    """A ClusterRole, which grants nothing by itself, and its binding: of one namespace where there is one."""
    api_version = f"{_API_GROUP}/v1"
    own = {"metadata": _metadata(installation, name, "")}
    yield {"apiVersion": api_version, "kind": "ClusterRole", **own, "rules": list(rules)}
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
