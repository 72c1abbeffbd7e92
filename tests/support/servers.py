"""Servers on loopback that last as long as the test that asks them, also in the place of hosts on the internet."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from ssl import SSLContext
from typing import Any, cast

__all__ = ["Handler", "proxied", "serving"]


class Handler(BaseHTTPRequestHandler):
    """Says nothing about each request."""

    @property
    def body(self) -> str:
        """Of the request; it is read once."""
        return self.rfile.read(int(self.headers["Content-Length"])).decode()

    def answer(self, body: Any, status: int = 200, media: str = "application/json") -> None:
        """A text as it is, all else as JSON."""
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], tls: SSLContext | None = None, port: int = 0) -> Iterator[str]:
    """The address of a server whose requests the handler answers, without a line about each of them."""

    class Quiet(handler):  # type: ignore[valid-type, misc]  # a base that is known only here
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Quiet) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def proxied(handler: type[Handler], context_of: Callable[[str], SSLContext | None]) -> Iterator[str]:
    """As `serving`; and what HTTPS_PROXY may be set to: who asks for a host that has a context gets to the handler, and
    who asks for another host gets nowhere."""

    class Proxy(handler):  # type: ignore[valid-type, misc]
        def do_CONNECT(self) -> None:
            context = context_of(self.path.partition(":")[0])
            if context is None:
                self.send_error(403, "this leads nowhere")
                return
            self.send_response(200)
            self.end_headers()
            with context.wrap_socket(self.connection, server_side=True) as wrapped:
                self.rfile = cast(BufferedIOBase, wrapped.makefile("rb"))
                self.wfile = cast(BufferedIOBase, wrapped.makefile("wb"))
                self.handle_one_request()
                self.wfile.flush()
            self.close_connection = True

    with serving(Proxy) as url:
        yield url
