"""A certificate and its key, as the authenticator's `init` makes them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from tarmak_iam.errors import ConfigError
from tarmak_iam.pki.layout import DAYS
from tarmak_iam.pki.names import ServerNames
from tarmak_iam.x509.needs import no_cryptography

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:
    raise no_cryptography() from None

__all__ = ["Pair", "make_pair"]

_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
"""X.509 has four digits for the year."""


@dataclass(frozen=True, slots=True)
class Pair:
    """PEM: one CERTIFICATE, and one RSA PRIVATE KEY (PKCS#1)."""

    certificate: bytes
    key: bytes = field(repr=False)


def make_pair(
    names: ServerNames,
    *,
    now: datetime,
    days: int = DAYS,
    key: rsa.RSAPrivateKey | None = None,
    serial: int | None = None,
) -> Pair:
    """What pkg/config/certs of the authenticator makes from v0.5.3 on, field by field.

    `now` is aware; the certificate is valid from then (whole seconds) for `days`. `key` and `serial` (of at most
    128 bits) are made where they are not given. Raises ConfigError for days that a certificate cannot have.
    """
    begin = now.astimezone(timezone.utc).replace(microsecond=0)
    end = _end(begin, days)
    private = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "aws-iam-authenticator")])
    builder = (
        x509.CertificateBuilder(subject, subject, public, serial or secrets.randbits(128) or 1, begin, end)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(_alternative(names), critical=False)
    )
    certificate = builder.sign(private, hashes.SHA256())
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM),
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
    )


def _end(begin: datetime, days: int) -> datetime:
    if days < 1:
        raise ConfigError(f"a certificate cannot be valid for {days} days", remedy=f"init makes it valid for {DAYS}")
    try:
        end = begin + timedelta(days=days)
    except OverflowError:
        last = (_LAST - begin).days
        raise ConfigError(
            f"{days} days end after the year 9999, which a certificate cannot say", remedy=f"at most {last} days"
        ) from None
    return end


def _key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=True,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(names: ServerNames) -> x509.SubjectAlternativeName:
    found = names.alternative
    return x509.SubjectAlternativeName(
        [*map(x509.DNSName, found.dns), *(x509.IPAddress(address) for address in found.addresses)]
    )
