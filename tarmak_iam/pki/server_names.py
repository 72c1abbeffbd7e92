"""Names and addresses of a TLS server: the subject alternative name, whether it covers a host by the rules of Go's
crypto/x509, and the URL that the API server calls.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from tarmak_iam.errors import ConfigError
from tarmak_iam.pki.webhook_files import WEBHOOK_PATH
from tarmak_iam.text import is_host_name, shortened

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
    if not (_is_host(host.removesuffix(".")) and _is_host(pattern, is_pattern=True)):
        return pattern == host and host not in ("", ".")
    have, want = pattern.split("."), host.removesuffix(".").split(".")
    first_matches = have[0] in ("*", want[0])
    return first_matches and have[1:] == want[1:]


def _is_host(name: str, *, is_pattern: bool = False) -> bool:
    labels = name.split(".")
    if is_pattern and labels[0] == "*":
        labels = labels[1:]
    return bool(labels) and all(map(_GO_LABEL.match, labels))


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
        unspecified ones (0.0.0.0 and ::).

        v0.4.0 writes a host name that is an address as a DNS name, which no client accepts for that address.
        """
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
