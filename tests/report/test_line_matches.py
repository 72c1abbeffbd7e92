"""Which lines are those of before."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.report.git_history import lines_of, matching_lines
from tarmak_iam.report.git_repository import Budget, HistoryUnknown

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"  c\n", b"\n"]), max_size=12)


def matches(old: Sequence[bytes], new: Sequence[bytes]) -> list[int | None]:
    return [None if each < 0 else each for each in matching_lines(old, new, Budget())]


def of(old: Sequence[str], new: Sequence[str]) -> list[int | None]:
    return matches([each.encode() for each in old], [each.encode() for each in new])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "", []),
        ("", "ab", [None, None]),
        ("ab", "", []),
        ("abc", "abc", [0, 1, 2]),
        ("abc", "axc", [0, None, 2]),
        ("abc", "ac", [0, 2]),
        ("abcd", "acbd", [0, 2, None, 3]),
        ("abcabba", "cbabac", [2, 4, None, 5, 6, None]),
    ],
)
def test_the_lines_that_stay(old: str, new: str, expected: list[int | None]) -> None:
    assert of(old, new) == expected


def longest(old: list[bytes], new: list[bytes]) -> int:
    """The length of the longest common subsequence, by the book."""
    row = [0] * (len(new) + 1)
    for line in old:
        row = next_row(row, line, new)
    return row[-1]


def next_row(above: list[int], line: bytes, new: list[bytes]) -> list[int]:
    row = [0]
    for at, other in enumerate(new):
        row.append(above[at] + 1 if line == other else max(above[at + 1], row[at]))
    return row


@given(LINES, LINES)
def test_as_many_as_can_be_in_order_and_equal(old: list[bytes], new: list[bytes]) -> None:
    kept = [(number, at) for at, number in enumerate(matches(old, new)) if number is not None]
    assert kept == sorted(kept)
    assert len({number for number, _ in kept}) == len(kept) == longest(old, new)
    assert all(old[number] == new[at] for number, at in kept)


ENTRY = ["- groups: [dev]\n", "  roleARN: {}\n"]


def test_a_new_block_begins_with_its_least_indented_line() -> None:
    """Which of two equal lines is the new one cannot be seen in the lines alone."""
    old = [line.format("a").encode() for line in ENTRY]
    new = [line.format(name).encode() for name in "ba" for line in ENTRY]
    assert matches(old, new) == [None, None, 0, 1]
    new = [line.format(name).encode() for name in "ab" for line in ENTRY]
    assert matches(old, new) == [0, 1, None, None]


def test_a_block_that_is_gone_began_with_its_least_indented_line() -> None:
    old = [line.format(name).encode() for name in "ba" for line in ENTRY]
    new = [line.format("a").encode() for line in ENTRY]
    assert matches(old, new) == [2, 3]


def test_an_empty_line_belongs_to_what_is_above_it() -> None:
    assert of(["a\n", "\n", "c\n"], ["a\n", "\n", "b\n", "\n", "c\n"]) == [0, 1, None, None, 2]


def test_lines_end_with_line_feeds_alone() -> None:
    assert lines_of(b"a\rb\x0b\nc") == [b"a\rb\x0b\n", b"c"]
    assert lines_of(b"a\n") == [b"a\n"]
    assert lines_of(b"") == []


def test_steps_are_paid_for() -> None:
    old, new = [[b"a\n", b"b\n"] * 500, [b"b\n", b"b\n", b"a\n"] * 500]
    with pytest.raises(HistoryUnknown, match="the history needs more work than the limit"):
        matching_lines(old, new, Budget(steps=50_000))
