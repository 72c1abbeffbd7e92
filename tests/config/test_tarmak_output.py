"""What Tarmak fills in and what it writes, by rules from its source, against what the real one wrote."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.tarmak_output import NOW, differences, tarmak_output
from tarmak_iam.document.plain_values import same, value_at
from tests.support import GOLDEN, strictly, tarmak_rewrites
from tests.support.tables import cases

REWRITES = tarmak_rewrites()
HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"


def written_for(text: str) -> dict[str, Any]:
    return tarmak_output(TarmakConfig.parse(HEAD + text).data)


def cluster_for(text: str) -> Any:
    """What is written for the only cluster, whose keys stand in `text` with an indentation of two."""
    return written_for(f"clusters:\n- environment: dev\n{text}")["clusters"][0]


@pytest.mark.parametrize("name", REWRITES)
def test_what_tarmak_wrote(name: str) -> None:
    config = TarmakConfig.parse((GOLDEN / "tarmak" / f"{name}.yaml").read_bytes())
    assert same(tarmak_output(config.data), REWRITES[name])


def test_nothing_but_the_head() -> None:
    head = {"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config"}
    assert written_for("") == {**head, "metadata": {"creationTimestamp": NOW}}
    assert written_for("clusters: null\nproviders: []\ncontact: ''\n") == written_for("")
    other_case = TarmakConfig.parse("APIVERSION: api.tarmak.io/v1alpha1\nKind: Config\n")
    assert tarmak_output(other_case.data) == written_for("")


@cases("config/cases/tarmak_output")
def test_what_is_written(text: str, path: list[str | int], expected: Any) -> None:
    assert strictly(value_at(written_for(text), path)) == strictly(expected)


@cases("config/cases/tarmak_output")
def test_calico(given: str, calico: dict[str, Any]) -> None:
    assert strictly(cluster_for(f"  kubernetes: {{calico: {given}}}")["kubernetes"]["calico"]) == strictly(calico)


@cases("config/cases/tarmak_output")
def test_times(given: str, time: str | None) -> None:
    assert written_for(f"metadata: {{creationTimestamp: '{given}'}}\n")["metadata"]["creationTimestamp"] == time


@cases("config/cases/tarmak_output")
def test_quantities_of_one_size_are_one(given: str, size: str) -> None:
    volume = cluster_for(f"  instancePools: [{{volumes: [{{size: {given}}}]}}]")["instancePools"][0]["volumes"][0]
    assert volume["size"] == size


def test_agreement() -> None:
    assert not list(differences({"a": [1, NOW]}, {"a": [1, "2019-05-21T09:14:02Z"]}))
    assert list(differences({"a": [1, NOW], "b": 1}, {"a": [2, None], "b": True})) == [("a", 0), ("a", 1), ("b",)]
    assert list(differences({"a": 1}, {"b": None})) == [("a",), ("b",)]
    assert list(differences([1], [1, 2])) == [()]
    assert list(differences({"t": "2019-05-21T09:14:02Z"}, {"t": NOW})) == [("t",)]
