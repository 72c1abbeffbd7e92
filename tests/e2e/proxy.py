"""A load balancer on loopback in front of the API server, which breaks some of its connections."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Proxy", "proxy"]

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: (\d+)")
_NO_BACKEND = b"<html><head><title>502 Bad Gateway</title></head></html>"


@dataclass
class Proxy:
    """`breaks` is what it does to the next `times` connections, and from then on it passes everything on; `only` are
    the methods of HTTP that it does so to."""

    url: str
    breaks: str = ""
    times: int = 0
    only: tuple[str, ...] = ()
    broken: list[str] = field(default_factory=list)
    """The methods of the requests that were broken."""
    holds: str = ""
    """The next request that writes to such a path goes no further, until it is delivered."""
    held: list[bytes] = field(default_factory=list)
    deliver: Callable[[bytes], bytes] = bytes
    """Passes on what was held, and returns the answer."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def breaking(self, breaks: str, times: int, *only: str) -> None:
        """`handshake`: closes once TLS stands; `request`: once the request is there; `answer`: once the API server has
        done what it is asked; `piece`: within its answer; `reset`: as `request`, by a reset; `gateway`: says 502."""
        with self._lock:
            self.breaks, self.times, self.only, self.broken = breaks, times, only, []

    def takes(self, head: bytes, body: bytes) -> bool:
        """Whether the request is held."""
        method, path = head.decode().split(" ")[:2]
        is_held = bool(self.holds) and self.holds in path and "dryRun" not in path and method != "GET"
        if is_held:
            self.holds = ""
            self.held.append(_closing(head, body))
        return is_held

    def next_break(self, method: str) -> str:
        with self._lock:
            if not self.times or (self.only and method not in self.only):
                return ""
            if (self.breaks == "handshake") != (method == ""):
                return ""
            self.times -= 1
            self.broken.append(method)
            return self.breaks


@contextmanager
def proxy(server: str, directory: Path) -> Iterator[Proxy]:
    """`directory` has the certificates that the API server on loopback uses too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "apiserver.crt", directory / "apiserver.key")
    upstream = ssl.create_default_context(cafile=str(directory / "kubernetes.pem"))
    upstream.load_cert_chain(directory / "admin.crt", directory / "admin.key")  # the client's own ends here
    target = (urlsplit(server).hostname or "", urlsplit(server).port or 443)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = Proxy(f"https://127.0.0.1:{listener.getsockname()[1]}")

        def deliver(request: bytes) -> bytes:
            with upstream.wrap_socket(socket.create_connection(target), server_hostname=target[0]) as api:
                api.sendall(request)
                return b"".join(iter(lambda: api.recv(65536), b""))

        found.deliver = deliver

        def accept() -> None:
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as client:
                if not found.next_break(""):
                    _serve(found, client)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(found: Proxy, client: ssl.SSLSocket) -> None:
    """One request: every answer says that the connection ends with it."""
    head, body = _request(client)
    if not head:
        return
    if found.takes(head, body):
        client.recv(1)  # until the client gives up
        return
    breaks = found.next_break(head.split(b" ", 1)[0].decode())
    if breaks == "gateway":
        length = f"Content-Length: {len(_NO_BACKEND)}\r\nConnection: close\r\n\r\n".encode()
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n" + length + _NO_BACKEND)
    elif breaks == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if breaks in ("gateway", "reset", "request"):
        return
    answer = found.deliver(_closing(head, body))
    client.sendall(answer[: {"answer": 0, "piece": len(answer) // 2}.get(breaks, len(answer))])
    with contextlib.suppress(OSError):
        client.unwrap()


def _closing(head: bytes, body: bytes) -> bytes:
    return head + b"\r\nConnection: close\r\n\r\n" + body


def _request(client: ssl.SSLSocket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return b"", b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    while length is not None and len(body) < int(length[1]):
        body += client.recv(65536)
    return head, body
