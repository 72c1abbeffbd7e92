"""The ConfigMap with the authenticator's configuration: the mappings file, comments and all."""

from __future__ import annotations

from collections.abc import Mapping

from tarmak_iam.delivery import CONFIG_KEY, MAX_CONFIGMAP, size
from tarmak_iam.emit.artifact import Emitter, Manifest
from tarmak_iam.emit.labels import NAME, NAMESPACE, labels
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation import Installation

__all__ = ["CONFIGMAP", "check_size", "configmap"]


def configmap(installation: Installation) -> Manifest:
    """Raises ConfigError where there are no mappings, or none that the daemon would start with."""
    text = installation.daemon_config()
    data = {CONFIG_KEY: text}
    check_size(data)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels(installation)},
        "data": data,
    }


def check_size(data: Mapping[str, str]) -> None:
    """Raises ConfigError for more than a ConfigMap takes."""
    if size(data) > MAX_CONFIGMAP:
        raise ConfigError(
            "the mappings are larger than a ConfigMap can be (1 MiB)", remedy="map groups of people by role"
        )


CONFIGMAP = Emitter("configmap", objects=lambda installation: (configmap(installation),))
