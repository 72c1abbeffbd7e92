"""Lists of mappings as yaml.v2 fills the daemon's structs: keys in lower case only, scalars as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tarmak_iam.document import Document
from tarmak_iam.document.dialects import YAML_V2_LATER
from tarmak_iam.document.nodes import Mapping as MappingNode
from tarmak_iam.document.nodes import Node, Scalar, Sequence, dereference
from tarmak_iam.go_case import fold
from tarmak_iam.identity.model import Mapping
from tarmak_iam.routes import Route

__all__ = ["YamlMappings"]

_FIELDS = frozenset(("rolearn", "userarn", "username", "groups"))
_BINARY = "tag:yaml.org,2002:binary"


@dataclass
class _Fields:
    texts: dict[str, str] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)


class YamlMappings:
    """Reads one text that `Document.read_as` takes. `failed` says afterwards whether something did not fit.

    yaml.v2 goes on behind such a value, and leaves it out.
    """

    def __init__(self) -> None:
        self.failed = False
        self.miscased: set[str] = set()
        """Keys that would be fields, were they written in lower case."""

    def mappings(self, document: Document, kind: str) -> list[Mapping]:
        """Null is a mapping without values, any other item that is no mapping is left out."""
        found = []
        for index, item in enumerate(self._items(document.root)):
            fields = _Fields()
            if isinstance(item, MappingNode):
                self._fill(fields, item)
            elif not self._is_null(item):
                self.failed = True
                continue
            texts = fields.texts
            arn, username = texts.get(f"{kind}arn", ""), texts.get("username", "")
            found.append(Mapping(kind, arn, username, tuple(fields.groups), Route((index,))))
        return found

    def texts(self, node: Node | None) -> list[str]:
        """A number is the text that stands there, leading zeros and all."""
        found = [self._text(item) for item in self._items(node)]
        return [text for text in found if text is not None]

    def _fill(self, fields: _Fields, mapping: MappingNode) -> None:
        """In file order, merges where they stand; the last of two keys wins, unless its value does not fit."""
        for entry in mapping.entries:
            name = entry.text
            if entry.is_merge:
                for merged in self._merged(entry.value):
                    self._fill(fields, merged)
            elif name == "groups":
                groups = dereference(entry.value)
                if isinstance(groups, Sequence) or self._is_null(groups):
                    fields.groups = self.texts(groups)
                else:
                    self.failed = True
            elif name in _FIELDS:
                text = self._text(entry.value)
                fields.texts[name] = fields.texts.get(name, "") if text is None else text
            elif name is not None and fold(name) in _FIELDS:
                self.miscased.add(name)

    def _merged(self, node: Node) -> Iterator[MappingNode]:
        items = reversed(node.items) if isinstance(node, Sequence) else (node,)
        for item in map(dereference, items):
            if isinstance(item, MappingNode):
                yield item

    def _items(self, node: Node | None) -> Iterator[Node]:
        node = None if node is None else dereference(node)
        if isinstance(node, Sequence):
            yield from map(dereference, node.items)
        elif node is not None and not self._is_null(node):
            self.failed = True

    def _text(self, node: Node) -> str | None:
        """None for a list or mapping."""
        node = dereference(node)
        if not isinstance(node, Scalar):
            self.failed = True
            return None
        if self._is_null(node):
            return ""
        return str(YAML_V2_LATER.resolve(node)) if node.tag == _BINARY else node.text

    def _is_null(self, node: Node) -> bool:
        return isinstance(node, Scalar) and YAML_V2_LATER.resolve(node) is None
