"""Names and addresses of the authenticator's server: in its certificate, and in the URL that the API server asks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tarmak_iam.errors import ConfigError
from tarmak_iam.pki.layout import WEBHOOK_PATH
from tarmak_iam.text import is_host_name, shortened
from tarmak_iam.x509.names import AlternativeNames, parse_address

__all__ = ["ServerNames"]

# inet_aton, which some resolvers ask first, takes these for an address.
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class ServerNames:
    """Host names (or addresses) under which the server is asked, the first of them in the URL, and the address
    that it listens at. Raises ConfigError for what no TLS client would take."""

    hostnames: tuple[str, ...] = ("localhost",)
    address: str = "127.0.0.1"

    def __post_init__(self) -> None:
        if not self.hostnames:
            raise ConfigError("the server has no host name", remedy="name one, as in localhost")
        for name in self.hostnames:
            _check_hostname(name)
        if parse_address(self.address) is None:
            raise ConfigError(f"{shortened(self.address)!r} is no IP address", remedy="write one, as in 127.0.0.1")

    @property
    def alternative(self) -> AlternativeNames:
        """What `init` puts into the certificate from v0.5.3 on: an address under addresses, and none for "any".

        v0.4.0 writes a host name that is an address as a DNS name, which no client takes for that address.
        """
        bound = parse_address(self.address)
        assert bound is not None  # __post_init__
        addresses = [] if bound.is_unspecified else [bound]
        addresses += [address for name in self.hostnames if (address := parse_address(name)) is not None]
        dns = [name for name in self.hostnames if parse_address(name) is None]
        return AlternativeNames(tuple(dict.fromkeys(dns)), tuple(dict.fromkeys(addresses)))

    def url(self, port: int) -> str:
        """Where the API server asks. Raises ConfigError for a port that nobody can listen at."""
        if port not in range(1, 65536):
            raise ConfigError(f"{port} is no port", remedy="write a number from 1 to 65535")
        host = self.hostnames[0]
        return f"https://{f'[{host}]' if ':' in host else host}:{port}{WEBHOOK_PATH}"


def _check_hostname(name: str) -> None:
    if parse_address(name) is not None:
        return
    # A certificate has no name with a dot at its end.
    if not is_host_name(name) or name.endswith(".") or _NUMBER.match(name.rpartition(".")[2]):
        raise ConfigError(
            f"{shortened(name)!r} is neither a host name nor an IP address",
            remedy="write letters, digits, dashes and dots, as in localhost",
        )
