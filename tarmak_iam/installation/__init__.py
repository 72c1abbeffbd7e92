"""One cluster's IAM authentication: settings, images, files, the daemon, what its backends get, as one Installation.

The names are imported when they are first used: whoever needs the settings alone does not load the daemon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.installation.cluster_files import ClusterFiles
    from tarmak_iam.installation.installation import Installation, Provenance
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "ClusterFiles": "tarmak_iam.installation.cluster_files",
            "Installation": "tarmak_iam.installation.installation",
            "Provenance": "tarmak_iam.installation.installation",
        },
    )

__all__ = [
    "ClusterFiles",
    "Installation",
    "Provenance",
]
