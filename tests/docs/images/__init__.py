"""The pictures in docs/images that `make images` draws, since they change with the program; the others are drawn by
hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.docs.images.bars import bars
from tests.docs.images.terminal import terminal
from tests.support import ROOT

__all__ = ["IMAGES", "TARGET"]

TARGET = ROOT / "docs" / "images"

IMAGES: dict[Path, Callable[[], str]] = {
    TARGET / "terminal.svg": terminal,
    TARGET / "bars.svg": bars,
}
"""Each file with the function that draws it."""
