"""Random edits of all kinds, over the corpora and over generated documents. The same seed gives the same edits.

An edit is a call as in `cases/*/edit.json`: {"op": "set", "path": ["clusters", 0, "name"], "value": "x"}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.document.edit_model import Call, Impossible, Node, applied, key_text, members, plain, read, yaml
from tests.document.random_documents import random_document

__all__ = ["Text", "corpus_texts", "generated_texts", "json_texts", "own_texts", "random_call"]

_HERE = Path(__file__).resolve().parent
_GOLDEN = _HERE.parent / "golden" / "edits" / "tarmak"
_SHARED = _HERE.parents[2] / "shared" / "corpus" / "edits" / "kubernetes"

_KEYS = ["alpha", "zone", "new", "New-1", "a b", "yes", "1", "null", "# x", "a: b", "x/y.z", "é"]
_SCALARS: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    443,
    1.5,
    0.25,
    1e20,
    2**63,
    "",
    "a",
    "b",
    "dev",
    "1.12.9",
    "yes",
    "on",
]
_SCALARS += ["0123", "1_000", "12:30", "2019-06-01", "~", "null", "=", "<<", "# x", "a: b", "- a", " lead", "trail "]
_SCALARS += [
    "10.0.0.0/8",
    "{{ x }}",
    "é ☃",
    "it's",
    'say "x"',
    "a\nb\n",
    "a\n\nb",
    "\n",
    "tab\there",
    "x" * 130,
    "*a",
    "!t",
]


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is edited, and the number of the document in it that is."""

    name: str
    raw: bytes
    index: int = 0


def own_texts() -> list[Text]:
    """The files of this project's own corpora."""
    files = [*sorted(_GOLDEN.glob("*.yaml")), *sorted((_HERE / "cases").glob("*/before.yaml"))]
    texts = [Text(f"{file.parent.name}/{file.name}", file.read_bytes()) for file in files]
    return [each for text in texts for each in [text, *_further_documents(text)]]


def _further_documents(text: Text) -> list[Text]:
    if b"---" not in text.raw[3:]:
        return []
    try:
        count = len(read(text.raw).documents)
    except (yaml.YAMLError, UnicodeDecodeError):
        return []
    return [Text(f"{text.name}#{index}", text.raw, index) for index in range(1, min(count, 4))]


def corpus_texts() -> list[Text]:
    """The files of other projects; none where they are missing."""
    return [Text(f"kubernetes/{file.name}", file.read_bytes()) for file in sorted(_SHARED.glob("*"))]


def generated_texts(seeds: range) -> Iterator[Text]:
    return (Text(f"generated/{seed}", random_document(Random(seed))) for seed in seeds)


def json_texts(count: int) -> Iterator[Text]:
    for seed in range(count):
        random = Random(f"json {seed}")
        value = {random.choice(_KEYS): new_value(random) for _ in range(4)}
        yield Text(f"json/{seed}", json.dumps(value, indent=random.choice([None, 2])).encode())


def random_call(random: Random, root: Node) -> Call:
    """An edit of any kind; of about one in eight, no engine can make sense."""
    places = _Places(random, root)
    if random.random() < 0.1:
        return _batch(places)
    if random.random() < 0.1:
        return {"op": "update", "path": [], "data": changed(random, plain(root), 0)}
    return places.edit()


def _batch(places: _Places) -> Call:
    """Two to eight edits that follow one another; of those that cannot be made, few are kept. Either all of them are
    made through aliases or none, so that the model need not keep apart what is shared. It does not know which aliases
    inside of a collection stay when another one is set in its place."""
    edits: list[Call] = []
    root, through_alias = places.root, places.has_shared and places.random.random() < 0.4
    for _ in range(places.random.randint(2, 8)):
        edit = places.edit(through_alias=through_alias)
        if through_alias and (edit["op"] == "move" or places.is_collection(edit)):
            continue
        try:
            root = applied(root, [edit])
        except Impossible:
            if places.random.random() < 0.95:
                continue
        edits.append(edit)
        places = _Places(places.random, root)
    return {"op": "batch", "path": [], "edits": edits or [{"op": "set", "path": [], "value": 1}]}


