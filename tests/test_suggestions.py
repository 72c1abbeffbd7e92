"""What was probably meant."""

from __future__ import annotations

import pytest

from tarmak_iam.text import choose_among, closest, did_you_mean, is_one_typo, is_slip, spelled_otherwise


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("dev-clutser", ["prod-cluster", "dev-cluster"], "dev-cluster"),
        ("DEV_CLUSTER", ["prod-cluster", "dev-cluster"], "dev-cluster"),
        ("dev", ["dev-cluster"], None),
        ("cdir", ["cidr", "type"], "cidr"),  # letters that changed places
        ("rloe", ["role", "rule"], "role"),
        ("abc", ["acb", "bac"], None),
        ("", ["-", "a"], None),
        ("-", ["-"], None),
        ("a", [], None),
    ],
)
def test_the_closest(name: str, known: list[str], expected: str | None) -> None:
    assert closest(name, known) == expected


def test_what_differs_in_spelling_only() -> None:
    assert spelled_otherwise("cloud_id", ["cloudId", "cloud"]) == "cloudId"
    assert spelled_otherwise("cloudid2", ["cloudId", "cloud"]) is None


def test_a_remedy() -> None:
    assert did_you_mean("imge", ["image", "role"]) == "did you mean image?"
    assert did_you_mean("x", ["image", "role"]) == ""
    assert did_you_mean("x", ["image", "role"], "the settings are") == "the settings are image, role"
    assert did_you_mean("x", [], "the settings are") == ""
    assert did_you_mean("mpa", ["map", "set"], cutoff=0.6) == "did you mean map?"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("cidr", "cdir", True),
        ("cidr", "cdr", True),
        ("cidr", "ciidr", True),
        ("cidr", "cidrs", True),
        ("cidr", "cider", True),
        ("cidr", "didr", True),
        ("cidr", "cidt", True),
        ("cidr", "cidr", False),
        ("cidr", "cird", True),
        ("cidr", "dicr", False),
        ("cidr", "cidrss", False),
        ("cidr", "kind", False),
        ("cidr", "rcid", False),
        ("ab", "ba", True),
        ("a", "", True),
        ("", "", False),
    ],
)
def test_one_typo(one: str, other: str, expected: bool) -> None:
    assert is_one_typo(one, other) is expected
    assert is_one_typo(other, one) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("cidr", "cdir", True),
        ("cidr", "ccidr", True),
        ("enabled", "ennabled", True),
        ("pool", "pol", True),
        ("cidr", "cidrs", False),
        ("cidr", "cdr", False),
        ("cidr", "cider", False),
        ("cidr", "cidt", False),
        ("cidr", "dicr", False),
        ("cidr", "cidr", False),
    ],
)
def test_a_slip(one: str, other: str, expected: bool) -> None:
    assert is_slip(one, other) is expected
    assert is_slip(other, one) is expected


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("prod-c3", "did you mean prod-c3?"),
        ("prd-c3", "did you mean prod-c3?"),
        ("c7", "did you mean prod-c7?"),
        ("prod", "did you mean one of prod-c0, prod-c1, prod-c2?"),
        ("", "choose one of prod-c0, prod-c1, prod-c2, prod-c3, prod-c4 and 5 more"),
        ("zzz", "choose one of prod-c0, prod-c1, prod-c2, prod-c3, prod-c4 and 5 more"),
    ],
)
def test_one_of_many(name: str, remedy: str) -> None:
    assert choose_among(name, [f"prod-c{number}" for number in range(10)]) == remedy


def test_one_of_few() -> None:
    assert choose_among("zzz", ["dev-cluster", "prod-hub"]) == "choose one of dev-cluster, prod-hub"
    assert choose_among("dev-clutser", ["dev-cluster", "prod-hub"]) == "did you mean dev-cluster?"
    assert choose_among("zzz", []) == ""
