"""Properties of certificates and keys that the authenticator and the API server check. Requires the extra `webhook`."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from tarmak_iam.errors import TarmakIamError
from tarmak_iam.pki.webhook_files import AlternativeNames, parse_address


def no_cryptography() -> TarmakIamError:
    remedy = "install cryptography, or the extra `webhook`"
    return TarmakIamError("certificates need cryptography, which is not installed", remedy=remedy)


try:
    from cryptography import x509
    from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
except ImportError:
    raise no_cryptography() from None

E = TypeVar("E", bound=x509.ExtensionType)
_MAX_KEY_BYTES = 1 << 14  # an RSA key of 16,384 bits, more than OpenSSL works with, has less than 10,000 bytes
_ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string
_SERVERS, _CLIENTS = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string, ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string


class Unreadable(ValueError):
    """The bytes are not a certificate or a key. The message contains none of them."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """`public_key` is the SubjectPublicKeyInfo; `names` is None if there is no subject alternative name.
    `organizations` of the subject, and its last `common_name`, are groups and username for Kubernetes. `usages` are the
    names of RFC 5280's key usage bits, `extended` the OIDs of the extended key usage; each is None if the extension is
    missing, which allows everything. `is_self_signed`: signed with its own key."""

    der: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime
    names: AlternativeNames | None
    is_ca: bool
    usages: frozenset[str] | None
    extended: frozenset[str] | None
    is_self_signed: bool
    common_name: str = ""
    organizations: tuple[str, ...] = ()

    @property
    def is_for_servers(self) -> bool:
        return self.extended is None or not self.extended.isdisjoint({_SERVERS, _ANY})

    @property
    def is_for_clients(self) -> bool:
        return self.extended is None or not self.extended.isdisjoint({_CLIENTS, _ANY})


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """`public_key` is the SubjectPublicKeyInfo of the public key that belongs to it."""

    public_key: bytes = field(repr=False)
    kind: str
    size: int


def read_certificate(der: bytes) -> Certificate:
    """Parses a certificate. Raises Unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _certificate(x509.load_der_x509_certificate(der), der)
    except (ValueError, TypeError, x509.DuplicateExtension, x509.InvalidVersion, UnsupportedAlgorithm, InternalError):
        raise Unreadable("it cannot be read as a certificate") from None
    except x509.UnsupportedGeneralNameType:
        raise Unreadable("its subject alternative name cannot be read") from None


def _certificate(read: x509.Certificate, der: bytes) -> Certificate:
    constraints, usage = _extension(read, x509.BasicConstraints), _extension(read, x509.KeyUsage)
    extended, alternative = _extension(read, x509.ExtendedKeyUsage), _extension(read, x509.SubjectAlternativeName)
    names = None
    if alternative is not None:
        addresses = [parse_address(str(address)) for address in alternative.get_values_for_type(x509.IPAddress)]
        dns_names = alternative.get_values_for_type(x509.DNSName)
        names = AlternativeNames(tuple(dns_names), tuple(address for address in addresses if address is not None))
    usages = ("digital_signature", "key_encipherment", "key_agreement", "key_cert_sign", "crl_sign")

    def subject(oid: ObjectIdentifier) -> list[str]:
        return [name.value for name in read.subject.get_attributes_for_oid(oid) if isinstance(name.value, str)]

    return Certificate(
        der=der,
        public_key=_spki(read.public_key()),
        not_before=read.not_valid_before_utc,
        not_after=read.not_valid_after_utc,
        names=names,
        is_ca=constraints is not None and constraints.ca,
        usages=None if usage is None else frozenset(name for name in usages if getattr(usage, name)),
        extended=None if extended is None else frozenset(oid.dotted_string for oid in extended),
        is_self_signed=_is_issued_by(read, read),
        common_name=("", *subject(NameOID.COMMON_NAME))[-1],
        organizations=tuple(subject(NameOID.ORGANIZATION_NAME)),
    )


def is_issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether `issuer` has the name of the certificate's issuer, and its key has signed the certificate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _is_issued_by(*map(x509.load_der_x509_certificate, (certificate.der, issuer.der)))


def _extension(read: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return read.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _is_issued_by(read: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        read.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def read_key(der: bytes) -> PrivateKey:
    """Parses a key in PKCS#1, PKCS#8 or SEC 1, as Go does. Raises Unreadable, also for a type that Go does not support.
    OpenSSL's check of RSA keys is skipped: it tests whether the factors are primes, which may not end, and Go does
    not."""
    try:
        if len(der) > _MAX_KEY_BYTES:
            raise ValueError
        key = serialization.load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
        if isinstance(key, rsa.RSAPrivateKey):  # do its numbers fit together, as Go requires?
            numbers = key.private_numbers()
            p, q, d, e = numbers.p, numbers.q, numbers.d, numbers.public_numbers.e
            if min(p, q) <= 1 or p * q != numbers.public_numbers.n or numbers.iqmp * q % p != 1:
                raise ValueError
            if any(d * e % (factor - 1) != 1 % (factor - 1) for factor in (p, q)):
                raise ValueError
            if (numbers.dmp1, numbers.dmq1) != (d % (p - 1), d % (q - 1)):
                raise ValueError
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError):
        raise Unreadable("it cannot be read as a private key") from None
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)):
        raise Unreadable("the authenticator does not support this type of key")
    public, size = key.public_key(), getattr(key, "key_size", 0)
    kind = "RSA" if isinstance(key, rsa.RSAPrivateKey) else "EC" if size else "Ed25519"
    return PrivateKey(_spki(public), kind, size)


def _spki(public: CertificatePublicKeyTypes) -> bytes:
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
