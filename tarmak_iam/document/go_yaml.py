"""ruamel.yaml's pure parser, changed to read as go-yaml does, and the characters that must be hidden from it.

A separating tab becomes one blank. NEL, LINE SEPARATOR and PARAGRAPH SEPARATOR, which are line breaks to go-yaml,
become line feeds. If that changed a scalar's own text (a quoted `a:<TAB>b`), the original text is restored and read
once more. The C parser needs none of this.

Source: gopkg.in/yaml.v2 2.2.1 (scannerc.go, parserc.go), the library that Tarmak vendors.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import StringMark
from ruamel.yaml.events import DocumentEndEvent
from ruamel.yaml.parser import Parser
from ruamel.yaml.reader import Reader
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.scanner import Scanner, ScannerError
from ruamel.yaml.tokens import DocumentEndToken, ScalarToken

from tarmak_iam.document.nodes import Scalar, own_text_start

# Tabs after something on the line that is neither indentation nor an indicator (`-`, `?` or `:`, after a blank or at
# the beginning of the line): whether go-yaml accepts a tab after those depends on the context, which the scanner knows.
_SEPARATING_TABS = re.compile(r"(?:(?<=[^\s?:-])|(?<=[^\s][?:-]))[ \t]*\t[ \t]*")
_BREAKS_AS_LINE_FEEDS = str.maketrans(dict.fromkeys("\x85\u2028\u2029", "\n"))


def mask(text: str) -> str:
    """A text of the same length that the pure parser reads as go-yaml reads the original."""
    return _SEPARATING_TABS.sub(lambda match: " " * len(match.group()), text).translate(_BREAKS_AS_LINE_FEEDS)


def unmask(text: str, masked: str, scalars: Iterable[Scalar]) -> str:
    """`masked` with the original text restored inside every scalar (line breaks in a plain scalar stay line feeds)."""
    if text == masked:
        return masked
    pieces, end = [], 0
    for scalar in scalars:
        start = max(own_text_start(masked, scalar), end)
        if scalar.end > start:
            piece = text[start : scalar.end]
            pieces += [masked[end:start], piece.translate(_BREAKS_AS_LINE_FEEDS) if scalar.style == "plain" else piece]
            end = scalar.end
    return "".join([*pieces, masked[end:]])


_INDICATORS = re.compile(r"(?:([-+])([1-9])?|([1-9])([-+])?)?#")
_BREAKS = "\r\n\x85\u2028\u2029"
_LINE_ENDS = "\0" + _BREAKS
_ANCHOR_CHARACTERS = string.ascii_letters + string.digits + "_-"
"""Those of anchors in go-yaml; YAML itself allows more."""

_AFTER_ANCHOR = _LINE_ENDS + " \t?:,]}%@`"
NOT_AN_ANCHOR = "did not find expected alphabetic or numeric character"
"""go-yaml's message for an anchor or alias with another character."""


# What the fast paths of the scanner know; everything else is for the methods of the base class.
_BETWEEN_TOKENS = re.compile(r"(?: *(?:#[^\0\r\n\x85\u2028\u2029\ufeff]*)?\n)* *")
_WORDS = re.compile(r"[^\s:#\0\ufeff]+(?: +[^\s:#\0\ufeff]+)*")
_OTHER_BLANKS = "\t\r\x85\u2028\u2029"
_GOES_ON = "#\ufeff" + _OTHER_BLANKS
_BELOW = re.compile(r" *\n(?: *\n)*( *)([^ ])")


def go_yaml() -> YAML:
    """A pure parser that reads as go-yaml does."""
    yaml = _AnyVersion(typ="safe", pure=True)
    yaml.Reader, yaml.Scanner, yaml.Parser, yaml.Resolver = _StringReader, _GoScanner, _GoParser, _GoResolver
    yaml.top_level_block_style_scalar_no_indent_error_1_1 = True
    return yaml


class _AnyVersion(YAML):
    """Without the setter of ruamel.yaml, which asserts that the version of a %YAML directive is 1.1 or 1.2."""

    version: Any = None


