"""How privileged somebody is."""

from __future__ import annotations

from enum import Enum

__all__ = ["Privilege"]


class Privilege(str, Enum):
    """The most that a username and its groups are worth, the greatest first."""

    ADMIN = "admin"
    """Everything in the cluster: system:masters, a binding to such a role for the whole cluster, or the right to write
    the IAM mappings or to run code where the authenticator runs."""
    NODE = "node"
    """The identity of a node, with what the Node authorizer gives it."""
    ELEVATED = "elevated"
    """A right that leads to more of them, by a binding (see `escalations`); known only where a cluster was asked, or
    for usernames that Kubernetes itself binds."""
    NONE = "none"
    """None of these, as far as is known."""

    def __str__(self) -> str:
        return self.value

    @property
    def rank(self) -> int:
        return list(Privilege).index(self)
