"""Reads the files of a directory that doctor checks, once: a directory written by `webhook` or `render`, or a copy of a
master's files."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tarmak_iam.config.api_server import DEFAULT_WEBHOOK_FILE, WEBHOOK_FLAG
from tarmak_iam.doctor.systemd_units import INIT_UNIT, UNIT, UNIT_DIR, Unit, parse_unit
from tarmak_iam.errors import ConfigError, FileError, Place
from tarmak_iam.files import MAX_BYTES
from tarmak_iam.files.read import file_error, read_file
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

    @property
    def unit(self) -> Unit | None:
        """The file as a systemd unit; None if it cannot be read."""
        return None if self.data is None else parse_unit(self.text)


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
        files = (self.certificate, self.key, *(file for _, file in self.webhooks), self.unit, self.init_unit)
        return tuple(filter(None, files))

    @property
    def files(self) -> tuple[FoundFile, ...]:
        """All files, in the order of the messages."""
        return (*self.of_master, *filter(None, [self.flags]), *self.objects)


def read_tree(directory: Path, *, is_master: bool | None = None, webhook_file: str | None = None) -> FileTree:
    """`is_master`: whether the directory is the root directory of a master; None: detect it. `webhook_file`: the path
    of a master's webhook kubeconfig, if no unit contains it.

    Raises FileError if the directory cannot be read. A file that cannot be read is a FoundFile with a problem.
    """
    names = _object_names(directory)
    if is_master is None:
        is_master = any(os.path.lexists(directory / path[1:]) for path in _OF_MASTER)
    objects = tuple(_objects(directory, names))
    root, state = (directory, STATE_DIR) if is_master else (None, "")
    unit = init_unit = None
    paths = [os.path.join(state, KUBECONFIG)]
    if is_master:
        unit, init_unit = (_look(directory, f"{UNIT_DIR}/{name}", root) for name in (UNIT, INIT_UNIT))
        flag = parse_unit(unit.text).option(FLAG) if unit else None
        copied = parse_unit(init_unit.text).copied_to if init_unit else None
        paths += [word.text for word in (flag, copied) if word] or [webhook_file or DEFAULT_WEBHOOK_FILE]
    looked = [(path, _look(directory, path, root)) for path in dict.fromkeys(paths)]
    webhooks = tuple((path, file) for path, file in looked if file is not None)
    certificate, key = (_look(directory, os.path.join(state, name), root) for name in (CERTIFICATE, KEY))
    parents = [state, *(os.path.dirname(path) for path, _ in webhooks)]
    return FileTree(
        directory=str(directory),
        is_master=is_master,
        certificate=certificate,
        key=key,
        webhooks=webhooks,
        unit=unit,
        init_unit=init_unit,
        flags=_look(directory, "flags.txt"),
        objects=objects,
        directories=tuple(_directories(directory, parents if is_master or certificate or key or webhooks else [])),
    )


def _object_names(directory: Path) -> list[str]:
    """The files that may contain objects. Raises FileError, and ConfigError if there are too many."""
    place = Place(str(directory))
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        raise FileError("directory not found", remedy="check the path", place=place) from None
    except NotADirectoryError:
        remedy = "specify the directory that contains the files"
        raise FileError("not a directory", remedy=remedy, place=place) from None
    except OSError as error:
        raise file_error("cannot be read", directory, error) from None
    names = [name for name in names if name.endswith((".yaml", ".yml", ".json")) or name == "kubeconfig"]
    if len(names) > _MANY:
        raise _too_much(directory, f"it contains {len(names):,} YAML and JSON files, and the limit is {_MANY:,}")
    return names


def _objects(directory: Path, names: list[str]) -> Iterator[FoundFile]:
    """Raises ConfigError if there are too many bytes, and reads no more than the limit."""
    size = 0
    for name in names:
        file = _look(directory, name)
        if file is not None:
            size += len(file.data or b"")
            if size > MAX_BYTES:
                raise _too_much(directory, f"its YAML and JSON files have more than {MAX_BYTES:,} bytes, the limit")
            yield file


def _too_much(directory: Path, what: str) -> ConfigError:
    remedy = "specify the directory with the authenticator's files"
    return ConfigError(what, remedy=remedy, place=Place(str(directory)))


def _directories(root: Path, paths: list[str]) -> Iterator[FoundFile]:
    for path in dict.fromkeys(paths):
        shown = root / path.lstrip("/")
        with contextlib.suppress(OSError):
            status = shown.stat()
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
