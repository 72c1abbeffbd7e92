"""Adds or updates cluster, context and user in existing kubeconfigs: text to text, all other bytes unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from tarmak_iam.document import Append, Document, Edit, Set
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import EditRefused, PolicyRefused
from tarmak_iam.kubeconfig.file import LISTS, KubeconfigFile
from tarmak_iam.kubeconfig.ownership import claim, fixed_user
from tarmak_iam.text import quoted

EntryChange = Literal["added", "updated", "replaced", "unchanged"]


class MergedEntry(NamedTuple):
    """The cluster, context or user, or an older user of the cluster that was fixed. `file` is the index of its file.
    `replaced`: the entry before was not managed by tarmak-iam."""

    kind: str
    name: str
    file: int
    change: EntryChange
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


class _Step(NamedTuple):
    entry: MergedEntry
    edit: Edit | None
    against: str | None = None


def merge_kubeconfig(
    files: Sequence[KubeconfigFile], wanted: dict[str, Any], *, default: int = 0, force: bool = False, use: bool = False
) -> Merge:
    """Adds missing entries to the file of index `default`, and updates existing ones in their own file.

    `files` are in kubectl's order: of entries with the same name, kubectl uses the one in the first file. `wanted` is
    the result of `client_kubeconfig`. current-context is set with `use`; also without it, if no file has a current
    context and the default file has no contexts.

    Raises PolicyRefused for an entry of the same name that is not managed by tarmak-iam, unless `force` replaces it,
    and EditRefused for what cannot be edited. No file is changed then.
    """
    steps = _steps(files, wanted, default)
    if not force:
        _refuse_unmanaged(files, steps)
    context = wanted["current-context"]
    effective = next((file.current_context for file in files if file.current_context), "")
    is_first = not effective and not any(stanza.list_key == "contexts" for stanza in files[default].stanzas)
    uses = default if (use or is_first) and effective != context else None
    after = tuple(_edited(files, index, steps, uses, wanted) for index in range(len(files)))
    _prove(after, wanted, default)
    return Merge(tuple(files), after, tuple(step.entry for step in steps), uses)


def _steps(files: Sequence[KubeconfigFile], wanted: dict[str, Any], default: int) -> list[_Step]:
    """Our entries; then updates of older users of the cluster, such as those in Tarmak's documentation, where kubectl
    finds them."""
    steps, seen = [_step(files, key, wanted[key][0], default) for key in LISTS], {wanted["users"][0]["name"]}
    for index, file in enumerate(files):
        for stanza in file.stanzas:
            if stanza.list_key != "users" or stanza.name in seen:
                continue
            seen.add(stanza.name)
            value = fixed_user(stanza.name, stanza.value, wanted["users"][0]["user"], wanted["clusters"][0]["name"])
            if value != stanza.value:
                steps.append(_Step(MergedEntry("user", stanza.name, index, "updated"), Set(stanza.path, value)))
    return steps


def _step(files: Sequence[KubeconfigFile], key: str, item: dict[str, Any], default: int) -> _Step:
    kind, name = LISTS[key], item["name"]
    for index, file in enumerate(files):
        stanza = file.stanza(key, name)
        if stanza is not None:
            claimed = claim(kind, stanza.value, item[kind])
            if claimed.value == stanza.value:
                return _Step(MergedEntry(kind, name, index, "unchanged", claimed.kept_role), None)
            change: EntryChange = "replaced" if claimed.against else "updated"
            entry = MergedEntry(kind, name, index, change, claimed.kept_role)
            return _Step(entry, Set(stanza.path, claimed.value), claimed.against)
    return _Step(MergedEntry(kind, name, default, "added"), Append((key,), item))


def _refuse_unmanaged(files: Sequence[KubeconfigFile], steps: Sequence[_Step]) -> None:
    unmanaged = [(step.entry, step.against) for step in steps if step.against]
    if unmanaged:
        name = "the {0.kind} {1} is not managed by tarmak-iam: {2}"
        reasons = "; ".join(name.format(entry, quoted(entry.name), against) for entry, against in unmanaged)
        first, file = unmanaged[0][0], files[unmanaged[0][0].file]
        stanza = file.stanza(f"{first.kind}s", first.name)
        what = f"{reasons}; nothing was written"
        remedy = "specify another file, rename the entry, or replace it with --force"
        raise PolicyRefused(what, remedy=remedy, place=file.place(stanza) if stanza else None)


def _edited(
    files: Sequence[KubeconfigFile], index: int, steps: Sequence[_Step], uses: int | None, wanted: dict[str, Any]
) -> Document:
    file = files[index]
    edits = [step.edit for step in steps if step.entry.file == index and step.edit is not None]
    if file.is_new:
        return Document.parse(yaml_bytes(wanted), file.document.filename) if edits else file.document
    if edits and file.document.data is None:
        edits = [Set(("apiVersion",), wanted["apiVersion"]), Set(("kind",), wanted["kind"]), *edits]
    if uses == index:
        edits.append(Set(("current-context",), wanted["current-context"]))
    try:
        return file.document.edit(*edits) if edits else file.document
    except EditRefused as refusal:
        # Quotes no text of the file; at the entry that cannot be edited, such as one whose anchor is used elsewhere.
        what = "this cannot be changed without changing another part of the kubeconfig"
        remedy, place = "edit it by hand, or remove the anchors and aliases", refusal.place
        for edit in edits:
            try:
                file.document.edit(edit)
            except EditRefused:
                what, place = f"{what}; nothing was written", file.document.position(edit.path)
                break
        raise EditRefused(what, remedy=remedy, place=place) from None


def _prove(after: Sequence[Document], wanted: dict[str, Any], default: int) -> None:
    """Reads the results again: no change may be left to make. Each document proves that the rest is unchanged."""
    for step in _steps([KubeconfigFile.of(document) for document in after], wanted, default):
        if step.edit is not None:
            what = f"the edit of the {step.entry.kind} {quoted(step.entry.name)} has another result than intended"
            raise EditRefused(f"{what}; nothing was written", remedy="fix the entry by hand")
