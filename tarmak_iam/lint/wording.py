"""What several rules say in the same words."""

from __future__ import annotations

from tarmak_iam.installation import Installation
from tarmak_iam.kubeconfig import KUBECONFIG_NAME, open_door
from tarmak_iam.lint.entries import Entry

__all__ = ["for_admins", "way_in", "with_way_in"]

_SOME_DOOR = open_door(f"<dir>/<cluster_name>/{KUBECONFIG_NAME}")


def way_in(installation: Installation | None = None) -> str:
    """Every message about a lock-out says that this door stays open."""
    return installation.way_in if installation else _SOME_DOOR


def with_way_in(message: str, installation: Installation) -> str:
    """The message of a rule that sees the mappings alone, with the cluster's own door in it."""
    return message.replace(_SOME_DOOR, installation.way_in)


def for_admins(entry: Entry, what: str, installation: Installation | None = None) -> str:
    """The message, and the door that stays open where the entry was to let an admin in."""
    return f"{what}; {way_in(installation)}" if entry.is_admin else what
