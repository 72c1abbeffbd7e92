"""The token of a caller, by the Go program or our own, and what STS says of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tarmak_iam.hook.login.review import NoToken, ask_sts, caller_token, with_wrong_signature
from tarmak_iam.hook.programs import Completed
from tarmak_iam.token.inspection import Presigned
from tests.support.case_rows import rows
from tests.support.fake_cluster import FakePrograms
from tests.support.logins import GO, TOKEN, Sts

pytestmark = pytest.mark.usefixtures("token_time")


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


@rows(__file__, "the proxy is the environments")
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
