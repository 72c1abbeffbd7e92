"""How kubectl connects to the API server: the server, CA and proxy of a kubeconfig, checked before they are written."""

from __future__ import annotations

import base64
import ipaddress
from urllib.parse import SplitResult, urlsplit

from tarmak_iam.config.kubernetes_versions import parse_version
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.pki.pem import is_certificate, read_pem
from tarmak_iam.text import is_host_name, quoted, shortened

_PROXY_SCHEMES = ("http", "https", "socks5")
_SERVER_EXAMPLE = "use a URL such as https://api.example.com:6443"


def check_server(url: str) -> str:
    """The URL of an API server, unchanged. Raises ConfigError for one that kubectl could not use, or not safely."""
    parts = _split(url)
    if has_credentials(url):
        raise ConfigError("the server URL contains a username or a password", remedy=_SERVER_EXAMPLE)
    if parts is not None and parts.scheme == "http":
        what = f"the server {quoted(url)} does not use TLS: kubectl would send its token unencrypted"
        raise ConfigError(what, remedy="specify an https:// URL")
    if parts is None or parts.scheme != "https" or not _is_address(parts) or "?" in url or "#" in url:
        raise ConfigError(_not_valid(url, "server URL"), remedy=_SERVER_EXAMPLE)
    return url


def check_proxy(url: str) -> str:
    """The URL of a proxy, unchanged; it may contain a username and a password. Raises ConfigError."""
    parts = _split(url)
    if parts is None or not _is_address(parts) or parts.path not in ("", "/") or "?" in url or "#" in url:
        raise ConfigError(_not_valid(url, "proxy URL"), remedy="use a URL such as http://proxy.example.com:3128")
    if parts.scheme not in _PROXY_SCHEMES:
        what = f"kubectl does not support {quoted(parts.scheme)} proxies"
        raise ConfigError(what, remedy=f"use one of {', '.join(_PROXY_SCHEMES)}")
    return url


def proxy_warning(kubectl_version: str | None) -> str:
    """That this kubectl ignores the proxy of a kubeconfig; "" where it uses it, or where no version is set."""
    version = parse_version(kubectl_version or "")
    # client-go's Cluster.ProxyURL, from v0.19.0 on; an older one ignores the key, since it does not read strictly.
    if version is None or version.minor >= (1, 19):
        return ""
    return f"kubectl {kubectl_version} ignores proxy-url; use kubectl 1.19 or later, or set HTTPS_PROXY"


def authority_data(pem: bytes, place: Place | None = None) -> str:
    """The bytes of a CA file in base64, as `kubectl config set-cluster --embed-certs` writes them. Raises ConfigError
    where they contain no certificate, or a private key, which must not be handed out."""
    if b"PRIVATE KEY" in pem:
        what, remedy = "the file contains a private key", "specify a file that contains only the CA's certificate"
        raise ConfigError(what, remedy=remedy, place=place)
    if not any(map(is_certificate, read_pem(pem))):
        what = "the file contains no certificate in PEM format"
        remedy = "specify a file with -----BEGIN CERTIFICATE-----; `openssl x509 -inform der` converts a DER file"
        raise ConfigError(what, remedy=remedy, place=place)
    return base64.b64encode(pem).decode()


def check_context_name(name: str) -> str:
    """The name of a context, unchanged. Raises ConfigError for an empty one, and for control characters."""
    if not name.strip():
        raise ConfigError("the name of the context is empty", remedy="specify a name, as in dev")
    if not name.isprintable():
        what = f"{shortened(name)!r} is not a valid name of a context: it contains control characters"
        raise ConfigError(what, remedy="use printable characters")
    return name


def has_credentials(text: str) -> bool:
    """Whether a text is a URL with a username or a password, as that of a proxy may be."""
    parts = _split(text)
    return parts is not None and "@" in parts.netloc


def _split(url: str) -> SplitResult | None:
    """None for text that is not a URL, or not printable ASCII: urlsplit() would silently remove tabs and newlines."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _is_address(parts: SplitResult) -> bool:
    """Whether the URL has a host, as a name or an IP address, and its port, if any, is one."""
    try:
        host, port = parts.hostname or "", parts.port
        if parts.netloc.rpartition("@")[2].startswith("["):
            return ipaddress.ip_address(host).version == 6 and port != 0
    except ValueError:
        return False
    return is_host_name(host) and port != 0


def _not_valid(url: str, kind: str) -> str:
    """Without the URL where it may contain a password."""
    return f"the {kind} is not valid" if "@" in url else f"{quoted(url)} is not a valid {kind}"
