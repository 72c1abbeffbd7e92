"""The few CEL expressions that an AuthenticationConfiguration of ours has: its strings, and what they evaluate to.

CEL itself is far larger (https://github.com/google/cel-spec): anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

MAX_LENGTH = 100_000
"""Code points of an expression, and MAX_DEPTH of its nesting, which is 250 in cel-go's parser (parser/parser.go)."""
MAX_DEPTH = 200

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNESCAPED = {escape[1]: character for character, escape in _ESCAPES.items()}
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
_TOKEN = re.compile(r"\s*(?:(?P<string>'(?:[^'\\\n]|\\.)*')|(?P<word>[A-Za-z_]+)|(?P<number>[0-9]+)|(?P<sign>[^\s\w]))")


class CelError(ValueError):
    """An expression that is not evaluated here; str() says where."""


def quoted_cel(text: str) -> str:
    """A string literal. What is not printable is escaped, so no text ends the literal or looks like another one."""
    return "'" + "".join(map(_escaped, text)) + "'"


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    number = ord(character)
    if character.isprintable():
        return character
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def evaluated(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value of an expression: strings, lists and maps of them, `a.b`, `map[?key].orValue(value)`, `x ? y : z`,
    `+`, and a few functions of strings. Raises CelError for any other one, and where it has no value."""
    reader = _CelReader(expression, variables)
    try:
        value = reader.choice()
    except RecursionError:
        raise CelError("it is nested too deeply") from None
    if reader.sign:
        raise reader.error()
    return value


_METHODS: dict[str, Callable[..., Any]] = {
    "lowerAscii": lambda text: "".join(character.lower() if character.isascii() else character for character in text),
    "lastIndexOf": lambda text, part: text.rfind(part),
    "startsWith": lambda text, part: text.startswith(part),
    "substring": lambda text, start: text[start:],
    "orValue": lambda found, other: found[0] if found else other,  # of a list with the value of an optional, if any
}


class _CelReader:
    """Evaluates while it reads: every part of such an expression has a value."""

    def __init__(self, expression: str, variables: Mapping[str, Any]) -> None:
        self.expression, self.variables = expression, variables
        self.start = self.position = 0
        self.kind, self.sign = "", ""
        self.step()

    def step(self) -> str:
        """Takes a token: the sign that is next, and its kind."""
        taken = self.sign
        match = _TOKEN.match(self.expression, self.position)
        if match is None and self.expression[self.position :].strip():
            raise self.error()
        self.kind, self.sign = (str(match.lastgroup), match[match.lastgroup or 0]) if match else ("", "")
        self.start, self.position = match.span() if match else (self.position, len(self.expression))
        return taken

    def take(self, sign: str) -> None:
        if self.sign != sign:
            raise self.error()
        self.step()

    def error(self) -> CelError:
        return CelError(f"tarmak-iam does not evaluate CEL such as {self.expression[self.start :].strip()[:20]!r}")

    def choice(self) -> Any:
        value = self.sum()
        if self.sign != "?":
            return value
        self.take("?")
        chosen = self.choice()
        self.take(":")
        other = self.choice()
        if not isinstance(value, bool):
            raise self.error()
        return chosen if value else other

    def sum(self) -> Any:
        value = self.member()
        while self.sign == "+":
            self.take("+")
            other = self.member()
            if not (isinstance(value, int) and isinstance(other, int)):
                raise self.error()
            value += other
        return value

    def member(self) -> Any:
        value = self.operand()
        while self.sign in (".", "["):
            if self.step() == "[":
                self.take("?")
                key = self.choice()
                self.take("]")
                value = [value[key]] if key in value else []
                continue
            name = self.step()
            try:
                value = _METHODS[name](value, *self.listed("(", ")")) if self.sign == "(" else value[name]
            except (KeyError, TypeError, AttributeError):
                raise self.error() from None
        return value

    def operand(self) -> Any:
        if self.sign == "[":
            return self.listed("[", "]")
        if self.sign == "{":
            return dict(self.listed("{", "}"))
        if self.sign == "(":
            self.take("(")
            value = self.choice()
            self.take(")")
            return value
        if not self.kind or self.kind == "sign" or (self.kind == "word" and self.sign not in self.variables):
            raise self.error()
        kind, token = self.kind, self.step()
        if kind == "string":
            return _ESCAPE.sub(_unescaped, token[1:-1])
        return int(token) if kind == "number" else self.variables[token]

    def listed(self, begin: str, end: str) -> list[Any]:
        """Values between the signs; of a map, pairs of key and value."""
        self.take(begin)
        values = []
        while self.sign != end:
            value = self.choice()
            if begin == "{":
                self.take(":")
                value = value, self.choice()
            values.append(value)
            if self.sign != end:
                self.take(",")
        self.take(end)
        return values


def _unescaped(match: re.Match[str]) -> str:
    if digits := match[1] or match[2]:
        return chr(int(digits, 16))
    try:
        return _UNESCAPED[match[3]]
    except KeyError:
        raise CelError(f"the escape {match[0]} is not one that tarmak-iam writes") from None
