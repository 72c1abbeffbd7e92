"""Places in the files before all fixes, and the fix that a removed comment belongs to."""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from tarmak_iam.document import Document
from tarmak_iam.document.tree import Comment
from tarmak_iam.errors import Place
from tarmak_iam.lint.fix import Fix
from tarmak_iam.lint.line_map import LineMap


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


class EditedLines:
    """The lines of a document that fixes edit, for the question which of the fixes has removed a comment."""

    def __init__(self, document: Document, fixes: Iterable[tuple[int, Fix]]) -> None:
        """`fixes` are numbered."""
        self._source = document.source
        self._spans = sorted((*lines, number) for number, fix in fixes for lines in _edited_lines(fix, document))

    def fix_of(self, comment: Comment) -> int | None:
        """The number of the fix with the comment in its lines, else of the one that it is above, else of the last one.
        None without any."""
        line = self._source.position(comment.span.start)[0]
        after = bisect_right(self._spans, (line, line, sys.maxsize))
        if after and (self._spans[after - 1][1] >= line or after == len(self._spans)):
            return self._spans[after - 1][2]
        return self._spans[after][2] if after < len(self._spans) else None


def _edited_lines(fix: Fix, document: Document) -> Iterator[tuple[int, int]]:
    for edit in fix.edits:
        node = document.node(edit.path)
        if node is not None:
            last = document.source.position(max(node.start, node.end - 1))[0]
            yield document.position(edit.path, at_key=True).line or last, last
