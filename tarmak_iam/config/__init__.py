"""tarmak.yaml: how it is found and read as Tarmak reads it, its clusters and sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.plugins import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import Cluster
    from tarmak_iam.config.config import ConfigEdits, TarmakConfig
else:
    __getattr__, __dir__ = lazy_exports(__name__, {".cluster": "Cluster", ".config": "ConfigEdits TarmakConfig"})

__all__ = ["Cluster", "ConfigEdits", "TarmakConfig"]
