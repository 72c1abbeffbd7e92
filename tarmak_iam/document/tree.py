"""One parsed document: source, nodes and comments, and the way from a route to a node."""

from __future__ import annotations

import contextlib
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tarmak_iam.document.json_reader import looks_like_json, read_json
from tarmak_iam.document.nodes import Entry, Mapping, Node, Scalar, Sequence, Span, content_start, dereference
from tarmak_iam.document.source import Source
from tarmak_iam.document.yaml_reader import YamlText, read_stream, read_yaml
from tarmak_iam.errors import ParseError, Place
from tarmak_iam.routes import Key, Route

# The sign stands first, and what must be before it second: that way the search is for a literal, and fast.
_COMMENT = re.compile(r"#(?<![^ \t\r\n\ufeff]#)[^\r\n\x85\u2028\u2029]*")

# Behind the end of a document: a marker, and the first line that is more than markers, directives and comments.
_MARKER = re.compile(r"(?<![^\r\n])---")
_MARKED = re.compile(r"(?<![^\r\n])(?:---|\.\.\.)(?:\s|\Z)")
_CONTENT = re.compile(r"(?<![^\r\n])(?!%|\.\.\.)(?:---[ \t]+)?(?!---(?:\s|\Z))[ \t]*[^\s#]")

_SETTING = re.compile(
    r"#+[ \t]*(?P<quote>[\"']?)(?P<name>[^\s:\"'#](?:[^:\"'#]*[^\s:\"'#])?)(?P=quote)[ \t]*:(?:[ \t]|\Z)"
)


@dataclass(frozen=True, slots=True)
class Comment:
    """`text` starts with `#`; `own_line` is false for one behind something else on its line."""

    text: str
    span: Span
    own_line: bool

    @property
    def setting(self) -> str | None:
        """The key where the comment is a setting that was commented out, as in `# name: true`."""
        match = _SETTING.match(self.text)
        return match["name"] if match else None


@dataclass(frozen=True)
class Tree:
    """`extent` is the part of the text that this document takes; `is_json` the strict reader's; `scalars` are all
    of YAML's in file order. `duplicates` counts keys that are there already; `layouts` keeps what is found out
    about the layout of a node, by its id."""

    source: Source
    root: Node | None
    extent: Span
    version: tuple[int, int] | None = None
    is_json: bool = False
    scalars: list[Scalar] = field(default_factory=list)
    duplicates: int = 0
    has_aliases: bool = False
    layouts: dict[int, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, source: Source, index: int = 0, *, json: bool | None = None, pure: bool = False) -> Tree:
        """`json`: True for strict JSON, False for YAML, None for JSON where the text is just that.

        Raises ParseError.
        """
        if json or (json is None and index == 0 and looks_like_json(source)):
            try:
                return cls(source, read_json(source), Span(0, len(source.text)), is_json=True)
            except ParseError:
                if json:
                    raise
        return cls._of(source, read_yaml(source, index, pure=pure))

    @classmethod
    def read_all(cls, source: Source) -> list[Tree]:
        """Every document of YAML, or the one of strict JSON. Raises ParseError."""
        if looks_like_json(source):
            with contextlib.suppress(ParseError):
                return [cls(source, read_json(source), Span(0, len(source.text)), is_json=True)]
        return [cls._of(source, yaml) for yaml in read_stream(source)]

    @classmethod
    def _of(cls, source: Source, yaml: YamlText) -> Tree:
        return cls(source, yaml.root, yaml.span, yaml.version, False, yaml.scalars, yaml.duplicates, yaml.has_aliases)

    def entry(self, route: Route) -> Entry | None:
        """The mapping entry that the route's last step names, merges included; None if there is none."""
        if not route.steps:
            return None
        step = route.steps[-1]
        parent = self.node(route.parent)
        if parent is None or isinstance(step, int):
            return None
        return _entry(dereference(parent), step)

    def node(self, route: Route) -> Node | None:
        """The node at the route; aliases and merges are followed on the way. None if there is none."""
        node = self.root
        for step in route.steps:
            if node is None:
                return None
            node = _child(dereference(node), step)
        return node

    def position(self, route: Route) -> Place:
        """File, line and column of the value at the route, or of its nearest parent that exists."""
        node = self.node(route)
        while node is None and route.steps:
            route = route.parent
            node = self.node(route)
        return self.source.place(node.span.start) if node is not None else Place(self.source.filename, 1, 1)

    @property
    def rest(self) -> str:
        """The documents that follow in the file, with the marker before them; empty if there are none."""
        rest = self.source.text[self.extent.end :]
        return rest if rest.lstrip().startswith(("---", "...")) else ""

    @property
    def next_document(self) -> int | None:
        """The offset of what follows this document, or of the marker before it. Markers, directives and comments alone
        are nothing."""
        rest = self.source.text[self.extent.end :]
        content = _CONTENT.search(rest)
        if content is None:
            return None
        marker = _MARKER.search(rest, 0, content.end())
        return self.extent.end + (marker or content).start()

    @property
    def ends_early(self) -> bool:
        """Whether more follows without a marker: a line that is indented less than the first key, or text after a
        closing bracket. go-yaml stops there without an error (measured with yaml.v2 and yaml.v3)."""
        start = self.next_document
        return start is not None and not _MARKED.search(self.source.text, self.extent.end, start + len("---\n"))

    @cached_property
    def comments(self) -> tuple[Comment, ...]:
        """Every comment from the end of the previous document to the end of this one."""
        return () if self.is_json else tuple(self._comments())

    @cached_property
    def own_lines(self) -> dict[int, Comment]:
        """The comments that have a line for themselves, by their offset."""
        return {comment.span.start: comment for comment in self.comments if comment.own_line}

    @cached_property
    def commented_out(self) -> frozenset[str | None]:
        """The keys that comments have as settings."""
        return frozenset(comment.setting for comment in self.own_lines.values())

    @cached_property
    def tails(self) -> dict[int, Comment]:
        """The comments at the end of a line, by the offset where the line begins."""
        line_start = self.source.line_start
        return {line_start(comment.span.start): comment for comment in self.comments if not comment.own_line}

    def _comments(self) -> Iterator[Comment]:
        """Every `#` at the begin of a line or behind a blank, unless it is part of a scalar's own text."""
        text, scalars = self.source.text, self.scalars
        starts = [scalar.start for scalar in scalars]
        at, end = self.extent.start, max(self.extent.end, scalars[-1].span.end if scalars else 0)
        while match := _COMMENT.search(text, at, end):
            start, at = match.span()
            number = bisect_right(starts, start) - 1
            if number >= 0 and self._is_text_of(scalars[number], start):
                at = scalars[number].span.end
            else:
                own_line = not text[self.source.line_start(start) : start].strip()
                yield Comment(match.group(), Span(start, at), own_line)

    def _is_text_of(self, scalar: Scalar, offset: int) -> bool:
        """Whether an offset behind a scalar's begin is in it, but not beside its anchor, tag or block header."""
        if offset >= scalar.end:
            return False
        begin = content_start(self.source.text, scalar)
        return offset >= (self.source.line_end(begin) if scalar.is_block else begin)


def _entry(node: Node, step: Key) -> Entry | None:
    if not isinstance(node, Mapping):
        return None
    if step.occurrence >= 0:
        return node.occurrence(step.text, step.occurrence)
    return node.effective(step.text)


def _child(node: Node, step: int | Key) -> Node | None:
    if isinstance(step, int):
        return node.items[step] if isinstance(node, Sequence) and 0 <= step < len(node.items) else None
    entry = _entry(node, step)
    return entry.value if entry else None
