"""An STS on loopback that knows the callers of a session and lets everybody assume every role.

Who asks STS by its real name comes through the same server as a proxy, which shows certificates of its own making.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from ssl import SSLContext
from urllib.parse import parse_qs, urlsplit

from tarmak_iam import Identity
from tarmak_iam.aws.arn import canonicalize
from tests.docs.stand_ins.cloud import ISSUER, OWN_KEY, Cloud
from tests.support.certificates import Authority
from tests.support.servers import Handler, proxied
from tests.support.sts import ASSUMED_RESPONSE, CALLER_RESPONSE, JWT_RESPONSE, REFUSED_RESPONSE

__all__ = ["sts_for"]

_KEY = re.compile(r"Credential=([A-Z0-9]+)/")
_INVALID = {"code": "InvalidClientTokenId", "message": "The security token included in the request is invalid."}


def _web_token(caller: Identity, audience: str) -> str:
    """With the claims that AWS documents, and the path of the role Developer; nobody checks its signature."""
    subject = canonicalize(caller.arn)[1].replace(":role/Developer", ":role/team/Developer")
    claims = {"iss": ISSUER, "aud": audience, "sub": subject, "iat": 1790000000, "exp": 1790000300, "jti": "b3a1f0c2"}
    claims["https://sts.amazonaws.com/"] = {"aws_account": caller.account, "source_region": "eu-west-1"}
    parts: tuple[object, ...] = ({"alg": "RS256", "kid": "RSA_0", "typ": "JWT"}, claims, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


@contextmanager
def sts_for(root: Path) -> Iterator[str]:
    """Its URL. The certificate to trust is `ca.pem` in `root`."""
    cloud, authority = Cloud(root), Authority(root, "ca")

    class Sts(Handler):
        def do_POST(self) -> None:
            call = {name: values[0] for name, values in parse_qs(self.body).items()}
            key = _KEY.search(self.headers.get("Authorization", ""))
            caller = cloud.caller(key[1] if key else OWN_KEY)
            if caller is None:
                self.answer(REFUSED_RESPONSE.format(**_INVALID), 403, "text/xml")
            elif call["Action"] == "AssumeRole":
                made = cloud.assume(call["RoleArn"], call["RoleSessionName"])
                session = {"key": made.access_key_id, "secret": "secret", "token": "session"}
                self.answer(ASSUMED_RESPONSE.format(arn=made.arn, user_id=made.user_id, **session), media="text/xml")
            elif call["Action"] == "GetWebIdentityToken":
                self.answer(JWT_RESPONSE.format(token=_web_token(caller, call["Audience.member.1"])), media="text/xml")
            else:
                who = {"arn": caller.arn, "user_id": caller.user_id, "account": caller.account}
                self.answer(CALLER_RESPONSE.format(**who), media="text/xml")

        def do_GET(self) -> None:
            """A token's own request."""
            caller = cloud.caller(parse_qs(urlsplit(self.path).query)["X-Amz-Credential"][0].partition("/")[0])
            if caller is None:
                error = {"Type": "Sender", "Code": _INVALID["code"], "Message": "The security token is invalid."}
                self.answer({"Error": error}, 403)
            else:
                who = {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account}
                self.answer({"GetCallerIdentityResponse": {"GetCallerIdentityResult": who}})

    def context_of(host: str) -> SSLContext | None:
        return authority.server(host, host).context if host.startswith("sts.") else None

    with proxied(Sts, context_of) as url:
        yield url
