"""Whether an installed distribution may have entry points of a group, without importing `importlib.metadata`.

It reads the same files as `importlib.metadata`: entry_points.txt in the directories *.dist-info and *.egg-info of the
import path. Wherever distributions may come from elsewhere, the answer is yes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

_METADATA = (".dist-info", ".egg-info")
_ENTRY_POINTS = "entry_points.txt"


def may_have_group(group: str) -> bool:
    """False only if no installed distribution has an entry point of the group."""
    return _has_other_finders(sys.meta_path) or any(_mentions(directory, group.encode()) for directory in sys.path)


def _has_other_finders(finders: Iterable[object]) -> bool:
    """Whether anything but Python's own finder of paths finds distributions."""
    return any(hasattr(each, "find_distributions") and not _is_path_finder(each) for each in finders)


def _is_path_finder(finder: object) -> bool:
    name = getattr(finder, "__module__", ""), getattr(finder, "__name__", "")
    return name == ("_frozen_importlib_external", "PathFinder")


def _mentions(directory: object, group: bytes) -> bool:
    """Whether a distribution in a directory of the import path may have the group."""
    if not isinstance(directory, str) or directory.lower().endswith(".egg"):
        return True
    try:
        names = os.listdir(directory or ".")
    except FileNotFoundError:  # such as python311.zip
        return False
    except OSError:  # a ZIP archive
        return True
    return any(
        _file_mentions(os.path.join(directory, name, _ENTRY_POINTS), group)
        for name in names
        if name.lower().endswith(_METADATA)
    )


def _file_mentions(path: str, group: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return group in file.read()
    except (FileNotFoundError, NotADirectoryError):  # no entry points; or *.egg-info is a file, which has none
        return False
    except OSError:
        return True
