"""The words of a line that is being typed in a POSIX shell."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Typed", "split_line"]

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


@dataclass(frozen=True, slots=True)
class Typed:
    """`words` are complete, without assignments before the command; `current` is the one at the end of the line,
    perhaps empty. `quote` is the quotation mark that is open in it, else empty; `bare` has for each character of
    `current` whether it stands outside of quotes, unescaped."""

    words: tuple[str, ...]
    current: str
    quote: str
    bare: tuple[bool, ...]
    before_quote: int
    """How many characters of `current` stand before the quote that is open."""

    def before_break(self, breaks: str) -> str:
        """What of `current` readline leaves alone: up to the open quote, or the last bare character of `breaks`."""
        if self.quote:
            return self.current[: self.before_quote]
        last = max((i for i, is_bare in enumerate(self.bare) if is_bare and self.current[i] in breaks), default=-1)
        return self.current[: last + 1]


def split_line(line: str) -> Typed:
    """Quotes and backslashes as the shell has them; a quote may be open at the end."""
    words: list[str] = []
    current, bare = "", list[bool]()
    quote, before_quote, is_word, is_escaped = "", 0, False, False
    for character in line:
        if is_escaped:
            if quote == '"' and character not in '"\\$`':
                current, bare = f"{current}\\", [*bare, False]
            current, bare, is_escaped = current + character, [*bare, False], False
        elif character == "\\" and quote != "'":
            is_escaped, is_word = True, True
        elif quote and character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote, before_quote, is_word = character, len(current), True
        elif not quote and character.isspace():
            if is_word:
                words.append(current)
            current, bare, is_word = "", [], False
        else:
            current, bare, is_word = current + character, [*bare, not quote], True
    while words and _ASSIGNMENT.match(words[0]):
        words.pop(0)
    return Typed(tuple(words), current, quote, tuple(bare), before_quote)
