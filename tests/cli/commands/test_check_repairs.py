"""`check --fix` of files that cannot be used as they are: values in the wrong type, and templates without quotes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.cli.commands.fixable import CONFIG, GOOD
from tests.support import ADMIN, Shell

UNQUOTED = GOOD + f"  - roleARN: {ADMIN}2\n    username: {{{{AccountID}}}}  # theirs\n    groups: [dev]\n"
QUOTED = UNQUOTED.replace("{{AccountID}}", '"{{AccountID}}"')


@pytest.mark.parametrize(
    "args", [["-c", ".", "check"], ["check", "tarmak.yaml"], ["-c", ".", "check", "--all-clusters"]]
)
def test_templates_without_quotes(shell: Shell, home: Path, args: list[str]) -> None:
    """The authenticator cannot read the file, so that quotes give access."""
    path = home / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.parent.mkdir()
    path.write_text(UNQUOTED)
    for options in ((), ("--fix",)):
        error = shell.run(*args, *options, code=2).err
        assert " (fix: `tarmak-iam -c . check --fix --unsafe-fixes`)\n" in error
    diff = shell.run(*args, "--diff", "--unsafe-fixes", code=1)
    assert '+    username: "{{AccountID}}"  # theirs\n' in diff.out
    name = "dev-cluster/aws-iam-authenticator.yaml"
    assert f"\neffect: {name}: the authenticator can read the file, and all of its entries take effect\n" in diff.err
    assert f"\neffect: {ADMIN}2: can log in as {{{{AccountID}}}} with group dev\n" in diff.err
    assert path.read_text() == UNQUOTED
    result = shell.run(*args, "--fix", "--unsafe-fixes", code=None)
    assert "fixed: put the template in quotes: {{AccountID}}\n" in result.err
    assert path.read_text() == QUOTED


def test_templates_without_quotes_in_a_file_of_two_clusters(shell: Shell, home: Path) -> None:
    """It is written once."""
    (home / "tarmak.yaml").write_text(f"{CONFIG}- environment: test\n  metadata:\n    name: cluster\n")
    path, link = (home / f"{each}-cluster" / "aws-iam-authenticator.yaml" for each in ("dev", "test"))
    for each in (path, link):
        each.parent.mkdir()
    path.write_text(UNQUOTED)
    link.symlink_to("../dev-cluster/aws-iam-authenticator.yaml")
    result = shell.run("-c", ".", "check", "--all-clusters", "--fix", "--unsafe-fixes")
    assert "the edit is repeated" not in result.err
    assert (path.read_text(), link.is_symlink()) == (QUOTED, True)


def test_a_repaired_file_of_two_clusters(shell: Shell, home: Path) -> None:
    (home / "tarmak.yaml").write_text(f"{CONFIG}- environment: test\n  metadata:\n    name: cluster\n")
    (home / "dev-cluster").mkdir()
    (home / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(UNQUOTED)
    (home / "test-cluster").symlink_to("dev-cluster")
    line = (
        "effect: dev-cluster/aws-iam-authenticator.yaml: shared with test-cluster; "
        "access to them changes too, and was not checked\n"
    )
    for options, count in ((("--all-clusters",), 0), ((), 1)):
        err = shell.run("-c", ".", "check", *options, "--diff", "--unsafe-fixes", code=1).err
        assert err.count("put the template in quotes") == (1 if count else 2)
        assert err.count(line) == count


def test_a_pipe_is_not_read_again(shell: Shell, tmp_path: Path) -> None:
    """For a fix, which could not be written to it."""
    pipe = tmp_path / "aws-iam-authenticator.yaml"
    os.mkfifo(pipe)

    def write() -> None:
        for _ in range(2):
            pipe.write_text("server:\n  mapRoles:\n  - {roleARN: a, username: {{SessionName}}}\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert "--fix" not in shell.run("check", pipe, code=2).err
    finally:
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # for what is left to be written
        writer.join()
        os.close(reader)
