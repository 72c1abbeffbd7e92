"""Rules about the shape of a mappings file: strings and mappings instead of lists, dashes, a second document; and its
lists as they are written."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

from tarmak_iam.document import Document, Move, Remove, Set
from tarmak_iam.document.nodes import Entry as NodeEntry
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.render import Layout, flow_text
from tarmak_iam.errors import ParseError, TarmakIamError
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.lint.authenticator_keys import (
    ENTRY_LISTS,
    IDENTITIES,
    LISTS,
    arn_in,
    is_by_name,
    is_empty_value,
    root_keys,
    spelled,
)
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.lint.fix import Fix, next_document_as_comment, removed, written
from tarmak_iam.lint.messages import EXITS, IMPORT, MAP, early_end, first_line, node_at, scalar_by_release
from tarmak_iam.lint.rule import MAPPINGS, Rule
from tarmak_iam.lint.unread_keys import IDENTITY, is_reported_as_key, kind_of_key, texts_of
from tarmak_iam.mappings.formats import SECTIONS, Import, read_mappings
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tarmak_iam.text import brief_list, quoted, shortened

_NOT_STARTED = "the authenticator does not start, and IAM login is not possible"

# Files and sections of other tools where the authenticator's own should be; `map import` reads them.


@lru_cache(maxsize=4)
def is_foreign(document: Document) -> bool:
    """Whether the whole file is a Kubernetes object or another tool's file, none of which the authenticator reads."""
    root = document.root
    texts = {entry.text for entry in root.entries if entry.text is not None} if isinstance(root, Mapping) else set()
    keys = {spelled(root_keys(), text) for text in texts}
    if any(key and (key == "server" or key.startswith("server.")) for key in keys):
        return False
    if {"kind", "apiVersion"} <= texts:
        return True
    imported = _read(document, None) if None in keys else None
    return imported is not None and "authenticator" not in imported.formats


def import_remedy(document: Document) -> str:
    """Commands that keep the file under another name, and create a mappings file with its entries."""
    file = shlex.quote(document.filename)
    moved = shlex.quote(f"{document.filename}.orig")
    imported = _read(document, None)
    if imported is not None and imported.entries:
        return f"move it and import it: mv {file} {moved} && {IMPORT} {moved}"
    return f"move it and map an admin: mv {file} {moved} && {MAP} add ARN --username NAME --group system:masters"


def section_format(document: Document, route_name: str) -> str:
    """The format of another tool that a top-level key belongs to; empty for none."""
    root = document.root
    entry = root.last(route_name) if isinstance(root, Mapping) else None
    if entry is None:
        return ""
    end = max(entry.key.start, entry.value.end - 1)
    lines = range(first_line(document, entry.key), document.source.position(end)[0] + 1)
    for form in reversed(SECTIONS):  # aws-auth last: it accepts the most
        imported = _read(document, form)
        entries = imported.entries if imported else ()
        if entries and all(entry.place and entry.place.line in lines for entry in entries):
            return form
    return ""


def _read(document: Document, form: str | None) -> Import | None:
    try:
        return read_mappings(document.text, document.filename, form)
    except TarmakIamError:
        return None


# Lists of entries.


def _written_lists(mappings: Mappings) -> Iterator[tuple[str, Route, Node]]:
    """mapRoles and mapUsers, with their route and value, which need not be a list."""
    settings = entries_of(mappings).settings
    for name in ENTRY_LISTS:
        route = settings.route(f"server.{name}")
        node = node_at(mappings.document, route)
        if node is not None:
            yield name, route, node


def _arn_key(name: str) -> str:
    return f"{name[3:-1].lower()}ARN"


class SplitEntry(NamedTuple):
    """The item at `route` continues the entry that begins at `owner`; `kinds` are the keys of all its parts."""

    route: Route
    item: Mapping
    owner: Route
    owner_item: Mapping
    kinds: frozenset[str]


