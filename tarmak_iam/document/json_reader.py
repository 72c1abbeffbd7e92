"""Reads strict JSON, as Go's encoding/json accepts it, into the same nodes as YAML.

Tarmak reads a file that starts with `{` this way, and the authenticator a `.json` configuration. Python's json module
is not used because it accepts NaN and gives no positions."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, Span
from tarmak_iam.document.source import MAX_DEPTH, MAX_VALUES, SURROGATE, TOO_DEEP, TOO_MANY, Source
from tarmak_iam.errors import ParseError

_BLANK = re.compile(r"[ \t\r\n]*")
_LITERAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")
_LONGEST_INTEGER = 100
_LOOKED_AT = 2048  # apimachinery's serializers guess the format from that many bytes
_DECODER = json.JSONDecoder()


def looks_like_json(source: Source) -> bool:
    """Whether the first character is `{`. With a byte order mark before it the file is YAML."""
    return not source.mark and source.text[:_LOOKED_AT].lstrip().startswith("{")


def read_json(source: Source) -> Node:
    """The root node. Raises ParseError if the text is not exactly one JSON value."""
    reader = _JsonReader(source)
    node = reader.value(0)
    reader.skip()
    if reader.at < len(source.text):
        reader.fail("after top-level value", "keep one value in the file")
    return node


class _JsonReader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.at = 0
        self.left = MAX_VALUES

    def skip(self) -> None:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def fail(self, context: str, remedy: str) -> NoReturn:
        problem = f"invalid character {self.text[self.at]!r}" if self.at < len(self.text) else "unexpected end"
        raise ParseError(f"invalid JSON: {problem} {context}", remedy=remedy, place=self.source.place(self.at))

    def value(self, depth: int) -> Node:
        self.skip()
        self.left -= 1
        opening = self.text[self.at : self.at + 1]
        is_collection = opening in ("{", "[")
        if self.left < 0 or (is_collection and depth >= MAX_DEPTH):
            raise ParseError(TOO_MANY if self.left < 0 else TOO_DEEP, place=self.source.place(self.at))
        if is_collection:
            return self._collection(depth, is_mapping=opening == "{")
        return self._string() if opening == '"' else self._literal()

    def _literal(self) -> Scalar:
        match = _LITERAL.match(self.text, self.at)
        if not match:
            hint = "JSON allows no comments and no unquoted strings"
            if looks_like_json(self.source):
                hint = f"a file that starts with {{ is strict JSON: {hint}; put --- above it to make it YAML"
            self.fail("looking for beginning of value", hint)
        start, self.at = self.at, match.end()
        return Scalar(start, self.at, match.group(), "plain")

    def _string(self) -> Scalar:
        start = self.at
        try:
            if not self.text.startswith('"', start):
                raise ValueError
            text, self.at = _DECODER.raw_decode(self.text, start)
        except ValueError:
            self.fail("looking for a string in double quotes", "put keys and strings in double quotes")
        # Go turns an unpaired surrogate escape into the replacement character.
        return Scalar(start, self.at, SURROGATE.sub("\ufffd", text), "double")

    def _collection(self, depth: int, *, is_mapping: bool) -> Mapping | Sequence:
        closing, member = ("}", "object key:value pair") if is_mapping else ("]", "array element")
        start, children = self.at, list[Node]()
        self.at += 1
        self.skip()
        ended = self.text.startswith(closing, self.at)
        self.at += ended
        while not ended:
            if is_mapping:
                self.skip()
                children.append(self._string())
                self.skip()
                if self.text[self.at : self.at + 1] != ":":
                    self.fail("after object key", "add a colon after the key")
                self.at += 1
            children.append(self.value(depth + 1))
            self.skip()
            ended = self.text.startswith(closing, self.at)
            if not ended and not self.text.startswith(",", self.at):
                self.fail(f"after {member}", f"add a comma or {closing}")
            self.at += 1
        if not is_mapping:
            return Sequence(start, self.at, tuple(children), flow=True)
        return Mapping.of(Span(start, self.at), zip(children[::2], children[1::2], strict=True), flow=True)


def construct_json(node: Node, *, merge: bool = True) -> Any:
    """The plain values. With `merge` the objects of a duplicate key are merged (jsoniter decodes both into one struct);
    without it the last one replaces the others (encoding/json)."""
    if isinstance(node, Mapping):
        members: dict[str, Any] = {}
        for entry in node.entries:
            text, value = entry.text or "", construct_json(entry.value, merge=merge)
            members[text] = _merge(members.get(text), value) if merge else value
        return members
    if isinstance(node, Sequence):
        return [construct_json(item, merge=merge) for item in node.items]
    assert isinstance(node, Scalar)
    return plain_json(node)


def plain_json(scalar: Scalar) -> Any:
    """A scalar of strict JSON: str, int, float, bool or None. A number beyond 64 bits becomes a float, as in Go."""
    if scalar.style == "double":
        return scalar.text
    if len(scalar.text) > _LONGEST_INTEGER:
        return float(scalar.text)
    return json.loads(scalar.text)


def _merge(first: Any, second: Any) -> Any:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return second
    for key, value in second.items():
        first[key] = _merge(first.get(key), value)
    return first
