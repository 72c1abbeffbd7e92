"""Converts plain text to Markdown that renders as the same text."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

__all__ = ["fenced", "markdown", "prose", "slug", "table"]

_CODE = re.compile(r"(`[^`]+`)")
# What reads as code in the middle of a sentence: options, placeholders, templates.
_BARE = re.compile(r"(?<![\w`./-])(--?[a-z][\w-]*(?:=\S*\w)?|<\w+>[\w./-]*|\{\{\w+\}\}|~/[\w./-]*[\w/-])(?![\w`])")


def prose(text: str) -> str:
    """Text with `code` in it: nothing else of it is markup."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(part if number % 2 else _escaped(_BARE.sub(r"`\1`", part)) for number, part in enumerate(parts))


def markdown(text: str) -> str:
    """A docstring as Markdown: paragraphs, lists as they are, and blocks that are indented as code."""
    return "\n\n".join(_block(each) for each in re.split(r"\n\s*\n", text.strip("\n")) if each.strip())


def _block(text: str) -> str:
    lines = text.split("\n")
    if re.search(r"^\s*[├└│]", text, re.MULTILINE):
        return fenced(text)
    if all(line.startswith("    ") for line in lines):
        return fenced(textwrap.dedent(text), "python" if ">>>" in text or "=" in text else "text")
    items = re.split(r"\n(?=[-*] )", text)
    if all(re.match(r"[-*] ", item) for item in items):
        return "\n".join(f"- {prose(item[2:])}" for item in items)
    return prose(re.sub(r"::\Z", ":", text))


def _escaped(text: str) -> str:
    parts = _CODE.split(text)
    return "".join(
        part if number % 2 else re.sub(r"([*_<\[\]\\#])", r"\\\1", part) for number, part in enumerate(parts)
    )


def fenced(text: str, language: str = "text") -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def slug(heading: str) -> str:
    """The anchor that GitHub and MyST make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
