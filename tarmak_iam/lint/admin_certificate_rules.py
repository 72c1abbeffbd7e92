"""Rules about the way back: the admin certificate in Tarmak's own kubeconfig, which needs no authenticator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

from tarmak_iam.admin_access import AdminAccess, AdminState
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.identity.groups import ADMINS
from tarmak_iam.installation import Installation
from tarmak_iam.lint.rule import Rule, Scope

__all__ = ["ADMIN_CERTIFICATE_RULES", "EXPIRES_WITHIN"]

EXPIRES_WITHIN = timedelta(days=30)

_UNUSABLE = frozenset(AdminState) - {AdminState.MISSING, AdminState.NOT_EXAMINED, AdminState.VALID}

Problem = tuple[str, str]
"""What is wrong, and what to do about it."""


def _missing(access: AdminAccess, _: datetime) -> Problem | None:
    """Not in a directory that Tarmak has reached no instance from, such as a checkout in CI, or before the first
    apply: whoever works there has no use for a kubeconfig."""
    if access.has_known_hosts and not _has_credentials(access):
        return f"{access.what}, and Tarmak has reached the cluster from here", access.remedy
    return None


def _unusable(access: AdminAccess, _: datetime) -> Problem | None:
    return (access.what, access.remedy) if access.state in _UNUSABLE and _has_credentials(access) else None


def _expires_soon(access: AdminAccess, now: datetime) -> Problem | None:
    if access.state is not AdminState.VALID or access.not_after is None or access.not_after - now >= EXPIRES_WITHIN:
        return None
    when = _from_now((access.not_after - now).days)
    return f"the admin certificate in {access.path} expires on {access.not_after:%Y-%m-%d}, {when}", access.replacement


def _not_admin(access: AdminAccess, _: datetime) -> Problem | None:
    if access.state is not AdminState.VALID or access.is_admin:
        return None
    return f"the admin certificate in {access.path} is not in {ADMINS}", access.replacement


def _from_now(days: int) -> str:
    return "in less than a day" if not days else f"in {days} day{'s' if days > 1 else ''}"


def _has_credentials(access: AdminAccess) -> bool:
    """A kubeconfig without any is one from which they were taken out, to be shared."""
    return access.state is not AdminState.MISSING and access.has_credentials


def _about(
    problem: Callable[[AdminAccess, datetime], Problem | None],
) -> Callable[[Rule, Installation], Iterator[Finding]]:
    """The check for one problem, at the cluster in tarmak.yaml: Tarmak would drop a comment in the kubeconfig."""

    def check(rule: Rule, installation: Installation) -> Iterator[Finding]:
        now = installation.now or datetime.now(timezone.utc)
        found = None if installation.is_hub else problem(installation.admin_access, now)
        if found is not None:
            yield rule.finding(Subject.CONFIG, installation.cluster.route, *found)

    return check


ADMIN_CERTIFICATE_RULES = (
    Rule("IAM110", Severity.WARNING, Scope.INSTALLATION, "no admin certificate", _about(_missing)),
    Rule("IAM111", Severity.ERROR, Scope.INSTALLATION, "an admin certificate that lets nobody in", _about(_unusable)),
    Rule(
        "IAM112", Severity.WARNING, Scope.INSTALLATION, "an admin certificate that expires soon", _about(_expires_soon)
    ),
    Rule("IAM113", Severity.WARNING, Scope.INSTALLATION, "an admin certificate of no admin", _about(_not_admin)),
)
