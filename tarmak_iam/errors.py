"""The error tree: everything that a user can cause is a `TarmakIamError`.

TarmakIamError                str() starts with file:line:col where there is one
├── ParseError (ValueError)   the text is not the YAML or JSON it should be
├── ConfigError (ValueError)  well-formed text that Tarmak, the daemon or we cannot use
├── EditRefused               an edit that cannot be made safely; nothing was changed
├── PolicyRefused             a change that would lock people out, or undo what others did; nothing was changed
├── SelectionError (LookupError)   no such cluster, path or entry
├── FileError (OSError)       a file that cannot be read or written
│   └── FileChanged           a file that no longer holds what was read; nothing was written
└── ToolError                 another program, such as kubectl, that is missing or fails
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tarmak_iam.text import MESSAGE, capped, one_line

__all__ = [
    "ConfigError",
    "EditRefused",
    "FileChanged",
    "FileError",
    "ParseError",
    "Place",
    "PolicyRefused",
    "SelectionError",
    "TarmakIamError",
    "ToolError",
    "place_json",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: a file, and a line and column (both from 1, columns in code points) if known."""

    filename: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [str(self.filename)]
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column))
        return ":".join(parts)


def place_json(place: Place | None) -> dict[str, Any]:
    """A place as all JSON here has it: `file`, `line` and `column`, null where they are not known."""
    if place is None:
        return {"file": None, "line": None, "column": None}
    return {"file": place.filename, "line": place.line, "column": place.column}


class TarmakIamError(Exception):
    """Base of every error this package raises on purpose.

    `what` says what is wrong, `remedy` (may be empty) what to do about it, `place` where. Neither text is longer than
    `longest`: a file that is quoted in it would be.
    """

    longest: ClassVar[int] = MESSAGE

    def __init__(self, what: str, *, remedy: str = "", place: Place | None = None) -> None:
        self.what = capped(what, self.longest)
        self.remedy = capped(remedy, self.longest)
        super().__init__(self.what)
        self.place = place

    @property
    def message(self) -> str:
        """What is wrong and what to do, on one line, without the place."""
        return one_line(f"{self.what}; {self.remedy}" if self.remedy else self.what)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class ParseError(TarmakIamError, ValueError):
    """The text is not well-formed."""


class ConfigError(TarmakIamError, ValueError):
    """Well-formed text whose meaning cannot be used."""


class EditRefused(TarmakIamError):
    """An edit that cannot be made without changing something else. The document is as it was."""


class PolicyRefused(TarmakIamError):
    """A change that would lock people out, or overwrite what is somebody else's. Nothing was changed; where it may be
    made all the same, the remedy names the option."""


class SelectionError(TarmakIamError, LookupError):
    """Something was asked for by name that is not there."""


class FileError(TarmakIamError, OSError):
    """A file that cannot be found, read or written."""


class FileChanged(FileError):
    """A file that is to be replaced, and no longer holds what was read of it. Nothing was written."""


class ToolError(TarmakIamError):
    """Another program that is not there, fails, or does not end: what was done until then is told whole."""

    longest = 10 * MESSAGE
