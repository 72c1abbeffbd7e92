"""Which tokens a release accepts: of which partitions, and of which hosts."""

from __future__ import annotations

import pytest

from tarmak_iam.aws.regions import GLOBAL_HOST
from tarmak_iam.identity import Authenticator
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.releases import DaemonVersion, known_releases, server_partitions
from tarmak_iam.identity.sts_verification import Verifier, accepts_tokens_of, host_condition, host_refusal

HOSTS = {
    "aws": ("us-east-1", "sts.us-east-1.amazonaws.com"),
    "aws-cn": ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
    "aws-us-gov": ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
    "aws-iso": ("us-iso-east-1", "sts.us-iso-east-1.c2s.ic.gov"),
    "aws-iso-b": ("us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov"),
    "aws-iso-e": ("eu-isoe-west-1", "sts.eu-isoe-west-1.cloud.adc-e.uk"),
    "aws-iso-f": ("us-isof-south-1", "sts.us-isof-south-1.csp.hci.ic.gov"),
    "aws-eusc": ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
}


def release(text: str) -> DaemonVersion:
    return DaemonVersion.parse(text)


def test_a_partition_is_accepted_where_a_host_of_it_is() -> None:
    """In the region of the daemon itself, which is the last that a release accepts."""
    with_flag = [version for version in known_releases() if version.has_key("server.partition")]
    for version in with_flag:
        for daemon in server_partitions(version):
            for caller, (region, host) in HOSTS.items():
                home = region if caller == daemon else HOSTS[daemon][0]
                is_taken = host_refusal(host, Verifier(version, daemon, home)) is None
                assert accepts_tokens_of(caller, daemon, version) is is_taken, (caller, daemon, str(version))


@pytest.mark.parametrize("partition", ["aws-iso-e", "aws-iso-f"])
@pytest.mark.parametrize(
    ("version", "is_taken"),
    [
        *((version, False) for version in ("v0.5.20", "v0.5.27", "v0.6.13", "v0.6.21")),
        *((version, True) for version in ("v0.6.22", "v0.7.1", "v0.7.18")),
    ],
)
def test_a_partition_without_listed_hosts(partition: str, version: str, is_taken: bool) -> None:
    arn = f"arn:{partition}:iam::111122223333:role/Admin"
    config = f"clusterID: c\nserver: {{partition: {partition}, mapRoles: [{{rolearn: '{arn}', username: a}}]}}\n"
    daemon = Authenticator.load(config, version=version)
    answer = daemon.whois(identity_of(arn))
    assert answer.authenticated is is_taken
    assert len(daemon.grants) == is_taken
    if not is_taken:
        assert answer.reason == (
            f"the AWS SDK of authenticator {version} has no STS host in partition {partition}, "
            "so it rejects every token"
        )
    own_region = "only a token of the STS host in the authenticator's own region is accepted"
    assert answer.notes == ((own_region,) if version in ("v0.6.22", "v0.7.1") else ())


REGIONAL = "a token of the STS host sts.amazonaws.com is rejected; one of a regional STS host is accepted"


@pytest.mark.parametrize(
    ("caller", "daemon", "version", "condition"),
    [
        ("aws", "aws-us-gov", "v0.7.5", REGIONAL),
        ("aws", "aws-us-gov", "v0.7.18", REGIONAL),
        ("aws-us-gov", "aws", "v0.7.18", ""),
        ("aws-us-gov", "aws-us-gov", "v0.7.18", ""),
        ("aws-cn", "aws-cn", "v0.7.18", ""),
        ("aws", "aws", "v0.7.18", ""),
        ("aws", "aws", "v0.4.0", ""),
        ("aws-us-gov", "aws-us-gov", "v0.7.4", ""),
    ],
)
def test_an_answer_that_depends_on_the_host(caller: str, daemon: str, version: str, condition: str) -> None:
    assert accepts_tokens_of(caller, daemon, release(version))
    assert host_condition(caller, daemon, release(version)) == condition
    arn = f"arn:{caller}:iam::111122223333:user/alice"
    partition = "" if version == "v0.4.0" else f"partition: {daemon}, "
    config = f"clusterID: c\nserver: {{{partition}mapUsers: [{{userarn: '{arn}', username: a}}]}}\n"
    answer = Authenticator.load(config, version=version).whois(identity_of(arn))
    assert (answer.username, answer.notes) == ("a", (condition,) if condition else ())
    if condition:
        assert host_refusal(GLOBAL_HOST, Verifier(release(version), daemon)) is not None
        by_account = Authenticator.load(
            config.replace(arn, f"{arn}-x").replace("}\n", ", mapAccounts: ['111122223333']}\n"), version=version
        )
        assert by_account.whois(identity_of(arn)).notes == (condition,)
        denied = Authenticator.load(config.replace(arn, f"{arn}-x"), version=version).whois(identity_of(arn))
        assert denied.notes == ()
