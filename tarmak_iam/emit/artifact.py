"""Emitters, and what they generate: Kubernetes objects, and files with a mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.installation import Installation


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
    """Generates one artifact of an installation: files, Kubernetes objects, or both.

    `files` and `objects` may raise ConfigError, which says why the artifact cannot be generated. They return () where
    the installation does not need the artifact. `missing` returns why the artifact is skipped when a whole set is
    generated: something that only this artifact requires does not exist.
    """

    name: str
    files: Callable[[Installation], tuple[Artifact, ...]] = _nothing
    objects: Callable[[Installation], tuple[Manifest, ...]] = _nothing
    missing: Callable[[Installation], ConfigError | None] = lambda _: None

    @property
    def makes_objects(self) -> bool:
        """Whether it may generate objects. Emitters that do not are ignored where only objects are needed."""
        return self.objects is not _nothing
