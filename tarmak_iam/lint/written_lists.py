"""The lists of entries, accounts and groups as the file has them: as a list, as a string, or split by a dash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.render import Layout, flow_text
from tarmak_iam.errors import ParseError
from tarmak_iam.lint.authenticator_keys import ENTRY_LISTS, IDENTITIES, arn_in, is_by_name, root_keys, spelled
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.lint.messages import node_at
from tarmak_iam.lint.unread_keys import IDENTITY, is_reported_as_key, kind_of_key, texts_of
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened


class WrittenList(NamedTuple):
    """`name` is mapRoles or mapUsers, `node` its value, which need not be a list."""

    name: str
    route: Route
    node: Node

    @property
    def arn_key(self) -> str:
        return f"{self.name[3:-1].lower()}ARN"


class SplitEntry(NamedTuple):
    """The item at `route` continues the entry that begins at `owner`; `kinds` are the keys of all its parts."""

    route: Route
    item: Mapping
    owner: Route
    owner_item: Mapping
    kinds: frozenset[str]


def written_lists(mappings: Mappings) -> Iterator[WrittenList]:
    settings = entries_of(mappings).settings
    for name in ENTRY_LISTS:
        route = settings.route(f"server.{name}")
        node = mappings.document.node(route)
        if node is not None:
            yield WrittenList(name, route, dereference(node))


@lru_cache(maxsize=4)
def split_entries(mappings: Mappings) -> tuple[SplitEntry, ...]:
    """Items without a principal whose keys are missing in the item before or after them."""
    return tuple(split for each in written_lists(mappings) for split in _split(each))


def _split(listed: WrittenList) -> Iterator[SplitEntry]:
    """Adjacent items that have no key in common are the parts of one entry, if one of them has a principal."""
    items = [dereference(node) for node in listed.node.items] if isinstance(listed.node, Sequence) else []
    parts: list[tuple[int, Mapping, frozenset[str]]] = []
    for index, item in enumerate([*items, None]):
        kinds = _kinds(item, listed.name) if isinstance(item, Mapping) else frozenset()
        if not kinds or any(kinds & each for _, _, each in parts):
            together = frozenset[str]().union(*(each for _, _, each in parts))
            if IDENTITY in together:
                owner, owner_item, _ = parts[0]
                for number, part, _ in parts[1:]:
                    yield SplitEntry(listed.route / number, part, listed.route / owner, owner_item, together)
            parts = []
        if isinstance(item, Mapping) and kinds:
            parts.append((index, item, kinds))


def _kinds(item: Mapping, where: str) -> frozenset[str]:
    """The kinds of keys of an entry that an item has; empty where it has other keys too."""
    kinds = _kinds_of_known(texts_of(item), where)
    return _as_kinds([kind_of_key(entry, where) for entry in item.entries]) if kinds is None else kinds


# Cached because the items of a long list nearly all have the same few keys.
@lru_cache(maxsize=1024)
def _kinds_of_known(texts: tuple[str | None, ...], where: str) -> frozenset[str] | None:
    """The kinds of keys that the daemon knows; None if there are others, whose kind their values decide."""
    struct = root_keys()["server"][where]
    known = [None if text is None else spelled(struct, text) for text in texts]
    return None if None in known else _as_kinds([IDENTITY if each in IDENTITIES else each or "" for each in known])


def _as_kinds(kinds: list[str]) -> frozenset[str]:
    known = {IDENTITY, "username", "groups", "userID"}
    return frozenset(kinds) if set(kinds) <= known and len(set(kinds)) == len(kinds) else frozenset()


def is_reported_elsewhere(mappings: Mappings, entry: WrittenEntry, wanted: str) -> bool:
    """Whether another finding explains why the entry does not have the key `wanted`."""
    own = entry.listed.route.plain
    kind = IDENTITY if wanted in ("roleARN", "userARN") else wanted
    if kind in _given_elsewhere(mappings).get(own, ()):
        return True
    if any(each.route.plain == own and is_by_name(each.node, each.name) for each in written_lists(mappings)):
        return True
    return is_reported_as_key(mappings, entry, wanted)


@lru_cache(maxsize=4)
def _given_elsewhere(mappings: Mappings) -> dict[tuple[str | int, ...], frozenset[str]]:
    """The kinds of keys that the parts of a split entry have; the finding is reported once for the entry."""
    given: dict[tuple[str | int, ...], frozenset[str]] = {}
    for split in split_entries(mappings):
        given[split.owner.plain] = split.kinds
        given[split.route.plain] = frozenset((IDENTITY, "username", "groups"))
    return given


_HEADER = re.compile(r"[|>][-+0-9]*")

_LIST = re.compile(r"\s*(?:\[|-\s)")


# Dashes without a space after them: `groups:` and below it `-dev` and `-ops` are the string "-dev -ops".
_DASH = re.compile(r"(?:^|\s+)-\s*")


def is_list_text(name: str, text: str) -> bool:
    """Whether a string was meant to be a list. Accounts may be a string, which most releases split at commas."""
    return bool(_LIST.match(text)) if name == "mapAccounts" else bool(text.strip())


def text_remedy(document: Document, route: Route, name: str) -> str:
    node = node_at(document, route)
    kind = f"{name[3:-1].lower()}ARN"
    if not isinstance(node, Scalar) or not isinstance(_inner(node.text), list):
        arn = arn_in(node) if node is not None else ""
        who = f"'- {kind}: {shortened(arn)}'" if arn else f"each with {kind}"
        return f"write a list of mappings, {who}, with username and groups"
    if not node.is_block:
        return "write the items as a list below the key, without quotes around the whole list"
    header = _HEADER.search(document.text, node.start)
    return f"remove the {header[0] if header else '|'} after the key, so that the entries are a list"


def is_dashed(text: str) -> bool:
    """Whether it was meant to be the items of a list whose first dash has no space after it."""
    return len(text) > 1 and text[0] == "-" and not text[1].isspace()


def groups_in(text: str) -> list[str] | None:
    """The groups in a string, as YAML or separated by commas; None where they are not known."""
    if is_dashed(text):
        return [each for each in _DASH.split(text) if each]
    inner = _inner(text) if _LIST.match(text) else None
    if inner is None:
        return [each.strip() for each in text.split(",") if each.strip()]
    if not isinstance(inner, list) or not all(isinstance(each, str) for each in inner):
        return None
    return [each.strip() for each in inner if each.strip()]


def next_document_remedy(document: Document) -> str:
    """The remedy for a second document; it continues the first one where they have no key in common."""
    line = (document.next_document.line if document.next_document is not None else None) or 1
    try:
        second = Document.parse(document.source.encode(), document.filename, 1, json=False)
    except ParseError:
        second = document
    first_keys, keys = _top_keys(document), _top_keys(second)
    start = document.source.offset(line)
    if not keys & set(root_keys()) and "arn:" not in document.text[start:]:
        return "remove it"
    if not first_keys & keys and document.source.line(line).strip() == "---" and "\n..." not in document.text[:start]:
        return f"remove line {line} ('---'): the documents have no key in common"
    return "move its entries to mapRoles and mapUsers of the first document, and remove the rest"


def _top_keys(document: Document) -> set[str]:
    entries = document.root.entries if isinstance(document.root, Mapping) else ()
    return {spelled(root_keys(), entry.text or "") or entry.text or "" for entry in entries}


def _inner(text: str) -> Any:
    try:
        return Document.parse(text, json=False).data
    except ParseError:
        return None


_FEW = 12


def group_names(node: Node) -> list[str] | None:
    """The groups in the file, from a list or a string; None where an item is not a scalar."""
    node = dereference(node)
    if isinstance(node, Scalar):
        return [each.strip() for each in node.text.split(",") if each.strip()]
    items = [dereference(each) for each in node.items] if isinstance(node, Sequence) else None
    if items is None or not all(isinstance(each, Scalar) for each in items):
        return None
    return [each.text for each in items if isinstance(each, Scalar)]


def merged_list(*lists: list[str] | None) -> str:
    """The items of all lists, without duplicates, as YAML on one line; empty where it is too long or a list is
    unknown."""
    names: dict[str, None] = {}
    for each in lists:
        if each is None:
            return ""
        names.update(dict.fromkeys(each))
    if len(names) > _FEW or any(shortened(name) != name for name in names):
        return ""
    return flow_text(list(names), Layout())
