"""The files that `check` is given: which of a cluster's files each of them is, and of which tarmak.yaml."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from tarmak_iam.aws.go_case import fold, to_lower
from tarmak_iam.config.locate import CONFIG_NAME
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, FileError, ParseError, Place, unquoted_kubeconfig
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import missing_file, read_file, read_if_present
from tarmak_iam.installation.cluster_files import intended_name
from tarmak_iam.installation.settings import SETTINGS_NAME
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, with_templates_quoted


class FileKind(Enum):
    CONFIG = CONFIG_NAME
    MAPPINGS = MAPPINGS_NAME
    SETTINGS = SETTINGS_NAME
    DYNAMIC_FILE = "dynamic file"
    """Of the authenticator's backend of that name: strict JSON, known by its content only."""


class NamedFile(NamedTuple):
    """`config` is the tarmak.yaml that the file belongs to, None if there is none. `cluster` is the name of the file's
    directory, which is that of a cluster; None for tarmak.yaml itself and for files next to it. `data` is what was read
    already: a pipe can be read only once."""

    path: Path
    kind: FileKind
    config: Path | None
    cluster: str | None = None
    data: bytes | None = None

    @property
    def is_stream(self) -> bool:
        """Whether it can only be read: a pipe, or stdin, although that may be read from a file."""
        return not self.path.is_file() or _is_stream(self.path)

    def boundary(self, *, follow_links: bool) -> Boundary:
        """The directory that a link may not lead out of: that of its tarmak.yaml, else its own."""
        return Boundary((self.config or self.path).parent, follow_links)

    def read(self, *, follow_links: bool) -> bytes:
        """Raises FileError, also for a link that leads out of the directory of its tarmak.yaml, or its own."""
        if self.data is not None:
            return self.data
        if self.config is None or self.cluster is None:
            return _read_alone(self.path, follow_links=follow_links)
        path = self.config.parent / self.cluster / self.path.name
        if (data := read_if_present(path, self.boundary(follow_links=follow_links))) is None:
            raise missing_file(self.path)
        return data


def named_file(path: Path, *, follow_links: bool = False) -> NamedFile:
    """By its name, else its content; a directory means its tarmak.yaml, `-` stdin. Raises TarmakIamError."""
    if path.is_dir():
        if not (path / CONFIG_NAME).exists():
            remedy = "specify a file, or a cluster with --cluster"
            raise FileError(f"this directory has no {CONFIG_NAME}", remedy=remedy, place=Place(str(path)))
        path = path / CONFIG_NAME
    if str(path) == "-" and not path.exists():
        path = Path("/dev/stdin")
    owner = _owner(path)
    intended = intended_name(path.name) if owner[0] else None  # in one of Tarmak's directories a name may be misspelt
    kind = next((known for known in FileKind if known.value in (path.name, intended)), None)
    named = None if kind is None else NamedFile(path, kind, *((path,) if kind is FileKind.CONFIG else owner))
    if not path.exists():
        if named is not None and named.kind is not FileKind.CONFIG:
            named.read(follow_links=follow_links)  # a broken link may lead out of the directory: that error comes first
        raise missing_file(path)
    if named is not None:
        return named
    data = _read_alone(path, follow_links=follow_links)
    kind = _by_content(data, path)
    if kind is FileKind.CONFIG:
        named = NamedFile(path, kind, None, data=data)
        return named if named.is_stream else NamedFile(path, kind, path)
    return NamedFile(path, kind, None, _absolute(path).parent.name, data)


def _owner(path: Path) -> tuple[Path | None, str | None]:
    """The tarmak.yaml one directory up, and the name of the directory; else the tarmak.yaml next to the file."""
    home = _absolute(path).parent
    config = home.parent / CONFIG_NAME
    name: str | None = home.name
    if not config.is_file() and (home / CONFIG_NAME).is_file():
        config, name = home / CONFIG_NAME, None
    shown = config if path.is_absolute() else Path(os.path.relpath(config))
    return shown if config.is_file() else None, name


def _absolute(path: Path) -> Path:
    """Without `..`: after a link it is not the directory that the path suggests. Other links are not followed."""
    parts = path.absolute().parts
    end = max((number for number, part in enumerate(parts, 1) if part == os.pardir), default=0)
    return Path(os.path.realpath(Path(*parts[:end])), *parts[end:]) if end else Path(*parts)


def _read_alone(path: Path, *, follow_links: bool) -> bytes:
    """A link in a pull request could point to any file; those of the system, as /dev/stdin, were typed."""
    if path.is_symlink() and not _is_stream(path):
        Boundary(path.parent, follow_links).resolve(path)
    return read_file(path)


def _is_stream(path: Path) -> bool:
    """In the directories of `/dev/stdin` and of a shell's `<(...)`; on Linux they are links into /proc."""
    parent = os.path.realpath(path.parent)
    return parent in ("/dev", "/dev/fd") or Path(parent).is_relative_to("/proc")


def _by_content(text: bytes, path: Path) -> FileKind:
    is_json = False
    try:
        with unquoted_kubeconfig(text):
            document = Document.parse(text, str(path))
            data, is_json = document.data, document.is_json
    except ParseError:
        repaired = with_templates_quoted(text, str(path))
        if repaired is None:
            raise
        data = repaired.after.data
    top: dict[Any, Any] = data if isinstance(data, dict) else {}
    if str(top.get("apiVersion")).startswith("api.tarmak.io/"):
        return FileKind.CONFIG
    if {to_lower(str(key)) for key in top} & {"clusterid", "server"}:
        return FileKind.MAPPINGS
    if is_json and {fold(str(key)) for key in top} & {"maproles", "mapusers", "mapaccounts"}:
        return FileKind.DYNAMIC_FILE
    what = "this is neither a tarmak.yaml nor a mappings file of the authenticator"
    remedy = f"specify a {CONFIG_NAME}, {MAPPINGS_NAME} or {SETTINGS_NAME}; `map import` reads other formats"
    raise ConfigError(what, remedy=remedy, place=Place(str(path)))
