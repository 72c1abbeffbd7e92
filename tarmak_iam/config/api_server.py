"""What Tarmak derives from `kubernetes.apiServer`: JSON, hieradata, Terraform variables and the webhook file."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.amazon import AccessLogValues, AmazonValues, with_defaults
from tarmak_iam.config.tarmak_output import tarmak_json, with_log_defaults
from tarmak_iam.config.tarmak_types import Field
from tarmak_iam.patterns import compiled

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import Cluster


_API_SERVER = Field("struct", struct="ClusterKubernetesAPIServer")


def api_server_json(cluster: Cluster) -> dict[str, Any] | None:
    """The API server in Tarmak's JSON, with defaults; None if the file has none."""
    if not cluster.has_api_server:
        return None
    json: dict[str, Any] = tarmak_json(with_log_defaults(cluster.api_server, cluster.amazon_values), _API_SERVER)
    return json


def hieradata(cluster: Cluster) -> list[str]:
    """The two webhook settings as Tarmak writes them: without escaping anything in the file name."""
    lines = []
    if file := cluster.api_server.get("authTokenWebhookFile"):
        lines.append(f'kubernetes::apiserver::auth_token_webhook_file: "{file}"')
    if cluster.authenticator_init:
        lines.append("kubernetes::apiserver::aws_iam_authenticator_init: true")
    return lines


def terraform(cluster: Cluster) -> dict[str, Any]:
    """The access-log variables of the load balancers; bucket, prefix and interval only for a block in the file."""
    amazon = with_defaults(cluster.amazon_values or AmazonValues())
    return _log_variables("public", amazon.publicELBAccessLogs) | _log_variables(
        "internal", amazon.internalELBAccessLogs
    )


def _log_variables(which: str, log: AccessLogValues | None) -> dict[str, Any]:
    name = f"elb_access_logs_{which}"
    if log is None:
        return {f"{name}_enabled": "false"}
    return {
        f"{name}_enabled": "true" if log.enabled else "false",
        f"{name}_bucket": log.bucket,
        f"{name}_bucket_prefix": log.bucketPrefix,
        f"{name}_bucket_interval": log.interval,
    }


WEBHOOK_FLAG = "authentication-token-webhook-config-file"
"""The only webhook flag that Tarmak sets: no cache TTL and no version (the daemon supports v1beta1)."""

DEFAULT_WEBHOOK_FILE = "/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml"
"""Puppet's default, if `awsIAMAuthenticatorInit` is on and no file is set."""

INIT_DIRECTORY = posixpath.dirname(DEFAULT_WEBHOOK_FILE)
"""The only directory that the init unit creates, with its parents."""

_INIT_DIRECTORIES = (INIT_DIRECTORY, "/etc/kubernetes", "/etc")


# Tarmak writes the value into hieradata (hiera interpolates %{}) and into a systemd unit (where $ and % are special),
# in double quotes but without escaping.
_UNSAFE = compiled(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\"'\\$%]")


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
    found = _UNSAFE.search(path)
    if found:
        return f"it contains {found.group()!r}, which Tarmak does not escape"
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
