"""Logins in memory: the caller, the API server that reviews the token, and STS."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from datetime import datetime, timezone, tzinfo
from email.message import Message
from email.utils import format_datetime
from typing import Any

import pytest

from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.login.review import NoRedirects
from tarmak_iam.hook.login.verify import Verified, verify_login
from tarmak_iam.hook.programs import Completed
from tarmak_iam.token import Credentials
from tarmak_iam.token.make import sign_token
from tests.support.applied import made
from tests.support.fake_cluster import Cluster, FakePrograms, failed
from tests.support.installations import MAPPINGS

GO = "aws-iam-authenticator"
NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=timezone.utc)
TOKEN = sign_token(Credentials("AKIAEXAMPLE", "hush"), "eu-west-1", "dev-cluster", NOW).text


class Frozen(datetime):
    """At the time at which the token was made, however long it takes until a test is run."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Frozen:
        return cls.fromtimestamp(NOW.timestamp(), tz)


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
        self.body: bytes | None = None
        self.account, self.user_id = "111122223333", "AROA1:ann"
        self.date = NOW
        self.asked: list[urllib.request.Request] = []
        self.proxies: list[dict[str, str]] = []
        monkeypatch.setattr("urllib.request.build_opener", self._opener)

    error: OSError | None

    def _opener(self, redirects: type[NoRedirects], proxies: urllib.request.ProxyHandler) -> Sts:
        assert redirects is NoRedirects
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
            body = self.body or json.dumps({"Error": {"Code": self.code, "Message": "signed: hush"}}).encode()
            raise urllib.error.HTTPError(request.full_url, self.status, "no", headers, io.BytesIO(body))
        result = {"Arn": self.arn, "Account": self.account, "UserId": self.user_id}
        body = json.dumps({"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}}).encode()
        return urllib.request.addinfourl(io.BytesIO(body), headers, request.full_url)  # type: ignore[attr-defined]


def kubectl_of(cluster: Cluster, token: Completed | None = None) -> Kubectl:
    others = {GO: token or Completed((GO,), 0, json.dumps({"status": {"token": TOKEN}}), "")}
    return Kubectl(
        FakePrograms({"HTTPS_PROXY": "http://proxy:1"}, cluster=cluster, others=others),
        sleep=cluster._sleep,
        clock=lambda: cluster.clock,
    )


def let_in(cluster: Cluster, user: dict[str, Any]) -> None:
    """Whoever has the token of these tests, and nobody else."""
    cluster.token = TOKEN
    cluster.self_review = Completed(("kubectl",), 0, json.dumps({"status": {"userInfo": user}}), "")
    cluster.reviews = [{"authenticated": True, "user": user}]


def verified(cluster: Cluster, mappings: str = MAPPINGS, **overrides: Any) -> Verified:
    found = verify_login(made(mappings, **overrides), kubectl_of(cluster), seconds=10)
    told = repr(found) + "".join(found.diagnosis)
    assert TOKEN not in told
    assert "hush" not in told
    assert not any(TOKEN in arg for call in cluster.calls for arg in call)
    return found


NOBODY = "arn:aws:sts::111122223333:assumed-role/Nobody/ann"
