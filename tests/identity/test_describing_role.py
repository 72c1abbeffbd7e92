"""What the daemon asks EC2 with: a role, the source ARN that it sends along, and the limit of its requests."""

from __future__ import annotations

import pytest

from tarmak_iam.identity import Authenticator
from tarmak_iam.identity.caller import identity_of

ROLE = "arn:aws:iam::111122223333:role"
WORKERS = (
    f"  mapRoles:\n  - {{roleARN: '{ROLE}/Admin', username: admin}}\n"
    f"  - {{roleARN: '{ROLE}/Worker', username: 'system:node:{{{{EC2PrivateDNSName}}}}', groups: ['system:nodes']}}\n"
)
DESCRIBE = f"ec2DescribeInstancesRoleARN: {ROLE}/Describe"
INSTANCE = "i-0123456789abcdef0"


def loaded(*keys: str, version: str = "v0.7.18", args: str = "") -> Authenticator:
    config = "clusterID: c\nserver:\n" + "".join(f"  {key}\n" for key in keys) + WORKERS
    return Authenticator.load(config, version=version, args=args.split(), private_dns_names={INSTANCE: "ip-10-0-0-1"})


@pytest.mark.parametrize("arn", ["nonsense", "arn:aws:iam::111122223333", "ARN:aws:ec2:::instance/i-1", "'  '"])
def test_a_source_arn_that_is_not_an_arn(arn: str) -> None:
    for version, starts in (("v0.5.27", True), ("v0.6.25", True), ("v0.6.26", False), ("v0.7.1", False)):
        assert (loaded(DESCRIBE, f"sourceARN: {arn}", version=version).failure is None) is starts
    failure = loaded(DESCRIBE, f"sourceARN: {arn}").failure
    assert failure is not None
    assert failure.reason.startswith("server.sourceARN: ")
    assert " is not a valid ARN: it " in failure.reason
    assert str(failure.place) == "config.yaml:4:14"


def test_a_source_arn_that_is_not_read_or_is_an_arn() -> None:
    assert loaded("sourceARN: nonsense").failure is None
    assert loaded("ec2DescribeInstancesRoleARN: ''", "sourceARN: nonsense").failure is None
    assert loaded(DESCRIBE, "sourceARN: ''").failure is None
    assert loaded(DESCRIBE, "sourceARN: 'arn:x:y:z:a:b'").failure is None
    assert loaded("ec2DescribeInstancesRoleARN: nonsense", "sourceARN: nonsense").failure is not None


CRASH = (
    f"the mapping for {ROLE}/Worker matches, but server.ec2DescribeInstancesBurst is %d: "
    "the authenticator crashes when it asks EC2"
)


@pytest.mark.parametrize(
    ("version", "keys", "args", "burst"),
    [
        ("v0.7.3", [DESCRIBE, "ec2DescribeInstancesBurst: 0"], "", 0),
        ("v0.7.18", [DESCRIBE, "ec2DescribeInstancesBurst: 0"], "", 0),
        ("v0.7.18", [DESCRIBE, "ec2DescribeInstancesBurst: x", "ec2DescribeInstancesQps: -1"], "", 0),
        ("v0.7.18", [DESCRIBE], "--ec2-describeInstances-burst=-2", -2),
        ("v0.7.2", [DESCRIBE, "ec2DescribeInstancesBurst: 0"], "", None),
        ("v0.6.31", [DESCRIBE, "ec2DescribeInstancesBurst: 0"], "", None),
        ("v0.5.0", [DESCRIBE, "ec2DescribeInstancesBurst: 0"], "--backend-mode=File", None),
        ("v0.7.18", [DESCRIBE, "ec2DescribeInstancesBurst: 0", "ec2DescribeInstancesQps: 0"], "", None),
        ("v0.7.18", [DESCRIBE, "ec2DescribeInstancesBurst: 1"], "", None),
        ("v0.7.18", [DESCRIBE, "ec2DescribeInstancesBurst:"], "", None),
        ("v0.7.18", [DESCRIBE], "", None),
        ("v0.7.18", ["ec2DescribeInstancesBurst: 0"], "", None),
    ],
)
def test_a_burst_below_one(version: str, keys: list[str], args: str, burst: int | None) -> None:
    """Tried with the EC2 provider of v0.7.18: the process ends in a goroutine of the AWS SDK."""
    daemon = loaded(*keys, version=version, args=args)
    assert daemon.failure is None
    answer = daemon.whois(identity_of(f"{ROLE}/Worker", INSTANCE))
    assert answer.authenticated is (burst is None)
    nodes = ["system:node:{{EC2PrivateDNSName}}"] if burst is None else []
    assert [grant.username for grant in daemon.grants] == ["admin", *nodes]
    if burst is not None:
        assert answer.reason == CRASH % burst
        assert "requires a session name" in daemon.whois(identity_of(f"{ROLE}/Worker", "somebody")).reason
    assert daemon.whois(identity_of(f"{ROLE}/Admin")).username == "admin"
