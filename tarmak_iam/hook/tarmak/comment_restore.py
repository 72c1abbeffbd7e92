"""Restores comments and layout of a tarmak.yaml that tarmak rewrote: makes only tarmak's changes in the previous text.

Tarmak's commands change the current cluster, and add or remove whole clusters, environments and providers
(SetCurrentCluster, Append..., RemoveEnvironment in pkg/tarmak/config/config.go). They keep the order of the other
entries, and add at the end.

Tarmak writes the keys of a file, and of each struct, in alphabetical order, and cannot read a text without `kind`. So a
text that was cut off lacks the end of the metadata, the project or the providers, and there a command can only add a
provider.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from enum import Enum
from functools import cached_property
from typing import Any, Literal

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.tarmak_output import NOW, Path, differences, dropped_keys, tarmak_json, tarmak_output
from tarmak_iam.document import Document
from tarmak_iam.document.plain_values import same
from tarmak_iam.errors import EditRefused, TarmakIamError
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Route
from tarmak_iam.text import one_line

_SETTINGS = {"currentCluster": "currentCluster", "contact": "contact", "project": "project"}

_KINDS = {"clusters": "cluster", "environments": "environment", "providers": "provider"}


class NotExplainedError(Exception):
    """A difference that no tarmak command makes."""


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

    @classmethod
    def of(cls, text: bytes, filename: str) -> Reading:
        """Raises TarmakIamError exactly where Tarmak cannot read the text."""
        return cls(TarmakConfig.parse(text, filename))

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
        plain, full = (list(differences(expected, _at(form, path))) for form in (self.plain, self.full))
        if not plain or not full:
            return ""
        steps = path[2:] if len(path) > 1 else path
        known = set(full)
        both = [each for each in plain if each in known] or plain
        return one_line(str(Route.of((*steps, *both[0]))))


def _at(data: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        data = data[step]
    return data


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
        """Raises NotExplainedError."""
        if at := new.odd(old.full["metadata"], "metadata"):
            raise NotExplainedError(f"the file was changed at {at}, which no tarmak command does")
        settings = tuple(key for key in _SETTINGS if old.full.get(key) != new.full.get(key))
        gone, come = {}, {}
        for key in _KINDS:
            gone[key], come[key] = _gone_and_come(old.entries(key), new, key)
            _check_come(key, old.entries(key), gone[key], new, come[key])
        return cls(old, new, settings, gone, come)

    @cached_property
    def changes(self) -> tuple[TarmakChange, ...]:
        return (*self._changed_settings(), *self._changed_entries(), *self._new_keys())

    @cached_property
    def keys(self) -> tuple[tuple[Path, Any], ...]:
        """Keys in the new text that tarmak does not know and that the old text does not contain: path and value. The
        entries of `made` are in the order of the new text, so that a path has the same meaning in both."""
        old = [(_without_indices(path), value) for path, value in dropped_keys(self.old.config.document.data)]
        new = dropped_keys(self.new.config.document.data)
        return tuple((path, value) for path, value in new if (_without_indices(path), value) not in old)

    def _changed_settings(self) -> Iterator[TarmakChange]:
        for key in self.settings:
            yield TarmakChange(_SETTINGS[key], self.old.full.get(key), self.new.full.get(key))

    def _changed_entries(self) -> Iterator[TarmakChange]:
        for key, what in _KINDS.items():
            for index in self.gone[key]:
                yield TarmakChange(what, _name(key, self.old.entries(key)[index]), None)
        for key, what in _KINDS.items():
            for index in self.come[key]:
                yield TarmakChange(what, None, _name(key, self.new.entries(key)[index]))

    def _new_keys(self) -> Iterator[TarmakChange]:
        for path, _ in self.keys:
            yield TarmakChange("key", None, str(Route.of(path)))

    def made(self) -> tuple[Document, tuple[str, ...]]:
        """The old text with the changes, and the comments that were removed with entries. Raises EditRefused."""
        document, removed = self.old.config.document, list[str]()
        # Two steps: in each of them, entries that stay are recognised because they are equal.
        for step in (self._without, self._with):
            changed = document.update(step(document.data))
            if changed is not document:
                removed += [comment.text for comment in changed.removed_comments]
            document = changed
        for path, value in self.keys:
            document = document.set(path, value)
        return document, tuple(removed)

    def _without(self, data: Any) -> Any:
        for key, indices in self.gone.items():
            if indices:
                entries, gone = self._entries(data, key, len(self.old.entries(key))), set(indices)
                data[key] = [entry for index, entry in enumerate(entries) if index not in gone]
        return data

    def _with(self, data: Any) -> Any:
        theirs = self.new.config.document.data
        for key in self.settings:
            data.pop(key, None)
            if self.new.full.get(key):
                data[key] = self.new.full[key]
        for key, indices in self.come.items():
            if indices:
                there = len(self.old.entries(key)) - len(self.gone[key])
                data[key] = self._entries(data, key, there) + [theirs[key][index] for index in indices]
        return data

    def _entries(self, data: Any, key: str, count: int) -> list[Any]:
        """Raises EditRefused if the list in the text is not the one that Tarmak reads."""
        entries = data.get(key) or []
        if not isinstance(entries, list) or len(entries) != count:
            place = self.old.config.document.position((key,))
            raise EditRefused(f"{key} is set twice", remedy="merge it into one list", place=place)
        return entries


def _without_indices(path: Path) -> Path:
    return tuple(step for step in path if not isinstance(step, int))


def _gone_and_come(expected: Sequence[Any], new: Reading, key: str) -> tuple[list[int], list[int]]:
    found, at, gone = len(new.entries(key)), 0, []
    for index, entry in enumerate(expected):
        if at < found and not new.odd(entry, key, at):
            at += 1
        else:
            gone.append(index)
    return gone, list(range(at, found))


def _check_come(key: str, old: Sequence[Any], gone: Sequence[int], new: Reading, come: Sequence[int]) -> None:
    """Tarmak adds only entries with a new name. Raises NotExplainedError."""
    lost = {_identity(key, old[index]): old[index] for index in gone}
    staying = {_identity(key, entry) for entry in old} - lost.keys()
    for number in come:
        entry = new.entries(key)[number]
        identity, what = _identity(key, entry), f"{_KINDS[key]} {one_line(_name(key, entry))}"
        if not all(identity):
            raise NotExplainedError(f"a new {_KINDS[key]} has no name")
        if identity in staying:
            raise NotExplainedError(f"{what} is defined twice")
        if identity in lost:
            at = new.odd(lost[identity], key, number)
            how = f"was changed at {at}" if at else "was moved"
            raise NotExplainedError(f"{what} {how}, which no tarmak command does")


def _identity(key: str, entry: Any) -> tuple[str, ...]:
    name = entry["metadata"].get("name", "")
    return (entry.get("environment", ""), name) if key == "clusters" else (name,)


def _name(key: str, entry: Any) -> str:
    return "-".join(_identity(key, entry))


class _Extent(Enum):
    WHOLE, BEGINNING, OTHER = range(3)


def is_cut_off(old: Reading, new: Reading, text: bytes) -> bool:
    """Whether `text`, whose reading is `new`, is the beginning of what tarmak would write after changing `old`."""
    data = new.config.document.data
    if list(data) != sorted(data):
        return False  # tarmak sorts the keys
    wanted, found = ({key: each[key] for key in sorted(each) if key > "kind"} for each in (old.full, data))
    added = _added(wanted, found)
    extent = _extent({**wanted, **({"providers": [*wanted.get("providers", []), *added]} if added else {})}, found)
    if extent is not _Extent.WHOLE:
        return extent is _Extent.BEGINNING or found.get("providers", ()) is None
    if added and not _name_in(added[-1]):
        return True
    try:
        difference = Difference.of(old, new)
    except NotExplainedError:  # a difference that no command makes is a manual edit
        return False
    return not text.endswith(b"\n") or _lacks_provider(difference)


def _lacks_provider(difference: Difference) -> bool:
    """Whether a new environment names a provider that does not exist: providers are written last."""
    environments, providers = (difference.new.entries(key) for key in ("environments", "providers"))
    names = [_name_in(each) for each in providers]
    return any(environments[index].get("provider", "") not in names for index in difference.come["environments"])


def _added(wanted: dict[str, Any], found: dict[str, Any]) -> list[Any]:
    providers = found.get("providers")
    return providers[len(wanted.get("providers", [])) :] if isinstance(providers, list) else []


def _extent(wanted: Any, found: Any) -> _Extent:
    """How much of a value exists, in the order in which tarmak writes it."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        keys = sorted(wanted)
        if list(found) != keys[: len(found)]:
            return _Extent.OTHER
        return _extent_of_all([wanted[key] for key in keys], list(found.values()))
    if isinstance(wanted, list) and isinstance(found, list):
        return _extent_of_all(wanted, found)
    if same(wanted, found) or (wanted == NOW and isinstance(found, str)):
        return _Extent.WHOLE
    is_begun = found is None or (isinstance(wanted, str) and isinstance(found, str) and wanted.startswith(found))
    return _Extent.BEGINNING if is_begun else _Extent.OTHER


