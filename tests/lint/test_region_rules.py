"""Rules about regions and zones: the literal place and message of each."""

from __future__ import annotations

import re

import pytest

from tarmak_iam.aws.regions import table_version
from tests.lint.environments import HEAD, ROOT, SINGLE, environment, found, with_pool


@pytest.mark.parametrize(
    ("location", "what"),
    [
        ("eu-west-1a", "is a zone, not a region; write eu-west-1"),
        ("us-west-2-lax-1a", "is a zone, not a region; write us-west-2"),
        ("us-east-1-wl1-bos-wlz-1", "is a zone, not a region; write us-east-1"),
        ("us-gov-west-1b", "is a zone, not a region; write us-gov-west-1"),
        ("EU-West-1", "is not the name of a region; write eu-west-1"),
        ("eu_west_1", "is not the name of a region; write eu-west-1"),
        ("eu-west1", "is not the name of a region; write eu-west-1"),
        ("EU-WEST-1A", "is not the name of a region; write eu-west-1"),
        ("'eu-west-1 '", "is not the name of a region; write eu-west-1"),
        ("' '", "is not the name of a region; write a region such as eu-west-1"),
        ("Europe", "is not the name of a region; write a region such as eu-west-1"),
        ("euw1-az1", "is not the name of a region; write a region such as eu-west-1"),
    ],
)
def test_a_location_that_is_not_a_region(location: str, what: str) -> None:
    shown = repr(location.strip("'"))
    assert found(SINGLE + environment(f"  location: {location}\n")) == [
        f"15:13 IAM094 the location {shown} of environment 'dev' {what}"
    ]


NEWER = "AWS has opened it since, suppress this with a comment: # tarmak-iam: ignore[IAM026] new region"


@pytest.mark.parametrize(
    ("location", "remedy"),
    [
        ("eu-west-9", f"did you mean eu-west-1, eu-west-2 or eu-west-3? If {NEWER}"),
        ("eu-wset-1", f"did you mean eu-west-1? If {NEWER}"),
        ("xx-new-1", f"check the name; if {NEWER}"),
    ],
)
def test_a_region_that_is_not_known(location: str, remedy: str) -> None:
    where = f"15:13 IAM026 the location '{location}' of environment 'dev'"
    what = f"is not a region that botocore {table_version()} knows"
    assert found(SINGLE + environment(f"  location: {location}\n")) == [f"{where} {what}; {remedy}"]
    comment = "  # tarmak-iam: ignore[IAM026] new region\n"
    assert found(SINGLE + environment(f"{comment}  location: {location}\n")) == []


@pytest.mark.parametrize(
    "location", ["eu-west-1a", "EU_West_1", "us-east", "eu-west-9", "eu-west-l", "cn-north", "ap-southeast-9"]
)
def test_every_region_that_a_remedy_names_is_right(location: str) -> None:
    (finding,) = found(SINGLE + environment(f"  location: {location}\n"))
    named = re.findall(r"\b[a-z]{2,4}(?:-[a-z]+)+-[0-9]\b", finding.rpartition(" knows; ")[2].rpartition("region; ")[2])
    assert named
    for region in named:
        assert found(SINGLE + environment(f"  location: {region}\n")) == []


@pytest.mark.parametrize("location", ["ap-east-2", "us-gov-east-1", "cn-north-1", "eusc-de-east-1", "us-iso-west-1"])
def test_a_known_region(location: str) -> None:
    assert found(SINGLE + environment(f"  location: {location}\n")) == []


def test_zones_of_the_region_that_was_probably_meant() -> None:
    pool = f"{{type: worker, minCount: 3, {ROOT}, subnets: [{{zone: eu-west-1a}}]}}"
    assert [each.split()[1] for each in found(with_pool(pool) + environment("  location: eu-west-9\n"))] == ["IAM026"]
    assert [each.split()[1] for each in found(with_pool(pool) + environment("  location: xx-new-1\n"))] == [
        "IAM014",
        "IAM026",
    ]
    assert [each.split()[1] for each in found(with_pool(pool) + environment("  location: eu-west-2\n"))] == ["IAM014"]


def test_a_location_of_the_cluster_counts_where_its_environment_has_none() -> None:
    text = HEAD + "- environment: dev\n  metadata: {name: cluster}\n  location: eu-west-1a\n"
    assert [each.split()[1] for each in found(text + environment("  location: eu-west-1\n"))] == ["IAM029"]
    assert found(text + environment("")) == [
        "6:13 IAM094 the location 'eu-west-1a' of cluster dev-cluster is a zone, not a region; write eu-west-1"
    ]


PUBLIC = SINGLE.replace("  instancePools", "  kubernetes: {apiServer: {public: true}}\n  instancePools")
NO_ZONE = (
    "IAM094 the provider 'aws' has no publicZone, but an API server is public; tarmak clusters plan and apply fail; "
    "write publicZone as in k8s.example.com"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PUBLIC + environment("", "\n  amazon: {publicZone: k8s.example.com}\n"), []),
        (PUBLIC + environment("", "\n  amazon: {publicZone: k8s.example.com.}\n"), []),
        (PUBLIC + environment(""), [f"18:11 {NO_ZONE}"]),
        (PUBLIC + environment("", "\n  amazon: {publicZone: ''}\n"), [f"18:24 {NO_ZONE}"]),
        (SINGLE + environment("", "\n  amazon: {publicZone: ''}\n"), []),
        (PUBLIC.partition("  instancePools")[0] + environment(""), []),
    ],
)
def test_a_public_api_server_needs_a_public_zone(text: str, expected: list[str]) -> None:
    assert [each for each in found(text) if "IAM094" in each] == expected


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ("us-east-1", "eu-west-1", True),
        ("eu-west-1", "eu-west-1", False),
        ("''", "eu-west-1", False),
        ("us-east-1", "''", False),
    ],
)
def test_the_location_of_a_cluster_does_not_count(own: str, other: str, expected: bool) -> None:
    text = f"{HEAD}- environment: dev\n  metadata: {{name: cluster}}\n  location: {own}\n"
    reported = (
        "6:13 IAM029 Tarmak ignores the location 'us-east-1' of cluster dev-cluster, and uses the one of environment "
        "'dev'; remove it: the cluster is in eu-west-1; the region is the location of environment 'dev'"
    )
    assert found(text + environment(f"  location: {other}\n")) == ([reported] if expected else [])
