"""Plain values of a document: constructed from nodes as go-yaml does it, compared, and changed as an edit intends."""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from functools import cached_property
from typing import Any

from tarmak_iam.document.nodes import Alias, Mapping, Node, Scalar, Sequence, dereference, walk
from tarmak_iam.document.scalars import YAML_V2, Dialect, ScalarError, python_key
from tarmak_iam.document.source import MAX_DEPTH, MAX_VALUES, SURROGATE, Source
from tarmak_iam.errors import ParseError
from tarmak_iam.routes import Route

_NO_MAPPING = "map merge requires map or sequence of maps as the value"


def construct(root: Node | None, source: Source, dialect: Dialect = YAML_V2) -> Any:
    """The values as dict, list, str, int, float, bool and None. The last of duplicate keys wins, in the first's place.

    Raises ParseError where yaml.v2 fails: a collection is a key, a merge key's value is not a mapping, or a tag does
    not fit its scalar. Also if the aliases expand to more than MAX_VALUES values.
    """
    return None if root is None else _Constructor(root, source, dialect).value(root)


class _Constructor:
    def __init__(self, root: Node, source: Source, dialect: Dialect) -> None:
        self._root = root
        self._source = source
        self._dialect = dialect
        self._resolve = dialect.resolve
        self._left = MAX_VALUES
        self._depth = 0

    def value(self, node: Node) -> Any:
        self._left -= 1
        if self._left < 0:
            raise self._too_many(node)
        if type(node) is Alias:
            node = node.target
        if type(node) is Scalar:
            try:
                return self._resolve(node)
            except ScalarError as error:
                raise self._error(node, str(error)) from None
        self._enter(node)
        if type(node) is Sequence:
            value: Any = [self.value(item) for item in node.items]
        else:
            assert isinstance(node, Mapping)
            value = self._fill({}, {}, node)
        self._depth -= 1
        return value

    def _enter(self, node: Node) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(node, f"its aliases nest deeper than {MAX_DEPTH} levels, which is the limit")

    def _fill(self, into: dict[Any, Any], kinds: dict[Any, type], node: Mapping) -> dict[Any, Any]:
        """`kinds` has the type of each key of `into` that is not a string."""
        merged: dict[Any, Any] = {}
        merged_kinds: dict[Any, type] = {}
        for entry in node.entries:
            if entry.is_merge:
                others = (merged, merged_kinds) if self._dialect.own_keys_win else (into, kinds)
                self._merge(*others, entry.value)
                continue
            key = self.value(entry.key)
            if not isinstance(key, str):
                if isinstance(key, (dict, list)):
                    what = "invalid map key: a mapping or list cannot be a key"
                    raise self._error(entry.key, what, "put a string that begins with a brace or bracket in quotes")
                key = python_key(key, entry.text, kinds)
            into[key] = self.value(entry.value)
        for key, value in merged.items():
            into.setdefault(key, value)
        return into

    def _merge(self, into: dict[Any, Any], kinds: dict[Any, type], node: Node) -> None:
        """In file order, so a `<<` after a key overrides it; in a list of mappings the first one wins."""
        # Not through an alias: yaml.v2 accepts a list of mappings only if the list itself is not an alias.
        for merged in reversed(node.items) if isinstance(node, Sequence) else (node,):
            self._left -= 1
            if self._left < 0:
                raise self._too_many(node)
            target = dereference(merged)
            if isinstance(merged, Alias) and self._dialect.checks_last_anchor:
                self._check_last_anchor(merged)
                if isinstance(target, Scalar) and self.value(target) is None:
                    into.clear()  # a null value empties the mapping that it is merged into
                    kinds.clear()
                    continue
            if not isinstance(target, Mapping):
                raise self._error(merged, _NO_MAPPING)
            self._enter(target)
            self._fill(into, kinds, target)
            self._depth -= 1

    def _check_last_anchor(self, alias: Alias) -> None:
        last = self._last_anchors.get(alias.name, alias.target)
        if not isinstance(last, Mapping):
            line = self._source.position(last.start)[0]
            again = f"line {line} defines &{alias.name} again: rename one of the anchors"
            raise self._error(alias, _NO_MAPPING, "" if last is alias.target else again)

    @cached_property
    def _last_anchors(self) -> dict[str, Node]:
        """The last node of each anchor name. A collection's anchor comes before those inside it."""
        return {node.anchor: node for node in walk(self._root) if node.anchor}

    def _too_many(self, node: Node) -> ParseError:
        return self._error(node, "its aliases expand to more than a million values, which is the limit")

    def _error(self, node: Node, what: str, remedy: str = "") -> ParseError:
        return ParseError(what, remedy=remedy, place=self._source.place(node.span.start))


