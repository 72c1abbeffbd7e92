"""A login that is tried: as expected, or with a plain account of what is in the way; the token stays hidden."""

from __future__ import annotations

import io
import json
import os
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone, tzinfo
from email.message import Message
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.login.caller import NotElsewhere, NoToken, ask_sts, caller_token
from tarmak_iam.hook.login.review import LoginOutcome
from tarmak_iam.hook.login.verify import CheckPods, RunningPods, Verified, verify_login
from tarmak_iam.hook.programs import Completed
from tarmak_iam.token import Credentials
from tarmak_iam.token.make import sign_token
from tests.emit.installations import MAPPINGS, installation
from tests.hook.test_apply import NAME, made
from tests.support.fake_cluster import Cluster, FakePrograms, away, failed

GO = "aws-iam-authenticator"
NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=timezone.utc)
TOKEN = sign_token(Credentials("AKIAEXAMPLE", "hush"), "eu-west-1", "dev-cluster", NOW).text


class Frozen(datetime):
    """At the time at which the token was made, however long it takes until a test is run."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Frozen:
        return cls.fromtimestamp(NOW.timestamp(), tz)


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("accounts", "caller"):
        monkeypatch.setattr(f"tarmak_iam.hook.login.{module}.datetime", Frozen)


ARN = "arn:aws:sts::111122223333:assumed-role/Admin/ann"
EXTRA = {"arn": [ARN], "sessionName": ["ann"], "accessKeyId": ["AKIAEXAMPLE"]}
UID = "aws-iam-authenticator:111122223333:AROA1"
ADMIN = {"username": "admin", "groups": ["system:masters", "system:authenticated"], "uid": UID, "extra": EXTRA}
DENIED = {"error": "[invalid bearer token, unknown]"}
UNAUTHORIZED = failed("error: You must be logged in to the server (Unauthorized)")
DEAD = 'Post "https://localhost:21362/authenticate?timeout=30s": dial tcp 127.0.0.1:21362: connect: connection refused'


class Sts:
    """Answers instead of STS, and keeps what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arn, self.status, self.code, self.error = ARN, 200, "", None
        self.date = NOW
        self.asked: list[urllib.request.Request] = []
        self.proxies: list[dict[str, str]] = []
        monkeypatch.setattr("urllib.request.build_opener", self._opener)

    error: OSError | None

    def _opener(self, redirects: type[NotElsewhere], proxies: urllib.request.ProxyHandler) -> Sts:
        assert redirects is NotElsewhere
        self.proxies.append(proxies.proxies)  # type: ignore[attr-defined]  # not in the stubs
        return self

    def open(self, request: urllib.request.Request, timeout: float) -> Any:
        assert timeout > 0
        self.asked.append(request)
        if self.error is not None:
            raise self.error
        headers = Message()
        headers["Date"] = format_datetime(self.date)
        if self.status != 200:
            body = json.dumps({"Error": {"Code": self.code, "Message": "signed: hush"}}).encode()
            raise urllib.error.HTTPError(request.full_url, self.status, "no", headers, io.BytesIO(body))
        result = {"Arn": self.arn, "Account": "111122223333", "UserId": "AROA1:ann"}
        body = json.dumps({"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}}).encode()
        return urllib.request.addinfourl(io.BytesIO(body), headers, request.full_url)  # type: ignore[attr-defined]


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Sts:
    return Sts(monkeypatch)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """With our objects applied, and nobody who is let in."""
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), tmp_path / "state.json")
    cluster.self_review, cluster.reviews = UNAUTHORIZED, [DENIED]
    return cluster


def kubectl_of(cluster: Cluster, token: Completed | None = None) -> Kubectl:
    others = {GO: token or Completed((GO,), 0, json.dumps({"status": {"token": TOKEN}}), "")}
    return Kubectl(
        FakePrograms({"HTTPS_PROXY": "http://proxy:1"}, cluster=cluster, others=others),
        sleep=cluster._sleep,
        clock=lambda: cluster.clock,
    )


def let_in(cluster: Cluster, user: dict[str, Any]) -> None:
    cluster.self_review = Completed(("kubectl",), 0, json.dumps({"status": {"userInfo": user}}), "")
    cluster.reviews = [{"authenticated": True, "user": user}]


