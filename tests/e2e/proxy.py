"""A load balancer on loopback in front of the API server, which breaks some of its connections."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from tests.support.certificates import Pair
from tests.support.servers import serving

__all__ = ["Proxy", "proxy"]


@dataclass
class Proxy:
    """`directory` has the certificates that the API server on loopback uses too."""

    server: str
    directory: Path
    url: str = ""
    breaks: str = ""
    """What it does to the next `times` connections, and from then on it passes everything on."""
    times: int = 0
    only: tuple[str, ...] = ()
    """The methods of HTTP that it does so to."""
    broken: list[str] = field(default_factory=list)
    """The methods of the requests that were broken."""
    holds: str = ""
    """The next request that writes to such a path goes no further, until it is delivered."""
    held: list[bytes] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def breaking(self, breaks: str, times: int, *only: str) -> None:
        """`handshake`: closes once TLS stands; `request`: once the request is there; `answer`: once the API server has
        done what it is asked; `piece`: within its answer; `reset`: as `request`, by a reset; `gateway`: says 502."""
        with self.lock:
            self.breaks, self.times, self.only, self.broken = breaks, times, only, []

    def next_break(self, method: str) -> str:
        with self.lock:
            is_now = (self.breaks == "handshake") == (method == "") and (not self.only or method in self.only)
            if not self.times or not is_now:
                return ""
            self.times -= 1
            self.broken.append(method)
            return self.breaks

    def is_held(self, method: str, path: str, request: bytes) -> bool:
        is_held = bool(self.holds) and self.holds in path and "dryRun" not in path and method != "GET"
        if is_held:
            self.holds = ""
            self.held.append(request)
        return is_held

    def deliver(self, request: bytes) -> bytes:
        """Passes it on as the admin, since the client's own certificate ends here, and returns the answer."""
        context = ssl.create_default_context(cafile=str(self.directory / "kubernetes.pem"))
        context.load_cert_chain(self.directory / "admin.crt", self.directory / "admin.key")
        host, port = urlsplit(self.server).hostname or "", urlsplit(self.server).port
        with context.wrap_socket(socket.create_connection((host, port)), server_hostname=host) as api:
            api.sendall(request)
            return b"".join(iter(lambda: api.recv(65536), b""))


@contextmanager
def proxy(server: str, directory: Path) -> Iterator[Proxy]:
    made = Proxy(server, directory)

    class Balancer(BaseHTTPRequestHandler):
        """One request: every answer says that the connection ends with it."""

        def handle(self) -> None:
            with suppress(OSError):
                if not made.next_break(""):
                    self.handle_one_request()

        def forward(self) -> None:
            del self.headers["Connection"]
            self.headers["Connection"] = "close"
            head = b"".join(f"{name}: {value}\r\n".encode() for name, value in self.headers.items())
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = f"{self.requestline}\r\n".encode() + head + b"\r\n" + body
            if made.is_held(self.command, self.path, request):
                self.connection.recv(1)  # until the client gives up
                return
            breaks = made.next_break(self.command)
            if breaks == "gateway":
                self.send_error(502)
            elif breaks == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if breaks in ("gateway", "reset", "request"):
                return
            answer = made.deliver(request)
            self.wfile.write(answer[: {"answer": 0, "piece": len(answer) // 2}.get(breaks, len(answer))])

        do_DELETE = do_GET = do_PATCH = do_POST = do_PUT = forward

    with serving(Balancer, Pair(directory / "apiserver.crt", directory / "apiserver.key").context) as made.url:
        yield made
