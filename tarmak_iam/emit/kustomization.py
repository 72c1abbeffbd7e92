"""The files of a rendered directory: safe names that are the same on every run, and the kustomization.yaml that
lists them.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from tarmak_iam.document.dump import yaml_bytes
from tarmak_iam.emit.artifact import Artifact
from tarmak_iam.emit.kubernetes_objects import object_key
from tarmak_iam.emit.labels import NAME
from tarmak_iam.installation.backend_payloads import Manifest

KUSTOMIZATION = "kustomization.yaml"

RESERVED = frozenset(["kustomization.yaml", "kustomization.yml", "kustomization"])
"""In small letters: the names that kustomize looks for, of which it takes one only."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\Z", re.ASCII)

_LONGEST = 180
"""Of the 255 bytes that file systems take, with room for what atomic writing puts around a name."""


def is_safe_name(name: str) -> bool:
    """Whether a file of that name is in the directory itself, is seen there, and is nobody's option."""
    return _SAFE.match(name) is not None


def object_files(manifests: Iterable[Manifest]) -> list[str]:
    """A file name for each of the objects, in their order: `daemonset.yaml` for what bears our own name, else
    `configmap-aws-auth.yaml`.

    Where two would share one (`a:b` and `a-b`, two namespaces, a file system that ignores case), each gets a part
    of the hash of what it is, so that neither depends on the order.
    """
    stems = [(each, _stem(each)) for each in manifests]
    shared = Counter(stem.lower() for _, stem in stems)
    return [_name(each, stem, alone=shared[stem.lower()] == 1) for each, stem in stems]


def _stem(manifest: Manifest) -> str:
    kind, name = str(manifest["kind"]).lower(), str(manifest["metadata"]["name"])
    return kind if name == NAME else f"{kind}-{_UNSAFE.sub('-', name)}"


def _name(manifest: Manifest, stem: str, *, alone: bool) -> str:
    name = f"{stem}.yaml"
    if alone and len(stem) <= _LONGEST and name.lower() not in RESERVED:
        return name
    digest = hashlib.sha256("\n".join(object_key(manifest)).encode()).hexdigest()
    return f"{stem[:_LONGEST]}-{digest[:10]}.yaml"


_HEADER = b"# Made by `tarmak-iam render`, which replaces it; `kubectl apply -k` takes the directory.\n"


def kustomization(files: Sequence[str]) -> Artifact:
    """Of the objects' files, in apply order.

    Without `sortOptions`, which kubectl before 1.27 refuses: kustomize's own order has definitions, accounts and
    roles first and workloads behind what they refer to as well. kubectl takes this from 1.14 on.
    """
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(files),
    }
    return Artifact(KUSTOMIZATION, _HEADER + yaml_bytes(content))
