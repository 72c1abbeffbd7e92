"""Fixes of keys in the mappings file that are misspelt or in the wrong place."""

from __future__ import annotations

from tarmak_iam.document import Document, Edit, Move, Rename
from tarmak_iam.document.nodes import Mapping
from tarmak_iam.findings import Finding
from tarmak_iam.lint.authenticator_keys import arn_in
from tarmak_iam.lint.fix import Fix
from tarmak_iam.lint.key_rules import KeyGroup, mistaken_groups
from tarmak_iam.lint.rule import FixMaker, Subjects
from tarmak_iam.lint.unread_keys import KeyPlace, UnreadKey, run_together
from tarmak_iam.routes import Route


def _mistaken_key(finding: Finding, subjects: Subjects) -> Fix | None:
    """The keys that were meant, in their place, unless one of them is set already."""
    document = subjects.mappings.document if subjects.mappings is not None else None
    found = (each for each in mistaken_groups(document) if each.first.route == finding.route) if document else iter(())
    group = next(found, None)
    if document is None or group is None or any(each.existing is not None for each in group.keys):
        return None
    if group.first.place is KeyPlace.HERE:
        return _renamed(group.first)
    home = _home(document, group)
    if home is None:
        return None
    edits: tuple[Edit, ...] = tuple(Move(each.route, home / each.intended) for each in group.keys)
    return Fix(f"move {group.names} to {home}{group.renames}", edits, is_safe=False)


def _renamed(key: UnreadKey) -> Fix | None:
    """Not if the value cannot be that of the key that was meant: a name is not an ARN."""
    if key.intended in ("roleARN", "userARN") and not _fits_list(key):
        return None
    if run_together(key.holder, key.where) is not None:
        return None
    edit = Rename(key.route, key.intended)
    return Fix(f"rename {key.name} to {key.intended}", (edit,), is_safe=False)


def _fits_list(key: UnreadKey) -> bool:
    """Whether the value is the ARN of a role or user, as the list requires."""
    kind = key.intended.removesuffix("ARN")
    other = "user" if kind == "role" else "role"
    arn = arn_in(key.node.value)
    return bool(arn) and not (key.name.lower() == f"{other}arn" and f":{other}/" in arn)


def _home(document: Document, group: KeyGroup) -> Route | None:
    """The mapping that the keys belong in; None where that is not certain."""
    key = group.first
    if key.place is KeyPlace.SERVER:
        return _server(document)
    if key.place is KeyPlace.TOP:
        return Route()
    if key.place is KeyPlace.ENTRY and not group.has_identity:
        return key.owner
    if key.place is KeyPlace.SSO and not any(arn_in(each.value) for each in key.holder.entries):
        return key.route.parent / "sso"
    return None


def _server(document: Document) -> Route:
    """As it is spelled in the file."""
    entries = document.root.entries if isinstance(document.root, Mapping) else ()
    names = (each.text for each in entries if each.text and each.text.lower() == "server")
    return Route.of((next(names, "server"),))


KEY_FIXES: dict[str, FixMaker] = {"IAM057": _mistaken_key}
