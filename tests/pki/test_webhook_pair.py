"""Names, pairs and kubeconfigs: any input is rejected, or gives files without findings in doctor."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.pki import ServerNames, make_pair, webhook_kubeconfig
from tarmak_iam.pki.pem import encode_pem, read_pem
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, KUBECONFIG, AlternativeNames
from tests.support.thorough import examples
from tests.support.webhook_pairs import NOW, files, lay, pair, report, rsa_key

TABLES: dict[str, Any] = YAML(typ="safe").load(Path(__file__).with_name("names.yaml"))

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


@pytest.mark.parametrize("case", TABLES["servers"], ids=str)
def test_names(case: dict[str, Any]) -> None:
    names = ServerNames(tuple(case["hosts"]), case["address"])
    assert names.alternative == AlternativeNames(tuple(case["dns"]), tuple(map(ip_address, case["ips"])))
    assert names.url(21362) == case["url"]


@pytest.mark.parametrize("host", TABLES["hosts"])
def test_names_that_no_client_takes(host: str) -> None:
    with pytest.raises(ConfigError, match="is neither a host name nor an IP address"):
        ServerNames((host,))


@pytest.mark.parametrize("address", TABLES["addresses"])
def test_addresses_that_nobody_listens_at(address: str) -> None:
    with pytest.raises(ConfigError, match="is not a valid IP address"):
        ServerNames(address=address)


@pytest.mark.parametrize(("name", "host", "covers"), TABLES["covered"])
def test_which_hosts_a_name_covers(name: str, host: str, *, covers: bool) -> None:
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


@pytest.mark.parametrize(("text", "labels"), TABLES["pem"])
def test_pem_is_read_as_go_reads_it(text: str, labels: list[str]) -> None:
    assert [each.label for each in read_pem(text.encode())] == labels
