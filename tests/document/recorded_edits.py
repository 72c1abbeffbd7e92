"""What an engine made of random edits: a recording to compare a later engine with.

A line of `recorded_edits.txt` has the name of a text, a digest of the text with its edits, and for each edit a digest
of the bytes that it led to, or `-` if it was refused.

`python -m tests.document.recorded_edits` makes the recording anew, of the engine that is there. It is for a change of
random_documents.py or random_edits.py, or for one of the bytes that is wanted: look at what differs first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tarmak_iam.document import Document, EditRefused
from tarmak_iam.errors import ParseError
from tests.document.edit_model import Call, Reading, read, yaml
from tests.document.random_edits import GENERATED, Text, generated_text, own_texts, random_calls, shown
from tests.document.test_edits import perform

__all__ = ["RECORDING", "REFUSED", "Recorded", "answer", "digest", "digest_of_job", "job", "recorded"]

RECORDING = Path(__file__).with_name("recorded_edits.txt")
REFUSED = "-"
_SEEDS = range(100_000, 101_800)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A line of the recording."""

    name: str
    edits: str
    answers: tuple[str, ...]


def names() -> list[str]:
    """The project's own files as Tarmak writes them, and generated ones."""
    return [*_own(), *(f"{GENERATED}/{seed}" for seed in _SEEDS)]


@cache
def _own() -> dict[str, Text]:
    return {text.name: text for text in own_texts() if text.name.startswith("tarmak/")}


def job(name: str) -> tuple[Text, Reading, list[Call]]:
    """A text with its edits. Raises an error if the text cannot be read."""
    text = generated_text(int(name.rpartition("/")[2])) if name.startswith(GENERATED) else _own()[name]
    reading = read(text.raw)
    return text, reading, random_calls(text, reading, 1, 5 if name.startswith(GENERATED) else 20)


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:8]


def digest_of_job(text: Text, calls: list[Call]) -> str:
    return digest(text.raw + "\n".join(map(shown, calls)).encode())


def answer(document: Document, call: Call) -> Document | EditRefused:
    try:
        return perform(document, call)
    except EditRefused as refusal:
        return refusal


def recorded() -> list[Recorded]:
    lines = (line.split() for line in RECORDING.read_text(encoding="utf-8").splitlines())
    return [Recorded(name, edits, tuple(answers)) for name, edits, *answers in lines]


def _lines() -> Iterator[str]:
    for name in names():
        try:
            text, _, calls = job(name)
            document = Document.parse(text.raw, name, text.index)
        except (yaml.YAMLError, UnicodeDecodeError, ParseError):
            continue
        answers = [answer(document, call) for call in calls]
        shown_answers = [digest(each.to_bytes()) if isinstance(each, Document) else REFUSED for each in answers]
        yield " ".join([name, digest_of_job(text, calls), *shown_answers])


if __name__ == "__main__":
    RECORDING.write_text("".join(f"{line}\n" for line in _lines()), encoding="utf-8")
