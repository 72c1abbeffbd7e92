"""Rules about keys of a mappings file: those that the authenticator does not read, and duplicates; and duplicate
principals."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial
from typing import NamedTuple

from tarmak_iam.aws.arn_flaws import canonical_text
from tarmak_iam.aws.go_case import fold
from tarmak_iam.document import Document, Insert, Move, Rename
from tarmak_iam.document.nodes import Alias, Mapping, Node, Scalar, Sequence, dereference, walk
from tarmak_iam.document.plain_values import construct
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.identity.releases import ReleaseFeature, spans_text
from tarmak_iam.identity.viper import field_spellings, spellings
from tarmak_iam.lint.authenticator_keys import ENTRY_LISTS, IDENTITIES, LISTS, all_keys, arn_in, is_empty_value
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.lint.fix import Fix, entry_at, removed, taken_out, without_key
from tarmak_iam.lint.messages import EXITS, IMPORT, first_line
from tarmak_iam.lint.rule import MAPPINGS, Rule
from tarmak_iam.lint.shape_rules import group_names, import_remedy, is_foreign, merged_list, section_format
from tarmak_iam.lint.unread_keys import (
    DoubledKey,
    KeyPlace,
    RunTogether,
    UnreadKey,
    inner_keys,
    run_together,
    walked_keys,
)
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import quoted, shortened

# Keys that the authenticator does not read.


class KeyGroup(NamedTuple):
    """Adjacent unread keys of one mapping that belong in the same other place, which are one mistake. `names` are their
    names for messages; `has_identity`: whether one of them names the principal of an entry; `has_no_effect`: whether
    ignoring them changes nothing, because they are unknown settings, or set already."""

    keys: tuple[UnreadKey, ...]
    names: str
    has_identity: bool
    has_no_effect: bool

    @property
    def first(self) -> UnreadKey:
        return self.keys[0]

    @property
    def renames(self) -> str:
        """The end of a remedy: which names are wrong in addition to the place."""
        wrong = [key for key in self.keys if key.name.lower() != key.intended.lower()]
        return "".join(f", and rename {quoted(key.name)} to {key.intended}" for key in wrong)


@lru_cache(maxsize=4)
def key_groups(document: Document) -> tuple[KeyGroup, ...]:
    """None in the file of another tool."""
    groups: list[list[UnreadKey]] = []
    for key in () if is_foreign(document) else walked_keys(document).unread:
        before, entries = groups[-1][-1] if groups else None, key.holder.entries
        is_alike = before is not None and (
            before.holder is key.holder
            and before.place is key.place
            and key.place in (KeyPlace.SERVER, KeyPlace.ENTRY, KeyPlace.SSO)
            and entries.index(key.node) == entries.index(before.node) + 1
            and (before.existing is None) == (key.existing is None)
        )
        if is_alike:
            groups[-1].append(key)
        else:
            groups.append([key])
    made = []
    for keys in groups:
        *others, last = [quoted(key.name) for key in keys]
        names = f"{', '.join(others)} and {last}" if others else last
        has_identity = any(key.intended in (*IDENTITIES, "permissionSetName", "accountID") for key in keys)
        has_no_effect = _has_no_effect(document, keys[0], has_identity=has_identity)
        made.append(KeyGroup(tuple(keys), names, has_identity, has_no_effect))
    return tuple(made)


def _has_no_effect(document: Document, key: UnreadKey, *, has_identity: bool) -> bool:
    value = key.node.value
    if _is_anchor(document, value):
        return True
    if key.place is KeyPlace.NOWHERE:
        return not _holds_entries(value) and not inner_keys(key)
    if key.place is KeyPlace.ENTRY and (key.owner is None if key.existing is None else key.where != "sso"):
        return not has_identity  # which entry it belongs to is not known
    if key.existing is None or is_empty_value(value):
        return key.existing is not None
    there = document.node(key.existing)
    if key.intended in IDENTITIES and there is not None:
        return not arn_in(value) or arn_in(value) == arn_in(there)
    return key.intended not in (*LISTS, "server", "groups")


def _is_anchor(document: Document, value: Node) -> bool:
    """Whether an alias elsewhere refers to something in it."""
    inside = {id(node): node for node in walk(value)}
    if document.root is None or not any(node.anchor for node in inside.values()):
        return False
    aliases = (node for node in walk(document.root) if isinstance(node, Alias))
    return any(id(alias) not in inside and id(alias.target) in inside for alias in aliases)


_ENTRY_TEXT = re.compile(r"^[ \t]*(?:-[ \t]+)?(?:role|user)arn[ \t]*:", re.IGNORECASE | re.MULTILINE)
"""An entry in a string of an aws-auth ConfigMap."""


def _holds_entries(value: Node) -> bool:
    """Whether it contains principals, each in its own mapping or as an item of a list."""
    for node in walk(value):
        if isinstance(node, Mapping) and any(arn_in(entry.value) for entry in node.entries):
            return True
        if isinstance(node, Sequence) and any(arn_in(item) for item in node.items):
            return True
        if isinstance(node, Scalar) and _ENTRY_TEXT.search(node.text):
            return True
    return False


@MAPPINGS.error("IAM057", "misplaced-mapping-key", "a key of the mappings file that is misspelt or in the wrong place")
def misplaced_mapping_key(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    if is_foreign(document):
        what = "this is the file of another tool: the authenticator ignores all of it, and no principal has access"
        root, remedy = document.root, import_remedy(document)
        names = [entry.text for entry in root.entries if entry.text] if isinstance(root, Mapping) else []
        first = ("kind",) if "kind" in names else tuple(names[:1])
        finding = rule.finding(Subject.MAPPINGS, first, what, remedy, at=At.KEY, locks_out=True)
        yield replace(finding, hides_entries=True)
    for group in key_groups(document):
        if not group.has_no_effect:
            what, locks_out, hides_entries = _consequence(mappings, group)
            route, remedy, fix = group.first.route, _remedy(document, group), partial(_in_its_place, document, group)
            finding = rule.finding(Subject.MAPPINGS, route, what, remedy, at=At.KEY, locks_out=locks_out, fix=fix)
            yield replace(finding, hides_entries=hides_entries)


def _in_its_place(document: Document, group: KeyGroup) -> Fix | None:
    """The keys that were meant, in their place, unless one of them is set already."""
    key, home = group.first, _home(document, group)
    if any(unread.existing is not None for unread in group.keys):
        return None
    if key.place is not KeyPlace.HERE:
        moves = tuple(Move(unread.route, home / unread.intended) for unread in group.keys if home is not None)
        return Fix(f"move {group.names} to {home}{group.renames}", moves, is_safe=False) if moves else None
    other, arn = ("user" if key.intended == "roleARN" else "role"), arn_in(key.node.value)
    # The value can be that of the key that was meant: a name is not an ARN, and a role is not a user.
    is_of_other = key.name.lower() == f"{other}arn" and f":{other}/" in arn
    if key.intended in ("roleARN", "userARN") and (not arn or is_of_other):
        return None
    if run_together(key.holder, key.where) is not None:
        return None
    return Fix(f"rename {key.name} to {key.intended}", (Rename(key.route, key.intended),), is_safe=False)


def _home(document: Document, group: KeyGroup) -> Route | None:
    """The mapping that the keys belong in; None where that is not certain."""
    key = group.first
    if key.place is KeyPlace.SERVER:
        entries = document.root.entries if isinstance(document.root, Mapping) else ()
        names = (entry.text for entry in entries if entry.text and entry.text.lower() == "server")
        return Route.of((next(names, "server"),))  # as it is spelled in the file
    if key.place is KeyPlace.TOP:
        return Route()
    if key.place is KeyPlace.ENTRY and not group.has_identity:
        return key.owner
    if key.place is KeyPlace.SSO and not any(arn_in(entry.value) for entry in key.holder.entries):
        return key.route.parent / "sso"
    return None


def _consequence(mappings: Mappings, group: KeyGroup) -> tuple[str, bool, bool]:
    """The effect of the mistake, the worst where there are several: what it is, whether it locks users out, and whether
    it hides entries, as in a Finding."""
    key, entries = group.first, entries_of(mappings).by_steps
    entry = None if key.owner is None else entries.get(key.owner.plain)
    has_no_principal = entry is not None and not entry.listed.principal
    texts = (getattr(node, "text", "") for unread in group.keys for node in walk(unread.node.value))
    holds_admins = any(ADMINS in text for text in texts)
    ignored = f"the authenticator ignores {group.names} {_place(key)}"
    if key.existing is None and has_no_principal and group.has_identity:
        has_no = f"the entry has no {'sso' if key.place is KeyPlace.SSO else key.intended}"
        return f"{EXITS}: {has_no}, and {ignored}", True, True
    filled = {unread.intended for unread in group.keys if not is_empty_value(unread.node.value)}
    inner, hides_principals = inner_keys(key), not filled.isdisjoint((*LISTS, "server"))
    is_list_in_entry = key.where in ENTRY_LISTS and key.place is KeyPlace.SERVER
    is_lost = key.place is KeyPlace.NOWHERE or hides_principals or _holds_entries(key.node.value)
    is_in_sso = key.where == "sso" and key.existing is None and key.intended in ("permissionSetName", "accountID")
    if is_in_sso or (inner and has_no_principal) or (is_lost and not inner and is_list_in_entry):
        return f"{EXITS}: {ignored}", True, True
    if inner:
        return f"{ignored}, and {' and '.join(inner)} below it", holds_admins, False
    if is_lost:
        return f"{ignored}, and the principals mapped there have no access", True, True
    if entry is None or key.existing is not None or key.place not in (KeyPlace.HERE, KeyPlace.ENTRY):
        return ignored, False, False
    lost = [unread.intended for unread in group.keys if unread.intended in ("username", "groups")]
    what = f"{ignored}, so {entry.name} has no {' and no '.join(lost)}" if lost else ignored
    return what, holds_admins or entry.is_admin, False


def _place(key: UnreadKey) -> str:
    return f"in {key.where}" if key.where else "at the top level"


def _remedy(document: Document, group: KeyGroup) -> str:
    key, name = group.first, quoted(group.first.name)
    if not key.where and (form := section_format(document, key.name)):
        file = shlex.quote(document.filename)
        return f"import its entries: {IMPORT} --from {form} - < {file}; then remove {name}"
    if key.existing is not None:
        return _merge_remedy(document, key, key.existing)
    if key.place is KeyPlace.HERE:
        return _rename_remedy(key)
    if key.place is KeyPlace.NOWHERE:
        return _unknown_remedy(key)
    remedy = f"move {group.names} to the entry in line {document.position(key.owner or key.route).line}"
    if key.place is not KeyPlace.ENTRY:
        remedy = f"move {group.names} to {'the top level' if key.place is KeyPlace.TOP else key.place.value}"
    elif key.where == "sso":
        remedy = f"move {group.names} out of sso, into its entry"
    elif group.has_identity:
        identity = next((unread for unread in group.keys if unread.intended in IDENTITIES), key)
        listed = "mapUsers" if identity.intended == "userARN" else "mapRoles"
        remedy = f"make {group.names} an entry of {listed}, with a dash before the first key"
    return f"{remedy}{group.renames}"


def _unknown_remedy(key: UnreadKey) -> str:
    below = dereference(key.node.value)
    names = {(entry.text or "").lower() for entry in below.entries} if isinstance(below, Mapping) else set()
    with_it = {(entry.text or "").lower() for entry in key.holder.entries}
    is_server = not key.where and "server" not in with_it
    if inner_keys(key) or (is_server and "server" in names):
        return f"move the keys below {quoted(key.name)} up one level, and remove {quoted(key.name)}"
    if is_server and names & {name.lower() for name in LISTS}:
        return "did you mean server?"
    return "move its entries to server.mapRoles or server.mapUsers, or prefix its name with x- if it is a note"


def _rename_remedy(key: UnreadKey) -> str:
    kind, arn = key.intended.removesuffix("ARN"), arn_in(key.node.value)
    other = {"role": "user", "user": "role"}.get(kind, "")
    if other and key.name.lower() == f"{other}arn" and f":{other}/" in arn:
        return f"move the entry to {'mapUsers' if key.where == 'mapRoles' else 'mapRoles'}"
    if key.intended in ("roleARN", "userARN") and not arn:
        if not isinstance(dereference(key.node.value), Scalar):
            return f"write a separate entry for each ARN, with {key.intended}, username and groups"
        return f"replace {quoted(key.name)} with {key.intended} and the ARN of the {kind}"
    return f"did you mean {key.intended}?"


def _merge_remedy(document: Document, key: UnreadKey, existing: Route) -> str:
    """The remedy that merges a key into the correct one, which the mapping already has."""
    there, line = document.node(existing), document.position(existing, at_key=True).line
    if key.intended == "groups" and there is not None:
        listed = merged_list(group_names(there), group_names(key.node.value))
        if listed:
            return f"write groups: {listed} in line {line}, and remove {quoted(key.name)}"
    if key.intended in IDENTITIES:
        return "make it a separate entry, with its username and groups, or remove it"
    what = "its entries" if key.intended in ENTRY_LISTS else "its content"
    return f"move {what} to the end of {key.intended} in line {line}, and remove {quoted(key.name)}"


@MAPPINGS.warning("IAM058", "unknown-mapping-key", "a key that the authenticator does not know")
def unknown_mapping_key(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for key in (key for group in key_groups(mappings.document) if group.has_no_effect for key in group.keys):
        what = f"the authenticator does not know the key {quoted(key.name)} {_place(key)}, and ignores it"
        remedy = "remove it, or make it a comment"
        if _is_anchor(mappings.document, key.node.value):
            remedy = f"prefix its name with x-: x-{key.name}"
        elif key.place is KeyPlace.ENTRY and key.where != "sso":
            remedy = "move it to the entry that it belongs to, or remove it"
        elif key.existing is not None:
            remedy = f"{key.intended} is already set: remove this key"
        yield rule.finding(Subject.MAPPINGS, key.route, what, remedy, at=At.KEY)


# Duplicates: of principals, of keys, and in a dynamic file.

_AT_RANDOM = "at random at each start"


def are_written_the_same(document: Document, first: Node, second: Node) -> bool:
    """Whether both are written the same. To the authenticator, ARNs that differ only in case are the same."""
    first, second = dereference(first), dereference(second)
    if isinstance(first, Scalar) and isinstance(second, Scalar):
        is_arn = first.text.lower().startswith("arn:")
        return first.text == second.text or (is_arn and fold(first.text) == fold(second.text))
    text = document.text
    return text[first.start : first.end].split() == text[second.start : second.end].split()


@MAPPINGS.error("IAM011", "duplicate-principal", "a principal that is mapped more than once")
def duplicate_principal(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """The authenticator ignores case, and the last of two entries takes effect. Groups are not merged."""
    alike: dict[str, list[WrittenEntry]] = {}
    for entry in entries_of(mappings).entries:
        listed = entry.listed
        alike.setdefault(fold(canonical_text(listed.arn) if listed.arn else listed.sso), []).append(entry)
    for name, entries in alike.items():
        remedy = _one_entry_remedy(entries) if name and len(entries) > 1 else ""
        first, role = dict[str, WrittenEntry](), None
        for entry in entries if remedy else ():
            kind = entry.listed.kind
            earlier = first.setdefault(kind, entry)
            if earlier is not entry:
                what, loses_admin = _twice(mappings, entry, earlier), earlier.is_admin and not entry.is_admin
                fix = partial(_without_loser, mappings.document, entries, entry)
                yield rule.finding(Subject.MAPPINGS, entry.at_arn, what, remedy, locks_out=loses_admin, fix=fix)
            elif kind == "user" and role is not None:
                line = mappings.document.position(role.listed.route).line
                what = f"{entry.name} is also in mapRoles in line {line}, which is checked first: this entry never"
                fix = partial(_without_loser, mappings.document, entries, entry)
                yield rule.finding(Subject.MAPPINGS, entry.at_arn, f"{what} matches", remedy, fix=fix)
            role = entry if kind == "role" else role


def _without_loser(document: Document, duplicates: list[WrittenEntry], entry: WrittenEntry) -> Fix | None:
    """Of two entries, the one that does not take effect goes: the earlier one, or one in mapUsers after a role.
    Releases differ about letters that are not ASCII; such entries are not compared."""

    def name(other: WrittenEntry) -> str:
        text = canonical_text(other.listed.arn) if other.listed.arn else other.listed.sso
        return fold(text) if text.isascii() else text

    alike = [other for other in duplicates if name(other) == name(entry)]
    before = [other for other in alike[: alike.index(entry)] if other.listed.kind == entry.listed.kind]
    loser, counts = (before[-1], entry) if before else (entry, alike[0])
    if loser.is_account and before:
        loser, counts = entry, before[0]
    route = loser.listed.route
    # Which of them was meant may decide who is an admin.
    if loser is counts or (loser.is_admin and not counts.is_admin):
        return None
    if not document.has(route) or not isinstance(route.plain[-1], int):
        return None
    line, used = (document.position(other.listed.route).line or 0 for other in (loser, counts))
    return removed(route, f"remove the entry in line {line}: the one in line {used} takes effect", is_safe=True)


def _one_entry_remedy(entries: list[WrittenEntry]) -> str:
    """One entry with everything of the others. The username is the one that the authenticator uses today."""
    effective = [entry for entry in entries if entry.listed.kind == "role"] or entries
    names = {entry.listed.username for entry in entries}
    if len(names) == 1 and len({frozenset(entry.listed.groups) for entry in entries}) == 1:
        return "remove this one"
    listed = merged_list(*(list(entry.listed.groups) for entry in entries))
    groups = f"groups: {listed}" if listed else "all their groups"
    username = f"username: {shortened(effective[-1].listed.username)} (in effect today) and " if len(names) > 1 else ""
    return f"merge them into one entry with {username}{groups}"


def _twice(mappings: Mappings, entry: WrittenEntry, earlier: WrittenEntry) -> str:
    line = mappings.document.position(earlier.listed.route).line
    if entry.is_account:
        return f"account {shortened(entry.listed.arn)} is already listed in line {line}"
    lost = "only the last entry takes effect, and the groups of the first are lost"
    if canonical_text(entry.listed.arn) != canonical_text(earlier.listed.arn):
        lost = f"authenticator {spans_text(ReleaseFeature.EQUAL_FOLD)} uses one of them at random at each login"
    return f"{entry.name} is already mapped in line {line}; {lost}"


@MAPPINGS.error("IAM059", "duplicate-mapping-key", "a duplicate key in the mappings file")
def duplicate_mapping_key(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    for _, alike in itertools.groupby(walked_keys(document).doubled, key=lambda key: id(key.holder)):
        keys = list(alike)
        together = run_together(keys[0].holder, keys[0].where)
        if together is not None:
            yield from _missing_dashes(rule, document, keys[0], together)
        for key in keys if together is None else ():
            what, remedy = _doubled(document, key), _doubled_remedy(document, key)
            fix = partial(_one_of_two, document, key)
            yield rule.finding(Subject.MAPPINGS, key.route, what, remedy, at=At.KEY, locks_out=True, fix=fix)


def _one_of_two(document: Document, key: DoubledKey) -> Fix | None:
    """Of equal values one goes; two lists are merged. With other duplicates it is not known which one was meant."""
    second, first = entry_at(document, key.route), entry_at(document, key.first)
    if second is None or first is None:
        return None
    first_value, value, line = first[1].value, second[1].value, document.position(key.first, at_key=True).line
    # As text: an edit cannot name a duplicate that does not count.
    if is_empty_value(value) or are_written_the_same(document, first_value, value):
        name = f"this {quoted(key.name)}"
        return without_key(document, key.route, name, f"it is already in line {line}", is_repeated=True)
    if is_empty_value(first_value):
        name = f"the empty {quoted(key.first_name)} in line {line}"
        return without_key(document, key.first, name, is_repeated=True)
    # Two lists in one: only of exact duplicates, since of two spellings, releases use one or the other.
    is_exact = key.name == key.first_name and key.holder.last(key.name) is second[1]
    edits = taken_out(document, key.holder, first[1]) if is_exact else ()
    if not edits or not isinstance(first_value, Sequence) or not isinstance(value, Sequence):
        return None
    title = f"move the items of {quoted(key.name)} in line {line} into this list, before its own"
    there, target = construct(value, document.source), Route((*key.route.steps[:-1], Key(key.name)))
    items = [item for item in construct(first_value, document.source) if item not in there]
    inserts = (Insert(target / index, item) for index, item in enumerate(items))
    return Fix(title, tuple(inserts), is_safe=False, text_edits=edits)


def _doubled(document: Document, key: DoubledKey) -> str:
    """The message. Of several spellings, the authenticator uses one: viper lowers the keys, and one with capitals
    replaces one without."""
    line, names = document.position(key.first, at_key=True).line, dict.fromkeys(key.names)
    if key.name == key.first_name:
        consequence = "authenticator v0.6.30 and later does not start, earlier releases use the last one"
        return f"duplicate key {quoted(key.name)}, already in line {line}: {consequence}"
    before = later = spellings(names, key.known) if not key.is_field else ()
    if key.is_field:
        field = all_keys()[key.known].go_name or f"{key.known[0].upper()}{key.known[1:]}"
        before, later = (field_spellings(names, field, lowers=lowers) for lowers in (False, True))
    used, earlier = (f"'{used[0]}'" if len(used) == 1 else f"one {_AT_RANDOM}" for used in (later, before))
    which = f": {used}" if len(later) == 1 else f" {_AT_RANDOM}"
    if before != later and min(len(before), len(later)) == 1:
        which = f": {earlier} before v0.6.30, {used} in v0.6.30 and later"
    already = f"{quoted(key.name)} is already set in line {line}, as {quoted(key.first_name)}"
    return f"{already}; the authenticator uses one of them{which}"


def _doubled_remedy(document: Document, key: DoubledKey) -> str:
    line, second, first = document.position(key.first, at_key=True).line, *map(document.node, (key.route, key.first))
    if second is None or first is None or is_empty_value(second) or are_written_the_same(document, second, first):
        return "remove this one"
    if is_empty_value(first):
        return f"remove the one in line {line}"
    if key.known in ("roleARN", "userARN", "sso") or key.where == "sso":
        return "write a separate entry for each, with its username and groups"
    there, listed = f"{quoted(key.first_name)} in line {line}", merged_list(group_names(first), group_names(second))
    kinds = {type(dereference(first)), type(dereference(second))}
    if listed and (key.known == "groups" or isinstance(dereference(second), Sequence)):
        return f"write {key.first_name}: {listed} in line {line}, and remove this key"
    if key.known == "groups":
        return f"put the groups of both into {there}, and remove this key"
    if kinds == {Sequence}:
        return f"move the items below it to the end of {there}, and remove this key"
    if kinds == {Mapping}:
        return f"move the keys below it into {there}, and remove this key"
    return "keep the correct one, and remove the other"


def _missing_dashes(rule: Rule, document: Document, key: DoubledKey, together: RunTogether) -> Iterator[Finding]:
    """One finding for each entry without a dash before it. Of equal keys, the authenticator uses the last."""
    names = [together.name(index) for index in range(len(together.entries))]
    losers = ", ".join(dict.fromkeys(names[:-1])) if together.is_exact else "one of the entries"
    is_item = isinstance(key.route.parent.steps[-1], int)
    start = together.entries[0][0]
    for (before, *_), (first, *_) in itertools.pairwise(together.entries):
        lost = f"the authenticator uses one value of each key at random, and {losers} loses access"
        if together.is_exact:
            lost = "authenticator v0.6.30 and later does not start; earlier releases use the last value of each key"
            lost += f", and there {losers} loses access"
        within = f"within the entry in line {first_line(document, before.key)}"
        what = f"a dash is missing: {quoted(first.text)} begins a new entry {within}; {lost}"
        also = "" if is_item else f"{quoted(start.text)} in line {first_line(document, start.key)}, and before "
        remedy = f"write a dash before {also}{quoted(first.text)} in line {first_line(document, first.key)}"
        if key.holder.flow:
            remedy = f"write '}}, {{' instead of the comma before {quoted(first.text)}"
        route = key.route.parent / Key(first.text or "", first.occurrence)
        yield rule.finding(Subject.MAPPINGS, route, what, remedy, at=At.KEY, locks_out=True)
