"""Tokens: every part of their URL, the role session, and arguments that are rejected before anything is signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, ClassVar

import pytest
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.errors import ConfigError, TarmakIamError
from tarmak_iam.token import Credentials, Token, exec_credential, inspect_token, make_token, token_refusal
from tarmak_iam.token.make import sign_token
from tests.support.sts import FakeSts, url_of
from tests.support.tables import rows

NOW = datetime(2026, 11, 24, 22, 44, 24, 999999, tzinfo=timezone.utc)
KEYS = Credentials("ASIAEXAMPLEKEY000001", "test-secret")
SESSION = Credentials("ASIAEXAMPLEKEY000001", "test-secret", "FwoGZXIvYXdz//a+b=")
ROLE = "arn:aws:iam::444455556666:role/path/Target"


def sha256(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def test_the_url_is_the_one_that_signature_version_4_describes() -> None:
    query = (
        "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=ASIAEXAMPLEKEY000001%2F20261124%2Feu-west-1%2Fsts%2Faws4_request"
        "&X-Amz-Date=20261124T224424Z&X-Amz-Expires=60"
        "&X-Amz-Security-Token=FwoGZXIvYXdz%2F%2Fa%2Bb%3D&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"
    )
    request = (
        f"GET\n/\n{query}\nhost:sts.eu-west-1.amazonaws.com\nx-k8s-aws-id:test\n\nhost;x-k8s-aws-id\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    text = (
        "AWS4-HMAC-SHA256\n20261124T224424Z\n20261124/eu-west-1/sts/aws4_request\n"
        + hashlib.sha256(request.encode()).hexdigest()
    )
    key = sha256(sha256(sha256(sha256(b"AWS4test-secret", "20261124"), "eu-west-1"), "sts"), "aws4_request")
    expected = f"https://sts.eu-west-1.amazonaws.com/?{query}&X-Amz-Signature={sha256(key, text).hex()}"
    token = make_token("test", credentials=SESSION, region="eu-west-1", now=NOW)
    assert url_of(token.text) == expected
    assert token.text.startswith("k8s-aws-v1.")
    assert "=" not in token.text
    assert token.expires == datetime(2026, 11, 24, 22, 58, 24, tzinfo=timezone.utc)


@pytest.mark.parametrize("credentials", [KEYS, SESSION])
@pytest.mark.parametrize("cluster_id", ["test", "My.Cluster 1", "a,b;c=d~"])
def test_botocore_signs_alike(credentials: Credentials, cluster_id: str) -> None:
    """At the time that botocore reads from its own clock."""
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Theirs

    theirs = Theirs(credentials.access_key_id, credentials.secret_access_key, credentials.session_token)
    plain = "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    request = AWSRequest("GET", plain, headers={"x-k8s-aws-id": cluster_id})
    SigV4QueryAuth(theirs, "sts", "us-east-1", expires=60).add_auth(request)
    parameters = request.url.partition("?")[2].split("&")
    date = next(each for each in parameters if each.startswith("X-Amz-Date="))
    moment = datetime.strptime(date, "X-Amz-Date=%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    ours = make_token(cluster_id, credentials=credentials, region="us-east-1", now=moment)
    assert sorted(url_of(ours.text).partition("?")[2].split("&")) == sorted(parameters)


@pytest.mark.parametrize(("region", "host"), rows(__file__, "test_host_of_every_partition"))
def test_host_of_every_partition(region: str, host: str) -> None:
    token = make_token("test", credentials=KEYS, region=region, now=NOW)
    assert url_of(token.text).startswith(f"https://{host}/?Action=")
    found = inspect_token(token.text, now=NOW)
    assert (found.host, found.region) == (host, region)
    assert found.verdict(found.verdicts[-1].last).refusal is None
    assert found.sts_refusal is None


@given(
    cluster_id=st.from_regex(r"[!-~]+( [!-~]+)*", fullmatch=True),
    secret=st.text(min_size=1),
    session=st.none() | st.text(st.characters(codec="ascii"), min_size=1, max_size=900),
    offset=st.timedeltas(timedelta(minutes=-15), timedelta(minutes=15)),
)
def test_every_token_that_is_made_is_taken(
    cluster_id: str, secret: str, session: str | None, offset: timedelta
) -> None:
    credentials = Credentials("AKIAEXAMPLEKEY000001", secret, session)
    token = make_token(cluster_id, credentials=credentials, region="eu-west-1", now=NOW)
    later = NOW.replace(microsecond=0) + offset
    for version in ("v0.4.0", "v0.5.9", "v0.6.20", "v0.7.9"):
        assert token_refusal(token.text, version, now=later) is None
    assert inspect_token(token.text, now=later).sts_refusal is None


def test_no_secret_in_a_repr() -> None:
    token = make_token("test", credentials=SESSION, region="eu-west-1", now=NOW)
    assert repr(token) == str(token) == f"Token(expires={token.expires!r})"
    assert repr(SESSION) == "Credentials(access_key_id='ASIAEXAMPLEKEY000001')"


@pytest.mark.parametrize(("arguments", "what", "remedy"), rows(__file__, "test_refused_before_anything_is_signed"))
def test_refused_before_anything_is_signed(arguments: dict[str, Any], what: str, remedy: str, sts: FakeSts) -> None:
    with pytest.raises(ConfigError) as refused:
        make_token(**{"cluster_id": "test", **arguments}, now=NOW)
    assert (refused.value.what, refused.value.remedy) == (what, remedy)
    assert sts.calls == []


@pytest.mark.parametrize(("role", "why"), rows(__file__, "test_what_is_no_role"))
def test_what_is_no_role(role: str, why: str, sts: FakeSts) -> None:
    with pytest.raises(ConfigError) as refused:
        make_token("test", role=role, now=NOW)
    assert refused.value.what == f"'{role}' is not a role that can be assumed: {why}"
    assert refused.value.remedy == "use an ARN such as arn:aws:iam::111122223333:role/Admin"
    assert sts.calls == []


def test_the_zone_of_the_machine_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    expected = sign_token(KEYS, "eu-west-1", "test", NOW)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        made = sign_token(KEYS, "eu-west-1", "test", there)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert made == expected
    assert made.expires.tzinfo is timezone.utc


class InstanceMetadata:
    """Replaces botocore's IMDSRegionProvider; `asked` has one item for each instance that was created."""

    asked: ClassVar[list[str]] = []

    def __init__(self, session: Session) -> None:
        self.asked.append(str(session.get_config_variable("profile")))

    def provide(self) -> str:
        return "ap-southeast-2"


