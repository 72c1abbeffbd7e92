"""The answers of the engine that was there before, to some 9,000 random edits: the same bytes, or a reason.

The values must be those that were meant in any case. What may differ: the bytes of some edits, and that an edit is
refused, if docs/editing.md says that it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import pytest

from tarmak_iam.document import Document, EditRefused
from tarmak_iam.errors import ParseError
from tests.document.edit_judge import flaws
from tests.document.edit_model import Call, Reading, TooLarge
from tests.document.random_edits import Text
from tests.document.recorded_edits import REFUSED, Recorded, answer, digest, digest_of_job, job, names, recorded
from tests.support.thorough import MANY, profile

NEWLY_REFUSED = [
    r"the alias \*\S+ \(line \d+\) would lose its anchor",
    "they share the anchor &",
    r"a key that is written with \?",
    "this key-value pair is in a list without braces",
    "is between the items and belongs to none",
    "does not fit there, because it is next to or in a flow collection",
    "there are comments between the items of",
    "there is a comment between the",
    "is an empty mapping, not a list",
    "the edit would change a key",
]
"""Patterns of the refusals of edits that the engine before this one made. Each is one of docs/editing.md."""

MOST_OTHER_BYTES = 0.04
"""The share of edits whose result has the same values in other bytes."""

_STEP = 6


def outcomes(lines: Iterable[Recorded]) -> tuple[Counter[str], list[str]]:
    """How the answers compare with the recorded ones, and what is wrong with them."""
    counts, found = Counter[str](), list[str]()
    for line in lines:
        text, reading, calls = job(line.name)
        assert line.edits == digest_of_job(text, calls), f"{text.name}: other edits; see recorded_edits.py"
        try:
            document = Document.parse(text.raw, "file.yaml", text.index)
        except ParseError:
            assert b"%YAML 1.2" in text.raw  # an error now, as it is to go-yaml
            continue
        for number, (call, before) in enumerate(zip(calls, line.answers, strict=True)):
            after = answer(document, call)
            outcome = _outcome(before, after)
            counts[outcome] += 1
            if isinstance(after, Document) and outcome != "same":
                found += [f"{text.name} {number}: {flaw}" for flaw in _flaws(reading, text, call, after)]
            if outcome == "newly refused" and not any(re.search(pattern, str(after)) for pattern in NEWLY_REFUSED):
                found.append(f"{text.name} {number}: {after}")
    return counts, found


def _outcome(before: str, after: Document | EditRefused) -> str:
    if isinstance(after, EditRefused):
        return "same" if before == REFUSED else "newly refused"
    if before == REFUSED:
        return "newly made"
    return "same" if digest(after.to_bytes()) == before else "other bytes"


def _flaws(reading: Reading, text: Text, call: Call, after: Document) -> list[str]:
    removed = [comment.text for comment in after.removed_comments]
    also = [route.plain for route in after.also_changed]
    try:
        return flaws(reading, after.to_bytes(), call, removed, also, text.index)
    except TooLarge:
        return []


def check(lines: list[Recorded]) -> None:
    counts, found = outcomes(lines)
    assert not found, "\n".join([f"{len(found)} flaws, {dict(counts)}", *found[:10]])
    assert counts["other bytes"] <= MOST_OTHER_BYTES * counts.total(), counts


@pytest.mark.usefixtures("both_parsers")
def test_answers_are_those_of_before() -> None:
    check(recorded()[:: 6 * _STEP])


@pytest.mark.thorough
@pytest.mark.usefixtures("both_parsers")
@pytest.mark.parametrize("number", range(_STEP if profile() == MANY else 1))
def test_all_answers_are_those_of_before(number: int) -> None:
    check(recorded()[number::_STEP])


def test_the_recording_is_of_many_edits() -> None:
    assert {line.name for line in recorded()} <= set(names())
    assert sum(len(line.answers) for line in recorded()) > 8_000
