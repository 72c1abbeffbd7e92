"""Where tarmak.yaml is: in the directory that Tarmak itself would use."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from tarmak_iam.errors import FileError, Place
from tarmak_iam.files.read import file_error
from tarmak_iam.text import CommandLine

CONFIG_NAME = "tarmak.yaml"
ENVIRONMENT_VARIABLE = "TARMAK_CONFIG"
DEFAULT_DIRECTORY = "~/.tarmak"


def config_path(given: str | Path | None, environ: Mapping[str, str]) -> Path:
    """The file in the given directory (or the given file), else in a non-empty TARMAK_CONFIG, else in ~/.tarmak. Raises
    FileError if the file does not exist or cannot be read."""
    chosen = _default(environ) if given is None else with_home(given)
    try:
        path = chosen / CONFIG_NAME if stat.S_ISDIR(chosen.stat().st_mode) else chosen
        path.stat()
    except FileNotFoundError:
        init = CommandLine(directory_option(given, environ)).tarmak("init")
        what, remedy = (
            f"{CONFIG_NAME} not found in this directory",
            f"run `{init}`, or specify another directory with -c",
        )
        if not chosen.is_dir():
            what = "file not found" if chosen.name == CONFIG_NAME else "directory not found"
            remedy = f"specify the directory of {CONFIG_NAME} with -c or {ENVIRONMENT_VARIABLE}"
            if given is None and not environ.get(ENVIRONMENT_VARIABLE):
                remedy = f"run `{init}`, or {remedy}"
        raise FileError(what, remedy=remedy, place=Place(str(chosen))) from None
    except OSError as error:
        raise file_error("cannot be read", chosen, error) from None
    return path


def with_home(given: str | Path) -> Path:
    """The path with a leading `~/` replaced by the home directory, as Tarmak does it (go-homedir, Expand). `./~` is a
    directory of that name. Raises FileError for another user's home, as in `~alice/x`."""
    text = str(given)
    if not text.startswith("~"):
        path = Path(text)
        # pathlib drops the `./`, and if the path is expanded again, the rest would be read as the home directory.
        return Path.cwd() / path if str(path).startswith("~") else path
    if text != "~" and not text.startswith("~/"):
        what = "Tarmak does not expand the home directory of another user"
        remedy = f"write the complete path, or ./{text} for a directory of that name"
        raise FileError(what, remedy=remedy, place=Place(text))
    return Path(text).expanduser()


def directory_option(given: str | Path | None, environ: Mapping[str, str]) -> str | None:
    """The value of -c with which the file is found again: the directory as it was given, None if it is the default."""
    if given is None:
        return None
    directory = Path(given).parent if Path(given).name == CONFIG_NAME else Path(given)
    is_default = os.path.abspath(directory.expanduser()) == os.path.abspath(_default(environ))
    return None if is_default else str(directory)


def _default(environ: Mapping[str, str]) -> Path:
    return with_home(environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_DIRECTORY)
