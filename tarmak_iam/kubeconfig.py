"""Tarmak's own kubeconfig of a cluster: its API server, the CA that signs it, and what the admin logs in with."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tarmak_iam.command_line import PLAIN, CommandLine
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError

__all__ = [
    "KUBECONFIG_NAME",
    "AdminKubeconfig",
    "ClientLogin",
    "PemSource",
    "parse_admin_kubeconfig",
    "parse_client_login",
]

KUBECONFIG_NAME = "kubeconfig"


@dataclass(frozen=True, slots=True)
class AdminKubeconfig:
    """`server` is a URL, `ca_data` the CA's PEM in base64. Its credentials are not read."""

    server: str
    ca_data: str


@dataclass(frozen=True, slots=True)
class PemSource:
    """PEM that a kubeconfig has in itself (`data`), or in a file that it names (`path`); neither for none."""

    data: bytes | None = field(default=None, repr=False)
    path: str = ""

    @property
    def is_given(self) -> bool:
        return self.data is not None or self.path != ""


@dataclass(frozen=True, slots=True)
class ClientLogin:
    """What the current context logs in with. `other` names credentials that are no certificate, as in `a token`."""

    certificate: PemSource
    key: PemSource
    authority: PemSource
    other: str = ""


# In the order of their keys in client-go's AuthInfo.
_OTHER_LOGINS = {
    "token": "a token",
    "tokenFile": "a token",
    "username": "username and password",
    "auth-provider": "an auth provider",
    "exec": "a command",
}


def parse_admin_kubeconfig(
    data: bytes | str, filename: str = KUBECONFIG_NAME, command_line: CommandLine = PLAIN
) -> AdminKubeconfig:
    """The cluster of the current context (else the first). Raises ParseError, and ConfigError where
    server or CA data are missing; `command_line` is that of its cluster."""
    remedy = f"run `{command_line.tarmak('clusters kubeconfig')}` again"
    document = Document.parse(data, filename)
    plain = document.data if isinstance(document.data, dict) else {}
    index, cluster = _cluster(plain)
    server, ca_data = cluster.get("server"), cluster.get("certificate-authority-data")
    if not isinstance(server, str) or not server.startswith("https://"):
        raise ConfigError(
            "the kubeconfig has no https server",
            remedy=remedy,
            place=document.position(("clusters", index, "cluster", "server")),
        )
    if not isinstance(ca_data, str) or not _is_base64(ca_data):
        raise ConfigError(
            "the kubeconfig has no certificate-authority-data",
            remedy=remedy,
            place=document.position(("clusters", index, "cluster", "certificate-authority-data")),
        )
    return AdminKubeconfig(server, "".join(ca_data.split()))


def parse_client_login(data: bytes | str, filename: str = KUBECONFIG_NAME) -> ClientLogin:
    """The user and the CA of the current context; nothing of a context that is not there, as kubectl has it.

    Raises ParseError, and ConfigError for credentials that kubectl could not read. No message shows any of them.
    """
    plain = Document.parse(data, filename).data
    plain = plain if isinstance(plain, dict) else {}
    context = _item(plain, "contexts", "context", plain.get("current-context"))
    user = _item(plain, "users", "user", context.get("user"))
    cluster = _item(plain, "clusters", "cluster", context.get("cluster"))
    return ClientLogin(
        _source(user, "client-certificate"),
        _source(user, "client-key"),
        _source(cluster, "certificate-authority"),
        next((text for key, text in _OTHER_LOGINS.items() if user.get(key)), ""),
    )


def _item(plain: dict[str, Any], key: str, inner: str, name: object) -> dict[str, Any]:
    """The inner mapping of the item of that name, empty where there is none."""
    found = (item for _, item in _named(plain, key, inner) if name is not None and item["name"] == name)
    return next(found, {})


def _source(holder: dict[str, Any], key: str) -> PemSource:
    """As client-go takes it: data wins over a file."""
    data, path = holder.get(f"{key}-data"), holder.get(key)
    if not all(value is None or isinstance(value, str) for value in (data, path)):
        raise ConfigError(f"{key} is not a text")
    if not data:
        return PemSource(path=path or "")
    if not _is_base64(data):
        raise ConfigError(f"{key}-data is not valid base64")
    return PemSource(base64.b64decode("".join(data.split())))


def _cluster(plain: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Index and content of the current context's cluster, else of the first; empty if there is none."""
    current = plain.get("current-context")
    wanted = next(
        (item["cluster"] for _, item in _named(plain, "contexts", "context") if item["name"] == current), None
    )
    clusters = list(_named(plain, "clusters", "cluster"))
    for index, item in clusters:
        if item["name"] == wanted:
            return index, item
    return clusters[0] if clusters else (0, {})


def _named(plain: dict[str, Any], key: str, inner: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Index and inner mapping of each well-formed item, its name among its members."""
    items = plain.get(key)
    for index, item in enumerate(items if isinstance(items, list) else ()):
        content = item.get(inner) if isinstance(item, dict) else None
        if isinstance(content, dict):
            yield index, {"cluster": None, **content, "name": item.get("name")}


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return False
