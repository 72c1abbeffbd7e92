"""The properties that are read from certificates and keys, and what makes them unreadable."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from ipaddress import ip_address
from math import lcm

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tarmak_iam.pki.certificates import (
    Certificate,
    Unreadable,
    is_issued_by,
    no_cryptography,
    read_certificate,
    read_key,
)
from tests.support.webhook_pairs import rsa_key

FIRST, LAST = datetime(2020, 1, 2, 3, 4, 5, tzinfo=timezone.utc), datetime(2021, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
KEY, OTHER = (ec.derive_private_key(number, ec.SECP256R1()) for number in (5, 6))
CA = x509.BasicConstraints(ca=True, path_length=None)
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
NAMES = x509.SubjectAlternativeName(
    [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("master")]
)
ADMIN = {NameOID.ORGANIZATION_NAME: ("dev", "system:masters"), NameOID.COMMON_NAME: ("first", "admin")}

Subject = Mapping[x509.ObjectIdentifier, tuple[str, ...]]
Signer = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def signed(
    *extensions: x509.ExtensionType,
    subject: Subject = ADMIN,
    issuer: Subject | None = None,
    key: Signer = KEY,
    by: Signer | None = None,
) -> bytes:
    builder = x509.CertificateBuilder(_name(subject if issuer is None else issuer), _name(subject), key.public_key(), 7)
    builder = builder.not_valid_before(FIRST).not_valid_after(LAST)
    for each in extensions:
        builder = builder.add_extension(each, critical=False)
    signer = by or key
    made = builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def _name(subject: Subject) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, text) for oid, texts in subject.items() for text in texts])


BITS = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def usage(*names: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in names for name in BITS})


def test_facts_of_a_certificate() -> None:
    der = signed(CA, SERVER, NAMES, usage("digital_signature", "crl_sign", "content_commitment"))
    read = read_certificate(der)
    assert read == Certificate(
        der=der,
        public_key=KEY.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        not_before=FIRST,
        not_after=LAST,
        names=read.names,
        is_ca=True,
        usages=frozenset({"digital_signature", "crl_sign"}),
        extended=frozenset({"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"}),
        is_self_signed=True,
        common_name="admin",
        organizations=("dev", "system:masters"),
    )
    assert read.names is not None
    assert read.names.dns == ("localhost", "master")
    for name in ("digital_signature", "key_encipherment", "key_agreement", "key_cert_sign", "crl_sign"):
        assert read_certificate(signed(usage(name))).usages == frozenset({name})
    assert list(map(str, read.names.addresses)) == ["127.0.0.1"]


def test_what_a_certificate_does_not_say_is_missing() -> None:
    read = read_certificate(signed(subject={}))
    assert (read.names, read.usages, read.extended) == (None, None, None)
    assert (read.is_ca, read.common_name, read.organizations) == (False, "", ())


@pytest.mark.parametrize(
    ("usages", "servers", "clients"),
    [
        (None, True, True),
        ([ExtendedKeyUsageOID.SERVER_AUTH], True, False),
        ([ExtendedKeyUsageOID.CLIENT_AUTH], False, True),
        ([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], True, True),
        ([ExtendedKeyUsageOID.CODE_SIGNING], False, False),
    ],
)
def test_whom_a_certificate_is_for(usages: list[x509.ObjectIdentifier] | None, servers: bool, clients: bool) -> None:
    read = read_certificate(signed(*([x509.ExtendedKeyUsage(usages)] if usages else [])))
    assert isinstance(read, Certificate)
    assert (read.is_for_servers, read.is_for_clients) == (servers, clients)


def test_what_is_said_without_cryptography() -> None:
    error = no_cryptography()
    assert error.what == "certificates need cryptography, which is not installed"
    assert error.remedy == "install cryptography, or the extra `webhook`"


def test_kinds_of_keys() -> None:
    edwards = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    found = [read_certificate(signed(key=key)) for key in (edwards, rsa_key(), KEY)]
    read = [read_key(_der(key)) for key in (edwards, rsa_key(), KEY)]
    assert [(each.kind, each.size) for each in read] == [("Ed25519", 0), ("RSA", 2048), ("EC", 256)]
    assert [each.public_key for each in read] == [each.public_key for each in found]


def _der(key: Signer | dsa.DSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_a_key_of_a_kind_that_go_does_not_use() -> None:
    key = dsa.generate_private_key(1024)
    with pytest.raises(Unreadable, match=r"^the authenticator does not support this type of key$"):
        read_key(_der(key))


def test_who_signed_it() -> None:
    root = {NameOID.COMMON_NAME: ("root",)}
    issuer, other = read_certificate(signed(CA, subject=root, key=OTHER)), read_certificate(signed(CA, subject=root))
    read = read_certificate(signed(issuer=root, by=OTHER))
    assert (read.is_self_signed, issuer.is_self_signed) == (False, True)
    assert is_issued_by(read, issuer)
    assert not is_issued_by(read, other)
    assert not is_issued_by(issuer, read)
    named_as_issuer = read_certificate(signed(subject=root, by=OTHER))
    assert not named_as_issuer.is_self_signed


def test_a_name_that_cannot_be_read() -> None:
    der = signed(x509.SubjectAlternativeName([x509.RFC822Name("a@b.example")]))
    assert der.count(b"\x81\x0ba@b.example") == 1  # [1] rfc822Name; [3] is x400Address
    with pytest.raises(Unreadable, match=r"^its subject alternative name cannot be read$"):
        read_certificate(der.replace(b"\x81\x0ba@b.example", b"\xa3\x0ba@b.example"))


@pytest.mark.parametrize("der", [b"", b"text", signed()[:-1], signed() + b"x"])
def test_what_is_no_certificate(der: bytes) -> None:
    with pytest.raises(Unreadable, match=r"^it cannot be read as a certificate$"):
        read_certificate(der)


# --- keys that were made to keep a parser busy, or to make it fail ---------------------------------------------------

E = 65537
P, Q = (1 << 1024) + 1, (1 << 1025) + 1
"""Neither is a prime: 2**1024 + 1 is a Fermat number with known factors, and the other is divisible by 3."""


def length(count: int) -> bytes:
    if count < 128:
        return bytes([count])
    data = count.to_bytes((count.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(data)]) + data


def integer(number: int) -> bytes:
    data = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return b"\x02" + length(len(data)) + data


def sequence(*parts: bytes) -> bytes:
    data = b"".join(parts)
    return b"\x30" + length(len(data)) + data


def rsa_der(
    p: int, q: int, *, n: int | None = None, d: int | None = None, off: tuple[int, int, int] = (0, 0, 0)
) -> bytes:
    """PKCS#1; `off` is added to the last three numbers."""
    d = pow(E, -1, lcm(p - 1, q - 1)) if d is None else d
    shares = d % max(p - 1, 1), d % max(q - 1, 1), pow(q, -1, p)
    last = (share + more for share, more in zip(shares, off, strict=True))
    return sequence(*map(integer, (0, p * q if n is None else n, E, d, p, q, *last)))


