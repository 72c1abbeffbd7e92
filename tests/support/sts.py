"""An STS on this machine, and tokens that are written literally."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

from tests.support.servers import Handler, serving

__all__ = ["JWT_RESPONSE", "FakeSts", "encode", "fake_sts", "url_of"]

ASSUMED_RESPONSE = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>{arn}</Arn>
<AssumedRoleId>{user_id}</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"""
CALLER_RESPONSE = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>{arn}</Arn><UserId>{user_id}</UserId><Account>{account}</Account></GetCallerIdentityResult>
</GetCallerIdentityResponse>"""
JWT_RESPONSE = """<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetWebIdentityTokenResult><WebIdentityToken>{token}</WebIdentityToken>
<Expiration>2099-01-01T00:05:00.123Z</Expiration></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"""
REFUSED_RESPONSE = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"""
_ROLE = {"key": "ASIAASSUMED000000001", "secret": "assumed-secret", "token": "assumed//session+token="}
ASSUMED = ASSUMED_RESPONSE.format(**_ROLE, arn="arn:aws:sts::444455556666:assumed-role/Target/s", user_id="AROAX:s")
CALLER = CALLER_RESPONSE.format(
    arn="arn:aws:sts::111122223333:assumed-role/Base/alice", user_id="AROABASE:alice", account="111122223333"
)


class FakeSts:
    """`calls`: the parameters of every request; `refuse`: answers everything with an error."""

    def __init__(self) -> None:
        self.calls: list[dict[str, str]] = []
        self.refusal: tuple[int, str] | None = None
        self.url = ""

    def refuse(self, code: str, message: str, status: int = 403) -> None:
        self.refusal = (status, REFUSED_RESPONSE.format(code=code, message=message))

    def answer(self, body: str) -> tuple[int, str]:
        call = {name: values[0] for name, values in parse_qs(body).items()}
        self.calls.append(call)
        answers = {"AssumeRole": ASSUMED, "GetWebIdentityToken": JWT_RESPONSE.format(token="head.payload.signature")}
        return self.refusal or (200, answers.get(call["Action"], CALLER))


@contextmanager
def fake_sts() -> Iterator[FakeSts]:
    sts = FakeSts()

    class Sts(Handler):
        def do_POST(self) -> None:
            status, text = sts.answer(self.body)
            self.answer(text, status, "text/xml")

    with serving(Sts) as sts.url:
        yield sts


def encode(url: str | bytes) -> str:
    """A token with this URL in it."""
    raw = url.encode() if isinstance(url, str) else url
    return "k8s-aws-v1." + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def url_of(token: str) -> str:
    body = token.removeprefix("k8s-aws-v1.")
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
