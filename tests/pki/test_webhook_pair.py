"""Names, pairs and kubeconfigs: any input is rejected, or gives files without findings in doctor."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.pki import ServerNames, make_pair, webhook_kubeconfig
from tarmak_iam.pki.pem import encode_pem, read_pem
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, KUBECONFIG, AlternativeNames
from tests.support.thorough import examples
from tests.support.webhook_pairs import NOW, files, lay, pair, report, rsa_key

hosts = st.one_of(
    st.ip_addresses().map(str),
    st.from_regex(r"[a-zA-Z0-9_.-]{1,20}", fullmatch=True),
    st.text(max_size=12),
    st.sampled_from(
        ["localhost", "::ffff:1.2.3.4", "a" * 64, "1.2.3", "*.a", "a\n  evil: 1", "{{x}}", "$(id)", "--- "]
    ),
)
addresses = st.one_of(st.ip_addresses().map(str), st.sampled_from(["", "0.0.0.0", "::", "::1%lo", "localhost"]))


@given(
    st.lists(hosts, min_size=1, max_size=3),
    addresses,
    st.integers(-1, 65537),
    st.integers(-1, 4_000_000),
    st.datetimes(),
)
@settings(max_examples=examples(150))
def test_right_or_refused(hostnames: list[str], address: str, port: int, days: int, moment: datetime) -> None:
    now = moment.replace(year=max(moment.year, 1951), tzinfo=timezone.utc)
    try:
        names = ServerNames(tuple(hostnames), address)
        url = names.url(port)
        made = make_pair(names, now=now, days=days, key=rsa_key())
    except ConfigError:
        return
    kubeconfig = webhook_kubeconfig(read_pem(made.certificate)[0].data, url)
    with tempfile.TemporaryDirectory() as directory:
        laid = {CERTIFICATE: made.certificate, KEY: made.key, KUBECONFIG: kubeconfig}
        found = report(lay(Path(directory), laid), now=now)
    assert {each.id for each in found.diagnoses} <= ({"WEB027"} if days <= 30 else set())
    assert all(names.alternative.covers(name) for name in hostnames)


@pytest.mark.parametrize(
    ("hostnames", "address", "dns", "ips", "url"),
    [
        (("localhost",), "127.0.0.1", ["localhost"], ["127.0.0.1"], "https://localhost:21362/authenticate"),
        (("localhost",), "0.0.0.0", ["localhost"], [], "https://localhost:21362/authenticate"),
        (("localhost",), "::", ["localhost"], [], "https://localhost:21362/authenticate"),
        (("::1",), "::1", [], ["::1"], "https://[::1]:21362/authenticate"),
        (("10.0.0.5", "a.b"), "127.0.0.1", ["a.b"], ["127.0.0.1", "10.0.0.5"], "https://10.0.0.5:21362/authenticate"),
        (("::ffff:1.2.3.4",), "::", [], ["1.2.3.4"], "https://[::ffff:1.2.3.4]:21362/authenticate"),
        (("a_b", "a_b"), "127.0.0.1", ["a_b"], ["127.0.0.1"], "https://a_b:21362/authenticate"),
    ],
)
def test_names(hostnames: tuple[str, ...], address: str, dns: list[str], ips: list[str], url: str) -> None:
    names = ServerNames(hostnames, address)
    assert names.alternative == AlternativeNames(tuple(dns), tuple(map(ip_address, ips)))
    assert names.url(21362) == url


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "a b",
        "a.",
        ".a",
        "a..b",
        "-a",
        "a-",
        "*.a",
        "1.2.3",
        "a.1",
        "0x7f",
        "2130706433",
        "[::1]",
        "a:1",
        "bücher",
    ],
)
def test_names_that_no_client_takes(host: str) -> None:
    with pytest.raises(ConfigError, match="is neither a host name nor an IP address"):
        ServerNames((host,))


@pytest.mark.parametrize("address", ["", "localhost", "::1%lo", "1.2.3", "01.2.3.4"])
def test_addresses_that_nobody_listens_at(address: str) -> None:
    with pytest.raises(ConfigError, match="is not a valid IP address"):
        ServerNames(address=address)


@pytest.mark.parametrize(
    ("name", "host", "covers"),
    [
        ("localhost", "LOCALHOST", True),
        ("localhost", "localhost.", True),
        ("*.a.b", "x.a.b", True),
        ("*.a.b", "x.y.a.b", False),
        ("*.a.b", "a.b", False),
        ("x*.a", "xy.a", False),
        ("10.0.0.5", "10.0.0.5", False),
        ("", "", False),
        ("a.b", "a.c", False),
    ],
)
def test_which_hosts_a_name_covers(name: str, host: str, *, covers: bool) -> None:
    """As crypto/x509 compares them."""
    assert AlternativeNames((name,)).covers(host) is covers


def test_a_pair_is_made_of_its_parameters() -> None:
    moment = datetime(2020, 11, 25, 13, 0, 0, 999, tzinfo=timezone(timedelta(hours=1)))
    made = make_pair(ServerNames(), now=moment, days=1, key=rsa_key(), serial=5)
    read = x509.load_pem_x509_certificate(made.certificate)
    assert read.serial_number == 5
    assert (read.not_valid_before_utc, read.not_valid_after_utc) == (NOW, NOW + timedelta(days=1))
    assert make_pair(ServerNames(), now=moment, days=1, key=rsa_key(), serial=5) == made
    assert "PRIVATE" not in repr(made)


def test_a_pair_has_a_key_and_a_serial_of_its_own() -> None:
    first, second = make_pair(ServerNames(), now=NOW), make_pair(ServerNames(), now=NOW)
    assert first.key != second.key
    serials = {x509.load_pem_x509_certificate(each.certificate).serial_number for each in (first, second)}
    assert len(serials) == 2
    assert max(serials).bit_length() <= 128


@pytest.mark.parametrize("days", [0, -1, 2_914_306, 10**12])
def test_days_that_no_certificate_can_have(days: int) -> None:
    with pytest.raises(ConfigError, match="days"):
        make_pair(ServerNames(), now=NOW, days=days, key=rsa_key())


def test_the_last_day_that_it_can_have() -> None:
    made = make_pair(ServerNames(), now=NOW, days=2_914_305, key=rsa_key())
    assert x509.load_pem_x509_certificate(made.certificate).not_valid_after_utc.year == 9999


def test_the_kubeconfig_s_text_changed_once() -> None:
    der = read_pem(pair().certificate)[0].data
    texts = [webhook_kubeconfig(der, "https://x", DaemonVersion.parse(tag)) for tag in ("v0.4.0", "v0.5.3", "v0.5.4")]
    assert texts[0] == texts[1] != texts[2]
    assert files()[KUBECONFIG].startswith(b"\n# clusters refers to the remote service.\n")


def test_pem_is_written_as_go_writes_it() -> None:
    for data in (pair().certificate, pair().key):
        block = read_pem(data)[0]
        assert encode_pem(block.label, block.data) == data
        assert block.line == 1


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("-----BEGIN A-----\nAAAA\n-----END A-----", ["A"]),
        ("-----BEGIN A-----\nAAAA\n-----END A-----  \t\r\n", ["A"]),
        ("x\n-----BEGIN A-----\r\nAA\r\nAA\r\n-----END A-----\r\n", ["A"]),
        ("-----BEGIN A-----\nH: v\n\nAAAA\n-----END A-----\n", ["A"]),
        ("-----BEGIN A-----\nA A\tA A\n-----END A-----\n", ["A"]),
        ("x-----BEGIN A-----\nAAAA\n-----END A-----\n", []),
        ("-----BEGIN A-----\nAAAA\n-----END B-----\n", []),
        ("-----BEGIN A-----\nAAA\n-----END A-----\n", []),
        ("-----BEGIN A-----\nAA*A\n-----END A-----\n", []),
        ("-----BEGIN A-----\nAAAA\n", []),
        ("-----BEGIN A-----\n-----BEGIN B-----\nAAAA\n-----END B-----\n", ["B"]),
    ],
)
def test_pem_is_read_as_go_reads_it(text: str, labels: list[str]) -> None:
    assert [each.label for each in read_pem(text.encode())] == labels
