"""The built-in emitters, in the order in which their objects are applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tarmak_iam.emit.artifact import Artifact, Manifest
from tarmak_iam.emit.configmap import configmap, emit_configmap
from tarmak_iam.emit.daemonset import daemonset, emit_daemonset
from tarmak_iam.emit.flags import emit_flags
from tarmak_iam.emit.kubeconfig import emit_kubeconfig
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation import Installation

__all__ = ["EMITTERS", "Emitter", "manifests", "render"]


@dataclass(frozen=True, slots=True)
class Emitter:
    """`emit` may raise ConfigError: the artifact cannot be made right, and the message says why.

    `manifest` gives the Kubernetes object that the artifact holds, if it is one. An `optional` artifact is
    left out of a whole set where it cannot be made; the others need each other.
    """

    name: str
    emit: Callable[[Installation], tuple[Artifact, ...]]
    manifest: Callable[[Installation], Manifest] | None = None
    optional: bool = False


EMITTERS = (
    Emitter("flags", emit_flags),
    Emitter("configmap", emit_configmap, configmap),
    Emitter("daemonset", emit_daemonset, daemonset),
    Emitter("kubeconfig", emit_kubeconfig, optional=True),
)


def manifests(installation: Installation) -> list[Manifest]:
    """The Kubernetes objects, in apply order. Raises ConfigError."""
    _refuse_hub(installation)
    return [emitter.manifest(installation) for emitter in EMITTERS if emitter.manifest]


def render(installation: Installation) -> tuple[list[Artifact], list[tuple[str, ConfigError]]]:
    """All artifacts, and what was left out with the reason. Raises ConfigError."""
    _refuse_hub(installation)
    artifacts: list[Artifact] = []
    left_out: list[tuple[str, ConfigError]] = []
    for emitter in EMITTERS:
        try:
            artifacts += emitter.emit(installation)
        except ConfigError as error:
            if not emitter.optional:
                raise
            left_out.append((emitter.name, error))
    return artifacts, left_out


def _refuse_hub(installation: Installation) -> None:
    if installation.is_hub:
        raise ConfigError(
            f"{installation.cluster_id} is a hub: it has no masters to run the authenticator on",
            remedy="choose one of the environment's clusters",
        )
