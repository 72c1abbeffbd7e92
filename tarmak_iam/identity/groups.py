"""Groups that mean something to Kubernetes itself, whatever bindings say."""

from __future__ import annotations

__all__ = ["ADMINS", "EVERYONE", "NODES"]

ADMINS = "system:masters"
"""Everything in the cluster."""
NODES = "system:nodes"
EVERYONE = "system:authenticated"
"""Everybody who gets in has it."""
