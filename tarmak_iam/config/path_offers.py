"""The paths that may follow what is typed of one, and the values of a key, for completion in a shell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tarmak_iam.config.cluster import ReadFile, metadata_name
from tarmak_iam.config.key_paths import ROOT, KeyPath, KeyStep
from tarmak_iam.config.path_lookup import FoundKey, item_steps, items_of, kind_text, look_up
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
        offers = [offer for offer in self._next(typed) if offer[0].startswith(typed)]
        if len(offers) == 1:
            path = offers[0][0]
            offers += self._next(path if path.endswith("]") else f"{path}.")
        return (offer for offer in offers if not self.only_lists or offer[1] in ("a list", "a mapping"))

    def _next(self, typed: str) -> Iterator[Offer]:
        match = re.match(_LAST_STEP, typed)
        head, mark = (match[1], match[2][0]) if match else (ROOT if typed.startswith(ROOT) else "", "")
        if mark != "[":
            yield from self._keys(f"{head}{mark}", self._look_up(head))
            return
        yield from self._items(head, self._look_up(head))
        if typed.endswith("]"):
            yield from self._keys(f"{typed}.", self._look_up(typed))

    def _look_up(self, text: str) -> FoundKey:
        return look_up(self.file.document, self.base, KeyPath.parse(text or ".", root=not self.base.steps))

    def _keys(self, head: str, key: FoundKey) -> Iterator[Offer]:
        field, node = key.field, None if key.node is None else dereference(key.node)
        members: list[tuple[str, Field | None]] = []
        if field is not None and field.kind == "struct":
            hidden = _OF_OBJECTS if key.type_path else ()
            fields = fields_of(field.struct).items()
            members += [(name, of) for name, of in fields if of.struct not in NOT_WRITTEN and name not in hidden]
        elif isinstance(node, Mapping):
            texts = [entry.text for entry in node.entries if not entry.is_merge]
            members += [(text, None if field is None else field.of) for text in texts if text is not None]
        for name, of in members:
            path = f"{head}{KeyStep(name)}"
            yield path, kind_text(of)
            if of is not None and of.kind == "list":
                yield from self._items(path, self._look_up(path))

    def _items(self, head: str, key: FoundKey) -> Iterator[Offer]:
        of = None if key.field is None else key.field.of
        return ((f"{head}{step}", kind_text(of)) for step in item_steps(items_of(key.node), of))


_LAST_STEP = r"(.*?)(\[[^\[\]]*\]?|\.[^.\[\]]*)\Z"
"""What comes before the last step, and that step. Dots in quotes are not told from others."""


def value_offers(file: ReadFile, base: Route, text: str) -> list[str]:
    """The values that a key may have, if they are few. Raises SelectionError."""
    target = look_up(file.document, base, KeyPath.parse(text, root=not base.steps))
    key = target.section_key
    if key is not None and key.choices:
        return key.choices
    if target.field is not None and target.field.kind == "bool":
        return ["true", "false"]
    names = {  # keys whose value is a name in the file
        "currentCluster": [cluster.cluster_name for cluster in file.selectable_clusters],
        "environment": map(metadata_name, file.environments),
        "provider": map(metadata_name, file.providers),
    }
    return [name for name in names.get(target.type_path[-1], ()) if name] if target.type_path else []
