"""`doctor` as a person uses it, on many files; the files of `webhook` are in test_webhook."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import Shell


def test_a_rendered_directory_of_many_mappings(shell: Shell, tmp_path: Path) -> None:
    """Each is a file of its own."""
    entries = "".join(
        f"  - roleARN: arn:aws:iam::111122223333:role/Role{number}\n    username: role{number}\n    groups: [dev]\n"
        for number in range(210)
    )
    (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(f"server:\n  mapRoles:\n{entries}")
    shell.dev("render", "--output-dir", tmp_path / "out", "--backend", "CRD")
    assert shell.dev("doctor", tmp_path / "out").out == ""


def test_more_than_anybody_means_to_have_looked_at(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(f"# {'x' * 6_000_000}\n")
    remedy = "specify the directory with the authenticator's files"
    assert shell.run("doctor", tmp_path, code=2).err == (
        f"{tmp_path}: error: its YAML and JSON files have more than 10,485,760 bytes, the limit; {remedy}\n"
    )
    monkeypatch.setattr("tarmak_iam.doctor.file_tree._MANY", 1)
    assert shell.run("doctor", tmp_path, code=2).err == (
        f"{tmp_path}: error: it contains 2 YAML and JSON files, and the limit is 1; {remedy}\n"
    )
