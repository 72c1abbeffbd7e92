"""The IAMIdentityMapping objects, which the backend CRD watches."""

from __future__ import annotations

from tarmak_iam.emit.artifact import Emitter, Manifest
from tarmak_iam.emit.labels import labels
from tarmak_iam.installation import Installation

__all__ = ["IDENTITY_MAPPINGS", "identity_mappings"]


def identity_mappings(installation: Installation) -> tuple[Manifest, ...]:
    """None for other backends. Raises ConfigError as `Installation.delivery` does."""
    return tuple(
        {**each, "metadata": {**each["metadata"], "labels": labels(installation)}}
        for each in installation.delivery.identity_mappings
    )


IDENTITY_MAPPINGS = Emitter("identity-mappings", objects=identity_mappings)
