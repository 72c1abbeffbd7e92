"""A file's bytes as text, and back: encoding, byte order mark, line ends, line and column, and size limits."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

from tarmak_iam.errors import ParseError, Place
from tarmak_iam.text import MAX_BYTES

MAX_DEPTH = 200
"""Deeper nesting is rejected. No configuration file needs it, and the limit bounds every later recursion."""

MAX_VALUES = 1_000_000
"""A document that has more values, or whose aliases expand to more, is rejected (billion laughs attack)."""

MAX_COLLECTIONS = 200_000
"""More lists and mappings of a YAML document are rejected: each takes a kilobyte of memory while it is edited."""

MAX_FLOW = 50_000
"""More of them in braces or brackets are rejected: they nest much deeper than indentation does in a text of a size."""

MAX_ALIASES = 20_000
"""More aliases are rejected: what an edit changes is looked for at each of them."""

TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels, which is the limit"
TOO_MANY = "the document has more than a million values, which is the limit"
SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair. It cannot be encoded; Go and YAML reject or replace it."""

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))

# The line breaks of YAML 1.1, which include NEL, LINE SEPARATOR and PARAGRAPH SEPARATOR.
LINE_END = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_RARE_ENDS = "\r\x85\u2028\u2029"
_COMMON_END = re.compile(r"\r\n|\r|\n")


# Not slots: `cached_property` needs the instance's dictionary.
@dataclass(frozen=True)
class Source:
    """The text of a file, without its byte order mark. `encode(text)` restores mark and encoding."""

    text: str
    filename: str
    mark: bytes = b""
    encoding: str = "utf-8"
    newline: str = "\n"
    """The line end to use if the text has none."""

    @classmethod
    def decode(cls, data: bytes | str, filename: str) -> Source:
        """Decodes a file's bytes. Raises ParseError for more than MAX_BYTES, and for bytes that are neither UTF-8
        nor UTF-16 with a byte order mark."""
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        _check_size(len(raw), filename)
        mark, encoding = next(((m, e) for m, e in _MARKS if raw.startswith(m)), (b"", "utf-8"))
        try:
            text = raw[len(mark) :].decode(encoding)
        except UnicodeDecodeError as error:
            before = raw[len(mark) : len(mark) + error.start].decode(encoding, "replace")
            raise ParseError(
                f"byte 0x{error.object[error.start]:02x} is not valid {encoding.upper()}",
                remedy="save the file as UTF-8",
                place=cls(before, filename).place(len(before)),
            ) from None
        newline = _COMMON_END.search(text)
        return cls(text, str(filename), mark, encoding, newline.group() if newline else "\n")

    def with_text(self, text: str) -> Source:
        """The same file with another text. Raises ParseError if the text is too large."""
        is_ascii = self.encoding == "utf-8" and text.isascii()
        _check_size(len(self.mark) + len(text) if is_ascii else len(self.encode(text)), self.filename)
        return replace(self, text=text)

    def encode(self, text: str | None = None) -> bytes:
        return self.mark + (self.text if text is None else text).encode(self.encoding)

    @cached_property
    def _line_starts(self) -> list[int]:
        if any(end in self.text for end in _RARE_ENDS):
            return [0, *(match.end() for match in LINE_END.finditer(self.text))]
        lengths = map(len, self.text.split("\n")[:-1])
        return [number + start for number, start in enumerate(accumulate(lengths, initial=0))]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1; columns count code points."""
        line = bisect.bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def place(self, offset: int) -> Place:
        return Place(self.filename, *self.position(offset))

    def line_start(self, offset: int) -> int:
        """The offset of the beginning of the line that contains `offset`."""
        return self._line_starts[bisect.bisect_right(self._line_starts, offset) - 1]

    def column(self, offset: int) -> int:
        """The column of an offset, from 0."""
        return offset - self.line_start(offset)

    def starts_line(self, offset: int) -> bool:
        return not self.text[self.line_start(offset) : offset].strip()

    def blanks_before(self, offset: int) -> int:
        """The beginning of the blanks and tabs that end at `offset`."""
        line = self.line_start(offset)
        return line + len(self.text[line:offset].rstrip(" \t"))

    def offset(self, line: int) -> int:
        """The offset of the beginning of a line, counted from 1; the line must exist."""
        return self._line_starts[line - 1]

    def line_end(self, offset: int) -> int:
        """The offset of the end of that line's text, before its line break."""
        end = self.next_line(offset)
        if end > offset and self.ends_line(end):
            end -= 1 + (self.text[end - 2 : end] == "\r\n" and end - 2 >= offset)
        return end

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its line break; empty if the line does not exist."""
        exists = 1 <= number <= len(self._line_starts)
        return self.text[self.offset(number) : self.line_end(self.offset(number))] if exists else ""

    def next_line(self, offset: int) -> int:
        """The offset of the beginning of the next line (in the last line: the end of the text)."""
        number = bisect.bisect_right(self._line_starts, offset)
        return self._line_starts[number] if number < len(self._line_starts) else len(self.text)

    def ends_line(self, offset: int) -> bool:
        """Whether the character before the offset is a line break."""
        return offset > 0 and (self.text[offset - 1] == "\n" or self.text[offset - 1] in _RARE_ENDS)

    def newline_near(self, offset: int) -> str:
        """The line break of the line that contains `offset`; otherwise the last one before it; otherwise `newline`."""
        start = self.line_start(offset)
        before = start - (2 if self.text[max(start - 2, 0) : start] == "\r\n" else 1)
        match = _COMMON_END.search(self.text, start) or _COMMON_END.match(self.text, max(before, 0))
        return match.group() if match else self.newline


def _check_size(size: int, filename: str) -> None:
    if size > MAX_BYTES:
        what = f"the file has {size:,} bytes, which is more than the limit of {MAX_BYTES:,}"
        raise ParseError(what, place=Place(filename))
