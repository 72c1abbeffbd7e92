"""verify where another program answers in the daemon's place: for everybody, with the admin's identity."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.e2e.conftest import ON_BOTH, PRINCIPALS, Stage
from tests.e2e.test_live import ADMIN, verified

pytestmark = ON_BOTH
WHO = PRINCIPALS["admin"]
USER = {
    "username": "admin:ann-example.com",
    "groups": ["system:masters"],
    "uid": f"aws-iam-authenticator:{WHO.account}:{WHO.user_id.partition(':')[0]}",
    "extra": {"arn": [WHO.arn], "accessKeyId": [WHO.access_key_id], "sessionName": ["ann-example.com"]},
}


class _Impostor(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({**asked, "status": {"authenticated": True, "user": USER}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def impostor(stage: Stage) -> Iterator[None]:
    """With the daemon's certificate, where the API server asks the daemon."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(stage.home.state / "cert.pem", stage.home.state / "key.pem")
    with ThreadingHTTPServer(("127.0.0.1", stage.home.port), _Impostor) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("caller", "more", "why"),
    [
        ("admin", {}, "it also accepts the same token with a wrong signature"),
        ("unmapped", {}, "it also accepts the same token with a wrong signature"),
        ("admin", {"AWS_SECRET_ACCESS_KEY": "another one"}, "AWS rejects this token: the signature is wrong"),
        ("expired", {}, "AWS rejects this token: the AWS credentials have expired"),
    ],
)
def test_nobody_is_verified(stage: Stage, caller: str, more: dict[str, str], why: str) -> None:
    stage.home.map(ADMIN)
    with impostor(stage):
        found = verified(stage, caller, code=1, **more)
    assert found["outcome"] == "failed"
    assert why in " ".join(found["account"])
    is_known = not more and caller != "expired"
    assert found["caller"] == (PRINCIPALS[caller].arn if is_known else None)
