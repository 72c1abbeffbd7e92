"""Artifacts of an installation: flags, manifests, kubeconfigs. One module per artifact."""

from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit.artifact import Artifact, Emitter
from tarmak_iam.emit.backend_objects import notes
from tarmak_iam.emit.directory import DirectoryPlan, FileAction, FileStep
from tarmak_iam.emit.emitters import EMITTERS, load_emitters, manifests, render
from tarmak_iam.installation.backend_payloads import Manifest

__all__ = ["EMITTERS", "Artifact", "DirectoryPlan", "Emitter", "FileAction", "FileStep", "Manifest", "load_emitters"]
__all__ += ["manifests", "notes", "render", "yaml_bytes"]
