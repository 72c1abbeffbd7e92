"""Rules about keys that the authenticator does not read: misspelt, in the wrong place, of another tool, or unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Alias, Mapping, Node, Scalar, Sequence, walk
from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.lint.entries import Entry, entries_of
from tarmak_iam.lint.foreign_files import import_remedy, is_foreign
from tarmak_iam.lint.key_names import IDENTITIES, LISTS, arn_in, is_empty
from tarmak_iam.lint.key_remedies import KeyGroup, ignored_remedy, remedy_of
from tarmak_iam.lint.keys import Belongs, UnreadKey, inner_keys, unread_keys
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.wording import for_admins, way_in
from tarmak_iam.text import quoted

__all__ = ["KEY_RULES"]

_GROUPED = (Belongs.SERVER, Belongs.ENTRY, Belongs.SSO)
_ENTRY_TEXT = re.compile(r"^[ \t]*(?:-[ \t]+)?(?:role|user)arn[ \t]*:", re.IGNORECASE | re.MULTILINE)
"""In a text of an aws-auth ConfigMap."""
_EXITS = "from v0.5.0 on the daemon exits at its start, and nobody gets access"
"""What an entry without a principal comes to (startup.json of the recordings); v0.4.0 logs and skips it."""


def _mistaken_key(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    if is_foreign(document):
        what = "this is the file of another tool: the authenticator reads nothing of it, and nobody gets access"
        what = f"{what}; {way_in()}"
        yield rule.finding(Subject.MAPPINGS, _first_key(document), what, import_remedy(document), at=At.KEY)
        return
    for group in _groups(document):
        if not _is_without_effect(document, group):
            key = group.first
            yield rule.finding(
                Subject.MAPPINGS, key.route, _consequence(mappings, group), remedy_of(document, group), at=At.KEY
            )


def _unknown_key(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    for group in () if is_foreign(document) else _groups(document):
        if _is_without_effect(document, group):
            for key in group.keys:
                what = f"the authenticator has no setting {quoted(key.name)} {_place(key)}, and ignores it"
                remedy = _rename_remedy(document, key) or ignored_remedy(key)
                yield rule.finding(Subject.MAPPINGS, key.route, what, remedy, at=At.KEY)


def _first_key(document: Document) -> tuple[str, ...]:
    root = document.root
    names = [entry.text for entry in root.entries if entry.text] if isinstance(root, Mapping) else []
    return ("kind",) if "kind" in names else tuple(names[:1])


def _groups(document: Document) -> Iterator[KeyGroup]:
    """Keys that stand together, and belong to one other place, are one mistake."""
    pending: list[UnreadKey] = []
    for key in unread_keys(document):
        if pending and not _continues(pending[-1], key):
            yield KeyGroup(tuple(pending))
            pending = []
        pending.append(key)
    if pending:
        yield KeyGroup(tuple(pending))


def _continues(before: UnreadKey, key: UnreadKey) -> bool:
    if before.holder is not key.holder or before.belongs is not key.belongs or key.belongs not in _GROUPED:
        return False
    entries = key.holder.entries
    is_next = entries.index(key.node) == entries.index(before.node) + 1
    return is_next and (before.there is None) == (key.there is None)


def _is_without_effect(document: Document, group: KeyGroup) -> bool:
    """Whether nobody misses what the keys say: an unknown setting, or one that is there already."""
    key = group.first
    value = key.node.value
    if _is_anchor(document, value):
        return True
    if key.belongs is Belongs.NOWHERE:
        return not _holds_entries(value) and not inner_keys(key)
    if key.there is None:
        return key.belongs is Belongs.ENTRY and key.owner is None and not group.has_identity
    if key.belongs is Belongs.ENTRY and key.where != "sso":  # whose it is, is not known
        return not group.has_identity
    if is_empty(value):
        return True
    there = document.node(key.there)
    if key.meant in IDENTITIES and there is not None:
        return not arn_in(value) or arn_in(value) == arn_in(there)
    return key.meant not in (*LISTS, "server", "groups")


def _is_anchor(document: Document, value: Node) -> bool:
    """Whether an alias elsewhere stands for something in it."""
    inside = {id(each): each for each in walk(value)}
    if document.root is None or not any(each.anchor for each in inside.values()):
        return False
    aliases = (each for each in walk(document.root) if isinstance(each, Alias))
    return any(id(each) not in inside and id(each.target) in inside for each in aliases)


def _holds_entries(value: Node) -> bool:
    """Whether principals are listed in it, each in a mapping of its own or alone."""
    for node in walk(value):
        if isinstance(node, Mapping) and any(arn_in(entry.value) for entry in node.entries):
            return True
        if isinstance(node, Sequence) and any(arn_in(item) for item in node.items):
            return True
        if isinstance(node, Scalar) and _ENTRY_TEXT.search(node.text):
            return True
    return False


def _rename_remedy(document: Document, key: UnreadKey) -> str:
    return f"begin its name with x-: x-{key.name}" if _is_anchor(document, key.node.value) else ""


def _consequence(mappings: Mappings, group: KeyGroup) -> str:
    """What the mistake comes to, what is worst first."""
    key, entry = group.first, _owner(mappings, group.first)
    ignored = f"the authenticator ignores {group.names} {_place(key)}"
    if key.there is None and entry is not None and not entry.listed.principal and group.has_identity:
        has_no = f"the entry has no {'sso' if key.belongs is Belongs.SSO else key.meant}"
        return f"{_EXITS}: {has_no}, and {ignored}; {way_in()}"
    if key.where == "sso" and key.there is None and key.meant in ("permissionSetName", "accountID"):
        return f"{_EXITS}: {ignored}; {way_in()}"
    if inner := inner_keys(key):
        is_lost = entry is not None and not entry.listed.principal
        what = f"{_EXITS}: {ignored}" if is_lost else f"{ignored}, with {' and '.join(inner)} below it"
        return f"{what}; {way_in()}" if is_lost or _holds_admins(group) else what
    if key.belongs is Belongs.NOWHERE or group.hides_people or _holds_entries(key.node.value):
        if key.where in ("mapRoles", "mapUsers") and key.belongs is Belongs.SERVER:
            return f"{_EXITS}: {ignored}; {way_in()}"
        return f"{ignored}, and nobody mapped there gets access; {way_in()}"
    if entry is not None and key.there is None and key.belongs in (Belongs.HERE, Belongs.ENTRY):
        lost = [each.meant for each in group.keys if each.meant in ("username", "groups")]
        what = f"{ignored}, so {entry.name} has no {' and no '.join(lost)}" if lost else ignored
        return f"{what}; {way_in()}" if _holds_admins(group) else for_admins(entry, what)
    return ignored


def _holds_admins(group: KeyGroup) -> bool:
    texts = (getattr(node, "text", "") for key in group.keys for node in walk(key.node.value))
    return any("system:masters" in text for text in texts)


def _owner(mappings: Mappings, key: UnreadKey) -> Entry | None:
    return None if key.owner is None else _mapped(mappings).get(key.owner.plain)


@lru_cache(maxsize=4)
def _mapped(mappings: Mappings) -> dict[tuple[str | int, ...], Entry]:
    """Each entry by the way to it."""
    return {each.listed.route.plain: each for each in entries_of(mappings).mapped}


def _place(key: UnreadKey) -> str:
    return f"in {key.where}" if key.where else "at the top level"


KEY_RULES = (
    Rule(
        "IAM057",
        Severity.ERROR,
        Scope.MAPPINGS,
        "a key of the mappings that is misspelt or in the wrong place",
        _mistaken_key,
    ),
    Rule("IAM058", Severity.WARNING, Scope.MAPPINGS, "a key that the authenticator does not know", _unknown_key),
)
