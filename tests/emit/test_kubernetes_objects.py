"""The checksum of manifests: an edited copy is told from what `manifests` makes, however kubectl brought it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tarmak_iam.emit import manifests
from tarmak_iam.emit.kubernetes_objects import checksum_of, is_intact, with_checksum
from tests.support.installations import installation

OBJECT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "labels": {"x": "y"}, "annotations": {"b": "c"}},
    "data": {"k": "v"},
}
CHECKSUM = "a7bb534fb0e9333435d2b4aedff1be355d81a66ef1367a9b6c9aab48de2f939d"


def test_it_is_the_same_everywhere_and_always() -> None:
    made = with_checksum(OBJECT)
    assert made["metadata"]["annotations"] == {"b": "c", "tarmak-iam/manifest-checksum": CHECKSUM}
    assert made["data"] == {"k": "v"}
    assert "tarmak-iam/manifest-checksum" not in OBJECT["metadata"]["annotations"]
    assert with_checksum(made) == made


def test_every_manifest_has_it() -> None:
    made = manifests(installation(backends=["MountedFile", "EKSConfigMap", "CRD"]))
    assert len(made) > 5
    assert all(map(is_intact, made))


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"k": "w"}},
        {"data": {"k": "v", "l": "w"}},
        {"data": {}},
        {"metadata": {**with_checksum(OBJECT)["metadata"], "labels": {"x": "z"}}},
        {"metadata": {"name": "a", "labels": {"x": "y"}, "annotations": {"tarmak-iam/manifest-checksum": CHECKSUM}}},
        {"kind": "Secret"},
    ],
)
def test_an_edited_copy_is_not_intact(change: dict[str, Any]) -> None:
    assert is_intact(with_checksum(OBJECT))
    assert not is_intact({**with_checksum(OBJECT), **change})


def test_what_kubectl_does_to_it_counts_for_nothing() -> None:
    """It adds the namespace and leaves null out; another annotation of ours is the time of the last change."""
    made = with_checksum({**OBJECT, "spec": {"n": 1.0, "none": None}})
    sent = json.loads(json.dumps(made))
    sent["metadata"]["namespace"] = "kube-system"
    sent["metadata"]["annotations"]["tarmak-iam/changed-at"] = "2026-03-02T10:00:00Z"
    sent["spec"] = {"n": 1}
    assert is_intact(sent)


def test_what_has_none_is_not_intact_and_odd_annotations_stay() -> None:
    assert not is_intact(OBJECT)
    assert checksum_of(OBJECT) is None
    assert checksum_of({"metadata": {"annotations": ["a"]}}) is None
    odd = {**copy.deepcopy(OBJECT), "metadata": {"name": "a", "annotations": ["b"]}}
    assert with_checksum(odd) == odd