@lru_cache(maxsize=4)
def split_entries(mappings: Mappings) -> tuple[SplitEntry, ...]:
    """Items without a principal whose keys are missing in the item before or after them: adjacent items that have no
    key in common are the parts of one entry, if one of them has a principal."""
    splits = []
    for name, route, listed in _written_lists(mappings):
        items = [dereference(node) for node in listed.items] if isinstance(listed, Sequence) else []
        parts: list[tuple[int, Mapping, frozenset[str]]] = []
        for index, item in enumerate([*items, None]):
            kinds = _kinds(item, name) if isinstance(item, Mapping) else frozenset()
            if not kinds or any(kinds & others for _, _, others in parts):
                together = frozenset[str]().union(*(others for _, _, others in parts))
                for number, part, _ in parts[1:] if IDENTITY in together else ():
                    owner, owner_item, _ = parts[0]
                    splits.append(SplitEntry(route / number, part, route / owner, owner_item, together))
                parts = []
            if isinstance(item, Mapping) and kinds:
                parts.append((index, item, kinds))
    return tuple(splits)


def _kinds(item: Mapping, where: str) -> frozenset[str]:
    """The kinds of keys of an entry that an item has; empty where it has other keys too."""
    kinds = _kinds_of_known(texts_of(item), where) or [kind_of_key(entry, where) for entry in item.entries]
    known = {IDENTITY, "username", "groups", "userID"}
    return frozenset(kinds) if set(kinds) <= known and len(set(kinds)) == len(kinds) else frozenset()


# Cached because the items of a long list nearly all have the same few keys.
@lru_cache(maxsize=1024)
def _kinds_of_known(texts: tuple[str | None, ...], where: str) -> list[str] | None:
    """The kinds of keys that the authenticator knows; None if there are others, whose kind their values decide."""
    struct = root_keys()["server"][where]
    known = [None if text is None else spelled(struct, text) for text in texts]
    return None if None in known else [IDENTITY if name in IDENTITIES else name or "" for name in known]


def is_reported_elsewhere(mappings: Mappings, entry: WrittenEntry, wanted: str) -> bool:
    """Whether another finding explains why the entry does not have the key `wanted`."""
    steps, kind = entry.listed.route.plain, IDENTITY if wanted in ("roleARN", "userARN") else wanted
    if kind in _given_elsewhere(mappings).get(steps, ()):
        return True
    lists = _written_lists(mappings)
    is_named = any(route.plain == steps and is_by_name(listed, name) for name, route, listed in lists)
    return is_named or is_reported_as_key(mappings, entry, wanted)


@lru_cache(maxsize=4)
def _given_elsewhere(mappings: Mappings) -> dict[tuple[str | int, ...], frozenset[str]]:
    """The kinds of keys that the parts of a split entry have; the finding is reported once for the entry."""
    given: dict[tuple[str | int, ...], frozenset[str]] = {}
    for split in split_entries(mappings):
        given[split.owner.plain] = split.kinds
        given[split.route.plain] = frozenset((IDENTITY, "username", "groups"))
    return given


