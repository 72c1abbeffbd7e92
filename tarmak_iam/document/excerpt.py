"""The part of a regular text that edits concern, as a text of its own: whole lines, in order, and nothing added.

It has the members that the edits change, what the edits look at in the members around them, and the first line of every
collection on the way there, in which all columns are as in the whole text. Edits of the excerpt therefore are edits of
the whole text as long as they do not touch a place where lines were left out. What is left out is not read again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable
from functools import cached_property
from itertools import accumulate

from tarmak_iam.document.edits import Edit, Move, Rename
from tarmak_iam.document.excerpt_plan import ExcerptPlan, Unsuitable
from tarmak_iam.document.nodes import Span
from tarmak_iam.document.outline import Level
from tarmak_iam.document.splices import Splice, joined_spans
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled

_GAPS = compiled(r"(?: *(?:#[^\n]*)?\n)*")


@dataclass(frozen=True)
class Excerpt:
    """An excerpt of a text. `kept` are its parts of the whole text, in order; `edits` have their paths in the
    excerpt."""

    text: str
    kept: tuple[Span, ...]
    edits: tuple[Edit, ...]
    open_above: frozenset[int]
    """The beginnings of parts where a member may be removed, and others inserted, although the end of the one above is
    left out."""

    @cached_property
    def _begins(self) -> list[int]:
        """Where each part begins in the excerpt, and where the last one ends."""
        return list(accumulate((span.end - span.start for span in self.kept), initial=0))

    def _part(self, at: int) -> int:
        """The number of the part that a character of the excerpt is in."""
        return min(bisect_right(self._begins, at), len(self.kept)) - 1

    def offset(self, at: int) -> int:
        """The offset in the whole text of a character of the excerpt."""
        number = self._part(at)
        return self.kept[number].start + at - self._begins[number]

    def in_whole(self, splices: Iterable[Splice], length: int) -> list[Splice] | None:
        """The splices of the excerpt as splices of the whole text, which has a length. None if one of them touches a
        place where lines are left out, or only blank lines and comments are between."""
        result = []
        for splice in splices:
            number = self._part(splice.start)
            span, begin, end = self.kept[number], self._begins[number], self._begins[number + 1]
            is_open = splice.start == begin and span.start in self.open_above
            if splice.start <= begin and span.start > 0 and not is_open:
                return None
            if span.end < length and (splice.end > end or _GAPS.fullmatch(self.text, splice.end, end)):
                return None
            result.append(splice.moved(span.start - begin))
        return result


def excerpt_for(text: str, root: Level, edits: Collection[Edit]) -> Excerpt | None:
    """The excerpt for the edits of a text; None if they need the whole text."""
    kinds = {type(edit) for edit in edits}
    if Move in kinds or (Rename in kinds and len(kinds) > 1):
        return None
    plan = ExcerptPlan(text, root)
    try:
        ways = [plan.add(edit) for edit in edits]
        plan.finish()
        spans = tuple(joined_spans(plan.spans(plan.root)))
        if sum(span.end - span.start for span in spans) > len(text) * 0.9:
            return None
        rewritten = tuple(plan.in_excerpt(edit, way) for edit, way in zip(edits, ways, strict=True))
    except Unsuitable:
        return None
    excerpt = "".join([text[start:end] for start, end in spans])
    return Excerpt(excerpt, spans, rewritten, frozenset(plan.open_above))
