"""An STS on loopback that knows the callers of a session and lets everybody assume every role.

Who asks STS by its real name comes through the same server as a proxy, which shows certificates of its own making; to
all other hosts it does not lead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

from tests.docs.stand_ins.certificates import Authority
from tests.docs.stand_ins.cloud import OWN_KEY, Cloud
from tests.support.servers import serving

__all__ = ["sts_for"]

_ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>{arn}</Arn>
<AssumedRoleId>{user_id}</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"""
_CALLER = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>{arn}</Arn><UserId>{user_id}</UserId><Account>{account}</Account></GetCallerIdentityResult>
</GetCallerIdentityResponse>"""
_REFUSED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error>
</ErrorResponse>"""
_KEY = re.compile(r"Credential=([A-Z0-9]+)/")


@contextmanager
def sts_for(root: Path) -> Iterator[str]:
    """Its URL. The certificate to trust is `ca.pem` in `root`."""
    cloud, authority = Cloud(root), Authority.make(root / "ca.pem")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            call = {name: values[0] for name, values in parse_qs(body).items()}
            key = _KEY.search(self.headers.get("Authorization", ""))
            self._answer(*_answer(cloud, call, key[1] if key else OWN_KEY))

        def do_CONNECT(self) -> None:
            host = self.path.partition(":")[0]
            if not host.startswith("sts."):
                self.send_error(403, "this leads nowhere")
                return
            self.send_response(200)
            self.end_headers()
            with authority.context(host).wrap_socket(self.connection, server_side=True) as wrapped:
                self.rfile = cast(BufferedIOBase, wrapped.makefile("rb"))
                self.wfile = cast(BufferedIOBase, wrapped.makefile("wb"))
                self.handle_one_request()
                self.wfile.flush()
            self.close_connection = True

        def do_GET(self) -> None:
            call = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            self._answer(*_presigned(cloud, call["X-Amz-Credential"].partition("/")[0]))

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

    with serving(Handler) as url:
        yield url


def _answer(cloud: Cloud, call: dict[str, str], key: str) -> tuple[int, str]:
    caller = cloud.caller(key)
    if caller is None:
        return 403, _REFUSED
    if call["Action"] == "AssumeRole":
        caller = cloud.assume(call["RoleArn"], call["RoleSessionName"])
        return 200, _ASSUMED.format(key=caller.access_key_id, arn=caller.arn, user_id=caller.user_id)
    return 200, _CALLER.format(arn=caller.arn, user_id=caller.user_id, account=caller.account)


def _presigned(cloud: Cloud, key: str) -> tuple[int, str]:
    caller = cloud.caller(key)
    if caller is None:
        error = {"Type": "Sender", "Code": "InvalidClientTokenId", "Message": "The security token is invalid."}
        return 403, json.dumps({"Error": error})
    found = {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account}
    return 200, json.dumps({"GetCallerIdentityResponse": {"GetCallerIdentityResult": found}})