class ChangedConstructor(_Constructor):
    """Constructs the values that yaml.v2 would read if a node had another value, also at its aliases and merges."""

    def __init__(self, root: Node, source: Source, changed: Node, new: Any) -> None:
        super().__init__(root, source, YAML_V2)
        self._changed, self._new = changed, new

    def value(self, node: Node) -> Any:
        return self._new if dereference(node) is self._changed else super().value(node)

    def _fill(self, into: dict[Any, Any], kinds: dict[Any, type], node: Mapping) -> dict[Any, Any]:
        """The node is the changed one if it is merged."""
        if node is not self._changed:
            return super()._fill(into, kinds, node)
        if not isinstance(self._new, dict):
            raise self._error(node, _NO_MAPPING)
        for key, child in self._new.items():
            kinds.setdefault(key, type(key))
            into[key] = child
        return into


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal in YAML: unlike in Python, true, 1 and 1.0 differ, and NaN equals itself.

    The order of a mapping's keys has no meaning.
    """
    kind = type(left)
    if kind is not type(right):
        return False
    if kind is dict:
        return len(left) == len(right) and all(key in right and same(value, right[key]) for key, value in left.items())
    if kind is list:
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right) or (kind is float and math.isnan(left) and math.isnan(right))


class UnwritableValue(TypeError):
    """A Python value that cannot be written as YAML; `remedy` says what to use instead."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


def plain(value: Any, depth: int = 0) -> Any:
    """The value in plain types (a str subclass becomes a str, a tuple a list), ready to be compared.

    Raises UnwritableValue for a value that YAML has no form for, or that cannot be encoded.
    """
    if value is None or isinstance(value, bool) or (type(value) is str and value.isascii()):  # nearly all values
        return value
    if depth > MAX_DEPTH:
        raise UnwritableValue(f"values nested deeper than {MAX_DEPTH} levels cannot be written", "use less nesting")
    if isinstance(value, MappingOf):
        return {_plain_key(key): plain(child, depth + 1) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, str):
        if SURROGATE.search(value):
            raise UnwritableValue("a string with half a surrogate pair cannot be written", "use valid Unicode")
        return str.__str__(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            what = "a number of more than 64 bits cannot be written: it would be read as a float"
            raise UnwritableValue(what, "use a string")
        return int(value)
    what = f"a value of type {type(value).__name__} cannot be written as YAML"
    raise UnwritableValue(what, "use mappings, lists and scalars")


def _plain_key(key: Any) -> Any:
    if isinstance(key, (MappingOf, list, tuple)):
        raise UnwritableValue("a mapping or list cannot be a key", "use a scalar as the key")
    if isinstance(key, float) and math.isnan(key):
        raise UnwritableValue("NaN cannot be a key", "use another scalar as the key")
    return plain(key)


def assigned(data: Any, path: list[Any], value: Any) -> Any:
    """`data` with the value at the path. Only containers on the path are copied; missing parents are created."""
    if not path:
        return value
    step, *rest = path
    if isinstance(step, int) and not isinstance(data, dict):
        items = list(data or [])
        child = items[step] if step < len(items) else None
        items[step : step + 1] = [assigned(child, rest, value)]
        return items
    entries = dict(data or {})
    entries[step] = assigned(entries.get(step), rest, value)
    return entries


def value_at(data: Any, path: Iterable[Any]) -> Any:
    """The value at a path; None if the path does not exist."""
    for step in path:
        if isinstance(data, dict):
            data = data.get(step)
        else:
            data = data[step] if isinstance(data, list) and step < len(data) else None
    return data


def first_difference(left: Any, right: Any, route: Route | None = None) -> Route:
    """The route to the first difference between two values."""
    route = route or Route()
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *(key for key in right if key not in left)]:
            if key not in left or key not in right or not same(left[key], right[key]):
                return first_difference(left.get(key), right.get(key), route / str(key))
    if isinstance(left, list) and isinstance(right, list):
        for index, (item, replaced) in enumerate(zip(left, right, strict=False)):
            if not same(item, replaced):
                return first_difference(item, replaced, route / index)
    return route
