"""A review as JSON. schemas/report.json is generated from `KEYS` and the types: tests/docs/report_schema.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from operator import attrgetter
from typing import Any

from tarmak_iam.access.diff import Effect, effect_json
from tarmak_iam.aws.trust_policy import Fact, Trust, TrustedPrincipal
from tarmak_iam.errors import place_json
from tarmak_iam.hook.cluster.objects import Ref
from tarmak_iam.installation.admin_kubeconfig import AdminAccess
from tarmak_iam.report.model import (
    AccessCell,
    AuditLog,
    ClusterReview,
    ClusterStatus,
    GitRevision,
    IneffectiveEntry,
    LastChange,
    Logins,
    MappedIdentity,
    Review,
    ReviewedFinding,
    ReviewedPrincipal,
    SourceFile,
    UnexplainedUser,
)
from tarmak_iam.report.rbac import BindingRights, PolicyRule
from tarmak_iam.report.text_format import ReviewSummary, summarize

KEYS: Mapping[type, str] = {
    GitRevision: "commit date changedFiles=changed",
    ReviewSummary: "clusters principals admins ineffective errors warnings suppressed",
    ReviewedFinding: "id severity *place message remedy ignored",
    LastChange: "state commit? author? date? summary? reason=unknown?",
    MappedIdentity: "username groups *place",
    ClusterReview: "cluster *place error? *status files principals ineffective=ineffective_entries findings notes "
    "auditLog=audit_log+",
    ClusterStatus: "type awsIAMAuthenticatorInit=authenticator_init kubernetesVersion=kubernetes_version "
    "daemonVersion=daemon_version image backends webhookFile=webhook_file loginObstacles=login_obstacles recovery "
    "adminCertificate=admin",
    AdminAccess: "path state examined=is_examined notBefore=not_before notAfter=not_after commonName=common_name? "
    "organizations inSystemMasters=is_admin signedByCA=is_signed_by_ca givesAccess=gives_access lastLogin=last_login+",
    SourceFile: "file=path sha256 lastChange=change",
    ReviewedPrincipal: "kind principal *identity backend privilege because alternatives mayGetNothing=may_get_nothing+ "
    "findings lastChange=change rights logins+ trust+",
    Trust: "file=source? principals sessionName=session_name mfa externalID=external_id notEvaluated=not_evaluated",
    TrustedPrincipal: "type principal reach",
    Fact: "state reason?",
    Logins: "requests first? last? shared=is_shared",
    UnexplainedUser: "username arn? logins",
    AuditLog: "files first? last? events unexplained unreadable unreadableAt=unreadable_at? leftOut=left_out problems",
    IneffectiveEntry: "kind principal *identity reason findings lastChange=change",
    AccessCell: "*identity privilege named=is_named",
    BindingRights: "subjectKind=subject.kind subject=subject.name binding role namespace? everything=is_everything "
    "privilege risks notes rules",
    PolicyRule: "verbs apiGroups=groups resources names urls",
    Ref: "kind namespace? name",
}
"""The keys of each object, and the attributes with other names. `*`: its keys are part of the object, none of them if
it is None. `?`: an empty text is null. `+`: only if it is true."""


def review_json(review: Review) -> dict[str, Any]:
    """Plain values as in schemas/report.json. Principals are in the order of the authenticator."""
    names = [cluster.cluster for cluster in review.clusters]
    return {
        "file": str(review.config),
        "date": review.date or None,
        "revision": plain(review.revision),
        "history": review.history or None,
        "complete": not review.failed,
        "summary": plain(summarize(review)),
        "findings": plain(review.findings),
        "clusters": [{**plain(cluster), "live": _live(cluster)} for cluster in review.clusters],
        "principals": [
            {
                "kind": row.kind,
                "principal": row.principal,
                "clusters": {name: plain(cell) for name, cell in zip(names, row.cells, strict=True) if cell},
            }
            for row in review.rows
        ],
    }


def _live(cluster: ClusterReview) -> dict[str, Any] | None:
    """What was read from the cluster; None if it was not queried."""
    keys = {"error": cluster.live_error or None, "effects": cluster.differences, "unboundGroups": cluster.unbound}
    return plain({**keys, "everyone": cluster.everyone}) if cluster.live else None


def keys_of(kind: type) -> Iterator[tuple[str, str, str]]:
    """Key, attribute and mark of each key of an object."""
    for word in KEYS[kind].split():
        mark = next((mark for mark in "*?+" if mark in word), "")
        key, _, attribute = word.strip("*?+").partition("=")
        yield key, attribute or key, mark


def plain(value: Any) -> Any:
    """A value of a review, with the keys of `KEYS`."""
    if isinstance(value, Effect):
        return effect_json(value)
    if type(value) in KEYS:
        return dict(_members(value))
    if isinstance(value, (tuple, list)):
        return [plain(member) for member in value]
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, datetime):
        return f"{value.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    return value if value is None or isinstance(value, (bool, int)) else str(value)


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    for key, attribute, mark in keys_of(type(value)):
        member = attrgetter(attribute)(value)
        if attribute == "place":
            yield from place_json(member).items()
        elif mark == "*":
            yield from () if member is None else _members(member)
        elif member or mark != "+":
            yield key, None if mark == "?" and not member else plain(member)
