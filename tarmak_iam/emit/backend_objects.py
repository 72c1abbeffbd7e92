"""The objects with the mappings for the daemon's backends: ConfigMaps, IAMIdentityMappings and their definition; and
notes about them.

The fields are those of the daemon's pkg/mapper/crd/apis, the same in all releases that have the backend. The daemon
finds an object by the canonical ARN in its status: without the status subresource, no principal would be mapped.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from tarmak_iam.emit.artifact import NAME, NAMESPACE, Emitter, object_labels
from tarmak_iam.emit.kubernetes_objects import fits_client_side_apply, object_key, object_text
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.backend_support import CRD as CRD_BACKEND
from tarmak_iam.identity.backend_support import CRD_GROUP, ENTRY_OBJECTS, Backend
from tarmak_iam.installation.backend_payloads import CONFIG_KEY, MAX_CONFIGMAP, Manifest, configmap_size
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.formats.custom_resource import API_VERSION, KIND


def configmap(installation: Installation) -> Manifest:
    """Raises ConfigError where the mappings file does not exist, or where the daemon would not start with it."""
    text = installation.payloads.config
    data = {CONFIG_KEY: text}
    check_size(data)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": object_labels(installation)},
        "data": data,
    }


def check_size(data: Mapping[str, str]) -> None:
    """Raises ConfigError for more than a ConfigMap can contain."""
    if configmap_size(data) > MAX_CONFIGMAP:
        what = "the mappings are larger than a ConfigMap can be (1 MiB)"
        raise ConfigError(what, remedy="map one role per group of people, not each person")


CONFIGMAP = Emitter("configmap", objects=lambda installation: (configmap(installation),))


def objects_of_backend(backend: Backend, installation: Installation) -> tuple[Manifest, ...]:
    """The objects that a backend reads; () where the backend is not set. Raises ConfigError as `Installation.payloads`
    does, and for a ConfigMap that is too large."""
    made = installation.payloads.by_backend.get(backend, ())
    for manifest in made:
        if manifest["kind"] == "ConfigMap":
            check_size(manifest["data"])
    return tuple(
        {**manifest, "metadata": {**manifest["metadata"], "labels": object_labels(installation)}} for manifest in made
    )


BACKEND_OBJECTS = tuple(
    Emitter(objects.label, objects=partial(objects_of_backend, backend)) for backend, objects in ENTRY_OBJECTS.items()
)

_PLURAL = ENTRY_OBJECTS[CRD_BACKEND].resource
_VERSION = API_VERSION.rpartition("/")[2]


def custom_resource_definition(installation: Installation) -> tuple[Manifest, ...]:
    """() for other backends. Raises ConfigError where the Kubernetes version cannot be read."""
    if CRD_BACKEND.name not in installation.daemon.backends:
        return ()
    kubernetes = installation.kubernetes
    is_beta = kubernetes.is_below(1, 16)
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
    if kubernetes.is_below(1, 12):
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
    made = {
        "apiVersion": f"apiextensions.k8s.io/{'v1beta1' if is_beta else 'v1'}",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{_PLURAL}.{CRD_GROUP}", "labels": object_labels(installation)},
        "spec": spec,
    }
    return (made,)


CRD = Emitter("crd", objects=custom_resource_definition)


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
    made = [configmap(installation)] if installation.mappings is not None else []
    made += [manifest for emitter in BACKEND_OBJECTS for manifest in emitter.objects(installation)]
    # No other object than a ConfigMap grows with the mappings.
    maps = [manifest for manifest in made if manifest["kind"] == "ConfigMap"]
    large = [object_text(object_key(manifest)) for manifest in maps if not fits_client_side_apply(manifest)]
    advice = f"annotation of at most 262,144 bytes: use `{apply}`{server_side}"
    lines += [f"{name} is too large for `kubectl apply`, which stores a copy of it in an {advice}" for name in large]
    return tuple(lines)
