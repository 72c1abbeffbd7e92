"""A login that is tried: as expected, or with what is in the way; the token stays hidden."""

from __future__ import annotations

import json
import urllib.error
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.pods import DaemonPod, PodCheck, StalePod
from tarmak_iam.hook.login.review import LoginOutcome, NoToken
from tarmak_iam.hook.login.verify import verify_login
from tarmak_iam.hook.programs import Completed
from tests.support.applied import NAME, after_apply, made
from tests.support.fake_cluster import Cluster, away, failed
from tests.support.installations import MAPPINGS
from tests.support.logins import (
    ADMIN,
    ARN,
    DEAD,
    DENIED,
    GO,
    NOBODY,
    NOW,
    TOKEN,
    UNAUTHORIZED,
    Sts,
    kubectl_of,
    let_in,
    verified,
)
from tests.support.tables import parametrized

pytestmark = pytest.mark.usefixtures("token_time", "sts")


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """With our objects applied, and nobody who is let in."""
    cluster = after_apply(tmp_path / "state.json")
    cluster.self_review, cluster.reviews = UNAUTHORIZED, [DENIED]
    return cluster


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


def prepare(cluster: Cluster, sts: Sts, given: dict[str, Any]) -> None:
    """What `cases/verify.yaml` gives for a login: it explains the keys."""
    if "user" in given:
        let_in(cluster, {**ADMIN, **given["user"]})
    if given.get("any_token"):
        cluster.token = ""
    if given.get("is_split"):
        cluster.self_review = UNAUTHORIZED
    if "error" in given:
        cluster.reviews = [{"error": given["error"]}]
    if "live" in given:
        cluster.objects["ConfigMap", "kube-system", NAME]["data"] = {"config.yaml": given["live"]}
    cluster.log = given.get("log", cluster.log)
    for name, value in given.get("sts", {}).items():
        setattr(sts, name, value)
    sts.date = NOW + timedelta(seconds=given.get("seconds_ahead", 0))
    if given.get("sts_is_away"):
        sts.error = urllib.error.URLError(TimeoutError())


@parametrized(__file__, "logins")
def test_a_login(
    cluster: Cluster, sts: Sts, given: dict[str, Any], outcome: str, waits: bool, why: str, diagnosis: list[str]
) -> None:
    for cluster.server in given.get("servers", ["v1.30.1"]):
        cluster.clock = 0
        prepare(cluster, sts, given)
        found = verified(cluster, given.get("mappings", MAPPINGS + given.get("more", "")))
        assert (found.outcome, list(found.diagnosis), cluster.clock > 0) == (outcome, diagnosis, waits)
        assert found.why == ("; ".join(diagnosis) if why == "the diagnosis" else why)
        assert found.ok is (outcome == "verified")
        assert (found.expected is None) == (sts.status != 200 or sts.error is not None)
        assert sts.asked


def test_the_authenticators_own_log(cluster: Cluster) -> None:
    verified(cluster)
    (call,) = (call for call in cluster.calls if call[0] == "logs")
    assert call[1:4] == (
        "--namespace=kube-system",
        "--selector=k8s-app=aws-iam-authenticator",
        "--container=aws-iam-authenticator",
    )
    assert call[4:] == ("--since=60s", "--tail=200", "--limit-bytes=131072", "--request-timeout=15s")


def test_a_dead_daemon(cluster: Cluster) -> None:
    cluster.reviews = [{"error": f"[invalid bearer token, {DEAD}]"}]
    container = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}}}
    status = {"containerStatuses": [container]}
    cluster.objects["Pod", "kube-system", "p"] = {"kind": "Pod", "metadata": {"name": "p"}, "status": status}
    assert verified(cluster).diagnosis == (
        f"the API server rejects {ARN}",
        f"the API server cannot reach the authenticator: {DEAD}",
        "DaemonSet kube-system/aws-iam-authenticator: 3 of 3 nodes updated, 3 available",
        "pod p on no node: CrashLoopBackOff, last exit code 1",
    )


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
    """And those that do not serve or allow the review."""
    let_in(cluster, ADMIN)
    cluster.self_review = None
    assert verified(cluster).method == "TokenReview"
    cluster.server = server
    cluster.calls.clear()
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


def test_who_could_log_in_instead(cluster: Cluster, sts: Sts) -> None:
    sts.arn = NOBODY
    assert verified(cluster).options == ("--role", "arn:aws:iam::111122223333:role/Admin")
    role = "arn:aws:iam::111122223333:role/Nobody"
    assert f"({NOBODY}) are not mapped, and `role` is set to {role}; verify as" in verified(cluster, role=role).why


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
    @pytest.mark.parametrize(
        ("check", "note"),
        [
            (PodCheck(notes=("the pods may not be listed",)), "the pods may not be listed"),
            (
                ToolError("pods is forbidden"),
                "the configuration that the pods run could not be read: pods is forbidden",
            ),
        ],
    )
    def test_what_could_not_be_looked_at_is_no_failure(
        self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, check: PodCheck | ToolError, note: str
    ) -> None:
        let_in(cluster, ADMIN)
        running(monkeypatch, check)
        found = verified(cluster)
        assert found.outcome is LoginOutcome.VERIFIED
        assert found.diagnosis[-1] == note

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


def test_it_asks_again_while_the_cluster_settles(cluster: Cluster) -> None:
    told: list[str] = []
    cluster.self_review, cluster.token = None, TOKEN
    cluster.reviews = [{"error": DEAD}, {"error": DEAD}, {"authenticated": True, "user": ADMIN}]
    found = verify_login(made(), kubectl_of(cluster), seconds=60, tell=told.append)
    assert (found.ok, len(told)) == (True, 1)


def test_an_api_server_that_is_away(cluster: Cluster) -> None:
    cluster.fault = away(10_000)
    with pytest.raises(ToolError, match="was refused"):
        verify_login(made(), kubectl_of(cluster))