def test_the_factors_of_an_rsa_key_are_not_examined() -> None:
    """OpenSSL does by default: it took a minute and a half for a file of 8,000 bytes. Go does not."""
    assert read_key(rsa_der(P, Q)).size == 2050


@pytest.mark.parametrize(
    "der",
    [
        rsa_der(P, Q, n=P * Q + 2),
        rsa_der(P, Q, d=3),
        rsa_der(1, P * Q, d=1),
        *(rsa_der(P, Q, off=each) for each in ((1, 0, 0), (0, 1, 0), (0, 0, 1))),
    ],
    ids=["other factors", "other exponent", "no factors", "first share", "second share", "coefficient"],
)
def test_what_is_no_rsa_der(der: bytes) -> None:
    with pytest.raises(Unreadable, match="it cannot be read as a private key"):
        read_key(der)


def test_a_large_key_is_not_read() -> None:
    assert read_key(rsa_der((1 << 8000) + 1, (1 << 8001) + 1)).size == 16002
    with pytest.raises(Unreadable):
        read_key(rsa_der((1 << 20_000) + 1, (1 << 20_001) + 1))


def test_a_key_that_openssl_stumbles_over() -> None:
    """A Diffie-Hellman key with invalid parameters."""
    oid = bytes.fromhex("06072a8648ce3e0201")
    parameters = sequence(integer(P), integer(2), integer(Q))
    with pytest.raises(Unreadable):
        read_key(sequence(integer(0), sequence(oid, parameters), b"\x04\x03" + integer(5)))
