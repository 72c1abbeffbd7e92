"""One parsed document: its source, nodes and comments, and the lookup of nodes by route."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, Span, dereference, own_text_start
from tarmak_iam.document.source import Source
from tarmak_iam.errors import Place
from tarmak_iam.routes import Key, Route

# The `#` comes first and the condition before it second, so that the search is for a literal, which is fast.
_COMMENT = re.compile(r"#(?<![^ \t\r\n\ufeff]#)[^\r\n\x85\u2028\u2029]*")

# After the end of a document: a marker, and the first line that is not only markers, directives and comments.
_MARKER = re.compile(r"(?<![^\r\n])---")
_MARKED = re.compile(r"(?<![^\r\n])(?:---|\.\.\.)(?:\s|\Z)")
_CONTENT = re.compile(r"(?<![^\r\n])(?!%|\.\.\.)(?:---[ \t])?(?!---(?:\s|\Z))[ \t]*[^\s#]")


class Comment(NamedTuple):
    """A comment. `text` starts with `#`; `own_line` is false if something else is before it on its line."""

    text: str
    span: Span
    own_line: bool


@dataclass(frozen=True)
class Tree:
    """One parsed document.

    `extent` is the document's part of the text. `is_json` is true for strict JSON. `scalars` are all scalars of a YAML
    document in file order. `duplicates` is the number of duplicate keys. `layouts` caches the layout of nodes, by id.
    `file`: if the text is a window of a file, the text of the whole file.
    """

    source: Source
    root: Node | None
    extent: Span
    is_json: bool = False
    scalars: list[Scalar] = field(default_factory=list)
    duplicates: int = 0
    has_aliases: bool = False
    layouts: dict[Any, Any] = field(default_factory=dict)
    file: str | None = None

    def entry(self, route: Route) -> Entry | None:
        """The mapping entry that the route's last step names, merged ones included; None if there is none."""
        return _entry(self.node(route.parent), route.steps[-1]) if route.steps else None

    def node(self, route: Route) -> Node | None:
        """The node at the route, through aliases and merge keys; None if there is none."""
        node = self.root
        for step in route.steps:
            if isinstance(step, Key):
                entry = _entry(node, step)
                node = entry.value if entry else None
            else:
                holder = node and dereference(node)
                items = holder.items if isinstance(holder, Sequence) else ()
                node = items[step] if 0 <= step < len(items) else None
        return node

    def position(self, route: Route) -> Place:
        """File, line and column of the value at the route, or of its nearest parent that exists."""
        while (node := self.node(route)) is None and route.steps:
            route = route.parent
        return self.source.place(node.span.start) if node is not None else Place(self.source.filename, 1, 1)

    @property
    def rest(self) -> str:
        """The text of the later documents of the file, with the marker before them; empty if there are none."""
        rest = self.source.text[self.extent.end :]
        return rest if rest.lstrip().startswith(("---", "...")) else ""

    @property
    def next_document(self) -> int | None:
        """The offset of the content after this document, or of its marker; None if only comments or markers follow."""
        rest = self.source.text[self.extent.end :]
        content = _CONTENT.search(rest)
        if content is None:
            return None
        marker = _MARKER.search(rest, 0, content.end())
        return self.extent.end + (marker or content).start()

    @property
    def ends_early(self) -> bool:
        """Whether content follows without a marker: a line that is indented less than the first key, or text after a
        closing bracket. go-yaml stops there without an error (measured with yaml.v2 and yaml.v3)."""
        start = self.next_document
        return start is not None and not _MARKED.search(self.source.text, self.extent.end, start + len("---\n"))

    @cached_property
    def comments(self) -> tuple[Comment, ...]:
        """Every comment from the end of the previous document to the end of this one."""
        return () if self.is_json else tuple(self._comments())

    @cached_property
    def own_lines(self) -> dict[int, Comment]:
        """The comments that are alone on their line, by their offset."""
        return {comment.span.start: comment for comment in self.comments if comment.own_line}

    @cached_property
    def tails(self) -> dict[int, Comment]:
        """The comments at the end of a line, by the offset where the line begins."""
        line_start = self.source.line_start
        return {line_start(comment.span.start): comment for comment in self.comments if not comment.own_line}

    def comments_in(self, start: int, end: int) -> tuple[Comment, ...]:
        """The comments that begin in a part of the text."""
        return self.comments[bisect_left(self._comment_starts, start) : bisect_left(self._comment_starts, end)]

    @cached_property
    def _comment_starts(self) -> list[int]:
        return [comment.span.start for comment in self.comments]

    def _comments(self) -> Iterator[Comment]:
        """Every `#` at the beginning of a line or after a blank, unless it is part of a scalar's own text."""
        text, scalars = self.source.text, self.scalars
        starts = [scalar.start for scalar in scalars]
        at, end = self.extent.start, max(self.extent.end, scalars[-1].end if scalars else 0)
        own_start, known = 0, -1  # where the own text of scalar number `known` begins
        while match := _COMMENT.search(text, at, end):
            start, at = match.span()
            number = bisect_right(starts, start) - 1
            if number >= 0 and start < scalars[number].end:
                if number != known:  # thousands of comments may be between an anchor and its scalar
                    own_start, known = own_text_start(text, scalars[number]), number
                if start >= own_start:
                    at = scalars[number].end
                    continue
            own_line = not text[self.source.line_start(start) : start].strip()
            yield Comment(match.group(), Span(start, at), own_line)


def _entry(node: Node | None, step: int | Key) -> Entry | None:
    mapping = node and dereference(node)
    if not isinstance(mapping, Mapping) or isinstance(step, int):
        return None
    return mapping.effective(step.text) if step.occurrence < 0 else mapping.occurrence(step.text, step.occurrence)
