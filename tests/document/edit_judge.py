"""What is wrong with the result of an edit, judged without any code of the engine: with PyYAML and tests' own model."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tests.document.edit_model import (
    Call,
    Impossible,
    Node,
    Reading,
    applied,
    decoded,
    go_value,
    key_text,
    members,
    plain,
    pyyaml_value,
    read,
    yaml,
)

__all__ = [
    "flaws",
    "flaws_of_refusal",
    "plain_of",
    "same_plain",
    "strayed_comments",
]

_INTERNAL = ("splice", "excerpt", "overlapping", "draft", "proof", "this place by hand", "Traceback", "object at 0x")
_PLACE = re.compile(r"[^:]+:[0-9]+:[0-9]+: ")

Steps = tuple[str | int, ...]


def flaws(
    before: Reading, after_raw: bytes, call: Call, removed: Iterable[str], also: Iterable[Steps] | None, index: int = 0
) -> list[str]:
    """Everything that is wrong with a result. `removed` are the texts of the comments that the engine reports as
    removed, and `also` the other places that it says it changed (None: they are not judged)."""
    try:
        after = read(after_raw)
    except yaml.YAMLError as error:
        return [f"the result is not valid YAML: {' '.join(str(error).split())}"]
    found = list(_lost_comments(before, after, removed))
    if len(after.documents) < len(before.documents) and _leaves_nothing(before, call, index):
        return found
    if len(after.documents) != len(before.documents) and before.documents:
        return [*found, f"{len(before.documents)} documents became {len(after.documents)}"]
    known = {scalar.text for document in before.documents for scalar in _scalars(document)}
    for number, (old, new) in enumerate(zip(before.documents, after.documents, strict=False)):
        if number != index:
            found += _differences(old, new, (number,), known)
    root = before.documents[index] if before.documents else Node("scalar", "")
    new_root = after.documents[index] if after.documents else Node("scalar", "")
    try:
        intended = applied(root, [call])
    except Impossible:
        return [*found, "the edit cannot be made, and was"]
    if intended.is_null and new_root.kind != "scalar" and not new_root.items:
        return found  # of several documents one is emptied
    found += _differences(intended, new_root, (), known, styles=call["op"] not in ("move", "batch"))
    if also is not None and not before.aliases:
        found += [f"in also_changed without an alias: {_shown(use)}" for use in also]
    elif also is not None and call["op"] in ("set", "append", "remove", "rename") and not call.get("prune"):
        found += _wrong_uses(root, new_root, tuple(call["path"]), set(also), call["op"])
    return found


def _leaves_nothing(before: Reading, call: Call, index: int) -> bool:
    try:
        return bool(before.documents) and applied(before.documents[index], [call]).is_null
    except Impossible:
        return False


def flaws_of_refusal(message: str) -> list[str]:
    found = [f"internal word in a message: {word}" for word in _INTERNAL if word in message]
    return found if _PLACE.match(message) else [*found, "a refusal without file:line:col"]


def _lost_comments(before: Reading, after: Reading, removed: Iterable[str]) -> Iterator[str]:
    left, said = Counter(after.comments), Counter(text.rstrip(" \t\r") for text in removed)
    there = Counter(before.comments)
    for text in sorted((there - left - said).keys()):
        yield f"lost comment, not reported: {text}"
    for text in sorted((left - there).keys()):
        yield f"new comment: {text}"
    for text in sorted((left + said - there).keys() - (left - there).keys()):
        yield f"reported as removed, and is not: {text}"


def _scalars(root: Node) -> Iterator[Node]:
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.kind == "scalar":
            yield node
        for item in node.items:
            waiting += [item] if node.kind == "list" else item


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and bool(one == other)


def _differences(
    intended: Node, actual: Node, path: Steps, known: set[str | None], *, styles: bool = True
) -> Iterator[str]:
    """Where the result is not what was intended. What no edit was about must have its own text, style and tag."""
    if intended.kind != actual.kind:
        if intended.is_null and actual.is_null:
            return
        yield f"{_shown(path)}: a {intended.kind} became a {actual.kind}"
        return
    if intended.kind == "scalar":
        yield from _scalar_differences(intended, actual, path, known, styles=styles)
    elif intended.kind == "list":
        if len(intended.items) != len(actual.items):
            yield f"{_shown(path)}: {len(actual.items)} items in the place of {len(intended.items)}"
            return
        for number, (one, other) in enumerate(zip(intended.items, actual.items, strict=True)):
            yield from _differences(one, other, (*path, number), known, styles=styles)
    else:
        yield from _differences_of_members(intended, actual, path, known, styles=styles)


def _differences_of_members(
    intended: Node, actual: Node, path: Steps, known: set[str | None], *, styles: bool
) -> Iterator[str]:
    ours, theirs = members(intended), members(actual)
    for key in ours.keys() ^ theirs.keys():
        yield f"{_shown(path)}: key {key[1]!r} is {'missing' if key in ours else 'new'}"
    for key in ours.keys() & theirs.keys():
        (own, value), (other, other_value) = ours[key], theirs[key]
        step = str(key[1])
        if own.kind == "scalar":
            yield from _scalar_differences(own, other, (*path, "(key)", step), known, styles=styles)
        yield from _differences(value, other_value, (*path, step), known, styles=styles)
    if styles:
        yield from _wrong_order(intended, actual, path)


def _wrong_order(intended: Node, actual: Node, path: Steps) -> Iterator[str]:
    """Keys that stay keep their order; where new ones go is the engine's choice."""
    old = [key.text for key, _ in intended.items if key.kind == "scalar" and key.text is not None]
    staying = [key.text for key, _ in actual.items if key.kind == "scalar" and key.text in old]
    if len(set(old)) == len(old) == len(staying) and old != staying:
        yield f"{_shown(path)}: other order of keys"


