"""A cluster that apply, diff, rollback and verify work on."""

from __future__ import annotations

from tests.support.kubectl_stand import stand

__all__ = ["stand"]
