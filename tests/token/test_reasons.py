"""Every reason for a rejection, word for word, and the last value that is still accepted."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.token import inspect_token, token_refusal
from tests.support.sts import encode
from tests.support.tables import rows

NOW = datetime(2026, 11, 24, 22, 44, 24, tzinfo=timezone.utc)
URL = (
    "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAEXAMPLE%2F20261124%2Fus-east-1%2Fsts%2Faws4_request"
    "&X-Amz-Date=20261124T224424Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=5"
)


def refusal(old: str, new: str, *, version: str = "v0.7.9", after: timedelta = timedelta()) -> str | None:
    assert old in URL
    return token_refusal(encode(URL.replace(old, new, 1)), version, now=NOW + after)


@pytest.mark.parametrize(("old", "new", "reason"), rows(__file__, "test_of_the_daemon"))
def test_of_the_daemon(old: str, new: str, reason: str | None) -> None:
    found = refusal(old, new)
    assert found == (reason and reason.replace(" 1-01", f" {datetime(1, 1, 1):%Y}-01"))


def test_before_v040_a_minute_is_the_longest() -> None:
    for version, seconds, reason in (
        ("v0.3.0", 60, None),
        ("v0.3.0", 61, "X-Amz-Expires is not between 0 and 60"),
        ("v0.4.0", 61, None),
    ):
        url = URL.replace("sts.us-east-1.", "sts.").replace("Expires=60", f"Expires={seconds}")
        assert token_refusal(encode(url), version, now=NOW) == reason


@pytest.mark.parametrize(("size", "reason"), [(4096, None), (4097, "it is too large: 4097 bytes, the limit is 4096")])
def test_the_largest_token(size: int, reason: str | None) -> None:
    """Line breaks count, though they are skipped in base64."""
    token = encode(URL + "5" * 2600)
    assert token_refusal(token + "\n" * (size - len(token)), "v0.7.9", now=NOW) == reason


def test_two_spellings_of_a_parameter() -> None:
    same, token = encode(URL + "&action=GetCallerIdentity"), encode(URL + "&action=")
    assert token_refusal(same, "v0.5.8", now=NOW) is None
    for each in (same, token):
        assert token_refusal(each, "v0.5.9", now=NOW) == "a parameter of the URL is set twice"
    assert token_refusal(token, "v0.5.8", now=NOW) == (
        "a parameter of the URL is set twice, in different letter case and with different values; "
        "the authenticator uses one of them at random"
    )


def test_the_quarter_of_an_hour() -> None:
    quarter, second = timedelta(minutes=15), timedelta(seconds=1)
    assert refusal("", "", after=quarter) is None
    late = "it was signed at 2026-11-24 22:44:24 UTC, more than 15 minutes ago"
    assert refusal("", "", after=quarter + second) == late
    assert sts("", "", after=quarter) is None
    assert sts("", "", after=quarter + second) == "it has expired"
    assert sts("", "", after=-quarter) is None
    assert sts("", "", after=-quarter - second) == (
        "it is signed for 2026-11-24 22:44:24 UTC, more than 15 minutes in the future: check the clocks"
    )


def sts(old: str, new: str, *, after: timedelta = timedelta()) -> str | None:
    assert old in URL
    return inspect_token(encode(URL.replace(old, new, 1)), now=NOW + after).sts_refusal


@pytest.mark.parametrize(("old", "new", "reason"), rows(__file__, "test_of_sts"))
def test_of_sts(old: str, new: str, reason: str | None) -> None:
    assert sts(old, new) == reason


def test_the_global_host_is_of_us_east_1() -> None:
    url = URL.replace("sts.us-east-1.", "sts.").replace("us-east-1%2F", "eu-west-1%2F")
    found = inspect_token(encode(url), now=NOW)
    assert found.sts_refusal == "its credential is not for us-east-1, the region of its host"


def test_a_region_of_the_daemon_that_its_sdk_does_not_know() -> None:
    url = URL.replace("us-east-1", "eu-north-7")
    release = DaemonVersion(0, 6, 20)
    here, elsewhere = (inspect_token(encode(url), now=NOW, region=each) for each in ("eu-north-7", ""))
    assert here.verdict(release).refusal is None
    assert elsewhere.verdict(release).refusal is not None


def test_a_partition_of_the_daemon_counts_before_that_of_the_token() -> None:
    found = inspect_token(encode(URL), now=NOW, partition="aws-cn")
    assert found.partition == "aws"
    assert (found.verdict(DaemonVersion(0, 7, 9)).refusal or "").endswith("is not in partition aws-cn")


def test_notes_are_whole() -> None:
    temporary = inspect_token(encode(URL.replace("AKIA", "ASIA")), now=NOW)
    assert temporary.notes == ("a temporary access key without its session token: AWS rejects it",)
    long_lived = inspect_token(encode(URL + "&X-Amz-Security-Token=x"), now=NOW)
    assert long_lived.notes == ("a long-lived access key with a session token: AWS rejects it",)


def test_the_last_day_that_there_is() -> None:
    found = inspect_token(encode(URL.replace("20261124T224424Z", "99991231T235959.123456789Z")), now=NOW)
    assert (found.signed_at, found.expires_at) == (
        datetime(9999, 12, 31, 23, 59, 59, 123456, tzinfo=timezone.utc),
        None,
    )
