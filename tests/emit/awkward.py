"""Texts that would be another key, flag, line or value where they are not quoted as they must be."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["TEXTS", "texts"]

TEXTS = (
    'say "hi"',
    "it's",
    "back\\slash \\n \\x41",
    "a: b # c",
    "- a",
    "--- ",
    "---",
    "...",
    "{{SessionName}}",
    "$(id)",
    "$(AWS_REGION) $$ $",
    "%{facts} %i %%",
    "`id`",
    "!!str x",
    "&a *a",
    "| >",
    "line\nbreak",
    "line\r\nbreak",
    "\n",
    "tab\there",
    "  both  ",
    "é\u2028\u2029\x85\u00a0",
    "\ufeff",
    "\u202etxt.exe",
    "\U0001f511",
    "null",
    "~",
    "yes",
    "012",
    "1e3",
    "0x1f",
    "12:30",
    "2019-06-01",
    "=",
    "<<",
    "--privileged",
    "x" * 300,
    "word " * 60,
)

_PIECES = st.sampled_from([*TEXTS, ": ", " #", "\n---\n", "\n  - ", '"', "'", "\\", "$(", ")", "%{", "}}", ",", "="])


def texts() -> st.SearchStrategy[str]:
    """Awkward pieces in any order, and any text that can be encoded."""
    any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    return st.one_of(any_text, st.lists(st.one_of(_PIECES, any_text), min_size=1, max_size=4).map("".join))
