"""Regenerates the reference."""

from __future__ import annotations

from tests.docs.reference import GENERATED

for path, text in GENERATED.items():
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(), encoding="utf-8")
