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
    objects: str = ""
    """What the objects are called that it reads in the cluster."""

    def carries(self, kind: str) -> bool:
        return kind not in self.cannot_carry


MOUNTED_FILE = Backend("MountedFile", "File", BackendSource.CONFIGURATION, ReleaseFeature.SSO_IN_MOUNTED_FILE)

EKS_CONFIG_MAP = Backend(
    "EKSConfigMap", "ConfigMap", BackendSource.CLUSTER, ReleaseFeature.SSO_IN_EKS_CONFIG_MAP, objects="aws-auth"
)

CRD = Backend(
    "CRD",
    "CRD",
    BackendSource.CLUSTER,
    None,
    # An IAMIdentityMapping object is for one ARN (pkg/mapper/crd).
    cannot_carry={"account": "admits no accounts", "sso": "has no SSO entries"},
    objects="identity-mappings",
)

DYNAMIC_FILE = Backend(
    "DynamicFile",
    "DynamicFile",
    BackendSource.MASTER_FILE,
    ReleaseFeature.SSO_IN_DYNAMIC_FILE,
    why_not_written="a file on each master, which no object can bring there",
)

BACKENDS = (MOUNTED_FILE, EKS_CONFIG_MAP, CRD, DYNAMIC_FILE)

CLUSTER_BACKENDS = tuple(each for each in BACKENDS if each.reads is BackendSource.CLUSTER)

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
