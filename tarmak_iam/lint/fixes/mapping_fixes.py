"""Fixes of the mappings file: entries, principals, usernames and groups, keys, and the authenticator's own settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial

from tarmak_iam.aws.arn import PARTITIONS, is_account
from tarmak_iam.aws.arn_flaws import FlawKind, arn_flaw, canonical_text
from tarmak_iam.aws.copied_text import cleaned
from tarmak_iam.aws.go_case import fold
from tarmak_iam.document import Document, Insert, Move, Remove, Rename, Set
from tarmak_iam.document.nodes import Mapping, Scalar, Sequence, dereference
from tarmak_iam.document.plain_values import construct, value_at
from tarmak_iam.errors import ParseError
from tarmak_iam.findings import Finding
from tarmak_iam.identity.backend_support import BACKEND_NAMES
from tarmak_iam.lint.authenticator_keys import arn_in, is_empty_value
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.lint.fix import Fix, entry_at, line_of, taken_out, without_entry
from tarmak_iam.lint.fixes.config_fixes import next_document
from tarmak_iam.lint.key_rules import KeyGroup, are_written_the_same, key_groups
from tarmak_iam.lint.messages import node_at
from tarmak_iam.lint.name_rules import with_template_corrected
from tarmak_iam.lint.principal_rules import joining_remedy, with_partition_of_others
from tarmak_iam.lint.rbac_rules import groups_joined, nearest_group
from tarmak_iam.lint.rule import FixMaker, Subjects
from tarmak_iam.lint.shape_rules import groups_in, merged_list, split_entries
from tarmak_iam.lint.unread_keys import KeyPlace, UnreadKey, doubled_keys, run_together
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Key, Route
from tarmak_iam.suggestions import closest
from tarmak_iam.text import quoted, shortened

_Maker = Callable[[Finding, Mappings], Fix | None]

MAPPING_FIXES: dict[str, FixMaker] = {"IAM079": next_document}


def _fixes(*rule_ids: str) -> Callable[[_Maker], _Maker]:
    """Makes a function what fixes findings of some rules."""

    def register(make: _Maker) -> _Maker:
        def fix(finding: Finding, subjects: Subjects) -> Fix | None:
            return make(finding, subjects.mappings) if subjects.mappings is not None else None

        MAPPING_FIXES.update(dict.fromkeys(rule_ids, fix))
        return make

    return register


def _entry_of(finding: Finding, mappings: Mappings) -> WrittenEntry | None:
    """The role or user that a finding is about."""
    steps, entries = finding.route.plain, entries_of(mappings).by_steps
    return next((entries[steps[:end]] for end in range(len(steps) + 1) if steps[:end] in entries), None)


def _scalar_text(finding: Finding, mappings: Mappings) -> str:
    node = node_at(mappings.document, finding.route)
    return node.text if isinstance(node, Scalar) else ""


def _written(route: Route, text: str, title: str = "") -> Fix:
    return Fix(title or f"write {quoted(text)}", (Set(route, text),), is_safe=False)


# Entries and lists.


@lru_cache(maxsize=4)
def _by_principal(mappings: Mappings) -> tuple[dict[Route, str], dict[str, list[WrittenEntry]]]:
    """The principal of each entry by the route to it, and the entries of each principal in the daemon's order. Releases
    differ only about letters that are not ASCII; such entries are not compared."""
    names: dict[Route, str] = {}
    alike: dict[str, list[WrittenEntry]] = {}
    for entry in entries_of(mappings).entries:
        name = canonical_text(entry.listed.arn) if entry.listed.arn else entry.listed.sso
        name = fold(name) if name.isascii() else name
        names.setdefault(entry.at_arn, name)
        alike.setdefault(name, []).append(entry)
    return names, alike


@_fixes("IAM011")
def _duplicate_principal(finding: Finding, mappings: Mappings) -> Fix | None:
    """Of two entries, the one that does not take effect goes: the earlier one, or one in mapUsers after a role."""
    names, by_name = _by_principal(mappings)
    alike = by_name.get(names.get(finding.route, ""), [])
    if len(alike) < 2:
        return None
    entry = next(entry for entry in alike if entry.at_arn == finding.route)
    before = [other for other in alike[: alike.index(entry)] if other.listed.kind == entry.listed.kind]
    loser, counts = (before[-1], entry) if before else (entry, alike[0])
    if loser.is_account:
        loser, counts = entry, before[0]
    document, route = mappings.document, loser.listed.route
    # Which of them was meant may decide who is an admin.
    if (loser.is_admin and not counts.is_admin) or not document.has(route) or not isinstance(route.plain[-1], int):
        return None
    line, used = (document.position(other.listed.route).line or 0 for other in (loser, counts))
    return Fix(f"remove the entry in line {line}: that in line {used} takes effect", (Remove(route),))


@_fixes("IAM059")
def _duplicate_key(finding: Finding, mappings: Mappings) -> Fix | None:
    """Of equal values one goes; two lists are merged. With other duplicates it is not known which one was meant."""
    document = mappings.document
    key = next((key for key in doubled_keys(document) if key.route == finding.route), None)
    if key is None or run_together(key.holder, key.where) is not None:
        return None
    second, first = entry_at(document, key.route), entry_at(document, key.first)
    if second is None or first is None:
        return None
    first_value, second_value, line = first[1].value, second[1].value, line_of(document, key.first)
    # As text: an edit cannot name a duplicate that does not count.
    if is_empty_value(second_value) or are_written_the_same(document, first_value, second_value):
        name = f"this {quoted(key.name)}"
        return without_entry(document, *second, name, f"it is already in line {line}", is_repeated=True)
    if is_empty_value(first_value):
        name = f"the empty {quoted(key.first_name)} in line {line}"
        return without_entry(document, *first, name, "", is_repeated=True)
    # Two lists in one: only of exact duplicates, since of two spellings, releases use one or the other.
    is_exact = key.name == key.first_name and key.holder.last(key.name) is second[1]
    edits = taken_out(document, key.holder, first[1]) if is_exact else ()
    if not edits or not isinstance(first_value, Sequence) or not isinstance(second_value, Sequence):
        return None
    title = f"move the items of {quoted(key.name)} in line {line} into this list, before its own"
    there, target = construct(second_value, document.source), Route((*key.route.steps[:-1], Key(key.name)))
    values = [value for value in construct(first_value, document.source) if value not in there]
    inserts = (Insert(target / index, value) for index, value in enumerate(values))
    return Fix(title, tuple(inserts), is_safe=False, text_edits=edits)


@_fixes("IAM060")
def _list_as_string(finding: Finding, mappings: Mappings) -> Fix | None:
    """The list that the string contains, if nothing but a list is in it, and no comment."""
    node = node_at(mappings.document, finding.route)
    try:
        inner = Document.parse(node.text, json=False) if isinstance(node, Scalar) else None
    except ParseError:
        return None
    items = inner.data if inner is not None and not inner.comments and inner.next_document is None else None
    kind = str if str(finding.route.plain[-1]).lower() == "mapaccounts" else dict
    if not isinstance(items, list) or not items or not all(isinstance(item, kind) for item in items):
        return None
    return Fix("write the items as a list, not as a string", (Set(finding.route, items),), is_safe=False)


@_fixes("IAM115")
def _split_entry(finding: Finding, mappings: Mappings) -> Fix | None:
    """The keys of the item go to the entry that it continues."""
    split = next((split for split in split_entries(mappings) if split.route == finding.route), None)
    if split is None:
        return None
    keys = [entry.text or "" for entry in split.item.entries]
    moves = (Move(split.route / key, split.owner / key) for key in keys)
    title = f"make it a part of the entry in line {mappings.document.position(split.owner).line or 0}"
    return Fix(title, (*moves, Remove(split.route)), is_safe=False)


@_fixes("IAM116")
def _not_a_mapping(finding: Finding, mappings: Mappings) -> Fix | None:
    """Items that are not entries: an empty one goes, and names go to the empty `groups` of the entry before them."""
    *_, index = finding.route.steps or (None,)
    route = finding.route.parent
    listed = node_at(mappings.document, route)
    if not isinstance(listed, Sequence) or not isinstance(index, int):
        return None
    items, names = [dereference(item) for item in listed.items], []
    if is_empty_value(items[index]):
        return Fix("remove the empty item", (Remove(finding.route),), is_safe=False)
    for item in items[index:]:
        if not isinstance(item, Scalar) or arn_in(item) or is_empty_value(item):
            break
        names.append(item.text)
    owner = items[index - 1] if index else None
    last = owner.entries[-1] if isinstance(owner, Mapping) and owner.entries else None
    if not names or last is None or (last.text or "").lower() != "groups" or not is_empty_value(last.value):
        return None
    removals = tuple(Remove(route / (index + number)) for number in range(len(names)))
    title = f"move {', '.join(map(quoted, names))} to groups of the entry before"
    return Fix(title, (Set(route / (index - 1) / (last.text or ""), names), *removals), is_safe=False)


# Keys that are misspelt or in the wrong place.


@_fixes("IAM057")
def _mistaken_key(finding: Finding, mappings: Mappings) -> Fix | None:
    """The keys that were meant, in their place, unless one of them is set already."""
    document = mappings.document
    groups = (group for group in key_groups(document) if group.first.route == finding.route)
    group = next((group for group in groups if not group.has_no_effect), None)
    if group is None or any(key.existing is not None for key in group.keys):
        return None
    key = group.first
    if key.place is KeyPlace.HERE:
        if not _fits(key) or run_together(key.holder, key.where) is not None:
            return None
        return Fix(f"rename {key.name} to {key.intended}", (Rename(key.route, key.intended),), is_safe=False)
    home = _home(document, group)
    if home is None:
        return None
    moves = tuple(Move(key.route, home / key.intended) for key in group.keys)
    return Fix(f"move {group.names} to {home}{group.renames}", moves, is_safe=False)


def _fits(key: UnreadKey) -> bool:
    """Whether the value can be that of the key that was meant: a name is not an ARN, and a role is not a user."""
    if key.intended not in ("roleARN", "userARN"):
        return True
    other, arn = ("user" if key.intended == "roleARN" else "role"), arn_in(key.node.value)
    return bool(arn) and not (key.name.lower() == f"{other}arn" and f":{other}/" in arn)


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


# Usernames and groups.


def _name(
    corrected: Callable[[WrittenEntry, str, str], str | None], finding: Finding, mappings: Mappings
) -> Fix | None:
    """The username or group that was meant, from its entry, kind and text, if that is known."""
    entry = _entry_of(finding, mappings)
    for kind, text, route in entry.names if entry is not None else ():
        if entry is not None and route == finding.route:
            meant = corrected(entry, kind, text)
            return _written(route, meant) if meant and meant != text else None
    return None


_fixes("IAM064")(partial(_name, lambda _, kind, text: nearest_group(cleaned(text)) if kind == "group" else None))
_fixes("IAM065")(partial(_name, with_template_corrected))
_fixes("IAM078", "IAM122", "IAM124")(partial(_name, lambda _, __, text: cleaned(text)))


@_fixes("IAM114")
def _joined_groups(finding: Finding, mappings: Mappings) -> Fix | None:
    """Each group becomes an item of its own, in the place of the item that contains them."""
    entry, (*_, index) = _entry_of(finding, mappings), finding.route.steps or (None,)
    written = entry.value("groups") if entry is not None else None
    if entry is None or not isinstance(written, list) or not isinstance(index, int):
        return None
    parts = groups_joined(mappings.document, entry.listed.groups[index], finding.route)
    if not parts or not all(isinstance(group, str) for group in written):
        return None
    groups = list(dict.fromkeys((*written[:index], *parts, *written[index + 1 :])))
    title = f"write each group as a separate item: {', '.join(map(shortened, parts))}"
    return Fix(title, (Set(finding.route.parent, groups),), is_safe=False)


@_fixes("IAM061")
def _groups_as_string(finding: Finding, mappings: Mappings) -> Fix | None:
    """A list of the groups; with it most releases do what they did with commas in the string."""
    entry = _entry_of(finding, mappings)
    text = entry.value("groups") if entry is not None else None
    names = groups_in(text) if isinstance(text, str) else None
    if entry is None or not names or finding.route != entry.at("groups"):
        return None
    return Fix(f"write a list: {merged_list(names) or 'its groups'}", (Set(finding.route, names),))


@_fixes("IAM062")
def _not_a_string(finding: Finding, mappings: Mappings) -> Fix | None:
    node = node_at(mappings.document, finding.route)
    if not isinstance(node, Scalar):
        return None
    return Fix(f'put it in quotes: "{shortened(node.text)}"', (Set(finding.route, node.text),))


# Principals.


@_fixes("IAM010", "IAM050", "IAM052", "IAM055")
def _likely_arn(finding: Finding, mappings: Mappings) -> Fix | None:
    """The ARN that was meant, if it is known and not mapped yet. Then it matches callers that it did not match
    before."""
    entry = _entry_of(finding, mappings)
    flaw = entry.flaw if entry is not None and entry.listed.arn else None
    if entry is None or flaw is None or finding.route != entry.at_arn:
        return None
    arn = with_partition_of_others(mappings, entry, flaw) or flaw.likely_arn
    if arn is None or flaw.kind is FlawKind.LETTERS or joining_remedy(mappings, entry, flaw):
        return None
    again = arn_flaw(arn)
    if again is not None and again.kind is not FlawKind.SSO_NAME:
        return None
    more = ", which matches every role of that name in the account" if flaw.kind is FlawKind.PATH else ""
    is_safe = flaw.kind is FlawKind.ASSUMED_ROLE
    return Fix(f"write {shortened(arn)}{more}", (Set(finding.route, arn),), is_safe=is_safe)


@_fixes("IAM053")
def _account(finding: Finding, mappings: Mappings) -> Fix | None:
    """An account with 12 digits that are written with dashes or blanks."""
    text = _scalar_text(finding, mappings)
    bare = re.sub(r"[\s.-]", "", text)
    of_arn = _likely_arn(finding, mappings)
    return _written(finding.route, bare) if of_arn is None and bare != text and is_account(bare) else of_arn


@_fixes("IAM054")
def _lost_zero(finding: Finding, mappings: Mappings) -> Fix | None:
    """The 12 digits in the file, as a string. Where a digit is missing, it may be any."""
    digits = _scalar_text(finding, mappings).replace("_", "")
    return _written(finding.route, digits, f'put the account in quotes: "{digits}"') if is_account(digits) else None


@_fixes("IAM077")
def _sso_partition(finding: Finding, mappings: Mappings) -> Fix | None:
    """Without the partition the entry is for `aws`; one for another partition must be an ARN."""
    entry = _entry_of(finding, mappings)
    role = entry.listed.sso_role if entry is not None else None
    if role is None or (role.partition != "aws" and role.partition in PARTITIONS):
        return None
    return Fix("remove the partition: the entry is then for aws", (Remove(finding.route),), is_safe=False)


# The authenticator's own settings.

_NO_MODES = "remove server.backendMode: the backends are a setting in tarmak-iam.yaml"


@_fixes("IAM075")
def _backend(finding: Finding, mappings: Mappings) -> Fix | None:
    """Modes of the file are ignored, and go; the name of a backend with reserved prefixes is corrected."""
    modes = entries_of(mappings).settings.route("server.backendMode")
    if modes.leads_to(finding.route):
        return Fix(_NO_MODES, (Remove(modes),))
    name = value_at(mappings.document.shared_data, finding.route.plain)
    near = closest(name, BACKEND_NAMES) if isinstance(name, str) else None
    return _written(finding.route, near, f"write {near}") if near else None


def _removed(title: str, finding: Finding, _: Mappings, *, is_safe: bool = False) -> Fix:
    return Fix(title, (Remove(finding.route),), is_safe=is_safe)


_fixes("IAM063")(partial(_removed, "remove clusterID: that of the cluster is added when the manifests are generated"))
_fixes("IAM087")(partial(_removed, "remove server.partition: the manifests set that of the cluster"))
_fixes("IAM088")(partial(_removed, _NO_MODES, is_safe=True))


def _cluster_id(finding: Finding, subjects: Subjects) -> Fix | None:
    """Then the authenticator accepts the tokens of this cluster."""
    if subjects.installation is None:
        return None
    cluster_id = subjects.installation.cluster_id
    title = f"set clusterID: {cluster_id}, so that tokens for this cluster are accepted"
    return _written(finding.route, cluster_id, title)


MAPPING_FIXES["IAM020"] = _cluster_id
