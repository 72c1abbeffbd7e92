"""What should be known of the objects that are given out, beside what they say themselves."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.installation import Installation

__all__ = ["notes"]


def notes(installation: Installation) -> tuple[str, ...]:
    """Raises ConfigError as `Installation.delivery` does."""
    return tuple(_notes(installation))


def _notes(installation: Installation) -> Iterator[str]:
    yield from map(str, installation.delivery.notes)
    if "CRD" in installation.daemon.backends:
        yield (
            "the IAMIdentityMapping objects are only taken once the CustomResourceDefinition is there: "
            "where it is new, apply twice"
        )
        yield (
            "an entry that is taken out stays in the cluster as an object, and lets its principal in, until somebody "
            "deletes it: kubectl delete iamidentitymappings NAME"
        )
