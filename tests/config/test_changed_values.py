"""The values that differ between two texts of tarmak.yaml: their paths, and what is not a change."""

from __future__ import annotations

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.changed_values import changed_values

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n- environment: dev\n  metadata: {name: blue}\n"


def changes(before: str, after: str) -> list[str]:
    one, two = (TarmakConfig.parse(HEAD + each) for each in (before, after))
    return [each.text for each in changed_values(one, two)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "  kubernetes: {version: v1.12.9}\n",
            "  kubernetes: {version: 1.12.9}\n",
            ["kubernetes.version: v1.12.9 -> 1.12.9"],
        ),
        # Tarmak's default stands for a key that is not set
        ("", "  kubernetes: {podCIDR: 100.64.0.0/16}\n", []),
        (
            "",
            "  kubernetes: {podCIDR: 100.66.0.0/16}\n",
            ["kubernetes.podCIDR: 100.64.0.0/16 -> 100.66.0.0/16"],
        ),
        ("", "  location: eu-west-1\n", ["location: not set -> eu-west-1"]),
        ("  location: eu-west-1\n", "", ["location: eu-west-1 -> not set"]),
        # booleans
        ("", "  kubernetes: {apiServer: {public: true}}\n", ["kubernetes.apiServer.public: false -> true"]),
        ("", "  kubernetes: {apiServer: {public: false}}\n", []),
        # lists
        (
            "  instancePools: [{type: worker, maxCount: 2}, {metadata: {name: masters}, type: master}]\n",
            "  instancePools: [{type: worker, maxCount: 3}, {metadata: {name: masters}, type: master, maxCount: 1}]\n",
            ["instancePools[worker].maxCount: 2 -> 3", "instancePools[masters].maxCount: not set -> 1"],
        ),
        (
            "  instancePools: [{type: worker, maxCount: 2}, {type: worker, maxCount: 1}]\n",
            "  instancePools: [{type: worker, maxCount: 2}, {type: worker, maxCount: 4}]\n",
            ["instancePools[1].maxCount: 1 -> 4"],
        ),
        (
            "  kubernetes: {apiServer: {allowCIDRs: [10.0.0.0/8]}}\n",
            "  kubernetes: {apiServer: {allowCIDRs: [10.0.0.0/8, 192.0.2.0/24]}}\n",
            ["kubernetes.apiServer.allowCIDRs: [10.0.0.0/8] -> [10.0.0.0/8, 192.0.2.0/24]"],
        ),
        # outside of the clusters
        (
            "environments:\n- metadata: {name: dev}\n  location: eu-west-1 \n",
            "environments:\n- metadata: {name: dev}\n  location: eu-west-2\n",
            ["/environments[dev].location: eu-west-1 -> eu-west-2"],
        ),
        ("", "currentCluster: dev-blue\n", ["/currentCluster: not set -> dev-blue"]),
        # a text that needs quotes
        ("  location: 'a '\n", "  location: a\n", ["location: 'a ' -> a"]),
        # an empty mapping has no value
        ("", "  kubernetes: {}\n", []),
        ("  kubernetes: {apiServer: {}}\n", "  kubernetes: {apiServer: {amazon: }}\n", []),
        # what Tarmak does not read
        ("  nonsense: 1\n", "", []),
    ],
)
def test_changes(before: str, after: str, expected: list[str]) -> None:
    assert changes(before, after) == expected


def test_the_number_of_clusters() -> None:
    (line,) = changes("", "- environment: dev\n  metadata: {name: green}\n")
    assert line.startswith("/clusters: [{")
    found = changes("- metadata: {name: x}\n", "- {metadata: {name: x}, location: z}\n")
    assert found == ["location: not set -> z"]
