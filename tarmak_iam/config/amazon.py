"""The section `kubernetes.apiServer.amazon`: ELB access logs and the switch of the authenticator's init."""

from __future__ import annotations

from pydantic import Field

from tarmak_iam.config.sections import Problem, Section, SectionModel

__all__ = ["AMAZON", "AccessLogs", "Amazon"]

_INTERVALS = (5, 60)
_DEFAULT_INTERVAL = 5


class AccessLogs(SectionModel):
    """Access logs of one of the API server's load balancers, written to an S3 bucket."""

    enabled: bool | None = None
    """Whether logs are written. Default: true if a bucket is set, else false."""

    bucket: str = ""
    """Name of the S3 bucket that gets the logs. It must exist and allow the region's ELB account to write."""

    bucketPrefix: str = ""
    """Prefix of the log objects in the bucket."""

    interval: int | None = Field(default=None, json_schema_extra={"enum": [*_INTERVALS, None]})
    """Minutes between two log files: 5 or 60. Default: 5."""


class Amazon(SectionModel):
    """Settings of the Kubernetes API server that exist on Amazon only."""

    publicELBAccessLogs: AccessLogs | None = None
    """Access logs of the public load balancer; used only where `apiServer.public` is true."""

    internalELBAccessLogs: AccessLogs | None = None
    """Access logs of the internal load balancer."""

    awsIAMAuthenticatorInit: bool = False
    """Prepare the masters for the AWS IAM Authenticator: make its certificate and key before the API server
    starts, and point the API server's token webhook at it. The authenticator itself runs in the cluster."""


def _with_defaults(amazon: Amazon) -> Amazon:
    """SetDefaults_ClusterKubernetesAPIServerAmazonAccessLogs, for each block that is given."""
    logs = {name: _log_defaults(log) for name, log in _logs(amazon) if log is not None}
    return amazon.model_copy(update=logs)


def _log_defaults(log: AccessLogs) -> AccessLogs:
    enabled = bool(log.bucket) if log.enabled is None else log.enabled
    return log.model_copy(
        update={"enabled": enabled, "interval": _DEFAULT_INTERVAL if log.interval is None else log.interval}
    )


def _problems(amazon: Amazon) -> tuple[Problem, ...]:
    """The part of Tarmak's validateAPIServer that is about this section; the public log comes first."""
    problems = []
    for name, log in _logs(amazon):
        if log is None or not log.enabled:
            continue
        if not log.bucket:
            problems.append(
                Problem((name,), "access logs are enabled without a bucket", f"set {name}.bucket, or enabled: false")
            )
        if log.interval not in _INTERVALS:
            problems.append(
                Problem(
                    (name, "interval"),
                    f"the access logs' interval is {log.interval}, it can only be 5 or 60",
                    "write 5 or 60",
                )
            )
    return tuple(problems)


def _logs(amazon: Amazon) -> tuple[tuple[str, AccessLogs | None], ...]:
    return ("publicELBAccessLogs", amazon.publicELBAccessLogs), ("internalELBAccessLogs", amazon.internalELBAccessLogs)


AMAZON = Section(("kubernetes", "apiServer", "amazon"), Amazon, _with_defaults, _problems)