def verified(cluster: Cluster, mappings: str = MAPPINGS, **overrides: Any) -> Verified:
    found = verify_login(made(mappings, **overrides), kubectl_of(cluster), seconds=10)
    told = repr(found) + "".join(found.diagnosis)
    assert TOKEN not in told
    assert "hush" not in told
    assert not any(TOKEN in arg for call in cluster.calls for arg in call)
    return found


def test_as_expected(cluster: Cluster, sts: Sts) -> None:
    let_in(cluster, ADMIN)
    found = verified(cluster)
    assert (found.outcome, found.maker, found.method) == (LoginOutcome.VERIFIED, GO, "SelfSubjectReview")
    assert (found.ok, found.why) == (True, "")
    assert found.diagnosis == (f"{ARN} is 'admin' with system:masters, as whois says",)
    assert found.got is not None
    assert found.got.groups == ("system:masters",)
    assert sts.asked == []


def test_the_token_is_in_a_file_for_as_long_as_the_call_takes(cluster: Cluster) -> None:
    let_in(cluster, ADMIN)
    modes: list[int] = []
    paths: list[Path] = []

    original = cluster.run

    def run(args: tuple[str, ...], text: str) -> Completed:
        found = [Path(arg[13:]) for arg in args if arg.startswith("--kubeconfig=")]
        paths.extend(found)
        modes.extend(path.stat().st_mode & 0o777 for path in found)
        return original(args, text)

    cluster.run = run  # type: ignore[method-assign]  # to look at the file while it is there
    verified(cluster)
    assert modes == [0o600]
    assert not paths[0].exists()
    assert json.loads(cluster.kubeconfigs[0])["users"][0]["user"] == {"token": TOKEN}


@pytest.mark.parametrize("server", ["v1.12.9", "v1.26.15"])
def test_older_api_servers_are_asked_by_the_admin(cluster: Cluster, server: str) -> None:
    cluster.server = server
    let_in(cluster, ADMIN)
    found = verified(cluster)
    assert (found.ok, found.method) == (True, "TokenReview")
    assert not any("--raw" in call for call in cluster.calls)


@pytest.mark.parametrize(("server", "version"), [("v1.27.1", "v1beta1"), ("v1.28.0", "v1"), ("v1.33.0", "v1")])
def test_the_api_version_of_the_review(cluster: Cluster, server: str, version: str) -> None:
    cluster.server = server
    let_in(cluster, ADMIN)
    assert verified(cluster).ok
    (call,) = (call for call in cluster.calls if call[:2] == ("create", "--raw"))
    assert f"/apis/authentication.k8s.io/{version}/selfsubjectreviews" in call


def test_a_review_that_is_not_served_or_not_allowed(cluster: Cluster) -> None:
    let_in(cluster, ADMIN)
    cluster.self_review = None
    assert verified(cluster).method == "TokenReview"


def test_a_daemon_that_does_not_say_who_it_is(cluster: Cluster, sts: Sts) -> None:
    """Below v0.5.4 there is no extra: STS is asked as the daemon asks it."""
    let_in(cluster, {**ADMIN, "extra": None})
    assert verified(cluster).ok
    (request,) = sts.asked
    assert request.host == "sts.eu-west-1.amazonaws.com"
    assert request.get_header("X-k8s-aws-id") == "dev-cluster"
    assert sts.proxies == [{"https": "http://proxy:1"}]


NOBODY = "arn:aws:sts::111122223333:assumed-role/Nobody/ann"
SAYS_NOTHING = (
    "this shows nothing about anybody else: an authenticator that cannot reach AWS, has another cluster id or no "
    "mappings refuses everybody"
)


def test_a_refusal_of_somebody_whom_nobody_maps_verifies_nothing(cluster: Cluster, sts: Sts) -> None:
    sts.arn = NOBODY
    found = verified(cluster)
    assert (found.outcome, found.ok, found.got) == (LoginOutcome.NOT_MAPPED, False, None)
    assert found.diagnosis[0].startswith(f"the API server does not let {NOBODY} in, as whois expects: no entry maps")
    assert found.diagnosis[1] == SAYS_NOTHING
    admin = "arn:aws:iam::111122223333:role/Admin"
    assert found.why == f"you ({NOBODY}) are not mapped; verify as {admin}, with --role ARN or AWS_PROFILE"
    assert found.options == ("--role", admin)
    assert cluster.clock == 0, "there is nothing to wait for"


