"""The section `kubernetes.apiServer.amazon`: ELB access logs and `awsIAMAuthenticatorInit`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tarmak_iam.config.sections import LateSection, Problem, Section, SectionRule
from tarmak_iam.config.tarmak_types import INTERVALS
from tarmak_iam.findings import Severity
from tarmak_iam.lazy_exports import lazy_exports
from tarmak_iam.text import quoted

if TYPE_CHECKING:
    from tarmak_iam.config.amazon_model import AccessLogs, Amazon
else:
    __getattr__, _ = lazy_exports(__name__, {"tarmak_iam.config.amazon_model": "AccessLogs Amazon"})


INIT = "awsIAMAuthenticatorInit"
LOGS = ("publicELBAccessLogs", "internalELBAccessLogs")

_DEFAULT_INTERVAL = 5
# Every name that S3 accepts or once accepted: old buckets may have upper case and underscores.
_BUCKET = r"[A-Za-z0-9._-]*\Z"


class AccessLogValues(NamedTuple):
    """The values of `AccessLogs`."""

    enabled: bool | None = None
    bucket: str = ""
    bucketPrefix: str = ""
    interval: int | None = None


class AmazonValues(NamedTuple):
    """The values of the model `Amazon`, for the commands that only read the section: a tuple is made without
    pydantic."""

    publicELBAccessLogs: AccessLogValues | None = None
    internalELBAccessLogs: AccessLogValues | None = None
    awsIAMAuthenticatorInit: bool = False

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> AmazonValues:
        """Of the section's typed data (`decode`), whose types and nulls the decoder has checked."""
        logs = {
            name: AccessLogValues(**{key: log[key] for key in AccessLogValues._fields if log.get(key) is not None})
            for name in LOGS
            if (log := data.get(name)) is not None
        }
        return cls(**logs, awsIAMAuthenticatorInit=bool(data.get(INIT)))


_Section = TypeVar("_Section", bound="Amazon | AmazonValues")


def with_defaults(amazon: _Section) -> _Section:
    """As SetDefaults_ClusterKubernetesAPIServerAmazonAccessLogs, for each block in the file."""
    changed: _Section = _changed(amazon, {name: _log_defaults(log) for name, log in logs_of(amazon) if log is not None})
    return changed


def _log_defaults(log: AccessLogs | AccessLogValues) -> Any:
    enabled = bool(log.bucket) if log.enabled is None else log.enabled
    interval = _DEFAULT_INTERVAL if log.interval is None else log.interval
    return _changed(log, {"enabled": enabled, "interval": interval})


def _changed(values: Any, changes: dict[str, Any]) -> Any:
    is_model = hasattr(values, "model_copy")
    return values.model_copy(update=changes) if is_model else values._replace(**changes)


def problems_of(amazon: Amazon | AmazonValues) -> Iterator[Problem]:
    """The part of Tarmak's validateAPIServer about this section; the public log first."""
    for name, log in logs_of(amazon):
        if log is None or not log.enabled:
            continue
        if not log.bucket:
            remedy = f"set {name}.bucket, or enabled: false"
            yield Problem((name,), "access logs are enabled without a bucket", remedy)
        if log.interval not in INTERVALS:
            what = f"the interval of the access logs is {log.interval}, but must be 5 or 60"
            yield Problem((name, "interval"), what, "write 5 or 60")


def _without_bucket(amazon: Amazon | AmazonValues, cluster: Mapping[str, Any]) -> Iterator[Problem]:
    """Without a bucket `enabled` defaults to false, so a block with neither has no effect."""
    del cluster
    for name, log in logs_of(amazon):
        if log is not None and log.enabled is None and not log.bucket:
            what = f"{name} has no bucket, so no access logs are written"
            yield Problem((name,), what, f"set {name}.bucket, or remove {name}")


def _unused_interval(amazon: Amazon | AmazonValues, cluster: Mapping[str, Any]) -> Iterator[Problem]:
    """Tarmak checks the interval only if the logs are enabled."""
    del cluster
    for name, log in logs_of(with_defaults(amazon)):
        if log is not None and not log.enabled and log.interval not in INTERVALS:
            what = f"the interval of the access logs is {log.interval}, which Tarmak rejects once they are enabled"
            yield Problem((name, "interval"), what, "write 5 or 60")


def _public_log_of_private_api(amazon: Amazon | AmazonValues, cluster: Mapping[str, Any]) -> Iterator[Problem]:
    log = with_defaults(amazon).publicELBAccessLogs
    api_server = (cluster.get("kubernetes") or {}).get("apiServer") or {}
    if log is not None and log.enabled and not api_server.get("public"):
        what = "the API server is not public, so Tarmak ignores the access logs of its public load balancer"
        own = "remove them" if amazon.internalELBAccessLogs else "rename them to internalELBAccessLogs"
        yield Problem(("publicELBAccessLogs",), what, f"{own}, or set apiServer.public: true")


def _no_bucket_name(amazon: Amazon | AmazonValues, cluster: Mapping[str, Any]) -> Iterator[Problem]:
    del cluster
    for name, log in logs_of(amazon):
        if log is not None and not re.match(_BUCKET, log.bucket):
            what = f"{quoted(log.bucket)} is not a valid S3 bucket name, and Terraform reports it late"
            yield Problem(
                (name, "bucket"), what, "write the bucket's name: lower-case letters, digits, dots and dashes"
            )


def logs_of(amazon: Amazon | AmazonValues) -> list[tuple[str, AccessLogs | AccessLogValues | None]]:
    return [(name, getattr(amazon, name)) for name in LOGS]


def _model() -> type[Amazon]:
    from tarmak_iam.config.amazon_model import Amazon

    return Amazon


AMAZON: Section[Amazon] = LateSection(
    ("kubernetes", "apiServer", "amazon"),
    _model,
    AmazonValues.of,
    with_defaults,
    problems_of,
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


def read_amazon(cluster: Mapping[str, Any]) -> AmazonValues | None:
    """The section of a cluster's typed data (`decode`), None if it has none."""
    values: AmazonValues | None = AMAZON.values(cluster)
    return values
