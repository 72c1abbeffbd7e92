"""Which comments belong to an entry: the one behind it, and those right above it."""

from __future__ import annotations

from tarmak_iam.document.commented import is_commented_out
from tarmak_iam.document.document import Document
from tarmak_iam.document.tree import Comment
from tarmak_iam.routes import Key, Route

__all__ = ["own_comments"]


def own_comments(document: Document, route: Route) -> tuple[Comment, ...]:
    """The comments of the entry at the route: behind its key or value on the same line, and the unbroken
    run of comment lines right above it in its column. A commented-out setting of its own name is none."""
    entry, source = document.entry(route), document.source
    if entry is None:
        return ()
    start, end = entry.key.span.start, entry.value.span.end
    lines = {source.line_start(start), source.line_start(end)}
    behind = [c for c in document.comments if not c.own_line and source.line_start(c.span.start) in lines]
    step = route.steps[-1]
    name = step.text if isinstance(step, Key) else ""
    above = [] if source.text[source.line_start(start) : start].strip() else _above(document, start)
    return tuple(above if not any(is_commented_out(c, name) for c in above) else ()) + tuple(behind)


def _above(document: Document, start: int) -> list[Comment]:
    source = document.source
    width, line = start - source.line_start(start), source.line_start(start)
    found: list[Comment] = []
    for comment in reversed(document.comments):
        if comment.span.start >= line or not comment.own_line:
            continue
        at = source.line_start(comment.span.start)
        if source.next_line(at) != line or comment.span.start - at != width:
            break
        found.insert(0, comment)
        line = at
    return found