def test_the_role_that_is_set_is_named(cluster: Cluster, sts: Sts) -> None:
    sts.arn = NOBODY
    role = "arn:aws:iam::111122223333:role/Nobody"
    assert f"({NOBODY}) are not mapped, and `role` is set to {role}; verify as" in verified(cluster, role=role).why


@pytest.mark.parametrize("error", [DEAD, "x509: certificate signed by unknown authority", "", "invalid bearer token"])
def test_a_daemon_that_is_not_asked_is_a_failure_whoever_the_caller_is(cluster: Cluster, sts: Sts, error: str) -> None:
    cluster.reviews = [{"error": error}]
    sts.arn = NOBODY
    assert verified(cluster).outcome is LoginOutcome.FAILED
    sts.status, sts.code = 403, "ExpiredToken"
    assert verified(cluster).outcome is LoginOutcome.FAILED


def test_somebody_who_gets_in_and_whom_nobody_knows(cluster: Cluster, sts: Sts) -> None:
    """A daemon below v0.5.4 does not say whom it has let in, and STS cannot be asked from here."""
    let_in(cluster, {**ADMIN, "extra": None})
    sts.error = urllib.error.URLError(TimeoutError())
    found = verified(cluster)
    assert found.outcome is LoginOutcome.CALLER_UNKNOWN
    assert found.diagnosis[0] == "the API server takes the caller for 'admin' with system:masters"
    assert found.why.startswith("it is not known who you are: sts.eu-west-1.amazonaws.com cannot be reached")


@pytest.mark.usefixtures("sts")
def test_a_mapped_caller_who_is_refused(cluster: Cluster) -> None:
    found = verified(cluster)
    assert found.outcome is LoginOutcome.FAILED
    assert found.why == "; ".join(found.diagnosis)
    assert cluster.clock > 0, "daemons that are just replaced get some time"


def test_somebody_whom_nobody_maps_and_who_can_log_in(cluster: Cluster) -> None:
    let_in(cluster, {**ADMIN, "extra": {**EXTRA, "arn": [NOBODY]}})
    found = verified(cluster)
    assert found.outcome is LoginOutcome.FAILED
    assert found.diagnosis[0] == f"the API server takes {NOBODY} for 'admin' with system:masters"
    assert found.diagnosis[1].startswith("whois says nobody: no entry maps")
    assert found.diagnosis[2] == (
        "no mapping names this caller, who can log in all the same: this is access that nobody has granted here"
    )


def test_somebody_whom_the_account_admits(cluster: Cluster) -> None:
    arn = "arn:aws:iam::444455556666:user/Eve"
    let_in(cluster, {"username": arn, "groups": [], "uid": UID, "extra": {**EXTRA, "arn": [arn]}})
    found = verified(cluster, f"{MAPPINGS}  mapAccounts: ['444455556666']\n")
    assert (found.outcome, found.diagnosis) == (
        LoginOutcome.VERIFIED,
        (f"{arn} is '{arn}' without groups, as whois says",),
    )


def test_without_a_mappings_file(cluster: Cluster) -> None:
    let_in(cluster, ADMIN)
    found = verify_login(installation(mappings=None, kubernetesVersion="1.30.1"), kubectl_of(cluster), seconds=0)
    assert found.outcome is LoginOutcome.FAILED
    assert "whois says nobody: there is no mappings file" in found.diagnosis


@pytest.mark.usefixtures("sts")
def test_a_refusal_without_a_mappings_file(cluster: Cluster) -> None:
    found = verify_login(installation(mappings=None, kubernetesVersion="1.30.1"), kubectl_of(cluster), seconds=0)
    assert found.outcome is LoginOutcome.NOT_MAPPED
    assert found.why == f"you ({ARN}) are not mapped; the mappings name nobody to verify as"


