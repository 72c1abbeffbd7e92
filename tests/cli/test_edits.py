"""Edits at once: each waits for its turn, and none is lost."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.cli import edits as editing
from tarmak_iam.files import atomic, turns
from tarmak_iam.files.lock import file_lock, lock_file_of
from tests.support import ADMIN, ROOT, Shell
from tests.support.forks import TARMAK_IAM, write_program

DEV = "arn:aws:iam::111122223333:role/Dev"
OTHER = f"server:\n  mapRoles:\n  - {{roleARN: '{DEV}', username: dev}}\n"
ADD = ("map", "add", ADMIN, "--username", "a", "--group", "system:masters")
EDITS = {
    "tarmak.yaml": [
        "enable",
        "disable",
        "config set internalELBAccessLogs.bucket logs",
        "config unset internalELBAccessLogs.bucket",
        "config set kubernetes.version 1.13.1",
        "config unset kubernetes.version",
        "config append kubernetes.apiServer.allowCIDRs 203.0.113.0/24",
        "config patch patch.yaml",
        "schema --output-dir schemas --modeline",
    ],
    "mappings-and-settings": [
        f"map add {ADMIN} --username a",
        f"map remove {ADMIN}",
        "map import other.yaml",
        "settings set profile p",
        "settings unset profile",
        "schema --output-dir schemas --modeline",
    ],
    "kubeconfig": ["kubeconfig --merge single/kubeconfig"],
}
BUSY = {
    "tarmak.yaml": "is editing tarmak.yaml, or running a tarmak that rewrites it",
    "mappings-and-settings": "is editing the mappings or settings",
    "kubeconfig": "is editing this kubeconfig",
}


def ignored(_: str) -> str:
    return ""


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_waits_for_its_turn_and_not_for_ever(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "patch.yaml").write_text("kubernetes: {version: 1.13.1}\n")
    (tmp_path / "other.yaml").write_text(OTHER)
    monkeypatch.setattr(turns, "_SECONDS", 0.2)
    monkeypatch.setattr(turns, "_PATIENCE", 0)
    lock = lock_file_of(shell.single / name)
    busy = f"process {os.getpid()} {BUSY[name]}"
    before = (shell.single / "tarmak.yaml").read_bytes()
    with file_lock(lock, ignored):
        for edit in EDITS[name]:
            err = shell.dev(*edit.split(), code=2).err
            assert err == f"waiting up to 0.2 seconds: {busy}\n{lock}: error: {busy}; run again when it is done\n", edit
            assert "waiting" not in shell.dev(*edit.split(), "--dry-run", code=None).err, edit
    assert (shell.single / "tarmak.yaml").read_bytes() == before
    assert not (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").exists()


def test_a_turn_that_comes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the one before has left is what the edit is made on."""
    monkeypatch.setattr(turns, "_PATIENCE", 0)
    path, held, done = shell.single / "tarmak.yaml", threading.Event(), threading.Event()

    def edit_slowly() -> None:
        with file_lock(lock_file_of(path), ignored):
            held.set()
            done.wait(600)
            path.write_text(f"# edited\n{path.read_text()}")

    monkeypatch.setattr(editing, "note", lambda _: done.set())
    other = threading.Thread(target=edit_slowly)
    other.start()
    assert held.wait(600)
    shell.dev("enable")
    other.join()
    text = path.read_text()
    assert text.startswith("# edited\n")
    assert "awsIAMAuthenticatorInit: true" in text


def test_no_lock_is_left_behind_and_the_link_has_its_own_directory(shell: Shell, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "tarmak.yaml").symlink_to(shell.single / "tarmak.yaml")
    assert lock_file_of(linked / "tarmak.yaml") == shell.single / ".tarmak.yaml.edit.lock"
    shell.run("-c", linked, "enable")
    shell.dev(*ADD)
    assert [each.name for each in (*shell.single.iterdir(), *linked.iterdir()) if "lock" in each.name] == []


