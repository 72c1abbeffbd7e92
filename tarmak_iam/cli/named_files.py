"""Which cluster a file is of: `check FILE...` is called with whatever somebody has changed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
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
from tarmak_iam.near import closest
from tarmak_iam.settings import SETTINGS_NAME

__all__ = ["Kind", "NamedFile", "named_file"]


class Kind(Enum):
    CONFIG = CONFIG_NAME
    MAPPINGS = MAPPINGS_NAME
    SETTINGS = SETTINGS_NAME


@dataclass(frozen=True, slots=True)
class NamedFile:
    """`config` is the tarmak.yaml that the file belongs to, None where there is none; `cluster` the name of the
    directory it is in, which is that of a cluster, None for tarmak.yaml itself."""

    path: Path
    kind: Kind
    config: Path | None
    cluster: str | None = None

    def read(self, *, follow_links: bool) -> bytes:
        """As it is named where it belongs to no tarmak.yaml; otherwise no link may lead it out of that directory.

        Raises FileError.
        """
        if self.config is None or self.cluster is None:
            return read_file(self.path)
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
    kind = next((each for each in Kind if each.value == path.name), None)
    found = NamedFile(path, kind, *_owner(path)) if kind and kind is not Kind.CONFIG else None
    if not path.exists():
        if found is not None:  # a link to nothing may lead out of the directory, which is what has to be said
            found.read(follow_links=follow_links)
        raise _missing(path)
    if found is not None:
        return found
    kind = kind or _by_content(path)
    if kind is Kind.CONFIG:
        return NamedFile(path, kind, path)
    return NamedFile(path, kind, None, _absolute(path).parent.name)


def _owner(path: Path) -> tuple[Path | None, str]:
    """The tarmak.yaml whose cluster's directory the file is in by its path, and the name of that directory."""
    home = _absolute(path).parent
    config = home.parent / CONFIG_NAME
    shown = config if path.is_absolute() else Path(os.path.relpath(config))
    return shown if config.is_file() else None, home.name


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


def _by_content(path: Path) -> Kind:
    data = Document.parse(read_file(path), str(path)).data
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