def _extent_of_all(wanted: list[Any], found: list[Any]) -> _Extent:
    """All but the last existing value must be whole."""
    extents = [_extent(*pair) for pair in zip(wanted, found, strict=False)]
    if len(found) > len(wanted) or any(each is not _Extent.WHOLE for each in extents[:-1]):
        return _Extent.OTHER
    if extents and extents[-1] is not _Extent.WHOLE:
        return extents[-1]
    return _Extent.WHOLE if len(found) == len(wanted) else _Extent.BEGINNING


def _name_in(entry: Any) -> Any:
    metadata = entry.get("metadata") if isinstance(entry, dict) else None
    return metadata.get("name", "") if isinstance(metadata, dict) else ""


_EMPTY = "it is empty"
"""If tarmak was killed between opening the file and writing it."""

RestoreOutcome = Literal["unchanged", "restored", "not restored", "broken"]


@dataclass(frozen=True, slots=True)
class Restored:
    """The data that the file should contain, and why.

    - "unchanged": tarmak wrote nothing.
    - "restored": the old text with the changes that tarmak made. It has the same meaning as tarmak's text.
    - "not restored": the current text; `reason` says why the old text cannot replace it.
    - "broken": the old text, because tarmak left a broken one; `reason` says what is wrong with that.
    """

    outcome: RestoreOutcome
    data: bytes = field(repr=False)
    changes: tuple[TarmakChange, ...] = ()
    removed_comments: tuple[str, ...] = ()
    """The comments of entries that tarmak removed."""
    reason: str = ""


