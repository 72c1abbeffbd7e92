"""A login that is tried: as expected, or with what is in the way; the token stays hidden."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.pods import DaemonPod, PodCheck, StalePod
from tarmak_iam.hook.login.review import LoginOutcome, NoToken
from tarmak_iam.hook.login.verify import verify_login
from tarmak_iam.hook.programs import Completed
from tests.support.applied import made
from tests.support.fake_cluster import Cluster, away, failed
from tests.support.installations import MAPPINGS, installation
from tests.support.logins import ADMIN, ARN, DEAD, EXTRA, GO, NOBODY, TOKEN, UID, Sts, kubectl_of, let_in, verified

pytestmark = pytest.mark.usefixtures("token_time", "sts")


@pytest.fixture
def cluster(login_cluster: Cluster) -> Cluster:
    return login_cluster


def test_as_expected(cluster: Cluster, sts: Sts) -> None:
    let_in(cluster, ADMIN)
    cluster.calls.clear()
    found = verified(cluster)
    assert (found.outcome, found.maker, found.method) == (LoginOutcome.VERIFIED, GO, "SelfSubjectReview")
    assert (found.ok, found.why) == (True, "")
    assert found.diagnosis == (f"{ARN} logged in as 'admin' with group system:masters, as whois expects",)
    assert found.got is not None
    assert found.got.groups == ("system:masters",)
    (request,) = sts.asked
    assert request.host == "sts.eu-west-1.amazonaws.com"
    assert request.get_header("X-k8s-aws-id") == "dev-cluster"
    assert sts.proxies == [{"https": "http://proxy:1"}]
    assert [call[:2] for call in cluster.calls if call[0] == "create"] == [("create", "--raw")] * 2, (
        "the token, and one with a wrong signature"
    )


WRONG_SIGNATURE = (
    "the signature is wrong: another secret key, another cluster ID, or a wrong clock (SignatureDoesNotMatch)"
)


class TestAnAuthenticatorThatAnswersForAnybody:
    """It accepts every token, as a program does that an intruder put in the daemon's place."""

    @pytest.fixture(params=["v1.30.1", "v1.15.12"])
    def cluster(self, request: pytest.FixtureRequest, cluster: Cluster) -> Cluster:
        let_in(cluster, ADMIN)
        cluster.server, cluster.token = request.param, ""
        return cluster

    ANYBODY = (
        "so the webhook does not verify tokens with AWS, and anybody can log in: check which "
        "program listens at the address in the webhook kubeconfig on each master"
    )

    def test_the_admin_that_it_names(self, cluster: Cluster, sts: Sts) -> None:
        found = verified(cluster)
        assert sts.asked
        assert found.outcome is LoginOutcome.FAILED
        assert found.diagnosis == (
            f"the API server identifies {ARN} as 'admin' with group system:masters",
            "but it also accepts the same token with a wrong signature, which AWS rejects",
            self.ANYBODY,
        )
        assert found.why == "; ".join(found.diagnosis)

    def test_somebody_whom_nobody_maps(self, cluster: Cluster, sts: Sts) -> None:
        sts.arn = NOBODY
        found = verified(cluster)
        assert found.outcome is LoginOutcome.FAILED
        assert found.diagnosis[0] == f"the API server identifies {NOBODY} as 'admin' with group system:masters"

    @pytest.mark.parametrize(
        ("code", "why"),
        [
            ("ExpiredToken", "the AWS credentials have expired (ExpiredToken)"),
            (
                "SignatureDoesNotMatch",
                WRONG_SIGNATURE,
            ),
        ],
    )
    def test_a_token_that_aws_rejects(self, cluster: Cluster, sts: Sts, code: str, why: str) -> None:
        sts.status, sts.code = 403, code
        found = verified(cluster)
        assert found.outcome is LoginOutcome.FAILED
        assert found.diagnosis == (
            "the API server identifies the caller as 'admin' with group system:masters",
            f"but AWS rejects this token: {why}",
            self.ANYBODY,
        )

    def test_where_sts_cannot_be_asked(self, cluster: Cluster, sts: Sts) -> None:
        sts.error = urllib.error.URLError(TimeoutError())
        assert verified(cluster).outcome is LoginOutcome.FAILED


