"""`kubernetes.apiServer` in tarmak.yaml: its section `amazon` (ELB access logs and `awsIAMAuthenticatorInit`), the
webhook file of the API server, and what Tarmak's validation says."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.kubernetes_versions import parse_version
from tarmak_iam.config.sections import Problem, Section, SectionRule
from tarmak_iam.config.tarmak_types import INTERVALS, is_cidr
from tarmak_iam.findings import Severity
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import Cluster
    from tarmak_iam.config.section_model import Amazon

Issue = tuple[tuple[str | int, ...], str, str]
"""The path below the cluster, what is wrong, and what to do."""

INIT = "awsIAMAuthenticatorInit"
LOGS = ("publicELBAccessLogs", "internalELBAccessLogs")


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


def _warnings(rule_id: str, amazon: Mapping[str, Any], cluster: Mapping[str, Any]) -> Iterator[Problem]:
    """The problems of one rule: access logs that are valid, but not what their author expects."""
    api_server, used = (cluster.get("kubernetes") or {}).get("apiServer") or {}, dict(used_logs(amazon))
    public, internal = LOGS
    for name, log in logs_of(amazon):
        is_enabled, interval = used[name]["enabled"], used[name]["interval"]
        # Without a bucket `enabled` defaults to false, so a block with neither has no effect.
        if rule_id == "IAM006" and "enabled" not in log and not log.get("bucket"):
            what = f"{name} has no bucket, so no access logs are written"
            yield Problem((name,), what, f"set {name}.bucket, or remove {name}")
        if rule_id == "IAM007" and not is_enabled and interval not in INTERVALS:
            what = f"the interval of the access logs is {interval}, which Tarmak rejects once they are enabled"
            yield Problem((name, "interval"), what, "write 5 or 60")
        if rule_id == "IAM008" and name == public and is_enabled and not api_server.get("public"):
            what = "the API server is not public, so Tarmak ignores the access logs of its public load balancer"
            instead = "remove them" if internal in used else f"rename them to {internal}"
            yield Problem((name,), what, f"{instead}, or set apiServer.public: true")
        # Every name that S3 accepts or once accepted: old buckets may have upper case and underscores.
        if rule_id == "IAM009" and not re.match(r"[A-Za-z0-9._-]*\Z", log.get("bucket", "")):
            what = f"{quoted(log['bucket'])} is not a valid S3 bucket name, and Terraform reports it late"
            remedy = "write the bucket's name: lower-case letters, digits, dots and dashes"
            yield Problem((name, "bucket"), what, remedy)


def _amazon_model() -> type[Amazon]:
    from tarmak_iam.config.section_model import Amazon

    return Amazon


def _with_defaults(amazon: Any) -> Any:
    """The plain data, or the model of a Python program, with every default."""
    if not isinstance(amazon, Mapping):
        return type(amazon).model_validate(_with_defaults(amazon.model_dump(exclude_none=True)))
    empty = {"enabled": False, "bucket": "", "bucketPrefix": "", "interval": 5}
    return {**{name: {**empty, **log} for name, log in used_logs(amazon)}, INIT: bool(amazon.get(INIT))}


AMAZON: Section[Amazon] = Section(
    ("kubernetes", "apiServer", "amazon"),
    _amazon_model,
    _with_defaults,
    problems_of,
    tuple(
        SectionRule(rule_id, Severity.WARNING, summary, partial(_warnings, rule_id), name=name)
        for rule_id, name, summary in (
            ("IAM006", "access-logs-without-bucket", "access logs without a bucket"),
            ("IAM007", "access-log-interval", "an interval that Tarmak will reject"),
            ("IAM008", "public-access-logs", "public access logs of a private API"),
            ("IAM009", "bucket-name", "an invalid S3 bucket name"),
        )
    ),
)


def authenticator_init_route(cluster: Cluster) -> Route:
    """The route of `awsIAMAuthenticatorInit`, whether it is set or not."""
    return Route.of((*cluster.route.plain, *AMAZON.path, INIT))


def api_server_issues(cluster: Cluster) -> Iterator[Issue]:
    """As Tarmak's validateAPIServer, in its order. It runs only if apiServer is present; one issue blocks every command
    for the environment of the cluster."""
    if not cluster.has_api_server:
        return
    base, api_server = ("kubernetes", "apiServer"), cluster.api_server
    for index, cidr in enumerate(api_server.get("allowCIDRs") or ()):
        if not is_cidr(cidr):
            remedy = "write an address with its mask, as in 10.0.0.0/8"
            yield (*base, "allowCIDRs", index), f"{quoted(cidr)} is not a valid CIDR", remedy
    for problem in problems_of(AMAZON.data(cluster.data)):
        yield (*AMAZON.path, *problem.path), problem.message, problem.remedy
    text = cluster.kubernetes_version
    version = parse_version(text)
    if version is None:
        yield ("kubernetes", "version"), f"{quoted(text)} is not a valid version", "write a version such as 1.12.9"
    elif api_server.get("disableAdmissionControllers") and version.is_below(1, 11, 0):
        what = f"Kubernetes {text} cannot disable admission controllers"
        yield (*base, "disableAdmissionControllers"), what, "remove them, or use 1.11.0 or later"


WEBHOOK_FLAG = "authentication-token-webhook-config-file"
"""The only webhook flag that Tarmak sets: no cache TTL and no version (the authenticator supports v1beta1)."""

DEFAULT_WEBHOOK_FILE = "/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml"
"""Puppet's default, if `awsIAMAuthenticatorInit` is on and no file is set."""

