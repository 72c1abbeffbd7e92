"""The paths that may follow what is typed of one, and the values of a key, for completion in a shell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tarmak_iam.config.cluster import ReadFile, metadata_name
from tarmak_iam.config.item_names import items_of, names_of
from tarmak_iam.config.key_paths import ROOT, IndexStep, KeyPath, KeyStep, NameStep, PathStep
from tarmak_iam.config.path_lookup import FoundKey, kind_text, look_up
from tarmak_iam.config.tarmak_types import NOT_WRITTEN, Field, fields_of
from tarmak_iam.document.nodes import Mapping, dereference
from tarmak_iam.routes import Route

Offer = tuple[str, str]
"""A path, and the type of its value."""

_OF_OBJECTS = ("apiVersion", "kind")
"""Keys that Kubernetes objects have; Tarmak reads them only at the top level."""


class PathOffers(NamedTuple):
    """`base` is the route of the cluster that relative paths begin at; empty if all paths are absolute. With
    `only_lists`, the value of a path must be a list."""

    file: ReadFile
    base: Route
    only_lists: bool = False

    def after(self, typed: str) -> Iterator[Offer]:
        """The paths that begin with what is typed and are one step longer; if that is only one, also those that are
        longer still. Raises SelectionError if the typed part means nothing."""
        found = [offer for offer in self._next(typed) if offer[0].startswith(typed)]
        if len(found) == 1:
            path = found[0][0]
            found += self._next(path if path.endswith("]") else f"{path}.")
        return (offer for offer in found if not self.only_lists or offer[1] in ("a list", "a mapping"))

    def _next(self, typed: str) -> Iterator[Offer]:
        head, mark = _split(typed)
        if mark == "[":
            yield from self._items(head, self._look_up(head))
            if typed.endswith("]"):
                yield from self._keys(f"{typed}.", self._look_up(typed))
        else:
            yield from self._keys(f"{head}{mark}", self._look_up(head))

    def _look_up(self, text: str) -> FoundKey:
        path = KeyPath.parse(text or ".", root=not self.base.steps) if text != ROOT else KeyPath.parse(text)
        return look_up(self.file.document, self.base, path)

    def _keys(self, head: str, found: FoundKey) -> Iterator[Offer]:
        for name, field in self._members(found):
            path = f"{head}{KeyStep(name)}"
            yield path, kind_text(field)
            if field is not None and field.kind == "list":
                yield from self._items(path, self._look_up(path))

    def _members(self, found: FoundKey) -> Iterator[tuple[str, Field | None]]:
        field, node = found.field, None if found.node is None else dereference(found.node)
        if field is not None and field.kind == "struct":
            for name, child in fields_of(field.struct).items():
                if child.struct not in NOT_WRITTEN and not (found.type_path and name in _OF_OBJECTS):
                    yield name, child
        elif isinstance(node, Mapping):
            for entry in node.entries:
                if entry.text is not None and not entry.is_merge:
                    yield entry.text, None if field is None else field.of

    def _items(self, head: str, found: FoundKey) -> Iterator[Offer]:
        of = None if found.field is None else found.field.of
        names = [names_of(item, of)[-1:] for item in items_of(found.node)]
        for index, name in enumerate(names):
            step: PathStep = NameStep(name[0]) if name and names.count(name) == 1 else IndexStep(index)
            yield f"{head}{step}", kind_text(of)


_LAST_STEP = r"(.*?)(\[[^\[\]]*\]?|\.[^.\[\]]*)\Z"


def _split(typed: str) -> tuple[str, str]:
    """What comes before the last step, and the character before that step: `[` if it is in brackets. Dots in quotes
    are not told from others."""
    match = re.match(_LAST_STEP, typed)
    if match is None:
        return (ROOT, "") if typed.startswith(ROOT) else ("", "")
    return match[1], match[2][0]


_NAMES_OF: dict[str, Callable[[ReadFile], list[str]]] = {
    "currentCluster": lambda file: [each.cluster_name for each in file.selectable_clusters],
    "environment": lambda file: [metadata_name(each) for each in file.data.get("environments") or ()],
    "provider": lambda file: [metadata_name(each) for each in file.data.get("providers") or ()],
}
"""Keys whose value is a name in the file."""


def value_offers(file: ReadFile, base: Route, text: str) -> list[str]:
    """The values that a key may have, if they are few. Raises SelectionError."""
    found = look_up(file.document, base, KeyPath.parse(text, root=not base.steps))
    key = found.section_key
    if key is not None and key.choices:
        return key.choices
    if found.field is not None and found.field.kind == "bool":
        return ["true", "false"]
    names = _NAMES_OF.get(found.type_path[-1]) if found.type_path else None
    return [name for name in names(file) if name] if names is not None else []
