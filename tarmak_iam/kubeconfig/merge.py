"""Existing kubeconfigs: entries added or updated with all other bytes unchanged; a diff without secrets."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tarmak_iam.document import Append, Document, Edit, Set
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError, EditRefused, Place, PolicyRefused, unquoted
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.kubeconfig.connection import has_credentials
from tarmak_iam.kubeconfig.exec_plugin import WORDS
from tarmak_iam.kubeconfig.ownership import OTHER_CREDENTIALS, OTHER_TRUST, ROLE, claim, fixed_user
from tarmak_iam.text import quoted

LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
"""The lists of a kubeconfig, and for each the key of an item's content."""


@dataclass(frozen=True, slots=True)
class Stanza:
    """A named item of one of the lists; `value` is its content, {} where it is missing."""

    list_key: str
    index: int
    name: str
    value: dict[Any, Any]

    @property
    def path(self) -> tuple[str | int, ...]:
        return self.list_key, self.index, LISTS[self.list_key]


class KubeconfigFile(NamedTuple):
    """Only the first document of a file, as in kubectl."""

    document: Document
    stanzas: tuple[Stanza, ...]
    current_context: str
    is_new: bool = False
    """Whether the file does not exist yet."""

    @classmethod
    def parse(cls, data: bytes | str, filename: str) -> KubeconfigFile:
        """Raises ParseError, which does not quote the text, and ConfigError for what kubectl could not read."""
        with unquoted():
            return cls.of(Document.parse(data, filename))

    @classmethod
    def new(cls, filename: str) -> KubeconfigFile:
        return cls(Document.parse("", filename), (), "", True)

    @classmethod
    def of(cls, document: Document) -> KubeconfigFile:
        """Raises ConfigError for what kubectl could not read."""
        data = document.data
        if data is None:
            return cls(document, (), "")
        if not isinstance(data, dict):
            raise _unreadable("it is not a YAML mapping", document.position(()))
        for key, expected in (("kind", "Config"), ("apiVersion", "v1")):
            if data.get(key) not in (None, "", expected):
                raise _unreadable(f"its {key} is not {expected}", document.position((key,)))
        current = data.get("current-context")
        if not isinstance(current, str | None):
            raise _unreadable("current-context is not a string", document.position(("current-context",)))
        stanzas = tuple(stanza for key in LISTS for stanza in _stanzas(document, key, data.get(key)))
        return cls(document, stanzas, current or "")

    def stanza(self, list_key: str, name: str) -> Stanza | None:
        return next((item for item in self.stanzas if (item.list_key, item.name) == (list_key, name)), None)

    def place(self, stanza: Stanza) -> Place:
        return self.document.position((stanza.list_key, stanza.index))


def _stanzas(document: Document, key: str, items: Any) -> list[Stanza]:
    if not isinstance(items, list | None):
        raise _unreadable(f"{key} is not a list", document.position((key,)))
    kind, stanzas = LISTS[key], dict[str, Stanza]()
    for index, item in enumerate(items or ()):
        place = document.position((key, index))
        if not isinstance(item, dict | None):
            raise _unreadable(f"an item of {key} is not a YAML mapping", place)
        name, value = (item or {}).get("name"), (item or {}).get(kind)
        if not isinstance(name, str | None):
            raise _unreadable(f"a name in {key} is not a string", document.position((key, index, "name")))
        if not isinstance(value, dict | None):
            raise _unreadable(f"the {kind} is not a YAML mapping", document.position((key, index, kind)))
        if (name or "") in stanzas:
            raise _unreadable(f"duplicate {kind} {quoted(name or '')}", place)
        stanzas[name or ""] = Stanza(key, index, name or "", value or {})
    return list(stanzas.values())


def _unreadable(what: str, place: Place) -> ConfigError:
    return ConfigError(f"kubectl cannot read this kubeconfig: {what}", remedy="fix it first", place=place)


def kubectl_files(environment: Mapping[str, str]) -> list[Path]:
    """The files in KUBECONFIG, else ~/.kube/config. Raises ConfigError for a list without a name, as kubectl."""
    listed = environment.get("KUBECONFIG", "")
    if not listed:
        return [Path.home() / ".kube" / "config"]
    names = list(dict.fromkeys(name for name in listed.split(os.pathsep) if name))
    if not names:
        raise ConfigError("KUBECONFIG contains no file name", remedy="unset it, or specify the file: --merge FILE")
    return [Path(name) for name in names]


