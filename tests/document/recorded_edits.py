"""What an engine made of random edits: a recording to compare a later engine with.

A line of `recorded_edits.txt` has the name of a text, a digest of the text with its edits, and for each edit a digest of
the bytes that it led to, or `-` if it was refused.

`python -m tests.document.recorded_edits` makes the recording anew, of the engine that is there. It is for a change of
random_documents.py or random_edits.py, or for one of the bytes that is wanted: look at what differs first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tarmak_iam.document import Document, EditRefused
from tarmak_iam.errors import ParseError
from tests.document.edit_model import Call, Reading, read, yaml
from tests.document.random_edits import Text, generated_texts, own_texts, random_calls, shown
from tests.document.test_edits import perform

__all__ = ["RECORDING", "REFUSED", "Recorded", "answer", "digest", "digest_of_job", "jobs", "recorded"]

RECORDING = Path(__file__).with_name("recorded_edits.txt")
REFUSED = "-"
_GENERATED = range(100_000, 101_800)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A line of the recording."""

    name: str
    edits: str
    answers: tuple[str, ...]


def jobs() -> Iterator[tuple[Text, Reading, list[Call]]]:
    """The texts that can be read, with their edits: the project's own files as Tarmak writes them, and generated ones."""
    own = (text for text in own_texts() if text.name.startswith("tarmak/"))
    for text in chain(own, generated_texts(_GENERATED)):
        try:
            reading = read(text.raw)
            Document.parse(text.raw, text.name, text.index)
        except (yaml.YAMLError, UnicodeDecodeError, ParseError):
            continue
        yield text, reading, random_calls(text, reading, 1, 20 if text.name.startswith("tarmak/") else 5)


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


def _line(text: Text, calls: list[Call]) -> str:
    document = Document.parse(text.raw, text.name, text.index)
    answers = [answer(document, call) for call in calls]
    shown_answers = [digest(each.to_bytes()) if isinstance(each, Document) else REFUSED for each in answers]
    return " ".join([text.name, digest_of_job(text, calls), *shown_answers])


if __name__ == "__main__":
    RECORDING.write_text("".join(f"{_line(text, calls)}\n" for text, _, calls in jobs()), encoding="utf-8")
