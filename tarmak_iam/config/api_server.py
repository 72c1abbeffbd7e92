"""What Tarmak makes of `kubernetes.apiServer`: its JSON, hieradata, terraform variables, and the file of the token
webhook.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.amazon import AccessLogs, Amazon, with_defaults
from tarmak_iam.config.tarmak_output import tarmak_json, with_log_defaults
from tarmak_iam.config.tarmak_types import Field

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import Cluster


_API_SERVER = Field("struct", struct="ClusterKubernetesAPIServer")


def api_server_json(cluster: Cluster) -> dict[str, Any] | None:
    """The API server as Tarmak's own JSON after defaulting, None where the file has none."""
    if not cluster.has_api_server:
        return None
    json: dict[str, Any] = tarmak_json(with_log_defaults(cluster.api_server, cluster.amazon), _API_SERVER)
    return json


def hieradata(cluster: Cluster) -> list[str]:
    """The two webhook settings as Tarmak writes them: no escaping, whatever the file name holds."""
    lines = []
    if file := cluster.api_server.get("authTokenWebhookFile"):
        lines.append(f'kubernetes::apiserver::auth_token_webhook_file: "{file}"')
    if cluster.authenticator_init:
        lines.append("kubernetes::apiserver::aws_iam_authenticator_init: true")
    return lines


def terraform(cluster: Cluster) -> dict[str, Any]:
    """The load balancers' access-log variables; bucket, prefix and interval only for a block that is given."""
    amazon = with_defaults(cluster.amazon or Amazon())
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


WEBHOOK_FLAG = "authentication-token-webhook-config-file"
"""The only webhook flag that Tarmak passes on: no cache TTL, no version (v1beta1 is what the daemon speaks)."""

DEFAULT_WEBHOOK_FILE = "/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml"
"""Puppet's own, where the switch is on and no file is given."""

INIT_DIRECTORY = posixpath.dirname(DEFAULT_WEBHOOK_FILE)
"""The only directory that the init unit makes, with those above it."""

_INIT_DIRECTORIES = (INIT_DIRECTORY, "/etc/kubernetes", "/etc")


# Tarmak writes the value into hieradata (hiera interpolates %{}) and a systemd unit ($ and % mean something
# there), in double quotes but without escaping any of it.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\"'\\$%]")


def webhook_file(cluster: Cluster) -> str | None:
    """What `--authentication-token-webhook-config-file` is set to, None where Tarmak sets no such flag."""
    given = cluster.api_server.get("authTokenWebhookFile") or ""
    if given:
        return str(given)
    return DEFAULT_WEBHOOK_FILE if cluster.authenticator_init else None


def webhook_file_flaw(cluster: Cluster) -> str | None:
    """Why the file does not arrive at the API server as it stands in tarmak.yaml, None if it does."""
    path = webhook_file(cluster)
    if path is None:
        return None
    if not path.strip():
        return "it is blank"
    if not path.startswith("/"):
        return "it is no absolute path"
    found = _UNSAFE.search(path)
    if found:
        return f"it contains {found.group()!r}, which Tarmak passes on without escaping it"
    if cluster.authenticator_init and any(character.isspace() for character in path):
        return "it contains a blank, and the init unit copies the file there without quotes"
    return None


def webhook_file_is_not_copied(cluster: Cluster) -> bool:
    """Whether the init unit cannot put the file where it belongs: with the switch on it copies the file, but
    `mkdir -p` is of its own directory only. The API server requires that unit, so it would not start."""
    path = webhook_file(cluster)
    if path is None or not cluster.authenticator_init or cluster.is_hub:
        return False
    return posixpath.dirname(_normal_path(path)) not in _INIT_DIRECTORIES


def webhook_file_doubt(cluster: Cluster) -> str | None:
    """Why a file that does arrive is hardly the one that was meant, None if there is no doubt."""
    path = webhook_file(cluster)
    if path is None:
        return None
    if any(character.isspace() for character in path):
        return "there is a blank in it"
    if not path.isprintable():
        return "there is an invisible character in it"
    if path.endswith("/") or _normal_path(path) in _INIT_DIRECTORIES:
        return "it is a directory"
    return None if path == _normal_path(path) else f"it is a roundabout way to write {_normal_path(path)}"


def _normal_path(path: str) -> str:
    return posixpath.normpath(f"/{path.lstrip('/')}")
