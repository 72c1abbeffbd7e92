"""A webhook kubeconfig as the API server's client library reads it."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from tarmak_iam.document import Document
from tarmak_iam.errors import Place, TarmakIamError
from tarmak_iam.pki.tree import Found
from tarmak_iam.routes import Path
from tarmak_iam.text import quoted
from tarmak_iam.x509.pem import Block, is_certificate, read_pem

__all__ = ["WebhookFile", "parse_webhook_file"]


@dataclass(frozen=True, slots=True)
class WebhookFile:
    """`problem` says why there is no cluster to ask, at `place`; then everything else is empty."""

    path: str
    """On a master."""
    found: Found
    place: Place
    problem: str = ""
    server: str = ""
    server_place: Place | None = None
    server_name: str = ""
    """What the certificate is checked for, where that is not the URL's host."""
    is_insecure: bool = False
    ca: tuple[Block, ...] | None = None
    """The trusted certificates; None where there are no data."""
    ca_place: Place | None = None
    ca_file: str = ""

    @property
    def url(self) -> SplitResult | None:
        """None for what is no URL."""
        try:
            url = urlsplit(self.server)
            _ = url.port
        except ValueError:
            return None
        return url if url.hostname else None

    @property
    def port(self) -> int:
        """The URL's, else that of https."""
        url = self.url
        return (url.port if url else None) or 443

    @property
    def host(self) -> str:
        url = self.url
        return (url.hostname or "") if url else ""


def parse_webhook_file(path: str, found: Found) -> WebhookFile:
    """Never fails: see `WebhookFile.problem`."""
    if found.data is None:
        return WebhookFile(path, found, found.place, found.problem)
    try:
        document = Document.parse(found.data, found.path)
        plain = document.data
    except TarmakIamError as error:
        return WebhookFile(path, found, error.place or found.place, error.what)
    if not isinstance(plain, dict):
        return WebhookFile(path, found, found.at(1), "it is no kubeconfig" if found.data.strip() else "it is empty")
    return _parsed(path, found, document, plain)


def _parsed(path: str, found: Found, document: Document, plain: dict[str, Any]) -> WebhookFile:
    for key in ("clusters", "contexts", "users"):
        twice = _twice(plain.get(key))
        if twice:
            return WebhookFile(path, found, document.position((key,)), f"two of its {key} are called {quoted(twice)}")
    current = plain.get("current-context")
    if not current:
        return WebhookFile(path, found, document.position(()), "it has no current-context")
    _, context = _named(plain, "contexts", "context", current)
    if context is None:
        where = document.position(("current-context",))
        return WebhookFile(path, found, where, f"its current-context {quoted(current)} is not there")
    index, cluster = _named(plain, "clusters", "cluster", context.get("cluster"))
    if cluster is None:
        where = document.position(("contexts",))
        return WebhookFile(path, found, where, "it has no cluster for its current context")
    route: Path = ("clusters", index, "cluster")
    data = cluster.get("certificate-authority-data")
    ca_place = document.position((*route, "certificate-authority-data"))
    return WebhookFile(
        path,
        found,
        document.position(route),
        server=_text(cluster.get("server")),
        server_place=document.position((*route, "server")),
        server_name=_text(cluster.get("tls-server-name")),
        is_insecure=cluster.get("insecure-skip-tls-verify") is True,
        ca=_certificates(data) if data else None,
        ca_place=ca_place,
        ca_file=_text(cluster.get("certificate-authority")),
    )


def _named(plain: dict[str, Any], key: str, inner: str, name: Any) -> tuple[int, dict[str, Any] | None]:
    items = plain.get(key)
    for index, item in enumerate(items if isinstance(items, list) else ()):
        content = item.get(inner) if isinstance(item, dict) and item.get("name") == name else None
        if isinstance(content, dict):
            return index, content
    return 0, None


def _twice(items: Any) -> str:
    """A name that the client library refuses, since it is there twice; "" if there is none."""
    names = [str(item.get("name")) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return next((name for name, count in Counter(names).items() if count > 1), "")


def _certificates(data: Any) -> tuple[Block, ...]:
    """Empty for what is no base64 or holds no certificate."""
    try:
        decoded = base64.b64decode(str(data).replace("\r", "").replace("\n", ""), validate=True)  # Go skips no blanks
    except (binascii.Error, ValueError):
        return ()
    return tuple(filter(is_certificate, read_pem(decoded)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
