"""The values that differ between two texts of tarmak.yaml: their paths, and what is not a change."""

from __future__ import annotations

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.changed_values import changed_values
from tests.support.tables import cases

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n- environment: dev\n  metadata: {name: blue}\n"


def changes(before: str, after: str) -> list[str]:
    one, two = (TarmakConfig.parse(HEAD + each) for each in (before, after))
    return [each.text for each in changed_values(one, two)]


@cases("config/cases/changed_values")
def test_changes(before: str, after: str, expected: list[str]) -> None:
    assert changes(before, after) == expected


def test_the_number_of_clusters() -> None:
    (line,) = changes("", "- environment: dev\n  metadata: {name: green}\n")
    assert line.startswith("/clusters: [{")
    found = changes("- metadata: {name: x}\n", "- {metadata: {name: x}, location: z}\n")
    assert found == ["location: not set -> z"]
