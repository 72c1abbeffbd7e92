"""What an edit of a YAML document is meant to do, on nodes that PyYAML's events give, without any code of the package.

A document is a graph of nodes: an alias is the node it refers to. An edit that is not made `through_alias` is made on a
copy in which nothing is shared, because other uses must keep their values.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

__all__ = [
    "Impossible",
    "Node",
    "Reading",
    "TooLarge",
    "applied",
    "go_value",
    "members",
    "plain",
    "pyyaml_value",
    "read",
]

yaml: Any = importlib.import_module("yaml")  # it comes without types

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LARGEST = 50_000
_STANDARD = "tag:yaml.org,2002:"

Call = dict[str, Any]


class Impossible(Exception):
    """An edit that cannot mean anything here: the engine must refuse it."""


class TooLarge(Exception):
    """The aliases expand to so much that it is not compared."""


@dataclass(slots=True, eq=False)
class Node:
    """A scalar, list or mapping. `text` is None for a new value of an edit, which `value` is then.

    `items` are those of a list, or the pairs of key and value of a mapping. `lines` are the numbers of the first line
    and of the line after the last."""

    kind: str
    text: str | None = None
    style: str = ""
    tag: str | None = None
    value: Any = None
    items: list[Any] = field(default_factory=list)
    lines: tuple[int, int] = (0, 0)
    is_shared: bool = False

    def become(self, other: Node) -> None:
        """Takes over everything but the place in the text."""
        self.kind, self.text, self.style, self.tag = other.kind, other.text, other.style, other.tag
        self.value, self.items = other.value, other.items

    @property
    def is_null(self) -> bool:
        return self.kind == "scalar" and go_value(self) is None

    @property
    def is_free(self) -> bool:
        """Whether members can be added whatever kind they are."""
        return self.is_null or (self.kind != "scalar" and not self.items)


@dataclass(frozen=True, slots=True)
class Reading:
    """The documents of a text, its comments in order, and how many anchors and aliases it has."""

    documents: tuple[Node, ...]
    comments: tuple[str, ...]
    anchors: int
    aliases: int


def decoded(raw: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            return raw.decode(encoding)
    return raw.decode("utf-8-sig")


def read(raw: bytes) -> Reading:
    """Reads a text. Raises yaml.YAMLError if PyYAML cannot."""
    reader = _Reader(decoded(raw))
    documents = tuple(reader.documents())
    return Reading(documents, tuple(_comments(reader.text, reader.scalars)), reader.anchors, reader.aliases)


class _Reader:
    """Makes nodes of PyYAML's events: its own composer accepts no anchor that is defined twice, and forgets aliases."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.events = yaml.parse(text, Loader=_LOADER)
        self.by_anchor: dict[str, Node] = {}
        self.scalars: list[tuple[int, int]] = []
        self.anchors = self.aliases = 0

    def documents(self) -> Iterator[Node]:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.by_anchor = {}
                yield self.node(next(self.events))

    def node(self, event: Any) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self.target(event.anchor)
        start, end = event.start_mark, event.end_mark
        if isinstance(event, yaml.ScalarEvent):
            node = Node("scalar", event.value, event.style or "", event.tag)
            self.scalars.append((_header_end(self.text, start.index, end.index, node.style), end.index))
        else:
            node = Node("list" if isinstance(event, yaml.SequenceStartEvent) else "mapping", tag=event.tag)
        if event.anchor:
            self.anchors += 1
            self.by_anchor[event.anchor] = node
        if node.kind != "scalar":
            for inner in iter(self.events.__next__, None):
                if isinstance(inner, yaml.CollectionEndEvent):
                    break
                end = inner.end_mark
                member = self.node(inner)
                node.items.append(member if node.kind == "list" else [member, self.node(next(self.events))])
        node.lines = (start.line, end.line + 1)
        return node

    def target(self, name: str) -> Node:
        self.aliases += 1
        if name not in self.by_anchor:
            raise yaml.YAMLError(f"no anchor {name}")
        self.by_anchor[name].is_shared = True
        return self.by_anchor[name]


