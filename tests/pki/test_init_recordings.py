"""Recordings of the real `init`: `webhook` writes the same, and each difference has a reason."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support import Shell, golden_json
from tests.support.webhook_pairs import rsa_key

RECORDED = golden_json("authenticator", "init.json")
CASES = {case["id"]: case for case in RECORDED["cases"]}
VERSIONS = ("v0.4.0", "v0.5.9", "v0.6.20", "v0.7.9")

AS_LATER = "v0.4.0 writes an address as a DNS name, and none that can be bound to as an address: no client takes them"
NO_EFFECT = "init's flag has no effect from v0.5.0 on, where ours has that of the configuration's key"
# Case and version: the recording that is followed instead, and why.
FOLLOWED: dict[tuple[str, str], tuple[str, str, str]] = {
    **{(name, "v0.4.0"): (name, "v0.5.9", AS_LATER) for name in ("hostname-ip", "ipv6", "config-address")},
    **{("address", version): ("config-address", "v0.5.9", NO_EFFECT) for version in VERSIONS},
    **{("address-127.0.0.2", version): ("address-127.0.0.2", "v0.4.0", NO_EFFECT) for version in VERSIONS[1:]},
}
REFUSED = {"hostname-empty": "a URL without a host", "unknown-flag": "it is none of ours either"}
NOT_OURS = {
    "no-cluster": "ours needs no cluster id: init takes it and does nothing with it",
    "configured-dirs": "the directory is --output-dir, never one of the configuration",
}
NAMES = ["aws-iam-authenticator.kubeconfig", "cert.pem", "key.pem"]


@pytest.fixture(autouse=True)
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of the requested type and size, but generated only once."""

    def make(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        assert (public_exponent, key_size) == (RECORDED["key"]["exponent"], RECORDED["key"]["key_size"])
        return rsa_key()

    monkeypatch.setattr("tarmak_iam.pki.webhook_pair.rsa.generate_private_key", make)


@pytest.fixture
def masked() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def recorded(name: str, version: str) -> dict[str, Any]:
    return next(each for each in CASES[name]["expected"] if version in each["versions"])


def run(shell: Shell, name: str, version: str, target: Path, *, code: int = 0) -> None:
    """Runs the case's command with `webhook`; a configuration becomes the cluster's mappings file."""
    case = CASES[name]
    args = [each for each in case["command"][1:] if each not in ("-i", "test")]
    command: list[str | Path] = ["webhook", "--output-dir", target, "--daemon-version", version, *args]
    if case["config"] is not None:
        (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(case["config"])
        command = ["-c", shell.single, *command]
    os.umask(int(case["umask"], 8))
    shell.run(*command, code=code)


@pytest.mark.usefixtures("masked")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [name for name in CASES if name not in {**REFUSED, **NOT_OURS}])
def test_a_recorded_run(shell: Shell, tmp_path: Path, name: str, version: str) -> None:
    target = tmp_path / "out"
    begin = datetime.now(timezone.utc).replace(microsecond=0)
    run(shell, name, version, target)
    followed = FOLLOWED.get((name, version), (name, version, ""))
    expected = recorded(followed[0], followed[1])
    assert expected["exit_code"] == 0
    assert sorted(path.name for path in target.iterdir()) == NAMES == sorted(expected["modes"])
    for file_name, mode in recorded(name, version)["modes"].items():
        own = (target / file_name).stat().st_mode & 0o777
        assert own == int(mode, 8) & 0o644
    certificate = x509.load_pem_x509_certificate((target / "cert.pem").read_bytes())
    assert facts(target) == RECORDED["certificate"]
    assert names(certificate) == expected["san"]
    assert certificate.serial_number.bit_length() <= RECORDED["certificate"]["serial_bits_max"]
    assert begin <= certificate.not_valid_before_utc <= begin + timedelta(minutes=1)
    assert (target / "aws-iam-authenticator.kubeconfig").read_text() == kubeconfig(target, version, expected["server"])


@pytest.mark.usefixtures("masked")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_here(shell: Shell, tmp_path: Path, name: str) -> None:
    run(shell, name, "v0.4.0", tmp_path / "out", code=2)
    assert not (tmp_path / "out").exists()


def test_the_pair_is_as_recorded_and_kept(shell: Shell, tmp_path: Path) -> None:
    assert all(each["second_run_kept_pair"] for each in CASES["twice"]["expected"])
    target = tmp_path / "out"
    shell.run("webhook", "--output-dir", target)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    key = serialization.load_pem_private_key(before["key.pem"], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert {
        "pem_label": before["key.pem"].decode().splitlines()[0],
        "key_size": key.key_size,
        "exponent": key.public_key().public_numbers().e,
    } == RECORDED["key"]
    done = shell.run("webhook", "--output-dir", target)
    assert done.out == "".join(f"unchanged {target / name}\n" for name in ("key.pem", "cert.pem", NAMES[0]))
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


def facts(target: Path) -> dict[str, Any]:
    """The fields of the recording, computed from the files that were written."""
    data = (target / "cert.pem").read_bytes()
    read = x509.load_pem_x509_certificate(data)
    public = read.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    lifetime = read.not_valid_after_utc - read.not_valid_before_utc
    return {
        "pem_label": data.decode().splitlines()[0],
        "pem_blocks": data.count(b"-----BEGIN"),
        "version": read.version.name,
        "subject": read.subject.rfc4514_string(),
        "issuer": read.issuer.rfc4514_string(),
        "serial_bits_max": 128,
        "signature_algorithm": read.signature_algorithm_oid._name,
        "key": f"RSAPublicKey {public.key_size}",
        "lifetime_days": lifetime.days,
        "lifetime_seconds": int(lifetime.total_seconds()),
        "not_before_is_now": True,
        "extensions": {
            each.oid._name: {"critical": each.critical, "value": value(each.value)}
            for each in read.extensions
            if not isinstance(each.value, x509.SubjectAlternativeName)
        },
    }


def value(extension: x509.ExtensionType) -> Any:
    if isinstance(extension, x509.KeyUsage):
        kinds = ("digital_signature", "key_cert_sign", "key_encipherment", "data_encipherment", "crl_sign")
        return [kind for kind in kinds if getattr(extension, kind)]
    if isinstance(extension, x509.ExtendedKeyUsage):
        return [each._name for each in extension]
    if isinstance(extension, x509.BasicConstraints):
        return {"ca": extension.ca, "path_length": extension.path_length}
    assert isinstance(extension, x509.SubjectKeyIdentifier)
    return f"{len(extension.digest)} bytes"


def names(certificate: x509.Certificate) -> list[str]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert not extension.critical
    found = extension.value
    return [
        *(f"DNS:{name}" for name in found.get_values_for_type(x509.DNSName)),
        *(f"IP:{address}" for address in found.get_values_for_type(x509.IPAddress)),
    ]


def kubeconfig(target: Path, version: str, server: str) -> str:
    text = next(each["text"] for each in RECORDED["kubeconfigs"] if version in each["versions"])
    ca = base64.b64encode((target / "cert.pem").read_bytes()).decode()
    return str(text).replace("BASE64_OF_CERT_PEM", ca).replace("SERVER_URL", server)