def _scalar_differences(
    intended: Node, actual: Node, path: Steps, known: set[str | None], *, styles: bool
) -> Iterator[str]:
    wanted, got = go_value(intended), go_value(actual)
    styles = styles and not intended.is_shared  # where its first alias is, another style may be needed
    if not _is_same(wanted, got):
        yield f"{_shown(path)}: {got!r} in the place of {wanted!r}"
    elif intended.text is None:
        try:
            other = pyyaml_value(actual)
        except ValueError:
            other = None
        if actual.text not in known and not _is_same(other, got):
            yield f"{_shown(path)}: {actual.text!r} is {other!r} to PyYAML, not {got!r}"
    elif wanted is None and not styles:
        return  # what moves into a flow collection may need a word
    elif (intended.text, intended.tag) != (actual.text, actual.tag) or (styles and intended.style != actual.style):
        yield f"{_shown(path)}: {actual.text!r} is written otherwise than {intended.text!r}"


def _shown(path: Steps) -> str:
    return ".".join(map(str, path)) or "(the document)"


def _leaves(node: Node, path: Steps, found: dict[Steps, Any], left: list[int]) -> dict[Steps, Any]:
    left[0] -= 1
    if node.kind == "scalar" or not node.items:
        value = go_value(node) if node.kind == "scalar" else None
        found[path] = (node.kind, type(value), value)
    elif left[0] > 0:
        pairs: Iterable[tuple[Any, Node]] = (
            [(number, item) for number, item in enumerate(node.items)]
            if node.kind == "list"
            else [(key_text(key), value) for key, value in members(node).values()]
        )
        for step, value in pairs:
            _leaves(value, (*path, step), found, left)
    return found


def _wrong_uses(old: Node, new: Node, path: Steps, also: set[Steps], op: str) -> Iterator[str]:
    """Of the places outside of the edit's path, those whose value changed and that are not reported, and the other way
    round."""
    left = [5_000]
    before, after = _leaves(old, (), {}, left), _leaves(new, (), {}, left)
    if left[0] < 0:
        return
    parent = path[:-1] if op in ("remove", "rename") else path
    changed = [
        place
        for place in before.keys() | after.keys()
        if before.get(place) != after.get(place) and not _is_within(place, parent)
    ]
    for place in sorted(changed, key=str):
        if not any(_is_within(place, use) for use in also):
            yield f"changed, and is not in also_changed: {_shown(place)}"
    for use in sorted(also, key=str):
        if not _is_within(use, parent) and not any(_is_within(place, use) for place in changed):
            yield f"in also_changed, and did not change: {_shown(use)}"


def _is_within(one: Steps, other: Steps) -> bool:
    """Whether one of two paths leads to the other."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]


_COMMENTED = re.compile(r"[ \t-]*(?P<text>[^ \t#'\"|>&*-][^#'\"|>]*?)[ \t]+(?P<comment>#.*?)[ \t]*")
_ITEM = re.compile(r"[ \t]*- [^:]*[ \t]#")


def strayed_comments(before_raw: bytes, after_raw: bytes, call: Call) -> list[str]:
    """Comments on the line of a scalar item that are on the line of another one after an edit. What is set by its index
    keeps its comment. Only comments that are there once and in lines that are clear are looked for."""
    if call["op"] != "update" and (call["op"] != "set" or not call["value"] or not isinstance(call["value"], list)):
        return []
    before, after = (_lines_of_comments(raw) for raw in (before_raw, after_raw))
    return [
        f"the comment of {before[comment]!r} is that of {text!r} now: {comment}"
        for comment, text in after.items()
        if comment in before and text != before[comment]
    ]


def _lines_of_comments(raw: bytes) -> dict[str, str]:
    """For each comment that is there once, the item before it."""
    text, found = decoded(raw), dict[str, str]()
    for line in text.splitlines():
        match = _COMMENTED.fullmatch(line) if _ITEM.match(line) else None
        if match and text.count(match["comment"]) == 1:
            found[match["comment"]] = match["text"]
    return found


def same_plain(one: Any, other: Any) -> bool:
    """Whether two values of Python are the same, with the types of their scalars."""
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(key in other and same_plain(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_plain, one, other))
    return _is_same(one, other)


def plain_of(reading: Reading, index: int) -> Any:
    return plain(reading.documents[index]) if index < len(reading.documents) else None