def default_file(exists: list[bool]) -> int:
    """The index of the file for new entries: the first that exists, else the last (client-go's PathOptions)."""
    return exists.index(True) if any(exists) else len(exists) - 1


EntryChange = Literal["added", "updated", "replaced", "unchanged"]


class MergedEntry(NamedTuple):
    """The cluster, context or user, or an older user of the cluster that was fixed. `file` is the index of its file.
    `replaced`: the entry before was not managed by tarmak-iam, and `against` says why."""

    kind: str
    name: str
    file: int
    change: EntryChange
    edit: Edit | None = None
    against: str | None = None
    kept_role: str | None = None
    """The role that an existing user keeps, where none was requested."""


class Merge(NamedTuple):
    """`after` contains the documents of `before` in the same order; an unchanged one is the same object."""

    before: tuple[KubeconfigFile, ...]
    after: tuple[Document, ...]
    entries: tuple[MergedEntry, ...]
    uses: int | None
    """Index of the file whose current-context was set, None for no file."""

    def is_changed(self, file: int) -> bool:
        return self.after[file] is not self.before[file].document


def merge_kubeconfig(
    files: Sequence[KubeconfigFile], wanted: dict[str, Any], *, default: int = 0, force: bool = False, use: bool = False
) -> Merge:
    """Adds missing entries to the file of index `default`, and updates existing ones in their own file. `files` are in
    kubectl's order: of entries with the same name, it uses the first. `wanted` is the result of `client_kubeconfig`.
    current-context is set with `use`, and if no file has one and the default file has no contexts.

    Raises PolicyRefused for an entry of the same name that is not managed by tarmak-iam, unless `force` replaces it,
    and EditRefused for what cannot be edited. No file is changed then."""
    entries = _entries(files, wanted, default)
    unmanaged = [entry for entry in entries if entry.against]
    if unmanaged and not force:
        texts = [f"the {_named(entry)} is not managed by tarmak-iam: {entry.against}" for entry in unmanaged]
        file, first = files[unmanaged[0].file], unmanaged[0]
        stanza = file.stanza(f"{first.kind}s", first.name)
        remedy = "specify another file, rename the entry, or replace it with --force"
        place = file.place(stanza) if stanza else None
        raise PolicyRefused(f"{'; '.join(texts)}; nothing was written", remedy=remedy, place=place)
    context = wanted["current-context"]
    effective = next((file.current_context for file in files if file.current_context), "")
    is_first = not effective and not any(stanza.list_key == "contexts" for stanza in files[default].stanzas)
    uses = default if (use or is_first) and effective != context else None
    after = tuple(_edited(files, index, entries, uses, wanted) for index in range(len(files)))
    # The results are read again: no change may be left to make. Each document proves that the rest is unchanged.
    for entry in _entries([KubeconfigFile.of(document) for document in after], wanted, default):
        if entry.edit is not None:
            what = f"the edit of the {_named(entry)} has another result than intended; nothing was written"
            raise EditRefused(what, remedy="fix the entry by hand")
    return Merge(tuple(files), after, entries, uses)


def _named(entry: MergedEntry) -> str:
    return f"{entry.kind} {quoted(entry.name)}"


def _entries(files: Sequence[KubeconfigFile], wanted: dict[str, Any], default: int) -> tuple[MergedEntry, ...]:
    """Ours; then updates of older users of the cluster, such as those in Tarmak's documentation."""
    entries, user = [_entry(files, key, wanted[key][0], default) for key in LISTS], wanted["users"][0]
    seen = {user["name"]}
    for index, file in enumerate(files):
        for stanza in file.stanzas:
            if stanza.list_key == "users" and stanza.name not in seen:
                seen.add(stanza.name)
                value = fixed_user(stanza.name, stanza.value, user["user"], wanted["clusters"][0]["name"])
                if value != stanza.value:
                    entries.append(MergedEntry("user", stanza.name, index, "updated", Set(stanza.path, value)))
    return tuple(entries)


def _entry(files: Sequence[KubeconfigFile], key: str, item: dict[str, Any], default: int) -> MergedEntry:
    kind, name = LISTS[key], item["name"]
    for index, file in enumerate(files):
        stanza = file.stanza(key, name)
        if stanza is not None:
            value, against, kept_role = claim(kind, stanza.value, item[kind])
            if value == stanza.value:
                return MergedEntry(kind, name, index, "unchanged", kept_role=kept_role)
            change: EntryChange = "replaced" if against else "updated"
            return MergedEntry(kind, name, index, change, Set(stanza.path, value), against, kept_role)
    return MergedEntry(kind, name, default, "added", Append((key,), item))


