"""Why a login failed: what the API server, STS, the daemon and its objects say of it."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import timedelta

import pytest

from tarmak_iam.hook.login.review import LoginOutcome
from tests.support.applied import NAME
from tests.support.fake_cluster import Cluster
from tests.support.installations import MAPPINGS
from tests.support.logins import ADMIN, ARN, DEAD, NOBODY, NOW, Sts, let_in, verified

pytestmark = pytest.mark.usefixtures("token_time", "sts")


@pytest.fixture
def cluster(login_cluster: Cluster) -> Cluster:
    return login_cluster


LOG = """\
time="2026-05-04T11:59:58Z" level=warning msg="access denied" arn="arn:aws:iam::111122223333:role/Other" \
client="127.0.0.1:1" error="ARN is not mapped" method=POST path=/authenticate
time="2026-05-04T11:59:59Z" level=warning msg="access denied" arn="arn:aws:iam::111122223333:role/nobody" \
client="127.0.0.1:1" error="identity is not mapped" method=POST path=/authenticate
time="2026-05-04T12:00:00Z" level=info msg="STS response" accesskeyid=AKIAEXAMPLE
"""


def test_the_authenticators_own_log(cluster: Cluster, sts: Sts) -> None:
    """As evidence only: it does not make it verified."""
    sts.arn, cluster.log = NOBODY, LOG
    found = verified(cluster)
    assert found.outcome is LoginOutcome.NOT_MAPPED
    assert found.diagnosis[2] == "the authenticator's log about this caller: identity is not mapped"
    (call,) = (call for call in cluster.calls if call[0] == "logs")
    assert call[1:4] == (
        "--namespace=kube-system",
        "--selector=k8s-app=aws-iam-authenticator",
        "--container=aws-iam-authenticator",
    )
    assert call[4:] == ("--since=60s", "--tail=200", "--limit-bytes=131072", "--request-timeout=15s")


def test_the_log_of_a_daemon_that_cannot_ask_sts(cluster: Cluster) -> None:
    cluster.log = (
        'time="2026-05-04T12:00:00Z" level=warning msg="access denied" client="127.0.0.1:1" '
        'error="error during GET: dial tcp 10.0.0.1:443: i/o timeout on sts.eu-west-1.amazonaws.com endpoint"\n'
    )
    assert verified(cluster).diagnosis[-1] == (
        "the authenticator's log about a token rejected within the last minute: error during GET: "
        "dial tcp 10.0.0.1:443: i/o timeout on sts.eu-west-1.amazonaws.com endpoint"
    )


def test_a_dead_daemon(cluster: Cluster, sts: Sts) -> None:
    cluster.reviews = [{"error": f"[invalid bearer token, {DEAD}]"}]
    container = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}}}
    status = {"containerStatuses": [container]}
    cluster.objects["Pod", "kube-system", "p"] = {"kind": "Pod", "metadata": {"name": "p"}, "status": status}
    found = verified(cluster)
    assert found.diagnosis == (
        f"the API server rejects {ARN}",
        f"the API server cannot reach the authenticator: {DEAD}",
        "DaemonSet kube-system/aws-iam-authenticator: 3 of 3 nodes updated, 3 available",
        "pod p on no node: CrashLoopBackOff, last exit code 1",
    )
    assert sts.asked


def test_a_certificate_that_is_not_trusted(cluster: Cluster) -> None:
    cluster.reviews = [{"error": "[invalid bearer token, x509: certificate signed by unknown authority]"}]
    diagnosis = verified(cluster).diagnosis
    assert diagnosis[1] == (
        "the API server does not trust the authenticator's certificate: x509: certificate signed by unknown authority"
    )


def test_an_api_server_that_asks_nobody(cluster: Cluster) -> None:
    cluster.reviews = [{"error": "invalid bearer token"}]
    assert "the API server seems to use no authenticator" in " ".join(verified(cluster).diagnosis)


def test_a_mapping_that_the_cluster_has_not(cluster: Cluster) -> None:
    config = cluster.get("ConfigMap", NAME)
    assert config is not None
    config["data"]["config.yaml"] = "clusterID: dev-cluster\n"
    text = " ".join(verified(cluster).diagnosis)
    assert "the cluster's objects do not map this caller: no mapping matches" in text
    assert "and `apply` applies the file" in text


def test_a_cluster_id_that_is_another(cluster: Cluster) -> None:
    config = cluster.get("ConfigMap", NAME)
    assert config is not None
    config["data"]["config.yaml"] = MAPPINGS.replace("dev-cluster", "other")
    text = " ".join(verified(cluster).diagnosis)
    assert "the cluster's objects do not map this caller" in text
    assert "other" in text


def test_a_daemon_with_other_mappings_than_its_objects(cluster: Cluster) -> None:
    assert "so the running authenticator has other mappings, another cluster ID" in verified(cluster).diagnosis[-1]


def test_another_username(cluster: Cluster) -> None:
    let_in(cluster, {**ADMIN, "username": "root"})
    found = verified(cluster)
    assert found.diagnosis[:2] == (
        f"the API server identifies {ARN} as 'root' with group system:masters",
        "whois expects 'admin' with group system:masters: the mapping for arn:aws:iam::111122223333:role/Admin matches",
    )
    assert "the cluster's objects match the file" in found.diagnosis[2]
    # The same answer where the cluster's own mappings are those.
    config = cluster.get("ConfigMap", NAME)
    assert config is not None
    config["data"]["config.yaml"] = MAPPINGS.replace("username: admin", "username: root")
    assert "the cluster's mappings differ from the file" in verified(cluster).diagnosis[2]


def test_a_node_whose_name_ec2_tells_the_daemon(cluster: Cluster, sts: Sts) -> None:
    node = """\
  - roleARN: arn:aws:iam::111122223333:role/Node
    username: system:node:{{EC2PrivateDNSName}}
    groups: [system:nodes]
