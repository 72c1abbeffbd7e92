"""The kubeconfig for users: kubectl gets its tokens from a command."""

from __future__ import annotations

from tarmak_iam.aws.arn import parse_arn
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit.artifact import Artifact, Emitter
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.installation import Installation
from tarmak_iam.kubeconfig.connection import authority_data, check_context_name, check_proxy, check_server
from tarmak_iam.kubeconfig.exec_plugin import exec_plugin


def client_kubeconfig(
    installation: Installation,
    *,
    server: str | None = None,
    certificate_authority: bytes | None = None,
    proxy_url: str | None = None,
    alias: str | None = None,
    session_name: str | None = None,
) -> Manifest:
    """The kubeconfig as plain data. Its cluster is named by the cluster ID; its user `<cluster ID>-<role name>`, or the
    cluster ID where there is no role; its context like the user, or `alias`.

    `server` is the URL of the API server; None for the public address, else the one in Tarmak's own kubeconfig.
    `certificate_authority` is PEM; None for the CA in Tarmak's own kubeconfig. With a `server`, and without either of
    them, the kubeconfig has no CA: kubectl then uses those of the operating system, and never skips verification.
    `session_name` is the name of the role session.

    Raises ConfigError for a hub, for settings or values that cannot be used, and where server or CA are unknown.
    """
    installation.check_masters()
    cluster = installation.cluster_id
    role = installation.settings.role
    login = f"{cluster}-{parse_arn(role).name}" if role else cluster
    context = login if alias is None else check_context_name(alias)
    if server is None and certificate_authority is None and (reason := missing_ca(installation)) is not None:
        raise reason
    address = api_server(installation) if server is None else check_server(server)
    if address is None:
        raise _unknown(installation, "the address of the API server is unknown", "--server URL")
    content = {"server": address}
    if certificate_authority is not None:
        content["certificate-authority-data"] = authority_data(certificate_authority)
    elif installation.admin is not None:
        content["certificate-authority-data"] = installation.admin.ca_data
    if proxy_url is not None:
        content["proxy-url"] = check_proxy(proxy_url)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": content}],
        "contexts": [{"name": context, "context": {"cluster": cluster, "user": login}}],
        "current-context": context,
        "users": [{"name": login, "user": {"exec": exec_plugin(installation, session_name)}}],
    }


def api_server(installation: Installation) -> str | None:
    """The public address, else the one in Tarmak's own kubeconfig; None without either. Raises ConfigError for a public
    address that is not a valid URL."""
    return installation.safe_public_address() or (installation.admin.server if installation.admin else None)


def missing_ca(installation: Installation) -> ConfigError | None:
    """Why no kubeconfig can be generated from Tarmak's own; None where nothing is missing."""
    if installation.admin is not None:
        return None
    options = "--certificate-authority FILE"
    if installation.cluster.public_address is None:
        options = f"--server URL {options}"
    return _unknown(installation, "the CA of the cluster is unknown", options)


def _unknown(installation: Installation, what: str, options: str) -> ConfigError:
    tarmak = installation.command_line.tarmak("clusters kubeconfig")
    return ConfigError(
        f"{what}: Tarmak's own kubeconfig does not exist",
        remedy=f"run `{tarmak}`, or `{installation.command(f'kubeconfig {options}')}`",
        place=Place(str(installation.admin_path)) if installation.admin_path else None,
    )


KUBECONFIG = Emitter(
    "kubeconfig",
    files=lambda installation: (Artifact("kubeconfig", yaml_bytes(client_kubeconfig(installation)), 0o600),),
    missing=missing_ca,
)
