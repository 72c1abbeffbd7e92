"""The error tree. Every error that a user can cause is a `TarmakIamError`.

TarmakIamError                str() starts with file:line:col where the place is known
├── ParseError (ValueError)   the text is not valid YAML or JSON
├── ConfigError (ValueError)  the text is valid, but Tarmak, the authenticator or tarmak-iam cannot use it
├── EditRefused               an edit cannot be made safely; nothing was changed
├── PolicyRefused             a change would lock users out, or undo the changes of others; nothing was changed
├── SelectionError (LookupError)   a cluster, path or entry does not exist
├── FileError (OSError)       a file cannot be found, read or written
│   └── FileChanged           a file has changed since it was read; nothing was written
└── ToolError                 another program, such as kubectl, is missing or fails
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

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


class Place(NamedTuple):
    """A place in a file: its name, and the line and column if they are known. Both count from 1, columns in code
    points."""

    filename: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in self if part is not None)


def place_json(place: Place | None) -> dict[str, Any]:
    """A place as all JSON output has it: `file`, `line` and `column`, each null if it is not known."""
    return dict(zip(("file", "line", "column"), place or (None, None, None), strict=True))


class TarmakIamError(Exception):
    """Base class of every error that this package raises on purpose.

    `what` says what is wrong, `remedy` what to do about it (may be empty), and `place` where it is (may be None).
    `recovery` is the state of the recovery access, if the error is about a loss of access.
    Texts longer than `longest` characters are shortened, because they may quote a whole file.
    """

    longest: ClassVar[int] = MESSAGE

    def __init__(self, what: str, *, remedy: str = "", place: Place | None = None, recovery: str = "") -> None:
        self.recovery = recovery
        self.what, self.remedy, self.place = capped(what, self.longest), capped(remedy, self.longest), place
        super().__init__(self.what)

    @property
    def message(self) -> str:
        """`what`, `remedy` and `recovery` on one line, without the place."""
        return one_line("; ".join(filter(None, (self.what, self.remedy, self.recovery))))

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class ParseError(TarmakIamError, ValueError):
    """The text is not valid YAML or JSON. Also a ValueError."""


class ConfigError(TarmakIamError, ValueError):
    """Valid YAML or JSON whose content cannot be used. Also a ValueError."""


class EditRefused(TarmakIamError):
    """An edit cannot be made without changing something else. The document is unchanged."""


class PolicyRefused(TarmakIamError):
    """A change would lock users out, or overwrite something that tarmak-iam does not manage. Nothing was changed. If an
    option allows the change anyway, the remedy names it."""


class SelectionError(TarmakIamError, LookupError):
    """The cluster, path or entry that was requested does not exist. Also a LookupError."""


class FileError(TarmakIamError, OSError):
    """A file cannot be found, read or written. Also an OSError."""


class FileChanged(FileError):
    """The file to replace has changed since it was read. Nothing was written."""


class ToolError(TarmakIamError):
    """Another program is missing, fails, or does not end. Its message may be longer than that of other errors: it
    reports everything that was done before."""

    longest = 10 * MESSAGE


_OF_KUBECONFIG = re.compile(
    r"""(?m)(?:^|[{,])[ \t]*["']?(?:users|contexts|current-context|[a-z-]*(?:key|authority)-data)["']?[ \t]*:"""
)
"""Keys that no other file has that tarmak-iam reads."""


@contextlib.contextmanager
def unquoted(file: str = "the kubeconfig") -> Iterator[None]:
    """ParseErrors have a place, but nothing of the text of a file that may contain credentials. Some are raised when
    the values of a document are read."""
    try:
        yield
    except ParseError as error:
        remedy = "fix it there; its text is not shown here because it may contain credentials"
        raise ParseError(f"{file} is not well-formed YAML or JSON", remedy=remedy, place=error.place) from None


def unquoted_kubeconfig(data: bytes | str) -> contextlib.AbstractContextManager[None]:
    """As `unquoted`, if a file that may be of any kind looks like a kubeconfig."""
    text = data if isinstance(data, str) else data.replace(b"\0", b"").decode("utf-8", "replace")
    return unquoted() if _OF_KUBECONFIG.search(text) else contextlib.nullcontext()
