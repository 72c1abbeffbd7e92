"""The backends of the authenticator: names, where each reads its mappings, and which mappings each supports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from tarmak_iam.identity.releases import ReleaseFeature


class BackendSource(Enum):
    """Where a backend reads its mappings."""

    CONFIGURATION = auto()
    CLUSTER = auto()
    MASTER_FILE = auto()


CRD_GROUP = "iamauthenticator.k8s.aws"


class EntryObjects(NamedTuple):
    """The objects of the cluster that contain mappings of a backend: those with these `names` in kube-system, or all of
    a cluster-scoped kind. `label` is their name in texts, `verbs` what the authenticator does with them."""

    label: str
    group: str
    kind: str
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()
    is_reconciled: bool = False
    """Whether the authenticator writes their status, and events about them."""

    @property
    def resource(self) -> str:
        return f"{self.kind.lower()}s"

    @property
    def resources(self) -> tuple[str, ...]:
        """With the subresource through which a mapping could be changed."""
        return (self.resource, f"{self.resource}/status") if self.is_reconciled else (self.resource,)


@dataclass(frozen=True, eq=False)
class Backend:
    """`name` is the name in --backend-mode and in answers; `first_name` is that of v0.5.0, which later releases still
    accept."""

    name: str
    first_name: str
    reads: BackendSource
    sso: ReleaseFeature | None
    """The releases in which it matches SSO mappings; None: in no release."""
    cannot_carry: Mapping[str, str] = field(default_factory=dict)
    """By kind of principal (`role`, `user`, `account`, `sso`): why it does not support mappings of it."""
    why_not_written: str = ""
    """Why a mappings file cannot be written for it."""
    objects: EntryObjects | None = None
    """What it reads in the cluster."""
    path_key: str = ""
    """The key of the configuration that names the file it reads: neither works without the other."""

    def carries(self, kind: str) -> bool:
        return kind not in self.cannot_carry


MOUNTED_FILE = Backend("MountedFile", "File", BackendSource.CONFIGURATION, ReleaseFeature.SSO_IN_MOUNTED_FILE)

EKS_CONFIG_MAP = Backend(
    "EKSConfigMap",
    "ConfigMap",
    BackendSource.CLUSTER,
    ReleaseFeature.SSO_IN_EKS_CONFIG_MAP,
    # It watches with the field selector metadata.name=aws-auth, and never gets or lists (pkg/mapper/configmap).
    objects=EntryObjects("aws-auth", "", "ConfigMap", ("watch",), names=("aws-auth",)),
)

CRD = Backend(
    "CRD",
    "CRD",
    BackendSource.CLUSTER,
    None,
    # An IAMIdentityMapping object is for one ARN (pkg/mapper/crd).
    cannot_carry={"account": "does not support accounts", "sso": "does not support SSO entries"},
    objects=EntryObjects("identity-mappings", CRD_GROUP, "IAMIdentityMapping", ("list", "watch"), is_reconciled=True),
)

DYNAMIC_FILE = Backend(
    "DynamicFile",
    "DynamicFile",
    BackendSource.MASTER_FILE,
    ReleaseFeature.SSO_IN_DYNAMIC_FILE,
    why_not_written="read from a file on each master, which no Kubernetes object can write",
    path_key="server.dynamicfilepath",
)

BACKENDS = (MOUNTED_FILE, EKS_CONFIG_MAP, CRD, DYNAMIC_FILE)
ENTRY_OBJECTS = {backend: backend.objects for backend in BACKENDS if backend.objects is not None}
"""Of the backends that read objects of the cluster."""

BACKEND_NAMES = tuple(backend.name for backend in BACKENDS)
BACKEND_SPELLINGS = tuple(dict.fromkeys((*BACKEND_NAMES, *(backend.first_name for backend in BACKENDS))))
"""Every name that some release accepts, those of v0.5.0 last."""

WRITABLE_BACKENDS = tuple(backend.name for backend in BACKENDS if not backend.why_not_written)
"""The backends that a mappings file can be written for."""

_BY_SPELLING = {name: backend for backend in BACKENDS for name in (backend.name, backend.first_name)}


def backend_of(name: str) -> Backend:
    """By any of its names. Raises KeyError for an unknown one."""
    return _BY_SPELLING[name]


def current_name(name: str) -> str:
    """The current name for a name of v0.5.0; anything else is returned as it is."""
    return _BY_SPELLING[name].name if name in _BY_SPELLING else name
