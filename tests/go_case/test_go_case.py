"""Go's two foldings, against what Go itself says of every code point."""

from __future__ import annotations

import json
import shutil
import sys
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.aws.go_case import equal_fold, fold, to_lower
from tests.go_case.__main__ import ROOT, made_by_go
from tests.support import PACKAGE, golden_json

EVERY = "".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF)
"""In one text: each letter is mapped for itself, as another test here says."""


@cache
def recorded(name: str) -> dict[int, int]:
    ranges = golden_json("go-case.json")[name]
    return {code: code + delta for first, last, step, delta in ranges for code in range(first, last + 1, step)}


def orbit(code: int) -> list[int]:
    """The code points that EqualFold takes for the same, in the order in which Go walks through them."""
    found, following = [code], recorded("simple_fold").get(code, code)
    while following != code:
        found.append(following)
        following = recorded("simple_fold").get(following, following)
    return found


def test_every_code_point_is_lowered_as_by_go() -> None:
    assert differences(to_lower(EVERY), EVERY.translate(recorded("lower"))) == []


def test_every_code_point_folds_to_what_stands_for_all_that_go_takes_for_the_same() -> None:
    folded = {}
    for code in recorded("simple_fold"):
        in_ascii = [same for same in orbit(code) if chr(same).isascii() and chr(same).islower()]
        folded[code] = (in_ascii or [min(orbit(code))])[0]
    assert differences(fold(EVERY), EVERY.translate(folded)) == []


def differences(mapped: str, expected: str) -> list[str]:
    if mapped == expected:
        return []
    return [letter for letter, *both in zip(EVERY, mapped, expected, strict=True) if both[0] != both[1]]


@pytest.mark.parametrize(
    ("text", "lower", "folded"),
    [
        ("Role/DevOp\u017f", "role/devop\u017f", "role/devops"),
        ("user/\u0130van", "user/ivan", "user/\u0130van"),
        ("\u212aops", "kops", "kops"),
        ("\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c3", "\u03a3\u0391\u03a3"),  # no final sigma
        ("\u00df", "\u00df", "\u00df"),
        ("\u1e9e", "\u00df", "\u00df"),
        ("\u01c5", "\u01c6", "\u01c4"),
        ("A\ud800B\udc80", "a\ud800b\udc80", "a\ud800b\udc80"),
        ("", "", ""),
    ],
)
def test_letters_that_python_maps_otherwise(text: str, lower: str, folded: str) -> None:
    assert (to_lower(text), fold(text)) == (lower, folded)


def test_equal_without_case() -> None:
    assert equal_fold("u\u017ferARN", "UserARN")
    assert not equal_fold("user\u0130d", "userId")
    assert not equal_fold("stra\u00dfe", "strasse")


ODD = st.text(
    st.sampled_from("aAkKsS\u212a\u017f\u0130\u0131\u00df\u1e9e\u03a3\u03c3\u03c2\u01c4\u01c5\u01c6\U00010400")
)


@given(st.one_of(st.text(), ODD))
def test_a_text_is_mapped_code_point_by_code_point(text: str) -> None:
    assert to_lower(text) == "".join(map(to_lower, text))
    assert fold(text) == "".join(map(fold, text))
    assert len(to_lower(text)) == len(fold(text)) == len(text)


@given(ODD, ODD)
def test_equal_is_equal_letter_by_letter(left: str, right: str) -> None:
    same = len(left) == len(right) and all(ord(b) in orbit(ord(a)) for a, b in zip(left, right, strict=True))
    assert equal_fold(left, right) is same


@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")
def test_the_tables_are_those_of_go() -> None:
    made = made_by_go()
    if json.loads(made)["unicode"] != golden_json("go-case.json")["unicode"]:
        pytest.skip("this Go has the tables of another Unicode version")
    assert (PACKAGE / "aws" / "go_case.json").read_bytes() == made
    assert (ROOT / "tests" / "golden" / "go-case.json").read_bytes() == made_by_go("recording")
