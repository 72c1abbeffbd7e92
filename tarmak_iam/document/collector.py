"""Reading without garbage collection."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["uncollected"]


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collection: a document's nodes make no cycles, and looking for some again and again while
    they come into being by the thousand takes as long as the reading itself, and more the larger the file is."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