def test_no_credentials(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise NoToken("no token can be made: there are no AWS credentials", remedy="log in to AWS")

    monkeypatch.setattr("tarmak_iam.hook.login.verify.caller_token", nobody)
    found = verified(cluster)
    assert (found.outcome, found.expected, found.got) == (LoginOutcome.CALLER_UNKNOWN, None, None)
    assert (found.diagnosis, found.options) == ((), ()), "why says it, and no role can be assumed"
    assert found.why == (
        "no token can be made: there are no AWS credentials; log in to AWS; verify as "
        "arn:aws:iam::111122223333:role/Admin, with --role ARN or AWS_PROFILE"
    )
    stale = verify_login(made(), kubectl_of(cluster), check_pods=running("pod p runs another configuration"))
    assert (stale.outcome, stale.diagnosis[-1]) == (LoginOutcome.FAILED, "pod p runs another configuration")


def running(*stale: str, notes: tuple[str, ...] = ()) -> CheckPods:
    return lambda _: RunningPods(stale, notes)


class TestRunningPods:
    def test_what_could_not_be_looked_at_is_no_failure(self, cluster: Cluster) -> None:
        let_in(cluster, ADMIN)
        found = verify_login(made(), kubectl_of(cluster), check_pods=running(notes=("the pods may not be listed",)))
        assert found.outcome is LoginOutcome.VERIFIED
        assert found.diagnosis[-1] == "the pods may not be listed"

    def test_a_login_that_succeeds_is_not_enough(self, cluster: Cluster) -> None:
        let_in(cluster, ADMIN)
        found = verify_login(made(), kubectl_of(cluster), seconds=10, check_pods=running("pod p runs another one"))
        assert found.outcome is LoginOutcome.FAILED
        assert found.diagnosis == (f"{ARN} is 'admin' with system:masters, as whois says", "pod p runs another one")
        assert cluster.clock > 0, "it may be replaced meanwhile"

    def test_one_that_is_replaced_meanwhile(self, cluster: Cluster) -> None:
        let_in(cluster, ADMIN)
        answers = [RunningPods(("pod p runs another one",)), RunningPods()]
        found = verify_login(made(), kubectl_of(cluster), seconds=10, check_pods=lambda _: answers.pop(0))
        assert (found.outcome, answers) == (LoginOutcome.VERIFIED, [])

    def test_pods_that_may_not_be_looked_at(self, cluster: Cluster) -> None:
        def forbidden(_: Kubectl) -> RunningPods:
            raise ToolError("pods is forbidden")

        let_in(cluster, ADMIN)
        found = verify_login(made(), kubectl_of(cluster), check_pods=forbidden)
        assert found.outcome is LoginOutcome.VERIFIED
        assert found.diagnosis[-1] == ("which configuration the pods run could not be looked up: pods is forbidden")


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
    assert found.diagnosis[2] == "the authenticator's log says of this caller: identity is not mapped"
    (call,) = (call for call in cluster.calls if call[0] == "logs")
    assert call[1:4] == (
        "--namespace=kube-system",
        "--selector=k8s-app=aws-iam-authenticator",
        "--container=aws-iam-authenticator",
    )
    assert call[4:] == ("--since=60s", "--tail=200", "--limit-bytes=131072", "--request-timeout=15s")


@pytest.mark.usefixtures("sts")
def test_the_log_of_a_daemon_that_cannot_ask_sts(cluster: Cluster) -> None:
    cluster.log = (
        'time="2026-05-04T12:00:00Z" level=warning msg="access denied" client="127.0.0.1:1" '
        'error="error during GET: dial tcp 10.0.0.1:443: i/o timeout on sts.eu-west-1.amazonaws.com endpoint"\n'
    )
    assert verified(cluster).diagnosis[-1] == (
        "the authenticator's log says of a token that it refused within the last minute: error during GET: "
        "dial tcp 10.0.0.1:443: i/o timeout on sts.eu-west-1.amazonaws.com endpoint"
    )


@pytest.mark.usefixtures("sts")
def test_a_log_that_may_not_be_read(cluster: Cluster) -> None:
    cluster.log = None
    assert "log says" not in " ".join(verified(cluster).diagnosis)


def test_a_dead_daemon(cluster: Cluster, sts: Sts) -> None:
    cluster.reviews = [{"error": f"[invalid bearer token, {DEAD}]"}]
    container = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}}}
    status = {"containerStatuses": [container]}
    cluster.objects["Pod", "kube-system", "p"] = {"kind": "Pod", "metadata": {"name": "p"}, "status": status}
    found = verified(cluster)
    assert found.diagnosis == (
        f"the API server does not let {ARN} in",
        f"it cannot reach the authenticator: {DEAD}",
        "DaemonSet kube-system/aws-iam-authenticator: 3 of 3 nodes updated, 3 available",
        "pod p on no node: CrashLoopBackOff, it ended with exit code 1",
    )
    assert sts.asked


