"""Places in the files before all fixes, and the fix that a removed comment belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tarmak_iam.document import Document
from tarmak_iam.document.line_map import LineMap
from tarmak_iam.document.tree import Comment
from tarmak_iam.errors import Place
from tarmak_iam.lint.fix import Fix


class PlacesBefore:
    """Places of edited texts in the texts before, which are given by file name."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._maps: dict[str, tuple[str, LineMap]] = {}

    def of(self, place: Place, text: str) -> Place:
        """The place in the text before; the same place if its line is new. `text` is that of the file that the place is
        in."""
        if place.line is None or place.filename not in self._texts:
            return place
        found = self._map(place.filename, text)
        at = None if found is None else found.before_edits(place.line, place.column or 1)
        return place if at is None else replace(place, line=at[0], column=place.column and at[1])

    def line(self, filename: str, number: int, text: str) -> int:
        """As `of`, for the number of a line."""
        return self.of(Place(filename, number), text).line or number

    def _map(self, filename: str, text: str) -> LineMap | None:
        before = self._texts[filename]
        if before == text:
            return None
        known = self._maps.get(filename)
        if known is None or known[0] != text:
            known = self._maps[filename] = text, LineMap.of(before, text)
        return known[1]


def distance(fix: Fix, document: Document, comment: Comment) -> tuple[int, int]:
    """How far a removed comment is from what a fix edits in the document: in its lines, above them, or elsewhere."""
    line = document.source.position(comment.span.start)[0]
    return min((_distance(line, *lines) for lines in _edited_lines(fix, document)), default=(3, 0))


def _edited_lines(fix: Fix, document: Document) -> Iterator[tuple[int, int]]:
    for edit in fix.edits:
        node = document.node(edit.path)
        if node is not None:
            last = document.source.position(max(node.start, node.end - 1))[0]
            yield document.position(edit.path, at_key=True).line or last, last


def _distance(line: int, first: int, last: int) -> tuple[int, int]:
    if first <= line <= last:
        return 0, last - first
    return (1, first - line) if line < first else (2, line - last)
