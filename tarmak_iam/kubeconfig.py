"""Tarmak's own kubeconfig of a cluster: where its API server is and which CA signs it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError

__all__ = ["KUBECONFIG_NAME", "AdminKubeconfig", "open_door", "parse_admin_kubeconfig"]

KUBECONFIG_NAME = "kubeconfig"


@dataclass(frozen=True, slots=True)
class AdminKubeconfig:
    """`server` is a URL, `ca_data` the CA's PEM in base64. Its credentials are not read."""

    server: str
    ca_data: str


def open_door(path: object) -> str:
    """What every message about a possible lock-out says, of Tarmak's own kubeconfig."""
    return f"the admin certificate in {path} still works"


def parse_admin_kubeconfig(data: bytes | str, filename: str = KUBECONFIG_NAME) -> AdminKubeconfig:
    """The cluster of the current context (else the first). Raises ParseError, and ConfigError where
    server or CA data are missing."""
    document = Document.parse(data, filename)
    plain = document.data if isinstance(document.data, dict) else {}
    index, cluster = _cluster(plain)
    server, ca_data = cluster.get("server"), cluster.get("certificate-authority-data")
    if not isinstance(server, str) or not server.startswith("https://"):
        raise ConfigError(
            "the kubeconfig has no https server",
            remedy="run `tarmak clusters kubeconfig` again",
            place=document.position(("clusters", index, "cluster", "server")),
        )
    if not isinstance(ca_data, str) or not _is_base64(ca_data):
        raise ConfigError(
            "the kubeconfig has no certificate-authority-data",
            remedy="run `tarmak clusters kubeconfig` again",
            place=document.position(("clusters", index, "cluster", "certificate-authority-data")),
        )
    return AdminKubeconfig(server, "".join(ca_data.split()))


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
