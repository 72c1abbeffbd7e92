"""Texts that would be another key, flag, line or value where they are not quoted as they must be."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import strategies as st

__all__ = ["TEXTS", "texts"]

TEXTS: tuple[str, ...] = tuple(json.loads(Path(__file__).with_name("awkward.json").read_bytes()))

_PIECES = st.sampled_from([*TEXTS, ": ", " #", "\n---\n", "\n  - ", '"', "'", "\\", "$(", ")", "%{", "}}", ",", "="])


def texts() -> st.SearchStrategy[str]:
    """Awkward pieces in any order, and any text that can be encoded."""
    any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    return st.one_of(any_text, st.lists(st.one_of(_PIECES, any_text), min_size=1, max_size=4).map("".join))
