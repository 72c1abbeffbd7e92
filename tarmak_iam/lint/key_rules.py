"""Rules about keys that the authenticator does not read, and how to fix them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Alias, Mapping, Node, Scalar, Sequence, dereference, walk
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.lint.authenticator_keys import ENTRY_LISTS, IDENTITIES, LISTS, arn_in, is_empty_value
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.lint.foreign_files import import_remedy, is_foreign, section_format
from tarmak_iam.lint.messages import EXITS, IMPORT
from tarmak_iam.lint.rule import MAPPINGS, Rule
from tarmak_iam.lint.unread_keys import KeyPlace, UnreadKey, inner_keys, unread_keys
from tarmak_iam.lint.written_lists import group_names, merged_list
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.text import quoted


class KeyGroup(NamedTuple):
    """Adjacent unread keys of one mapping that belong in the same other place."""

    keys: tuple[UnreadKey, ...]

    @property
    def first(self) -> UnreadKey:
        return self.keys[0]

    @property
    def names(self) -> str:
        *others, last = [quoted(key.name) for key in self.keys]
        return f"{', '.join(others)} and {last}" if others else last

    @property
    def has_identity(self) -> bool:
        """Whether one of them names the principal of an entry."""
        return any(key.intended in (*IDENTITIES, "permissionSetName", "accountID") for key in self.keys)

    @property
    def hides_principals(self) -> bool:
        """Whether one of them is a list of entries or accounts, or `server`, which contains the lists."""
        return any(key.intended in (*LISTS, "server") and not is_empty_value(key.node.value) for key in self.keys)

    @property
    def renames(self) -> str:
        """The end of a remedy: which names are wrong in addition to the place."""
        wrong = [key for key in self.keys if key.name.lower() != key.intended.lower()]
        return "".join(f", and rename {quoted(key.name)} to {key.intended}" for key in wrong)


def remedy_of(document: Document, group: KeyGroup) -> str:
    key, name = group.first, quoted(group.first.name)
    if not key.where and (form := section_format(document, key.name)):
        file = shlex.quote(document.filename)
        return f"import its entries: {IMPORT} --from {form} - < {file}; then remove {name}"
    if key.existing is not None:
        return _merge(document, key)
    if key.place is KeyPlace.HERE:
        return _same_place(key)
    if inner_keys(key):
        return f"move the keys below {name} up one level, and remove {name}"
    if key.place is KeyPlace.NOWHERE:
        below = dereference(key.node.value)
        names = {(entry.text or "").lower() for entry in below.entries} if isinstance(below, Mapping) else set()
        beside = {(entry.text or "").lower() for entry in key.holder.entries}
        if not key.where and "server" not in beside and names & {"server", *(each.lower() for each in LISTS)}:
            wraps_server = f"move the keys below {name} up one level, and remove {name}"
            return wraps_server if "server" in names else "did you mean server?"
        return "move its entries to server.mapRoles or server.mapUsers, or prefix its name with x- if it is a note"
    remedy = f"move {group.names} to the entry in line {document.position(key.owner or key.route).line}"
    if key.place is not KeyPlace.ENTRY:
        remedy = f"move {group.names} to {'the top level' if key.place is KeyPlace.TOP else key.place.value}"
    elif key.where == "sso":
        remedy = f"move {group.names} out of sso, into its entry"
    elif group.has_identity:
        identity = next((each for each in group.keys if each.intended in IDENTITIES), key)
        listed = "mapUsers" if identity.intended == "userARN" else "mapRoles"
        remedy = f"make {group.names} an entry of {listed}, with a dash before the first key"
    return f"{remedy}{group.renames}"


def ignored_remedy(key: UnreadKey) -> str:
    """The remedy for a key that changes nothing by being ignored."""
    if key.place is KeyPlace.ENTRY and key.where != "sso":
        return "move it to the entry that it belongs to, or remove it"
    return f"{key.intended} is already set: remove this key" if key.existing else "remove it, or make it a comment"


def _same_place(key: UnreadKey) -> str:
    kind, arn = key.intended.removesuffix("ARN"), arn_in(key.node.value)
    other = {"role": "user", "user": "role"}.get(kind, "")
    if other and key.name.lower() == f"{other}arn" and f":{other}/" in arn:
        return f"move the entry to {'mapUsers' if key.where == 'mapRoles' else 'mapRoles'}"
    if key.intended in ("roleARN", "userARN") and not arn:
        if not isinstance(dereference(key.node.value), Scalar):
            return f"write a separate entry for each ARN, with {key.intended}, username and groups"
        return f"replace {quoted(key.name)} with {key.intended} and the ARN of the {kind}"
    return f"did you mean {key.intended}?"


def _merge(document: Document, key: UnreadKey) -> str:
    """The remedy that merges a key into the correct one, which the mapping already has."""
    assert key.existing is not None
    there = document.node(key.existing)
    line = document.position(key.existing, at_key=True).line
    if key.intended == "groups" and there is not None:
        listed = merged_list(group_names(there), group_names(key.node.value))
        if listed:
            return f"write groups: {listed} in line {line}, and remove {quoted(key.name)}"
    if key.intended in IDENTITIES:
        return "make it a separate entry, with its username and groups, or remove it"
    what = "its entries" if key.intended in ENTRY_LISTS else "its content"
    return f"move {what} to the end of {key.intended} in line {line}, and remove {quoted(key.name)}"


_GROUPED = (KeyPlace.SERVER, KeyPlace.ENTRY, KeyPlace.SSO)

_ENTRY_TEXT = re.compile(r"^[ \t]*(?:-[ \t]+)?(?:role|user)arn[ \t]*:", re.IGNORECASE | re.MULTILINE)
"""An entry in a string of an aws-auth ConfigMap."""


def _mistaken_key(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    if is_foreign(document):
        what = "this is the file of another tool: the authenticator ignores all of it, and no principal has access"
        root, remedy = document.root, import_remedy(document)
        names = [entry.text for entry in root.entries if entry.text] if isinstance(root, Mapping) else []
        first = ("kind",) if "kind" in names else tuple(names[:1])
        found = rule.finding(Subject.MAPPINGS, first, what, remedy, at=At.KEY, locks_out=True)
        yield replace(found, hides_entries=True)
        return
    for group in _groups(document):
        if not _is_without_effect(document, group):
            route, then, remedy = group.first.route, _consequence(mappings, group), remedy_of(document, group)
            found = rule.finding(Subject.MAPPINGS, route, then.what, remedy, at=At.KEY, locks_out=then.locks_out)
            yield replace(found, hides_entries=then.hides_entries)


def _unknown_key(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    for group in () if is_foreign(document) else _groups(document):
        if _is_without_effect(document, group):
            for key in group.keys:
                what = f"the authenticator does not know the key {quoted(key.name)} {_place(key)}, and ignores it"
                remedy = ignored_remedy(key)
                if _is_anchor(document, key.node.value):
                    remedy = f"prefix its name with x-: x-{key.name}"
                yield rule.finding(Subject.MAPPINGS, key.route, what, remedy, at=At.KEY)


def mistaken_groups(document: Document) -> Iterator[KeyGroup]:
    """The groups of keys that IAM057 is about, if the file is one of the authenticator."""
    for group in () if is_foreign(document) else _groups(document):
        if not _is_without_effect(document, group):
            yield group


def _groups(document: Document) -> Iterator[KeyGroup]:
    """Adjacent keys that belong in the same other place are one mistake."""
    pending: list[UnreadKey] = []
    for key in unread_keys(document):
        before = pending[-1] if pending else key
        is_alike = before.holder is key.holder and before.place is key.place and key.place in _GROUPED
        entries = key.holder.entries
        if pending and not (
            is_alike
            and entries.index(key.node) == entries.index(before.node) + 1
            and (before.existing is None) == (key.existing is None)
        ):
            yield KeyGroup(tuple(pending))
            pending = []
        pending.append(key)
    if pending:
        yield KeyGroup(tuple(pending))


def _is_without_effect(document: Document, group: KeyGroup) -> bool:
    """Whether ignoring the keys changes nothing: an unknown setting, or one that is already set."""
    key = group.first
    value = key.node.value
    if _is_anchor(document, value):
        return True
    if key.place is KeyPlace.NOWHERE:
        return not _holds_entries(value) and not inner_keys(key)
    if key.existing is None:
        return key.place is KeyPlace.ENTRY and key.owner is None and not group.has_identity
    if key.place is KeyPlace.ENTRY and key.where != "sso":  # which entry it belongs to is not known
        return not group.has_identity
    if is_empty_value(value):
        return True
    there = document.node(key.existing)
    if key.intended in IDENTITIES and there is not None:
        return not arn_in(value) or arn_in(value) == arn_in(there)
    return key.intended not in (*LISTS, "server", "groups")


def _is_anchor(document: Document, value: Node) -> bool:
    """Whether an alias elsewhere refers to something in it."""
    inside = {id(each): each for each in walk(value)}
    if document.root is None or not any(each.anchor for each in inside.values()):
        return False
    aliases = (each for each in walk(document.root) if isinstance(each, Alias))
    return any(id(each) not in inside and id(each.target) in inside for each in aliases)


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


class _Consequence(NamedTuple):
    """`hides_entries` as in a Finding."""

    what: str
    locks_out: bool = True
    hides_entries: bool = True


def _consequence(mappings: Mappings, group: KeyGroup) -> _Consequence:
    """The effect of the mistake; the worst where there are several."""
    key = group.first
    entry = None if key.owner is None else entries_of(mappings).by_steps.get(key.owner.plain)
    texts = (getattr(node, "text", "") for each in group.keys for node in walk(each.node.value))
    holds_admins = any(ADMINS in text for text in texts)
    ignored = f"the authenticator ignores {group.names} {_place(key)}"
    if key.existing is None and entry is not None and not entry.listed.principal and group.has_identity:
        has_no = f"the entry has no {'sso' if key.place is KeyPlace.SSO else key.intended}"
        return _Consequence(f"{EXITS}: {has_no}, and {ignored}")
    if key.where == "sso" and key.existing is None and key.intended in ("permissionSetName", "accountID"):
        return _Consequence(f"{EXITS}: {ignored}")
    if inner := inner_keys(key):
        if entry is not None and not entry.listed.principal:
            return _Consequence(f"{EXITS}: {ignored}")
        return _Consequence(f"{ignored}, and {' and '.join(inner)} below it", holds_admins, False)
    if key.place is KeyPlace.NOWHERE or group.hides_principals or _holds_entries(key.node.value):
        if key.where in ENTRY_LISTS and key.place is KeyPlace.SERVER:
            return _Consequence(f"{EXITS}: {ignored}")
        return _Consequence(f"{ignored}, and the principals mapped there have no access")
    if entry is not None and key.existing is None and key.place in (KeyPlace.HERE, KeyPlace.ENTRY):
        lost = [each.intended for each in group.keys if each.intended in ("username", "groups")]
        what = f"{ignored}, so {entry.name} has no {' and no '.join(lost)}" if lost else ignored
        return _Consequence(what, holds_admins or entry.is_admin, False)
    return _Consequence(ignored, False, False)


def _place(key: UnreadKey) -> str:
    return f"in {key.where}" if key.where else "at the top level"


KEY_RULES = (
    MAPPINGS.error(
        "IAM057",
        "misplaced-mapping-key",
        "a key of the mappings file that is misspelt or in the wrong place",
        _mistaken_key,
    ),
    MAPPINGS.warning("IAM058", "unknown-mapping-key", "a key that the authenticator does not know", _unknown_key),
)
