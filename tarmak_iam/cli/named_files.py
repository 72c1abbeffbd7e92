"""Which cluster a file is of: `check FILE...` is called with whatever somebody has changed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from tarmak_iam.config.locate import CONFIG_NAME
from tarmak_iam.document import Document
from tarmak_iam.document.boundary import Boundary
from tarmak_iam.document.files import read_file, read_if_present
from tarmak_iam.errors import ConfigError, FileError, Place
from tarmak_iam.go_case import to_lower
from tarmak_iam.identity.mappings import MAPPINGS_NAME
from tarmak_iam.misplaced_files import intended_name
from tarmak_iam.near import closest
from tarmak_iam.settings import SETTINGS_NAME

__all__ = ["Kind", "NamedFile", "named_file"]

_SYSTEM = ("/dev", "/proc")
"""Where `/dev/stdin` and a shell's `<(...)` lie."""


class Kind(Enum):
    CONFIG = CONFIG_NAME
    MAPPINGS = MAPPINGS_NAME
    SETTINGS = SETTINGS_NAME


@dataclass(frozen=True, slots=True)
class NamedFile:
    """`config` is the tarmak.yaml that the file belongs to, None where there is none; `cluster` the name of the
    directory it is in, which is that of a cluster, None for tarmak.yaml itself and for what is next to it. `data`: what
    was read already, which a pipe gives only once."""

    path: Path
    kind: Kind
    config: Path | None
    cluster: str | None = None
    data: bytes | None = field(default=None, repr=False)

    def read(self, *, follow_links: bool) -> bytes:
        """No link may lead it out of the directory of its tarmak.yaml, or out of its own where it belongs to none.

        Raises FileError.
        """
        if self.data is not None:
            return self.data
        if self.config is None or self.cluster is None:
            return _read_alone(self.path, follow_links=follow_links)
        boundary = Boundary(self.config.parent, follow_links)
        data = read_if_present(self.config.parent / self.cluster / self.path.name, boundary)
        if data is None:
            raise _missing(self.path)
        return data


def named_file(path: Path, *, follow_links: bool = False) -> NamedFile:
    """By its name, else by what is in it; a directory is that of a tarmak.yaml. `follow_links` as in `Boundary`.

    Raises TarmakIamError for one that is not there, or none of these.
    """
    path = _config_in(path) if path.is_dir() else path
    kind = next((each for each in Kind if each.value in (path.name, _intended(path))), None)
    found = NamedFile(path, kind, *_owner(path)) if kind and kind is not Kind.CONFIG else None
    if not path.exists():
        if found is not None:  # a link to nothing may lead out of the directory, which is what has to be said
            found.read(follow_links=follow_links)
        raise _missing(path)
    if found is not None:
        return found
    if kind is Kind.CONFIG:
        return NamedFile(path, kind, path)
    data = _read_alone(path, follow_links=follow_links)
    kind = _by_content(data, path)
    if kind is Kind.CONFIG:
        return NamedFile(path, kind, path) if path.is_file() else NamedFile(path, kind, None, data=data)
    return NamedFile(path, kind, None, _absolute(path).parent.name, data)


def _intended(path: Path) -> str | None:
    """The name of ours that a misspelt one stands for, where the file is in a directory of Tarmak's."""
    return intended_name(path.name) if _owner(path)[0] else None


def _owner(path: Path) -> tuple[Path | None, str | None]:
    """The tarmak.yaml whose cluster's directory the file is in by its path, and the name of that directory; else the
    one that it is next to, where it would not be read."""
    home = _absolute(path).parent
    config = home.parent / CONFIG_NAME
    name: str | None = home.name
    if not config.is_file() and (home / CONFIG_NAME).is_file():
        config, name = home / CONFIG_NAME, None
    shown = config if path.is_absolute() else Path(os.path.relpath(config))
    return shown if config.is_file() else None, name


def _absolute(path: Path) -> Path:
    """Without `..`, which after a link is not the directory that the text says; other links are not followed."""
    parts = path.absolute().parts
    end = max((number for number, part in enumerate(parts, 1) if part == os.pardir), default=0)
    return Path(os.path.realpath(Path(*parts[:end])), *parts[end:]) if end else Path(*parts)


def _config_in(directory: Path) -> Path:
    if (directory / CONFIG_NAME).exists():
        return directory / CONFIG_NAME
    raise FileError(f"there is no {CONFIG_NAME} in this directory", remedy="name a file", place=Place(str(directory)))


def _missing(path: Path) -> FileError:
    if path.is_symlink():
        remedy = f"the link leads to {os.readlink(path)}"
    else:
        near = closest(path.name, _names_beside(path))
        remedy = f"did you mean {path.parent / near}?" if near else "check the path"
    return FileError("there is no such file", remedy=remedy, place=Place(str(path)))


def _names_beside(path: Path) -> Iterable[str]:
    try:
        return sorted(os.listdir(path.parent))
    except OSError:
        return ()


def _read_alone(path: Path, *, follow_links: bool) -> bytes:
    """A link in a pull request could name any file of the machine that checks it. Links of the system itself, such as
    /dev/stdin, are the user's own words."""
    parent = Path(os.path.realpath(path.parent))
    if path.is_symlink() and not any(parent.is_relative_to(each) for each in _SYSTEM):
        Boundary(path.parent, follow_links).resolve(path)
    return read_file(path)


def _by_content(text: bytes, path: Path) -> Kind:
    data = Document.parse(text, str(path)).data
    top: dict[Any, Any] = data if isinstance(data, dict) else {}
    if str(top.get("apiVersion")).startswith("api.tarmak.io/"):
        return Kind.CONFIG
    if {to_lower(str(key)) for key in top} & {"clusterid", "server"}:
        return Kind.MAPPINGS
    raise ConfigError(
        "this is neither a tarmak.yaml nor mappings of the authenticator",
        remedy=f"name a {CONFIG_NAME}, {MAPPINGS_NAME} or {SETTINGS_NAME}; `map import` reads other formats",
        place=Place(str(path)),
    )
