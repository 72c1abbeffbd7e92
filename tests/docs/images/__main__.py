"""Draws the pictures, or those whose names are given: `python -m tests.docs.images bars`."""

from __future__ import annotations

import sys

from tests.docs.images import IMAGES

for path, drawn in IMAGES.items():
    if path.stem in (sys.argv[1:] or [path.stem]):
        path.write_text(drawn(), encoding="utf-8")
