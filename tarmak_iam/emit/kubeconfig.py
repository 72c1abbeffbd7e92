"""The client's kubeconfig: kubectl gets its tokens from `aws-iam-authenticator token`."""

from __future__ import annotations

from typing import Any

from tarmak_iam.emit.artifact import Artifact, Emitter, Manifest, yaml_bytes
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.installation import Installation

__all__ = ["KUBECONFIG", "client_kubeconfig", "emit_kubeconfig", "missing_ca"]

_EXEC_API = "client.authentication.k8s.io/v1beta1"
"""kubectl 1.24 dropped v1alpha1; v1 exists from 1.22 on only."""


def client_kubeconfig(installation: Installation) -> Manifest:
    """Cluster and context are named by the cluster id.

    Raises ConfigError for a hub, for a public address that is none, and where Tarmak's own kubeconfig, which knows
    the CA, is missing.
    """
    installation.check_masters()
    name = installation.cluster_id
    reason = missing_ca(installation)
    if reason is not None:
        raise reason
    assert installation.admin is not None
    server = installation.safe_public_address() or installation.admin.server
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server, "certificate-authority-data": installation.admin.ca_data}}
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
        "users": [{"name": name, "user": {"exec": _exec(installation)}}],
    }


def missing_ca(installation: Installation) -> ConfigError | None:
    """Why there can be no kubeconfig yet."""
    if installation.admin is not None:
        return None
    return ConfigError(
        "the CA of the cluster is unknown: Tarmak's own kubeconfig is missing",
        remedy="run `tarmak clusters kubeconfig` once",
        place=Place(str(installation.admin_path)) if installation.admin_path else None,
    )


def emit_kubeconfig(installation: Installation) -> tuple[Artifact, ...]:
    """`kubeconfig`, for its owner only."""
    return (Artifact("kubeconfig", yaml_bytes(client_kubeconfig(installation)), 0o600),)


def _exec(installation: Installation) -> dict[str, Any]:
    settings = installation.settings
    args = ["token", "-i", installation.cluster_id]
    if settings.role:
        args += ["-r", settings.role]
    command: dict[str, Any] = {"apiVersion": _EXEC_API, "command": "aws-iam-authenticator", "args": args}
    if settings.profile:
        command["env"] = [{"name": "AWS_PROFILE", "value": settings.profile}]
    return command


KUBECONFIG = Emitter("kubeconfig", files=emit_kubeconfig, missing=missing_ca)