def restore(before: bytes, after: bytes, *, finished: bool = True, filename: str = "tarmak.yaml") -> Restored:
    """`before` is the text before the command, `after` the text after it. `finished`: whether tarmak succeeded.

    The result has the same meaning as tarmak's text, when Tarmak decodes it, adds defaults, and writes it again.
    Creation times that Tarmak set only because they were missing are not kept: nothing reads them, and the next rewrite
    sets them again. A text is broken if Tarmak cannot read it, or if tarmak failed and the text is cut off: tarmak does
    not write atomically. What tarmak cannot have written comes from another process, and is kept.
    """
    if before == after:
        return Restored("unchanged", before)
    try:
        new = Reading.of(after, filename)
    except TarmakIamError as error:
        return Restored("broken", before, reason=_reason(error) if after else _EMPTY)
    try:
        old = Reading.of(before, filename)
    except TarmakIamError as error:
        return Restored("not restored", after, reason=f"tarmak cannot read the previous text: {_reason(error)}")
    if not finished and not new.config.document.comments and is_cut_off(old, new, after):
        return Restored("broken", before, reason="its end is missing")
    found = _explained(old, new, before, after)
    if new.config.document.comments and not (found.outcome == "restored" and found.data == after):
        return Restored("not restored", after, reason="the file has comments, which tarmak does not write")
    return found


def why_unreadable(text: bytes, filename: str = "tarmak.yaml") -> str:
    """Why Tarmak cannot read a text; empty if it can."""
    try:
        Reading.of(text, filename)
    except TarmakIamError as error:
        return _reason(error) if text else _EMPTY
    return ""


def _explained(old: Reading, new: Reading, before: bytes, after: bytes) -> Restored:
    try:
        return _restored(old, new, before)
    except NotExplainedError as error:
        return Restored("not restored", after, reason=str(error))
    except TarmakIamError as error:
        return Restored("not restored", after, reason=_reason(error))


def _restored(old: Reading, new: Reading, before: bytes) -> Restored:
    """Raises NotExplainedError and TarmakIamError."""
    difference = Difference.of(old, new)
    if not difference.changes:
        return Restored("restored", before)
    document, removed = difference.made()
    data = document.to_bytes()
    if not _means_the_same(Reading.of(data, document.filename), new):
        raise EditRefused("the text with these changes would have another meaning")
    return Restored("restored", data, difference.changes, removed)


def _means_the_same(one: Reading, other: Reading) -> bool:
    try:
        return not Difference.of(one, other).changes
    except NotExplainedError:
        return False


def _reason(error: TarmakIamError) -> str:
    """Without a remedy, because the user did not write the text that tarmak left."""
    line = error.place.line if error.place else None
    return one_line(error.what) + (f" (line {line})" if line and "(line " not in error.what else "")
