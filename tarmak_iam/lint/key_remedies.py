"""What to do about keys that the authenticator does not read, so that those who are mapped by them get access."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from tarmak_iam.document import Document
from tarmak_iam.document.layout import Layout, column, dash_of
from tarmak_iam.document.nodes import Entry, Mapping, Scalar, Sequence, dereference
from tarmak_iam.document.render import flow_text
from tarmak_iam.lint.doubled_remedies import group_names, merged_list
from tarmak_iam.lint.foreign_files import section_format
from tarmak_iam.lint.key_names import IDENTITIES, LISTS, arn_in, is_empty
from tarmak_iam.lint.keys import Belongs, UnreadKey, inner_keys
from tarmak_iam.lint.layout import column_of, is_first_on_line, last_line, lines_text
from tarmak_iam.lint.wording import IMPORT
from tarmak_iam.text import quoted, shortened

__all__ = ["KeyGroup", "ignored_remedy", "remedy_of"]

_EITHER = "move its entries to mapRoles or mapUsers in server, or begin its name with x- if it is a note"
_STEP = 2
"""Blanks of one level where nothing in the file says how many."""


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Unread keys that stand together in one mapping, and belong to one other place."""

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
        """Whether one of them says who an entry is about."""
        return any(key.meant in (*IDENTITIES, "permissionSetName", "accountID") for key in self.keys)

    @property
    def hides_people(self) -> bool:
        """Whether one of them is a list of entries or accounts, or what has the lists."""
        return any(key.meant in (*LISTS, "server") and not is_empty(key.node.value) for key in self.keys)

    @property
    def renames(self) -> str:
        """What of the names is wrong besides the place."""
        wrong = [key for key in self.keys if key.name.lower() != key.meant.lower()]
        return "".join(f", and write {key.meant} instead of {quoted(key.name)}" for key in wrong)


def remedy_of(document: Document, group: KeyGroup) -> str:
    key = group.first
    if not key.where and (form := section_format(document, key.name)):
        return _section_remedy(document, key, form)
    if key.belongs is Belongs.HERE:
        return _same_place(document, key)
    if key.there is not None:
        return _merge(document, key)
    if inner_keys(key):
        return f"move the keys below {quoted(key.name)} to its own level, and remove it"
    if key.belongs is Belongs.NOWHERE:
        return _unwrapped(document, key) or _EITHER
    return f"{_elsewhere(document, group)}{group.renames}"


def _elsewhere(document: Document, group: KeyGroup) -> str:
    if group.first.belongs is Belongs.SERVER:
        return _below_server(document, group)
    if group.first.belongs is Belongs.ENTRY:
        return _in_entry(document, group)
    if group.first.belongs is Belongs.SSO:
        return _in_sso(document, group)
    return _to_the_top(document, group)


def _to_the_top(document: Document, group: KeyGroup) -> str:
    key, root = group.first, document.root
    if key.where == "server" and not key.holder.flow and isinstance(root, Mapping):
        top = document.place(root.entries[0].key).line
        return f"move {_lines(document, group)} above line {top}, without the blanks before {quoted(key.name)}"
    return "move it to the top level"


def _unwrapped(document: Document, key: UnreadKey) -> str:
    """For a key around the configuration; empty for others."""
    value = dereference(key.node.value)
    if key.where or key.holder.flow or _server(document) or not isinstance(value, Mapping) or value.flow:
        return ""
    names = {(entry.text or "").lower() for entry in value.entries}
    texts = [quoted(each.text) for each in value.entries if getattr(dereference(each.value), "is_block", False)]
    if names & {each.lower() for each in LISTS}:
        if texts:
            return f"write server instead of {quoted(key.name)}, and remove the | behind {' and '.join(texts)}"
        return "did you mean server?"
    if "server" not in names:
        return ""
    blanks = column_of(document, value.entries[0].key)
    first, line = document.place(value.entries[0].key).line or 1, document.place(key.node.key).line
    lines = lines_text(first, last_line(document, key.node))
    return f"remove line {line} ({quoted(f'{key.name}:')}), and indent {lines} by {blanks} blanks less"


def ignored_remedy(key: UnreadKey) -> str:
    """For what nobody misses."""
    if key.belongs is Belongs.ENTRY and key.where != "sso":
        return "move it to the entry that it belongs to, or remove it"
    return f"{key.meant} is there already: remove this one" if key.there else "remove it, or make it a comment"


def _section_remedy(document: Document, key: UnreadKey, form: str) -> str:
    file = shlex.quote(document.filename)
    return f"import its entries: {IMPORT} --from {form} - < {file}; then remove {quoted(key.name)}"


def _same_place(document: Document, key: UnreadKey) -> str:
    if key.there is not None:
        return _merge(document, key)
    if _is_of_other_list(key):
        return f"move the entry to {'mapUsers' if key.where == 'mapRoles' else 'mapRoles'}"
    if key.meant in ("roleARN", "userARN") and not arn_in(key.node.value):
        kind = key.meant.removesuffix("ARN")
        if not isinstance(dereference(key.node.value), Scalar):
            return f"write an entry of its own for each ARN, with {key.meant}, username and groups"
        return f"write {key.meant} with the ARN of the {kind} instead of {quoted(key.name)}"
    return f"did you mean {key.meant}?"


def _is_of_other_list(key: UnreadKey) -> bool:
    """Whether key and ARN agree, and the list is the wrong one."""
    kind = key.meant.removesuffix("ARN")
    other = {"role": "user", "user": "role"}.get(kind, "")
    return bool(other) and key.name.lower() == f"{other}arn" and f":{other}/" in arn_in(key.node.value)