INIT_DIRECTORY = posixpath.dirname(DEFAULT_WEBHOOK_FILE)
"""The only directory that the init unit creates, with its parents."""

_INIT_DIRECTORIES = (INIT_DIRECTORY, "/etc/kubernetes", "/etc")


def webhook_file(cluster: Cluster) -> str | None:
    """The value of `--authentication-token-webhook-config-file`, None if Tarmak does not set the flag."""
    given = cluster.api_server.get("authTokenWebhookFile") or ""
    if given:
        return str(given)
    return DEFAULT_WEBHOOK_FILE if cluster.authenticator_init else None


def webhook_file_flaw(cluster: Cluster) -> str | None:
    """Why the API server does not get the file name that tarmak.yaml has, None if it does."""
    path = webhook_file(cluster)
    if path is None:
        return None
    if not path.strip():
        return "it contains only whitespace"
    if not path.startswith("/"):
        return "it is not an absolute path"
    # Tarmak writes the value into hieradata (hiera interpolates %{}) and into a systemd unit (where $ and % are
    # special), in double quotes but without escaping.
    unsafe = re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\"'\\$%]", path)
    if unsafe:
        return f"it contains {unsafe.group()!r}, which Tarmak does not escape"
    if cluster.authenticator_init and any(character.isspace() for character in path):
        return "it contains a space, and the init unit copies the file to it without quotes"
    return None


def webhook_file_is_not_copied(cluster: Cluster) -> bool:
    """Whether the init unit cannot copy the file to its path: with `awsIAMAuthenticatorInit` on it copies the file, but
    runs `mkdir -p` for its own directory only. The API server requires that unit, so it would not start."""
    path = webhook_file(cluster)
    if path is None or not cluster.authenticator_init or cluster.is_hub:
        return False
    return posixpath.dirname(_normal_path(path)) not in _INIT_DIRECTORIES


def webhook_file_doubt(cluster: Cluster) -> str | None:
    """Why a file name that the API server gets is probably not the one that was meant, None if there is no doubt."""
    path = webhook_file(cluster)
    if path is None:
        return None
    if any(character.isspace() for character in path):
        return "it contains a space"
    if not path.isprintable():
        return "it contains an invisible character"
    if path.endswith("/") or _normal_path(path) in _INIT_DIRECTORIES:
        return "it is a directory"
    return None if path == _normal_path(path) else f"it is not normalised and means {_normal_path(path)}"


def _normal_path(path: str) -> str:
    return posixpath.normpath(f"/{path.lstrip('/')}")
