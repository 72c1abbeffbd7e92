"""token and token inspect on the command line: as the Go program was recorded, and what is ours."""

from __future__ import annotations

import io
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support import Shell, golden_json
from tests.support.sts import ASSUMED, FakeSts, encode, url_of

RECORDED = golden_json("authenticator", "token_generate.json")
RUNS = [case for case in RECORDED["cases"] if case["exit_code"] == 0]
ASSUMED_KEY = re.search("<AccessKeyId>(.*)</AccessKeyId>", ASSUMED)
ASSUMED_TOKEN = re.search("<SessionToken>(.*)</SessionToken>", ASSUMED)


@pytest.fixture
def go_like(sts: FakeSts, monkeypatch: pytest.MonkeyPatch) -> FakeSts:
    """The environment of the recordings."""
    for name in ("KUBERNETES_EXEC_INFO", "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "DEFAULT_ROLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", RECORDED["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", RECORDED["secret"])
    return sts


@pytest.mark.parametrize("case", RUNS, ids=lambda case: case["id"])
def test_as_recorded(case: dict[str, Any], go_like: FakeSts, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in case["env"].items():
        monkeypatch.setenv(name, value)
    for name in case["env_removed"]:
        monkeypatch.delenv(name)
    done = shell.run("token", *case["args"])
    assert done.err == ""
    assert done.out.endswith("\n")
    token = done.out.strip()
    if case["template"]:
        made = json.loads(done.out)
        token, expires = made["status"]["token"], made["status"]["expirationTimestamp"]
        left = datetime.strptime(expires, "%Y-%m-%dT%H:%M:%S%z") - datetime.now(timezone.utc)
        assert timedelta(minutes=4) < left <= timedelta(minutes=14)
        template = done.out.strip().replace(token, "TOKEN").replace(expires, "YYYY-MM-DDTHH:MM:SSZ")
        assert template == case["template"]
    url = urlsplit(url_of(token))
    assert (url.scheme, url.netloc, url.path) == ("https", case["host"], case["path"])
    assert [(name, _masked(value)) for name, value in parse_qsl(url.query)] == list(_recorded(case).items())
    assert bool(go_like.calls) is case["asks_sts"]
    if not case["asks_sts"]:
        assert len(token) == case["length"]


def _recorded(case: dict[str, Any]) -> dict[str, str]:
    """The STS of the recordings gave other keys to a role's session than ours does."""
    params: dict[str, str] = case["params"]
    if not case["asks_sts"]:
        return params
    assert ASSUMED_KEY
    assert ASSUMED_TOKEN
    key = params["X-Amz-Credential"].partition("/")[0]
    credential = params["X-Amz-Credential"].replace(key, ASSUMED_KEY[1])
    return {**params, "X-Amz-Credential": credential, "X-Amz-Security-Token": ASSUMED_TOKEN[1]}


def _masked(value: str) -> str:
    value = re.sub(r"\b\d{8}T\d{6}Z", "YYYYMMDDTHHMMSSZ", value)
    return re.sub(r"^[0-9a-f]{64}$", "64 hex digits", re.sub(r"/\d{8}/", "/YYYYMMDD/", value))


@pytest.mark.parametrize("case", [case for case in RECORDED["cases"] if case["exit_code"]], ids=lambda case: case["id"])
@pytest.mark.usefixtures("go_like")
def test_failures_as_recorded(case: dict[str, Any], shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """With our exit code, and one line instead of the usage."""
    for name in case["env_removed"]:
        monkeypatch.delenv(name)
    failed = shell.run("token", *case["args"], code=2)
    assert failed.out == ""
    assert failed.err.count("\n") == 1


def test_role_and_session(go_like: FakeSts, shell: Shell) -> None:
    role = "arn:aws:iam::444455556666:role/path/Target"
    shell.run("token", "-i", "test", "-r", role, "-s", "alice", "-e", "ext")
    assert [go_like.calls[0][name] for name in ("RoleArn", "RoleSessionName", "ExternalId")] == [role, "alice", "ext"]
    go_like.calls.clear()
    shell.run("token", "-i", "test", "-r", "", "-s", "")  # an empty option is none
    assert go_like.calls == []


def test_of_the_chosen_cluster(go_like: FakeSts, shell: Shell, aws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    (aws / "credentials").write_text("[dev]\naws_access_key_id = AKIADEV\naws_secret_access_key = dev-secret\n")
    role = "arn:aws:iam::444455556666:role/Target"
    shell.dev("settings", "set", "profile", "dev")
    token = shell.dev("token", "--token-only").out.strip()
    assert "AKIADEV%2F" in url_of(token)
    assert url_of(token).startswith("https://sts.eu-west-1.amazonaws.com/")  # the region of the cluster
    monkeypatch.setattr("tarmak_iam.token.make._now", lambda: datetime(2026, 11, 24, tzinfo=timezone.utc))
    assert (
        shell.dev("token").out
        == shell.run("token", "-i", "dev-cluster", "--profile", "dev", "--region", "eu-west-1").out
    )
    shell.dev("settings", "set", "role", role)
    shell.dev("token", "--role", role.replace("Target", "Other"))
    shell.dev("token")
    assert [call["RoleArn"] for call in go_like.calls] == [role.replace("Target", "Other"), role]


@pytest.mark.usefixtures("go_like")
def test_inspect_from_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    made = shell.run("token", "-i", "test").out
    token = json.loads(made)["status"]["token"]
    signature = url_of(token).rpartition("=")[2]
    for args, text in (([], made), (["-"], token + "\n"), ([], f"  {token}")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        shown = shell.run("token", "inspect", *args)
        assert "access key:     ASIAEXAMPLEKEY000001 (temporary, without session token)" in shown.out
        assert "v0.7.18:        sends it to STS" in shown.out
        assert signature not in shown.out + shown.err
    assert shell.run("token", "inspect", made).out.startswith("host:           sts.us-east-1.amazonaws.com")


def test_bytes_that_are_no_token(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for raw in (b"", b"\xff\xfe", b"\x00", "k8s-aws-v1.\u00e4".encode(), b"{\xff"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        assert shell.run("token", "inspect", code=2).err.startswith("error: this is not a")


OLD = encode(
    "https://sts.il-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAEXAMPLE%2F20191231%2Fil-central-1%2Fsts%2Faws4_request"
    "&X-Amz-Date=20191231T235959Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=0123"
)


def test_inspect_says_why_a_token_is_refused(shell: Shell) -> None:
    shown = shell.run("token", "inspect", OLD, code=1).out
    assert "signed:         2019-12-31 23:59:59 UTC" in shown
    expired = "it was signed at 2019-12-31 23:59:59 UTC, more than 15 minutes ago"
    assert f"v0.7.18:        rejects it: {expired}" in shown
    assert f"  v0.6.13 to v0.6.31  rejects it: {expired}" in shown
    assert "  v0.6.0 to v0.6.12   rejects it: its AWS SDK has no STS host 'sts.il-central-1.amazonaws.com'" in shown


def test_inspect_by_the_version_of_the_settings(shell: Shell) -> None:
    shell.dev("settings", "set", "daemonVersion", "v0.6.20")
    found = json.loads(shell.dev("token", "inspect", "-o", "json", OLD, code=1).out)
    assert found["daemonVersion"] == "v0.6.20"
    assert found["refused"] is True
    assert found["accessKeyId"] == "AKIAEXAMPLE"
    assert found["expiresAt"] == "2020-01-01T00:14:59Z"
    assert found["versions"][0] == {"first": "v0.4.0", "last": "v0.4.0", "refusal": found["refusal"]}
    older = json.loads(shell.dev("token", "inspect", "-o", "json", "--daemon-version", "v0.5.9", OLD, code=1).out)
    assert older["daemonVersion"] == "v0.5.9"
    assert older["refusal"] == "its AWS SDK has no STS host 'sts.il-central-1.amazonaws.com' in partition aws"