def _merge(document: Document, key: UnreadKey) -> str:
    """Into the same key, which is there already."""
    assert key.there is not None
    there = document.node(key.there)
    line = document.position(key.there, at_key=True).line
    if key.meant == "groups" and there is not None:
        listed = merged_list(group_names(there), group_names(key.node.value))
        if listed:
            return f"write groups: {listed} in line {line}, and remove {quoted(key.name)}"
    if key.meant in IDENTITIES:
        return "make it an entry of its own, with its username and groups, or remove it"
    what = "its entries" if key.meant in LISTS[:2] else "what is below it"
    return f"move {what} to the end of {key.meant} in line {line}, and remove {quoted(key.name)}"


def _lines(document: Document, group: KeyGroup) -> str:
    first = document.place(group.first.node.key).line or 1
    return lines_text(first, last_line(document, group.keys[-1].node))


def _below_server(document: Document, group: KeyGroup) -> str:
    key = group.first
    server = _server(document)
    if key.holder.flow:
        return f"move {group.names} to server"
    if key.where:
        return _out_of_list(document, group, server)
    if server is None:
        first = document.place(key.node.key).line
        return f"add the line 'server:' above line {first}, and indent {_lines(document, group)} by {_STEP} blanks"
    line, value = document.place(server.key).line, dereference(server.value)
    is_written = isinstance(value, Mapping) and bool(value.entries)
    step = _STEP
    if isinstance(value, Mapping) and is_written:
        if value.flow:
            return f"move {group.names} to server in line {line}"
        step = column_of(document, value.entries[0].key) - column_of(document, server.key)
    entries = key.holder.entries
    is_next = entries.index(key.node) == entries.index(server) + 1
    where = "" if is_next else f"move it below server in line {line}: "
    emptied = "" if is_written or value.start == value.end else f"write {quoted('server:')} as line {line}, and "
    return f"{where}{emptied}indent {_lines(document, group)} by {step} blanks"


def _out_of_list(document: Document, group: KeyGroup, server: Entry | None) -> str:
    """A list below another one."""
    key, inside = group.first, dereference(server.value) if server else None
    if isinstance(inside, Mapping) and inside.entries and is_first_on_line(document, key.node.key):
        blanks = column_of(document, key.node.key) - column_of(document, inside.entries[0].key)
        if blanks > 0 and not inside.flow:
            return f"indent {_lines(document, group)} by {blanks} blanks less"
    return f"move {group.names} to server"


def _server(document: Document) -> Entry | None:
    entries = document.root.entries if isinstance(document.root, Mapping) else ()
    return next((each for each in entries if (each.text or "").lower() == "server"), None)


def _in_entry(document: Document, group: KeyGroup) -> str:
    key = group.first
    if key.where == "sso":
        owner = document.node(key.owner) if key.owner else None
        own = column_of(document, key.node.key)
        wanted = column_of(document, owner.entries[0].key) if isinstance(owner, Mapping) else own
        if key.holder.flow or not is_first_on_line(document, key.node.key) or wanted >= own:
            return f"move {group.names} out of sso, into its entry"
        return f"move {group.names} out of sso: indent {_lines(document, group)} by {own - wanted} blanks less"
    if group.has_identity:
        return _as_new_entry(document, group)
    owner = document.node(key.owner) if key.owner else None
    if not isinstance(owner, Mapping) or owner.flow or key.holder.flow:
        return f"move {group.names} to the entry in line {document.position(key.owner).line}" if key.owner else ""
    step = column_of(document, owner.entries[0].key) - column_of(document, key.node.key)
    line = document.place(owner.entries[0].key).line
    return f"indent {_lines(document, group)} by {step} blanks: probably they are of the entry in line {line}"


def _as_new_entry(document: Document, group: KeyGroup) -> str:
    """Keys of an entry that stand beside the lists."""
    identity = next((key for key in group.keys if key.meant in IDENTITIES), group.first)
    listed = "mapUsers" if identity.meant == "userARN" else "mapRoles"
    first, entries = group.first, group.first.holder.entries
    above = entries[entries.index(first.node) - 1] if entries.index(first.node) else None
    if first.holder.flow or above is None or (above.text or "").lower() not in ("maproles", "mapusers"):
        return f"make an item of {listed} of {_lines(document, group)}, with a dash before its first key"
    own, value = column_of(document, first.node.key), dereference(above.value)
    dash = own
    if isinstance(value, Sequence) and not value.flow:
        dash = column(document.source, dash_of(document.source, value))
    begins = f"begin line {document.place(first.node.key).line} with {quoted(' ' * dash + f'- {first.name}:')}"
    if len(group.keys) == 1:
        return begins
    rest = KeyGroup(group.keys[1:])
    return f"{begins}, and indent {_lines(document, rest)} by {dash + 2 - own} blanks"


def _in_sso(document: Document, group: KeyGroup) -> str:
    key = group.first
    sso = next((each for each in key.holder.entries if (each.text or "").lower() == "sso"), None)
    if sso is not None and not key.holder.flow:
        is_next = key.holder.entries.index(key.node) == key.holder.entries.index(sso) + 1
        where = "" if is_next else f"move them below sso in line {document.place(sso.key).line}: "
        return f"{where}indent {_lines(document, group)} by {_STEP} blanks"
    values = {}
    for each in group.keys:
        value = dereference(each.node.value)
        if not isinstance(value, Scalar):
            return f"move {group.names} below sso"
        values[each.meant] = value.text
    return f"write sso: {shortened(flow_text(values, Layout()), 160)} instead of {group.names}"
