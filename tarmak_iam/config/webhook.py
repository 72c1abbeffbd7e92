"""The API server's token webhook: the file that the switch and `authTokenWebhookFile` lead to."""

from __future__ import annotations

import re

from tarmak_iam.config.cluster import Cluster

__all__ = ["DEFAULT_WEBHOOK_FILE", "unsafe_webhook_file", "webhook_file"]

DEFAULT_WEBHOOK_FILE = "/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml"
"""Puppet's own, where the switch is on and no file is given. Its directory is the only one the init unit makes."""

# Tarmak writes the value into hieradata (hiera interpolates %{}) and a systemd unit ($ and % mean something
# there), in double quotes but without escaping any of it.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\"'\\$%]")


def webhook_file(cluster: Cluster) -> str | None:
    """What `--authentication-token-webhook-config-file` is set to, None where Tarmak sets no such flag."""
    given = cluster.api_server.get("authTokenWebhookFile") or ""
    if given:
        return str(given)
    return DEFAULT_WEBHOOK_FILE if cluster.authenticator_init else None


def unsafe_webhook_file(cluster: Cluster) -> str | None:
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
