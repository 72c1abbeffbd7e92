"""A test login: the token, what STS and the API server say of it, what it comes to, and the log as evidence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.login.review import (
    LoginOutcome,
    NoToken,
    ReviewResult,
    UserInfo,
    ask_sts,
    caller_token,
    judge,
    with_wrong_signature,
)
from tarmak_iam.hook.login.verify import Candidate, advice, candidates, logged_refusal, without_secrets
from tarmak_iam.hook.programs import Completed
from tarmak_iam.identity.model import Answer, Identity
from tarmak_iam.token.inspection import Presigned
from tests.support.fake_cluster import Cluster, FakePrograms, failed
from tests.support.installations import installation
from tests.support.logins import GO, TOKEN, Sts
from tests.support.tables import parametrized

pytestmark = pytest.mark.usefixtures("token_time")


@pytest.mark.parametrize(
    "others",
    [
        {},
        {GO: Completed((GO,), 1, "", "could not get token: NoCredentialProviders")},
        {GO: Completed((GO,), 0, "no token", "")},
        {GO: Completed((GO,), 0, "{}", "")},
    ],
)
def test_without_a_go_program_that_works_our_own_token(
    monkeypatch: pytest.MonkeyPatch, others: dict[str, Completed]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    pytest.importorskip("botocore")
    made_token = caller_token(FakePrograms({}, others=others), "dev-cluster", region="eu-west-1")
    assert made_token.maker == "tarmak-iam token"
    assert made_token.text.startswith("k8s-aws-v1.")
    assert made_token.text not in repr(made_token)


def test_neither_program_nor_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "botocore.session", None)
    with pytest.raises(NoToken) as failure:
        caller_token(FakePrograms({}), "dev-cluster", region="eu-west-1")
    assert failure.value.message == (
        "no token can be created: aws-iam-authenticator is not on the PATH, and tokens need botocore, which is not "
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
    assert answer.failure == "sts.example.org is not an STS host"
    assert sts.asked == []


@pytest.mark.parametrize(
    ("status", "body", "refusal", "failure"),
    [
        (403, b'{"Error": {"Code": "AccessDenied", "Message": "no"}}', "AccessDenied", ""),
        (400, b'{"Error": {"Code": "Throttling"}}', "", "the answer of STS is Throttling"),
        (503, b'{"Error": {"Code": "ServiceUnavailable"}}', "", "the answer of STS is ServiceUnavailable"),
        (403, b"<html>blocked", "", "the answer is HTTP status 403, without an error of STS"),
    ],
)
def test_only_an_error_of_sts_about_the_token_is_a_refusal(
    sts: Sts, status: int, body: bytes, refusal: str, failure: str
) -> None:
    sts.status, sts.body = status, body
    answer = ask_sts(TOKEN, "dev-cluster", {})
    assert (answer.refusal, answer.failure) == (refusal, failure)


@parametrized(__file__, "the proxy is the environments")
def test_the_proxy_is_the_environments(sts: Sts, environment: dict[str, str], expected: dict[str, str]) -> None:
    assert ask_sts(TOKEN, "dev-cluster", environment).identity is not None
    assert sts.proxies == [expected]


def test_a_proxy_whose_address_is_none() -> None:
    answer = ask_sts(TOKEN, "dev-cluster", {"HTTPS_PROXY": "proxy:notaport"})
    assert answer.failure.endswith("cannot be reached (InvalidURL)")


def test_a_wrong_signature_is_all_that_differs() -> None:
    """And nothing is left of the right one, nor is it the same each time."""
    broken = with_wrong_signature(TOKEN)
    own, theirs = (Presigned.parse(each) for each in (TOKEN, broken))
    assert [pair for pair in own.query if pair[0] != "X-Amz-Signature"] == [
        pair for pair in theirs.query if pair[0] != "X-Amz-Signature"
    ]
    assert (own.host, own.path, own.size) == (theirs.host, theirs.path, theirs.size)
    again = Presigned.parse(with_wrong_signature(TOKEN))
    assert len({each.value("x-amz-signature") for each in (own, theirs, again)}) == 3


ADMIN = Answer(started=True, authenticated=True, username="admin")
NOBODY = Answer(started=True)
DENIED = ReviewResult(None, "TokenReview", "[invalid bearer token, no mapping matches it]")
SPLIT = ReviewResult(None, "SelfSubjectReview", "[invalid bearer token, unknown]", is_split=True)
AWAY = ReviewResult(None, "TokenReview", "dial tcp 127.0.0.1:21362: connect: connection refused")
MAYBE = Answer(started=True, authenticated=True, username="admin", alternatives=(NOBODY,))


@pytest.mark.parametrize(
    ("expected", "outcome"),
    [
        (ADMIN, LoginOutcome.FAILED),
        (NOBODY, LoginOutcome.NOT_MAPPED),
        (Answer(started=False), LoginOutcome.FAILED),
        (MAYBE, LoginOutcome.NOT_MAPPED),
        (Answer(started=True, alternatives=(ADMIN,)), LoginOutcome.NOT_MAPPED),
        (None, LoginOutcome.CALLER_UNKNOWN),
    ],
)
def test_a_refusal(expected: Answer | None, outcome: LoginOutcome) -> None:
    assert judge(expected, DENIED) is outcome
    for no_refusal_of_the_daemon in (SPLIT, AWAY):
        assert judge(expected, no_refusal_of_the_daemon) is LoginOutcome.FAILED


@pytest.mark.parametrize(
    ("expected", "username", "outcome"),
    [
        (ADMIN, "admin", LoginOutcome.VERIFIED),
        (MAYBE, "admin", LoginOutcome.VERIFIED),
        (Answer(started=True, alternatives=(ADMIN,)), "admin", LoginOutcome.VERIFIED),
        (ADMIN, "root", LoginOutcome.FAILED),
        (NOBODY, "", LoginOutcome.FAILED),
        (NOBODY, "admin", LoginOutcome.FAILED),
        (Answer(started=False), "admin", LoginOutcome.FAILED),
        (None, "admin", LoginOutcome.CALLER_UNKNOWN),
    ],
)
def test_a_login(expected: Answer | None, username: str, outcome: LoginOutcome) -> None:
    assert judge(expected, ReviewResult(UserInfo(username, ()), "TokenReview")) is outcome


ROLE = "arn:aws:iam::111122223333:role"
MIXED = f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - {{roleARN: {ROLE}/Node, username: "system:node:{{{{EC2PrivateDNSName}}}}", groups: [system:nodes]}}
  - {{roleARN: {ROLE}/Instance, username: "{{{{EC2PrivateDNSName}}}}", groups: [system:masters]}}
  - {{roleARN: {ROLE}/Reader, username: reader, groups: [readers]}}
  - {{roleARN: {ROLE}/AWSReservedSSO_Admin_0123456789abcdef, username: sso, groups: [system:masters]}}
  - {{roleARN: {ROLE}/Admin, username: admin, groups: [system:masters]}}
  mapUsers:
  - {{userARN: "arn:aws:iam::111122223333:user/Bob", username: bob, groups: [readers]}}
  mapAccounts: ["444455556666"]
"""


