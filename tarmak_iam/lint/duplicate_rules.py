"""Rules about duplicates in the mappings file: principals and keys."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tarmak_iam.aws.arn_flaws import canonical_text
from tarmak_iam.aws.go_case import fold
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.identity.releases import ReleaseFeature, spans_text
from tarmak_iam.identity.viper import field_spellings, spellings
from tarmak_iam.lint.authenticator_keys import GO_NAMES, is_empty_value
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.lint.messages import first_line
from tarmak_iam.lint.rule import DYNAMIC_FILE, MAPPINGS, Rule
from tarmak_iam.lint.shape_rules import group_names, merged_list
from tarmak_iam.lint.unread_keys import DoubledKey, RunTogether, doubled_keys, run_together
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Key, Route
from tarmak_iam.text import quoted, shortened

_AT_RANDOM = "at random at each start"


def are_written_the_same(document: Document, one: Node, other: Node) -> bool:
    """Whether both are written the same. To the daemon, ARNs that differ only in case are the same."""
    one, other = dereference(one), dereference(other)
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return one.text == other.text or (fold(one.text) == fold(other.text) and one.text.lower().startswith("arn:"))
    text = document.text
    return text[one.start : one.end].split() == text[other.start : other.end].split()


@MAPPINGS.error("IAM011", "duplicate-principal", "a principal that is mapped more than once")
def duplicate_principal(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """The daemon ignores case, and the last of two entries takes effect. Groups are not merged."""
    alike: dict[str, list[WrittenEntry]] = {}
    for entry in entries_of(mappings).entries:
        listed = entry.listed
        alike.setdefault(fold(canonical_text(listed.arn) if listed.arn else listed.sso), []).append(entry)
    for name, entries in alike.items():
        remedy = _merge_remedy(entries) if name and len(entries) > 1 else ""
        first, role = dict[str, WrittenEntry](), None
        for entry in entries if remedy else ():
            kind = entry.listed.kind
            earlier = first.setdefault(kind, entry)
            if earlier is not entry:
                what, loses_admin = _twice(mappings, entry, earlier), earlier.is_admin and not entry.is_admin
                yield rule.finding(Subject.MAPPINGS, entry.at_arn, what, remedy, locks_out=loses_admin)
            elif kind == "user" and role is not None:
                line = mappings.document.position(role.listed.route).line
                what = f"{entry.name} is also in mapRoles in line {line}, which is checked first: this entry never"
                yield rule.finding(Subject.MAPPINGS, entry.at_arn, f"{what} matches", remedy)
            role = entry if kind == "role" else role


def _merge_remedy(entries: list[WrittenEntry]) -> str:
    """One entry with everything of the others. The username is the one that the daemon uses today."""
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
    for _, alike in itertools.groupby(doubled_keys(document), key=lambda key: id(key.holder)):
        keys = list(alike)
        together = run_together(keys[0].holder, keys[0].where)
        if together is not None:
            yield from _missing_dashes(rule, document, keys[0], together)
        for key in keys if together is None else ():
            what, remedy = _doubled(document, key), _doubled_remedy(document, key)
            yield rule.finding(Subject.MAPPINGS, key.route, what, remedy, at=At.KEY, locks_out=True)


def _doubled(document: Document, key: DoubledKey) -> str:
    """The message. Of several spellings, the daemon uses one: viper lowers the keys, and one with capitals replaces one
    without."""
    line, names = document.position(key.first, at_key=True).line, dict.fromkeys(key.names)
    if key.name == key.first_name:
        consequence = "authenticator v0.6.30 and later does not start, earlier releases use the last one"
        return f"duplicate key {quoted(key.name)}, already in line {line}: {consequence}"
    before = later = spellings(names, key.known) if not key.is_field else ()
    if key.is_field:
        field = GO_NAMES.get(key.known, f"{key.known[0].upper()}{key.known[1:]}")
        before, later = (field_spellings(names, field, lowers=lowers) for lowers in (False, True))
    used, earlier = (f"'{each[0]}'" if len(each) == 1 else f"one {_AT_RANDOM}" for each in (later, before))
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
    """One finding for each entry without a dash before it. Of keys with the same spelling, the daemon uses the last."""
    names = [together.name(index) for index in range(len(together.entries))]
    losers = ", ".join(dict.fromkeys(names[:-1])) if together.is_exact else "one of the entries"
    is_item = isinstance(key.route.parent.steps[-1], int)
    start = together.entries[0][0]
    for (before, *_), (first, *_) in itertools.pairwise(together.entries):
        lost = f"the authenticator uses one value of each key at random, and {losers} loses access"
        if together.is_exact:
            lost = (
                "authenticator v0.6.30 and later does not start; earlier releases use the last value of each key, "
                f"and there {losers} loses access"
            )
        within = f"within the entry in line {first_line(document, before.key)}"
        what = f"a dash is missing: {quoted(first.text)} begins a new entry {within}; {lost}"
        also = "" if is_item else f"{quoted(start.text)} in line {first_line(document, start.key)}, and before "
        remedy = f"write a dash before {also}{quoted(first.text)} in line {first_line(document, first.key)}"
        if key.holder.flow:
            remedy = f"write '}}, {{' instead of the comma before {quoted(first.text)}"
        route = key.route.parent / Key(first.text or "", first.occurrence)
        yield rule.finding(Subject.MAPPINGS, route, what, remedy, at=At.KEY, locks_out=True)


_ENTRY_LISTS = frozenset(("maproles", "mapusers"))

_FIELDS = {*_ENTRY_LISTS, "mapaccounts", "rolearn", "userarn", "username", "userid", "groups", "sso"}
_FIELDS |= {"permissionsetname", "accountid", "partition"}
"""Of the structs that a dynamic file is decoded into, as `fold` has them."""


@DYNAMIC_FILE.error("IAM129", "duplicate-dynamic-key", "a duplicate key in a dynamic file")
def duplicate_dynamic_key(rule: Rule, file: Document) -> Iterator[Finding]:
    for key, route, first in _same_fields(file.root, Route()):
        line = file.position(first, at_key=True).line
        lost, remedy = "uses the last value", f"keep this one or the one in line {line}, and remove the other"
        if fold(key.text) in _ENTRY_LISTS:
            lost = "reads its entries into those of the first, so they get the groups and usernames that they lack"
            remedy = f"move its entries to the end of the list in line {line}, and remove this key"
        what = f"duplicate key {quoted(key.text)}, already in line {line}: the authenticator {lost}"
        yield rule.finding(Subject.MAPPINGS, route, what, remedy, at=At.KEY)


def _same_fields(node: Node | None, route: Route) -> Iterator[tuple[Key, Route, Route]]:
    """Keys that encoding/json takes for a field that is there already, with their routes and that of the first."""
    for index, item in enumerate(node.items if isinstance(node, Sequence) else ()):
        yield from _same_fields(item, route / index)
    first: dict[str, Route] = {}
    for entry in node.entries if isinstance(node, Mapping) else ():
        key = Key(entry.text or "", entry.occurrence)
        name, here = fold(key.text), route / key
        if name in _FIELDS:
            if name in first:
                yield key, here, first[name]
            first.setdefault(name, here)
            yield from _same_fields(entry.value, here)
