"""What several rules say in the same words."""

from __future__ import annotations

from tarmak_iam.admin_access import NOT_EXAMINED
from tarmak_iam.installation import Installation
from tarmak_iam.lint.entries import Entry

__all__ = ["for_admins", "way_in", "with_way_in"]


def way_in(installation: Installation | None = None) -> str:
    """What every message about a lock-out says of the admin certificate; a rule that sees the mappings alone cannot
    know it."""
    return installation.admin_access.text if installation else NOT_EXAMINED


def with_way_in(message: str, installation: Installation) -> str:
    """The message of a rule that sees the mappings alone, with what was found of the cluster's admin certificate."""
    return message.replace(NOT_EXAMINED, way_in(installation)) if NOT_EXAMINED in message else message


def for_admins(entry: Entry, what: str, installation: Installation | None = None) -> str:
    """The message, and what was found of the way back where the entry was to let an admin in."""
    return f"{what}; {way_in(installation)}" if entry.is_admin else what
