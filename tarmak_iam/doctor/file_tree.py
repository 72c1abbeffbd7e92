"""Reads the files of a directory that doctor checks, once: a directory written by `webhook` or `render`, or a copy of a
master's files."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path

from tarmak_iam.config.api_server import DEFAULT_WEBHOOK_FILE, WEBHOOK_FLAG
from tarmak_iam.doctor.systemd_units import INIT_UNIT, UNIT, UNIT_DIR, Unit, parse_unit
from tarmak_iam.errors import ConfigError, FileError, Place
from tarmak_iam.files import MAX_BYTES
from tarmak_iam.files.read import file_error, read_file
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, KUBECONFIG, STATE_DIR

FLAG = f"--{WEBHOOK_FLAG}"

_MANY = 20_000
"""A directory with more files than this is not one of manifests; `render` writes one for each IAMIdentityMapping."""

_OF_MASTER = (STATE_DIR, "/etc/kubernetes", f"{UNIT_DIR}/{UNIT}", f"{UNIT_DIR}/{INIT_UNIT}")
"""Paths that only a master has: every machine has units."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file: `data` is None if it cannot be read, and `problem` says why. `path` is the path in messages."""

    path: str
    data: bytes | None = field(repr=False)
    problem: str = ""
    mode: int = 0
    uid: int = 0

    @property
    def place(self) -> Place:
        return Place(self.path)

    @property
    def is_forbidden(self) -> bool:
        """Whether the only problem is that the current user may not read it."""
        return self.data is None and self.problem.endswith((os.strerror(errno.EACCES), os.strerror(errno.EPERM)))

    def at(self, line: int | None) -> Place:
        return Place(self.path, line, 1 if line else None)

    @property
    def text(self) -> str:
        return (self.data or b"").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class FileTree:
    """`webhooks` are webhook kubeconfigs with their paths on a master; `objects` are files that may contain Kubernetes
    objects, kubeconfigs or the authenticator's configuration. `directories` are those of the files."""

    directory: str
    is_master: bool
    certificate: FoundFile | None = None
    key: FoundFile | None = None
    webhooks: tuple[tuple[str, FoundFile], ...] = ()
    unit: FoundFile | None = None
    init_unit: FoundFile | None = None
    flags: FoundFile | None = None
    objects: tuple[FoundFile, ...] = ()
    directories: tuple[FoundFile, ...] = ()

    @property
    def of_master(self) -> tuple[FoundFile, ...]:
        """The pair, the webhook kubeconfigs and the units."""
        found = (self.certificate, self.key, *(found for _, found in self.webhooks), self.unit, self.init_unit)
        return tuple(each for each in found if each is not None)

    @property
    def files(self) -> tuple[FoundFile, ...]:
        """All files, in the order of the messages."""
        return (*self.of_master, *filter(None, [self.flags]), *self.objects)


def read_tree(directory: Path, *, is_master: bool | None = None, webhook_file: str | None = None) -> FileTree:
    """`is_master`: whether the directory is the root directory of a master; None: detect it. `webhook_file`: the path
    of a master's webhook kubeconfig, if no unit contains it.

    Raises FileError if the directory cannot be read. A file that cannot be read is a FoundFile with a problem.
    """
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if _may_have_objects(entry.name))
    except FileNotFoundError:
        raise FileError("directory not found", remedy="check the path", place=Place(str(directory))) from None
    except NotADirectoryError:
        place = Place(str(directory))
        raise FileError(
            "not a directory", remedy="specify the directory that contains the files", place=place
        ) from None
    except OSError as error:
        raise file_error("cannot be read", directory, error) from None
    if is_master is None:
        is_master = any(os.path.lexists(directory / path[1:]) for path in _OF_MASTER)
    objects = tuple(_objects(directory, names))
    flags = _look(directory, "flags.txt")
    if not is_master:
        return _flat(directory, objects, flags)
    return _master(directory, objects, flags, webhook_file or DEFAULT_WEBHOOK_FILE)


