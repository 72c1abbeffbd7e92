"""Admin kubeconfigs as Tarmak has them, with certificates of literal dates."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

CLIENT, SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
CA_UNTIL = "2999-01-01"
NO_CERTIFICATE = "no recovery access: the current context of {} has no client certificate"
"""What is said of the kubeconfigs of the examples, which have no credentials."""


def key(name: str = "admin", kind: str = "ec") -> Private:
    """A key of its own for each name."""
    return _key(name, kind)


@cache
def _key(name: str, kind: str) -> Private:
    assert name
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())


@cache
def certificate(
    since: str = "2020-01-01",
    until: str = "2990-01-01",
    organizations: tuple[str, ...] = ("system:masters",),
    *,
    name: str = "admin",
    kind: str = "ec",
    issuer: str = "ca",
    usages: tuple[ObjectIdentifier, ...] | None = (CLIENT,),
    names: tuple[str, ...] = (),
) -> bytes:
    """PEM of a certificate for the key of that name; `issuer` signs it, itself where it has the same name. `names`:
    its common names, if it has other ones."""
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organizations]
        + [x509.NameAttribute(NameOID.COMMON_NAME, each) for each in names or (name,)]
    )
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=timezone.utc) for each in (since, until))
    signer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])
    public = key(name, kind).public_key()
    builder = x509.CertificateBuilder(signer, subject, public, 7, begin, end)
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    signing = key(issuer)
    return builder.sign(
        signing, None if isinstance(signing, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    ).public_bytes(serialization.Encoding.PEM)


def authority(name: str = "ca", until: str = CA_UNTIL) -> bytes:
    return certificate("2000-01-01", until, (), name=name, issuer=name, usages=None)


def key_pem(name: str = "admin", kind: str = "ec", password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key(name, kind).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def kubeconfig(user: str = "", ca: bytes | None = None, cluster: str = "") -> str:
    """`user` and `cluster` are lines of the two mappings; `ca` None for the one that signs by default."""
    known = cluster or f"certificate-authority-data: {encoded(authority() if ca is None else ca)}"
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: dev-cluster
  cluster:
    server: https://127.0.0.1:40123
    {known}
contexts:
- name: other
  context: {{cluster: other, user: other}}
- name: dev-cluster
  context: {{cluster: dev-cluster, namespace: kube-system, user: dev-cluster}}
current-context: dev-cluster
users:
- name: other
  user: {{token: "another one's"}}
- name: dev-cluster
  user: {{{user}}}
"""


def tarmaks_kubeconfig(name: str, server: str, ca: str, user: Mapping[str, str]) -> dict[str, Any]:
    """As pkg/tarmak/kubectl makes it: everything in it has the cluster's name."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": ca}}],
        "contexts": [{"name": name, "context": {"cluster": name, "namespace": "kube-system", "user": name}}],
        "current-context": name,
        "preferences": {},
        "users": [{"name": name, "user": dict(user)}],
    }


def logins(pem: bytes, private: bytes | None = None) -> str:
    """The lines of a user with a certificate and a key."""
    private = key_pem() if private is None else private
    return f"client-certificate-data: {encoded(pem)}, client-key-data: {encoded(private)}"


def encoded(data: bytes) -> str:
    return f'"{base64.b64encode(data).decode()}"'


def write(home: Path, text: str | None = None) -> Path:
    """Puts a kubeconfig into the directory of a cluster: one that is a way back, unless told otherwise."""
    path = home / "kubeconfig"
    home.mkdir(parents=True, exist_ok=True)
    path.write_text(kubeconfig(logins(certificate())) if text is None else text)
    return path