@pytest.mark.parametrize(("method", "arguments", "host", "asked"), rows(__file__, "test_the_instances_region"))
@pytest.mark.usefixtures("aws")
def test_the_instances_region(
    monkeypatch: pytest.MonkeyPatch, method: str, arguments: dict[str, str], host: str, asked: int
) -> None:
    """It is requested only if the credentials came from the instance too: elsewhere there is no answer."""
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setattr("botocore.utils.IMDSRegionProvider", InstanceMetadata)
    monkeypatch.setattr("tarmak_iam.token.make.read_credentials", lambda _: (KEYS, method))
    monkeypatch.setattr(InstanceMetadata, "asked", [])
    token = make_token("test", now=NOW, **arguments)  # type: ignore[arg-type]  # parametrised
    assert inspect_token(token.text, now=NOW).host == host
    assert len(InstanceMetadata.asked) == asked


@pytest.mark.parametrize(
    ("credentials", "source", "access_key_id"),
    [(SESSION, "given", "ASIAEXAMPLEKEY000001"), (None, "env", "AKIAEXAMPLEKEY000001")],
)
@pytest.mark.usefixtures("aws")
def test_whose_credentials_sign(
    caplog: pytest.LogCaptureFixture, credentials: Credentials | None, source: str, access_key_id: str
) -> None:
    caplog.set_level(logging.INFO, "tarmak_iam")
    token = make_token("test", credentials=credentials, now=NOW)
    assert inspect_token(token.text, now=NOW).access_key_id == access_key_id
    assert [each.getMessage() for each in caplog.records if each.name == "tarmak_iam.token.make"] == [
        f"AWS credentials: {source}"
    ]


@pytest.mark.usefixtures("aws")
def test_a_token_is_of_now() -> None:
    before = datetime.now(timezone.utc)
    token = make_token("test")
    after = datetime.now(timezone.utc)
    lifetime = timedelta(minutes=14)
    assert before.replace(microsecond=0) <= token.expires - lifetime <= after


def test_a_role_is_assumed_first(sts: FakeSts) -> None:
    token = make_token("test", role=ROLE, session_name="alice", external_id="ext:1", now=NOW)
    assert sts.calls == [
        {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "alice",
            "ExternalId": "ext:1",
            "DurationSeconds": "900",
        }
    ]
    found = inspect_token(token.text, now=NOW)
    assert found.access_key_id == "ASIAASSUMED000000001"
    assert found.has_session_token
    assert found.host == "sts.us-east-1.amazonaws.com"