def test_roles_that_can_be_assumed_come_first_and_of_those_the_admins() -> None:
    assert candidates(installation(mappings=MIXED)) == (
        Candidate(f"{ROLE}/Admin", f"{ROLE}/Admin"),
        Candidate(f"{ROLE}/Reader", f"{ROLE}/Reader"),
        Candidate(f"{ROLE}/AWSReservedSSO_Admin_0123456789abcdef"),
        Candidate("arn:aws:iam::111122223333:user/Bob"),
        Candidate("every other principal of account 444455556666"),
    )


def test_other_candidates() -> None:
    mappings = """\
clusterID: dev-cluster
server:
  mapRoles:
  - {sso: {permissionSetName: Admin, accountID: "111122223333"}, username: sso, groups: [system:masters]}
"""
    found = candidates(installation(mappings=mappings, featureGates={"SSORoleMatch": True}))
    assert found == (Candidate("sso:111122223333/Admin"),)
    assert candidates(installation(mappings=None)) == ()


def test_what_to_do() -> None:
    some = tuple(map(Candidate, "abcde"))
    assert advice(()) == "no mapping can be used for a verification"
    assert advice(some[:1]) == "verify as a, with --role ARN or AWS_PROFILE"
    assert advice(some[:3]) == "verify as one of: a, b, c, with --role ARN or AWS_PROFILE"
    assert advice(some) == "verify as one of: a, b, c or 2 more, with --role ARN or AWS_PROFILE"


ANN = Identity("arn:aws:sts::111122223333:assumed-role/Nobody/ann")


def said(cluster: Cluster, identity: Identity | None = ANN) -> list[str]:
    return list(logged_refusal(cluster.kubectl(), identity))


@parametrized(__file__, "lines of the log")
def test_lines_of_the_log(is_known: bool, log: str, expected: list[str]) -> None:
    assert said(Cluster(log=log), ANN if is_known else None) == expected


def test_an_api_server_that_is_away_is_not_waited_for() -> None:
    """Nobody waits for evidence."""
    cluster = Cluster(log=None)
    cluster.fault = lambda _: failed("The connection to the server was refused: connection refused")
    assert said(cluster) == []
    log = 'level=warning msg="access denied" error="some reason"\n'
    cluster.fault = lambda args: Completed(args, 1, log, "error: dial tcp: i/o timeout") if args[0] == "logs" else None
    assert said(cluster)[0].endswith(": some reason")
    assert cluster.clock == 0


def test_a_kubectl_that_does_not_end() -> None:
    class Slow(FakePrograms):
        def run(self, *_: object, **__: object) -> Completed:
            raise ToolError("kubectl logs did not end within 30 seconds")

    assert list(logged_refusal(Kubectl(Slow({})), ANN)) == []


@parametrized(__file__, "no secret is shown")
def test_no_secret_is_shown(text: str, expected: str) -> None:
    assert without_secrets(text) == expected


def test_a_long_reason_is_cut_and_stays_one_line() -> None:
    found = without_secrets("a\nb\x1b[31m" + "x" * 500)
    assert len(found) <= 200
    assert found.startswith("a b\\x1b[31m")
