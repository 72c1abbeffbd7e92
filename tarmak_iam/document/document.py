"""A YAML or strict JSON document whose edits change only the bytes they need to. Every edit is proven:
docs/editing.md."""

from __future__ import annotations

import contextlib
import copy
import gc
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tarmak_iam.document.comments import lines_above
from tarmak_iam.document.edits import Append, Edit, Insert, Move, Remove, Rename, Set, ValueEdit
from tarmak_iam.document.nodes import Entry, Node, Scalar, dereference
from tarmak_iam.document.parsed import Text, data_of, read_trees
from tarmak_iam.document.plain_values import construct
from tarmak_iam.document.scalars import Dialect, readings
from tarmak_iam.document.source import Source
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.errors import EditRefused, Place
from tarmak_iam.routes import Path, Route

# The engine is imported where a document is edited: most commands only read.
if TYPE_CHECKING:
    from tarmak_iam.document.engine import Engine
    from tarmak_iam.document.update import Identity


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """Turns garbage collection off. A document's nodes form no cycles, and searching thousands of new nodes for
    cycles again and again takes as long as reading the file itself, and longer for larger files."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Document:
    """An immutable YAML or strict JSON document.

    Every edit returns a new document, or raises EditRefused and changes nothing. Bytes that the edit does not
    concern, comments included, stay as they are::

        document = Document.parse(b"clusters:\\n- name: dev  # small\\n", "tarmak.yaml")
        document.data  # {"clusters": [{"name": "dev"}]}
        edited = document.set(("clusters", 0, "zone"), "b")
        edited.to_bytes()  # b"clusters:\\n- name: dev  # small\\n  zone: b\\n"

    A path is a sequence of steps from the root: an int is a list index (from 0), a str is the text of a scalar key.
    If a key is duplicated, the path means the last one, which is the one that go-yaml uses. A `routes.Key` means
    one of several equal keys. Methods raise TypeError for anything else in a path.
    """

    __slots__ = ("_made_by", "_text")

    def __init__(self, text: Text, made_by: Engine | None = None) -> None:
        self._text = text
        self._made_by = made_by

    @property
    def removed_comments(self) -> tuple[Comment, ...]:
        """The comments that the last edit removed, because they belonged to what it removed or replaced. Their
        positions are those in the text before the edit."""
        return () if self._made_by is None else self._made_by.removed

    @property
    def also_changed(self) -> tuple[Route, ...]:
        """The other uses whose values the last edit changed with `through_alias`, in file order: the routes of aliases,
        of keys that come from a merge key, and of the anchored value itself if the path led there from elsewhere."""
        return () if self._made_by is None else self._made_by.also_changed

    @classmethod
    @gc_paused()
    def parse(
        cls, data: bytes | str, filename: str = "<bytes>", index: int = 0, *, json: bool | None = None
    ) -> Document:
        """Reads document number `index` (from 0) of the text. `filename` is used in messages only.

        `json`: True reads strict JSON only, and False YAML only. None reads a text that starts with `{` as strict
        JSON if it is strict JSON, and everything else as YAML. Raises ParseError if go-yaml would reject the text,
        if it is larger than 10 MiB, nested deeper than 200 levels or has more than a million values or 20,000 aliases,
        and if document `index` does not exist.
        """
        return cls(Text.read(Source.decode(data, str(filename)), index, json))

    @classmethod
    @gc_paused()
    def parse_all(cls, data: bytes | str, filename: str = "<bytes>") -> tuple[Document, ...]:
        """All documents of a YAML text (none if it is empty), or the single document of a strict JSON text.

        Raises ParseError, as `parse` does.
        """
        source = Source.decode(data, str(filename))
        trees = enumerate(read_trees(source))
        return tuple(cls(Text(source, index, None, None, tree, data_of(tree))) for index, tree in trees)

    @property
    def _tree(self) -> Tree:
        with gc_paused():
            return self._text.whole()[0]

    @property
    def data(self) -> Any:
        """The document as plain Python values (dict, list, str, int, float, bool and None), as Tarmak's yaml.v2
        reads it. Every access returns a new copy."""
        return copy.deepcopy(self.shared_data)

    @property
    def shared_data(self) -> Any:
        """The values of `data` without a copy. They must not be modified."""
        with gc_paused():
            return self._text.whole()[1]

    def shared_data_as(self, dialect: Dialect) -> Any:
        """The values of `read_as`, which must not be modified. Raises ParseError."""
        return self.shared_data if self.is_json else construct(self.root, self.source, dialect)

    def read_as(self, dialect: Dialect) -> Any:
        """The document as plain Python values, as another release of go-yaml reads it. Raises ParseError."""
        return self.data if self.is_json else construct(self.root, self.source, dialect)

    def other_readings(self, path: Path | Route) -> dict[str, Any]:
        """What other readers of YAML read at a path, where it differs from `data`, by the name of the reader.

        `on` is true to Tarmak, and `{"yaml.v3": "on", "YAML 1.2": "on"}` here. Empty if all readers agree, and if the
        path does not lead to a scalar. `set(path, value, rewrite=True)` writes what all of them read as the value.
        """
        node = self.node(path)
        node = None if node is None or self.is_json else dereference(node)
        return readings(node) if isinstance(node, Scalar) else {}

    @property
    def source(self) -> Source:
        """The file's text with its encoding and line ends."""
        return self._text.source

    @property
    def filename(self) -> str:
        """The name that was given to `parse`."""
        return self._text.form.filename

    @property
    def text(self) -> str:
        """The text of the whole file, without its byte order mark."""
        return self.source.text

    @property
    def is_json(self) -> bool:
        """Whether the document was read as strict JSON."""
        return self._tree.is_json

    @property
    def root(self) -> Node | None:
        """The root node; None if the document is empty."""
        return self._tree.root

    @property
    def has_duplicates(self) -> bool:
        """Whether a key is a duplicate of another one in its mapping. True also where a key is a mapping or list."""
        return self._tree.is_json or self._tree.duplicates > 0

    @property
    def comments(self) -> tuple[Comment, ...]:
        """The comments of this document in file order."""
        return self._tree.comments

    def to_bytes(self) -> bytes:
        """The whole file, with the encoding, byte order mark and line ends that it was read with."""
        return self.source.encode()

    def node(self, path: Path | Route) -> Node | None:
        """The node at a path, through aliases and merge keys; None if the path does not exist."""
        return self._tree.node(Route.of(path))

    def entry(self, path: Path | Route) -> Entry | None:
        """The mapping entry at a path, through aliases and merge keys; None if the path does not exist."""
        return self._tree.entry(Route.of(path))

    def has(self, path: Path | Route) -> bool:
        """Whether the path exists in the text itself, and not only through an alias or a merge key."""
        from tarmak_iam.document.target import locate

        try:
            target = locate(self._tree, Route.of(path))
        except EditRefused:
            return False
        return bool(target.holders) and not target.missing

    def comments_of(self, path: Path | Route) -> tuple[Comment, ...]:
        """The comments that may be about an entry: on the lines directly above it, and after its key or value."""
        entry, tree = self.entry(path), self._tree
        if entry is None:
            return ()
        lines = sorted({tree.source.line_start(at) for at in entry.span})
        return (*lines_above(tree, entry.key.start), *(tree.tails[line] for line in lines if line in tree.tails))

    def place(self, node: Node) -> Place:
        """File, line and column of a node."""
        return self._tree.source.place(node.span.start)

    def position(self, path: Path | Route, *, at_key: bool = False) -> Place:
        """File, line and column of the value at a path (with `at_key`: of its key). If the path does not exist, this
        is the place of the nearest parent that exists."""
        route = Route.of(path)
        entry = self._tree.entry(route) if at_key else None
        return self.place(entry.key) if entry is not None else self._tree.position(route)

    @property
    def next_document(self) -> Place | None:
        """Where the next document of the file begins, including its `---` if it has one; None if there is none."""
        offset = self._tree.next_document
        return None if offset is None else self._tree.source.place(offset)

    @property
    def ends_early(self) -> bool:
        """Whether more content follows without a marker. That is nearly always a mistake: go-yaml stops there."""
        return self._tree.ends_early

    def set(
        self,
        path: Path | Route,
        value: Any,
        *,
        keep_tag: bool = False,
        rewrite: bool = False,
        through_alias: bool = False,
    ) -> Document:
        """Sets the value at a path and creates missing parents. Returns this document if it has that value already.

        If a mapping replaces a mapping, or a list a list, only what differs is changed. A custom tag (`!secret x`) of
        a value that is replaced is removed; with `keep_tag` it stays (the new value must be a string, mapping or list).

        A value that is shared through an alias or a merge key (`<<`) is not changed unless `through_alias` is set: the
        refusal names the other uses. With it, aliases are followed, also at the end of the path, a key that comes from
        a merge key is changed in the merged mapping, and `also_changed` of the result has the other uses.

        `rewrite`: a scalar that has the value already is written again if another reader reads another value
        (`other_readings`), or if it has a custom tag that need not stay: `true` replaces `on`. Raises EditRefused.
        """
        return self.edit(Set(path, value, keep_tag, rewrite, through_alias))

    def append(self, path: Path | Route, value: Any, *, through_alias: bool = False) -> Document:
        """Adds an item to the end of the list at a path. The list is created if the path is null or does not exist.

        `through_alias` is that of `set`. Raises EditRefused, for example if the value at the path is not a list.
        """
        return self.edit(Append(path, value, through_alias))

    def insert(self, path: Path | Route, value: Any, *, through_alias: bool = False) -> Document:
        """Inserts an item into a list. The last step of the path is the index that the item will have.

        `through_alias` is that of `set`. Raises EditRefused, for example if the list is shorter.
        """
        return self.edit(Insert(path, value, through_alias))

    def remove(self, path: Path | Route, *, prune: bool = False, through_alias: bool = False) -> Document:
        """Removes a key or item and the comments that belong to it, which are then in `removed_comments`.

        A parent that is left empty becomes {} or []; with `prune` it is removed too. `through_alias` is that of `set`,
        but an alias at the end of the path is removed itself. Raises EditRefused.
        """
        return self.edit(Remove(path, prune, through_alias))

    def rename(self, path: Path | Route, key: str, *, through_alias: bool = False) -> Document:
        """Gives the entry at a path another key. Returns this document if it has that key already.

        The entry stays at its place, with its value, comments, tags and anchors, and the key keeps its quotes::

            Document.parse("'a': 1  # one\nb: 2\n").rename(("a",), "c").text  # "'c': 1  # one\nb: 2\n"

        A key that would not be a string without quotes (`"yes"`) gets some. `through_alias` is that of `set`, but an
        entry whose value is an alias is renamed itself. Raises EditRefused.
        """
        return self.edit(Rename(path, key, through_alias))

    def move(self, path: Path | Route, to: Path | Route, *, prune: bool = False) -> Document:
        """Moves an entry or item to another path. Returns this document if that is its path already.

        `to` is the path that the entry has afterwards, before parents are pruned. Parents that are missing there are
        created. If the last step is an index, what is at that index and after it moves down::

            document = Document.parse("a:\n  x: 'one'  # first\nb:\n  y: 2\n")
            document.move(("a", "x"), ("b", "z")).text  # "a: {}\nb:\n  y: 2\n  z: 'one'  # first\n"

        The text moves as it is, with its comments: only its indentation changes, and what gets into a flow collection
        is written in flow style. A parent that is left empty becomes {} or []; with `prune` it is removed too. Raises
        EditRefused, for example if there is something at `to` already.
        """
        return self.edit(Move(path, to, prune))

    def edit(self, *edits: Edit) -> Document:
        """Makes several edits in order, each on the result of the edits before it.

        Raises EditRefused if one of them cannot be made; the message has its number. None of them is made then.
        """
        from tarmak_iam.document.engine import Engine

        engine = Engine(self._text)
        with gc_paused():
            engine.make(edits, count=len(edits))
        return self._after(engine)

    def update(self, data: Any, *, identities: Iterable[Identity] = ()) -> Document:
        """Changes the document with as few edits as possible so that its plain values become `data`.

        Everything that stays keeps its comments. `identities` say how to recognise the same item in the old and the
        new list of mappings. Each identity is a tuple of dotted paths: `[("environment", "metadata.name"), ("name",)]`.
        The first identity whose paths all lead to scalars in an item is used for it. Items without an identity are
        matched if they are equal or, failing that, have most in common. Raises EditRefused.
        """
        from tarmak_iam.document.engine import Engine

        engine = Engine(self._text)
        with gc_paused():
            engine.update(data, identities)
        return self._after(engine)

    def _after(self, engine: Engine) -> Document:
        return self if engine.text is self._text else Document(engine.result(), engine)


def home_of(document: Document, edit: ValueEdit) -> Route:
    """The route at which an edit with `through_alias` changes the text: in the anchored value, or in the merged
    mapping, that its path leads to. Raises EditRefused."""
    from tarmak_iam.document.shared import at_home

    return Route.of(at_home(document._tree, edit).path)
