"""Restores comments and layout of a tarmak.yaml that tarmak rewrote: makes only tarmak's changes in the previous text.

Tarmak's commands change the current cluster, and add or remove whole clusters, environments and providers
(SetCurrentCluster, Append..., RemoveEnvironment in pkg/tarmak/config/config.go). They keep the order of the others, and
add at the end. Tarmak writes the keys of each struct in alphabetical order, and cannot read a text without `kind`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.tarmak_output import Path as Steps
from tarmak_iam.config.tarmak_output import differences, dropped_keys, tarmak_json, tarmak_output
from tarmak_iam.document import Document
from tarmak_iam.errors import EditRefused, TarmakIamError
from tarmak_iam.routes import Route
from tarmak_iam.text import one_line

_SETTINGS = ("currentCluster", "contact", "project")
_KINDS = {"clusters": "cluster", "environments": "environment", "providers": "provider"}


@dataclass(frozen=True, slots=True)
class TarmakChange:
    """One change by tarmak: a setting (`what` is "currentCluster", "contact" or "project") with its values; an entry
    ("cluster", "environment", "provider") with its name in `before` or `after`; or a "key" that tarmak does not know,
    so that another process must have added it in the meantime."""

    what: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        before, after = (one_line(text or "") for text in (self.before, self.after))
        if self.what == "key":
            return f"kept {after}, which another process added"
        if self.what in _KINDS.values():
            return f"{self.what} {after} added" if self.before is None else f"{self.what} {before} removed"
        return f"{self.what}: {before or 'none'} -> {after or 'none'}"


# Not slots: `cached_property` needs the instance's dictionary.
@dataclass(frozen=True)
class Reading:
    """A text as Tarmak reads it."""

    config: TarmakConfig

    @cached_property
    def full(self) -> dict[str, Any]:
        """The data that Tarmak would write for it."""
        return tarmak_output(self.config.data)

    @cached_property
    def plain(self) -> dict[str, Any]:
        """Its values without defaults: Tarmak omits empty lists, and a default would take their place."""
        plain: dict[str, Any] = tarmak_json(self.config.data)
        return plain

    def entries(self, key: str) -> list[dict[str, Any]]:
        return self.full.get(key) or []

    def odd(self, expected: Any, *path: str | int) -> str:
        """Where the value at a path differs from what Tarmak would write; empty if it does not."""
        plain: Any = self.plain
        full: Any = self.full
        for step in path:
            plain, full = plain[step], full[step]
        of_plain, of_full = list(differences(expected, plain)), set(differences(expected, full))
        if not of_plain or not of_full:
            return ""
        first = next((place for place in of_plain if place in of_full), of_plain[0])
        return one_line(str(Route.of((*(path[2:] if len(path) > 1 else path), *first))))


@dataclass(frozen=True)
class Difference:
    """`gone` and `come` contain the indices of removed entries in the old text, and of added entries in the new one."""

    old: Reading
    new: Reading
    settings: tuple[str, ...]
    gone: dict[str, list[int]]
    come: dict[str, list[int]]

    @classmethod
    def of(cls, old: Reading, new: Reading) -> Difference:
        """Raises EditRefused for a difference that no tarmak command makes."""
        if at := new.odd(old.full["metadata"], "metadata"):
            raise EditRefused(f"the file was changed at {at}, which no tarmak command does")
        settings = tuple(key for key in _SETTINGS if old.full.get(key) != new.full.get(key))
        gone, come = {}, {}
        for key in _KINDS:
            gone[key], come[key] = _gone_and_come(key, old.entries(key), new)
        return cls(old, new, settings, gone, come)

    @cached_property
    def changes(self) -> tuple[TarmakChange, ...]:
        changes = [TarmakChange(key, self.old.full.get(key), self.new.full.get(key)) for key in self.settings]
        for key, what in _KINDS.items():
            entries = self.old.entries(key)
            changes += [TarmakChange(what, _name(key, entries[index]), None) for index in self.gone[key]]
        for key, what in _KINDS.items():
            entries = self.new.entries(key)
            changes += [TarmakChange(what, None, _name(key, entries[index])) for index in self.come[key]]
        return (*changes, *(TarmakChange("key", None, str(Route.of(path))) for path, _ in self.keys))

    @cached_property
    def keys(self) -> tuple[tuple[Steps, Any], ...]:
        """Keys in the new text that tarmak does not know and that the old text does not contain: path and value. The
        entries of `made` are in the order of the new text, so that a path has the same meaning in both."""
        old = [(_without_indices(path), value) for path, value in dropped_keys(self.old.config.document.data)]
        new = dropped_keys(self.new.config.document.data)
        return tuple((path, value) for path, value in new if (_without_indices(path), value) not in old)

    def made(self) -> tuple[Document, tuple[str, ...]]:
        """The old text with the changes, and the comments that were removed with entries. Raises EditRefused, also if a
        list in the text is not the one that Tarmak reads."""
        document, removed = self.old.config.document, list[str]()
        # Two steps: in each of them, entries that stay are recognised because they are equal.
        for changed, is_addition in ((self.gone, False), (self.come, True)):
            data = document.data
            for key in self.settings if is_addition else ():
                data.pop(key, None)
                if self.new.full.get(key):
                    data[key] = self.new.full[key]
            for key, indices in changed.items():
                entries = data.get(key) or []
                count = len(self.old.entries(key)) - (len(self.gone[key]) if is_addition else 0)
                if indices and (not isinstance(entries, list) or len(entries) != count):
                    place = self.old.config.document.position((key,))
                    raise EditRefused(f"{key} is set twice", remedy="merge it into one list", place=place)
                if indices and is_addition:
                    data[key] = entries + [self.new.config.document.data[key][index] for index in indices]
                elif indices:
                    data[key] = [entry for index, entry in enumerate(entries) if index not in indices]
            after = document.update(data)
            if after is not document:
                removed += [comment.text for comment in after.removed_comments]
            document = after
        for path, value in self.keys:
            document = document.set(path, value)
        return document, tuple(removed)


def _without_indices(path: Steps) -> Steps:
    return tuple(step for step in path if not isinstance(step, int))


def _gone_and_come(key: str, old: Sequence[Any], new: Reading) -> tuple[list[int], list[int]]:
    """The indices of the removed and of the added entries. Tarmak keeps the order, and adds only entries with a new
    name: raises EditRefused for others."""
    count, at, gone = len(new.entries(key)), 0, []
    for index, entry in enumerate(old):
        if at < count and not new.odd(entry, key, at):
            at += 1
        else:
            gone.append(index)
    lost = {_identity(key, old[index]): old[index] for index in gone}
    staying = {_identity(key, entry) for entry in old} - lost.keys()
    for number in range(at, count):
        entry = new.entries(key)[number]
        identity, what = _identity(key, entry), f"{_KINDS[key]} {one_line(_name(key, entry))}"
        if not all(identity):
            raise EditRefused(f"a new {_KINDS[key]} has no name")
        if identity in staying:
            raise EditRefused(f"{what} is defined twice")
        if identity in lost:
            changed = new.odd(lost[identity], key, number)
            how = f"was changed at {changed}" if changed else "was moved"
            raise EditRefused(f"{what} {how}, which no tarmak command does")
    return gone, list(range(at, count))


def _identity(key: str, entry: Any) -> tuple[str, ...]:
    name = entry["metadata"].get("name", "")
    return (entry.get("environment", ""), name) if key == "clusters" else (name,)


def _name(key: str, entry: Any) -> str:
    return "-".join(_identity(key, entry))


def is_cut_off(old: Reading, new: Reading, text: bytes) -> bool:
    """Whether `text`, whose reading is `new`, is the beginning of what tarmak would write after changing `old`: it ends
    within a line, or lacks providers, which are written last. No command removes a provider."""
    data = new.config.document.data
    if list(data) != sorted(data):
        return False  # tarmak sorts the keys
    before, names = ([entry["metadata"].get("name", "") for entry in read.entries("providers")] for read in (old, new))
    if not all(names) or (len(names) < len(before) and names == before[: len(names)]):
        return True
    try:
        come = Difference.of(old, new).come["environments"]
    except EditRefused:  # a difference that no command makes is a manual edit
        return False
    environments = new.entries("environments")
    return not text.endswith(b"\n") or any(environments[index].get("provider", "") not in names for index in come)


_EMPTY = "it is empty"
"""If tarmak was killed between opening the file and writing it."""

RestoreOutcome = Literal["unchanged", "restored", "not restored", "put back", "broken"]


@dataclass(frozen=True, slots=True)
class Restored:
    """The text that the file should contain, and why.

    - "unchanged": tarmak wrote nothing; or the file did not exist, and tarmak created it.
    - "restored": the old text with the `changes` that tarmak made. It has the same meaning as tarmak's text.
    - "not restored": the text that tarmak wrote, for a `reason`; the old text is in the file `copy`.
    - "put back": the old text without changes, because tarmak left a broken file; that is in `copy` unless it was
      empty.
    - "broken": the old text, because tarmak left a broken one; if that could not be replaced, or is a link, the old
      text is in `copy`.
    """

    outcome: RestoreOutcome
    data: bytes = field(default=b"", repr=False)
    changes: tuple[TarmakChange, ...] = ()
    removed_comments: tuple[str, ...] = ()
    """The comments of entries that tarmak removed."""
    reason: str = ""
    path: Path = Path("tarmak.yaml")
    copy: Path | None = None

    @property
    def severity(self) -> Literal["note", "warning", "error"]:
        """An error means that the change that tarmak should make is not in the file."""
        if self.outcome in ("put back", "broken"):
            return "error"
        return "warning" if self.outcome == "not restored" else "note"

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines for a command line: none if nothing changed, else one line, and one for each removed comment."""
        saved = f"; the previous text is in {self.copy}" if self.copy else ""
        theirs = f"; the broken text is in {self.copy}" if self.copy else ""
        changes = ", ".join(map(str, self.changes)) or "tarmak changed no value"
        what = {
            "restored": f"restored comments and layout of {self.path.name}; {changes}",
            "not restored": f"comments and layout could not be restored: {self.reason}{saved}",
            "put back": f"tarmak left a broken file: {self.reason}; restored the previous text{theirs}",
            "broken": f"tarmak left a broken file: {self.reason}{saved}",
        }.get(self.outcome)
        gone = (f"{self.path}: note: removed with its entry: {one_line(text)}" for text in self.removed_comments)
        return (f"{self.path}: {self.severity}: {what}", *gone) if what else ()