def test_where_no_lock_can_be_made_it_does_without(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a directory that may not be written to, but for the cluster's own in it; or on a file system without."""
    real, asked = os.open, list[str]()

    def refused(path: Any, *args: Any, **options: Any) -> int:
        if str(path).endswith(".edit.lock"):
            asked.append(os.path.basename(path))
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        assert "be locked" not in shell.dev(*ADD).err
    assert asked == [".mappings-and-settings.edit.lock"]

    def unsupported(*_: object) -> None:
        raise OSError("Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    assert "locked" not in shell.dev("enable").err


def edited_meanwhile(monkeypatch: pytest.MonkeyPatch, path: Path, *texts: str) -> None:
    """By an editor without our lock, which is faster as often as there are texts."""
    check, left = atomic._check_unchanged, list(texts)

    def faster(*args: Any) -> None:
        if left and args[0] == path:
            path.write_text(left.pop(0))
        check(*args)

    monkeypatch.setattr(atomic, "_check_unchanged", faster)


def test_an_edit_is_made_again_on_what_an_editor_left(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shell.single / "tarmak.yaml"
    edited_meanwhile(monkeypatch, path, f"# by hand\n{path.read_text()}")
    done = shell.dev("enable")
    assert done.err.splitlines()[0] == f"{path}: note: another program has changed the file; the edit is repeated"
    assert path.read_text().startswith("# by hand\n")
    assert "awsIAMAuthenticatorInit: true" in path.read_text()
    assert "by hand" not in "".join(line for line in done.out.splitlines() if line.startswith(("+", "-")))


def test_an_editor_that_is_always_faster_or_leaves_nothing_to_edit(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shell.single / "tarmak.yaml"
    text = path.read_text()
    edited_meanwhile(monkeypatch, path, "kind: nonsense\n")
    assert "kind is 'nonsense'" in shell.dev("enable", code=2).err
    assert path.read_text() == "kind: nonsense\n"
    path.write_text(text)
    edited_meanwhile(monkeypatch, path, *(f"# {number}\n{text}" for number in range(9)))
    err = shell.dev("enable", code=2).err
    assert "the file has changed since it was read; nothing was written; run again" in err
    assert path.read_text().startswith("# 4\n")


def test_standard_input_is_read_once(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.dev(*ADD)
    path = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    edited_meanwhile(monkeypatch, path, f"# by hand\n{path.read_text()}")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(OTHER.encode())))
    shell.dev("map", "import", "-")
    assert path.read_text().startswith("# by hand\n")
    assert DEV in path.read_text()


def test_many_edits_at_once(shell: Shell, tmp_path: Path) -> None:
    """As from a provisioning script in parallel: before there were turns, most failed since the file had changed."""
    shell.dev(*ADD)
    program = tmp_path / "tarmak-iam"
    write_program(program, TARMAK_IAM)
    roles = [f"arn:aws:iam::111122223333:role/Role{number}" for number in range(12)]
    started = [
        subprocess.Popen(
            [program, "-c", shell.single, "map", "add", role, "--username", "user"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for role in roles
    ]
    said = [each.communicate(timeout=3600)[1].decode() for each in started]
    assert [each.returncode for each in started] == [0] * len(roles), said
    listed = shell.dev("map", "list").out
    assert [role for role in roles if f"{role}\t" not in listed] == []
    assert sorted(each.name for each in shell.single.iterdir() if each.name.startswith(".")) == []


def test_an_edit_that_is_ended_while_it_waits(shell: Shell) -> None:
    lock = lock_file_of(shell.single / "tarmak.yaml")
    command = [sys.executable, "-m", "tarmak_iam", "-c", str(shell.single), "enable"]
    for signum, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        with file_lock(lock, ignored), subprocess.Popen(command, stderr=subprocess.PIPE, cwd=ROOT) as waiting:
            assert waiting.stderr is not None
            assert waiting.stderr.readline().startswith(b"waiting up to 60 seconds: process ")
            time.sleep(0.1)
            waiting.send_signal(signum)
            assert waiting.wait(600) == code
            assert waiting.stderr.read() == b"\nerror: interrupted\n"
        assert not lock.exists()


def test_a_hard_link_that_an_edit_breaks_is_reported(shell: Shell, tmp_path: Path) -> None:
    os.link(shell.single / "tarmak.yaml", tmp_path / "other")
    said = "warning: the file had another hard link, which still has the old content"
    assert f"{shell.single}/tarmak.yaml: {said}\n" in shell.dev("enable").err
    assert said not in shell.dev("disable").err
    os.link(shell.single / "tarmak.yaml", tmp_path / "another")
    assert shell.dev("-v", "enable").err.count(said) == 1
