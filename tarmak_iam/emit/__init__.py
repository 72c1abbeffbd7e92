"""Artifacts of an installation: flags, manifests, kubeconfigs. One module per artifact."""

from tarmak_iam.emit.artifact import Artifact
from tarmak_iam.emit.emitters import EMITTERS, manifests

__all__ = ["EMITTERS", "Artifact", "manifests"]