def test_the_answer_about_a_wrong_signature_that_is_none(cluster: Cluster) -> None:
    """Only a rejection is one."""
    let_in(cluster, ADMIN)
    cluster.self_review, asked = None, iter(range(9))
    review = Completed(("kubectl",), 0, json.dumps({"status": {"userInfo": ADMIN}}), "")

    def fault(args: tuple[str, ...]) -> Completed | None:
        if args[:2] != ("create", "--raw"):
            return None
        return review if next(asked) == 0 else failed("error: the server is broken")

    cluster.fault = fault
    with pytest.raises(ToolError, match="kubectl create failed: the server is broken"):
        verified(cluster)


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
    assert modes == [0o600, 0o600]
    assert not any(path.exists() for path in paths)
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
    paths = [call[2] for call in cluster.calls if call[:2] == ("create", "--raw")]
    assert paths == [f"/apis/authentication.k8s.io/{version}/selfsubjectreviews"] * 2


def test_a_review_that_is_not_served_or_not_allowed(cluster: Cluster) -> None:
    let_in(cluster, ADMIN)
    cluster.self_review = None
    assert verified(cluster).method == "TokenReview"


def test_a_daemon_that_does_not_say_who_it_is(cluster: Cluster) -> None:
    """Below v0.5.4 there is no extra."""
    let_in(cluster, {**ADMIN, "extra": None})
    assert verified(cluster).ok


SAYS_NOTHING = (
    "this does not verify the login of other callers: an authenticator that cannot reach AWS, has another cluster ID "
    "or has no mappings rejects every caller"
)


def test_a_login_with_a_token_that_aws_rejects(cluster: Cluster, sts: Sts) -> None:
    """Also where the same token with a wrong signature is rejected."""
    let_in(cluster, ADMIN)
    sts.status, sts.code = 403, "ExpiredToken"
    result = verified(cluster)
    assert result.outcome is LoginOutcome.FAILED
    assert "but AWS rejects this token: the AWS credentials have expired (ExpiredToken)" in result.diagnosis


def test_a_refusal_of_somebody_whom_nobody_maps_verifies_nothing(cluster: Cluster, sts: Sts) -> None:
    sts.arn = NOBODY
    found = verified(cluster)
    assert (found.outcome, found.ok, found.got) == (LoginOutcome.NOT_MAPPED, False, None)
    assert found.diagnosis[0].startswith(f"the API server rejects {NOBODY}, as whois expects: no mapping matches")
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
    """STS cannot be asked from here, and what the daemon says of the caller does not count."""
    let_in(cluster, ADMIN)
    sts.error = urllib.error.URLError(TimeoutError())
    found = verified(cluster)
    assert found.outcome is LoginOutcome.CALLER_UNKNOWN
    assert found.diagnosis[0] == "the API server identifies the caller as 'admin' with group system:masters"
    assert found.why.startswith("your identity is unknown: sts.eu-west-1.amazonaws.com cannot be reached")


def test_a_mapped_caller_who_is_refused(cluster: Cluster) -> None:
    found = verified(cluster)
    assert found.outcome is LoginOutcome.FAILED
    assert found.why == "; ".join(found.diagnosis)
    assert cluster.clock > 0, "daemons that are just replaced get some time"


def test_somebody_whom_nobody_maps_and_who_can_log_in(cluster: Cluster, sts: Sts) -> None:
    let_in(cluster, ADMIN)
    sts.arn = NOBODY
    found = verified(cluster)
    assert found.outcome is LoginOutcome.FAILED
    assert found.diagnosis[0] == f"the API server identifies {NOBODY} as 'admin' with group system:masters"
    assert found.diagnosis[1].startswith("whois expects a rejection: no mapping matches")
    assert found.diagnosis[2] == (
        "no mapping matches this caller, but the login succeeds: the mappings file does not grant this access"
    )


def test_somebody_whom_the_account_admits(cluster: Cluster, sts: Sts) -> None:
    arn = "arn:aws:iam::444455556666:user/Eve"
    let_in(cluster, {"username": arn, "groups": [], "uid": UID, "extra": EXTRA})
    sts.arn, sts.account, sts.user_id = arn, "444455556666", "AIDA1"
    found = verified(cluster, f"{MAPPINGS}  mapAccounts: ['444455556666']\n")
    assert (found.outcome, found.diagnosis) == (
        LoginOutcome.VERIFIED,
        (f"{arn} logged in as '{arn}' without groups, as whois expects",),
    )


def test_without_a_mappings_file(cluster: Cluster) -> None:
    let_in(cluster, ADMIN)
    found = verify_login(installation(mappings=None, kubernetesVersion="1.30.1"), kubectl_of(cluster), seconds=0)
    assert found.outcome is LoginOutcome.FAILED
    assert "whois expects a rejection: the mappings file does not exist" in found.diagnosis


