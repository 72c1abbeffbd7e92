"""kustomization.yaml: what `kubectl apply -k` reads of a rendered directory."""

from __future__ import annotations

from collections.abc import Sequence

from tarmak_iam.emit.artifact import Artifact, yaml_bytes
from tarmak_iam.emit.filenames import KUSTOMIZATION

__all__ = ["kustomization"]

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
