"""EC2 on loopback, as far as tarmak's wizards ask it: one region with its zones. Whatever else is asked is denied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

from tests.support.certificates import Pair
from tests.support.servers import Handler, proxied

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

    class Ec2(Handler):
        def do_POST(self) -> None:
            (action,) = parse_qs(self.body)["Action"]
            known = _ANSWERS.get(action)
            text = f"<{action}Response {_NAMESPACE}>{known}</{action}Response>" if known else _DENIED
            self.answer(text, 200 if known else 403, "text/xml")

    context = pair.context
    with proxied(Ec2, lambda _: context) as proxy:
        yield proxy
