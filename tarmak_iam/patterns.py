"""Regular expressions that are compiled when they are first used: together, those of all modules are a large part of
the time that the program takes to start."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any


class _LatePattern:
    """Has all attributes of a `re.Pattern`. Python functions that require one do not accept it."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._written = pattern, flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(*self._written), name)
        setattr(self, name, value)  # not asked for again
        return value

    def __repr__(self) -> str:
        return repr(re.compile(*self._written))


if TYPE_CHECKING:

    def compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
        """The pattern."""
else:
    compiled = _LatePattern
