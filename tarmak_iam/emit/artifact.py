"""What all emitters share: their type, what they generate, and the names and labels of all objects."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.installation import Installation

NAME = "aws-iam-authenticator"
NAMESPACE = "kube-system"
SELECTOR = {"k8s-app": NAME}
"""As in Tarmak's documentation. A selector cannot be changed later, so it contains nothing that varies."""

# Kubernetes' rule for the value of a label, without the empty value, which is not needed here.
_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z", re.ASCII)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A generated file. `name`: its file name. `data`: its content. `mode`: its permissions, 0600 for a file that only
    its owner may read."""

    name: str
    data: bytes
    mode: int = 0o644

    @property
    def is_secret(self) -> bool:
        """Whether only its owner may read it."""
        return self.mode & 0o077 == 0


def _nothing(_: Installation) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True)
class Emitter:
    """Generates one artifact of an installation: files, Kubernetes objects, or both. `files` and `objects` return ()
    where the installation does not need the artifact, and may raise ConfigError, which says why it cannot be generated.
    `missing` returns why the artifact is skipped when a whole set is generated: something that only this artifact
    requires does not exist."""

    name: str
    files: Callable[[Installation], tuple[Artifact, ...]] = _nothing
    objects: Callable[[Installation], tuple[Manifest, ...]] = _nothing
    missing: Callable[[Installation], ConfigError | None] = lambda _: None

    @property
    def makes_objects(self) -> bool:
        """Whether it may generate objects. Emitters that do not are ignored where only objects are needed."""
        return self.objects is not _nothing


def labelled(
    installation: Installation,
    api_version: str,
    kind: str,
    name: str = NAME,
    namespace: str = NAMESPACE,
    **content: Any,
) -> Manifest:
    """A Kubernetes object with the labels of every object, and the addon manager's mode where it is set; without a
    namespace where that is empty."""
    mode = installation.settings.addonManagerMode
    labels = pod_labels(installation) | ({"addonmanager.kubernetes.io/mode": mode} if mode else {})
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **where, "labels": labels}, **content}


def pod_labels(installation: Installation) -> dict[str, str]:
    """The labels of the pod template. Without the addon manager's mode: it does not apply to pods, and a change would
    restart them."""
    return {
        **SELECTOR,
        "app.kubernetes.io/name": NAME,
        "app.kubernetes.io/instance": label_value(installation.cluster_id),
        "app.kubernetes.io/version": str(installation.running_version),
        "app.kubernetes.io/component": "webhook",
        "app.kubernetes.io/part-of": "tarmak",
        "app.kubernetes.io/managed-by": "tarmak-iam",
    }


def label_value(text: str) -> str:
    """The text if it is a valid label value; else the valid part of it, with a digest of the whole text."""
    if _VALUE.match(text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return f"{_UNSAFE.sub('-', text)[:52].strip('._-')}-{digest}".lstrip("-")
