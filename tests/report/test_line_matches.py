"""Which lines are those of before."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tarmak_iam.report.git_history import lines_of, matching_lines
from tarmak_iam.report.git_repository import Budget, HistoryUnknown


def matches(old: Sequence[bytes], new: Sequence[bytes]) -> list[int | None]:
    matching = matching_lines(old, new, Budget())
    return [matching.get(line) for line in range(len(new))]


def of(old: Sequence[str], new: Sequence[str]) -> list[int | None]:
    return matches([line.encode() for line in old], [line.encode() for line in new])


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
    ],
)
def test_the_lines_that_stay(old: str, new: str, expected: list[int | None]) -> None:
    assert of(old, new) == expected


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
    lines = [b"%d\n" % (number % 150) for number in range(15_000)]
    with pytest.raises(HistoryUnknown, match="the history needs more work than the limit"):
        matching_lines(lines, lines[::-1], Budget(steps=100_000))
