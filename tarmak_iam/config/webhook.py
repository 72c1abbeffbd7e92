"""The API server's token webhook: the file that the switch and `authTokenWebhookFile` lead to."""

from __future__ import annotations

import re

from tarmak_iam.config.cluster import Cluster

__all__ = ["DEFAULT_WEBHOOK_FILE", "unsafe_webhook_file", "webhook_file"]

DEFAULT_WEBHOOK_FILE = "/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml"
"""Puppet's own, where the switch is on and no file is given. Its directory is the only one the init unit makes."""

# Tarmak writes the value into hieradata, a systemd unit and a shell command without escaping any of it.
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\"'\\$%`]")


def webhook_file(cluster: Cluster) -> str | None:
    """What `--authentication-token-webhook-config-file` is set to, None where Tarmak sets no such flag."""
    given = cluster.api_server.get("authTokenWebhookFile") or ""
    if given:
        return str(given)
    return DEFAULT_WEBHOOK_FILE if cluster.authenticator_init else None


def unsafe_webhook_file(path: str) -> str | None:
    """Why a file name does not arrive at the API server as it stands in tarmak.yaml, None if it does."""
    if not path.strip():
        return "it is blank"
    if not path.startswith("/"):
        return "it is no absolute path"
    found = _UNSAFE.search(path)
    return None if found is None else f"it contains {found.group()!r}, which Tarmak passes on without escaping it"
