"""What people wrote: on one line of a terminal, in the place of a name, and what they probably meant.

What messages quote of it is in test_quoting.
"""

from __future__ import annotations

import pytest

from tarmak_iam.aws.regions import is_region, partition_of, region_of_zone
from tarmak_iam.text import (
    brief_list,
    choose_among,
    closest,
    defused,
    did_you_mean,
    escaped,
    is_host_name,
    is_one_typo,
    is_slip,
    one_line,
    spelled_otherwise,
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain  text", "plain  text"),
        ("two\n  lines\r\nand\u2028more", "two lines and more"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\u200bb\u00a0c\ufeff", "a\\u200bb\\xa0c\\ufeff"),
        ("güé", "güé"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_host_names() -> None:
    valid = [
        "api.dev-cluster.k8s.example.com",
        "api.dev_1.example.com.",
        "localhost",
        f"{'a' * 63}.b",
        "a." * 126 + "a",
    ]
    assert [text for text in valid if not is_host_name(text)] == []
    wrong = ["", ".", "a..b", "a.-b", "a b", "a/b", "a:443", "user@a", "a\n", "é.example.com"]
    assert [text for text in (*wrong, f"{'a' * 64}.b", "a." * 127 + "a") if is_host_name(text)] == []


def test_regions() -> None:
    names = """eu-west-1 us-gov-east-1 us-gov-west-1 cn-north-1 cn-northwest-1 eusc-de-east-1 us-iso-east-1
        us-isob-east-1 us-isof-south-1 eu-isoe-west-1 mx-central-1 il-central-1 ap-southeast-5 me-central-1"""
    assert [name for name in names.split() if not (is_region(name) and partition_of(name).startswith("aws"))] == []
    wrong = "EU-West-1 eu_west_1 - eu--1 $(X) eu-west1 europe-west-1 eu-1 eu-west-1a us-west-2-lax-1a us-west-2-lax-1"
    others = ("", "eu-west-1\n", "eu-west-1 ", "x" * 64, f"eu-{'w' * 64}-1")
    assert [name for name in (*wrong.split(), *others) if is_region(name)] == []


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("eu-west-1a", "eu-west-1"),
        ("ap-southeast-2c", "ap-southeast-2"),
        ("us-west-2-lax-1a", "us-west-2"),
        ("us-east-1-wl1-bos-wlz-1", "us-east-1"),
        ("us-gov-west-1a", "us-gov-west-1"),
        ("eusc-de-east-1a", "eusc-de-east-1"),
        ("eu-" + "w" * 56 + "-1a", "eu-" + "w" * 56 + "-1"),
        *((zone, None) for zone in ("eu-west-1", "eu-west-1A", "eu-west-1ab", "eu-west-1-", "euw1-az1", "")),
        ("eu-" + "w" * 60 + "-1a", None),
    ],
)
def test_the_region_of_a_zone(zone: str, region: str | None) -> None:
    assert region_of_zone(zone) == region


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::add-mask::secret", "\\u003a:add-mask::secret"),
        ("  \u00a0::stop-commands::x", "  \u00a0\\u003a:stop-commands::x"),
        ("one\n\t::error file=a::b\ntwo", "one\n\t\\u003a:error file=a::b\ntwo"),
        ("deep in ##[add-mask]a line", "deep in \\u0023#[add-mask]a line"),
        ("##vso[task.setvariable variable=a]b", "\\u0023#vso[task.setvariable variable=a]b"),
        ("###[group]", "#\\u0023#[group]"),
        ("##TeamCity[x]", "\\u0023#TeamCity[x]"),
        *((text, text) for text in ("::1", "::ffff:192.0.2.1/128", "a ::b::c", "## [a link]")),
    ],
)
def test_no_line_is_a_command_of_a_workflow(text: str, shown: str) -> None:
    """actions/runner, ActionCommand.cs: `::` counts behind any blanks, `##[` anywhere."""
    assert defused(text) == shown
    assert escaped(text).replace("\t", "") == shown.replace("\t", "")


def test_a_long_list_is_cut() -> None:
    assert [brief_list("abcde"[:count], 3) for count in (0, 1, 3, 5)] == ["", "a", "a, b, c", "a, b, c and 2 more"]


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("dev-clutser", "prod-cluster dev-cluster", "dev-cluster"),
        ("DEV_CLUSTER", "prod-cluster dev-cluster", "dev-cluster"),
        ("dev", "dev-cluster", None),
        ("cdir", "cidr type", "cidr"),  # letters that changed places
        ("rloe", "role rule", "role"),
        ("abc", "acb bac", None),
        ("", "- a", None),
        ("-", "-", None),
        ("a", "", None),
    ],
)
def test_the_closest(name: str, known: str, expected: str | None) -> None:
    assert closest(name, known.split()) == expected


def test_a_remedy() -> None:
    assert spelled_otherwise("cloud_id", ["cloudId", "cloud"]) == "cloudId"
    assert spelled_otherwise("cloudid2", ["cloudId", "cloud"]) is None
    assert did_you_mean("imge", ["image", "role"]) == "did you mean image?"
    assert did_you_mean("x", ["image", "role"]) == ""
    assert did_you_mean("x", ["image", "role"], "the settings are") == "the settings are image, role"
    assert did_you_mean("x", [], "the settings are") == ""
    assert did_you_mean("mpa", ["map", "set"], cutoff=0.6) == "did you mean map?"


def test_typos_and_slips() -> None:
    """A slip is what fingers do: two letters that changed places, or one that is there twice or once."""
    typos = "cidr cdir, cidr cdr, cidr ciidr, cidr cidrs, cidr cider, cidr didr, cidr cidt, cidr cird, ab ba"
    others = "cidr cidr, cidr dicr, cidr cidrss, cidr kind, cidr rcid"
    slips = "cidr cdir, cidr ccidr, enabled ennabled, pool pol"
    no_slips = "cidr cidrs, cidr cdr, cidr cider, cidr cidt, cidr dicr, cidr cidr"
    for function, pairs, expected in (
        *((is_one_typo, typos, True), (is_one_typo, others, False)),
        *((is_slip, slips, True), (is_slip, no_slips, False)),
    ):
        for pair in pairs.split(", "):
            one, other = pair.split()
            assert (function(one, other), function(other, one)) == (expected, expected), pair
    assert (is_one_typo("a", ""), is_one_typo("", "")) == (True, False)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("prod-c3", "did you mean prod-c3?"),
        ("prd-c3", "did you mean prod-c3?"),
        ("c7", "did you mean prod-c7?"),
        ("prod", "did you mean one of prod-c0, prod-c1, prod-c2?"),
        *((name, "choose one of prod-c0, prod-c1, prod-c2, prod-c3, prod-c4 and 5 more") for name in ("", "zzz")),
    ],
)
def test_one_of_many(name: str, remedy: str) -> None:
    assert choose_among(name, [f"prod-c{number}" for number in range(10)]) == remedy


def test_one_of_few() -> None:
    assert choose_among("zzz", ["dev-cluster", "prod-hub"]) == "choose one of dev-cluster, prod-hub"
    assert choose_among("dev-clutser", ["dev-cluster", "prod-hub"]) == "did you mean dev-cluster?"
    assert choose_among("zzz", []) == ""
