"""Where tarmak.yaml is: the directory Tarmak itself would take."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from tarmak_iam.command_line import CommandLine
from tarmak_iam.document.files import file_error
from tarmak_iam.errors import FileError, Place

CONFIG_NAME = "tarmak.yaml"
ENVIRONMENT_VARIABLE = "TARMAK_CONFIG"
DEFAULT_DIRECTORY = "~/.tarmak"


def config_path(given: str | Path | None, environ: Mapping[str, str]) -> Path:
    """The file in the given directory (or the given file), else in a non-empty TARMAK_CONFIG, else ~/.tarmak.

    Raises FileError where there is no such file, or it cannot be looked at.
    """
    is_named = given is not None or bool(environ.get(ENVIRONMENT_VARIABLE))
    chosen = _default(environ) if given is None else with_home(given)
    try:
        is_directory = stat.S_ISDIR(chosen.stat().st_mode)
        path = chosen / CONFIG_NAME if is_directory else chosen
        path.stat()
    except FileNotFoundError:
        raise _missing(chosen, directory_option(given, environ), is_named=is_named) from None
    except OSError as error:
        raise file_error("cannot be read", chosen, error) from None
    return path


def with_home(given: str | Path) -> Path:
    """The path with a leading `~/` replaced by the home directory, as Tarmak does it (go-homedir, Expand).

    `./~` is a directory of that name. Raises FileError for another user's home, as in `~alice/x`.
    """
    text = str(given)
    if not text.startswith("~"):
        path = Path(text)
        # pathlib drops the `./`, and whoever expands the path once more would take the rest for the home directory.
        return Path.cwd() / path if str(path).startswith("~") else path
    if text != "~" and not text.startswith("~/"):
        raise FileError(
            "Tarmak does not look up the home directory of another user",
            remedy=f"write the path out, or ./{text} for a directory of that name",
            place=Place(text),
        )
    return Path(text).expanduser()


def directory_option(given: str | Path | None, environ: Mapping[str, str]) -> str | None:
    """What -c must say for the file to be found again: the given directory as it was given, None where it is the one
    that is taken without the option."""
    if given is None:
        return None
    directory = Path(given).parent if Path(given).name == CONFIG_NAME else Path(given)
    is_default = os.path.abspath(directory.expanduser()) == os.path.abspath(_default(environ))
    return None if is_default else str(directory)


def _default(environ: Mapping[str, str]) -> Path:
    return with_home(environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_DIRECTORY)


def _missing(chosen: Path, option: str | None, *, is_named: bool) -> FileError:
    init = CommandLine(option).tarmak("init")
    if chosen.is_dir():
        return FileError(
            f"there is no {CONFIG_NAME} in this directory",
            remedy=f"run `{init}`, or name another directory with -c",
            place=Place(str(chosen)),
        )
    return FileError(
        "there is no such directory",
        remedy=f"{'' if is_named else f'run `{init}`, or '}name the directory of {CONFIG_NAME} with -c or "
        f"{ENVIRONMENT_VARIABLE}",
        place=Place(str(chosen)),
    )
