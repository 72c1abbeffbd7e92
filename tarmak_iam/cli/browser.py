"""A page in the user's browser, from a file that only the user can read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tarmak_iam.cli.console import note, record_written
from tarmak_iam.errors import FileError

_DISPLAYS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
"""Without these there is no graphical browser, except on macOS and Windows. `webbrowser` would start one in the
terminal, if it found one."""


def open_page(name: str, content: bytes) -> None:
    """Writes the page to a new file in a private temporary directory (modes 0600 and 0700), opens it, and prints where
    it is. The file stays: a browser reads it whenever it is ready. Raises FileError if it cannot be written."""
    path = _write_privately(name, content)
    record_written(path)
    if _has_display() and _open(path):
        note(f"opened {path} in the browser; remove the file when it is no longer needed")
    else:
        note(f"no browser found; open {path} yourself, and remove the file when it is no longer needed")


def _write_privately(name: str, content: bytes) -> Path:
    import tempfile

    try:
        path = Path(tempfile.mkdtemp(prefix="tarmak-iam-")) / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise FileError(
            f"cannot write {name} to a temporary directory: {error.strerror or error}",
            remedy="set TMPDIR to a directory that can be written to, or print the page with -o html",
        ) from None
    return path


def _has_display() -> bool:
    return sys.platform in ("darwin", "win32", "cygwin") or any(os.environ.get(name) for name in _DISPLAYS)


def _open(path: Path) -> bool:
    """Whether a browser was started."""
    import webbrowser

    try:
        return webbrowser.open(path.as_uri())
    except (OSError, webbrowser.Error):
        return False
