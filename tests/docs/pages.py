"""The documentation's pages, and the blocks that are run: each page is one session, in the order of its blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support import ROOT

__all__ = ["Command", "Exempt", "File", "Page", "PageError", "Program", "Script", "Setup", "Step", "pages"]

# Only shown, never run.
_SHOWN = ("css", "diff", "hcl", "html", "ini", "json", "mermaid", "text", "toml", "xml", "yaml")
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_PROMPT = "$ "


class PageError(Exception):
    """A block or comment that is not supported. The message begins with file:line."""


@dataclass(frozen=True)
class Step:
    """`line`: where it begins in the page, from 1."""

    line: int


@dataclass(frozen=True)
class Setup(Step):
    """A command that is run, but not shown on the page."""

    command: str


@dataclass(frozen=True)
class Command(Step):
    """A line with a prompt. `output` are the lines that follow it on the page, `indent` is their indentation.
    `asks_code`: whether the next command is `echo $?`."""

    command: str
    output: tuple[str, ...]
    output_line: int
    indent: str = ""
    asks_code: bool = False


@dataclass(frozen=True)
class Script(Step):
    """Commands without their output."""

    text: str


@dataclass(frozen=True)
class Program(Step):
    """Python; `output` is None if the page does not show it."""

    text: str
    output: tuple[str, ...] | None = None
    output_line: int = 0
    indent: str = ""


@dataclass(frozen=True)
class File(Step):
    """A block that is a file; `name` may begin with `~/`."""

    name: str
    text: str


@dataclass(frozen=True)
class Exempt(Step):
    """A block that is not run, and why."""

    reason: str
    text: str


@dataclass(frozen=True)
class Page:
    """`name` is relative to the checkout."""

    name: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Page:
        return cls(path.resolve().relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))

    def steps(self) -> list[Step]:
        """Raises PageError."""
        return list(_Reader(self).steps())


def pages() -> list[Page]:
    """All pages with commands for readers. Rule pages have none, and Python names with signatures are no programs;
    other tests check them."""
    found = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
    left_out = re.compile(r"docs/(rules/IAM\d|reference/api/|stability\.md)")
    return [
        Page.read(path) for path in found if path.exists() and not left_out.match(path.relative_to(ROOT).as_posix())
    ]


class _Reader:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._lines = page.text.splitlines()
        self._tokens = [
            token
            for token in MarkdownIt("commonmark").parse(page.text)
            if token.type in ("fence", "code_block", "html_block", "inline")
        ]
        self._at = 0

    def steps(self) -> Iterator[Step]:
        while self._at < len(self._tokens):
            token = self._next()
            if token.type == "code_block":
                raise self._error(token, "indented blocks are not run: use a fenced block")
            if token.type == "inline" and any(each.type == "html_inline" for each in token.children or ()):
                if _COMMENT.search(token.content):
                    raise self._error(token, "a comment within a paragraph: put it on a separate line")
            elif token.type == "html_block":
                yield from self._commented(token)
            elif token.type == "fence":
                yield from self._block(token)

    def _next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _commented(self, token: Token) -> Iterator[Step]:
        for match in _COMMENT.finditer(token.content):
            line = _line(token) + token.content.count("\n", 0, match.start())
            word, colon, rest = match[1].strip().partition(":")
            if word == "setup" and colon and rest.strip():
                yield Setup(line, rest.strip())
            elif word == "not run" and colon and rest.strip():
                block = self._fence_after(token, "`not run` stands on the line before a block")
                yield Exempt(line, " ".join(rest.split()), block.content)
            elif word not in ("bench", "/bench"):  # where `make comparison` puts a table
                raise self._error(token, f"'{match[1].strip()}' is no instruction: setup, not run or output")

    def _fence_after(self, token: Token, wanted: str) -> Token:
        following = self._tokens[self._at] if self._at < len(self._tokens) else None
        if following is None or following.type != "fence" or _line(following) != _end(token):
            raise self._error(token, wanted)
        return self._next()

    def _block(self, token: Token) -> Iterator[Step]:
        language, _, name = token.info.strip().partition(" ")
        if language.startswith("{"):  # a directive of MyST's
            return
        if name:
            yield File(_line(token), name.strip(), token.content)
        elif language == "console":
            yield from self._console(token)
        elif language == "sh":
            yield Script(_line(token) + 1, token.content)
        elif language == "python":
            yield self._program(token)
        elif language not in _SHOWN:
            known = ", ".join(("console", "sh", "python", *_SHOWN))
            raise self._error(token, f"unknown language '{language}' of a block: use one of {known}")

    def _console(self, token: Token) -> Iterator[Step]:
        lines = token.content.splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith(_PROMPT)]
        if not starts or starts[0] != 0:
            raise self._error(token, "a console block begins with a command: `$ ...`")
        commands = []
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            stop = start
            while lines[stop].endswith("\\") and stop + 1 < end:
                stop += 1
            command = "\n".join([lines[start].removeprefix(_PROMPT), *lines[start + 1 : stop + 1]])
            commands.append((start, command, stop + 1, tuple(lines[stop + 1 : end])))
        first, indent = _line(token) + 1, self._indent(token)
        for index, (start, command, after, output) in enumerate(commands):
            asks = index + 1 < len(commands) and commands[index + 1][1] == "echo $?"
            yield Command(first + start, command, output, first + after, indent, asks)

    def _program(self, token: Token) -> Program:
        following = self._tokens[self._at : self._at + 2]
        comments = _COMMENT.findall(following[0].content) if following and following[0].type == "html_block" else []
        if [each.strip() for each in comments] != ["output"]:
            return Program(_line(token) + 1, token.content)
        comment = self._next()
        block = self._fence_after(comment, "`output` stands on the line before a block of text")
        if block.info.strip() != "text":
            raise self._error(block, "the output of a program is a block of the language text")
        output = tuple(block.content.splitlines())
        return Program(_line(token) + 1, token.content, output, _line(block) + 1, self._indent(block))

    def _indent(self, token: Token) -> str:
        line = self._lines[_line(token) - 1]
        return " " * (len(line) - len(line.lstrip()))

    def _error(self, token: Token, text: str) -> PageError:
        return PageError(f"{self._page.name}:{_line(token)}: {text}")


def _line(token: Token) -> int:
    assert token.map is not None
    return token.map[0] + 1


def _end(token: Token) -> int:
    """The first line after it."""
    assert token.map is not None
    return token.map[1] + 1
