"""The reference in docs/reference, written from the program: `make reference`, and a test that it is up to date."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.docs.reference.api import MODULES, api, module_page
from tests.docs.reference.commands import commands
from tests.docs.reference.versions import versions
from tests.support import ROOT

__all__ = ["GENERATED", "TARGET"]

TARGET = ROOT / "docs" / "reference"

GENERATED: dict[Path, Callable[[], str]] = {
    TARGET / "commands.md": commands,
    TARGET / "versions.md": versions,
    TARGET / "api.md": api,
    **{TARGET / "api" / f"{name}.md": partial(module_page, name) for name in MODULES},
}
"""Each file with what writes it."""