@pytest.mark.usefixtures("sts")
def test_a_certificate_that_is_not_trusted(cluster: Cluster) -> None:
    cluster.reviews = [{"error": "[invalid bearer token, x509: certificate signed by unknown authority]"}]
    diagnosis = verified(cluster).diagnosis
    assert diagnosis[1] == (
        "it does not trust the authenticator's certificate: x509: certificate signed by unknown authority"
    )


@pytest.mark.usefixtures("sts")
def test_an_api_server_that_asks_nobody(cluster: Cluster) -> None:
    cluster.reviews = [{"error": "invalid bearer token"}]
    assert "it seems to ask no authenticator" in " ".join(verified(cluster).diagnosis)


@pytest.mark.usefixtures("sts")
def test_a_mapping_that_the_cluster_has_not(cluster: Cluster) -> None:
    config = cluster.get("ConfigMap", NAME)
    assert config is not None
    config["data"]["config.yaml"] = "clusterID: dev-cluster\n"
    text = " ".join(verified(cluster).diagnosis)
    assert "the cluster's own objects let nobody of that name in: no entry maps" in text
    assert "`apply` brings the file's mappings" in text


@pytest.mark.usefixtures("sts")
def test_a_cluster_id_that_is_another(cluster: Cluster) -> None:
    config = cluster.get("ConfigMap", NAME)
    assert config is not None
    config["data"]["config.yaml"] = MAPPINGS.replace("dev-cluster", "other")
    text = " ".join(verified(cluster).diagnosis)
    assert "the cluster's own objects let nobody of that name in" in text
    assert "other" in text


@pytest.mark.usefixtures("sts")
def test_a_daemon_with_other_mappings_than_its_objects(cluster: Cluster) -> None:
    assert "so its daemon runs with others, with another cluster id or a clock" in verified(cluster).diagnosis[-1]


def test_another_username(cluster: Cluster) -> None:
    let_in(cluster, {**ADMIN, "username": "root"})
    found = verified(cluster)
    assert found.diagnosis[:2] == (
        f"the API server takes {ARN} for 'root' with system:masters",
        "whois says 'admin' with system:masters: the entry for arn:aws:iam::111122223333:role/Admin matches",
    )
    assert "the cluster's objects say what the file says" in found.diagnosis[2]
    # The same answer where the cluster's own mappings are those.
    config = cluster.get("ConfigMap", NAME)
    assert config is not None
    config["data"]["config.yaml"] = MAPPINGS.replace("username: admin", "username: root")
    assert "the cluster has other mappings than the file" in verified(cluster).diagnosis[2]


def test_a_node_whose_name_ec2_tells_the_daemon(cluster: Cluster) -> None:
    node = """\
  - roleARN: arn:aws:iam::111122223333:role/Node
    username: system:node:{{EC2PrivateDNSName}}
    groups: [system:nodes]
"""
    arn = "arn:aws:sts::111122223333:assumed-role/Node/i-0123456789abcdef0"
    name = "system:node:ip-10-0-0-1.eu-west-1.compute.internal"
    let_in(cluster, {**ADMIN, "username": name, "groups": ["system:nodes"], "extra": {"arn": [arn]}})
    assert verified(cluster, MAPPINGS + node).diagnosis == (f"{arn} is '{name}' with system:nodes, as whois says",)


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


@pytest.mark.parametrize(("seconds", "expected"), [(-900, "seconds ahead of AWS's"), (900, "seconds behind AWS's")])
def test_a_clock_that_is_off(cluster: Cluster, sts: Sts, seconds: int, expected: str) -> None:
    sts.status, sts.code, sts.date = 403, "SignatureDoesNotMatch", NOW + timedelta(seconds=seconds)
    assert expected in verified(cluster).diagnosis[-1]


def test_an_sts_that_cannot_be_reached(cluster: Cluster, sts: Sts) -> None:
    sts.error = urllib.error.URLError(TimeoutError())
    found = verified(cluster)
    assert (found.outcome, found.expected) == (LoginOutcome.CALLER_UNKNOWN, None)
    assert found.why.startswith("it is not known who you are: sts.eu-west-1.amazonaws.com cannot be reached")
    assert "sts.eu-west-1.amazonaws.com cannot be reached (TimeoutError)" in " ".join(found.diagnosis)


