"""What Tarmak makes of a cluster: defaults, its validation of the API server, hieradata, terraform variables."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from tarmak_iam.config.amazon import AMAZON, AccessLogs, Amazon
from tarmak_iam.config.defaults import with_log_defaults
from tarmak_iam.config.rewrite import written
from tarmak_iam.config.types import Field
from tarmak_iam.config.versions import DEFAULT_KUBERNETES, parse_version
from tarmak_iam.text import quoted

__all__ = [
    "Issue",
    "api_server_issues",
    "api_server_json",
    "defaulted_amazon",
    "hieradata",
    "is_cidr",
    "kubernetes_version",
    "terraform",
]

Issue = tuple[tuple[str | int, ...], str, str]
"""Where below the cluster, what is wrong, and what to do."""

_MASK = re.compile(r"[0-9]+\Z", re.ASCII)
_API_SERVER = Field("struct", struct="ClusterKubernetesAPIServer")


def kubernetes_version(cluster: Mapping[str, Any]) -> str:
    return str((cluster.get("kubernetes") or {}).get("version") or DEFAULT_KUBERNETES)


def defaulted_amazon(cluster: Mapping[str, Any]) -> Amazon | None:
    amazon = AMAZON.read(cluster)
    return None if amazon is None else AMAZON.defaults(amazon)


def api_server_json(cluster: Mapping[str, Any]) -> dict[str, Any] | None:
    """The API server as Tarmak's own JSON after defaulting, None where the file has none."""
    api_server = (cluster.get("kubernetes") or {}).get("apiServer")
    if api_server is None:
        return None
    json: dict[str, Any] = written(with_log_defaults(cluster), _API_SERVER)
    return json


def hieradata(cluster: Mapping[str, Any]) -> list[str]:
    """The two webhook settings as Tarmak writes them: no escaping, whatever the file name holds."""
    api_server = (cluster.get("kubernetes") or {}).get("apiServer") or {}
    lines = []
    if file := api_server.get("authTokenWebhookFile"):
        lines.append(f'kubernetes::apiserver::auth_token_webhook_file: "{file}"')
    if (api_server.get("amazon") or {}).get("awsIAMAuthenticatorInit"):
        lines.append("kubernetes::apiserver::aws_iam_authenticator_init: true")
    return lines


def terraform(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """The load balancers' access-log variables; bucket, prefix and interval only for a block that is given."""
    amazon = defaulted_amazon(cluster) or Amazon()
    return _log_variables("public", amazon.publicELBAccessLogs) | _log_variables(
        "internal", amazon.internalELBAccessLogs
    )


def _log_variables(which: str, log: AccessLogs | None) -> dict[str, Any]:
    name = f"elb_access_logs_{which}"
    if log is None:
        return {f"{name}_enabled": "false"}
    return {
        f"{name}_enabled": "true" if log.enabled else "false",
        f"{name}_bucket": log.bucket,
        f"{name}_bucket_prefix": log.bucketPrefix,
        f"{name}_bucket_interval": log.interval,
    }


def api_server_issues(cluster: Mapping[str, Any]) -> list[Issue]:
    """Tarmak's validateAPIServer, in its order. It runs only where apiServer is present; one issue blocks
    every command for the cluster's environment."""
    api_server = (cluster.get("kubernetes") or {}).get("apiServer")
    if api_server is None:
        return []
    base = ("kubernetes", "apiServer")
    issues: list[Issue] = [
        ((*base, "allowCIDRs", index), f"{quoted(cidr)} is no CIDR", "write an address with its mask, as in 10.0.0.0/8")
        for index, cidr in enumerate(api_server.get("allowCIDRs") or ())
        if not is_cidr(cidr)
    ]
    problems = AMAZON.problems(cluster)
    issues += [((*AMAZON.path, *problem.path), problem.message, problem.remedy) for problem in problems]
    return issues + _version_issues(cluster, bool(api_server.get("disableAdmissionControllers")))


def _version_issues(cluster: Mapping[str, Any], disables: bool) -> list[Issue]:
    text = kubernetes_version(cluster)
    version = parse_version(text)
    if version is None:
        return [(("kubernetes", "version"), f"{quoted(text)} is no version", "write a version such as 1.12.9")]
    if disables and version.is_below(1, 11, 0):
        path = ("kubernetes", "apiServer", "disableAdmissionControllers")
        return [
            (path, f"Kubernetes {text} cannot disable admission controllers", "remove them, or use 1.11.0 or later")
        ]
    return []


def is_cidr(text: str) -> bool:
    """Go's net.ParseCIDR: an address without zone, and a mask in digits."""
    address, slash, mask = text.partition("/")
    if not slash or "%" in address or not _MASK.match(mask):
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return int(mask[-4:]) <= parsed.max_prefixlen and not mask[:-4].strip("0")
