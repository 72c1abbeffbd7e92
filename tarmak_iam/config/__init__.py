"""tarmak.yaml: finding it, reading it as Tarmak does, its clusters and sections."""

from tarmak_iam.config.cluster import Cluster
from tarmak_iam.config.config import TarmakConfig

__all__ = ["Cluster", "TarmakConfig"]
