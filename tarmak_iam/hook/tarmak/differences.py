"""What a command of tarmak changed between two texts of tarmak.yaml, apart from what every rewrite does.

Tarmak's commands change the current cluster, and add or remove whole clusters, environments and providers
(SetCurrentCluster, Append..., RemoveEnvironment in pkg/tarmak/config/config.go). They keep the order of what
stays, and add at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.rewrite import Path, differences, rewritten, unknown_keys, written
from tarmak_iam.document import Document
from tarmak_iam.errors import EditRefused
from tarmak_iam.routes import Route
from tarmak_iam.text import one_line

__all__ = ["Change", "Difference", "NotExplainedError", "Reading"]

_SETTINGS = {"currentCluster": "current cluster", "contact": "contact", "project": "project"}
_KINDS = {"clusters": "cluster", "environments": "environment", "providers": "provider"}


class NotExplainedError(Exception):
    """A difference that no command of tarmak makes."""


@dataclass(frozen=True, slots=True)
class Change:
    """What tarmak changed: a setting (`what` is "current cluster", "contact" or "project") with its values, or an
    entry ("cluster", "environment", "provider") with its name, where it was or where it is now; or a "key" that tarmak
    does not know, so that somebody else has added it meanwhile."""

    what: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        before, after = (one_line(text or "") for text in (self.before, self.after))
        if self.what == "key":
            return f"kept {after}, which somebody else has written"
        if self.what in _KINDS.values():
            return f"{self.what} {after} added" if self.before is None else f"{self.what} {before} removed"
        return f"{self.what}: {before or 'none'} -> {after or 'none'}"


# Not slots: `cached_property` needs the instance's dictionary.
@dataclass(frozen=True)
class Reading:
    """A text as Tarmak takes it."""

    config: TarmakConfig

    @classmethod
    def of(cls, text: bytes, filename: str) -> Reading:
        """Raises TarmakIamError exactly where Tarmak cannot read the text."""
        return cls(TarmakConfig.parse(text, filename))

    @cached_property
    def full(self) -> dict[str, Any]:
        """What Tarmak writes for it."""
        return rewritten(self.config.data)

    @cached_property
    def plain(self) -> dict[str, Any]:
        """What it says itself: where Tarmak left an empty list out, a default would come in."""
        plain: dict[str, Any] = written(self.config.data)
        return plain

    def entries(self, key: str) -> list[dict[str, Any]]:
        return self.full.get(key) or []

    def odd(self, expected: Any, *path: str | int) -> str:
        """Where the value at a path is not the one that Tarmak was to write; empty where it is."""
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
    """`gone` and `come` have the indices of entries of the old text and of the new one."""

    old: Reading
    new: Reading
    settings: tuple[str, ...]
    gone: dict[str, list[int]]
    come: dict[str, list[int]]

    @classmethod
    def of(cls, old: Reading, new: Reading) -> Difference:
        """Raises NotExplainedError."""
        if at := new.odd(old.full["metadata"], "metadata"):
            raise NotExplainedError(f"the file has changed at {at}, which no tarmak command does")
        settings = tuple(key for key in _SETTINGS if old.full.get(key) != new.full.get(key))
        gone, come = {}, {}
        for key in _KINDS:
            gone[key], come[key] = _gone_and_come(old.entries(key), new, key)
            _check_come(key, old.entries(key), gone[key], new, come[key])
        return cls(old, new, settings, gone, come)

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        return (*self._changed_settings(), *self._changed_entries(), *self._new_keys())

    @cached_property
    def keys(self) -> tuple[tuple[Path, Any], ...]:
        """What the new text has of keys that tarmak does not know, and the old one does not: where, and the value.
        The entries of `made` are in the order of the new text, so that a path means the same in both."""
        old = [(_without_indices(path), value) for path, value in unknown_keys(self.old.config.document.data)]
        new = unknown_keys(self.new.config.document.data)
        return tuple((path, value) for path, value in new if (_without_indices(path), value) not in old)

    def _changed_settings(self) -> Iterator[Change]:
        for key in self.settings:
            yield Change(_SETTINGS[key], self.old.full.get(key), self.new.full.get(key))

    def _changed_entries(self) -> Iterator[Change]:
        for key, what in _KINDS.items():
            for index in self.gone[key]:
                yield Change(what, _name(key, self.old.entries(key)[index]), None)
        for key, what in _KINDS.items():
            for index in self.come[key]:
                yield Change(what, None, _name(key, self.new.entries(key)[index]))

    def _new_keys(self) -> Iterator[Change]:
        for path, _ in self.keys:
            yield Change("key", None, str(Route.of(path)))

    def made(self) -> tuple[Document, tuple[str, ...]]:
        """The old text with the changes, and the comments that went with them. Raises EditRefused."""
        document, removed = self.old.config.document, list[str]()
        # One after the other: in each of them every entry that stays is told by being the same.
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
        """Raises EditRefused where the list that is written is not the one that Tarmak reads."""
        entries = data.get(key) or []
        if not isinstance(entries, list) or len(entries) != count:
            place = self.old.config.document.position((key,))
            raise EditRefused(f"{key} is there twice", remedy="make it one list", place=place)
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
            raise NotExplainedError(f"there is a new {_KINDS[key]} without a name")
        if identity in staying:
            raise NotExplainedError(f"{what} is there twice")
        if identity in lost:
            at = new.odd(lost[identity], key, number)
            how = f"has changed at {at}" if at else "is in another place"
            raise NotExplainedError(f"{what} {how}, which no tarmak command does")


def _identity(key: str, entry: Any) -> tuple[str, ...]:
    name = entry["metadata"].get("name", "")
    return (entry.get("environment", ""), name) if key == "clusters" else (name,)


def _name(key: str, entry: Any) -> str:
    return "-".join(_identity(key, entry))