def _flat(directory: Path, objects: tuple[FoundFile, ...], flags: FoundFile | None) -> FileTree:
    certificate, key, webhook = (_look(directory, name) for name in (CERTIFICATE, KEY, KUBECONFIG))
    found = [each for each in (certificate, key, webhook) if each is not None]
    return FileTree(
        directory=str(directory),
        is_master=False,
        certificate=certificate,
        key=key,
        webhooks=((KUBECONFIG, webhook),) if webhook else (),
        flags=flags,
        objects=objects,
        directories=tuple(_directories(directory, [""] if found else [])),
    )


def _master(root: Path, objects: tuple[FoundFile, ...], flags: FoundFile | None, webhook_file: str) -> FileTree:
    unit, init_unit = (_look(root, f"{UNIT_DIR}/{name}", root) for name in (UNIT, INIT_UNIT))
    asked = _unit(unit).option(FLAG) if unit else None
    copied = _unit(init_unit).copied_to if init_unit else None
    paths = [f"{STATE_DIR}/{KUBECONFIG}", *(word.text for word in (asked, copied) if word)]
    if not asked and not copied:
        paths.append(webhook_file)
    webhooks = [(path, found) for path in dict.fromkeys(paths) if (found := _look(root, path, root)) is not None]
    return FileTree(
        directory=str(root),
        is_master=True,
        certificate=_look(root, f"{STATE_DIR}/{CERTIFICATE}", root),
        key=_look(root, f"{STATE_DIR}/{KEY}", root),
        webhooks=tuple(webhooks),
        unit=unit,
        init_unit=init_unit,
        flags=flags,
        objects=objects,
        directories=tuple(_directories(root, [STATE_DIR, *(os.path.dirname(path) for path, _ in webhooks)])),
    )


def _unit(found: FoundFile) -> Unit:
    return parse_unit(found.text)


def _may_have_objects(name: str) -> bool:
    return name.endswith((".yaml", ".yml", ".json")) or name == "kubeconfig"


def _objects(directory: Path, names: list[str]) -> Iterator[FoundFile]:
    """Raises ConfigError if there are too many files or bytes, and reads no more than the limit."""
    if len(names) > _MANY:
        raise _too_much(directory, f"it contains {len(names):,} YAML and JSON files, and the limit is {_MANY:,}")
    size = 0
    for name in names:
        found = _look(directory, name)
        if found is not None:
            size += len(found.data or b"")
            if size > MAX_BYTES:
                raise _too_much(directory, f"its YAML and JSON files have more than {MAX_BYTES:,} bytes, the limit")
            yield found


def _too_much(directory: Path, what: str) -> ConfigError:
    remedy = "specify the directory with the authenticator's files"
    return ConfigError(what, remedy=remedy, place=Place(str(directory)))


def _directories(root: Path, paths: list[str]) -> Iterator[FoundFile]:
    for path in dict.fromkeys(paths):
        shown = root / path.lstrip("/")
        try:
            status = shown.stat()
        except OSError:
            continue
        yield FoundFile(str(shown), None, "", status.st_mode, status.st_uid)


def _look(directory: Path, name: str, root: Path | None = None) -> FoundFile | None:
    """Reads a file; None if it does not exist. A link must not lead out of `root`, or of the directory: in a copy of a
    master's files, it would lead to a file of another machine."""
    path = directory / name.lstrip("/")
    shown = str(path)
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        return FoundFile(shown, None, _reason(error))
    if not os.path.realpath(path).startswith(os.path.join(os.path.realpath(root or directory), "")):
        return FoundFile(shown, None, f"it is a link to a file outside of the {'copy' if root else 'directory'}")
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            return FoundFile(shown, None, f"it is {kind}")
        return FoundFile(shown, read_file(path), "", status.st_mode, status.st_uid)
    except FileError as error:
        return FoundFile(shown, None, f"it {error.what}" if error.what.startswith("cannot") else error.what)
    except FileNotFoundError:
        return FoundFile(shown, None, "it is a link to a file that does not exist")
    except OSError as error:
        return FoundFile(shown, None, _reason(error))


def _reason(error: OSError | ValueError) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else "it cannot be accessed"
