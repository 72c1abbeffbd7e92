"""Who a token's owner is to the API server: what the authenticator says that runs in the cluster."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.objects import Ref
from tests.docs.stand_ins.cloud import OWN_KEY, OWN_SECRET, Cloud, LiveCluster

if TYPE_CHECKING:
    from tarmak_iam.token.inspection import Presigned

__all__ = ["User", "review"]

_POST = 'Post "https://localhost:21362/authenticate?timeout=30s": dial tcp 127.0.0.1:21362: connect: connection refused'
_INVALID = "invalid bearer token"


class User(NamedTuple):
    name: str
    groups: tuple[str, ...]
    extra: Any = None
    uid: str = ""

    @property
    def info(self) -> dict[str, Any]:
        more = {"uid": self.uid, "extra": self.extra} if self.extra else {}
        return {"username": self.name, "groups": [*self.groups, "system:authenticated"], **more}


def review(cluster: LiveCluster, token: str) -> User | str:
    """Who it is, or the API server's error."""
    # Late, for they take half of kubectl's time, and the admin needs none of it.
    from tarmak_iam.hook.cluster.live_mappings import LiveMappings
    from tarmak_iam.token.inspection import Presigned

    objects = list(cluster.objects.values())
    daemon = Ref("apps/v1", "DaemonSet", "kube-system", "aws-iam-authenticator").among(objects)
    if not cluster.asks_webhook:
        return f"[{_INVALID}]"
    if daemon is None:
        return f"[{_INVALID}, {_POST}]"
    try:
        presigned = Presigned.parse(token)
    except TarmakIamError:
        return f"[{_INVALID}, <nil>]"
    caller = Cloud.here().caller(presigned.scope[0]) if _is_signed(presigned, cluster.name) else None
    live = LiveMappings(daemon, tuple(each for each in objects if each["kind"] in ("ConfigMap", "IAMIdentityMapping")))
    made = SimpleNamespace(cluster_id=cluster.name, daemon_version="v0.6.20")
    answer = live.authenticator(cast(Any, made)).whois(caller) if caller is not None else None
    if answer is not None and not answer.started:
        return f"[{_INVALID}, {_POST}]"
    if answer is None or not answer.authenticated:
        return f"[{_INVALID}, <nil>]"
    extra = {key: list(values) for key, values in (answer.extra or {}).items()}
    return User(answer.username or "", tuple(answer.groups or ()), extra, answer.uid or "")


def _is_signed(token: Presigned, cluster_id: str) -> bool:
    """By the caller's secret, as AWS checks it."""
    from tarmak_iam.token.credentials import Credentials
    from tarmak_iam.token.make import presign

    key, _, region = token.scope[:3]
    made = datetime.strptime(token.value("x-amz-date"), "%Y%m%dT%H%M%SZ")
    secret, session = (OWN_SECRET, "") if key == OWN_KEY else ("secret", "session")
    again = presign(Credentials(key, secret, session), token.host, region, cluster_id, made)
    return again.endswith(f"&X-Amz-Signature={token.value('x-amz-signature')}")
