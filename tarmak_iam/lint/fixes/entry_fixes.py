"""Fixes of entries and lists in the mappings: duplicates, a second document, strings and items instead of lists."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from tarmak_iam.aws.arn_flaws import canonical_text
from tarmak_iam.aws.go_case import fold
from tarmak_iam.document import Document, Insert, Move, Remove, Set
from tarmak_iam.document.nodes import Entry, Mapping, Scalar, Sequence, dereference
from tarmak_iam.document.plain_values import construct
from tarmak_iam.errors import ParseError
from tarmak_iam.findings import Finding
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint.authenticator_keys import arn_in, is_empty_value
from tarmak_iam.lint.duplicate_rules import are_written_the_same
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.lint.fix import Fix, commented_out, entry_at, line_of, taken_out
from tarmak_iam.lint.fixes.config_fixes import next_document
from tarmak_iam.lint.messages import node_at
from tarmak_iam.lint.rule import FixMaker, Subjects
from tarmak_iam.lint.unread_keys import DoubledKey, doubled_keys, run_together
from tarmak_iam.lint.written_lists import split_entries
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import quoted


def _duplicate_principal(finding: Finding, subjects: Subjects) -> Fix | None:
    """Of two entries, the one that does not take effect goes: the earlier one, or one in mapUsers after a role."""
    if subjects.mappings is None:
        return None
    written = _entries_by_name(subjects.mappings)
    own = written.by_route.get(finding.route)
    if own is None:
        return None
    alike = written.alike(own)
    before = [each for each in alike[: alike.index(own)] if each.listed.kind == own.listed.kind]
    loser, counts = (before[-1], own) if before else (own, alike[0])
    if loser.is_account:
        loser, counts = own, before[0]
    document = subjects.mappings.document
    if loser.is_admin and not counts.is_admin:
        return None  # which of them was meant decides who is an admin
    if not document.has(loser.listed.route) or not isinstance(loser.listed.route.plain[-1], int):
        return None
    line, used = (document.position(each.listed.route).line or 0 for each in (loser, counts))
    title = f"remove the entry in line {line}: that in line {used} takes effect"
    return Fix(title, (Remove(loser.listed.route),))


@dataclass(frozen=True, slots=True)
class _EntriesByName:
    """The entries by the route to their principals, and by the principals. Releases differ only about letters that are
    not ASCII; such entries are not compared."""

    by_route: dict[Route, WrittenEntry]
    by_name: dict[str, list[WrittenEntry]]
    by_folded_name: dict[str, list[WrittenEntry]]

    def alike(self, entry: WrittenEntry) -> list[WrittenEntry]:
        """The entries of the same principal, in the daemon's order."""
        name = _name_of(entry)
        return self.by_folded_name[fold(name)] if name.isascii() else self.by_name[name]


@lru_cache(maxsize=4)
def _entries_by_name(mappings: Mappings) -> _EntriesByName:
    found = _EntriesByName({}, {}, {})
    for each in entries_of(mappings).entries:
        found.by_route.setdefault(each.at_arn, each)
        name = _name_of(each)
        found.by_name.setdefault(name, []).append(each)
        found.by_folded_name.setdefault(fold(name), []).append(each)
    return found


def _name_of(entry: WrittenEntry) -> str:
    return canonical_text(entry.listed.arn) if entry.listed.arn else entry.listed.sso


def _duplicate_key(finding: Finding, subjects: Subjects) -> Fix | None:
    """Of equal values one goes; two lists are merged. With other duplicates it is not known which one was meant."""
    document = subjects.mappings.document if subjects.mappings is not None else None
    key = next((each for each in doubled_keys(document) if each.route == finding.route), None) if document else None
    if document is None or key is None or run_together(key.holder, key.where) is not None:
        return None
    own, first = entry_at(document, key.route), entry_at(document, key.first)
    if own is None or first is None:
        return None
    one, two = first[1], own[1]
    line = line_of(document, key.first)
    if is_empty_value(two.value) or are_written_the_same(document, one.value, two.value):
        return _taken_out(document, own, f"this {quoted(key.name)}", f": it is already in line {line}")
    if is_empty_value(one.value):
        return _taken_out(document, first, f"the empty {quoted(key.first_name)} in line {line}", "")
    return _merged(document, key, one, two)


