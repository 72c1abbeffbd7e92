"""What people wrote: on one line of a terminal, and in the place of a name."""

from __future__ import annotations

import pytest

from tarmak_iam.aws.regions import is_region, partition_of, region_of_zone
from tarmak_iam.text import brief_list, capped, defused, escaped, is_host_name, one_line, shortened


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 77 + "..."),
        ("arn:" + "x" * 196, "arn:" + "x" * 196),
        ("arn:" + "x" * 197, "arn:" + "x" * 73 + "..."),
        (" arn:" + "x" * 80, " arn:" + "x" * 72 + "..."),
    ],
)
def test_a_value_in_a_message(text: str, shown: str) -> None:
    assert shortened(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ab" * 500, "ab" * 500),
        ("a" * 500 + "b" * 501, "a" * 498 + "..." + "b" * 498),
    ],
)
def test_a_whole_message(text: str, shown: str) -> None:
    assert capped(text) == shown


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("api.dev-cluster.k8s.example.com", True),
        ("api.dev_1.example.com.", True),
        ("localhost", True),
        ("a" * 63 + ".b", True),
        ("a" * 64 + ".b", False),
        ("a." * 126 + "a", True),
        ("a." * 127 + "a", False),
        ("", False),
        (".", False),
        ("a..b", False),
        ("a.-b", False),
        ("a b", False),
        ("a/b", False),
        ("a:443", False),
        ("user@a", False),
        ("a\n", False),
        ("é.example.com", False),
    ],
)
def test_host_names(text: str, is_one: bool) -> None:
    assert is_host_name(text) is is_one


@pytest.mark.parametrize(
    "text",
    [
        "eu-west-1",
        "us-gov-east-1",
        "us-gov-west-1",
        "cn-north-1",
        "cn-northwest-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "us-isof-south-1",
        "eu-isoe-west-1",
        "mx-central-1",
        "il-central-1",
        "ap-southeast-5",
        "me-central-1",
    ],
)
def test_regions(text: str) -> None:
    assert is_region(text)
    assert partition_of(text).startswith("aws")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "EU-West-1",
        "eu_west_1",
        "eu-west-1\n",
        "-",
        "eu--1",
        "$(X)",
        "eu-west-1 ",
        "x" * 64,
        "eu-west1",
        "europe-west-1",
        "eu-1",
        "eu-west-1a",
        "us-west-2-lax-1a",
        "us-west-2-lax-1",
        "eu-" + "w" * 64 + "-1",
    ],
)
def test_what_is_no_region(text: str) -> None:
    assert not is_region(text)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("eu-west-1a", "eu-west-1"),
        ("ap-southeast-2c", "ap-southeast-2"),
        ("us-west-2-lax-1a", "us-west-2"),
        ("us-east-1-wl1-bos-wlz-1", "us-east-1"),
        ("us-gov-west-1a", "us-gov-west-1"),
        ("eusc-de-east-1a", "eusc-de-east-1"),
        ("eu-west-1", None),
        ("eu-west-1A", None),
        ("eu-west-1ab", None),
        ("eu-west-1-", None),
        ("euw1-az1", None),
        ("eu-" + "w" * 56 + "-1a", "eu-" + "w" * 56 + "-1"),
        ("eu-" + "w" * 60 + "-1a", None),
        ("", None),
    ],
)
def test_the_region_of_a_zone(text: str, region: str | None) -> None:
    assert region_of_zone(text) == region


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
        ("::1", "::1"),
        ("::ffff:192.0.2.1/128", "::ffff:192.0.2.1/128"),
        ("a ::b::c", "a ::b::c"),
        ("## [a link]", "## [a link]"),
    ],
)
def test_no_line_is_a_command_of_a_workflow(text: str, shown: str) -> None:
    """actions/runner, ActionCommand.cs: `::` counts behind any blanks, `##[` anywhere."""
    assert defused(text) == shown
    assert escaped(text).replace("\t", "") == shown.replace("\t", "")


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b, c"), (["a", "b", "c", "d", "e"], "a, b, c and 2 more")],
)
def test_a_long_list_is_cut(names: list[str], text: str) -> None:
    assert brief_list(names, 3) == text
