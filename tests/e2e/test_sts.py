"""The stand-in for AWS STS itself: which error each token gets, by AWS's codes."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from tarmak_iam.token.credentials import Credentials
from tarmak_iam.token.inspection import Presigned, sts_refusal
from tarmak_iam.token.make import PREFIX, presign
from tests.e2e.sts import Principal, Refusal, judged

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
HOST = "sts.eu-west-1.amazonaws.com"
USER = Principal("AKIAUSER", "arn:aws:iam::111122223333:user/ann", "AIDA1", "users secret")
ROLE = Principal("ASIAROLE", "arn:aws:sts::111122223333:assumed-role/Admin/s", "AROA1:s", "roles secret", "t/+=")
LATE = replace(ROLE, access_key_id="ASIALATE", is_expired=True)
PRINCIPALS = {who.access_key_id: who for who in (USER, ROLE, LATE)}


def url(who: Principal = USER, *, at: datetime = NOW, host: str = HOST, region: str = "eu-west-1", **other: str) -> str:
    """A presigned URL; `other` are fields of the credentials that it is signed with instead."""
    given = {"access_key_id": who.access_key_id, "secret_access_key": who.secret, "session_token": who.session_token}
    return presign(Credentials(**{**given, **other}), host, region, "dev-cluster", at)


def answer(presigned: str, cluster_id: str = "dev-cluster") -> str:
    """The ARN, or the error's code."""
    host, _, target = presigned.removeprefix("https://").partition("/")
    headers = {"Host": host, "X-K8s-Aws-Id": cluster_id, "Accept": "application/json"}
    found = judged(f"/{target}", headers, PRINCIPALS, NOW)
    return found.code if isinstance(found, Refusal) else found.arn


@pytest.mark.parametrize(
    ("presigned", "expected"),
    [
        (url(), USER.arn),
        (url(ROLE), ROLE.arn),
        (url(ROLE, host="sts.amazonaws.com", region="us-east-1"), ROLE.arn),
        (url(LATE), "ExpiredToken"),
        (url(secret_access_key="another"), "SignatureDoesNotMatch"),
        (url(access_key_id="AKIANOBODY"), "InvalidClientTokenId"),
        (url(ROLE, session_token=""), "InvalidClientTokenId"),
        (url(USER, session_token="t/+="), "InvalidClientTokenId"),
        (url(region="us-east-1"), "SignatureDoesNotMatch"),
        (url().replace("Action=GetCallerIdentity", "Action=GetSessionToken"), "SignatureDoesNotMatch"),
        (url().replace("X-Amz-Expires=60", "X-Amz-Expires=61"), "SignatureDoesNotMatch"),
        (url().replace("%2F20260102", "%2F20260101"), "SignatureDoesNotMatch"),
        (url().replace("20260102T030405Z", "now"), "IncompleteSignature"),
        (url().partition("&X-Amz-Signature")[0], "IncompleteSignature"),
        (f"https://{HOST}/?Action=GetCallerIdentity&Version=2011-06-15", "MissingAuthenticationToken"),
    ],
)
def test_who_signed_it_or_what_is_wrong(presigned: str, expected: str) -> None:
    assert answer(presigned) == expected
    assert answer(url(), cluster_id="other") == "SignatureDoesNotMatch"


@pytest.mark.parametrize(("seconds", "is_taken"), [(900, True), (901, False), (-900, True), (-901, False)])
def test_fifteen_minutes_to_either_side(seconds: int, is_taken: bool) -> None:
    """`token inspect` says the same."""
    presigned = url(at=NOW - timedelta(seconds=seconds))
    assert answer(presigned) == (USER.arn if is_taken else "SignatureDoesNotMatch")
    body = base64.urlsafe_b64encode(presigned.encode()).decode().rstrip("=")
    assert (sts_refusal(Presigned.parse(PREFIX + body), NOW) is None) == is_taken
