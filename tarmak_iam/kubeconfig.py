"""Tarmak's own kubeconfig of a cluster: where its API server is and which CA signs it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError

__all__ = ["AdminKubeconfig", "parse_admin_kubeconfig"]


@dataclass(frozen=True, slots=True)
class AdminKubeconfig:
    """`server` is a URL, `ca_data` the CA's PEM in base64. Its credentials are not read."""

    server: str
    ca_data: str


def parse_admin_kubeconfig(data: bytes | str, filename: str = "kubeconfig") -> AdminKubeconfig:
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
    contexts = {item.get("name"): item.get("context") for item in _named(plain, "contexts")}
    wanted = (contexts.get(plain.get("current-context")) or {}).get("cluster")
    clusters = _named(plain, "clusters")
    for index, item in enumerate(clusters):
        if item.get("name") == wanted:
            return index, item.get("cluster") or {}
    return 0, (clusters[0].get("cluster") or {}) if clusters else {}


def _named(plain: dict[str, Any], key: str) -> list[dict[str, Any]]:
    items = plain.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return False
