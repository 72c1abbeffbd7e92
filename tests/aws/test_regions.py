"""Regions: which are known, what is said of the others, and the table that the script writes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.aws.regions import (
    did_you_mean_region,
    hosts_of_region,
    is_known_region,
    is_region,
    partition_of,
    partition_of_host,
    region_flaw,
    region_suggestions,
    table_version,
)
from tests.support import PACKAGE
from tests.support.regions_table import regions_of_botocore, table_text
from tests.support.tables import rows

KNOWN = json.loads((PACKAGE / "aws" / "regions.json").read_text(encoding="utf-8"))["partitions"]


@pytest.mark.parametrize(("partition", "region"), [(name, each) for name in KNOWN for each in KNOWN[name]])
def test_a_known_region(partition: str, region: str) -> None:
    """Opt-in regions, GovCloud, China, the isolated partitions and the European sovereign cloud too."""
    assert is_known_region(region)
    assert is_region(region)
    assert region_flaw(region) is None
    assert partition_of(region) == partition


@pytest.mark.parametrize(("text", "what", "remedy"), rows(__file__, "test_what_is_not_the_name_of_a_region"))
def test_what_is_not_the_name_of_a_region(text: str, what: str, remedy: str) -> None:
    flaw = region_flaw(text)
    assert flaw is not None
    assert (flaw.what, flaw.remedy) == (what, remedy)


@pytest.mark.parametrize(("text", "expected"), rows(__file__, "test_what_an_unknown_region_probably_is"))
def test_what_an_unknown_region_probably_is(text: str, expected: str) -> None:
    assert is_region(text)
    assert not is_known_region(text)
    assert did_you_mean_region(region_suggestions(text)) == expected


@pytest.mark.parametrize(("region", "partition", "hosts"), rows(__file__, "test_the_hosts_of_sts"))
def test_the_hosts_of_sts(region: str, partition: str, hosts: list[str]) -> None:
    assert sorted(hosts_of_region(region)) == hosts
    assert set(map(partition_of_host, hosts)) == {partition}


@given(st.text(max_size=70))
def test_every_text_is_a_region_or_has_a_remedy(text: str) -> None:
    flaw = region_flaw(text)
    assert (flaw is None) == is_region(text)
    if flaw is not None:
        assert flaw.remedy
        if flaw.is_sure:
            assert all(map(is_known_region, flaw.suggestions))
        assert all(map(is_region, flaw.suggestions))


def test_the_table_only_grows() -> None:
    """Whichever botocore is installed, an older or a newer one."""
    before = (PACKAGE / "aws" / "regions.json").read_text(encoding="utf-8")
    after = {name: set(each) for name, each in json.loads(table_text(before))["partitions"].items()}
    for regions in (KNOWN, regions_of_botocore(), json.loads(table_text())["partitions"]):
        assert [name for name, each in regions.items() if not set(each) <= after[name]] == []
    newer = '{"botocore": "99.0.0", "partitions": {"aws": ["xx-new-1"]}}'
    assert json.loads(table_text(newer))["botocore"] == "99.0.0"
    assert "xx-new-1" in json.loads(table_text(newer))["partitions"]["aws"]
    assert table_version() == json.loads(before)["botocore"]
