"""The webhook file of the API server: where Tarmak expects it, and what is wrong with its name."""

from __future__ import annotations

import posixpath
import re

from tarmak_iam.config.cluster import Cluster

WEBHOOK_FLAG = "authentication-token-webhook-config-file"
"""The only webhook flag that Tarmak sets: no cache TTL and no version (the daemon supports v1beta1)."""

DEFAULT_WEBHOOK_FILE = "/etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml"
"""Puppet's default, if `awsIAMAuthenticatorInit` is on and no file is set."""

INIT_DIRECTORY = posixpath.dirname(DEFAULT_WEBHOOK_FILE)
"""The only directory that the init unit creates, with its parents."""

_INIT_DIRECTORIES = (INIT_DIRECTORY, "/etc/kubernetes", "/etc")


# Tarmak writes the value into hieradata (hiera interpolates %{}) and into a systemd unit (where $ and % are special),
# in double quotes but without escaping.
_UNSAFE = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\"'\\$%]"


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
    unsafe = re.search(_UNSAFE, path)
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
