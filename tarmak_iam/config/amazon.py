"""The section `kubernetes.apiServer.amazon`: ELB access logs and `awsIAMAuthenticatorInit`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.sections import LateSection, Problem, Section, SectionRule
from tarmak_iam.config.tarmak_types import INTERVALS
from tarmak_iam.findings import Severity
from tarmak_iam.lazy_exports import lazy_exports
from tarmak_iam.text import quoted

if TYPE_CHECKING:
    from tarmak_iam.config.section_model import Amazon
else:
    __getattr__, _ = lazy_exports(__name__, {"tarmak_iam.config.section_model": "AccessLogs Amazon"})


INIT = "awsIAMAuthenticatorInit"
LOGS = ("publicELBAccessLogs", "internalELBAccessLogs")

# Every name that S3 accepts or once accepted: old buckets may have upper case and underscores.
_BUCKET = r"[A-Za-z0-9._-]*\Z"


def logs_of(amazon: Mapping[str, Any] | None) -> list[tuple[str, dict[str, Any]]]:
    """The blocks of access logs in the section's plain data, the public log first; without the keys that are null."""
    logs = [(name, (amazon or {}).get(name)) for name in LOGS]
    return [(name, {key: log[key] for key in log if log[key] is not None}) for name, log in logs if log is not None]


def used_logs(amazon: Mapping[str, Any] | None) -> list[tuple[str, dict[str, Any]]]:
    """The same with defaults, as SetDefaults_ClusterKubernetesAPIServerAmazonAccessLogs."""
    return [
        (name, log | {"enabled": log.get("enabled", bool(log.get("bucket"))), "interval": log.get("interval", 5)})
        for name, log in logs_of(amazon)
    ]


def problems_of(amazon: Mapping[str, Any] | None) -> Iterator[Problem]:
    """The part of Tarmak's validateAPIServer about this section; the public log first."""
    for name, log in used_logs(amazon):
        if log["enabled"] and not log.get("bucket"):
            remedy = f"set {name}.bucket, or enabled: false"
            yield Problem((name,), "access logs are enabled without a bucket", remedy)
        if log["enabled"] and log["interval"] not in INTERVALS:
            what = f"the interval of the access logs is {log['interval']}, but must be 5 or 60"
            yield Problem((name, "interval"), what, "write 5 or 60")


def _without_bucket(amazon: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Problem]:
    """Without a bucket `enabled` defaults to false, so a block with neither has no effect."""
    for name, log in logs_of(amazon):
        if "enabled" not in log and not log.get("bucket"):
            what = f"{name} has no bucket, so no access logs are written"
            yield Problem((name,), what, f"set {name}.bucket, or remove {name}")


def _unused_interval(amazon: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Problem]:
    """Tarmak checks the interval only if the logs are enabled."""
    for name, log in used_logs(amazon):
        if not log["enabled"] and log["interval"] not in INTERVALS:
            what = f"the interval of the access logs is {log['interval']}, which Tarmak rejects once they are enabled"
            yield Problem((name, "interval"), what, "write 5 or 60")


def _public_log_of_private_api(amazon: Mapping[str, Any], cluster: Mapping[str, Any]) -> Iterator[Problem]:
    logs, api_server = dict(used_logs(amazon)), (cluster.get("kubernetes") or {}).get("apiServer") or {}
    if logs.get(LOGS[0], {}).get("enabled") and not api_server.get("public"):
        what = "the API server is not public, so Tarmak ignores the access logs of its public load balancer"
        instead = "remove them" if LOGS[1] in logs else f"rename them to {LOGS[1]}"
        yield Problem((LOGS[0],), what, f"{instead}, or set apiServer.public: true")


def _no_bucket_name(amazon: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[Problem]:
    for name, log in logs_of(amazon):
        if not re.match(_BUCKET, log.get("bucket", "")):
            what = f"{quoted(log['bucket'])} is not a valid S3 bucket name, and Terraform reports it late"
            remedy = "write the bucket's name: lower-case letters, digits, dots and dashes"
            yield Problem((name, "bucket"), what, remedy)


def _model() -> type[Amazon]:
    from tarmak_iam.config.section_model import Amazon

    return Amazon


def _with_defaults(amazon: Amazon) -> Amazon:
    data = amazon.model_dump(exclude_none=True)
    return type(amazon).model_validate({**data, **dict(used_logs(data))})


AMAZON: Section[Amazon] = LateSection(
    ("kubernetes", "apiServer", "amazon"),
    _model,
    _with_defaults,
    lambda amazon: problems_of(amazon.model_dump()),
    tuple(
        SectionRule(rule_id, Severity.WARNING, summary, check, name=name)
        for rule_id, name, summary, check in (
            ("IAM006", "access-logs-without-bucket", "access logs without a bucket", _without_bucket),
            ("IAM007", "access-log-interval", "an interval that Tarmak will reject", _unused_interval),
            ("IAM008", "public-access-logs", "public access logs of a private API", _public_log_of_private_api),
            ("IAM009", "bucket-name", "an invalid S3 bucket name", _no_bucket_name),
        )
    ),
)
