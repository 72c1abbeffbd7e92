"""A certificate authority for one test run, and certificates of servers on loopback and of the admin."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "Pair"]

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_DAY = dt.timedelta(days=1)
_SINCE, _UNTIL = (dt.datetime(year, 1, 1, tzinfo=dt.timezone.utc) for year in (2020, 2990))


@dataclass(frozen=True)
class Pair:
    certificate: Path
    key: Path


class Authority:
    """`path` is its certificate."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())
        self.path = directory / f"{name}.pem"
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM)
        self.path.write_bytes(self.pem)

    def server(self, name: str, *hosts: str) -> Pair:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject, key).add_extension(names, critical=False)
        signed = self._signed(builder, ExtendedKeyUsageOID.SERVER_AUTH)
        return self._written(name, signed + self.pem, _private(key))

    def client(self, name: str, organization: str) -> Pair:
        """For somebody who logs in by certificate, until 2990-01-01: RSA, and the key in PKCS #1, as Tarmak's admin."""
        organizations = x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)
        subject = x509.Name([organizations, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        key = rsa.generate_private_key(65537, 2048)
        builder = self._builder(subject, key, _SINCE, _UNTIL)
        signed = self._signed(builder, ExtendedKeyUsageOID.CLIENT_AUTH)
        return self._written(name, signed, _private(key, serialization.PrivateFormat.TraditionalOpenSSL))

    def key_pair(self, name: str) -> Pair:
        """A bare key, as service accounts' tokens are signed with."""
        key = ec.generate_private_key(ec.SECP256R1())
        pair = Pair(self._directory / f"{name}.pub", self._directory / f"{name}.key")
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        pair.certificate.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, public))
        pair.key.write_bytes(_private(key))
        return pair

    def _builder(
        self, subject: x509.Name, key: _Key, since: dt.datetime | None = None, until: dt.datetime | None = None
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(since or now - _DAY).not_valid_after(until or now + _DAY)

    def _signed(self, builder: x509.CertificateBuilder, usage: x509.ObjectIdentifier) -> bytes:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _written(self, name: str, certificate: bytes, key: bytes) -> Pair:
        pair = Pair(self._directory / f"{name}.crt", self._directory / f"{name}.key")
        pair.certificate.write_bytes(certificate)
        pair.key.write_bytes(key)
        return pair


def _private(key: _Key, form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
