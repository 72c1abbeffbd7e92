"""set, unset, show: what a person types for the section, taken, refused and shown."""

from __future__ import annotations

from tests.support import Shell

BUCKET = "internalELBAccessLogs.bucket"


def test_windows_line_ends_stay(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    before = file.read_bytes()
    shell.dev("config", "set", BUCKET, "b")
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n") == before.count(b"\n") + 3
    shell.dev("config", "unset", BUCKET)
    assert file.read_bytes() == before
