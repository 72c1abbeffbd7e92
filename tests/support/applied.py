"""What tests apply to a cluster in memory: installations and objects of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.results import Applied
from tarmak_iam.installation.installation import Installation
from tests.support.fake_cluster import Cluster
from tests.support.installations import MAPPINGS, installation

NAME = "aws-iam-authenticator"
OURS = {"app.kubernetes.io/managed-by": "tarmak-iam"}
BOTH = ["ConfigMap aws-iam-authenticator", "DaemonSet aws-iam-authenticator"]
READERS = """\
  - roleARN: arn:aws:iam::111122223333:role/Reader
    username: reader
    groups: [readers]
"""


def made(mappings: str = MAPPINGS, **overrides: Any) -> Installation:
    return installation(mappings=mappings, **{"kubernetesVersion": "1.30.1", **overrides})


def after_apply(state: Path, made_from: Installation | None = None, **options: Any) -> Cluster:
    """A cluster with these options to which an installation, by default `made()`, was applied."""
    cluster = Cluster(**options)
    apply_to_cluster(made_from or made(), cluster.kubectl(), state)
    return cluster


def live(cluster: Cluster, kind: str = "ConfigMap", name: str = NAME) -> dict[str, Any]:
    """An object that is there."""
    found = cluster.get(kind, name)
    assert found is not None
    return found


def actions(done: Applied) -> list[str]:
    return [change.text for change in done.changes]


def metadata_of(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "namespace": "kube-system", "labels": labels}


def add_crd(cluster: Cluster) -> None:
    names = {"plural": "iamidentitymappings", "kind": "IAMIdentityMapping"}
    cluster.add(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "iamidentitymappings.iamauthenticator.k8s.aws", "labels": OURS},
            "spec": {"group": "iamauthenticator.k8s.aws", "names": names},
        },
        "tarmak-iam",
        "Apply",
    )


def identity_mapping(name: str, labels: dict[str, str]) -> dict[str, Any]:
    spec = {"arn": "arn:aws:iam::111122223333:role/Old", "username": "old", "groups": ["system:masters"]}
    metadata = {"name": name, "labels": labels}
    return {
        "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
        "kind": "IAMIdentityMapping",
        "metadata": metadata,
        "spec": spec,
    }
