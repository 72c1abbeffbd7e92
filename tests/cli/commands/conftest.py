"""The directory that `check --fix` works on."""

from __future__ import annotations

from tests.cli.commands.fixable import home

__all__ = ["home"]
