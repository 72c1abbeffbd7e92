"""The API server's token webhook: the file that the switch and `authTokenWebhookFile` lead to."""

from __future__ import annotations

import posixpath
import re

from tarmak_iam.config.cluster import Cluster

__all__ = [
    "DEFAULT_WEBHOOK_FILE",
    "MADE_DIRECTORY",
    "WEBHOOK_FLAG",
    "doubtful_webhook_file",
    "is_made_by_nobody",
    "unsafe_webhook_file",
    "webhook_file",
]

WEBHOOK_FLAG = "authentication-token-webhook-config-file"
"""The only webhook flag that Tarmak passes on: no cache TTL, no version (v1beta1 is what the daemon speaks)."""

DEFAULT_WEBHOOK_FILE = "/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml"
"""Puppet's own, where the switch is on and no file is given."""

MADE_DIRECTORY = posixpath.dirname(DEFAULT_WEBHOOK_FILE)
"""The only directory that the init unit makes, with those above it."""
_MADE_DIRECTORIES = (MADE_DIRECTORY, "/etc/kubernetes", "/etc")

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


def is_made_by_nobody(cluster: Cluster) -> bool:
    """Whether the init unit cannot put the file where it belongs: with the switch on it copies the file, but
    `mkdir -p` is of its own directory only. The API server requires that unit, so it would not start."""
    path = webhook_file(cluster)
    if path is None or not cluster.authenticator_init or cluster.is_hub:
        return False
    return posixpath.dirname(_plain(path)) not in _MADE_DIRECTORIES


def doubtful_webhook_file(cluster: Cluster) -> str | None:
    """Why a file that does arrive is hardly the one that was meant, None if there is no doubt."""
    path = webhook_file(cluster)
    if path is None:
        return None
    if any(character.isspace() for character in path):
        return "there is a blank in it"
    if not path.isprintable():
        return "there is an invisible character in it"
    if path.endswith("/") or _plain(path) in _MADE_DIRECTORIES:
        return "it is a directory"
    return None if path == _plain(path) else f"it is a roundabout way to write {_plain(path)}"


def _plain(path: str) -> str:
    return posixpath.normpath(f"/{path.lstrip('/')}")
