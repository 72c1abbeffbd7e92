"""docs/architecture.md and CONTRIBUTING.md: every path, name and target of make is there, the rooms are those of
setup.cfg, and no change of the table takes too many files."""

from __future__ import annotations

import configparser
import re
from pkgutil import resolve_name

import pytest

from tests.mutants import CHECKED, WANTED, selection
from tests.support import PACKAGE, ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MOST_FILES = 5
"""Of code, for one change."""


def rows(heading: str) -> list[list[str]]:
    """The cells of the page's table whose first column has that heading, without its first two lines."""
    table = PAGE[PAGE.index(f"| {heading} |") :].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def commands(text: str) -> list[str]:
    """What is in spans and blocks of code, without the comments there."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [*spans(text), *(line.split("#")[0] for block in blocks for line in block.splitlines())]


def test_the_rooms_are_those_of_setup_cfg() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    layers = parser["importlinter:contract:layers"]["layers"].split()
    assert [name for room, *_ in rows("room") for name in spans(room)] == [
        layer.removeprefix("tarmak_iam.") for layer in layers if layer != "|"
    ]


def test_names_and_paths_are_there() -> None:
    for name in spans(PAGE):
        if re.fullmatch(r"tarmak_iam(\.\w+)+", name):
            resolve_name(name)
    words = {word for text in (PAGE, CONTRIBUTING) for each in commands(text) for word in each.split()} - set(CHECKED)
    paths = {word for word in words if re.fullmatch(r"\w[\w.-]*(/[\w.-]+)+/?|[\w-]+\.(py|md|cfg|json)", word)}
    known = sorted(path for path in paths if not path.startswith(("build", "test_MODULE")))
    folders = (ROOT, PACKAGE.parent, PACKAGE)
    assert [path for path in known if not any((folder / path).exists() for folder in folders)] == []


@pytest.mark.parametrize(("change", "files"), [(change, spans(files)) for change, files, _ in rows("I want to ...")])
def test_a_change_takes_few_files(change: str, files: list[str]) -> None:
    assert 0 < len(set(files)) == len(files) <= MOST_FILES, change
    assert [path for path in files if not (PACKAGE.parent / path).is_file()] == []


def test_the_targets_of_make_are_there_and_explained() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())

    def named(text: str) -> set[str]:
        calls = [words[words.index("make") + 1 :] for words in map(str.split, commands(text)) if "make" in words]
        return {target for call in calls for target in call}

    assert named(CONTRIBUTING) | named(PAGE) <= targets
    assert named(CONTRIBUTING) >= targets - {"clean"}


def test_the_shares_of_mutants_are_as_wanted() -> None:
    assert [name for name in CHECKED if not (PACKAGE / f"{name}.py").exists() or not selection(name)] == []
    for module, mutants, killed, share in rows("module"):
        assert spans(module)[0] in CHECKED
        assert share == f"{100 * int(killed) / int(mutants):.0f} %"
        assert 100 * int(killed) / int(mutants) >= WANTED
