"""`inspect_token`: literal results; no text makes it fail, or makes it show a secret."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.cli.commands.token import inspection_json, print_inspection
from tarmak_iam.errors import ParseError, TarmakIamError
from tarmak_iam.identity.releases import DaemonVersion, known_releases
from tarmak_iam.token import Credentials, exec_credential, inspect_token, make_token, token_refusal
from tarmak_iam.token.inspection import token_in
from tests.support.sts import encode
from tests.support.tables import rows

NOW = datetime(2026, 11, 24, 22, 44, 24, tzinfo=timezone.utc)
SIGNATURE = "5ecre7" * 10
SECRET = "FwoGSECRETzXdz"
URL = (
    "https://sts.ap-south-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLE%2F20261124%2Fap-south-2%2Fsts%2Faws4_request"
    f"&X-Amz-Date=20261124T224424Z&X-Amz-Expires=60&X-Amz-Security-Token={SECRET}"
    f"&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature={SIGNATURE}"
)


def test_everything_but_the_secrets() -> None:
    found = inspect_token(encode(URL), now=NOW)
    assert found.host == "sts.ap-south-2.amazonaws.com"
    assert (found.region, found.partition) == ("ap-south-2", "aws")
    assert found.signed_at == NOW
    assert found.expires_at == NOW + timedelta(minutes=15)
    assert (found.access_key_id, found.key_kind, found.has_session_token) == ("ASIAEXAMPLE", "temporary", True)
    assert found.signed_headers == ("host", "x-k8s-aws-id")
    assert found.signs_cluster_id
    assert found.sts_refusal is None
    assert found.notes == ()


def test_by_version() -> None:
    verdicts = inspect_token(encode(URL), now=NOW).verdicts
    assert [(each.versions, each.refusal is None) for each in verdicts] == [
        ("v0.4.0", True),
        ("v0.5.0 to v0.5.1", True),
        ("v0.5.2 to v0.5.11", False),
        ("v0.5.12 to v0.5.27", True),
        ("v0.6.0", False),
        ("v0.6.1", True),
        ("v0.6.2", False),
        ("v0.6.3 to v0.6.31", True),
        ("v0.7.1 to v0.7.18", True),
    ]
    expected = "its AWS SDK has no STS host 'sts.ap-south-2.amazonaws.com' in partition aws"
    assert verdicts[2].refusal == expected


def test_the_verdict_of_a_version_is_its_refusal() -> None:
    found = inspect_token(encode(URL), now=NOW)
    for version in (*known_releases(), DaemonVersion(0, 9, 0), DaemonVersion(0, 6, 40)):
        assert found.verdict(version).refusal == token_refusal(encode(URL), version, now=NOW)


@pytest.mark.parametrize(("key", "session", "kind", "note"), rows(__file__, "test_kinds_of_keys"))
def test_kinds_of_keys(key: str, session: str | None, kind: str, note: str) -> None:
    token = make_token("test", credentials=Credentials(key, "secret", session), region="eu-west-1", now=NOW)
    found = inspect_token(token.text, now=NOW)
    assert found.key_kind == kind
    assert note in " ".join(found.notes)
    assert bool(note) is bool(found.notes)


@pytest.mark.parametrize(("host", "partition"), rows(__file__, "test_partition_of_the_host"))
def test_partition_of_the_host(host: str, partition: str | None) -> None:
    assert inspect_token(encode(URL.replace("sts.ap-south-2.amazonaws.com", host)), now=NOW).partition == partition


@pytest.mark.parametrize(
    "text",
    ["", "x", "k8s-aws-v1.", "k8s-aws-v1.!", "k8s-aws-v1.A", encode("mailto:x"), encode(URL + "\n"), " k8s-aws-v1."],
)
def test_no_token(text: str) -> None:
    with pytest.raises(ParseError, match="this is not a token: "):
        inspect_token(text, now=NOW)


def test_the_token_in_an_exec_credential() -> None:
    token = make_token("test", credentials=Credentials("AKIA", "secret"), region="eu-west-1", now=NOW)
    assert token_in(f"\n{exec_credential(token)}\n") == token.text
    assert token_in(f" {token.text}\r\n") == token.text
    for text in ("{", "{}", '{"status": 5}', '{"status": {"token": 5}}', '{"a":' * 100000):
        with pytest.raises(ParseError, match="not an ExecCredential"):
            token_in(text)


texts = st.text() | st.text().map(lambda text: "k8s-aws-v1." + text) | st.binary().map(encode)
mutated = st.builds(
    lambda at, end, new: URL[:at] + new + URL[end:], st.integers(0, len(URL)), st.integers(0, len(URL)), st.text()
)


@given(texts | mutated.map(lambda url: encode(url.encode("utf-8", "surrogatepass"))))
def test_no_text_breaks_it(text: str) -> None:
    assert isinstance(token_refusal(text, "v0.6.20", now=NOW), str | None)
    with contextlib.suppress(TarmakIamError):
        found = inspect_token(text, now=NOW)
        json.dumps(inspection_json(found, DaemonVersion(0, 6, 20)), ensure_ascii=False).encode()
        print_inspection(found, DaemonVersion(0, 6, 20))


names = [pair.partition("=")[0] for pair in URL.partition("?")[2].split("&")]


@given(
    dropped=st.sets(st.sampled_from(names)),
    renamed=st.sampled_from(["x-amz-signature", "X-Amz-Sig", "Signature", "X-Amz-Signature"]),
    host=st.sampled_from(["sts.amazonaws.com", "evil.example", "sts.eu-west-1.amazonaws.com:443"]),
    twice=st.booleans(),
)
def test_no_secret_gets_out(dropped: set[str], renamed: str, host: str, twice: bool) -> None:
    kept = [pair for pair in URL.partition("?")[2].split("&") if pair.partition("=")[0] not in dropped]
    query = "&".join(kept * (2 if twice else 1)).replace("X-Amz-Signature", renamed)
    found = inspect_token(encode(f"https://{host}/?{query}"), now=NOW)
    shown = f"{found}{found!r}{json.dumps(inspection_json(found, DaemonVersion(0, 7, 9)))}"
    assert SIGNATURE not in shown
    assert SECRET not in shown
