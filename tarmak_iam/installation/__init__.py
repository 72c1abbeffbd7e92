"""The IAM authentication of one cluster. Names are imported when first used: settings do not load the authenticator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.plugins import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.installation.cluster_files import ClusterFiles
    from tarmak_iam.installation.installation import Installation
else:
    __getattr__, __dir__ = lazy_exports(__name__, {".cluster_files": "ClusterFiles", ".installation": "Installation"})

__all__ = ["ClusterFiles", "Installation"]
