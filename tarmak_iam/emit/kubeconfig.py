"""The client's kubeconfig: kubectl gets its tokens from a command."""

from __future__ import annotations

from tarmak_iam.aws.arn import parse_arn
from tarmak_iam.document.dump import yaml_bytes
from tarmak_iam.emit.artifact import Artifact, Emitter
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.installation import Installation
from tarmak_iam.kubeconfig.exec_plugin import exec_plugin


def client_kubeconfig(installation: Installation) -> Manifest:
    """The cluster is named by its id, context and user by `<cluster id>-<role name>` where there is a role.

    Raises ConfigError for a hub, for settings that cannot work together, for a public address that is none, and where
    Tarmak's own kubeconfig, which knows the CA, is missing.
    """
    installation.check_masters()
    cluster = installation.cluster_id
    reason = missing_ca(installation)
    if reason is not None:
        raise reason
    assert installation.admin is not None
    server = api_server(installation)
    role = installation.settings.role
    login = f"{cluster}-{parse_arn(role).name}" if role else cluster
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster, "cluster": {"server": server, "certificate-authority-data": installation.admin.ca_data}}
        ],
        "contexts": [{"name": login, "context": {"cluster": cluster, "user": login}}],
        "current-context": login,
        "users": [{"name": login, "user": {"exec": exec_plugin(installation)}}],
    }


def api_server(installation: Installation) -> str | None:
    """The address that the kubeconfig has: the public one, else that of Tarmak's own kubeconfig; None without one.

    Raises ConfigError for a public address that is none.
    """
    return installation.safe_public_address() or (installation.admin.server if installation.admin else None)


def missing_ca(installation: Installation) -> ConfigError | None:
    """Why there can be no kubeconfig yet."""
    if installation.admin is not None:
        return None
    return ConfigError(
        "the CA of the cluster is unknown: Tarmak's own kubeconfig is missing",
        remedy=f"run `{installation.command_line.tarmak('clusters kubeconfig')}` once",
        place=Place(str(installation.admin_path)) if installation.admin_path else None,
    )


def emit_kubeconfig(installation: Installation) -> tuple[Artifact, ...]:
    """`kubeconfig`, for its owner only."""
    return (Artifact("kubeconfig", yaml_bytes(client_kubeconfig(installation)), 0o600),)


KUBECONFIG = Emitter("kubeconfig", files=emit_kubeconfig, missing=missing_ca)
