"""EC2 on loopback, as far as tarmak's wizards ask it: one region with its zones. Whatever else is asked is denied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

from tests.e2e.aws_proxy import https_behind_proxy
from tests.e2e.certificates import Pair

__all__ = ["HOSTS", "ec2_on_loopback"]

HOSTS = ("ec2.us-east-1.amazonaws.com", "ec2.eu-west-1.amazonaws.com")
_NAMESPACE = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
_ANSWERS = {
    "DescribeRegions": "<regionInfo><item><regionName>eu-west-1</regionName></item></regionInfo>",
    "DescribeAvailabilityZones": "<availabilityZoneInfo>"
    + "".join(
        f"<item><zoneName>eu-west-1{letter}</zoneName><regionName>eu-west-1</regionName></item>" for letter in "abc"
    )
    + "</availabilityZoneInfo>",
}
_DENIED = (
    "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>denied</Message></Error></Errors></Response>"
)


@contextmanager
def ec2_on_loopback(pair: Pair) -> Iterator[str]:
    """What HTTPS_PROXY is set to."""

    class Ec2(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            (action,) = asked["Action"]
            known = _ANSWERS.get(action)
            text = f"<{action}Response {_NAMESPACE}>{known}</{action}Response>" if known else _DENIED
            self.send_response(200 if known else 403)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with https_behind_proxy(pair, Ec2) as proxy:
        yield proxy
