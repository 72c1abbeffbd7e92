"""A location that is a zone, or no region: nothing is made of it, and it has one finding."""

from __future__ import annotations

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.emit import manifests
from tarmak_iam.emit.kubeconfig import client_kubeconfig
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, check
from tests.support.installations import CONFIG, installation

ZONES = [("eu-west-1a", "eu-west-1"), ("us-west-2-lax-1a", "us-west-2"), ("cn-north-1a", "cn-north-1")]


NO_REGION = "which is not the name of a region"


@pytest.mark.parametrize(
    ("location", "flaw", "remedy"),
    [
        *((zone, "which is a zone, not a region", f" to {region}") for zone, region in ZONES),
        ("eu_west_1", NO_REGION, " to eu-west-1"),
        ("us-east", NO_REGION, "; did you mean us-east-1 or us-east-2?"),
        ("Europe", NO_REGION, ", as in eu-west-1"),
    ],
)
def test_nothing_is_made_of_what_is_no_region(location: str, flaw: str, remedy: str) -> None:
    for emit in (manifests, client_kubeconfig):
        for command in ("aws-iam-authenticator", "tarmak-iam", "aws"):
            with pytest.raises(ConfigError) as error:
                emit(installation(location=location, exec=command))
            assert str(error.value) == (
                f"tarmak.yaml:10:13: the region of dev-cluster is '{location}', {flaw}; "
                f"set location of the environment 'dev' in tarmak.yaml{remedy}"
            )


@pytest.mark.parametrize("location", ["eu-west-9", "xx-new-1"])
def test_a_region_that_is_not_known_is_used(location: str) -> None:
    """AWS may have opened it since; `check` warns."""
    (container,) = manifests(installation(location=location))[-1]["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "AWS_REGION", "value": location}]


@pytest.mark.parametrize("location", ["eu-west-1a", "cn-north-1a", "Europe"])
def test_the_location_is_the_only_finding(location: str) -> None:
    """Not that the authenticator refuses the STS of such a region."""
    config = TarmakConfig.parse(CONFIG.format(api_server="{}", location=location))
    made = Installation.of(config, config.current_cluster, overrides={"daemonVersion": "v0.5.9"})
    assert [each.finding.id for each in check(Subjects(config, None, made))] == ["IAM094"]
