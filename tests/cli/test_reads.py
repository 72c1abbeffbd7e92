"""How often a command reads the mappings file, and loads the authenticator: once for each content."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tarmak_iam.document import Document
from tarmak_iam.document.parsed import read_tree
from tarmak_iam.document.windows import Unsuitable
from tarmak_iam.identity.authenticator import Authenticator
from tests.support import Shell, both_ways

ADMIN = "arn:aws:iam::111122223333:role/Admin"

MAPPINGS = f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - roleARN: {ADMIN}
    username: admin
    groups: [system:masters]
  - roleARN: arn:aws:iam::111122223333:role/Dev
    username: dev
    groups: [dev]
"""

NEW = ("map", "add", "arn:aws:iam::111122223333:role/New", "--username", "new", "--group", "dev")
UPDATED = ("map", "add", ADMIN, "--username", "other", "--group", "system:masters")
REMOVED = ("map", "remove", "arn:aws:iam::111122223333:role/Dev")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts readings of mappings files, loadings of the authenticator, and copies of a mappings file's values."""
    counts: Counter[str] = Counter()
    monkeypatch.setattr(both_ways, "LARGEST", 0)  # edits are made once,
    monkeypatch.setattr("tarmak_iam.document.engine.Window", Mock(side_effect=Unsuitable))  # and in the whole text
    load, copied = Authenticator.of.__func__, Document.data.fget  # type: ignore[attr-defined]

    def counting_read(source: Any, *args: Any, **options: Any) -> Any:
        counts["parses"] += "mapRoles" in source.text
        return read_tree(source, *args, **options)

    def counting_load(cls: Any, given: Any) -> Any:
        counts["loads"] += 1
        return load(cls, given)

    def counting_copy(document: Document) -> Any:
        counts["copies"] += "mapRoles" in document.text
        assert copied is not None
        return copied(document)

    for module in ("parsed", "engine"):
        monkeypatch.setattr(f"tarmak_iam.document.{module}.read_tree", counting_read)
    monkeypatch.setattr(Authenticator, "of", classmethod(counting_load))
    monkeypatch.setattr(Document, "data", property(counting_copy))
    return counts


@pytest.fixture
def file(shell: Shell) -> Path:
    path = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.write_text(MAPPINGS)
    return path


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("command", [NEW, UPDATED, REMOVED], ids=["add", "update", "remove"])
@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--force",), ("--me", ADMIN)])
def test_an_edit_reads_the_file_before_and_after(
    shell: Shell, counted: Counter[str], command: tuple[str, ...], more: tuple[str, ...]
) -> None:
    shell.dev(*command, *more, code=None)
    assert counted["parses"] <= 2
    assert (counted["loads"], counted["copies"]) == (2, 0)


def test_other_commands_read_it_once(shell: Shell, file: Path, counted: Counter[str]) -> None:
    """Also an edit that changes nothing, and a check of a file with the ID of another cluster."""
    commands = {"map list": 0, f"whois {ADMIN}": 1, "check": 1, "report": 1, f"map add {ADMIN} --username admin": 0}
    for command, loads in commands.items():
        counted.clear()
        shell.dev(*command.split(), code=None)
        assert counted == Counter(parses=1, loads=loads), command
    file.write_text(MAPPINGS.replace("dev-cluster", "other"))
    counted.clear()
    shell.dev("check", code=None)
    assert counted == Counter(parses=1, loads=1)