def restore(before: bytes, after: bytes, *, finished: bool = True, filename: str = "tarmak.yaml") -> Restored:
    """`before` is the text before the command, `after` the text after it. `finished`: whether tarmak succeeded.

    The result has the same meaning as tarmak's text, when Tarmak decodes it, adds defaults, and writes it again.
    Creation times that Tarmak set only because they were missing are not kept: nothing reads them. A text is broken if
    Tarmak cannot read it, or if tarmak failed and the text is cut off. What tarmak cannot have written is kept.
    """
    if before == after:
        return Restored("unchanged", before)
    try:
        new = Reading(TarmakConfig.parse(after, filename))
    except TarmakIamError as error:
        return Restored("broken", before, reason=_reason(error) if after else _EMPTY)
    try:
        old = Reading(TarmakConfig.parse(before, filename))
    except TarmakIamError as error:
        return Restored("not restored", after, reason=f"tarmak cannot read the previous text: {_reason(error)}")
    has_comments = bool(new.config.document.comments)
    if not finished and not has_comments and is_cut_off(old, new, after):
        return Restored("broken", before, reason="its end is missing")
    try:
        restored = _restored(old, new, before)
    except TarmakIamError as error:
        restored = Restored("not restored", after, reason=_reason(error))
    if has_comments and not (restored.outcome == "restored" and restored.data == after):
        return Restored("not restored", after, reason="the file has comments, which tarmak does not write")
    return restored


def why_unreadable(text: bytes, filename: str = "tarmak.yaml") -> str:
    """Why Tarmak cannot read a text; empty if it can."""
    try:
        TarmakConfig.parse(text, filename)
    except TarmakIamError as error:
        return _reason(error) if text else _EMPTY
    return ""


def _restored(old: Reading, new: Reading, before: bytes) -> Restored:
    """Raises TarmakIamError."""
    difference = Difference.of(old, new)
    if not difference.changes:
        return Restored("restored", before)
    document, removed = difference.made()
    data = document.to_bytes()
    result = Reading(TarmakConfig.parse(data, document.filename))
    try:
        is_same = not Difference.of(result, new).changes
    except EditRefused:
        is_same = False
    if not is_same:
        raise EditRefused("the text with these changes would have another meaning")
    return Restored("restored", data, difference.changes, removed)


def _reason(error: TarmakIamError) -> str:
    """Without a remedy, because the user did not write the text that tarmak left."""
    line = error.place.line if error.place else None
    return one_line(error.what) + (f" (line {line})" if line and "(line " not in error.what else "")
