"""Groups that mean something to Kubernetes itself, whatever bindings say."""

from __future__ import annotations

__all__ = ["ADMINS", "EVERYONE", "NODES", "joined_groups"]

ADMINS = "system:masters"
"""Everything in the cluster."""
NODES = "system:nodes"
EVERYONE = "system:authenticated"
"""Everybody who gets in has it."""


def joined_groups(text: str) -> tuple[str, ...] | None:
    """The groups that somebody meant who wrote several into one text, with commas; None for the name of one group.

    A distinguished name of LDAP (`cn=ops,dc=example`) is one: groups of other logins may be called so.
    """
    parts = tuple(part.strip() for part in text.split(","))
    if len(parts) == 1 or all("=" in part for part in parts):
        return None
    return tuple(part for part in parts if part)
