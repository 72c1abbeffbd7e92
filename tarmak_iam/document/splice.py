"""An edit as text: pieces of the original replaced, everything else as it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tarmak_iam.document.nodes import Span

__all__ = ["Splice", "apply", "joined"]


@dataclass(frozen=True, slots=True, order=True)
class Splice:
    """`text[start:end]` becomes `text`; offsets in code points of the original."""

    start: int
    end: int
    text: str


def apply(text: str, splices: Iterable[Splice]) -> str:
    """All splices at once; they must not overlap. Equal insertion points keep the given order."""
    pieces, at = [], 0
    for splice in sorted(splices, key=lambda each: (each.start, each.end)):
        if splice.start < at:
            raise ValueError("overlapping splices")
        pieces += [text[at : splice.start], splice.text]
        at = splice.end
    return "".join([*pieces, text[at:]])


def joined(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, those that touch or overlap made one."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.start <= result[-1].end:
            result[-1] = Span(result[-1].start, max(result[-1].end, span.end))
        else:
            result.append(span)
    return result
