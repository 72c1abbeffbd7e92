"""The commands and flags that `run` knows, beside what the real tarmak's own help shows."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tarmak_iam.hook.tarmak.arguments import GLOBAL, ROOT, Command, Flag
from tests.e2e import tarmak_build

TARMAK = tarmak_build.available()
_FLAG = re.compile(r"^ +(?:-(\w), )?--([\w-]+)(?: (string)\b)?", re.MULTILINE)


def known(command: Command, *path: str) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Those whose help is their own: the others give --help to what they run, or are hidden."""
    if command.is_raw or command.name in ("ssh", "kubectl", "help"):
        return
    yield path, command
    for each in command.commands:
        yield from known(each, *path, each.name)


def section(text: str, title: str) -> str:
    found = re.search(rf"^{title}:\n((?:.+\n)*)", text, re.MULTILINE)
    return found[1] if found else ""


def flags(text: str) -> set[Flag]:
    return {Flag(name, short, bool(value)) for short, name, value in _FLAG.findall(text) if name != "help"}


@pytest.mark.parametrize("tarmak", [pytest.param(TARMAK, id=TARMAK.name)])
def test_the_help_of_every_command(tarmak: tarmak_build.Tarmak, tmp_path: Path) -> None:
    if tarmak.path is None:
        pytest.skip(tarmak.reason)
    for path, command in known(ROOT):
        asked = [str(tarmak.path), *path, "--help"]
        done = subprocess.run(asked, capture_output=True, text=True, env={"HOME": str(tmp_path)}, check=True)
        names = {line.split()[0] for line in section(done.stdout, "Available Commands").splitlines()}
        aliases = section(done.stdout, "Aliases").replace(",", "").split()[1:]
        shown = (names, tuple(aliases), flags(section(done.stdout, "Flags")))
        visible = {each.name for each in command.commands if not each.is_raw}
        own = command.flags if path else GLOBAL
        assert shown == (visible, command.aliases, set(own)), path
        if path:
            assert flags(section(done.stdout, "Global Flags")) == set(GLOBAL), path