def _edited(
    files: Sequence[KubeconfigFile],
    index: int,
    entries: Sequence[MergedEntry],
    uses: int | None,
    wanted: dict[str, Any],
) -> Document:
    file = files[index]
    edits = [entry.edit for entry in entries if entry.file == index and entry.edit is not None]
    if file.is_new:
        return Document.parse(yaml_bytes(wanted), file.document.filename) if edits else file.document
    if edits and file.document.data is None:
        edits = [Set(("apiVersion",), wanted["apiVersion"]), Set(("kind",), wanted["kind"]), *edits]
    if uses == index:
        edits.append(Set(("current-context",), wanted["current-context"]))
    try:
        return file.document.edit(*edits) if edits else file.document
    except EditRefused as refusal:
        what = "this cannot be changed without changing another part of the kubeconfig; nothing was written"
        remedy = "edit it by hand, or remove the anchors and aliases"
        raise EditRefused(what, remedy=remedy, place=refusal.place) from None  # quotes no text of the file


_HIDDEN = "REDACTED"
_PLUGIN = ("users", "user", "exec")
_ENV = (*_PLUGIN, "env")

# `kubectl config` lists these values too, or they are the same on every computer.
_SHOWN_PATHS = frozenset(
    {
        ("apiVersion",),
        ("kind",),
        ("current-context",),
        *((key, "name") for key in LISTS),
        *(("contexts", "context", key) for key in ("cluster", "user", "namespace")),
        *((*_PLUGIN, key) for key in ("apiVersion", "command", "interactiveMode", "provideClusterInfo", "installHint")),
        (*_ENV, "name"),
    }
)
# client-go's Config v1, with _SHOWN_PATHS. Any other key may be a credential in the wrong place.
_FIELDS = {
    *LISTS, *LISTS.values(), *(path[-1] for path in _SHOWN_PATHS), *OTHER_CREDENTIALS, *OTHER_TRUST, "preferences",
    "extensions", "extension", "server", "tls-server-name", "certificate-authority-data", "proxy-url",
    "disable-compression", "as", "as-uid", "as-groups", "as-user-extra", "exec", "config", "args", "env", "value",
}  # fmt: skip


def redacted_diff(before: Document | None, after: Document, wanted: dict[str, Any]) -> str:
    """The unified diff of the values of two states of a kubeconfig, written as YAML. Only the values in `wanted`, our
    entries, and those that are known to be harmless are shown: others, and unknown keys, may be credentials."""
    return unified_diff(_shown(before, wanted) if before else "", _shown(after, wanted), after.filename)


def _shown(document: Document, wanted: dict[str, Any]) -> str:
    ours = {
        (key, item["name"]): frozenset(text for text in _texts(item) if not has_credentials(text))
        for key in LISTS
        for item in wanted[key]
    }
    return "" if document.data is None else yaml_bytes(_redacted(document.data, (), ours, frozenset())).decode()


def _redacted(
    value: Any, path: tuple[str, ...], ours: dict[tuple[str, str], frozenset[str]], harmless: Collection[str]
) -> Any:
    """`harmless` are the texts that may be shown inside one of our entries."""
    if isinstance(value, list):
        return [_redacted(item, path, ours, harmless) for item in value]
    if isinstance(value, dict):
        if len(path) == 1:
            harmless = ours.get((path[0], str(value.get("name"))), frozenset())
        if path == _ENV and value.get("name") in ("AWS_PROFILE", "AWS_REGION"):
            harmless = {str(value.get("value"))}
        return {
            key if key in _FIELDS else _HIDDEN: _redacted(content, (*path, str(key)), ours, harmless)
            for key, content in value.items()
        }
    is_argument = path == (*_PLUGIN, "args") and (value in WORDS or ROLE.match(str(value)))
    may_be_ours = path[:2] == ("clusters", "cluster") or path[:3] == _PLUGIN
    is_shown = value in (None, "") or is_argument or path in _SHOWN_PATHS or (may_be_ours and str(value) in harmless)
    return value if is_shown else _HIDDEN


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)
    else:
        yield str(value)
