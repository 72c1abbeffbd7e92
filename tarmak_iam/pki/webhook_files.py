"""The webhook's files: names and paths on a master, and the kubeconfig, with the URL that the API server calls and the
certificate that it trusts; the server's names, and which hosts a certificate covers, as in Go's crypto/x509."""

from __future__ import annotations

import base64
import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.daemon_config import DEFAULT_STATE_DIR
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature
from tarmak_iam.pki.pem import encode_pem
from tarmak_iam.text import is_host_name, shortened

CERTIFICATE = "cert.pem"
KEY = "key.pem"
KUBECONFIG = "aws-iam-authenticator.kubeconfig"
STATE_DIR = DEFAULT_STATE_DIR
WEBHOOK_PATH = "/authenticate"
DAYS = 36500  # the validity of a certificate, the same in every release: a hundred years
EXPIRES_WITHIN = 30
"""How many days before a certificate expires doctor reports it."""

MASTERS_VERSION = DaemonVersion(0, 4, 0)  # whose `init` Tarmak's masters run before every start of the API server

# Byte for byte as recorded in init.json. The comments changed once, in v0.5.4.
_KUBECONFIG = """
{clusters}clusters:
  - name: aws-iam-authenticator
    cluster:
      certificate-authority-data: {ca}
      server: {url}
{users}users:
  - name: apiserver
{context}current-context: webhook
contexts:
- name: webhook
  context:
    cluster: aws-iam-authenticator
    user: apiserver
"""
_COMMENTS = {
    "clusters": "# clusters refers to the remote service.\n",
    "users": """\
# users refers to the API Server's webhook configuration
# (we don't need to authenticate the API server).
""",
    "context": "# kubeconfig files require a context. Provide one for the API Server.\n",
}
_LATER_COMMENTS = {"clusters": "", "users": "# user refers to the API server client\n", "context": ""}


def webhook_kubeconfig(certificate: bytes, url: str, version: DaemonVersion = MASTERS_VERSION) -> bytes:
    """The kubeconfig, byte for byte as `init` of this release writes it; the init unit of a master writes that of the
    default release again. `certificate` is DER, `url` that of `ServerNames.url`."""
    comments = _COMMENTS if version.has(ReleaseFeature.WEBHOOK_COMMENTS) else _LATER_COMMENTS
    ca = base64.b64encode(encode_pem("CERTIFICATE", certificate)).decode()
    return _KUBECONFIG.format(ca=ca, url=url, **comments).encode()


IPAddress = IPv4Address | IPv6Address
# What Go's crypto/x509 accepts as a label of a host name. It allows underscores, because they occur in practice.
_GO_LABEL = re.compile(r"[a-z0-9_][a-z0-9_-]*\Z", re.ASCII)
# inet_aton, which some resolvers try first, reads these as an address.
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z", re.IGNORECASE | re.ASCII)


def parse_address(text: str) -> IPAddress | None:
    """Parses as Go's net.ParseIP and To4 do: no zone, and an IPv4-mapped IPv6 address is an IPv4 address."""
    try:
        address = ipaddress.ip_address(text) if "%" not in text and text.isascii() else None
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


class AlternativeNames(NamedTuple):
    """The subject alternative name of a certificate: DNS names, then addresses, as Go writes them."""

    dns: tuple[str, ...] = ()
    addresses: tuple[IPAddress, ...] = ()

    def covers(self, host: str) -> bool:
        """Whether Go's VerifyHostname accepts the certificate for this host of a URL (without brackets)."""
        address = parse_address(host)
        if address is not None:
            return address in self.addresses
        return any(_matches(name.lower(), host.lower()) for name in self.dns)

    def __str__(self) -> str:
        return ", ".join([*self.dns, *map(str, self.addresses)]) or "nothing"


def _matches(pattern: str, host: str) -> bool:
    """As in crypto/x509: label by label, `*` for the whole first label. Other texts than host names must be equal."""
    have, want = pattern.split("."), host.removesuffix(".").split(".")
    named = have[1:] if have[0] == "*" else have
    if not named or not all(map(_GO_LABEL.match, (*named, *want))):
        return pattern == host and host not in ("", ".")
    return have[0] in ("*", want[0]) and have[1:] == want[1:]


@dataclass(frozen=True, slots=True)
class ServerNames:
    """Host names (or addresses) by which clients call the server, the first of them in the URL, and the address that
    it listens on. Raises ConfigError for names and addresses that no TLS client would accept."""

    hostnames: tuple[str, ...] = ("localhost",)
    address: str = "127.0.0.1"

    def __post_init__(self) -> None:
        if not self.hostnames:
            raise ConfigError("the server has no host name", remedy="specify one, such as localhost")
        for name in self.hostnames:
            # A name in a certificate does not end with a dot.
            is_name = is_host_name(name) and not name.endswith(".") and not _NUMBER.match(name.rpartition(".")[2])
            if not is_name and parse_address(name) is None:
                what = f"{shortened(name)!r} is neither a host name nor an IP address"
                raise ConfigError(what, remedy="use letters, digits, dashes and dots, as in localhost")
        if parse_address(self.address) is None:
            what = f"{shortened(self.address)!r} is not a valid IP address"
            raise ConfigError(what, remedy="use an address such as 127.0.0.1")

    @property
    def alternative(self) -> AlternativeNames:
        """The names that `init` writes to the certificate in v0.5.3 and later: addresses as IP addresses, without the
        unspecified ones (0.0.0.0 and ::). v0.4.0 writes them as DNS names, which no client accepts."""
        bound = parse_address(self.address)
        assert bound is not None  # __post_init__
        addresses = [] if bound.is_unspecified else [bound]
        addresses += [address for name in self.hostnames if (address := parse_address(name)) is not None]
        dns = [name for name in self.hostnames if parse_address(name) is None]
        return AlternativeNames(tuple(dict.fromkeys(dns)), tuple(dict.fromkeys(addresses)))

    def url(self, port: int) -> str:
        """The URL that the API server calls. Raises ConfigError for a port that no server can listen on."""
        if port not in range(1, 65536):
            raise ConfigError(f"{port} is not a valid port", remedy="use a port from 1 to 65535")
        host = self.hostnames[0]
        return f"https://{f'[{host}]' if ':' in host else host}:{port}{WEBHOOK_PATH}"
