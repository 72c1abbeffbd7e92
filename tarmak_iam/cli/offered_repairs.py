"""Errors for files that cannot be used as they are, but can be repaired: they name the command that repairs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tarmak_iam.errors import ConfigError, FileError, ParseError

if TYPE_CHECKING:
    from tarmak_iam.command_line import CommandLine
    from tarmak_iam.config.repairs import RepairedFile
    from tarmak_iam.files.boundary import Boundary


@contextmanager
def types_offered(command_line: CommandLine) -> Iterator[None]:
    """For a tarmak.yaml whose values have the wrong type."""

    def repaired(path: Path) -> RepairedFile | None:
        from tarmak_iam.config.type_repairs import with_types_repaired
        from tarmak_iam.files.read import read_file

        return with_types_repaired(read_file(path), str(path))

    try:
        yield
    except (ConfigError, ParseError) as error:
        _offer(error, repaired, command_line.tarmak_iam("check"))
        raise


@contextmanager
def quotes_offered(path: Path, within: Boundary, command: str) -> Iterator[None]:
    """For a mappings file with templates without quotes; `command` is that without options."""

    def repaired(of_error: Path) -> RepairedFile | None:
        from tarmak_iam.files.read import read_if_present
        from tarmak_iam.mappings.template_repairs import with_templates_quoted

        data = read_if_present(path, within) if path == of_error else None
        return None if data is None else with_templates_quoted(data, str(path))

    try:
        yield
    except ParseError as error:
        _offer(error, repaired, command)
        raise


def _offer(error: ConfigError | ParseError, repaired: Callable[[Path], RepairedFile | None], command: str) -> None:
    path = Path(error.place.filename) if error.place is not None else None
    with suppress(FileError):
        found = repaired(path) if path is not None and path.is_file() else None
        if found is not None:
            option = "--fix" if found.is_safe else "--fix --unsafe-fixes"
            error.remedy = f"{error.remedy or 'it can be repaired'} (fix: `{command} {option}`)"