def test_how_the_session_is_named(sts: FakeSts) -> None:
    make_token("test", role=ROLE, now=NOW)
    make_token("test", role=ROLE, forward_session_name=True, credentials=KEYS, now=NOW)
    assert [call.get("RoleSessionName") for call in sts.calls] == ["tarmak-iam-1795560264", None, "alice"]


@pytest.mark.parametrize(("variables", "config", "arguments", "host"), rows(__file__, "test_which_region"))
@pytest.mark.usefixtures("sts")
def test_which_region(
    aws: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    config: str,
    arguments: dict[str, str],
    host: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    (aws / "config").write_text(config)
    token = make_token("test", now=NOW, **arguments)  # type: ignore[arg-type]  # parametrised
    assert inspect_token(token.text, now=NOW).host == host


def test_a_profile_wins_over_the_variables(aws: Path) -> None:
    (aws / "credentials").write_text("[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = dev-secret\n")
    assert inspect_token(make_token("t", profile="dev", now=NOW).text, now=NOW).access_key_id == "AKIADEV"
    assert inspect_token(make_token("t", now=NOW).text, now=NOW).access_key_id == "AKIAEXAMPLEKEY000001"


PROFILE = "[profile dev]\nrole_arn = arn:aws:iam::111122223333:role/Dev\ncredential_source = Environment\n"


def test_sessions_of_a_profile_are_kept(sts: FakeSts, aws: Path) -> None:
    (aws / "config").write_text(PROFILE)
    for directory in (None, aws / "cache", aws / "cache"):
        token = make_token("t", profile="dev", cache_directory=directory, now=NOW)
        assert inspect_token(token.text, now=NOW).access_key_id == "ASIAASSUMED000000001"
    assert len(sts.calls) == 2
    assert [file.stat().st_mode & 0o777 for file in (aws / "cache").iterdir()] == [0o600]


@pytest.mark.parametrize(("code", "message", "expected"), rows(__file__, "test_what_sts_answers_becomes_one_line"))
def test_what_sts_answers_becomes_one_line(sts: FakeSts, code: str, message: str, expected: str) -> None:
    sts.refuse(code, message)
    with pytest.raises(TarmakIamError) as refused:
        make_token("test", role=ROLE, now=NOW)
    assert str(refused.value).startswith(expected)
    assert "secret" not in str(refused.value).replace("secret access key", "")
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("config", "profile", "expected"), rows(__file__, "test_what_is_wrong_with_the_credentials_becomes_one_line")
)
def test_what_is_wrong_with_the_credentials_becomes_one_line(
    aws: Path, config: str, profile: str, expected: str
) -> None:
    (aws / "config").write_text(config)
    with pytest.raises(TarmakIamError) as refused:
        make_token("test", profile=profile, now=NOW)
    assert str(refused.value).startswith(expected)


@pytest.mark.usefixtures("sts")
def test_sts_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(TarmakIamError, match="AWS cannot be reached"):
        make_token("test", role=ROLE, now=NOW)


@pytest.mark.usefixtures("aws")
def test_without_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    for role, profile in ((ROLE, None), (None, "dev")):
        with pytest.raises(TarmakIamError, match=r"tokens need botocore.*; install botocore, or the extra `aws`"):
            make_token("test", now=NOW, role=role, profile=profile)
    assert isinstance(make_token("test", credentials=KEYS, region="eu-west-1", now=NOW), Token)


@pytest.mark.usefixtures("sts")
def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = make_token("test", role=ROLE, now=NOW)
    signature = url_of(token.text).rpartition("=")[2]
    for secret in ("base-secret", "assumed-secret", "assumed//session", "Signature", signature, token.text):
        assert secret not in caplog.text
    assert logging.getLogger("botocore").level == logging.NOTSET


@pytest.mark.parametrize(
    ("asked", "version"),
    [
        *rows(__file__, "test_api_version_of_the_exec_credential"),
        ("[" * 100000, "client.authentication.k8s.io/v1beta1"),
    ],
)
def test_api_version_of_the_exec_credential(asked: str, version: str | None) -> None:
    token = make_token("test", credentials=KEYS, region="eu-west-1", now=NOW)
    made = json.loads(exec_credential(token, asked))
    assert made.get("apiVersion") == version
    assert made["status"] == {"expirationTimestamp": "2026-11-24T22:58:24Z", "token": token.text}
