"""What emitters make: Kubernetes objects, and named bytes with a file mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.installation import Installation


@dataclass(frozen=True, slots=True)
class Artifact:
    """`name` is a file name; `mode` its permissions: 0600 for what is nobody else's business."""

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
    """What makes one artifact of an installation: files, Kubernetes objects, or both.

    Both may raise ConfigError: the artifact cannot be made right, and the message says why. An artifact that an
    installation has no use for is an empty tuple. `missing` gives the reason to leave the artifact out of a whole
    set: something that it alone needs is not there.
    """

    name: str
    files: Callable[[Installation], tuple[Artifact, ...]] = _nothing
    objects: Callable[[Installation], tuple[Manifest, ...]] = _nothing
    missing: Callable[[Installation], ConfigError | None] = lambda _: None

    @property
    def makes_objects(self) -> bool:
        """Whether it is one that may make objects; the others are no matter where only these are wanted."""
        return self.objects is not _nothing