def _taken_out(document: Document, found: tuple[Mapping, Entry], name: str, why: str) -> Fix | None:
    """As text: an edit cannot name a duplicate that does not count. With comments in it, it becomes one itself."""
    if removal := taken_out(document, *found):
        return Fix(f"remove {name}{why}", text_edits=removal)
    signs = commented_out(document, found[1])
    return Fix(f"make {name} a comment{why}", text_edits=signs) if signs else None


def _merged(document: Document, key: DoubledKey, one: Entry, two: Entry) -> Fix | None:
    """Two lists in one. Only exact duplicates: of two spellings, releases use one or the other."""
    first, second = dereference(one.value), dereference(two.value)
    is_last = isinstance(key.holder.last(key.name), Entry) and key.holder.last(key.name) is two
    lists = isinstance(first, Sequence) and isinstance(second, Sequence)
    if key.name != key.first_name or not is_last or not lists or first is not one.value or second is not two.value:
        return None
    edits = taken_out(document, key.holder, one)
    if not edits:
        return None
    values: list[Any] = construct(first, document.source)
    target = Route((*key.route.steps[:-1], Key(key.name)))
    line = line_of(document, key.first)
    title = f"move the items of {quoted(key.name)} in line {line} into this list, before its own"
    has = construct(second, document.source)
    new = [each for each in values if each not in has]
    inserts = tuple(Insert(target / index, value) for index, value in enumerate(new))
    return Fix(title, inserts, is_safe=False, text_edits=edits)


def _list_as_string(finding: Finding, subjects: Subjects) -> Fix | None:
    """The list that the string contains, if nothing but a list is in it, and no comment."""
    node = node_at(subjects.mappings.document, finding.route) if subjects.mappings is not None else None
    try:
        inner = Document.parse(node.text, json=False) if isinstance(node, Scalar) else None
    except ParseError:
        return None
    items = inner.data if inner is not None and not inner.comments and inner.next_document is None else None
    is_accounts = str(finding.route.plain[-1]).lower() == "mapaccounts"
    if (
        not isinstance(items, list)
        or not items
        or not all(isinstance(each, str if is_accounts else dict) for each in items)
    ):
        return None
    return Fix("write the items as a list, not as a string", (Set(finding.route, items),), is_safe=False)


def _split_entry(finding: Finding, subjects: Subjects) -> Fix | None:
    """The keys of the item go to the entry that it continues."""
    mappings = subjects.mappings
    split = next((each for each in split_entries(mappings) if each.route == finding.route), None) if mappings else None
    if mappings is None or split is None:
        return None
    moves = tuple(Move(split.route / (each.text or ""), split.owner / (each.text or "")) for each in split.item.entries)
    line = mappings.document.position(split.owner).line or 0
    title = f"make it a part of the entry in line {line}"
    return Fix(title, (*moves, Remove(split.route)), is_safe=False)


def _not_a_mapping(finding: Finding, subjects: Subjects) -> Fix | None:
    """Items that are not entries: an empty one goes, and names go to the empty `groups` of the entry before them."""
    document = subjects.mappings.document if subjects.mappings is not None else None
    *_, index = finding.route.steps or (None,)
    listed = node_at(document, finding.route.parent) if document is not None else None
    if document is None or not isinstance(listed, Sequence) or not isinstance(index, int):
        return None
    item = dereference(listed.items[index])
    if is_empty_value(item):
        return Fix("remove the empty item", (Remove(finding.route),), is_safe=False)
    names = _names_from(listed, index)
    owner = dereference(listed.items[index - 1]) if index else None
    last = owner.entries[-1] if isinstance(owner, Mapping) and owner.entries else None
    if not names or last is None or (last.text or "").lower() != "groups" or not is_empty_value(last.value):
        return None
    route = finding.route.parent
    removals = tuple(Remove(route / (index + number)) for number in range(len(names)))
    title = f"move {', '.join(map(quoted, names))} to groups of the entry before"
    return Fix(title, (Set(route / (index - 1) / (last.text or ""), names), *removals), is_safe=False)


def _names_from(listed: Sequence, index: int) -> list[str]:
    names = []
    for item in map(dereference, listed.items[index:]):
        if not isinstance(item, Scalar) or arn_in(item) or is_empty_value(item):
            break
        names.append(item.text)
    return names


ENTRY_FIXES: dict[str, FixMaker] = {
    "IAM011": _duplicate_principal,
    "IAM059": _duplicate_key,
    "IAM060": _list_as_string,
    "IAM079": next_document,
    "IAM115": _split_entry,
    "IAM116": _not_a_mapping,
}
