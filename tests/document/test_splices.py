"""Splices of several changes in one text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.document.nodes import Span
from tarmak_iam.document.splices import ClaimedSpans, Splice, apply_splices, joined_spans
from tarmak_iam.routes import Route


def test_all_at_once() -> None:
    assert (
        apply_splices("abcdef", [Splice(4, 5, "E"), Splice(0, 0, "<"), Splice(1, 3, ""), Splice(4, 4, "-")]) == "<ad-Ef"
    )
    assert apply_splices("ab", [Splice(1, 1, "1"), Splice(1, 1, "2")]) == "a12b"
    with pytest.raises(ValueError, match="overlapping"):
        apply_splices("abc", [Splice(0, 2, ""), Splice(1, 3, "")])


def test_spans_that_touch_are_one() -> None:
    assert joined_spans([Span(5, 6), Span(0, 2), Span(2, 4), Span(1, 3)]) == [Span(0, 4), Span(5, 6)]


def test_who_may_insert_at_one_point() -> None:
    claimed, mapping, inside, another = ClaimedSpans(), Route.of(("a",)), Route.of(("a", "b", 0)), Route.of(("c",))
    assert claimed.claim([Splice(3, 3, "a")], mapping)
    assert claimed.claim([Splice(3, 3, "b")], mapping)
    assert not claimed.claim([Splice(3, 3, "c")], another)
    assert claimed.claim([Splice(3, 3, "d")], inside)  # what is deeper comes first
    assert claimed.claim([Splice(3, 3, "e")], mapping)
    assert not claimed.claim([Splice(3, 3, "f")], Route.of(("a", "c")))
    assert not claimed.claim([Splice(2, 4, "")], mapping)
    assert claimed.claim([Splice(3, 5, "")], another)  # begins where something goes in


SPLICES = st.tuples(st.integers(0, 9), st.integers(0, 3)).map(lambda pair: Splice(pair[0], pair[0] + pair[1], "x"))


@given(st.lists(SPLICES, max_size=12))
def test_what_could_be_claimed_can_be_applied(splices: list[Splice]) -> None:
    claimed = ClaimedSpans()
    taken = [splice for number, splice in enumerate(splices) if claimed.claim([splice], Route.of((number,)))]
    apply_splices("0123456789abc", taken)
