"""The paths and values that completion in a shell offers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tarmak_iam.config.key_paths import ROOT, KeyPath, KeyStep
from tarmak_iam.config.path_lookup import CLUSTER, FoundKey, item_steps, items_of, kind_text, look_up
from tarmak_iam.config.section_keys import load_sections
from tarmak_iam.config.tarmak_types import CLUSTER_FIELD, NOT_WRITTEN, Field
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping, dereference
from tarmak_iam.routes import Route

if TYPE_CHECKING:
    from tarmak_iam.config.cluster import ReadFile

Offer = tuple[str, str]
"""A path, and the type of its value."""


def path_offers(file: ReadFile, base: Route, typed: str, *, only_lists: bool = False) -> Iterator[Offer]:
    """The paths that begin with what is typed and are one step longer; if that is only one, also those that are longer
    still. `base` is the route of the cluster that relative paths begin at; empty if all paths are absolute. With
    `only_lists`, the value must be a list. Raises SelectionError if the typed part means nothing."""
    offers = [offer for offer in _next_offers(file.document, base, typed) if offer[0].startswith(typed)]
    if len(offers) == 1:
        path = offers[0][0]
        offers += _next_offers(file.document, base, path if path.endswith("]") else f"{path}.")
    return (offer for offer in offers if not only_lists or offer[1] in ("a list", "a mapping"))


def _next_offers(document: Document, base: Route, typed: str) -> Iterator[Offer]:
    def key_at(text: str) -> FoundKey:
        return look_up(document, base, KeyPath.parse(text or ".", root=not base.steps))

    def items(head: str, key: FoundKey) -> Iterator[Offer]:
        of = None if key.field is None else key.field.of
        return ((f"{head}{step}", kind_text(of)) for step in item_steps(items_of(key.node), of))

    # What comes before the last step, and that step. Dots in quotes are not told from others.
    match = re.match(r"(.*?)(\[[^\[\]]*\]?|\.[^.\[\]]*)\Z", typed)
    head, mark = (match[1], match[2][0]) if match else (ROOT if typed.startswith(ROOT) else "", "")
    key = key_at(head)
    if mark == "[":
        yield from items(head, key)
        if not typed.endswith("]"):
            return
        head, mark, key = typed, ".", key_at(typed)
    node, field = None if key.node is None else dereference(key.node), key.field
    members: dict[str, Field | None] = {}
    if field is not None and field.kind == "struct":
        # Tarmak reads the keys of Kubernetes objects at the top level only.
        hidden = ("apiVersion", "kind") if key.type_path else ()
        written = {name: of for name, of in field.fields.items() if of.struct not in NOT_WRITTEN}
        members |= {name: of for name, of in written.items() if name not in hidden}
        for section in load_sections() if key.type_path == CLUSTER and not mark else ():  # by their names alone
            members |= {} if (of := CLUSTER_FIELD.below(*section.path)) is None else of.fields
    elif isinstance(node, Mapping):
        texts = [entry.text for entry in node.entries if not entry.is_merge]
        members |= {text: None if field is None else field.of for text in texts if text is not None}
    for name, of in members.items():
        path = f"{head}{mark}{KeyStep(name)}"
        yield path, kind_text(of)
        if of is not None and of.kind == "list":
            yield from items(path, key_at(path))


def value_offers(file: ReadFile, base: Route, text: str) -> list[str]:
    """The values that a key may have, if they are few. Raises SelectionError."""
    target = look_up(file.document, base, KeyPath.parse(text, root=not base.steps))
    key, name = target.section_key, target.type_path[-1] if target.type_path else ""
    if key is not None and key.choices:
        return key.choices
    if target.field is not None and target.field.kind == "bool":
        return ["true", "false"]
    if name == "currentCluster":  # keys whose value is a name in the file
        return [cluster.cluster_name for cluster in file.selectable_clusters]
    objects = {"environment": file.environments, "provider": file.providers}.get(name, ())
    return [text for item in objects if (text := str((item.get("metadata") or {}).get("name") or ""))]
