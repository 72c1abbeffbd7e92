"""The daemon's backends: their names, where each reads its entries, and which of a mappings file it can carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from tarmak_iam.identity.releases import ReleaseFeature


class BackendSource(Enum):
    """Where a backend reads its entries."""

    CONFIGURATION = auto()
    CLUSTER = auto()
    MASTER_FILE = auto()


CRD_GROUP = "iamauthenticator.k8s.aws"


@dataclass(frozen=True, slots=True)
class EntryObjects:
    """The objects of the cluster that hold a backend's entries: those of these `names` in kube-system, or all of a kind
    without namespaces. `label` is what they are called; `verbs`: what the daemon does with them."""

    label: str
    group: str
    kind: str
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()
    is_reconciled: bool = False
    """Whether the daemon writes their status, and events about them."""

    @property
    def resource(self) -> str:
        return f"{self.kind.lower()}s"

    @property
    def resources(self) -> tuple[str, ...]:
        """With the subresource by which an entry could be changed, too."""
        return (self.resource, f"{self.resource}/status") if self.is_reconciled else (self.resource,)


@dataclass(frozen=True, eq=False)
class Backend:
    """`name` is that of --backend-mode and of answers; `first_name` what v0.5.0 calls it, and later releases still
    take."""

    name: str
    first_name: str
    reads: BackendSource
    sso: ReleaseFeature | None
    """The releases in which it matches SSO entries; None: it has none."""
    cannot_carry: Mapping[str, str] = field(default_factory=dict)
    """By the kind of a principal (`role`, `user`, `account`, `sso`), why it cannot have entries of it."""
    why_not_written: str = ""
    """Why a mappings file cannot be written for it."""
    objects: EntryObjects | None = None
    """What it reads in the cluster."""
    path_key: str = ""
    """The key of the configuration that names the file it reads: both only go together."""

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
    cannot_carry={"account": "admits no accounts", "sso": "has no SSO entries"},
    objects=EntryObjects("identity-mappings", CRD_GROUP, "IAMIdentityMapping", ("list", "watch"), is_reconciled=True),
)

DYNAMIC_FILE = Backend(
    "DynamicFile",
    "DynamicFile",
    BackendSource.MASTER_FILE,
    ReleaseFeature.SSO_IN_DYNAMIC_FILE,
    why_not_written="a file on each master, which no object can bring there",
    path_key="server.dynamicfilepath",
)

BACKENDS = (MOUNTED_FILE, EKS_CONFIG_MAP, CRD, DYNAMIC_FILE)

ENTRY_OBJECTS = {each: each.objects for each in BACKENDS if each.objects is not None}
"""Of the backends that read the cluster."""

BACKEND_NAMES = tuple(each.name for each in BACKENDS)

BACKEND_SPELLINGS = tuple(dict.fromkeys((*BACKEND_NAMES, *(each.first_name for each in BACKENDS))))
"""Every name that some release takes, the first ones of v0.5.0 last."""

WRITABLE_BACKENDS = tuple(each.name for each in BACKENDS if not each.why_not_written)
"""The backends that a mappings file can be written for."""

_BY_SPELLING = {name: each for each in BACKENDS for name in (each.name, each.first_name)}


def backend_of(name: str) -> Backend:
    """By any of its names. Raises KeyError for what is none."""
    return _BY_SPELLING[name]


def current_name(name: str) -> str:
    """Of a first name the later one; what is no backend stays as it is."""
    return _BY_SPELLING[name].name if name in _BY_SPELLING else name
