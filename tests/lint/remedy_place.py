"""Where a finding is in a cluster's files, and the edits that remedies speak of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.findings import At
from tarmak_iam.lint import Located
from tarmak_iam.routes import Route
from tests.lint.files import Files

__all__ = ["NotLiteral", "Place", "lines_of", "without_comment"]


class NotLiteral(AssertionError):
    """A remedy that nobody can follow word for word."""


@dataclass(frozen=True)
class Place:
    """Where a finding is, and how it is changed."""

    files: Files
    located: Located

    @property
    def name(self) -> str:
        return str(self.located.finding.subject)

    @property
    def route(self) -> Route:
        return self.located.finding.route

    @property
    def at_key(self) -> bool:
        return self.located.finding.at is At.KEY

    @property
    def document(self) -> Document:
        return Document.parse(self.files[self.name], self.name)

    def with_text(self, text: str, name: str = "") -> Files:
        return {**self.files, name or self.name: text}

    def with_document(self, document: Document) -> Files:
        return self.with_text(document.text)

    def spliced(self, start: int, end: int, new: str) -> Files:
        text = self.document.text
        return self.with_text(text[:start] + new + text[end:])

    def with_value(self, new: str) -> Files:
        """The value's own text replaced; behind a key without one it is added."""
        document = self.document
        node = document.node(self.route)
        if node is None:
            raise NotLiteral(f"there is nothing at {self.route} to write {new} for")
        if isinstance(node, Scalar) and node.start == node.end:
            entry = document.entry(self.route)
            assert entry is not None
            return self.spliced(entry.key.end + 1, entry.key.end + 1, f" {new}")
        return self.spliced(node.start, node.end, new)

    def with_key(self, new: str) -> Files:
        entry = self.document.entry(self.route)
        assert entry is not None, f"{self.route} has no key"
        return self.spliced(entry.key.start, entry.key.end, new)

    def moved_to(self, target: str) -> Files:
        """The key with its value below another, from the root or from the one that it is in now."""
        document, path = self.document, self.route.plain
        node = document.node(self.route)
        assert node is not None
        value = Document.parse(document.text).data
        for step in path:
            value = value[step]
        steps = target.split(".")
        base = path[:-1] if str(path[0]) != steps[0] and document.node((steps[0],)) is None and len(path) > 1 else ()
        return self.with_document(document.remove(self.route).set((*base, *steps), value))

    def without(self, route: Route | None = None) -> Files:
        """The entry, the item or the next document gone."""
        finding = self.located.finding
        if route is None and finding.at is At.NEXT_DOCUMENT:
            lines = lines_of(self)
            return self.with_text("".join(lines[: (self.located.place.line or 1) - 1]))
        if route is None and finding.place is not None:
            return self.with_text(without_comment(self.files[self.name], finding.place.line or 1))
        return self.with_document(self.document.remove(self.route if route is None else route))

    def named(self, words: str) -> Route:
        """The key that the words name: from the root, or one beside or within what the finding is about."""
        steps = tuple(words.split("."))
        bases = [self.route.plain[:count] for count in range(len(self.route), -1, -1)]
        candidates = [(*base, *steps) for base in bases]
        found = next((each for each in candidates if self.document.node(each) is not None), None)
        if found is None:
            raise NotLiteral(f"the remedy names {words}, which is nowhere near {self.route}")
        return Route.of(found)


def without_comment(text: str, line: int) -> str:
    """The comment of a line gone, with its line where nothing else is on it."""
    lines = text.splitlines(keepends=True)
    lines[line - 1] = re.sub(r"[ \t]*#[^\n]*", "", lines[line - 1])
    if not lines[line - 1].strip():
        del lines[line - 1]
    return "".join(lines)


def lines_of(place: Place) -> list[str]:
    return place.files[place.name].splitlines(keepends=True)