_LINE_END = re.compile(r"[\r\n\x85\u2028\u2029]|\Z")
_PROPERTIES = re.compile(r"(?:[&!][^ \t\r\n]*\s*)*")


def _header_end(text: str, start: int, end: int, style: str) -> int:
    """Where a scalar's own text begins: after its anchor and tag, and after the line of a block scalar's header."""
    match = _PROPERTIES.match(text, start, end)
    start = match.end() if match else start
    if style in ("|", ">"):
        match = _LINE_END.search(text, start)
        return min(match.start() if match else end, end)
    return start


_BETWEEN = re.compile(r"(?m)^%[^#\r\n]*|[&*!][^ \t\r\n\[\]{},]*|(#[^\r\n\x85\u2028\u2029]*)")


def _comments(text: str, spans: list[tuple[int, int]]) -> Iterator[str]:
    """Comments are outside of scalars. They are searched for between them, and not in tags, anchors or directives."""
    end = 0
    for start, after in [*sorted(spans), (len(text), len(text))]:
        for match in _BETWEEN.finditer(text, end, max(start, end)):
            if match.group(1):
                yield match.group(1).rstrip(" \t\r")
        end = max(after, end)


_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"])
_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_INTEGER = re.compile(r"[-+]?(?:0x[0-9a-fA-F]+|0b[01]+|0[0-7]*|[1-9][0-9]*)\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+][0-9]+)?\Z", re.ASCII)


def go_value(node: Node) -> Any:
    """The value of a scalar for yaml.v2, as far as the edits here need it."""
    if node.text is None:
        return node.value
    return _go_value(node.text, node.style, node.tag)


@cache
def _go_value(text: str, style: str, tag: str | None) -> Any:
    kind = tag.removeprefix(_STANDARD) if tag and tag.startswith(_STANDARD) else None
    if (tag is not None and kind is None) or kind == "str" or (style and kind is None):
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    digits = text.replace("_", "") if text[0] in "+-0123456789" else text
    if _INTEGER.match(digits):
        value = _integer(digits)
        return float(value) if kind == "float" else value
    return float(digits) if _FLOAT.match(digits) else text


def _integer(digits: str) -> int | float:
    sign, bare = (-1 if digits[0] == "-" else 1), digits.lstrip("+-")
    base = {"0x": 16, "0b": 2}.get(bare[:2].lower(), 8 if bare[0] == "0" else 10)
    value = sign * int(bare.removeprefix("0x").removeprefix("0b"), base)
    return value if -(2**63) <= value < 2**64 else float(value)


_RESOLVER: Any = yaml.resolver.Resolver()
_CONSTRUCTOR: Any = yaml.constructor.SafeConstructor()


def pyyaml_value(node: Node) -> Any:
    """The value of a scalar for PyYAML's safe loader, and for a custom tag its text."""
    is_plain = not node.style
    tag = node.tag or _RESOLVER.resolve(yaml.ScalarNode, node.text, (is_plain, not is_plain))
    if not tag.startswith(_STANDARD):
        return node.text
    return _CONSTRUCTOR.construct_object(yaml.ScalarNode(tag, node.text))


def is_merge(key: Node) -> bool:
    return key.kind == "scalar" and key.text == "<<" and not key.style and key.tag in (None, f"{_STANDARD}merge")


def key_of(node: Node) -> Any:
    """What a key is to yaml.v2: two keys with the same one are duplicates."""
    value = go_value(node) if node.kind == "scalar" else repr(plain(node))
    return type(value).__name__, value


def key_text(node: Node) -> str | None:
    """What a path calls a key; None if it cannot."""
    return (node.value if node.text is None else node.text) if node.kind == "scalar" else None


