"""The section `kubernetes.apiServer.amazon`: ELB access logs and `awsIAMAuthenticatorInit`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import Field

from tarmak_iam.config.sections import Problem, Section, SectionModel, SectionRule
from tarmak_iam.findings import Severity
from tarmak_iam.text import quoted

_INTERVALS = (5, 60)
_DEFAULT_INTERVAL = 5
# Every name that S3 accepts or once accepted: old buckets may have upper case and underscores.
_BUCKET = re.compile(r"[A-Za-z0-9._-]*\Z", re.ASCII)


class AccessLogs(SectionModel):
    """Access logs of one of the API server's load balancers, written to an S3 bucket."""

    enabled: bool | None = None
    """Whether logs are written. Default: true if a bucket is set, else false."""

    bucket: str = ""
    """Name of the S3 bucket for the logs. The bucket must exist and allow the ELB account of the region to write."""

    bucketPrefix: str = ""
    """Prefix of the log objects in the bucket."""

    interval: int | None = Field(default=None, json_schema_extra={"enum": [*_INTERVALS, None]})
    """Minutes between two log files: 5 or 60. Default: 5."""


class Amazon(SectionModel):
    """Settings of the Kubernetes API server that exist on AWS only."""

    publicELBAccessLogs: AccessLogs | None = None
    """Access logs of the public load balancer; used only where `apiServer.public` is true."""

    internalELBAccessLogs: AccessLogs | None = None
    """Access logs of the internal load balancer."""

    awsIAMAuthenticatorInit: bool = False
    """Prepares the masters for the AWS IAM Authenticator: creates its certificate and key before the API server
    starts, and configures it as the API server's token webhook. The authenticator itself runs in the cluster."""


def with_defaults(amazon: Amazon) -> Amazon:
    """As SetDefaults_ClusterKubernetesAPIServerAmazonAccessLogs, for each block in the file."""
    logs = {name: _log_defaults(log) for name, log in logs_of(amazon) if log is not None}
    return amazon.model_copy(update=logs)


def _log_defaults(log: AccessLogs) -> AccessLogs:
    enabled = bool(log.bucket) if log.enabled is None else log.enabled
    return log.model_copy(
        update={"enabled": enabled, "interval": _DEFAULT_INTERVAL if log.interval is None else log.interval}
    )


def _problems(amazon: Amazon) -> Iterator[Problem]:
    """The part of Tarmak's validateAPIServer about this section; the public log first."""
    for name, log in logs_of(amazon):
        if log is None or not log.enabled:
            continue
        if not log.bucket:
            remedy = f"set {name}.bucket, or enabled: false"
            yield Problem((name,), "access logs are enabled without a bucket", remedy)
        if log.interval not in _INTERVALS:
            what = f"the interval of the access logs is {log.interval}, but must be 5 or 60"
            yield Problem((name, "interval"), what, "write 5 or 60")


def _without_bucket(amazon: Amazon, cluster: Mapping[str, Any]) -> Iterator[Problem]:
    """Without a bucket `enabled` defaults to false, so a block with neither has no effect."""
    del cluster
    for name, log in logs_of(amazon):
        if log is not None and log.enabled is None and not log.bucket:
            what = f"{name} has no bucket, so no access logs are written"
            yield Problem((name,), what, f"set {name}.bucket, or remove {name}")


def _unused_interval(amazon: Amazon, cluster: Mapping[str, Any]) -> Iterator[Problem]:
    """Tarmak checks the interval only if the logs are enabled."""
    del cluster
    for name, log in logs_of(with_defaults(amazon)):
        if log is not None and not log.enabled and log.interval not in _INTERVALS:
            what = f"the interval of the access logs is {log.interval}, which Tarmak rejects once they are enabled"
            yield Problem((name, "interval"), what, "write 5 or 60")


def _public_log_of_private_api(amazon: Amazon, cluster: Mapping[str, Any]) -> Iterator[Problem]:
    log = with_defaults(amazon).publicELBAccessLogs
    api_server = (cluster.get("kubernetes") or {}).get("apiServer") or {}
    if log is not None and log.enabled and not api_server.get("public"):
        what = "the API server is not public, so Tarmak ignores the access logs of its public load balancer"
        own = "remove them" if amazon.internalELBAccessLogs else "rename them to internalELBAccessLogs"
        yield Problem(("publicELBAccessLogs",), what, f"{own}, or set apiServer.public: true")


def _no_bucket_name(amazon: Amazon, cluster: Mapping[str, Any]) -> Iterator[Problem]:
    del cluster
    for name, log in logs_of(amazon):
        if log is not None and not _BUCKET.match(log.bucket):
            what = f"{quoted(log.bucket)} is not a valid S3 bucket name, and Terraform reports it late"
            yield Problem((name, "bucket"), what, "write the bucket's name: letters, digits, dots and dashes")


def logs_of(amazon: Amazon) -> tuple[tuple[str, AccessLogs | None], ...]:
    return ("publicELBAccessLogs", amazon.publicELBAccessLogs), ("internalELBAccessLogs", amazon.internalELBAccessLogs)


AMAZON = Section(
    ("kubernetes", "apiServer", "amazon"),
    Amazon,
    with_defaults,
    _problems,
    (
        SectionRule(
            "IAM006",
            Severity.WARNING,
            "access logs without a bucket",
            _without_bucket,
            name="access-logs-without-bucket",
        ),
        SectionRule(
            "IAM007",
            Severity.WARNING,
            "an interval that Tarmak will reject",
            _unused_interval,
            name="access-log-interval",
        ),
        SectionRule(
            "IAM008",
            Severity.WARNING,
            "public access logs of a private API",
            _public_log_of_private_api,
            name="public-access-logs",
        ),
        SectionRule("IAM009", Severity.WARNING, "an invalid S3 bucket name", _no_bucket_name, name="bucket-name"),
    ),
)


def read_amazon(cluster: Mapping[str, Any]) -> Amazon | None:
    """The section of a cluster's typed data (`decode`), None if it has none. The decoder has checked types and nulls,
    so the data need not be read as JSON as in `Section.read`."""
    data = AMAZON.data(cluster)
    return None if data is None else Amazon.model_validate(data, strict=True)
