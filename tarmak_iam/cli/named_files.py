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
from tarmak_iam.document.files import read_file
from tarmak_iam.errors import ConfigError, FileError, Place
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


def named_file(path: Path) -> NamedFile:
    """By its name, else by what is in it; a directory is that of a tarmak.yaml.

    Raises TarmakIamError for one that is not there, or none of these.
    """
    path = _existing(path)
    kind = next((each for each in Kind if each.value == path.name), None) or _by_content(path)
    if kind is Kind.CONFIG:
        return NamedFile(path, kind, path)
    home = Path(os.path.abspath(path)).parent
    config = home.parent / CONFIG_NAME
    shown = config if path.is_absolute() else Path(os.path.relpath(config))
    is_ours = path.name == kind.value and config.is_file()
    return NamedFile(path, kind, shown if is_ours else None, home.name)


def _existing(path: Path) -> Path:
    if path.is_dir():
        if (path / CONFIG_NAME).exists():
            return path / CONFIG_NAME
        raise FileError(f"there is no {CONFIG_NAME} in this directory", remedy="name a file", place=Place(str(path)))
    if path.exists():
        return path
    if path.is_symlink():
        remedy = f"the link leads to {os.readlink(path)}"
        raise FileError("there is no such file", remedy=remedy, place=Place(str(path)))
    near = closest(path.name, _names_beside(path))
    remedy = f"did you mean {path.parent / near}?" if near else "check the path"
    raise FileError("there is no such file", remedy=remedy, place=Place(str(path)))


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
    if {str(key).lower() for key in top} & {"clusterid", "server"}:
        return Kind.MAPPINGS
    raise ConfigError(
        "this is neither a tarmak.yaml nor mappings of the authenticator",
        remedy=f"name a {CONFIG_NAME}, {MAPPINGS_NAME} or {SETTINGS_NAME}; `map import` reads other formats",
        place=Place(str(path)),
    )
