"""Keeps comments and layout of tarmak.yaml when a command rewrites it: saves the text, and makes only its changes.

Tarmak's commands change the current cluster, and add or remove whole clusters, environments and providers
(SetCurrentCluster, Append..., RemoveEnvironment in pkg/tarmak/config/config.go). They keep the order of the others, and
add at the end. Tarmak writes the keys of each struct in alphabetical order, and cannot read a text without `kind`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.sections import Path as Steps
from tarmak_iam.config.tarmak_output import differences, dropped_keys, tarmak_json, tarmak_output
from tarmak_iam.document import Document
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.errors import EditRefused, FileError, TarmakIamError
from tarmak_iam.files.atomic import replace_file
from tarmak_iam.files.read import file_error, read_if_present
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
    def plain(self) -> Any:
        """Its values without defaults: Tarmak omits empty lists, and a default would take their place."""
        return tarmak_json(self.config.data)

    def entries(self, key: str) -> list[dict[str, Any]]:
        return self.full.get(key) or []

    def odd(self, expected: Any, *path: str | int) -> str:
        """Where the value at a path differs from what Tarmak would write; empty if it does not."""
        plain, full = value_at(self.plain, path), value_at(self.full, path)
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
            changes += [TarmakChange(what, _name(key, self.old.entries(key)[index]), None) for index in self.gone[key]]
        for key, what in _KINDS.items():
            changes += [TarmakChange(what, None, _name(key, self.new.entries(key)[index])) for index in self.come[key]]
        return (*changes, *(TarmakChange("key", None, str(Route.of(path))) for path, _ in self.keys))

    @cached_property
    def keys(self) -> tuple[tuple[Steps, Any], ...]:
        """Keys in the new text that tarmak does not know and that the old text does not contain: path and value. The
        entries of `made` are in the order of the new text, so that a path has the same meaning in both."""
        old, new = (list(dropped_keys(read.config.document.data)) for read in (self.old, self.new))
        known = [(_keys(path), value) for path, value in old]
        return tuple((path, value) for path, value in new if (_keys(path), value) not in known)

    def made(self) -> tuple[Document, tuple[str, ...]]:
        """The old text with the changes, and the comments that were removed with entries. Raises EditRefused."""
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


def _keys(path: Steps) -> list[str]:
    return [step for step in path if isinstance(step, str)]


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


RestoreOutcome = Literal["unchanged", "restored", "not restored", "put back", "broken"]


@dataclass(frozen=True, slots=True)
class Restored:
    """The text that the file should contain, and why.

    - "unchanged": tarmak wrote nothing; or the file did not exist, and tarmak created it.
    - "restored": the old text with the `changes` that tarmak made. It has the same meaning as tarmak's text.
    - "not restored": the text that tarmak wrote, for a `reason`; the old text is in the file `copy`.
    - "put back": the old text, because tarmak left a broken file; that is in `copy` unless it was empty.
    - "broken": the old text, which is in `copy` if the broken file could not be replaced, or is a link.
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
    new, why = _read(after, filename)
    if new is None:
        return Restored("broken", before, reason=why)
    old, why = _read(before, filename)
    if old is None:
        return Restored("not restored", after, reason=f"tarmak cannot read the previous text: {why}")
    has_comments = bool(new.config.document.comments)
    if not finished and not has_comments and is_cut_off(old, new, after):
        return Restored("broken", before, reason="its end is missing")
    try:
        difference = Difference.of(old, new)
        document, removed = difference.made() if difference.changes else (old.config.document, ())
        restored = Restored("restored", document.to_bytes(), difference.changes, removed)
        if difference.changes:
            _check_same(Reading(TarmakConfig.parse(restored.data, filename)), new)
    except TarmakIamError as error:
        restored = Restored("not restored", after, reason=_reason(error))
    if has_comments and not (restored.outcome == "restored" and restored.data == after):
        return Restored("not restored", after, reason="the file has comments, which tarmak does not write")
    return restored


def _read(text: bytes, filename: str) -> tuple[Reading | None, str]:
    """A text as Tarmak reads it, or why it cannot."""
    try:
        return Reading(TarmakConfig.parse(text, filename)), ""
    except TarmakIamError as error:
        return None, _reason(error) if text else "it is empty"


