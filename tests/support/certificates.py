"""A certificate authority for one test run: certificates of servers, which stand for any host, and of clients."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "Pair"]

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_DAY = dt.timedelta(days=1)
_SINCE, _UNTIL = (dt.datetime(year, 1, 1, tzinfo=dt.timezone.utc) for year in (2020, 2990))
_PEM = serialization.Encoding.PEM


class Pair(NamedTuple):
    certificate: Path
    key: Path

    @property
    def context(self) -> ssl.SSLContext:
        """Of the server that has it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


class Authority:
    """`path` is its certificate; what it makes lies beside that."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signs = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), critical=True)
        builder = builder.add_extension(signs, critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = builder.add_extension(identifier, critical=False).sign(self._key, hashes.SHA256())
        self.path, self.pem = directory / f"{name}.pem", certificate.public_bytes(_PEM)
        self.path.write_bytes(self.pem)

    def server(self, name: str, *hosts: str) -> Pair:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject, key).add_extension(names, critical=False)
        return self._written(name, self._signed(builder, ExtendedKeyUsageOID.SERVER_AUTH) + self.pem, _private(key))

    def client(self, name: str, organization: str) -> Pair:
        """For somebody who logs in by certificate, until 2990-01-01: RSA, and the key in PKCS #1, as Tarmak's admin."""
        organizations = x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)
        subject = x509.Name([organizations, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        key = rsa.generate_private_key(65537, 2048)
        builder = self._builder(subject, key, _UNTIL)
        signed = self._signed(builder, ExtendedKeyUsageOID.CLIENT_AUTH)
        return self._written(name, signed, _private(key, serialization.PrivateFormat.TraditionalOpenSSL))

    def key_pair(self, name: str) -> Pair:
        """A bare key, as service accounts' tokens are signed with."""
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return self._written(name, public, _private(key))

    def _builder(self, subject: x509.Name, key: _Key, until: dt.datetime | None = None) -> x509.CertificateBuilder:
        """Valid for a day, or long."""
        now, serial = dt.datetime.now(dt.timezone.utc), x509.random_serial_number()
        begin, end = (_SINCE, until) if until else (now - _DAY, now + _DAY)
        return x509.CertificateBuilder(self._name, subject, key.public_key(), serial, begin, end)

    def _signed(self, builder: x509.CertificateBuilder, usage: x509.ObjectIdentifier) -> bytes:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(_PEM)

    def _written(self, name: str, certificate: bytes, key: bytes) -> Pair:
        pair = Pair(self._directory / f"{name}.crt", self._directory / f"{name}.key")
        pair.certificate.write_bytes(certificate)
        pair.key.write_bytes(key)
        return pair


def _private(key: _Key, form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(_PEM, form, serialization.NoEncryption())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
