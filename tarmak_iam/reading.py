"""An installation of what a cluster's files say, and where each value of it comes from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from tarmak_iam.clusterfiles import ClusterFiles
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.installation import Installation
from tarmak_iam.provenance import Provenance
from tarmak_iam.settings import SettingError

__all__ = ["read_installation"]

_LOGGER = logging.getLogger(__name__)


def read_installation(
    config: TarmakConfig,
    cluster: Cluster,
    files: ClusterFiles,
    overrides: Mapping[str, Any] | None = None,
    *,
    with_admin: bool = False,
) -> Installation:
    """What a cluster's own files make of it; Tarmak's kubeconfig is among them only `with_admin`.

    Raises TarmakIamError, at the setting where it is one of the file that cannot be used.
    """
    admin = files.admin_kubeconfig() if with_admin else None
    settings, document = files.read_settings()
    try:
        made = Installation.of(
            config, cluster, files.mappings(), settings, overrides, admin=admin, follow_links=files.follow_links
        )
    except SettingError as error:
        is_given = (overrides or {}).get(error.setting) is not None  # in an option, not in the file
        if is_given or document is None or not document.has((error.setting,)):
            raise
        raise error.at(document.position((error.setting,))) from None
    if _LOGGER.isEnabledFor(logging.INFO):
        for line in Provenance(config.document, cluster, made.settings, document, overrides or {}).lines():
            _LOGGER.info(line)
        _LOGGER.info("region: %s, partition: %s", made.region or "unknown", made.partition)
    return made