def test_a_refusal_without_a_mappings_file(cluster: Cluster) -> None:
    found = verify_login(installation(mappings=None, kubernetesVersion="1.30.1"), kubectl_of(cluster), seconds=0)
    assert found.outcome is LoginOutcome.NOT_MAPPED
    assert found.why == f"you ({ARN}) are not mapped; no mapping can be used for a verification"


def test_no_credentials(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise NoToken("no token can be created: there are no AWS credentials", remedy="log in to AWS")

    monkeypatch.setattr("tarmak_iam.hook.login.verify.caller_token", nobody)
    found = verified(cluster)
    assert (found.outcome, found.expected, found.got) == (LoginOutcome.CALLER_UNKNOWN, None, None)
    assert (found.diagnosis, found.options) == ((), ()), "why says it, and no role can be assumed"
    assert found.why == (
        "no token can be created: there are no AWS credentials; log in to AWS; verify as "
        "arn:aws:iam::111122223333:role/Admin, with --role ARN or AWS_PROFILE"
    )
    running(monkeypatch, PodCheck(stale=STALE))
    stale = verified(cluster)
    assert (stale.outcome, stale.diagnosis[-1]) == (LoginOutcome.FAILED, "pod p on master-1: it runs another one")


POD = DaemonPod.of({"metadata": {"name": "p"}, "spec": {"nodeName": "master-1"}})
STALE = (StalePod(POD, "it runs another one"),)


def running(monkeypatch: pytest.MonkeyPatch, *checks: PodCheck | ToolError) -> list[PodCheck | ToolError]:
    """What is found of the pods, one after the other, the last one also for all that follow; what is left of it."""
    left = list(checks)

    def check(_: object) -> PodCheck:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, ToolError):
            raise found
        return found

    monkeypatch.setattr("tarmak_iam.hook.login.verify.check_pods", check)
    return left


class TestRunningPods:
    def test_what_could_not_be_looked_at_is_no_failure(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        let_in(cluster, ADMIN)
        running(monkeypatch, PodCheck(notes=("the pods may not be listed",)))
        found = verified(cluster)
        assert found.outcome is LoginOutcome.VERIFIED
        assert found.diagnosis[-1] == "the pods may not be listed"

    def test_a_login_that_succeeds_is_not_enough(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        let_in(cluster, ADMIN)
        running(monkeypatch, PodCheck(stale=STALE))
        found = verified(cluster)
        assert found.outcome is LoginOutcome.FAILED
        assert found.diagnosis == (
            f"{ARN} logged in as 'admin' with group system:masters, as whois expects",
            "pod p on master-1: it runs another one",
        )
        assert cluster.clock > 0, "it may be replaced meanwhile"

    def test_one_that_is_replaced_meanwhile(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        let_in(cluster, ADMIN)
        left = running(monkeypatch, PodCheck(stale=STALE), PodCheck())
        assert (verified(cluster).outcome, left) == (LoginOutcome.VERIFIED, [PodCheck()])

    def test_pods_that_may_not_be_looked_at(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        let_in(cluster, ADMIN)
        running(monkeypatch, ToolError("pods is forbidden"))
        found = verified(cluster)
        assert found.outcome is LoginOutcome.VERIFIED
        assert found.diagnosis[-1] == ("the configuration that the pods run could not be read: pods is forbidden")


def test_it_asks_again_while_the_cluster_settles(cluster: Cluster) -> None:
    told: list[str] = []
    cluster.self_review, cluster.token = None, TOKEN
    cluster.reviews = [{"error": DEAD}, {"error": DEAD}, {"authenticated": True, "user": ADMIN}]
    found = verify_login(made(), kubectl_of(cluster), seconds=60, tell=told.append)
    assert (found.ok, len(told)) == (True, 1)


def test_a_different_answer_by_each_api_server(cluster: Cluster, sts: Sts) -> None:
    cluster.reviews = [{"authenticated": True, "user": ADMIN}]
    found = verified(cluster)
    assert not found.ok
    assert "one API server's authenticator accepts the caller, another one rejects it" in " ".join(found.diagnosis)
    assert sts.asked


def test_an_api_server_that_is_away(cluster: Cluster) -> None:
    cluster.fault = away(10_000)
    with pytest.raises(ToolError, match="was refused"):
        verify_login(made(), kubectl_of(cluster))
