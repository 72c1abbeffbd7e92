"""The daemon's settings beside its mappings: where it listens and what it keeps where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.identity.config_file import load_config, lowers_lists
from tarmak_iam.identity.flags import parse_flags
from tarmak_iam.identity.versions import DaemonVersion
from tarmak_iam.identity.viper import Settings, as_boolean, as_integer, as_text

__all__ = ["DEFAULT_PORT", "DEFAULT_STATE_DIR", "ServerSettings", "read_server_settings"]

DEFAULT_PORT = 21362
DEFAULT_STATE_DIR = "/var/aws-iam-authenticator"
"""Working directory of Tarmak's init unit too."""

# Of the flags of `server`, and of `init`, whose host name the server reads too.
_DEFAULTS: dict[str, Any] = {
    "server.address": "127.0.0.1",
    "server.hostname": "localhost",
    "server.port": DEFAULT_PORT,
    "server.stateDir": DEFAULT_STATE_DIR,
}


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """As the daemon takes them, checked by nobody yet."""

    cluster_id: str = ""
    hostname: str = _DEFAULTS["server.hostname"]
    address: str = _DEFAULTS["server.address"]
    port: int = DEFAULT_PORT
    state_dir: str = DEFAULT_STATE_DIR
    kubeconfig_is_pregenerated: bool = False


def read_server_settings(document: Document | None, version: DaemonVersion, args: Iterable[str] = ()) -> ServerSettings:
    """From the configuration (None: there is none) and the daemon's flags; its mappings are not looked at, as `init`
    does not. Raises NotStarted for a file or flag that the version cannot read."""
    settings = Settings(
        load_config(document, version) if document else None,
        parse_flags(args, version).values,
        _DEFAULTS,
        null_shadows=not lowers_lists(version),
    )
    return ServerSettings(
        cluster_id=as_text(settings.get("clusterID")),
        hostname=as_text(settings.get("server.hostname")),
        address=as_text(settings.get("server.address")),
        port=as_integer(settings.get("server.port")),
        state_dir=as_text(settings.get("server.stateDir")),
        kubeconfig_is_pregenerated=as_boolean(settings.get("server.kubeconfigPregenerated")),
    )
