"""The stand-in for AWS STS itself: which error each token gets, by AWS's codes."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from tarmak_iam.token.credentials import Credentials
from tarmak_iam.token.inspection import Presigned, sts_refusal
from tarmak_iam.token.make import PREFIX, presign
from tests.e2e.sts_judgement import Principal, Refusal, judged

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
HOST = "sts.eu-west-1.amazonaws.com"
USER = Principal("AKIAUSER", "arn:aws:iam::111122223333:user/ann", "AIDA1", "users secret")
ROLE = Principal("ASIAROLE", "arn:aws:sts::111122223333:assumed-role/Admin/s", "AROA1:s", "roles secret", "t/+=")
LATE = Principal("ASIALATE", "arn:aws:sts::111122223333:assumed-role/Admin/l", "AROA1:l", "late secret", "late")
PRINCIPALS = {USER.access_key_id: USER, ROLE.access_key_id: ROLE}


def url(who: Principal = USER, *, at: datetime = NOW, host: str = HOST, region: str = "eu-west-1", **other: str) -> str:
    """A presigned URL; `other` are fields of the credentials that it is signed with instead."""
    given = {"access_key_id": who.access_key_id, "secret_access_key": who.secret, "session_token": who.session_token}
    return presign(Credentials(**{**given, **other}), host, region, "dev-cluster", at)


def answer(presigned: str, *, now: datetime = NOW, cluster_id: str = "dev-cluster") -> str:
    """The ARN, or the error's code."""
    headers = {"Host": presigned.split("/")[2], "X-K8s-Aws-Id": cluster_id, "Accept": "application/json"}
    found = judged(presigned.partition(presigned.split("/")[2])[2], headers, PRINCIPALS, now)
    return found.code if isinstance(found, Refusal) else found.arn


@pytest.mark.parametrize("who", [USER, ROLE], ids=["user", "role"])
def test_who_signed_it(who: Principal) -> None:
    assert answer(url(who)) == who.arn
    assert answer(url(who, host="sts.amazonaws.com", region="us-east-1")) == who.arn


@pytest.mark.parametrize(
    ("presigned", "code"),
    [
        (url(secret_access_key="another"), "SignatureDoesNotMatch"),
        (url(access_key_id="AKIANOBODY"), "InvalidClientTokenId"),
        (url(ROLE, session_token=""), "InvalidClientTokenId"),
        (url(ROLE, session_token="t/+"), "InvalidClientTokenId"),
        (url(USER, session_token="t/+="), "InvalidClientTokenId"),
        (url(region="us-east-1"), "SignatureDoesNotMatch"),
        (url().replace("Action=GetCallerIdentity", "Action=GetSessionToken"), "SignatureDoesNotMatch"),
        (url().replace("X-Amz-Expires=60", "X-Amz-Expires=61"), "SignatureDoesNotMatch"),
        (url().replace("/20260102/", "/20260101/").replace("%2F20260102", "%2F20260101"), "SignatureDoesNotMatch"),
        (url().replace("20260102T030405Z", "now"), "IncompleteSignature"),
        (url().partition("&X-Amz-Signature")[0], "IncompleteSignature"),
        (f"https://{HOST}/?Action=GetCallerIdentity&Version=2011-06-15", "MissingAuthenticationToken"),
    ],
)
def test_what_it_refuses(presigned: str, code: str) -> None:
    assert answer(presigned) == code


@pytest.mark.parametrize(
    ("age", "taken"),
    [
        (timedelta(minutes=15), True),
        (timedelta(minutes=15, seconds=1), False),
        (timedelta(minutes=-15), True),
        (timedelta(minutes=-15, seconds=-1), False),
    ],
)
def test_fifteen_minutes_to_either_side(age: timedelta, taken: bool) -> None:
    presigned = url(at=NOW - age)
    assert answer(presigned) == (USER.arn if taken else "SignatureDoesNotMatch")
    body = base64.urlsafe_b64encode(presigned.encode()).decode().rstrip("=")
    assert (sts_refusal(Presigned.parse(PREFIX + body), NOW) is None) == taken  # `token inspect` says the same


def test_the_messages_about_time_are_those_of_aws() -> None:
    headers = {"Host": HOST, "X-K8s-Aws-Id": "dev-cluster"}
    said = [
        found.message
        for age in (20, -20)
        if isinstance(
            found := judged(url(at=NOW - timedelta(minutes=age)).partition(HOST)[2], headers, PRINCIPALS, NOW), Refusal
        )
    ]
    assert said == [
        "Signature expired: 20260102T024405Z is now earlier than 20260102T024905Z (20260102T030405Z - 15 min.)",
        "Signature not yet current: 20260102T032405Z is still later than 20260102T031905Z (20260102T030405Z + 15 min.)",
    ]


def test_a_session_that_is_over() -> None:
    late = Principal(LATE.access_key_id, LATE.arn, LATE.user_id, LATE.secret, LATE.session_token, is_expired=True)
    headers = {"host": HOST, "x-k8s-aws-id": "dev-cluster"}
    found = judged(url(LATE).partition(HOST)[2], headers, {late.access_key_id: late}, NOW)
    assert found == Refusal(403, "ExpiredToken", "The security token included in the request is expired")


def test_a_signed_cluster_id_must_be_that_of_the_request() -> None:
    assert answer(url(), cluster_id="other") == "SignatureDoesNotMatch"


def test_a_header_that_is_not_signed_may_be_anything() -> None:
    """The daemon does not ask STS about such a token: it refuses it itself. The signature is botocore's."""
    request = AWSRequest("GET", f"https://{HOST}/?Action=GetCallerIdentity&Version=2011-06-15")
    credentials = BotocoreCredentials(ROLE.access_key_id, ROLE.secret, ROLE.session_token)
    SigV4QueryAuth(credentials, "sts", "eu-west-1", expires=900).add_auth(request)
    signed = dict(parse_qsl(urlsplit(request.url).query))
    assert signed["X-Amz-SignedHeaders"] == "host"
    now = datetime.strptime(signed["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    assert answer(request.url, now=now, cluster_id="any") == ROLE.arn


@pytest.mark.parametrize("name", ["X-Amz-Security-Token", "X-Amz-Expires"])
def test_every_parameter_is_signed(name: str) -> None:
    before, _, after = url(ROLE).partition(f"{name}=")
    value, _, rest = after.partition("&")
    assert answer(f"{before}{name}={value}0&{rest}") in ("SignatureDoesNotMatch", "InvalidClientTokenId")
