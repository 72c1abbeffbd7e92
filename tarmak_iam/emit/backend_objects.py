"""The objects with the mappings for the authenticator's backends: ConfigMaps, IAMIdentityMappings and their definition;
the service account of an authenticator that reads them from the API server; and notes about them.

The fields are those of the authenticator's pkg/mapper/crd/apis, the same in all releases that have the backend.
It finds an object by the canonical ARN in its status: without the status subresource, no principal would be mapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from tarmak_iam.emit.artifact import NAME, NAMESPACE, Emitter, labelled
from tarmak_iam.emit.kubernetes_objects import fits_client_side_apply, object_key, object_text
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.backend_support import CRD as CRD_BACKEND
from tarmak_iam.identity.backend_support import CRD_GROUP, ENTRY_OBJECTS, Backend, EntryObjects
from tarmak_iam.installation.backend_payloads import CONFIG_KEY, MAX_CONFIGMAP, Manifest, configmap_size
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.formats.custom_resource import API_VERSION, KIND


def configmap(installation: Installation) -> Manifest:
    """Raises ConfigError where the mappings file does not exist, or where the authenticator would not start with it."""
    return _checked(labelled(installation, "v1", "ConfigMap", data={CONFIG_KEY: installation.payloads.config}))


def _checked(manifest: Manifest) -> Manifest:
    """Raises ConfigError for more than a ConfigMap can contain."""
    if manifest["kind"] == "ConfigMap" and configmap_size(manifest["data"]) > MAX_CONFIGMAP:
        what = "the mappings are larger than a ConfigMap can be (1 MiB)"
        raise ConfigError(what, remedy="map one role per group of people, not each person")
    return manifest


def _objects_of(backend: Backend, installation: Installation) -> tuple[Manifest, ...]:
    """The objects that a backend reads; () where the backend is not set. Raises ConfigError as `Installation.payloads`
    does, and for a ConfigMap that is too large."""
    made = map(_checked, installation.payloads.by_backend.get(backend, ()))
    labels = labelled(installation, "", "")["metadata"]["labels"]
    return tuple({**manifest, "metadata": {**manifest["metadata"], "labels": labels}} for manifest in made)


CONFIGMAP = Emitter("configmap", objects=lambda installation: (configmap(installation),))
BACKEND_OBJECTS = tuple(
    Emitter(objects.label, objects=partial(_objects_of, backend)) for backend, objects in ENTRY_OBJECTS.items()
)

_PLURAL = ENTRY_OBJECTS[CRD_BACKEND].resource
_VERSION = API_VERSION.rpartition("/")[2]


def custom_resource_definition(installation: Installation) -> tuple[Manifest, ...]:
    """() for other backends. Raises ConfigError where the Kubernetes version cannot be read."""
    if CRD_BACKEND.name not in installation.daemon.backends:
        return ()
    is_beta = installation.kubernetes.is_below(1, 16)
    text = {"type": "string"}
    schema: dict[str, Any] = {
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
    if installation.kubernetes.is_below(1, 12):
        # 1.11 rejects a type at the root of a schema with a status (kubernetes#65357).
        del schema["type"]
    validated = {"openAPIV3Schema": schema}
    status: dict[str, Any] = {"subresources": {"status": {}}}
    version = {"name": _VERSION, "served": True, "storage": True, "schema": validated, **status}
    spec: dict[str, Any] = {
        "group": CRD_GROUP,
        "scope": "Cluster",
        "names": {"plural": _PLURAL, "singular": KIND.lower(), "kind": KIND, "listKind": f"{KIND}List"},
        **({"version": _VERSION, **status, "validation": validated} if is_beta else {"versions": [version]}),
    }
    api_version = f"apiextensions.k8s.io/{'v1beta1' if is_beta else 'v1'}"
    kind, name = "CustomResourceDefinition", f"{_PLURAL}.{CRD_GROUP}"
    return (labelled(installation, api_version, kind, name, namespace="", spec=spec),)


CRD = Emitter("crd", objects=custom_resource_definition)


_RBAC_GROUP = "rbac.authorization.k8s.io"


def rbac(installation: Installation) -> tuple[Manifest, ...]:
    """The service account and the least permissions that it requires; () for an authenticator that reads only its file.
    Raises ConfigError where the Kubernetes version cannot be read.

    Its requests are the same in all releases that have backends (pkg/mapper/configmap, pkg/mapper/crd):
    EKSConfigMap: watch ConfigMaps of kube-system with the field selector metadata.name=aws-auth, never get or list.
    CRD: list and watch iamidentitymappings, update their status, and create and patch (core) events; those of an
    object without a namespace are written to the namespace default (client-go tools/record).
    """
    if not installation.daemon.asks_cluster:
        return ()
    # The pod template sets automountServiceAccountToken for its own pods.
    account = labelled(installation, "v1", "ServiceAccount", automountServiceAccountToken=False)
    backends = installation.daemon.backends
    chosen = [objects for backend, objects in ENTRY_OBJECTS.items() if backend.name in backends]
    chosen.sort(key=lambda objects: bool(objects.names))
    return (account, *(manifest for objects in chosen for manifest in _rights_on(objects, installation)))


RBAC = Emitter("rbac", objects=rbac)


def _rights_on(objects: EntryObjects, installation: Installation) -> Iterator[Manifest]:
    rules: list[dict[str, list[str]]] = [
        {"apiGroups": [objects.group], "resources": [objects.resource], "verbs": [*objects.verbs]}
    ]
    # Before 1.11, a watch of one object by its name is authorized as a watch of all objects (kubernetes#63469).
    if objects.names and not installation.kubernetes.is_below(1, 11):
        rules[0]["resourceNames"] = [*objects.names]
    # Upstream's example binds a ClusterRole under NAME in kube-system, and the roleRef of a binding cannot be changed.
    name = NAME if objects.is_reconciled else f"{NAME}-{objects.label}"
    if objects.is_reconciled:
        rules.append({"apiGroups": [objects.group], "resources": [f"{objects.resource}/status"], "verbs": ["update"]})
    yield from _granted(installation, name, NAMESPACE if objects.names else "", *rules)
    if objects.is_reconciled:
        events: dict[str, list[str]] = {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]}
        yield from _granted(installation, f"{NAME}-events", "default", events)


def _granted(installation: Installation, name: str, namespace: str, *rules: dict[str, list[str]]) -> Iterator[Manifest]:
    """A ClusterRole, which grants nothing on its own, and its binding: a RoleBinding if `namespace` is not empty."""
    version, role = f"{_RBAC_GROUP}/v1", {"apiGroup": _RBAC_GROUP, "kind": "ClusterRole", "name": name}
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    yield labelled(installation, version, "ClusterRole", name, namespace="", rules=list(rules))
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    yield labelled(installation, version, kind, name, namespace, roleRef=role, subjects=[account])


def notes(installation: Installation) -> tuple[str, ...]:
    """Remarks about the generated objects, one line each. Raises ConfigError as `Installation.payloads` does, and for
    mappings that are too large for a ConfigMap."""
    lines = list(map(str, installation.payloads.notes))
    apply = installation.command("apply")
    if CRD_BACKEND.name in installation.daemon.backends:
        lines.append(
            "`kubectl apply` accepts the IAMIdentityMapping objects only after their CustomResourceDefinition exists: "
            f"if it is new, apply it first, or use `{apply}`, which waits for it"
        )
        lines.append(
            "the object of a removed entry stays in the cluster, and its principal keeps access, until you delete it: "
            "kubectl delete iamidentitymappings NAME"
        )
    server_side = "" if installation.kubernetes.is_below(1, 16) else " or `kubectl apply --server-side`"
    emitters = (*([CONFIGMAP] if installation.mappings is not None else ()), *BACKEND_OBJECTS)
    made = [manifest for emitter in emitters for manifest in emitter.objects(installation)]
    # No other object than a ConfigMap grows with the mappings.
    maps = [manifest for manifest in made if manifest["kind"] == "ConfigMap"]
    large = [object_text(object_key(manifest)) for manifest in maps if not fits_client_side_apply(manifest)]
    advice = f"annotation of at most 262,144 bytes: use `{apply}`{server_side}"
    lines += [f"{name} is too large for `kubectl apply`, which stores a copy of it in an {advice}" for name in large]
    return tuple(lines)