"""
    arn = "arn:aws:sts::111122223333:assumed-role/Node/i-0123456789abcdef0"
    name = "system:node:ip-10-0-0-1.eu-west-1.compute.internal"
    let_in(cluster, {**ADMIN, "username": name, "groups": ["system:nodes"]})
    sts.arn, sts.user_id = arn, "AROA1:i-0123456789abcdef0"
    expected = f"{arn} logged in as '{name}' with group system:nodes, as whois expects"
    assert verified(cluster, MAPPINGS + node).diagnosis == (expected,)


def test_other_groups(cluster: Cluster) -> None:
    let_in(cluster, {**ADMIN, "groups": ["readers"]})
    assert not verified(cluster).ok


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ExpiredToken", "the AWS credentials have expired (ExpiredToken)"),
        ("InvalidClientTokenId", "AWS does not know the access key (InvalidClientTokenId)"),
        ("Odd", "Odd"),
    ],
)
def test_credentials_that_aws_does_not_take(cluster: Cluster, sts: Sts, code: str, expected: str) -> None:
    sts.status, sts.code = 403, code
    found = verified(cluster)
    assert (found.outcome, found.expected) == (LoginOutcome.CALLER_UNKNOWN, None)
    assert expected in found.why
    assert cluster.clock == 0, "AWS would say the same a moment later"
    assert expected in " ".join(found.diagnosis)
    assert "clock" not in " ".join(found.diagnosis)


@pytest.mark.parametrize(("seconds", "expected"), [(-900, "seconds ahead of that"), (900, "seconds behind that")])
def test_a_clock_that_is_off(cluster: Cluster, sts: Sts, seconds: int, expected: str) -> None:
    sts.status, sts.code, sts.date = 403, "SignatureDoesNotMatch", NOW + timedelta(seconds=seconds)
    assert expected in verified(cluster).diagnosis[-1]


def test_an_sts_that_cannot_be_reached(cluster: Cluster, sts: Sts) -> None:
    sts.error = urllib.error.URLError(TimeoutError())
    found = verified(cluster)
    assert (found.outcome, found.expected) == (LoginOutcome.CALLER_UNKNOWN, None)
    assert found.why.startswith("your identity is unknown: sts.eu-west-1.amazonaws.com cannot be reached")
    assert "sts.eu-west-1.amazonaws.com cannot be reached (TimeoutError)" in " ".join(found.diagnosis)