def _check_same(result: Reading, new: Reading) -> None:
    """Raises EditRefused."""
    with contextlib.suppress(EditRefused):
        if not Difference.of(result, new).changes:
            return
    raise EditRefused("the text with these changes would have another meaning")


def _reason(error: TarmakIamError) -> str:
    """Without a remedy, because the user did not write the text that tarmak left."""
    line = error.place.line if error.place else None
    return one_line(error.what) + (f" (line {line})" if line and "(line " not in error.what else "")


_ATTEMPTS, _SECONDS = 3, 0.5


@dataclass(frozen=True, slots=True)
class Backup:
    """The file as it was; `data` is None if it did not exist. `copy`: a file with its text, which `restore_backup`
    removes, or names in its report. `real_paths`: where the text may be restored: where a link led before, and the link
    itself."""

    path: Path
    data: bytes | None = field(repr=False)
    mode: int
    copy: Path | None
    real_paths: frozenset[str]


def back_up(path: Path) -> Backup:
    """Reads tarmak.yaml and saves its text next to it, as `tarmak.yaml.before-1` or with the next free number. Raises
    FileError if the file cannot be read, or the copy cannot be written."""
    real_paths = frozenset({os.path.realpath(path), os.path.join(os.path.realpath(path.parent), path.name)})
    data = _read_settled(path)
    if data is None:
        return Backup(path, None, 0o600, None, real_paths)
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise file_error("cannot be read", path, error) from None
    return Backup(path, data, mode, _write_copy(path, "before", data, mode), real_paths)


def restore_backup(backup: Backup, *, finished: bool = True) -> Restored:
    """Restores the old text after the command, with the changes that tarmak made. `finished`: whether tarmak succeeded.

    Raises nothing: a file that cannot be written, or that changes all the time, is left unchanged, and the result says
    where the old text is. So is a file that the path leads to only since the command: it is another one.
    """
    try:
        result = _restore(backup, finished)
    except FileError as error:
        result = Restored("broken", reason=_file_reason(error), copy=backup.copy)
    result = replace(result, path=backup.path)
    if backup.data is None or result.copy is None or result.copy != backup.copy:
        return result
    # The command may have removed or changed the copy.
    with contextlib.suppress(FileError):
        if read_if_present(result.copy) == backup.data:
            return result
    return replace(result, copy=None, reason=f"{result.reason}; the saved text was removed")


def _restore(backup: Backup, finished: bool) -> Restored:
    """Raises FileError, the file as it was found."""
    path, before = backup.path, backup.data
    if before is None:
        now = read_if_present(path)
        why = "" if now is None else _read(now, str(path))[1]
        return Restored("broken", reason=f"{why}; the file did not exist before") if why else Restored("unchanged")
    for attempt in range(1, _ATTEMPTS + 1):
        real = os.path.realpath(path)
        if real not in backup.real_paths:
            reason = f"it is now a link to {real}, which was not followed"
            return Restored("broken", reason=reason, copy=backup.copy)
        now = read_if_present(path)
        if now is None:
            restored = Restored("broken", before, reason="it was removed")
        else:
            restored = restore(before, now, finished=finished, filename=str(path))
        if restored.outcome == "not restored":
            return replace(restored, copy=backup.copy)
        is_broken, theirs = restored.outcome == "broken", None
        with contextlib.suppress(FileError):  # restoring the file matters more than a copy of the broken one
            theirs = _write_copy(path, "broken", now, backup.mode) if now and is_broken else None
        try:
            if restored.data != now:
                replace_file(path, restored.data, expected=now, mode=backup.mode, secret=True)
        except FileError as error:
            if not (is_broken and _renamed(backup, now)):
                _remove(theirs)  # the file still contains it
                if attempt < _ATTEMPTS and read_if_present(path) != now:
                    continue  # another process wrote first: judge its text
                reason = "; ".join(filter(None, (restored.reason, _file_reason(error))))
                return Restored("broken" if is_broken else "not restored", reason=reason, copy=backup.copy)
        _remove(backup.copy)
        return replace(restored, outcome="put back", copy=theirs) if is_broken else restored
    raise AssertionError("the last attempt ends the loop")


