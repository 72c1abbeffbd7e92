"""Texts that once took time or memory out of all proportion: a regression is ended, not waited for. How the work grows
is counted in test_growth.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tarmak_iam.document import Document
from tests.document.test_bad_input import outcome

pytestmark = pytest.mark.usefixtures("both_parsers")

SECONDS = 30
"""Of the processor's time: several times what the slower parser takes, and less than any of these once took."""

Edit = Callable[[Document], object]

TEXTS: dict[str, Callable[[], str]] = {
    "keys that are numbers": lambda: "".join(f"{n}: v\n" for n in range(60_000)),
    "merged keys that are numbers": lambda: (
        "a: &a\n" + "".join(f"  {n}: v\n" for n in range(60_000)) + "b:\n  <<: *a\n  x: y\n"
    ),
    "a word that begins with digits": lambda: f"a: {'1' * 300_000}x\n",
    "blank lines in a literal": lambda: f"a: |\n  b{chr(10) * 500_000}  c\n",
    "blanks in a literal": lambda: f"a: |\n  b{' ' * 500_000}c\n",
    "quotes behind a template": lambda: f"a: {{{{x}}}} {chr(34) * 1_000_000}\n",
    "a long text in double quotes": lambda: f'a: "{"b" * 4_000_000}"\n',
    "a long text in JSON": lambda: f'{{"a": "{"b" * 4_000_000}"}}',
    "blanks after a marker": lambda: f"a: 1\n--- {' ' * 500_000}# c\n",
    "JSON that repeats a key": lambda: (
        '{"a": {' + "".join(f'"k{n}": 1, ' for n in range(120_000)) + '"x": 1}, ' + '"a": {}, ' * 120_000 + '"b": 1}'
    ),
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("make", TEXTS.values(), ids=TEXTS)
def test_reading(make: Callable[[], str]) -> None:
    words = outcome(lambda: Document.parse(make(), "f").ends_early, 256, SECONDS)
    assert words == "done" or words.startswith("ParseError: f:1:")


@pytest.mark.sample(1)
def test_looking_up_keys_below_a_merge_key() -> None:
    text = "a: &a {k: v}\n<<: *a\n" + "".join(f"k{number}: v\n" for number in range(60_000))

    def look_up() -> None:
        document = Document.parse(text, "f")
        assert [document.position((key,)).line for key in document.data] == [1, 1, *range(3, 60_003)]

    assert outcome(look_up, 256, SECONDS) == "done"


EDITS: dict[str, tuple[Callable[[], str], Edit]] = {
    "comments above what is pruned": (
        lambda: "a:\n" + "  # c\n" * 40_000 + "  b: 1\nz: 1\n",
        lambda document: document.remove(("a", "b"), prune=True),
    ),
    "blanks in what was commented out": (
        lambda: f"a: 1\n# b: x{' ' * 300_000}y\n# - x{' ' * 300_000}y\nc: 1\n",
        lambda document: document.remove(("c",)),
    ),
    "a comment that lists a key again and again": (
        lambda: f"a: 1\n#{' c and' * 100_000}\nc: 1\nand: 2\n",
        lambda document: document.remove(("c",)),
    ),
    "a word that begins with digits": (
        lambda: "a: 1\n",
        lambda document: document.set(("a",), "1" * 300_000 + "x"),
    ),
}


@pytest.mark.sample(3)
@pytest.mark.parametrize(("make", "edit"), EDITS.values(), ids=EDITS)
def test_edits(make: Callable[[], str], edit: Edit) -> None:
    assert outcome(lambda: edit(Document.parse(make(), "f")), 256, SECONDS) == "done"