@MAPPINGS.error("IAM115", "split-entry", "an entry that a dash splits in two")
def split_entry(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    for split in split_entries(mappings):
        first = split.item.entries[0]
        line = first_line(document, split.owner_item.entries[0].key)
        what = f"{EXITS}: the dash before {quoted(first.text)} splits an entry in two, and one of them has no principal"
        what += f"; it probably continues the entry in line {line}"
        remedy = f"replace the dash before {quoted(first.text)} in line {first_line(document, first.key)} with a space"
        if split.item.flow or split.owner_item.flow:
            remedy = f"move its keys into the entry in line {line}"
        keys = [entry.text or "" for entry in split.item.entries]
        moves = tuple(Move(split.route / key, split.owner / key) for key in keys)
        title = f"make it a part of the entry in line {document.position(split.owner).line or 0}"
        fix = Fix(title, (*moves, Remove(split.route)), is_safe=False)
        yield rule.finding(Subject.MAPPINGS, split.route, what, remedy, locks_out=True, fix=fix)


_FEW = 3


@MAPPINGS.error("IAM116", "mappings-not-a-list", "mapRoles or mapUsers that is not a list of mappings")
def mappings_not_a_list(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for name, route, listed in _written_lists(mappings):
        if isinstance(listed, Sequence):
            yield from _odd_items(rule, mappings.document, name, route, listed)
        elif isinstance(listed, Mapping) and is_by_name(listed, name):
            # One finding for all keys: with a dash before some of them only, the file is not YAML.
            keys = [entry.text for entry in listed.entries if entry.text is not None and not entry.is_merge]
            names, more = ", ".join(map(quoted, keys[:_FEW])), len(keys) - _FEW
            what = f"{_NOT_STARTED}: {name} must be a list, but has the keys {names}"
            what += f" and {more} more" if more > 0 else ""
            remedy = f"write a list of mappings, each with {_arn_key(name)}, username and groups"
            yield rule.finding(Subject.MAPPINGS, route / keys[0], what, remedy, at=At.KEY, locks_out=True)


def _odd_items(rule: Rule, document: Document, name: str, route: Route, listed: Sequence) -> Iterator[Finding]:
    items = [dereference(item) for item in listed.items]
    number = 0
    while number < len(items):
        item, last, kind = items[number], number, _arn_key(name)
        if isinstance(item, Mapping):
            number += 1
            continue
        groups = _open_groups(items[number - 1]) if number else None
        while groups is not None and last + 1 < len(items) and _is_name(items[last + 1]):
            last += 1
        shown, remedy = quoted(getattr(item, "text", "")), f"write a mapping with {kind}, username and groups"
        start = _NOT_STARTED
        if is_empty_value(item):
            # v0.4.0 skips an empty item
            shown, remedy, start = "a list" if isinstance(item, Sequence) else "an empty item", "remove it", EXITS
        elif isinstance(item, Sequence):
            shown, remedy = "a list", "remove the second dash, so that its items are items of the list"
        elif arn_in(item):
            remedy = f"write {kind}: {shortened(arn_in(item))}, and below it username and groups"
        elif groups is not None and not listed.flow:
            names = brief_list(quoted(item.text) for item in items[number : last + 1] if isinstance(item, Scalar))
            remedy = f"move {names} to groups in line {first_line(document, groups.key)}"
        what = f"{start}: {shown} in {name} is not a YAML mapping"
        fix = partial(_in_groups_before, route, items, number)
        yield rule.finding(Subject.MAPPINGS, route / number, what, remedy, locks_out=True, fix=fix)
        number = last + 1


def _in_groups_before(route: Route, items: list[Node], index: int) -> Fix | None:
    """An empty item goes, and names go to the empty `groups` of the entry before them."""
    if is_empty_value(items[index]):
        return removed(route / index, "remove the empty item")
    names = [getattr(item, "text", "") for item in itertools.takewhile(_is_name, items[index:])]
    groups = _open_groups(items[index - 1]) if index else None
    if not names or groups is None:
        return None
    removals = (Remove(route / (index + number)) for number in range(len(names)))
    title = f"move {', '.join(map(quoted, names))} to groups of the entry before"
    return Fix(title, (Set(route / (index - 1) / (groups.text or ""), names), *removals), is_safe=False)


def _open_groups(item: Node) -> NodeEntry | None:
    """The key groups without a value, at the end of an entry."""
    last = item.entries[-1] if isinstance(item, Mapping) and item.entries else None
    return last if last is not None and (last.text or "").lower() == "groups" and is_empty_value(last.value) else None


def _is_name(item: Node) -> bool:
    return isinstance(item, Scalar) and not arn_in(item) and not is_empty_value(item)


# Strings that should be lists, and values that should be strings.

_LIST = re.compile(r"\s*(?:\[|-\s)")

# Dashes without a space after them: `groups:` and below it `-dev` and `-ops` are the string "-dev -ops".
_DASH = re.compile(r"(?:^|\s+)-\s*")


def is_list_text(name: str, text: str) -> bool:
    """Whether a string was meant to be a list. Accounts may be a string, which most releases split at commas."""
    return bool(_LIST.match(text)) if name == "mapAccounts" else bool(text.strip())


@MAPPINGS.error("IAM060", "mappings-as-text", "a list of mappings written as a string")
def mappings_as_text(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """As in an aws-auth ConfigMap, whose values are strings that contain YAML."""
    settings = entries_of(mappings).settings
    for name in LISTS:
        key = f"server.{name}"
        value, route = settings.get(key), settings.route(key)
        if isinstance(value, str) and is_list_text(name, value):
            ends, remedy = name != "mapAccounts", _text_remedy(mappings.document, route, name)
            effect = "the authenticator does not start" if ends else "read as an account, it never matches"
            what = f"{key} is a string, as in an aws-auth ConfigMap: {effect}"
            fix = partial(_list_in_text, mappings.document, route, dict if ends else str)
            yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=ends, fix=fix)


def _list_in_text(document: Document, route: Route, kind: type) -> Fix | None:
    """The list that the string contains, if nothing but a list is in it, and no comment."""
    node = node_at(document, route)
    inner = _inner(node.text) if isinstance(node, Scalar) else None
    items = inner.data if inner is not None and not inner.comments and inner.next_document is None else None
    if not isinstance(items, list) or not items or not all(isinstance(item, kind) for item in items):
        return None
    return written(route, items, "write the items as a list, not as a string")


def _text_remedy(document: Document, route: Route, name: str) -> str:
    node, kind = node_at(document, route), _arn_key(name)
    if not isinstance(node, Scalar) or not isinstance(getattr(_inner(node.text), "data", None), list):
        arn = arn_in(node) if node is not None else ""
        who = f"'- {kind}: {shortened(arn)}'" if arn else f"each with {kind}"
        return f"write a list of mappings, {who}, with username and groups"
    if not node.is_block:
        return "write the items as a list below the key, without quotes around the whole list"
    header = re.compile(r"[|>][-+0-9]*").search(document.text, node.start)
    return f"remove the {header[0] if header else '|'} after the key, so that the entries are a list"


def _inner(text: str) -> Document | None:
    """A string that contains YAML; None for any other."""
    try:
        return Document.parse(text, json=False)
    except ParseError:
        return None


def is_dashed(text: str) -> bool:
    """Whether it was meant to be the items of a list whose first dash has no space after it."""
    return len(text) > 1 and text[0] == "-" and not text[1].isspace()


def groups_in(text: str) -> list[str] | None:
    """The groups in a string, as YAML or separated by commas; None where they are not known."""
    groups = getattr(_inner(text), "data", None) if _LIST.match(text) and not is_dashed(text) else None
    if groups is None:
        groups = _DASH.split(text) if is_dashed(text) else text.split(",")
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        return None
    return [group.strip() for group in groups if group.strip()]


def group_names(node: Node) -> list[str] | None:
    """The groups in the file, from a list or a string; None where an item is not a scalar."""
    node = dereference(node)
    if isinstance(node, Scalar):
        return [name.strip() for name in node.text.split(",") if name.strip()]
    items = [dereference(item) for item in node.items] if isinstance(node, Sequence) else None
    if items is None or not all(isinstance(item, Scalar) for item in items):
        return None
    return [item.text for item in items if isinstance(item, Scalar)]


_MOST_LISTED = 12


def merged_list(*lists: list[str] | None) -> str:
    """The items of all lists, without duplicates, as YAML on one line; empty where it is too long or a list is
    unknown."""
    names = dict.fromkeys(name for listed in lists for name in listed or ())
    if None in lists or len(names) > _MOST_LISTED or any(shortened(name) != name for name in names):
        return ""
    return flow_text(list(names), Layout())


@MAPPINGS.warning("IAM061", "groups-as-text", "groups written as a string")
def groups_as_text(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).entries:
        _, groups, _ = entry.raw
        if entry.is_account or not isinstance(groups, str) or not groups:
            continue
        what = "groups is a string, not a list"
        what += ", because a dash has no space after it" if is_dashed(groups) and "," not in groups else ""
        effect = f"the authenticator reads it as the one group {quoted(groups)}"
        if "," in groups:
            effect = "authenticator v0.4.0 reads it as one group, later releases split it at the commas"
        names = groups_in(groups)
        hides_admin = "," not in groups and is_dashed(groups) and ADMINS in (names or ())
        remedy = f"write a list: {merged_list(names)}" if merged_list(names) else "write a list of the groups"
        what, route = f"{what}: {effect}", entry.at("groups")
        # With the list most releases do what they did with commas in the string.
        title = f"write a list: {merged_list(names) or 'its groups'}"
        fix = written(route, names, title, is_safe=True) if names else None
        yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=hides_admin, fix=fix)


@MAPPINGS.warning("IAM062", "name-not-text", "a username or group that is not a string")
def name_not_text(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    may_have_tags = "!" in mappings.document.text
    for entry in entries_of(mappings).entries:
        username, groups, _ = entry.raw
        are_texts = not may_have_tags and type(groups) is list and all(map(_is_text, (username, *groups)))
        if are_texts or entry.is_account:
            continue
        values: list[tuple[str, Any, int | None]] = [("username", username, None)] if username is not None else []
        values += [("group", group, index) for index, group in enumerate(groups if isinstance(groups, list) else ())]
        for kind, value, index in values:
            if not may_have_tags and _is_text(value):
                continue
            route = entry.at("username") if index is None else entry.at("groups") / index
            text, read = scalar_by_release(mappings.document, route)
            if read:
                what, remedy = f"the {kind} {shortened(text)} is not a string", f'put it in quotes: "{shortened(text)}"'
                fix = written(route, text, remedy, is_safe=True)
                yield rule.finding(Subject.MAPPINGS, route, f"{what}: {read}", remedy, fix=fix)


def _is_text(value: Any) -> bool:
    """Whether a value without a tag is certainly a string to every release: only numbers and dates differ."""
    return type(value) is str and value[:1] not in {*"+-.0123456789"}


@MAPPINGS.error("IAM063", "cluster-id-not-text", "a clusterID that is not a string")
def cluster_id_not_text(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    text, read = scalar_by_release(mappings.document, mappings.cluster_id_route)
    if read:
        what, route = f"clusterID {shortened(text)} is not a string: {read}", mappings.cluster_id_route
        remedy = "remove it: the ID of the cluster is added when the manifests are generated"
        fix = removed(route, "remove clusterID: the ID of the cluster is added when the manifests are generated")
        yield rule.finding(Subject.MAPPINGS, route, what, remedy, locks_out=True, fix=fix)


@MAPPINGS.error("IAM069", "missing-username", "an entry without a username")
def missing_username(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        if entry.listed.username.strip() or is_reported_elsewhere(mappings, entry, "username"):
            continue
        later = "later releases log all of them in as ''"
        what = f"{entry.name} has no username: authenticator v0.4.0 denies its callers, {later}"
        yield rule.finding(Subject.MAPPINGS, entry.at("username"), what, "add a username", locks_out=entry.is_admin)


@MAPPINGS.error("IAM079", "mappings-second-document", "a second document in the mappings file")
def mappings_second_document(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    if document.next_document is not None and not is_foreign(document):
        what = "the authenticator reads only the first document of the file: everything below this line is ignored"
        remedy, early = _next_document_remedy(document, document.next_document.line or 1), early_end(document)
        if early is not None:
            cause, remedy = early
            what = f"the authenticator stops reading here, without an error: {cause}"
        fix = partial(next_document_as_comment, document)
        yield rule.finding(Subject.MAPPINGS, Route(), what, remedy, at=At.NEXT_DOCUMENT, locks_out=True, fix=fix)


def _next_document_remedy(document: Document, line: int) -> str:
    """The second document continues the first one where they have no key in common."""
    try:
        second = Document.parse(document.source.encode(), document.filename, 1, json=False)
    except ParseError:
        second = document
    keys, keys_of_second = (
        {spelled(root_keys(), entry.text or "") or entry.text or "" for entry in getattr(part.root, "entries", ())}
        for part in (document, second)
    )
    text, start = document.text, document.source.offset(line)
    if keys_of_second.isdisjoint(root_keys()) and "arn:" not in text[start:]:
        return "remove it"
    if not keys & keys_of_second and document.source.line(line).strip() == "---" and "\n..." not in text[:start]:
        return f"remove line {line} ('---'): the documents have no key in common"
    return "move its entries to mapRoles and mapUsers of the first document, and remove the rest"