class _Places:
    """The paths of a document, with their nodes."""

    def __init__(self, random: Random, root: Node) -> None:
        self.random, self.root = random, root
        self.nodes: list[tuple[list[str | int], Node]] = []
        self.has_shared = False
        waiting: list[tuple[list[str | int], Node]] = [([], root)]
        while waiting and len(self.nodes) < 3_000:
            path, node = waiting.pop()
            self.nodes.append((path, node))
            self.has_shared |= node.is_shared
            waiting += [([*path, step], child) for step, child in _children(node)]

    def is_collection(self, call: Call) -> bool:
        """Whether a collection is set in the place of another one."""
        return call["op"] == "set" and any(path == call["path"] and node.kind != "scalar" for path, node in self.nodes)

    def place(self, *kinds: str, below_root: bool = False) -> tuple[list[str | int], Node] | None:
        fitting = [
            (path, node) for path, node in self.nodes if (not kinds or node.kind in kinds) and (path or not below_root)
        ]
        return self.random.choice(fitting) if fitting else None

    def edit(self, *, through_alias: bool | None = None) -> Call:
        kinds = ["set", "set", "set", "add", "add", "append", "insert", "remove", "remove", "rename", "move", "move"]
        call: Call = getattr(self, f"_{self.random.choice(kinds)}")() or self._add()
        if through_alias is None:
            through_alias = self.has_shared and self.random.random() < 0.4
        if through_alias and call["op"] != "move":
            call["through_alias"] = True
            call.pop("prune", None)  # which parent would be empty, the anchor's or the alias's?
        return call

    def _set(self) -> Call:
        place = self.place("scalar") if self.random.random() < 0.6 else self.place()
        path, node = place or ([], self.root)
        value = changed(self.random, plain(node), 0) if node.kind != "scalar" else self.random.choice(_SCALARS)
        return {"op": "set", "path": path, "value": value if self.random.random() < 0.7 else new_value(self.random)}

    def _add(self) -> Call:
        path, _ = self.place("mapping") or ([], self.root)
        missing: list[str | int] = [self.random.choice(_KEYS) for _ in range(self.random.choice([1, 1, 1, 2, 3]))]
        if self.random.random() < 0.1:
            missing.append(0)
        return {"op": "set", "path": [*path, *missing], "value": new_value(self.random)}

    def _append(self) -> Call | None:
        place = self.place("list") if self.random.random() < 0.8 else self.place()
        return place and {"op": "append", "path": place[0], "value": new_value(self.random)}

    def _insert(self) -> Call | None:
        place = self.place("list")
        if place is None:
            return None
        index = self.random.randint(0, len(place[1].items))
        return {"op": "insert", "path": [*place[0], index], "value": new_value(self.random)}

    def _remove(self) -> Call | None:
        place = self.place(below_root=True)
        call: Call | None = place and {"op": "remove", "path": place[0]}
        if call and self.random.random() < 0.5:
            call["prune"] = True
        return call

    def _rename(self) -> Call | None:
        fitting = [path for path, _ in self.nodes if path and isinstance(path[-1], str)]
        if not fitting:
            return None
        key = self.random.choice(_KEYS if self.random.random() < 0.7 else ["renamed", "zone", "a-longer-key-than-that"])
        return {"op": "rename", "path": self.random.choice(fitting), "key": key}

    def _move(self) -> Call | None:
        place, target = self.place(below_root=True), self.place("mapping", "list")
        if place is None or target is None:
            return None
        path, (to, node) = place[0], target
        if isinstance(path[-1], int) and self.random.random() < 0.5:
            length = len(next(node for other, node in self.nodes if other == path[:-1]).items)
            to = [*path[:-1], self.random.randrange(length)]
        elif node.kind == "list":
            to = [*to, self.random.randint(0, len(node.items))]
        else:
            known = path[-1] if isinstance(path[-1], str) and self.random.random() < 0.5 else None
            to = [*to, known or self.random.choice(_KEYS)]
        call: Call = {"op": "move", "path": path, "to": to}
        if self.random.random() < 0.3:
            call["prune"] = True
        return call


def _children(node: Node) -> list[tuple[str | int, Node]]:
    if node.kind == "list":
        return list(enumerate(node.items))
    if node.kind == "scalar":
        return []
    return [(text, value) for key, value in members(node).values() if (text := key_text(key)) is not None]


def new_value(random: Random, depth: int = 0) -> Any:
    kind = random.random()
    if depth > 2 or kind < 0.6:
        return random.choice(_SCALARS)
    if kind < 0.8:
        return [new_value(random, depth + 1) for _ in range(random.randint(0, 3))]
    return {random.choice(_KEYS): new_value(random, depth + 1) for _ in range(random.randint(0, 3))}


def changed(random: Random, value: Any, depth: int) -> Any:
    """A value with a few changes: other scalars, keys and items that are new, gone, or at another place."""
    if not isinstance(value, (dict, list)) or not value:
        return new_value(random, depth) if random.random() < 0.3 else value
    if isinstance(value, list):
        items = [changed(random, item, depth + 1) if random.random() < 0.3 else item for item in value]
        kind = random.random()
        if kind < 0.25:
            items.insert(random.randint(0, len(items)), new_value(random, depth))
        elif kind < 0.5:
            del items[random.randrange(len(items))]
        elif kind < 0.6:
            random.shuffle(items)
        return items
    members_ = {
        key: changed(random, child, depth + 1) if random.random() < 0.4 else child
        for key, child in value.items()
        if random.random() > 0.08
    }
    if random.random() < 0.3:
        members_[random.choice(_KEYS)] = new_value(random, depth)
    return members_
