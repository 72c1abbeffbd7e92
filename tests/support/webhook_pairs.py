"""Certificates, keys and directories for doctor. They are created once, because generating keys takes a while."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from tarmak_iam.doctor import Examination, examine_tree, read_tree
from tarmak_iam.identity.daemon_config import DEFAULT_PORT
from tarmak_iam.pki import Pair, ServerNames, make_pair, webhook_kubeconfig
from tarmak_iam.pki.pem import read_pem
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, KUBECONFIG

NOW = datetime(2020, 11, 25, 12, 0, 0, tzinfo=timezone.utc)
"""In the past, so that a certificate of this time is also valid for the command line, which uses the real clock."""
LOCALHOST = ServerNames()

Files = dict[str, bytes]

_generate = rsa.generate_private_key
"""The real function, even if a test replaces it."""


@cache
def rsa_key(number: int = 0, size: int = 2048) -> rsa.RSAPrivateKey:
    """A separate key for each number."""
    assert number >= 0
    return _generate(65537, size)


@cache
def pair(names: ServerNames = LOCALHOST, number: int = 0, days: int = 36500, now: datetime = NOW) -> Pair:
    return make_pair(names, now=now, days=days, key=rsa_key(number))


def files(names: ServerNames = LOCALHOST, number: int = 0, days: int = 36500, port: int = DEFAULT_PORT) -> Files:
    """The files that `webhook` writes."""
    made = pair(names, number, days)
    kubeconfig = webhook_kubeconfig(read_pem(made.certificate)[0].data, names.url(port))
    return {CERTIFICATE: made.certificate, KEY: made.key, KUBECONFIG: kubeconfig}


def lay(directory: Path, content: Mapping[str, bytes]) -> Path:
    """Writes the files, with the modes that `webhook` gives them."""
    for name, data in content.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600 if name.endswith(KEY) else 0o644)
    return directory


def report(directory: Path, *, now: datetime = NOW, is_master: bool | None = None) -> Examination:
    return examine_tree(read_tree(directory, is_master=is_master), now=now)


def ids(directory: Path, *, now: datetime = NOW) -> list[str]:
    return sorted({each.id for each in report(directory, now=now).diagnoses})
