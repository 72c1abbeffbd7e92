"""Creates the webhook's certificate and key as the authenticator's `init` does, and decides what `webhook` writes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.pki.certificates import Certificate, Unreadable, no_cryptography, read_certificate, read_key
from tarmak_iam.pki.pem import is_certificate, is_key, is_key_of_init, read_pem
from tarmak_iam.pki.webhook_files import (
    CERTIFICATE,
    DAYS,
    KEY,
    KUBECONFIG,
    MASTERS_VERSION,
    ServerNames,
    webhook_kubeconfig,
)

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ImportError:
    raise no_cryptography() from None

_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)  # a year in X.509 has four digits
_NEW = "create a new certificate and key with --renew, which keeps the old files under other names"


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, both in PEM: one CERTIFICATE, and one RSA PRIVATE KEY (PKCS#1)."""

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
    """A new certificate and key, with the fields that pkg/config/certs of the authenticator sets in v0.5.3 and later.
    `now` has a time zone; the certificate is valid from then (whole seconds) for `days`. `key` and `serial` (of at most
    128 bits) are generated if they are not given. Raises ConfigError if `days` is out of range."""
    begin = now.astimezone(timezone.utc).replace(microsecond=0)
    if days < 1:
        raise ConfigError(
            f"a certificate cannot be valid for {days} days", remedy=f"use at least 1; `init` uses {DAYS}"
        )
    try:
        end = begin + timedelta(days=days)
    except OverflowError:
        what = f"{days} days end after the year 9999, which is not possible in a certificate"
        raise ConfigError(what, remedy=f"use at most {(_LAST - begin).days} days") from None
    private = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "aws-iam-authenticator")])
    # Digital signature, key encipherment and certificate signing, of the nine bits in their order.
    usage = x509.KeyUsage(True, False, True, False, False, True, False, False, False)
    alternative = [*map(x509.DNSName, names.alternative.dns), *map(x509.IPAddress, names.alternative.addresses)]
    builder = (
        x509.CertificateBuilder(subject, subject, public, serial or secrets.randbits(128) or 1, begin, end)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    data = private.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    return Pair(builder.sign(private, hashes.SHA256()).public_bytes(pem), data)


@dataclass(frozen=True, slots=True)
class Existing:
    """The files that are already in the directory; None for a missing file."""

    directory: Path
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    kubeconfig: bytes | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """`before`: the expected current content, None for a new file. A secret is readable by its owner only."""

    name: str
    data: bytes = field(repr=False)
    before: bytes | None = field(repr=False)
    is_secret: bool = False


class Prepared(NamedTuple):
    """The files to write, with their certificate and URL. `outputs` are in the order in which they must be written:
    first copies of the replaced files, then the key, then its certificate. After a crash in between, the next run finds
    a key alone, and creates a certificate for it, or a key with the old certificate, and reports it.
    `is_of_existing_key`: whether the certificate is a new one, for a key that was there without one."""

    outputs: tuple[Output, ...]
    certificate: Certificate
    url: str
    is_kept: bool
    is_of_existing_key: bool = False


def prepare(
    existing: Existing,
    names: ServerNames,
    port: int,
    *,
    now: datetime,
    days: int = DAYS,
    renew: bool = False,
    version: DaemonVersion = MASTERS_VERSION,
) -> Prepared:
    """Keeps an existing certificate and key, as `init` does, but never overwrites one of the files because the other is
    missing. For a key alone, as an interrupted run leaves it, a certificate is created. Raises ConfigError if the files
    cannot be used for these names: one is missing or broken, they do not belong together, or the certificate has
    expired or is for other names."""
    url = names.url(port)
    interrupted = None if renew else _key_alone(existing)
    if renew or interrupted or (existing.certificate is None and existing.key is None):
        made = make_pair(names, now=now, days=days, key=interrupted)
        kept, pair = None, (made.certificate, existing.key if interrupted and existing.key else made.key)
    else:
        kept = _usable(existing, names, now)
        pair = (existing.certificate or b"", existing.key or b"")  # both are there
    certificate = kept or read_certificate(read_pem(pair[0])[0].data)
    kubeconfig = webhook_kubeconfig(certificate.der, url, version)
    outputs = (
        Output(KEY, pair[1], existing.key, is_secret=True),
        Output(CERTIFICATE, pair[0], existing.certificate),
        Output(KUBECONFIG, kubeconfig, existing.kubeconfig),
    )
    # Copies, under other names, of the files that a new pair replaces: the cluster may still need them.
    suffix = f"{now.astimezone(timezone.utc):%Y%m%dT%H%M%SZ}"
    saved = tuple(
        Output(f"{output.name}.{suffix}", output.before, None, output.is_secret)
        for output in (outputs if kept is None else ())
        if output.before is not None and output.before != output.data
    )
    return Prepared((*saved, *outputs), certificate, url, kept is not None, interrupted is not None)


def _key_alone(existing: Existing) -> rsa.RSAPrivateKey | None:
    """The existing key, if it is one as `init` creates it, and no other file exists; else None. A kubeconfig is written
    last: next to it, the key had a certificate that was lost, and that may be in use."""
    if existing.key is None or existing.certificate is not None or existing.kubeconfig is not None:
        return None
    block = next(filter(is_key, read_pem(existing.key)), None)
    try:
        if block is None or not is_key_of_init(block, read_key(block.data).size):
            return None
        key = serialization.load_der_private_key(block.data, None)  # checks the factors too, which is quick for 2048
    except (Unreadable, ValueError):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey) else None


def _usable(existing: Existing, names: ServerNames, now: datetime) -> Certificate:
    """The existing certificate. Raises ConfigError if it cannot be used with the existing key and these names."""

    def refusal(name: str, what: str, remedy: str = "") -> ConfigError:
        return ConfigError(
            what, remedy=f"{remedy}, or {_NEW}" if remedy else _NEW, place=Place(str(existing.directory / name))
        )

    if existing.certificate is None or existing.key is None:
        missing, there = (CERTIFICATE, KEY) if existing.certificate is None else (KEY, CERTIFICATE)
        what = f"{there} exists without {missing}, and a new certificate and key would overwrite it"
        raise refusal(there, what, f"restore {missing}")
    block = next(filter(is_certificate, read_pem(existing.certificate)), None)
    private = next(filter(is_key, read_pem(existing.key)), None)
    name = CERTIFICATE if block is None else KEY
    if block is None or private is None or private.is_encrypted:
        encrypted = "it is encrypted, and the authenticator cannot decrypt it"
        what = encrypted if private and block else "it contains no PEM block of this type"
        raise refusal(name, f"{name} cannot be used: {what}", "restore it")
    try:
        name = CERTIFICATE
        certificate = read_certificate(block.data)
        name = KEY
        public_key = read_key(private.data).public_key
    except Unreadable as error:
        raise refusal(name, f"{name}: {error}", "restore it") from None
    if public_key != certificate.public_key:
        what = f"{KEY} is not the key of {CERTIFICATE}: `init` would fail, and the API server would not start"
        raise refusal(CERTIFICATE, what, "restore the file that belongs to the other")
    if not certificate.not_before <= now <= certificate.not_after:
        what = f"the certificate is valid only from {certificate.not_before:%F} to {certificate.not_after:%F}"
        raise refusal(CERTIFICATE, what)
    have = certificate.names
    missing_names = [name for name in names.hostnames if have is None or not have.covers(name)]
    if missing_names:
        what = f"the certificate is for {have or 'no name'}, not for {', '.join(missing_names)}"
        raise refusal(CERTIFICATE, what, "specify a host of the certificate with --hostname")
    return certificate
