"""The files of a directory that doctor checks, read once: one written by `webhook` or `render`, or a copy of a
master's."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import shlex
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.config.api_server import DEFAULT_WEBHOOK_FILE, WEBHOOK_FLAG
from tarmak_iam.errors import ConfigError, FileError, Place
from tarmak_iam.files import MAX_BYTES
from tarmak_iam.files.read import file_error, read_file
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, KUBECONFIG, STATE_DIR

COMMAND = "aws-iam-authenticator"
UNIT_DIR = "/etc/systemd/system"
UNIT = "kube-apiserver.service"
INIT_UNIT = "aws-iam-authenticator-init.service"


class Word(NamedTuple):
    text: str
    line: int


class Unit(NamedTuple):
    """`settings`: section, key and words of each setting of a unit file."""

    file: FoundFile
    settings: tuple[tuple[str, str, tuple[Word, ...]], ...]

    def words(self, section: str, key: str) -> tuple[Word, ...]:
        """All words of a setting, which may be repeated."""
        return tuple(word for *names, words in self.settings if names == [section, key] for word in words)

    @property
    def commands(self) -> tuple[tuple[Word, ...], ...]:
        """The commands in the order in which systemd runs them: ExecStartPre, then ExecStart."""
        keys = ("ExecStartPre", "ExecStart")
        return tuple(words for key in keys for *names, words in self.settings if words and names == ["Service", key])

    def option(self, *names: str) -> Word | None:
        """The value of the last option of the commands with one of these names."""
        return next(filter(None, (command_option(command, *names) for command in reversed(self.commands))), None)

    @property
    def init(self) -> tuple[Word, ...] | None:
        """The command that creates the certificate and key; None if there is none."""
        runs = [command for command in self.commands if _name(command[0]).startswith(COMMAND)]
        return next((command for command in runs if any(word.text == "init" for word in command[1:])), None)

    @property
    def copied_to(self) -> Word | None:
        """The path to which the kubeconfig is copied."""
        copies = [command for command in self.commands if _name(command[0]) in ("cp", "install", "mv")]
        return next((command[-1] for command in copies if len(command) > 2), None)


def parse_unit(file: FoundFile) -> Unit:
    """Never fails: lines that are not settings are skipped, as systemd does."""
    settings: list[tuple[str, str, tuple[Word, ...]]] = []
    section, key, words = "", "", list[Word]()
    goes_on = False
    for number, raw in enumerate(file.text.split("\n"), 1):
        line = raw.strip()
        if line.startswith(("#", ";")) or (not line and not goes_on):
            continue
        if not goes_on:
            if line.startswith("["):
                section = line.strip("[]")
                continue
            key, sign, line = (part.strip() for part in line.partition("="))
            words = []
            if not sign:
                continue
        goes_on = line.endswith("\\")
        words += (Word(word, number) for word in _split(line.removesuffix("\\")))
        if not goes_on:
            settings.append((section, key, tuple(words)))
    if goes_on:
        settings.append((section, key, tuple(words)))
    return Unit(file, tuple(settings))


def _split(line: str) -> list[str]:
    with contextlib.suppress(ValueError):  # a quote that is not closed
        return shlex.split(line)
    return line.split()


def command_option(words: Iterable[Word], *names: str) -> Word | None:
    """The value of the last `--name=value`, `--name value`, `-n value` or `-nvalue`."""
    value, wanted = None, False
    for word in words:
        if wanted:
            value, wanted = word, False
            continue
        for name in names:
            if word.text == name:
                wanted = True
            elif word.text.startswith(f"{name}="):
                value = Word(word.text[len(name) + 1 :], word.line)
            elif len(name) == 2 and word.text.startswith(name):
                value = Word(word.text[2:], word.line)
    return value


def _name(word: Word) -> str:
    """The name of the program, without the prefixes that systemd accepts before a path."""
    return posixpath.basename(word.text.lstrip("-@:+!"))


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

    @property
    def mode_text(self) -> str:
        return f"{stat.S_IMODE(self.mode):04o}"

    def at(self, line: int | None) -> Place:
        return Place(self.path, line, 1 if line else None)

    @property
    def text(self) -> str:
        return (self.data or b"").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class FileTree:
    """`webhooks` are kubeconfigs with their paths on a master; `objects` may contain Kubernetes objects, kubeconfigs or
    the authenticator's configuration. `directories` are those of the files."""

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


def read_tree(directory: Path, *, is_master: bool | None = None, webhook_file: str | None = None) -> FileTree:
    """`is_master`: whether the directory is the root of a master; None: detect it. `webhook_file`: the path of a
    master's webhook kubeconfig, if no unit contains it. Raises FileError if the directory cannot be read."""
    objects = tuple(_objects(directory))
    if is_master is None:
        is_master = any(os.path.lexists(directory / path[1:]) for path in _OF_MASTER)
    root, state = (directory, STATE_DIR) if is_master else (None, "")
    unit = init_unit = None
    paths = [os.path.join(state, KUBECONFIG)]
    if is_master:
        unit, init_unit = (_look(directory, f"{UNIT_DIR}/{name}", root) for name in (UNIT, INIT_UNIT))
        flag = parse_unit(unit).option(FLAG) if unit else None
        copied = parse_unit(init_unit).copied_to if init_unit else None
        paths += [word.text for word in (flag, copied) if word] or [webhook_file or DEFAULT_WEBHOOK_FILE]
    looked = [(path, _look(directory, path, root)) for path in dict.fromkeys(paths)]
    webhooks = tuple((path, file) for path, file in looked if file is not None)
    certificate, key = (_look(directory, os.path.join(state, name), root) for name in (CERTIFICATE, KEY))
    parents = [state, *(os.path.dirname(path) for path, _ in webhooks)]
    directories = tuple(_directories(directory, parents if is_master or certificate or key or webhooks else []))
    pair, flags = (certificate, key), _look(directory, "flags.txt")
    return FileTree(str(directory), is_master, *pair, webhooks, unit, init_unit, flags, objects, directories)


def _objects(directory: Path) -> Iterator[FoundFile]:
    """The files that may contain objects. Raises FileError, and ConfigError if there are too many files or bytes; no
    more than the limit is read."""
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
    size, remedy = 0, "specify the directory with the authenticator's files"
    if len(names) > _MANY:
        what = f"it contains {len(names):,} YAML and JSON files, and the limit is {_MANY:,}"
        raise ConfigError(what, remedy=remedy, place=place)
    for file in filter(None, (_look(directory, name) for name in names)):
        size += len(file.data or b"")
        if size > MAX_BYTES:
            what = f"its YAML and JSON files have more than {MAX_BYTES:,} bytes, the limit"
            raise ConfigError(what, remedy=remedy, place=place)
        yield file


def _directories(root: Path, paths: list[str]) -> Iterator[FoundFile]:
    for shown in (root / path.lstrip("/") for path in dict.fromkeys(paths)):
        with contextlib.suppress(OSError):
            status = shown.stat()
            yield FoundFile(str(shown), None, "", status.st_mode, status.st_uid)


def _look(directory: Path, name: str, root: Path | None = None) -> FoundFile | None:
    """Reads a file; None if it does not exist. A link must not lead out of `root`, or of the directory: it would lead
    to a file of another machine."""
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
