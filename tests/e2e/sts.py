"""STS on loopback: it checks the signature of a presigned GetCallerIdentity, and says who signed it.

The daemon finds it through HTTPS_PROXY, a CONNECT proxy that leads every host to it, and SSL_CERT_FILE.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, urlsplit

from tests.e2e.certificates import Pair

__all__ = ["Principal", "StsRun", "sts_on_loopback"]


@dataclass(frozen=True)
class Principal:
    """Who signs with an access key: what STS says of them."""

    access_key_id: str
    arn: str
    user_id: str
    secret: str = "secret"

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret}


@dataclass(frozen=True)
class StsRun:
    proxy: str
    """What HTTPS_PROXY is set to."""
    asked: list[str]
    """The ARNs that were told, in order."""


@contextmanager
def sts_on_loopback(pair: Pair, principals: Mapping[str, Principal]) -> Iterator[StsRun]:
    """`principals`: by access key id; it may change while this runs."""
    asked: list[str] = []

    class Sts(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            who = _signer(self.path, self.headers.items(), principals)
            if who is None:
                self._answer(403, {"Error": {"Code": "SignatureDoesNotMatch"}})
                return
            asked.append(who.arn)
            result = {"Account": who.account, "Arn": who.arn, "UserId": who.user_id}
            self._answer(200, {"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}})

        def _answer(self, status: int, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sts)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with _serving(server), _proxy_to(server.server_address[1]) as port:
        yield StsRun(f"http://127.0.0.1:{port}", asked)


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


def _signer(target: str, headers: object, principals: Mapping[str, Principal]) -> Principal | None:
    """Who signed the request, None where the signature is nobody's: Signature Version 4 as AWS documents it."""
    given = {name.lower(): value for name, value in dict(headers).items()}  # type: ignore[call-overload]  # pairs
    parameters = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    signature = parameters.pop("X-Amz-Signature", "")
    key_id, _, scope = parameters.get("X-Amz-Credential", "").partition("/")
    who = principals.get(key_id)
    if who is None or parameters.get("Action") != "GetCallerIdentity":
        return None
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(parameters[name], safe='-_.~')}" for name in sorted(parameters)
    )
    signed = parameters["X-Amz-SignedHeaders"]
    lines = "".join(f"{name}:{given.get(name, '').strip()}\n" for name in signed.split(";"))
    request = "\n".join(("GET", "/", query, lines, signed, hashlib.sha256(b"").hexdigest()))
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", parameters["X-Amz-Date"], scope, digest))
    key = f"AWS4{who.secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return who if hmac.compare_digest(key.hex(), signature) else None
