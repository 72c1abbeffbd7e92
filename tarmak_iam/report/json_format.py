"""A review as JSON, in the form that schemas/report.json describes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import Any

from tarmak_iam.access.diff import effect_json
from tarmak_iam.errors import place_json
from tarmak_iam.hook.cluster.objects import Ref
from tarmak_iam.installation.admin_kubeconfig import AdminAccess
from tarmak_iam.report.model import (
    AccessCell,
    AccessReview,
    AccessRow,
    ClusterReview,
    ClusterStatus,
    IneffectiveEntry,
    LastChange,
    MappedIdentity,
    ReviewedFinding,
    ReviewedPrincipal,
    SourceFile,
)
from tarmak_iam.report.rbac import BindingRights, PolicyRule
from tarmak_iam.report.summary import ReviewSummary, summarize


def review_json(review: AccessReview) -> dict[str, Any]:
    """The review as plain values, in the form that schemas/report.json describes. Principals are in the order in which
    the authenticator tries its entries."""
    names = [each.cluster for each in review.clusters]
    return {
        "file": str(review.config),
        "date": review.date or None,
        "revision": review.revision
        and {
            "commit": review.revision.commit,
            "date": review.revision.date,
            "changedFiles": [str(path) for path in review.revision.changed],
        },
        "history": review.history or None,
        "complete": not review.failed,
        "summary": _summary(summarize(review)),
        "findings": _listed(_noted, review.findings),
        "clusters": _listed(_cluster, review.clusters),
        "principals": [_row(each, names) for each in review.rows],
    }


def _summary(summary: ReviewSummary) -> dict[str, int]:
    return {
        "clusters": summary.clusters,
        "principals": summary.principals,
        "admins": summary.admins,
        "ineffective": summary.ineffective,
        "errors": summary.errors,
        "warnings": summary.warnings,
        "suppressed": summary.suppressed,
    }


def _listed(shown: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
    return [shown(each) for each in values]


def _cluster(cluster: ClusterReview) -> dict[str, Any]:
    return {
        "cluster": cluster.cluster,
        **place_json(cluster.place),
        "error": cluster.error or None,
        **(_status(cluster.status) if cluster.status else {}),
        "files": _listed(_file, cluster.files),
        "principals": _listed(_principal, cluster.principals),
        "ineffective": _listed(_ineffective, cluster.ineffective_entries),
        "findings": _listed(_noted, cluster.findings),
        "notes": list(cluster.notes),
        "live": _live(cluster) if cluster.live else None,
    }


def _status(status: ClusterStatus) -> dict[str, Any]:
    return {
        "type": status.type,
        "awsIAMAuthenticatorInit": status.authenticator_init,
        "kubernetesVersion": status.kubernetes_version,
        "daemonVersion": status.daemon_version,
        "image": status.image,
        "backends": list(status.backends),
        "webhookFile": status.webhook_file,
        "loginObstacles": list(status.login_obstacles),
        "recovery": status.recovery,
        "adminCertificate": _admin(status.admin) if status.admin else None,
    }


def _admin(admin: AdminAccess) -> dict[str, Any]:
    return {
        "path": str(admin.path) if admin.path else None,
        "state": str(admin.state),
        "examined": admin.is_examined,
        "notBefore": _time(admin.not_before),
        "notAfter": _time(admin.not_after),
        "commonName": admin.common_name or None,
        "organizations": list(admin.organizations),
        "inSystemMasters": admin.is_admin,
        "signedByCA": admin.is_signed_by_ca,
        "givesAccess": admin.gives_access,
    }


def _time(time: datetime | None) -> str | None:
    return None if time is None else f"{time.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _live(cluster: ClusterReview) -> dict[str, Any]:
    return {
        "error": cluster.live_error or None,
        "effects": None if cluster.differences is None else _listed(effect_json, cluster.differences),
        "unboundGroups": list(cluster.unbound),
        "everyone": _listed(_right, cluster.everyone),
    }


def _principal(one: ReviewedPrincipal) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "principal": one.principal,
        **_identity(one.identity),
        "backend": one.backend,
        "privilege": str(one.privilege),
        "because": list(one.because),
        "alternatives": _listed(_identity, one.alternatives),
        **({"mayGetNothing": True} if one.may_get_nothing else {}),
        "findings": _listed(_noted, one.findings),
        "lastChange": _change(one.change),
        "rights": None if one.rights is None else _listed(_right, one.rights),
    }


def _ineffective(one: IneffectiveEntry) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "principal": one.principal,
        **_identity(one.identity),
        "reason": one.reason,
        "findings": _listed(_noted, one.findings),
        "lastChange": _change(one.change),
    }


def _row(row: AccessRow, names: list[str]) -> dict[str, Any]:
    cells = {name: _cell(cell) for name, cell in zip(names, row.cells, strict=True) if cell is not None}
    return {"kind": row.kind, "principal": row.principal, "clusters": cells}


def _cell(cell: AccessCell) -> dict[str, Any]:
    return {**_identity(cell.identity), "privilege": str(cell.privilege), "named": cell.is_named}


def _identity(identity: MappedIdentity) -> dict[str, Any]:
    return {"username": identity.username, "groups": list(identity.groups), **place_json(identity.place)}


def _noted(noted: ReviewedFinding) -> dict[str, Any]:
    return {
        "id": noted.id,
        "severity": str(noted.severity),
        **place_json(noted.place),
        "message": noted.message,
        "remedy": noted.remedy,
        "ignored": noted.ignored,
    }


def _file(file: SourceFile) -> dict[str, Any]:
    return {"file": str(file.path), "sha256": file.sha256, "lastChange": _change(file.change)}


def _change(change: LastChange | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {
        "state": change.state,
        "commit": change.commit or None,
        "author": change.author or None,
        "date": change.date or None,
        "summary": change.summary or None,
        "reason": change.unknown or None,
    }


def _right(right: BindingRights) -> dict[str, Any]:
    return {
        "subjectKind": right.subject[0],
        "subject": right.subject[1],
        "binding": _ref(right.binding),
        "role": _ref(right.role),
        "namespace": right.namespace or None,
        "everything": right.is_everything,
        "privilege": str(right.privilege),
        "risks": list(right.risks),
        "notes": list(right.notes),
        "rules": None if right.rules is None else _listed(_rule, right.rules),
    }


def _ref(ref: Ref) -> dict[str, Any]:
    return {"kind": ref.kind, "namespace": ref.namespace or None, "name": ref.name}


def _rule(rule: PolicyRule) -> dict[str, Any]:
    return {
        "verbs": list(rule.verbs),
        "apiGroups": list(rule.groups),
        "resources": list(rule.resources),
        "names": list(rule.names),
        "urls": list(rule.urls),
    }
