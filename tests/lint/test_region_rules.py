"""Regions that botocore does not know: the message names its version, so that no case of tests/lint/cases has it."""

from __future__ import annotations

import pytest

from tarmak_iam.aws.regions import table_version
from tarmak_iam.config import TarmakConfig
from tarmak_iam.lint import Subjects, check

CONFIG = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
clusters:
- environment: dev
  metadata: {name: cluster}
environments:
- metadata: {name: dev}
  provider: aws
  location: REGION
providers:
- metadata: {name: aws}
  amazon: {profile: x}
"""
SUBNET = "  instancePools: [{type: worker, subnets: [{zone: eu-west-1a}]}]\nenvironments:"
NEWER = "AWS has opened it since, suppress this with a comment: # tarmak-iam: ignore[IAM026] new region"


def found(region: str, config: str = CONFIG) -> list[str]:
    findings = check(Subjects(TarmakConfig.parse(config.replace("REGION", region))))
    return [f"{each.place.line}:{each.place.column} {each.finding.id} {each.finding.text}" for each in findings]


@pytest.mark.parametrize(
    ("location", "remedy"),
    [
        ("eu-west-9", f"did you mean eu-west-1, eu-west-2 or eu-west-3? If {NEWER}"),
        ("eu-wset-1", f"did you mean eu-west-1? If {NEWER}"),
        ("xx-new-1", f"check the name; if {NEWER}"),
    ],
)
def test_a_region_that_is_not_known(location: str, remedy: str) -> None:
    what = f"'{location}' of environment 'dev' is not a region that botocore {table_version()} knows"
    assert found(location) == [f"9:13 IAM026 the location {what}; {remedy}"]
    assert found(location, CONFIG.replace("  location", "  # tarmak-iam: ignore[IAM026] new region\n  location")) == []


@pytest.mark.parametrize(("region", "is_in_another"), [("eu-west-9", False), ("xx-new-1", True), ("eu-west-2", True)])
def test_zones_of_the_region_that_was_probably_meant(region: str, is_in_another: bool) -> None:
    ids = {each.split()[1] for each in found(region, CONFIG.replace("environments:", SUBNET))}
    assert ("IAM014" in ids) is is_in_another