def members(mapping: Node) -> dict[Any, tuple[Node, Node]]:
    """The keys and values of a mapping with those that it merges, as yaml.v2 sees them: the last one wins."""
    found: dict[Any, tuple[Node, Node]] = {}
    for key, value in mapping.items:
        if not is_merge(key):
            found[key_of(key)] = (key, value)
            continue
        for merged in reversed(value.items) if value.kind == "list" else (value,):
            if merged.kind == "mapping":
                found.update(members(merged))
            elif merged.is_null:
                found.clear()
    return found


def _provider(mapping: Node, text: str) -> tuple[Node, int] | None:
    """The mapping whose own entry has a key's value, and the number of the entry."""
    found = None
    for number, (key, value) in enumerate(mapping.items):
        if is_merge(key):
            for merged in reversed(value.items) if value.kind == "list" else (value,):
                if merged.kind == "mapping":
                    found = _provider(merged, text) or found
                elif merged.is_null:
                    found = None
        elif key_text(key) == text:
            found = (mapping, number)
    return found


def copied(node: Node, *, shares: bool) -> Node:
    """A copy of a graph, or with `shares` False a tree in which each alias has a value of its own."""
    memo: dict[int, Node] = {}
    left = [_LARGEST]

    def copy(old: Node) -> Node:
        if shares and id(old) in memo:
            return memo[id(old)]
        left[0] -= 1
        if left[0] < 0:
            raise TooLarge
        new = Node(old.kind, old.text, old.style, old.tag, old.value, [], old.lines, old.is_shared)
        memo[id(old)] = new
        if old.kind == "list":
            new.items = [copy(item) for item in old.items]
        elif old.kind == "mapping":
            new.items = [[copy(key), copy(value)] for key, value in old.items]
        return new

    return copy(node)


def new_node(value: Any) -> Node:
    if isinstance(value, dict):
        return Node("mapping", items=[[Node("scalar", value=key), new_node(each)] for key, each in value.items()])
    if isinstance(value, (list, tuple)):
        return Node("list", items=[new_node(item) for item in value])
    return Node("scalar", value=value)


def plain(node: Node) -> Any:
    """The values as Python has them. Of keys that are equal in Python only one is left."""
    if node.kind == "list":
        return [plain(item) for item in node.items]
    if node.kind == "mapping":
        return {go_value(key): plain(value) for key, value in members(node).values() if key.kind == "scalar"}
    return go_value(node)


def applied(root: Node, calls: list[Call]) -> Node:
    """The document that edits lead to. Raises Impossible for what an engine must refuse, and TooLarge."""
    for call in calls:
        root = copied(root, shares=any(edit.get("through_alias") for edit in [call, *call.get("edits", [])]))
        _OPERATIONS[call["op"]](root, call)
    return root


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(step, int):
        if node.kind == "mapping" or (node.kind == "scalar" and not node.is_null):
            raise Impossible
        return node.items[step] if 0 <= step < len(node.items) else None
    if node.kind == "list" and node.items:
        raise Impossible
    if node.kind == "scalar" and not node.is_null:
        raise Impossible
    provider = _provider(node, step) if node.kind == "mapping" else None
    return provider[0].items[provider[1]][1] if provider else None


def _at(root: Node, path: list[str | int]) -> Node:
    node: Node | None = root
    for step in path:
        node = _child(node, step) if node is not None else None
    if node is None:
        raise Impossible
    return node


def _opened(root: Node, path: list[str | int]) -> Node:
    """The node at a path, made as null with its parents where it is missing."""
    node = root
    for step in path:
        child = None if node.is_free and isinstance(step, int) else _child(node, step)
        if child is None:
            child = Node("scalar", value=None)
            _add(node, step, child)
        node = child
    return node


def _add(node: Node, step: str | int, child: Node, *, inserts: bool = False) -> None:
    kind = "list" if isinstance(step, int) else "mapping"
    if node.is_free and node.kind != kind:
        node.become(Node(kind))
    if node.kind != kind:
        raise Impossible
    if isinstance(step, str):
        node.items.append([Node("scalar", value=step), child])
    elif inserts and 0 <= step <= len(node.items):
        node.items.insert(step, child)
    elif step == len(node.items) == 0:
        node.items.append(child)
    else:
        raise Impossible


