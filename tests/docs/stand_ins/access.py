"""Who a token's owner is to an API server, and what its bindings let them do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.objects import Ref
from tests.docs.stand_ins.cloud import OWN_KEY, OWN_SECRET, Cloud, LiveCluster
from tests.docs.stand_ins.resources import Kind

if TYPE_CHECKING:
    from tarmak_iam.token.inspection import Presigned

__all__ = ["ADMIN", "User", "may", "review"]

_READ, _WRITE = ("get", "list", "watch"), ("create", "update", "patch", "delete", "deletecollection")
_POST = 'Post "https://localhost:21362/authenticate?timeout=30s": dial tcp 127.0.0.1:21362: connect: connection refused'
_INVALID = "invalid bearer token"


@dataclass(frozen=True)
class User:
    name: str
    groups: tuple[str, ...]
    extra: Any = None
    uid: str = ""

    @property
    def info(self) -> dict[str, Any]:
        more = {"uid": self.uid, "extra": self.extra} if self.extra else {}
        return {"username": self.name, "groups": [*self.groups, "system:authenticated"], **more}


ADMIN = User("admin", ("system:masters",))


def review(cluster: LiveCluster, token: str) -> User | str:
    """Who the daemon that runs in the cluster says it is, or the API server's error."""
    # Late, for they take half of kubectl's time, and the admin needs none of it.
    from tarmak_iam.hook.cluster.live_mappings import LiveMappings
    from tarmak_iam.token.inspection import Presigned

    objects = list(cluster.objects.objects.values())
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
    kinds = ("ConfigMap", "IAMIdentityMapping")
    live = LiveMappings(daemon, tuple(each for each in objects if each["kind"] in kinds))
    made = SimpleNamespace(cluster_id=cluster.name, daemon_version="v0.6.20")
    answer = live.authenticator(cast(Any, made)).whois(caller) if caller is not None else None
    if answer is not None and not answer.started:
        return f"[{_INVALID}, {_POST}]"
    if answer is None or not answer.authenticated:
        return f"[{_INVALID}, <nil>]"
    extra = {key: list(values) for key, values in (answer.extra or {}).items()}
    return User(answer.username or "", tuple(answer.groups or ()), extra, answer.uid or "")


def _is_signed(found: Presigned, cluster_id: str) -> bool:
    """By the caller's secret, as AWS checks it."""
    from tarmak_iam.token.credentials import Credentials
    from tarmak_iam.token.make import presign

    key, _, region = found.scope[:3]
    made = datetime.strptime(found.value("x-amz-date"), "%Y%m%dT%H%M%SZ")
    secret, session = (OWN_SECRET, "") if key == OWN_KEY else ("secret", "session")
    again = presign(Credentials(key, secret, session), found.host, region, cluster_id, made)
    return again.endswith(f"&X-Amz-Signature={found.value('x-amz-signature')}")


def may(user: User, verb: str, kind: Kind, namespace: str | None, cluster: LiveCluster) -> bool:
    if "system:masters" in user.groups:
        return True
    rules: list[dict[str, Any]] = []
    for each in list(cluster.objects.objects.values()):
        is_here = each["kind"] == "RoleBinding" and each["metadata"].get("namespace") == namespace
        if (each["kind"] == "ClusterRoleBinding" or is_here) and _is_bound(user, each):
            rules += _rules(each["roleRef"], namespace, cluster)
    return any(_allows(rule, verb, kind) for rule in rules)


def _is_bound(user: User, binding: dict[str, Any]) -> bool:
    names = {"User": {user.name}, "Group": {*user.groups, "system:authenticated"}}
    return any(each["name"] in names.get(each["kind"], ()) for each in binding.get("subjects") or ())


def _rules(ref: dict[str, Any], namespace: str | None, cluster: LiveCluster) -> list[dict[str, Any]]:
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    plain = {"apiGroups": ["", "apps"], "resources": ["configmaps", "pods", "services", "daemonsets", "deployments"]}
    built_in = {
        "cluster-admin": [everything],
        "admin": [
            {**plain, "verbs": ["*"]},
            {"apiGroups": ["*"], "resources": ["roles", "rolebindings"], "verbs": ["*"]},
        ],
        "edit": [{**plain, "verbs": [*_READ, *_WRITE]}],
        "view": [{**plain, "verbs": list(_READ)}],
    }
    if ref["kind"] == "ClusterRole" and ref["name"] in built_in:
        return built_in[ref["name"]]
    space = "" if ref["kind"] == "ClusterRole" else namespace or ""
    found = cluster.objects.objects.get((ref["kind"], space, ref["name"])) or {}
    return list(found.get("rules") or ())


def _allows(rule: dict[str, Any], verb: str, kind: Kind) -> bool:
    def has(key: str, value: str) -> bool:
        return bool({"*", value} & set(rule.get(key) or ()))

    return has("verbs", verb) and has("apiGroups", kind.group) and has("resources", kind.plural)
