"""Where lines of an edited text were before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.lint.line_map import LineMap

OLD = "a: 1\nb:\n  c: 2\nd: 3\n"


@pytest.mark.parametrize(
    ("after", "at", "before"),
    [
        (OLD, (3, 6), (3, 6)),
        # lines were inserted, or removed, above it
        ("# new\na: 1\nb:\n  c: 2\nd: 3\n", (4, 6), (3, 6)),
        ("b:\n  c: 2\nd: 3\n", (2, 6), (3, 6)),
        ("# new\na: 1\nb:\n  c: 2\nd: 3\n", (1, 1), None),
        # the line itself was edited, before the position or after it
        ("a: 1\nb:\n  ccc: 2\nd: 3\n", (3, 8), (3, 6)),
        ("a: 1\nb:\n  c: 222\nd: 3\n", (3, 3), (3, 3)),
        # edited, with a line less above it
        ("a: 1\nb:\nd: 34\n", (3, 4), (4, 4)),
        # moved, with another indentation
        ("a: 1\nd: 3\nb:\n    c: 2\n", (4, 8), (3, 6)),
        ("a: 1\nb:\n  d: 3\n  c: 2\n", (3, 6), (4, 4)),
    ],
)
def test_positions(after: str, at: tuple[int, int], before: tuple[int, int] | None) -> None:
    assert LineMap.of(OLD, after).before_edits(*at) == before


def test_all_line_breaks_count() -> None:
    assert LineMap.of("a\r\nb\x85c\n", "# x\r\na\r\nb\x85c\n").before_edits(4, 1) == (3, 1)


lines = st.lists(st.sampled_from(["a", "b", "  b", "c: 1", "", "# d"]), max_size=12).map("\n".join)


@given(lines, lines)
def test_any_texts(before: str, after: str) -> None:
    """Each line has at most one counterpart, in both directions; the same text has all."""
    found = LineMap.of(before, after)
    assert len(set(found.pairs.values())) == len(found.pairs)
    for line in range(1, len(found.after) + 1):
        place = found.before_edits(line, 1)
        assert place is None or place[0] <= len(found.before)
    assert LineMap.of(before, before).pairs == {number: number for number in range(len(found.before))}


@given(lines, st.integers(0, 12), lines)
def test_what_is_inserted_moves_nothing(before: str, at: int, inserted: str) -> None:
    """The texts of counterparts are equal."""
    rows = before.split("\n")
    after = "\n".join([*rows[:at], *inserted.split("\n"), *rows[at:]])
    found = LineMap.of(before, after)
    assert len(found.pairs) == len(rows)
    assert all(found.before[old].strip() == found.after[new].strip() for new, old in found.pairs.items())


def test_long_texts_with_equal_lines() -> None:
    """The work grows with the length of the text, not with its square."""
    entry = "- name: {0}\n  groups: [dev]\n  more: true\n"
    before = "".join(entry.format(number) for number in range(20_000))
    after = "".join(entry.format(number) for number in range(20_000) if number % 100)
    assert LineMap.of(before, after).before_edits(1, 3) == (4, 3)
