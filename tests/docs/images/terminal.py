"""README's terminal session: what the program prints, in a fresh home and with the stand-ins of the pages' tests."""

from __future__ import annotations

import re
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.docs.images.drawing import CHARACTER, Drawing
from tests.docs.session import session

__all__ = ["Command", "rows_of", "terminal"]

COLUMNS = 100
_SIZE = 13.0
_ROW = 19
_LEFT, _TOP = 20, 52
_SETUP = "cp -R $EXAMPLES/single/. . && export TARMAK_CONFIG=. FORCE_COLOR=1 && unset NO_COLOR && tarmak clusters apply"


class Command(NamedTuple):
    """`shown`: a line of the output is shown if one of these matches it; others are left out, and `...` says so."""

    text: str
    shown: tuple[str, ...]


SESSION = (
    Command("tarmak-iam enable", ("amazon:", "awsIAMAuthenticatorInit: true")),
    Command(
        "tarmak-iam map add arn:aws:iam::111122223333:role/KubernetesAdmin \\\n"
        "    --username kubernetes-admin --group system:master",
        ("^arn:.* can log in", "warning"),
    ),
    Command("tarmak-iam check --fix --unsafe-fixes", ("fixed", "effect")),
    Command("tarmak-iam whois arn:aws:sts::111122223333:assumed-role/KubernetesAdmin/alice", ("username", "groups")),
    Command("tarmak-iam settings set role arn:aws:iam::111122223333:role/KubernetesAdmin", ("role: ",)),
    Command("tarmak-iam run -- tarmak clusters apply", ("can log in", "verified")),
    Command("tarmak-iam map remove arn:aws:iam::111122223333:role/KubernetesAdmin", ("error",)),
)
_STYLE = re.compile(r"\x1b\[([0-9;]*)m")
_LOOKS = {"31": "red", "32": "green", "33": "amber", "34": "blue", "36": "cyan", "1": "bold", "2": "dim"}


class Span(NamedTuple):
    text: str
    look: str


def terminal() -> str:
    with tempfile.TemporaryDirectory(prefix="session-") as root, session(Path(root)) as shell:
        if (setup := shell.run(_SETUP)).code:
            raise RuntimeError(setup.output)
        rows = [row for command in SESSION for row in rows_of(command, shell.run(command.text).output)]
    width = round(2 * _LEFT + COLUMNS * _SIZE * CHARACTER)
    words = "\n".join("".join(span.text for span in row) for row in rows)
    drawing = Drawing("A terminal session with tarmak-iam", words, width, _TOP + len(rows) * _ROW)
    for number, colour in enumerate(("red", "amber", "green")):
        drawing.box(_LEFT + 20 * number, 16, 12, 12, colour, 6)
    for number, row in enumerate(rows):
        column = 0
        for text, look in row:
            drawing.code(_LEFT + column * _SIZE * CHARACTER, _TOP + number * _ROW, text, look, _SIZE)
            column += len(text)
    return drawing.svg()


def rows_of(command: Command, output: str) -> Iterator[list[Span]]:
    first, *more = command.text.split("\n")
    yield [Span("$ ", "dim"), Span(first, "text bold")]
    yield from ([Span(line, "text bold")] for line in more)
    lines = output.splitlines()
    for pattern in command.shown:
        if not any(re.search(pattern, line) for line in lines):
            raise RuntimeError(f"{command.text}: no line with {pattern!r}:\n{output}")
    is_left_out = [not any(re.search(pattern, line) for pattern in command.shown) for line in lines]
    for number, line in enumerate(lines):
        if not is_left_out[number]:
            yield from _wrapped(_spans(line))
        elif number == 0 or not is_left_out[number - 1]:
            yield [Span("...", "dim")]


def _spans(line: str) -> list[Span]:
    """The parts of a line, by the colours that the program has given them."""
    texts = _STYLE.split(line)
    spans, look = [Span(texts[0], "text")], "text"
    for codes, text in zip(texts[1::2], texts[2::2], strict=True):
        look = " ".join(_LOOKS[code] for code in codes.split(";") if code not in ("", "0")) or "text"
        spans.append(Span(text, look))
    return [span for span in spans if span.text]


def _wrapped(spans: list[Span]) -> Iterator[list[Span]]:
    """In rows of the terminal, at blanks where there are some."""
    text = "".join(span.text for span in spans)
    looks = [span.look for span in spans for _ in span.text]
    start = 0
    for row in textwrap.wrap(text, COLUMNS, drop_whitespace=False, break_on_hyphens=False) or [""]:
        end = start + len(row)
        blank = len(row) - len(row.lstrip()) if start else 0
        yield list(_runs(row[blank:], looks[start + blank : end]))
        start = end


def _runs(text: str, looks: list[str]) -> Iterator[Span]:
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or looks[end] != looks[start]:
            yield Span(text[start:end], looks[start])
            start = end
