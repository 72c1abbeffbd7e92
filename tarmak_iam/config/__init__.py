"""tarmak.yaml: how it is found and read as Tarmak reads it, its clusters and sections."""

from tarmak_iam.config.cluster import Cluster
from tarmak_iam.config.config import TarmakConfig

__all__ = ["Cluster", "TarmakConfig"]
