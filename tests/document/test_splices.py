"""Splices of several changes in one text."""

from __future__ import annotations

import pytest

from tarmak_iam.document.nodes import Span
from tarmak_iam.document.splices import Splice, apply_splices, joined_spans


def test_all_at_once() -> None:
    assert (
        apply_splices("abcdef", [Splice(4, 5, "E"), Splice(0, 0, "<"), Splice(1, 3, ""), Splice(4, 4, "-")]) == "<ad-Ef"
    )
    assert apply_splices("ab", [Splice(1, 1, "1"), Splice(1, 1, "2")]) == "a12b"
    with pytest.raises(ValueError, match="overlapping"):
        apply_splices("abc", [Splice(0, 2, ""), Splice(1, 3, "")])


def test_spans_that_touch_are_one() -> None:
    assert joined_spans([Span(5, 6), Span(0, 2), Span(2, 4), Span(1, 3)]) == [Span(0, 4), Span(5, 6)]
