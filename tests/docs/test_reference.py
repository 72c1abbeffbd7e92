"""The reference is what the program says now; `make reference` writes it anew."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tarmak_iam
from tarmak_iam.cli.console import ExitCode
from tarmak_iam.installation.images import DEFAULT_IMAGE
from tests.cli.test_transcripts import TRANSCRIPTS
from tests.docs.reference import GENERATED, TARGET, WRITTEN
from tests.docs.reference.api import MODULES, module_of, public_names
from tests.docs.reference.commands import codes_of
from tests.docs.reference.signatures import is_class
from tests.support import ROOT
from tests.support.commands import CONTEXTS


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.relative_to(TARGET).as_posix())
def test_it_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == GENERATED[path](), "run `make reference`"


def test_the_text_about_versions_has_the_default_image() -> None:
    assert f"\n{DEFAULT_IMAGE}\n" in (TARGET / "versions.md").read_text(encoding="utf-8")


def _exits() -> Iterator[tuple[tuple[str, ...], int]]:
    """The commands in the transcripts, with their exit codes."""
    known = {tuple(context.command_path.split()[1:]) for context in CONTEXTS}
    for step in re.split(r"(?m)^\$ ", "\n".join(TRANSCRIPTS.values())):
        if step.startswith("tarmak-iam ") and (code := re.search(r"(?m)^\? (\d+)$", step)):
            names: tuple[str, ...] = ()
            for word in step.partition("\n")[0].split():
                names = (*names, word) if (*names, word) in known else names
            yield names, int(code[1])


def test_every_exit_code_of_a_command_is_described() -> None:
    exits = set(_exits())
    assert (("map", "import"), 1) in exits
    assert [(" ".join(names), code) for names, code in sorted(exits) if code not in codes_of(names)] == []


def test_the_table_of_exit_codes_is_complete() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| ([\d, ]+) \|", page.partition("## Exit codes")[2])
    assert [int(code) for row in rows for code in row.split(",")] == [*ExitCode]


def test_nothing_else_is_there() -> None:
    assert {path for path in TARGET.rglob("*") if path.is_file()} == {*GENERATED, *WRITTEN}


@pytest.mark.parametrize("module", ["tarmak_iam", *MODULES])
def test_every_public_class_and_function_says_what_it_is(module: str) -> None:
    names = tarmak_iam.__all__ if module == "tarmak_iam" else public_names(module)
    values = {name: getattr(module_of(module), name) for name in names}
    callables = {name: value for name, value in values.items() if is_class(value) or inspect.isfunction(value)}
    assert [name for name, value in callables.items() if not _own_docstring(value)] == []


def _own_docstring(value: object) -> bool:
    text = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    made_by_dataclass = inspect.isclass(value) and (text or "").startswith(f"{value.__name__}(")
    return bool(text) and not made_by_dataclass


def test_every_name_of_the_package_has_a_page() -> None:
    described = {id(getattr(module_of(module), name)) for module in MODULES for name in public_names(module)}
    names = [name for name in tarmak_iam.__all__ if not name.startswith("__")]
    assert [name for name in names if id(getattr(tarmak_iam, name)) not in described] == []
