"""The documentation's pages, and the blocks that are run: each page is one session, in the order of its blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support import ROOT

__all__ = ["Page", "PageError", "Step", "pages"]

# Only shown, never run.
_SHOWN = ("css", "diff", "hcl", "html", "ini", "json", "mermaid", "text", "toml", "xml", "yaml")
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_PROMPT = "$ "


class PageError(Exception):
    """A block or comment that is not supported. The message begins with file:line."""


class Step(NamedTuple):
    """`kind`: `setup`, a command that is not shown; `command`, a line with a prompt; `script`, commands without their
    output; `program`, Python; `file`; `exempt`, a block that is not run. `line`: where it begins in the page, from 1.
    """

    kind: str
    line: int
    text: str
    name: str = ""
    """Of a file, which may begin with `~/`; for an exempt block the reason."""
    output: tuple[str, ...] | None = None
    """The lines that the page shows, from `output_line` on, and each with `indent` before it."""
    output_line: int = 0
    indent: str = ""
    asks_code: bool = False
    """Whether the next command is `echo $?`."""


class Page(NamedTuple):
    """`name` is relative to the checkout."""

    name: str
    text: str

    @classmethod
    def read(cls, path: Path) -> Page:
        return cls(path.resolve().relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))

    def steps(self) -> list[Step]:
        """Raises PageError."""
        found: list[Step] = []
        before: tuple[str, str, int] | None = None  # a comment about the block below it, and the line of that
        for token in MarkdownIt("commonmark").parse(self.text):
            line = token.map[0] + 1 if token.map else 0
            if token.type == "html_block":
                before = self._comments(token, line, found)
            elif token.type == "code_block":
                raise PageError(f"{self.name}:{line}: indented blocks are not run: use a fenced block")
            elif token.type == "inline" and _COMMENT.search(token.content) and "`" not in token.content:
                raise PageError(f"{self.name}:{line}: a comment within a paragraph: put it on a separate line")
            elif token.type == "fence" and before is not None:
                found.append(self._described(token, line, before, found))
                before = None
            elif token.type == "fence":
                found += self._block(token, line)
        return found

    def _comments(self, token: Token, line: int, found: list[Step]) -> tuple[str, str, int] | None:
        before = None
        for text in _COMMENT.findall(token.content):
            word, _, rest = (part.strip() for part in text.partition(":"))
            if word == "setup" and rest:
                found.append(Step("setup", line, rest))
            elif (word == "not run" and rest) or (word == "output" and found and found[-1].kind == "program"):
                before = (word, " ".join(rest.split()), line + token.content.count("\n"))
            elif word not in ("bench", "/bench"):  # where `make comparison` puts a table
                raise PageError(f"{self.name}:{line}: '{text.strip()}' is no instruction: setup, not run or output")
        return before

    def _described(self, token: Token, line: int, before: tuple[str, str, int], found: list[Step]) -> Step:
        """A block that a comment before it is about."""
        word, reason, expected = before
        if line != expected:
            raise PageError(f"{self.name}:{line}: `{word}` stands on the line before a block")
        if word == "not run":
            return Step("exempt", line, token.content, reason)
        output = tuple(token.content.splitlines())
        return found.pop()._replace(output=output, output_line=line + 1, indent=self._indent(line))

    def _block(self, token: Token, line: int) -> Iterator[Step]:
        language, _, name = token.info.strip().partition(" ")
        if name and not language.startswith("{"):
            yield Step("file", line, token.content, name.strip())
        elif language == "console":
            yield from self._commands(token.content.splitlines(), line)
        elif language in ("sh", "python"):
            yield Step("script" if language == "sh" else "program", line + 1, token.content)
        elif language not in _SHOWN and not language.startswith("{"):  # a directive of MyST's
            known = ", ".join(("console", "sh", "python", *_SHOWN))
            raise PageError(f"{self.name}:{line}: unknown language '{language}' of a block: use one of {known}")

    def _commands(self, lines: list[str], line: int) -> Iterator[Step]:
        starts = [number for number, text in enumerate(lines) if text.startswith(_PROMPT)]
        if not starts or starts[0] != 0:
            raise PageError(f"{self.name}:{line}: a console block begins with a command: `$ ...`")
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            after = start + 1
            while lines[after - 1].endswith("\\") and after < end:
                after += 1
            command = "\n".join([lines[start].removeprefix(_PROMPT), *lines[start + 1 : after]])
            output, asks = tuple(lines[after:end]), lines[end : end + 1] == [f"{_PROMPT}echo $?"]
            first = line + 1
            yield Step("command", first + start, command, "", output, first + after, self._indent(line), asks)

    def _indent(self, line: int) -> str:
        text = self.text.splitlines()[line - 1]
        return " " * (len(text) - len(text.lstrip()))


def pages() -> list[Page]:
    """All pages with commands for readers. Rule pages have none, and Python names with signatures are no programs;
    other tests check them."""
    paths = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
    left_out = re.compile(r"docs/(rules/IAM\d|reference/api/|stability\.md)")
    return [Page.read(path) for path in paths if not left_out.match(path.relative_to(ROOT).as_posix())]
