"""The commands and flags that `run` knows, beside what the real tarmak's own help shows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tarmak_iam.hook.tarmak.arguments import ALIASES, COMMANDS, GLOBAL, Flag
from tests.e2e import tarmak_build

TARMAK = tarmak_build.available()
_FLAG = re.compile(r"^ +(?:-(\w), )?--([\w-]+)(?: (string)\b)?", re.MULTILINE)


def section(text: str, title: str) -> str:
    found = re.search(rf"^{title}:\n((?:.+\n)*)", text, re.MULTILINE)
    return found[1] if found else ""


def flags(text: str) -> set[Flag]:
    return {Flag(name, short, bool(value)) for short, name, value in _FLAG.findall(text) if name != "help"}


@pytest.mark.parametrize("tarmak", [pytest.param(TARMAK, id=TARMAK.name)])
def test_the_help_of_every_command(tarmak: tarmak_build.Tarmak, tmp_path: Path) -> None:
    if tarmak.path is None:
        pytest.skip(tarmak.reason)
    for path, own in ((), ()), *COMMANDS.items():
        asked = [str(tarmak.path), *path, "--help"]
        done = subprocess.run(asked, capture_output=True, text=True, env={"HOME": str(tmp_path)}, check=True)
        assert flags(section(done.stdout, "Flags")) == set(own if path else GLOBAL), path
        if path:
            assert flags(section(done.stdout, "Global Flags")) == set(GLOBAL), path
        aliases = section(done.stdout, "Aliases").replace(",", "").split()[1:]
        assert {ALIASES.get(alias) for alias in aliases} <= set(path), path
