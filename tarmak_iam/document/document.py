"""A YAML (or strict JSON) document that can be edited without touching a byte more than needed, each edit proven.

ruamel.yaml locates, the edit splices the original text, and the result is read again and compared
with what was intended: a value elsewhere that changed, or a comment that is lost, refuses the edit.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from tarmak_iam.document.comments import comments_beside
from tarmak_iam.document.edit_batch import EditBatch, NotProven
from tarmak_iam.document.edits import Append, Edit, Insert, Remove, Set
from tarmak_iam.document.json_reader import construct_json
from tarmak_iam.document.nodes import Entry, Node, Scalar
from tarmak_iam.document.plain_values import UnwritableValue, construct, plain
from tarmak_iam.document.reconcile import Identity
from tarmak_iam.document.scalars import Dialect
from tarmak_iam.document.source import Source
from tarmak_iam.document.target import locate
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.errors import EditRefused, Place
from tarmak_iam.routes import Path, Route


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """Without garbage collection: a document's nodes make no cycles, and looking for some again and again while
    they come into being by the thousand takes as long as the reading itself, and more the larger the file is."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Document:
    """An immutable document: every edit gives a new one, or raises EditRefused and changes nothing.

    Paths are made of ints (list indices) and strings (scalar keys by their text); of duplicate keys
    the last one is meant, the one that go-yaml takes.
    """

    __slots__ = ("_index", "_json", "_plain", "_tree", "removed_comments")

    def __init__(
        self, tree: Tree, index: int, json: bool | None, data: Any, removed_comments: tuple[Comment, ...] = ()
    ) -> None:
        self._tree = tree
        self._index = index
        self._json = json
        self._plain = data
        self.removed_comments = removed_comments
        """The comments that went with what the last edit removed or replaced, as they stood in the text before."""

    @classmethod
    @gc_paused()
    def parse(
        cls, data: bytes | str, filename: str = "<bytes>", index: int = 0, *, json: bool | None = None
    ) -> Document:
        """Reads document `index` of the text; `filename` is for messages only.

        `json`: True for strict JSON only, False for YAML only, None for JSON where a text that starts
        with `{` is just that. Raises ParseError for what go-yaml would not read, for more than 10 MB and
        for more than 200 levels.
        """
        return cls._of(Source.decode(data, str(filename)), index, json)

    @classmethod
    @gc_paused()
    def parse_all(cls, data: bytes | str, filename: str = "<bytes>") -> tuple[Document, ...]:
        """Every document of a YAML text (none for an empty one), or the one of strict JSON. Raises ParseError."""
        trees = Tree.read_all(Source.decode(data, str(filename)))
        return tuple(cls._made(tree, index, None) for index, tree in enumerate(trees))

    @classmethod
    def _of(cls, source: Source, index: int, json: bool | None) -> Document:
        return cls._made(Tree.read(source, index, json=json), index, json)

    @classmethod
    def _made(cls, tree: Tree, index: int, json: bool | None) -> Document:
        if tree.is_json:
            return cls(tree, index, json, construct_json(tree.root) if tree.root else None)
        return cls(tree, index, json, construct(tree.root, tree.source))

    @property
    def data(self) -> Any:
        """The plain values as Tarmak's yaml.v2 reads them: a fresh copy on every access."""
        return copy.deepcopy(self._plain)

    def read_as(self, dialect: Dialect) -> Any:
        """The plain values as another release of go-yaml reads them. Raises ParseError."""
        return self.data if self._tree.is_json else construct(self._tree.root, self._tree.source, dialect)

    @property
    def source(self) -> Source:
        return self._tree.source

    @property
    def filename(self) -> str:
        return self._tree.source.filename

    @property
    def text(self) -> str:
        """The whole file's text, without a byte order mark."""
        return self._tree.source.text

    @property
    def is_json(self) -> bool:
        """Whether the strict JSON reader read it."""
        return self._tree.is_json

    @property
    def root(self) -> Node | None:
        return self._tree.root

    @property
    def yaml_version(self) -> tuple[int, int] | None:
        """What a %YAML directive says."""
        return self._tree.version

    @property
    def comments(self) -> tuple[Comment, ...]:
        return self._tree.comments

    def to_bytes(self) -> bytes:
        return self._tree.source.encode()

    def node(self, path: Path | Route) -> Node | None:
        """The node at a path, aliases and merges followed; None if there is none."""
        return self._tree.node(Route.of(path))

    def entry(self, path: Path | Route) -> Entry | None:
        """The mapping entry at a path, aliases and merges followed; None if there is none."""
        return self._tree.entry(Route.of(path))

    def has(self, path: Path | Route) -> bool:
        """Whether the path is written out in the text itself, not only through an alias or a merge."""
        try:
            target = locate(self._tree, Route.of(path))
        except EditRefused:
            return False
        return bool(target.holders) and not target.missing

    def comments_beside(self, path: Path | Route) -> tuple[Comment, ...]:
        """The comments that may be about an entry: in the lines right above it, and behind its key and its value."""
        entry = self.entry(path)
        return tuple(comments_beside(self._tree, entry)) if entry else ()

    def place(self, node: Node) -> Place:
        """File, line and column of a node."""
        return self._tree.source.place(node.span.start)

    def position(self, path: Path | Route, *, at_key: bool = False) -> Place:
        """File, line and column of the value (or key) at a path, or of its nearest parent that exists."""
        route = Route.of(path)
        entry = self._tree.entry(route) if at_key else None
        return self.place(entry.key) if entry is not None else self._tree.position(route)

    @property
    def next_document(self) -> Place | None:
        """Where the next document of the file begins, with its marker where it has one; None if there is none."""
        offset = self._tree.next_document
        return None if offset is None else self._tree.source.place(offset)

    @property
    def ends_early(self) -> bool:
        """Whether what follows this document is there without a marker, so that nobody meant the document to end."""
        return self._tree.ends_early

    def set(self, path: Path | Route, value: Any) -> Document:
        """Gives a path a value, creating missing parents. The same value again returns this document.

        A mapping over a mapping, or a list over a list, changes only what differs.
        """
        return self.edit(Set(path, value))

    def append(self, path: Path | Route, value: Any) -> Document:
        """Adds an item to the end of a list; where there is null or nothing, the list is created."""
        return self.edit(Append(path, value))

    def insert(self, path: Path | Route, value: Any) -> Document:
        """Puts an item into a list; the path's last step is the index that it will have."""
        return self.edit(Insert(path, value))

    def remove(self, path: Path | Route, *, prune: bool = False) -> Document:
        """Takes a key or item out, with the comments that clearly belong to it: `removed_comments` has them.

        A parent left empty becomes {} or []; with `prune` it goes too.
        """
        return self.edit(Remove(path, prune))

    def edit(self, *edits: Edit) -> Document:
        """Makes several edits, each on what the ones before it made, and proves the result once."""

        def make(batch: EditBatch) -> None:
            for number, edit in enumerate(edits, 1):
                try:
                    batch.perform(edit)
                except EditRefused as refusal:
                    raise self._numbered_refusal(refusal, batch, edit.path, number, len(edits)) from None

        return self._batched(make)

    def _numbered_refusal(
        self, refusal: EditRefused, batch: EditBatch, path: Path | Route, number: int, count: int
    ) -> EditRefused:
        """The refusal of one edit of several: with its number, and a place in the text that people have."""
        place = refusal.place if batch.tree is self._tree else self.position(path)
        what = refusal.what if count == 1 else f"edit {number} of {count}: {refusal.what}"
        return type(refusal)(what, remedy=refusal.remedy, place=place)

    def update(self, data: Any, *, identities: Iterable[Identity] = ()) -> Document:
        """The document with another meaning, made with as few edits as possible: what stays keeps its comments.

        `identities` tell which items of two lists of mappings are the same one, each as dotted paths:
        `[("environment", "metadata.name"), ("name",)]`. The first whose paths all lead to scalars counts;
        items without any are matched where they are equal, or have most in common.
        """
        try:
            wanted = plain(data)
        except UnwritableValue as error:
            raise EditRefused(str(error), remedy=error.remedy, place=self.position(())) from None
        keys = tuple(identities)
        return self._batched(lambda batch: batch.turn(Route(), wanted, keys))

    def _batched(self, make: Callable[[EditBatch], None]) -> Document:
        """Where what was made together, or with literal blocks, is not right, once more with care."""
        try:
            return self._attempt(make, careful=False)
        except NotProven as refusal:
            with contextlib.suppress(EditRefused):
                return self._attempt(make, careful=True)
            raise EditRefused(refusal.what, remedy=refusal.remedy, place=refusal.place) from None

    @gc_paused()
    def _attempt(self, make: Callable[[EditBatch], None], *, careful: bool) -> Document:
        batch = EditBatch(self._tree, self._plain, self._read, careful=careful)
        make(batch)
        batch.finish()
        if batch.tree is self._tree:
            return self
        return Document(batch.tree, self._index, self._json, batch.data, tuple(batch.removed))

    def _read(self, text: str) -> tuple[Tree, Any]:
        edited = Document._of(self._tree.source.with_text(text), self._index, self._json)
        return edited._tree, edited._plain


_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")


def place_within(document: Document, path: Path | Route, inner: Place) -> Place:
    """Where a place in the text at a path stands in the document's file.

    Lines of a literal text are lines of the file; of any other, all there is to tell is where it begins.
    """
    begin, node = document.position(path), document.node(path)
    if not isinstance(node, Scalar) or node.style != "literal" or begin.line is None:
        return begin
    column = None if inner.column is None else inner.column + _indent(document, node)
    return replace(begin, line=begin.line + (inner.line or 1), column=column)


def _indent(document: Document, node: Scalar) -> int:
    """How much further right a literal text stands in the file than by itself."""
    lines = _lines_of(document.text[node.start : node.end])
    next(lines, None)
    pairs = zip(lines, _lines_of(node.text), strict=False)
    line, text = next(((line, text) for line, text in pairs if text.strip()), ("", ""))
    return len(line) - len(text) if line.endswith(text) else 0


def _lines_of(text: str) -> Iterator[str]:
    """One after the other: only the first ones are looked at, and a text may have thousands."""
    return (match[1] for match in _LINE.finditer(text))
