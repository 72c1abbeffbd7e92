"""A text of a file, as far as it is read: without the engine, so that what only reads a file does not import it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from tarmak_iam.document.blocks import Member, document_of, needs_no_tree, room_of
from tarmak_iam.document.json_reader import construct_json, looks_like_json, read_json
from tarmak_iam.document.nodes import Scalar, Span, is_block, walk
from tarmak_iam.document.plain_values import construct
from tarmak_iam.document.source import Source
from tarmak_iam.document.tree import Tree
from tarmak_iam.document.yaml_reader import YamlText, has_c_parser, read_stream, read_yaml
from tarmak_iam.errors import ParseError


@dataclass(slots=True)
class Text:
    """A text of a file with what is known of it. If it can be divided it has blocks; otherwise its tree is read.

    `form`: a text of the same file, for its name, encoding and line ends. It is this text, unless `is_behind`: then
    only the blocks have it. `room`: so many characters can be added without that a limit needs to be checked.
    """

    form: Source
    index: int
    json: bool | None
    blocks: Member | None = None
    tree: Tree | None = None
    data: Any = None
    room: int = 0
    is_behind: bool = False

    @classmethod
    def read(cls, source: Source, index: int, json: bool | None) -> Text:
        """A text that may be invalid. Raises ParseError."""
        text = cls(source, index, json, room=room_of(source.text))
        if index or json or not has_c_parser() or text.room <= 0 or not needs_no_tree(source):
            text.whole()
        text.blocks = blocks_of(text)
        return text

    @property
    def source(self) -> Source:
        """The text with its encoding and line ends."""
        if self.is_behind and self.blocks is not None:
            self.form, self.is_behind = self.form.with_text(self.blocks.text), False
        return self.form

    def whole(self) -> tuple[Tree, Any]:
        """The tree and the values, which are read when they are needed."""
        if self.tree is None:
            self.tree = read_tree(self.source, self.index, json=self.json)
            self.data = data_of(self.tree)
        return self.tree, self.data


def read_tree(
    source: Source, index: int = 0, *, json: bool | None = None, pure: bool = False, file: str | None = None
) -> Tree:
    """Reads one document. `json`: True for strict JSON, False for YAML, None for strict JSON if the text is that, and
    YAML otherwise. `file` is that of `Tree`. Raises ParseError."""
    if json or (json is None and index == 0 and looks_like_json(source)):
        try:
            return Tree(source, read_json(source), Span(0, len(source.text)), is_json=True)
        except ParseError:
            if json:
                raise
    return _tree(source, read_yaml(source, index, pure=pure), file)


def read_trees(source: Source) -> list[Tree]:
    """Reads all documents of a YAML text, or the single one of strict JSON. Raises ParseError."""
    if looks_like_json(source):
        with contextlib.suppress(ParseError):
            return [read_tree(source, json=True)]
    return [_tree(source, yaml) for yaml in read_stream(source)]


def _tree(source: Source, yaml: YamlText, file: str | None = None) -> Tree:
    return Tree(source, yaml.root, yaml.span, False, yaml.scalars, yaml.duplicates, yaml.aliases > 0, file=file)


def data_of(tree: Tree) -> Any:
    """The plain values of a tree."""
    if tree.is_json:
        return construct_json(tree.root) if tree.root else None
    return construct(tree.root, tree.source)


def blocks_of(text: Text) -> Member | None:
    """The blocks of a text that is not behind; None if it cannot be divided by lines."""
    tree = text.tree
    if text.index or text.json or text.form.encoding != "utf-8" or (tree is not None and tree.is_json):
        return None
    is_closed = False
    if tree is not None and not has_c_parser():  # to ask the pure parser about parts of the text would take too long
        nodes = (node for node in walk(tree.root) if not is_block(node)) if tree.root is not None else ()
        ended = (node for node in nodes if not isinstance(node, Scalar) or node.style in ("single", "double"))
        is_closed = not any("\n" in text.form.text[node.start : node.end] for node in ended)
    return document_of(text.form.text, is_closed=is_closed)
