"""OIDC tokens of STS: what is requested, as which principal, and what is said where there is none."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tarmak_iam.errors import ConfigError, TarmakIamError
from tarmak_iam.token import Credentials
from tarmak_iam.token.oidc import make_oidc_token
from tests.support import Shell
from tests.support.sts import FakeSts

KEYS = Credentials("ASIAEXAMPLEKEY000001", "test-secret")
ROLE = "arn:aws:iam::444455556666:role/path/Target"
REQUEST = {
    "Action": "GetWebIdentityToken",
    "Version": "2011-06-15",
    "Audience.member.1": "dev-cluster",
    "SigningAlgorithm": "RS256",
    "DurationSeconds": "300",
}


def test_what_is_requested(sts: FakeSts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = make_oidc_token("dev-cluster", credentials=KEYS, region="eu-west-1")
    assert sts.calls == [REQUEST]
    assert token.text == "head.payload.signature"
    assert token.expires == datetime(2099, 1, 1, 0, 4, tzinfo=timezone.utc)
    assert not any(secret in f"{token!r} {caplog.text}" for secret in ("payload", "test-secret"))


def test_a_role_is_assumed_first(sts: FakeSts) -> None:
    make_oidc_token("dev-cluster", role=ROLE, region="eu-west-1", credentials=KEYS)
    assert [call["Action"] for call in sts.calls] == ["AssumeRole", "GetWebIdentityToken"]


@pytest.mark.parametrize(
    ("code", "what", "remedy"),
    [
        ("OutboundWebIdentityFederationDisabled", "the AWS account issues no tokens", "enable it once"),
        ("OutboundWebIdentityFederationDisabledException", "the AWS account issues no tokens", "enable it once"),
        ("AccessDenied", "AWS rejects GetWebIdentityToken (AccessDenied): no", "allow the role or user sts:GetWeb"),
        ("SessionDurationEscalationException", "the session of the credentials ends in less than 5", "renew the cred"),
        ("ExpiredToken", "the AWS credentials have expired", "renew them"),
    ],
)
def test_no_token(sts: FakeSts, code: str, what: str, remedy: str) -> None:
    sts.refuse(code, "no")
    with pytest.raises(TarmakIamError) as refused:
        make_oidc_token("dev-cluster", credentials=KEYS, region="eu-west-1")
    assert refused.value.what.startswith(what)
    assert refused.value.remedy.startswith(remedy)


def test_a_botocore_that_is_too_old(sts: FakeSts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.__version__", "1.40.0")
    monkeypatch.setattr("tarmak_iam.token.credentials._sts", lambda *_: object())
    with pytest.raises(
        TarmakIamError, match=r"^botocore 1\.40\.0 does not know the action GetWebIdentityToken; update"
    ):
        make_oidc_token("dev-cluster", credentials=KEYS, region="eu-west-1")
    assert sts.calls == []


@pytest.mark.parametrize("audience", ["", "a" * 1001])
def test_audiences_that_sts_does_not_accept(sts: FakeSts, audience: str) -> None:
    with pytest.raises(ConfigError, match="the audience must have 1 to 1,000 characters"):
        make_oidc_token(audience, credentials=KEYS, region="eu-west-1")
    assert sts.calls == []


@pytest.mark.usefixtures("sts")
def test_the_command(shell: Shell, aws: Path) -> None:
    before = {path for path in aws.rglob("*") if path.is_file()}
    done = shell.run("token", "-i", "dev-cluster", "--oidc")
    assert json.loads(done.out) == {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "spec": {"interactive": False},
        "status": {"expirationTimestamp": "2099-01-01T00:04:00Z", "token": "head.payload.signature"},
    }
    assert {path for path in aws.rglob("*") if path.is_file()} == before
