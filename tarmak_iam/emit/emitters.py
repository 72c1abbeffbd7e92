"""The built-in emitters, in the order in which their objects are applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tarmak_iam.emit.artifact import Artifact, Manifest
from tarmak_iam.emit.configmap import configmap, emit_configmap
from tarmak_iam.emit.daemonset import daemonset, emit_daemonset
from tarmak_iam.emit.flags import emit_flags
from tarmak_iam.emit.kubeconfig import emit_kubeconfig, missing_ca
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation import Installation

__all__ = ["EMITTERS", "Emitter", "manifests", "render"]


@dataclass(frozen=True, slots=True)
class Emitter:
    """`emit` may raise ConfigError: the artifact cannot be made right, and the message says why.

    `manifest` gives the Kubernetes object that the artifact holds, if it is one. `missing` gives the
    reason to leave the artifact out of a whole set: something that it alone needs is not there.
    """

    name: str
    emit: Callable[[Installation], tuple[Artifact, ...]]
    manifest: Callable[[Installation], Manifest] | None = None
    missing: Callable[[Installation], ConfigError | None] = lambda _: None


EMITTERS = (
    Emitter("flags", emit_flags),
    Emitter("configmap", emit_configmap, configmap),
    Emitter("daemonset", emit_daemonset, daemonset),
    Emitter("kubeconfig", emit_kubeconfig, missing=missing_ca),
)


def manifests(installation: Installation) -> list[Manifest]:
    """The Kubernetes objects, in apply order. Raises ConfigError."""
    installation.check_masters()
    return [emitter.manifest(installation) for emitter in EMITTERS if emitter.manifest]


def render(installation: Installation) -> tuple[list[Artifact], list[tuple[str, ConfigError]]]:
    """All artifacts, and what was left out with the reason. Raises ConfigError."""
    installation.check_masters()
    artifacts: list[Artifact] = []
    left_out: list[tuple[str, ConfigError]] = []
    for emitter in EMITTERS:
        reason = emitter.missing(installation)
        if reason is not None:
            left_out.append((emitter.name, reason))
            continue
        artifacts += emitter.emit(installation)
    return artifacts, left_out