def _set(root: Node, call: Call) -> None:
    _opened(root, call["path"]).become(new_node(call["value"]))


def _append(root: Node, call: Call) -> None:
    node = _opened(root, call["path"])
    _add(node, len(node.items) if node.kind == "list" else 0, new_node(call["value"]), inserts=True)


def _insert(root: Node, call: Call) -> None:
    *path, index = call["path"]
    _add(_opened(root, path), index, new_node(call["value"]), inserts=True)


def _remove(root: Node, call: Call) -> None:
    _, way, _ = _taken(root, call, may_be_merged=bool(call.get("through_alias")))
    _prune(way, prune=bool(call.get("prune")))


def _taken(root: Node, call: Call, *, may_be_merged: bool) -> tuple[Any, list[Node], list[str | int]]:
    """Takes a member out: the item, or the pair of key and value, and the nodes on the way with their steps."""
    path: list[str | int] = call["path"]
    if not path:
        raise Impossible
    way = [_at(root, path[:length]) for length in range(len(path))]
    parent, step = way[-1], path[-1]
    if isinstance(step, int):
        if _child(parent, step) is None:
            raise Impossible
        return parent.items.pop(step), way, path
    provider = _provider(parent, step) if parent.kind == "mapping" else None
    if provider is None or (provider[0] is not parent and not may_be_merged):
        raise Impossible
    owner, number = provider
    if sum(key_text(key) == step for key, _ in owner.items) > 1:
        raise Impossible
    return owner.items.pop(number), way, path


def _prune(way: list[Node], *, prune: bool) -> None:
    while prune and not way[-1].items and len(way) > 1:
        empty = way.pop()
        way[-1].items = [each for each in way[-1].items if (each if way[-1].kind == "list" else each[1]) is not empty]
    if prune and len(way) == 1 and way[0].kind != "scalar" and not way[0].items:
        way[0].become(Node("scalar", value=None))


def _rename(root: Node, call: Call) -> None:
    *path, text = call["path"]
    mapping = _at(root, path)
    provider = _provider(mapping, text) if mapping.kind == "mapping" and isinstance(text, str) else None
    if provider is None or (provider[0] is not mapping and not call.get("through_alias")):
        raise Impossible
    entry = provider[0].items[provider[1]]
    if go_value(entry[0]) == call["key"]:
        return
    if sum(key_text(each) == text for each, _ in provider[0].items) > 1:
        raise Impossible
    if ("str", call["key"]) in members(mapping) or ("str", call["key"]) in members(provider[0]):
        raise Impossible
    entry[0] = Node("scalar", value=call["key"])


def _move(root: Node, call: Call) -> None:
    path, to = call["path"], call["to"]
    if path == to:
        _at(root, path)
        return
    if not to or to[: len(path)] == path:
        raise Impossible
    taken, way, path = _taken(root, call, may_be_merged=False)
    *parents, last = to
    target = _opened(root, parents)
    if isinstance(last, int):
        _add(target, last, taken if isinstance(path[-1], int) else taken[1], inserts=True)
    elif target.kind == "mapping" and _provider(target, last):
        raise Impossible
    else:
        _add(target, last, taken if isinstance(path[-1], int) else taken[1])
        if isinstance(path[-1], str) and path[-1] == last:
            target.items[-1][0] = taken[0]
    _prune(way, prune=bool(call.get("prune")))


def _update(root: Node, call: Call) -> None:
    root.become(new_node(call["data"]))


_OPERATIONS: dict[str, Callable[[Node, Call], None]] = {
    "set": _set,
    "append": _append,
    "insert": _insert,
    "remove": _remove,
    "rename": _rename,
    "move": _move,
    "update": _update,
    "batch": lambda root, call: root.become(applied(root, call["edits"])),
}
