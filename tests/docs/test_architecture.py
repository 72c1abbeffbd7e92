"""docs/architecture.md and CONTRIBUTING.md: every path, name and target of make is there, the rooms are those of
setup.cfg, and no change of the table takes too many files."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from pkgutil import resolve_name

import pytest

from tests.mutants import CHECKED, WANTED
from tests.support import PACKAGE, ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

FILES = {
    "add a backend": 5,
    "add a column to the report": 5,
}
MOST = 3
"""Code files of a change that FILES does not name."""

CHANGES = [
    "add a flag of a new daemon release",
    "add a rule",
    "add a backend",
    "add a section of tarmak.yaml",
    "emit Helm values, or another artifact",
    "add an output format of `check`",
    "add a column to the report",
    "fix a YAML edge case",
    "add an exit code",
    "rename a setting",
    "handle a quirk of kubectl",
    "read another tool's mappings",
]


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first column has that heading, without its first two lines."""
    table = text[text.index(f"| {heading} |") :].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def commands(text: str) -> list[str]:
    """What is in spans and blocks of code, without the comments there."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [*spans(text), *(line.split("#")[0] for block in blocks for line in block.splitlines())]


def layers() -> list[list[str]]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = parser["importlinter:contract:layers"]["layers"].split("\n")
    return [[each.strip().removeprefix("tarmak_iam.") for each in line.split("|")] for line in lines if line.strip()]


def test_the_rooms_are_those_of_setup_cfg() -> None:
    assert [spans(room) for room, *_ in rows(PAGE, "room")] == layers()


def names(text: str) -> list[str]:
    return sorted({each for each in spans(text) if re.fullmatch(r"tarmak_iam(\.\w+)+", each)})


def paths(text: str) -> list[str]:
    """Those of files and folders, and those without their first part: `cli/commands`."""
    found = {word for each in commands(text) for word in each.split() if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", word)}
    found -= set(CHECKED)
    listed = {each for each in found if "/" in each or re.search(r"\.(py|md|cfg|json)\Z", each)}
    return sorted(each for each in listed if not each.startswith((".venv", "build", "../", "test_MODULE")))


@pytest.mark.parametrize("name", names(PAGE))
def test_a_name_is_there(name: str) -> None:
    resolve_name(name)


@pytest.mark.parametrize("path", paths(PAGE) + paths(CONTRIBUTING))
def test_a_path_is_there(path: str) -> None:
    if path.startswith(".") and not (ROOT / ".git").exists():
        pytest.skip("an sdist has no hidden files")
    assert any((folder / path).exists() for folder in (ROOT, PACKAGE.parent, PACKAGE))


def test_the_changes_are_the_twelve() -> None:
    assert [change for change, *_ in rows(PAGE, "I want to ...")] == CHANGES


@pytest.mark.parametrize(
    ("change", "files"), [(change, spans(files)) for change, files, _ in rows(PAGE, "I want to ...")]
)
def test_a_change_takes_few_files(change: str, files: list[str]) -> None:
    assert 0 < len(files) <= FILES.get(change, MOST)
    assert len(set(files)) == len(files)
    assert all((PACKAGE.parent / each).is_file() for each in files)


def made(text: str) -> set[str]:
    """The targets of make that commands name."""
    calls = [words[words.index("make") + 1 :] for words in map(str.split, commands(text)) if "make" in words]
    return {target for targets in calls for target in targets}


def test_the_targets_of_make_are_there_and_explained() -> None:
    makefile = Path(ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    assert made(CONTRIBUTING) | made(PAGE) <= targets
    assert made(CONTRIBUTING) >= targets - {"clean"}


def test_the_shares_of_mutants_are_as_wanted() -> None:
    for module, mutants, killed, share in rows(PAGE, "module"):
        assert spans(module)[0] in CHECKED
        assert share == f"{100 * int(killed) / int(mutants):.0f} %"
        assert 100 * int(killed) / int(mutants) >= WANTED
