"""Artifacts of an installation: flags, manifests, kubeconfigs. One module per artifact."""

from tarmak_iam.emit.artifact import Artifact, Emitter, Manifest, yaml_bytes
from tarmak_iam.emit.emitters import EMITTERS, load_emitters, manifests, render
from tarmak_iam.emit.notes import notes

__all__ = [
    "EMITTERS",
    "Artifact",
    "Emitter",
    "Manifest",
    "load_emitters",
    "manifests",
    "notes",
    "render",
    "yaml_bytes",
]
