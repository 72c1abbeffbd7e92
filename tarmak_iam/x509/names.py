"""The subject alternative name of a certificate, and whether it covers a host, as Go's crypto/x509 looks at it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

__all__ = ["AlternativeNames", "IPAddress", "parse_address"]

IPAddress = IPv4Address | IPv6Address

# What Go's crypto/x509 takes as a host name; an underscore too, which it knows from practice.
_GO_LABEL = re.compile(r"[a-z0-9_][a-z0-9_-]*\Z", re.ASCII)


def parse_address(text: str) -> IPAddress | None:
    """As Go's net.ParseIP and To4 read it: no zone, and an IPv4 address written as IPv6 is one of IPv4."""
    try:
        address = ipaddress.ip_address(text) if "%" not in text and text.isascii() else None
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@dataclass(frozen=True, slots=True)
class AlternativeNames:
    """The subject alternative name of a certificate: DNS names, then addresses, as Go writes them."""

    dns: tuple[str, ...] = ()
    addresses: tuple[IPAddress, ...] = ()

    def covers(self, host: str) -> bool:
        """Whether Go's VerifyHostname takes the certificate for that host of a URL (without brackets)."""
        address = parse_address(host)
        if address is not None:
            return address in self.addresses
        return any(_matches(name.lower(), host.lower()) for name in self.dns)

    def __str__(self) -> str:
        return ", ".join([*self.dns, *map(str, self.addresses)]) or "nothing"


def _matches(pattern: str, host: str) -> bool:
    """crypto/x509: label by label, a `*` for the whole first one; what is no host name only literally."""
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
