"""STS on loopback: it judges a presigned GetCallerIdentity as AWS does, and says who signed it.

The daemon finds it through HTTPS_PROXY, a CONNECT proxy that leads every host to it, and SSL_CERT_FILE.
"""

from __future__ import annotations

import json
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.e2e.certificates import Pair
from tests.e2e.sts_judgement import Principal, Refusal, judged

__all__ = ["Principal", "StsRun", "sts_on_loopback"]


@dataclass
class StsRun:
    proxy: str
    """What HTTPS_PROXY is set to."""
    asked: list[str] = field(default_factory=list)
    """The ARNs that were told, in order."""
    refused: list[str] = field(default_factory=list)
    """The codes of errors, in order."""
    ahead: timedelta = timedelta()

    @contextmanager
    def clock_ahead(self, **difference: float) -> Iterator[None]:
        """Within, AWS's clock differs from everybody else's: `minutes=20`, or what timedelta takes else."""
        self.ahead = timedelta(**difference)
        try:
            yield
        finally:
            self.ahead = timedelta()


@contextmanager
def sts_on_loopback(pair: Pair, principals: Mapping[str, Principal]) -> Iterator[StsRun]:
    """`principals`: by access key id; it may change while this runs."""
    run = StsRun("")

    class Sts(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = judged(self.path, dict(self.headers.items()), principals, datetime.now(timezone.utc) + run.ahead)
            if isinstance(found, Refusal):
                run.refused.append(found.code)
                error = {"Code": found.code, "Message": found.message, "Type": "Sender"}
                self._answer(found.status, {"Error": error, "RequestId": "0"})
                return
            run.asked.append(found.arn)
            result = {"Account": found.account, "Arn": found.arn, "UserId": found.user_id}
            self._answer(200, {"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}})

        def _answer(self, status: int, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            """For the header Date."""
            now = (datetime.now(timezone.utc) + run.ahead).timestamp()
            return super().date_time_string(now if timestamp is None else timestamp)

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sts)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with _serving(server), _proxy_to(server.server_address[1]) as port:
        run.proxy = f"http://127.0.0.1:{port}"
        yield run


@contextmanager
def _proxy_to(target: int) -> Iterator[int]:
    class Proxy(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            with socket.create_connection(("127.0.0.1", target)) as upstream:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(self.connection, upstream)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    with _serving(server):
        yield server.server_address[1]


def _relay(one: socket.socket, other: socket.socket) -> None:
    peers = {one: other, other: one}
    while True:
        for ready in select.select([one, other], [], [])[0]:
            try:
                data = ready.recv(65536)
            except OSError:
                return
            if not data:
                return
            peers[ready].sendall(data)


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
