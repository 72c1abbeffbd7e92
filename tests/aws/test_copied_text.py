"""What copying leaves in names, and names of people in any script, in which there is nothing to find."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.aws import copied_text
from tarmak_iam.aws.copied_text import Trace, cleaned, in_ascii_letters, placeholder, traces
from tests.support.tables import rows


@pytest.mark.parametrize(("text", "found", "bare"), rows(__file__, "test_traces"))
def test_traces(text: str, found: list[str], bare: str) -> None:
    assert (list(traces(text)), cleaned(text)) == (found, bare)


@pytest.mark.parametrize("text", rows(__file__, "test_names_that_are_right"))
def test_names_that_are_right(text: str) -> None:
    assert (traces(text), cleaned(text), placeholder(text)) == ((), text, "")


@pytest.mark.parametrize(("text", "found"), rows(__file__, "test_placeholders"))
def test_placeholders(text: str, found: str) -> None:
    assert placeholder(text) == found


def test_letters_alone_are_ascii_whatever_is_beside_them() -> None:
    assert in_ascii_letters("\u0430\u0441\u0435 \uff44 \u2013") == "ace d -"
    assert in_ascii_letters("m\u00fcller") == "m\u00fcller"


@given(st.text(max_size=12))
def test_a_cleaned_text_is_clean(text: str) -> None:
    assert traces(cleaned(text)) == ()
    assert bool(traces(text)) == (cleaned(text) != text)


@given(st.text(st.characters(categories=["Ll", "Lu"], max_codepoint=0x24F), min_size=1, max_size=12))
def test_letters_of_latin_are_never_a_trace(text: str) -> None:
    assert traces(text) == ()


@given(st.from_regex(copied_text._PLAIN.pattern, fullmatch=True))
def test_what_is_taken_for_plain_has_no_trace(text: str) -> None:
    assert [step(text) for _, step in copied_text._STEPS] == [text] * len(Trace)