@pytest.mark.usefixtures("sts")
def test_it_asks_again_while_the_cluster_settles(cluster: Cluster) -> None:
    told: list[str] = []
    cluster.self_review = None
    cluster.reviews = [{"error": DEAD}, {"error": DEAD}, {"authenticated": True, "user": ADMIN}]
    found = verify_login(made(), kubectl_of(cluster), seconds=60, tell=told.append)
    assert (found.ok, len(told)) == (True, 1)


def test_a_different_answer_by_each_api_server(cluster: Cluster, sts: Sts) -> None:
    cluster.reviews = [{"authenticated": True, "user": ADMIN}]
    found = verified(cluster)
    assert not found.ok
    assert "one API server's authenticator lets the caller in, another one's does not" in " ".join(found.diagnosis)
    assert sts.asked


def test_an_api_server_that_is_away(cluster: Cluster) -> None:
    cluster.fault = away(10_000)
    with pytest.raises(ToolError, match="was refused"):
        verify_login(made(), kubectl_of(cluster))


def test_without_the_go_program_our_own_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    pytest.importorskip("botocore")
    made_token = caller_token(FakePrograms({}), "dev-cluster", region="eu-west-1")
    assert made_token.maker == "tarmak-iam token"
    assert made_token.text.startswith("k8s-aws-v1.")
    assert made_token.text not in repr(made_token)


@pytest.mark.parametrize(
    "broken",
    [
        Completed((GO,), 1, "", "could not get token: NoCredentialProviders"),
        Completed((GO,), 0, "no token", ""),
        Completed((GO,), 0, "{}", ""),
    ],
)
def test_a_go_program_that_does_not_work(monkeypatch: pytest.MonkeyPatch, broken: Completed) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    pytest.importorskip("botocore")
    programs = FakePrograms({}, others={GO: broken})
    assert caller_token(programs, "dev-cluster", region="eu-west-1").maker == "tarmak-iam token"


def test_neither_program_nor_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "botocore.session", None)
    with pytest.raises(NoToken) as failure:
        caller_token(FakePrograms({}), "dev-cluster", region="eu-west-1")
    assert failure.value.message == (
        "no token can be made: aws-iam-authenticator is not on the PATH, and tokens need botocore, which is not "
        "installed; install botocore, or the extra `aws`"
    )


def test_role_and_profile_reach_the_go_program(tmp_path: Path) -> None:
    from tarmak_iam.hook.programs import Programs

    script = tmp_path / GO
    script.write_text(f'#!/bin/sh\necho "$AWS_PROFILE $@" > {tmp_path}/seen\necho {TOKEN}\n')
    script.chmod(0o755)
    programs = Programs({"PATH": f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin"})
    role = "arn:aws:iam::111122223333:role/Admin"
    assert caller_token(programs, "dev-cluster", role=role, profile="p").maker == GO
    assert (tmp_path / "seen").read_text() == f"p token -i dev-cluster -r {role}\n"


def test_a_token_for_another_host_is_sent_nowhere(sts: Sts) -> None:
    import base64

    body = base64.urlsafe_b64encode(b"https://sts.example.org/?Action=GetCallerIdentity").decode().rstrip("=")
    answer = ask_sts(f"k8s-aws-v1.{body}", "dev-cluster", {})
    assert answer.failure == "sts.example.org is no host of STS"
    assert sts.asked == []


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, {}),
        ({"https_proxy": "http://p:1"}, {"https": "http://p:1"}),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.org"}, {"https": "http://p:1"}),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "x, .amazonaws.com"}, {}),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, {}),
        ({"HTTP_PROXY": "http://p:1"}, {}),
    ],
)
def test_the_proxy_is_the_environments(sts: Sts, environment: dict[str, str], expected: dict[str, str]) -> None:
    assert ask_sts(TOKEN, "dev-cluster", environment).identity is not None
    assert sts.proxies == [expected]


def test_a_proxy_whose_address_is_none() -> None:
    answer = ask_sts(TOKEN, "dev-cluster", {"HTTPS_PROXY": "proxy:notaport"})
    assert answer.failure.endswith("cannot be reached (InvalidURL)")