class _StringReader(Reader):
    """A reader of nothing but strings."""

    def get_mark(self) -> Any:
        return StringMark(self.name, self.index, self.line, self.column, self.buffer, self.pointer)


class _GoScanner(Scanner):
    """A scanner that differs from ruamel.yaml's as go-yaml does: one more escape, one less (which the builder rejects
    for both parsers), only two directives, ASCII anchors that end at a blank or one of a few signs, and tabs inside
    plain scalars and where no key may begin, but not in a block scalar's indentation."""

    ESCAPE_REPLACEMENTS = {**Scanner.ESCAPE_REPLACEMENTS, "'": "'"}  # noqa: RUF012  # as the base class has it

    # The next methods do what those of the base class do, in less time: they are called several times for each token.

    scanner_processing_version = (1, 1)  # that of the resolver below

    def check_token(self, *choices: Any) -> bool:
        if not self.tokens or self.possible_simple_keys:
            self._fetch_tokens()
        return bool(self.tokens) and (not choices or isinstance(self.tokens[0], choices))

    def peek_token(self) -> Any:
        if not self.tokens or self.possible_simple_keys:
            self._fetch_tokens()
        return self.tokens[0] if self.tokens else None

    def get_token(self) -> Any:
        if not self.tokens or self.possible_simple_keys:
            self._fetch_tokens()
        if not self.tokens:
            return None
        self.tokens_taken += 1
        return self.tokens.pop(0)

    def _fetch_tokens(self) -> None:
        while not self.done:
            if self.tokens:
                self.stale_possible_simple_keys()
                if self.next_possible_simple_key() != self.tokens_taken:
                    return  # otherwise the token may turn out to be one of a key, before which another token belongs
            self.fetch_more_tokens()

    def scan_plain(self) -> Any:
        """A key, or a value that ends with its line. Everything else is for the base class."""
        reader = self.reader
        words = None if self.flow_context else _WORDS.match(reader.buffer, reader.pointer)
        if words is None:
            return super().scan_plain()
        end = words.end()
        below = _BELOW.match(reader.buffer, end)
        if below:
            ends = below[2] == "#" or (len(below[1]) <= self.indent and below[2] not in _OTHER_BLANKS)
        else:
            ends = reader.buffer[end] == ":" and reader.buffer[end + 1] in " \n"
        if not ends:
            return super().scan_plain()
        start_mark = reader.get_mark()
        self.allow_simple_key = False
        self._step(end)
        token = ScalarToken(words.group(), True, start_mark, reader.get_mark())
        if below:
            self._step(below.start(2))
        return token

    def _step(self, offset: int) -> None:
        """Moves to an offset of the buffer, over blanks, comments, line feeds and a scalar."""
        reader = self.reader
        start = reader.pointer
        lines = reader.buffer.count("\n", start, offset)
        if lines:
            reader.line += lines
            reader.column = offset - reader.buffer.rindex("\n", start, offset) - 1
            self.allow_simple_key = True
        else:
            reader.column += offset - start
        reader.index += offset - start
        reader.pointer = offset

    def scan_directive_name(self, start_mark: Any) -> Any:
        name = super().scan_directive_name(start_mark)
        if name not in ("YAML", "TAG"):
            raise ScannerError("while scanning a directive", start_mark, "found unknown directive name", start_mark)
        return name

    def scan_to_next_token(self) -> None:
        """In a block a tab is rejected where a key may begin: in the indentation, after a dash, after a question mark,
        and after the colon of a `? key`."""
        if not self.flow_context:
            between = _BETWEEN_TOKENS.match(self.reader.buffer, self.reader.pointer)
            assert between
            self._step(between.end())
            if self.reader.peek() not in _GOES_ON:
                return
        while True:
            self._skip(" \t" if self.flow_level or not self.allow_simple_key else " ")
            if self.reader.peek() == "#":
                while self.reader.peek() not in _LINE_ENDS:
                    self.reader.forward()
            if not self.scan_line_break():
                break
            if not self.flow_level:
                self.allow_simple_key = True
        if self.reader.peek() == "\t":
            raise ScannerError(None, None, "found character that cannot start any token", self.reader.get_mark())

    def scan_anchor(self, TokenClass: Any) -> Any:  # noqa: N803  # as the base class has it
        start = self.reader.get_mark()
        self.reader.forward()
        name = self._skip(_ANCHOR_CHARACTERS)
        if not name or self.reader.peek() not in _AFTER_ANCHOR:
            raise ScannerError(None, None, NOT_AN_ANCHOR, start)
        return TokenClass(name, start, self.reader.get_mark())

    def scan_block_scalar_indicators(self, start_mark: Any) -> Any:
        """A comment may follow without a blank: `|#comment`."""
        match = _INDICATORS.match(self.reader.prefix(3))
        if not match:
            return super().scan_block_scalar_indicators(start_mark)
        self.reader.forward(match.end() - 1)
        chomping, digit = match[1] or match[4], match[2] or match[3]
        return {"+": True, "-": False}.get(chomping), int(digit) if digit else None

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> list[str] | None:
        """The text between two words of a plain scalar: blanks and tabs, or the folded line breaks; None at the end of
        the document."""
        blanks = self._skip(" \t")
        breaks: list[str] = []
        while self.reader.peek() in _BREAKS:
            breaks.append(self.scan_line_break())
            self.allow_simple_key = True
            if self.check_document_start() or self.check_document_end():
                return None
            self._skip(" ")
            if self.reader.column < indent:
                self._refuse_tab("while scanning a plain scalar", start_mark)
            self._skip(" \t")
        if not breaks:
            return [blanks] if blanks else []
        folded = breaks[1:] or [" "]
        return folded if breaks[0] == "\n" else breaks

    def scan_block_scalar_indentation(self) -> tuple[list[str], int, Any]:
        """Empty lines before the first line of content may have any indentation."""
        breaks: list[str] = []
        deepest, end = 0, self.reader.get_mark()
        while True:
            self._skip(" ")
            deepest = max(deepest, self.reader.column)
            self._refuse_tab("while scanning a block scalar", end)
            if self.reader.peek() not in _BREAKS:
                return breaks, deepest, end
            breaks.append(self.scan_line_break())
            end = self.reader.get_mark()

    def scan_block_scalar_breaks(self, indent: int) -> Any:
        breaks, end = super().scan_block_scalar_breaks(indent)
        if self.reader.column < indent:
            self._refuse_tab("while scanning a block scalar", end)
        return breaks, end

    def _skip(self, characters: str) -> str:
        reader = self.reader
        if reader.peek() not in characters:
            return ""
        length = 1
        while reader.peek(length) in characters:
            length += 1
        reader.forward(length)
        return str(reader.buffer[reader.pointer - length : reader.pointer])

    def _refuse_tab(self, context: str, start_mark: Any) -> None:
        if self.reader.peek() == "\t":
            what = "found a tab character where an indentation space is expected"
            raise ScannerError(context, start_mark, what, self.reader.get_mark())


class _GoParser(Parser):
    """A parser with two differences. A node begins at its first property (ruamel.yaml: at its anchor, even if a tag is
    before it). The text after an explicit end of a document is read only if a caller asks for the next document."""

    @cached_property
    def scanner(self) -> Any:
        return self.loader.scanner

    def parse_document_end(self) -> Any:
        if not self.scanner.check_token(DocumentEndToken):
            return super().parse_document_end()
        token = self.scanner.get_token()
        self.state = self.parse_document_start
        return DocumentEndEvent(token.start_mark, token.end_mark, explicit=True)

    def parse_node(self, block: bool = False, indentless_sequence: bool = False) -> Any:
        start = self.scanner.peek_token().start_mark
        event = super().parse_node(block, indentless_sequence)
        event.start_mark = start
        return event


class _GoResolver(VersionedResolver):
    """YAML 1.1, as go-yaml. ruamel.yaml forgets its configured version at each `---` and uses 1.2 from there on."""

    processing_version: Any = (1, 1)