def _renamed(backup: Backup, now: bytes | None) -> bool:
    """On a full disk no text can be written, but the copy next to the file can be renamed."""
    with contextlib.suppress(OSError):
        if backup.copy is not None and read_if_present(backup.path) == now:
            os.replace(backup.copy, os.path.realpath(backup.path))
            return True
    return False


def _read_settled(path: Path) -> bytes | None:
    """The content of the file, not the empty one of a tarmak that is about to write it."""
    deadline = time.monotonic() + _SECONDS
    while (data := read_if_present(path)) == b"" and time.monotonic() < deadline:
        time.sleep(0.02)
    return data


def _write_copy(path: Path, what: str, data: bytes, mode: int) -> Path:
    """Writes a separate file next to it, with the first free number. Raises FileError."""
    numbers = itertools.count(1)
    while True:
        copy = path.with_name(f"{path.name}.{what}-{next(numbers)}")
        if os.path.lexists(copy):
            continue
        try:
            replace_file(copy, data, expected=None, mode=mode)
            return copy
        except FileError:
            if not os.path.lexists(copy):  # otherwise another process has just created it
                raise


def _remove(*copies: Path | None) -> None:
    """Removes copies whose text is in the file itself. A copy that cannot be removed does no harm."""
    for copy in filter(None, copies):
        with contextlib.suppress(OSError):
            copy.unlink()


def _file_reason(error: FileError) -> str:
    return f"the file {error.what}" if error.what.startswith("cannot") else error.what


def recover(path: Path, *, is_alone: bool = True) -> tuple[str, ...]:
    """Restores the text that a killed run left next to the file, with the changes that tarmak made. Returns lines about
    what was done, or why not. Raises nothing.

    The file is rewritten only if it has no comments, so that tarmak may have written it last, and if its meaning does
    not change. It is only reported if another run may still need the text (not `is_alone`), or the file is a link that
    leads out of its directory: an attacker who created both could have any empty file overwritten.
    """
    try:
        return tuple(f"{path}: {line}" for line in _recovered(path, is_alone))
    except FileError as error:
        return (f"{path}: warning: the text saved by an earlier `tarmak-iam run` cannot be restored: {error}",)


def _recovered(path: Path, is_alone: bool) -> Iterator[str]:
    """At most one line. Raises FileError."""
    texts = {copy: read_if_present(copy) or b"" for copy in _copies_of(path)}
    now = _read_settled(path) if texts else None
    if now is None:
        return
    if is_alone:
        _remove(*(copy for copy, text in texts.items() if text == now))
    if _has_comments(now):
        return
    may_write = is_alone and os.path.dirname(os.path.realpath(path)) == os.path.realpath(path.parent)
    others = [(copy, text) for copy, text in texts.items() if text != now]
    for copy, text in sorted(others, key=lambda pair: not _has_comments(pair[1])):  # the most valuable ones first
        restored = restore(text, now, filename=str(path))
        if may_write and (restored.outcome == "restored" or not now.strip()):
            replace_file(path, restored.data, expected=now, mode=copy.stat().st_mode & 0o777, secret=True)
            _remove(copy)
            what = f"restored comments and layout from {copy.name}, which an interrupted `tarmak-iam run` left"
            yield "; ".join((f"note: {what}", *filter(None, [", ".join(map(str, restored.changes))])))
            return
        if _has_comments(text):
            what = "tarmak cannot read the file" if restored.outcome == "broken" else "the file has no comments"
            reason = f" ({restored.reason})" if restored.reason else ""
            yield f"warning: {what}{reason}; {copy} contains the text from before an earlier `tarmak-iam run`"
            return


def _copies_of(path: Path) -> list[Path]:
    """The copies that `back_up` wrote, the latest first. Links are ignored: `back_up` creates none, and a link could
    lead anywhere."""
    pattern = re.compile(rf"{re.escape(path.name)}\.before-[0-9]+")
    copies = []
    with contextlib.suppress(OSError):
        copies = [(copy.lstat(), copy) for copy in path.parent.iterdir() if pattern.fullmatch(copy.name)]
    dated = [(status.st_mtime_ns, copy) for status, copy in copies if not stat.S_ISLNK(status.st_mode)]
    return [copy for _, copy in sorted(dated, reverse=True)]


def _has_comments(text: bytes) -> bool:
    with contextlib.suppress(TarmakIamError):
        return bool(Document.parse(text).comments)
    return False
