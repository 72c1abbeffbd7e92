"""What takes long to make, made by one of pytest-xdist's workers for all of them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.compat.surroundings import build

__all__ = ["built_once", "made_once"]


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A directory in which `make` has put something in this run of pytest; the others wait for it meanwhile.

    Where it raises, the next one tries again, in another directory.
    """
    place = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent  # that of the run; by itself, the parent is that of all runs
    done = place / f"{name}.made"
    with (place / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            directory = factory.mktemp(name)
            make(directory)
            done.write_text(str(directory))
    return Path(done.read_text())


def built_once(factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist and the wheel of the checkout as it is. Raises Missing."""
    directory = made_once(factory, "dist", build)
    (sdist,), (wheel,) = directory.glob("*.tar.gz"), directory.glob("*.whl")
    return sdist, wheel
