"""STS on loopback: it judges a presigned GetCallerIdentity as AWS does, and says who signed it.

The daemon finds it through HTTPS_PROXY, a CONNECT proxy that leads every host to it, and SSL_CERT_FILE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from tests.e2e.sts_judgement import Principal, Refusal, judged
from tests.support.certificates import Pair
from tests.support.servers import Handler, proxied

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

    class Sts(Handler):
        def do_GET(self) -> None:
            found = judged(self.path, dict(self.headers.items()), principals, datetime.now(timezone.utc) + run.ahead)
            if isinstance(found, Refusal):
                run.refused.append(found.code)
                error = {"Code": found.code, "Message": found.message, "Type": "Sender"}
                self.answer({"Error": error, "RequestId": "0"}, found.status)
                return
            run.asked.append(found.arn)
            result = {"Account": found.account, "Arn": found.arn, "UserId": found.user_id}
            self.answer({"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}})

        def date_time_string(self, timestamp: float | None = None) -> str:
            """For the header Date."""
            now = (datetime.now(timezone.utc) + run.ahead).timestamp()
            return super().date_time_string(now if timestamp is None else timestamp)

    context = pair.context
    with proxied(Sts, lambda _: context) as run.proxy:
        yield run
