"""Recordings of the real authenticator: which tokens each release rejects before it asks STS."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.token import inspect_token, token_refusal
from tarmak_iam.token.make import PREFIX
from tests.support import golden_json
from tests.support.sts import encode
from tests.support.tables import rows

RECORDED = golden_json("authenticator", "token_verify.json")
CASES = {case["id"]: case for case in RECORDED["cases"]}
NOW = datetime(2026, 11, 24, 22, 44, 24, tzinfo=timezone.utc)

MINUTES = {"date-14min": -14, "date-16min": -16, "date-future-10": 10, "date-future-20": 20}
OK = CASES["ok"]["url"].replace("YYYYMMDDTHHMMSSZ", "20261124T224424Z")
# Tokens that are missing in the recordings, as their titles describe them.
TEXTS = {
    "prefix-v2": encode(OK).replace("k8s-aws-v1.", "k8s-aws-v2."),
    "empty": "",
    "garbage": "k8s-aws-v1.!!!",
    # The recorded token contains neither of the two characters in which the base64 alphabets differ.
    "std-base64": PREFIX + base64.b64encode(OK.encode()).decode().rstrip("="),
    "space": " " + encode(OK),
    "len-4095": encode(OK.replace("X-Amz-Signature=", "X-Amz-Signature=" + "a" * 2706))[:4095],
    "len-4097": encode(OK + "a" * 2706) + "a" * 400,
}

DECIDED_BY_STS_ALONE = {
    "cluster-case": "the cluster id is in the signature only",
    "wrong-secret": "the secret key is needed",
    "unknown-key": "only AWS knows its keys",
    "method-post": "the method is in the signature only",
    "sts-302": "what STS answers is not in the token",
    "sts-throttle": "what STS answers is not in the token",
    "sts-empty": "what STS answers is not in the token",
}
# The STS of the recordings does not check the credential scope; the real STS does.
SCOPED_WRONG = {"region-mismatch", "service-mismatch", "host-mars"}


def token_of(case: dict[str, Any]) -> str:
    if case["url"] is None:
        return TEXTS[case["id"]]
    signed = NOW + timedelta(minutes=MINUTES.get(case["id"], 0))
    return encode(case["url"].replace("YYYYMMDDTHHMMSSZ", f"{signed:%Y%m%dT%H%M%SZ}"))


@pytest.mark.parametrize("version", ["v0.4.0", "v0.5.9", "v0.6.20", "v0.7.9"])
@pytest.mark.parametrize("name", CASES)
def test_what_the_daemon_refuses_alone(name: str, version: str) -> None:
    _, asked_sts = CASES[name]["expected"][version]
    reason = token_refusal(token_of(CASES[name]), version, now=NOW)
    assert (reason is None) is asked_sts, reason


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["expected"]["v0.4.0"][1]])
def test_what_sts_refuses(name: str) -> None:
    if name in DECIDED_BY_STS_ALONE:
        pytest.skip(DECIDED_BY_STS_ALONE[name])
    accepted, _ = CASES[name]["expected"]["v0.4.0"]
    found = inspect_token(token_of(CASES[name]), now=NOW)
    assert (found.sts_refusal is None) is (accepted and name not in SCOPED_WRONG), found.sts_refusal


@pytest.mark.parametrize(("host", "refused", "asks"), rows(__file__, "test_hosts_between_the_recorded_versions"))
def test_hosts_between_the_recorded_versions(host: str, refused: str, asks: str) -> None:
    token = encode(OK.replace("sts.us-east-1.amazonaws.com", host))
    assert "host" in (token_refusal(token, refused, now=NOW) or "")
    assert token_refusal(token, asks, now=NOW) is None


@pytest.mark.parametrize(
    ("host", "version", "partition", "region", "asks"), rows(__file__, "test_partition_and_region_of_the_daemon")
)
def test_partition_and_region_of_the_daemon(host: str, version: str, partition: str, region: str, asks: bool) -> None:
    token = encode(OK.replace("sts.us-east-1.amazonaws.com", host))
    reason = token_refusal(token, version, now=NOW, partition=partition, region=region)
    assert (reason is None) is asks, reason


@pytest.mark.parametrize(("old", "new", "asks"), rows(__file__, "test_urls_are_read_as_go_reads_them"))
def test_urls_are_read_as_go_reads_them(old: str, new: str, asks: bool) -> None:
    """Each was checked with the authenticator's own code, in v0.5.9, v0.6.20 and v0.7.9."""
    assert old in OK
    for version in ("v0.5.9", "v0.6.20", "v0.7.9"):
        reason = token_refusal(encode(OK.replace(old, new, 1)), version, now=NOW)
        assert (reason is None) is asks, reason


@pytest.mark.parametrize(("version", "asks"), [("v0.4.0", False), ("v0.7.6", False), ("v0.7.7", True)])
def test_the_signed_header_is_compared_as_the_release_does(version: str, *, asks: bool) -> None:
    token = encode(OK.replace("host%3Bx-k8s-aws-id", "host%3Bx-k8%C5%BF-aws-id"))
    assert (token_refusal(token, version, now=NOW) is None) is asks
    kelvin = encode(OK.replace("host%3Bx-k8s-aws-id", "host%3Bx-%E2%84%AA8s-aws-id"))
    assert token_refusal(kelvin, version, now=NOW) is None


def test_line_breaks_in_the_base64_are_skipped() -> None:
    token = encode(OK)
    assert token_refusal(token[:40] + "\r\n" + token[40:] + "\n", "v0.7.9", now=NOW) is None
    assert token_refusal(token + "=", "v0.7.9", now=NOW) is not None


def test_a_malformed_pair_is_skipped_before_v052() -> None:
    token = encode(OK + "&X-Amz-Security-Token=%zz")
    assert token_refusal(token, "v0.5.1", now=NOW) is None
    assert token_refusal(token, "v0.5.2", now=NOW) == "the URL's query is malformed"


def test_before_v040_there_is_no_time() -> None:
    token = encode(OK.replace("us-east-1.amazonaws", "amazonaws"))
    late = NOW + timedelta(days=1)
    assert token_refusal(token, DaemonVersion(0, 3, 0), now=late) is None
    assert token_refusal(token, "v0.4.0", now=late) is not None


def test_no_version() -> None:
    with pytest.raises(ConfigError, match="is not a valid version"):
        token_refusal(encode(OK), "newest", now=NOW)


@pytest.mark.parametrize(("old", "new", "message"), rows(__file__, "test_what_sts_would_refuse_in_any_case"))
def test_what_sts_would_refuse_in_any_case(old: str, new: str, message: str) -> None:
    found = inspect_token(encode(OK.replace(old, new, 1)), now=NOW)
    assert message in (found.sts_refusal or "")
