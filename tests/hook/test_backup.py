"""The file around a command that rewrites it: whatever happens, one text is whole and the other one is named."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import FileError
from tarmak_iam.files.atomic import replace_file
from tarmak_iam.hook.tarmak import backup as module
from tarmak_iam.hook.tarmak.backup import Backup, Restored, back_up, restore_backup
from tests.support.fake_tarmak import add, destroy_environment, dumped, new_provider, rewrite_of, set_current, text_of
from tests.support.privileges import modes_hold
from tests.support.tables import parametrized

BEFORE = text_of("comments-everywhere")
SET = dumped(set_current(rewrite_of(BEFORE), "dev-other"))
RESTORED = BEFORE.replace(b"\ncurrentCluster: dev-cluster", b"\ncurrentCluster: dev-other")
TEXTS: dict[str, bytes | None] = {
    "before": BEFORE,
    "rewritten": SET,
    "restored": RESTORED,
    "renamed": dumped({**rewrite_of(BEFORE), "metadata": {"creationTimestamp": None, "name": "other"}}),
    "edited by hand": BEFORE + b"# by hand\n",
    "a piece": SET[: SET.index(b"kind:")],
    "empty": b"",
    "gone": None,
}
"""By the names that `cases/backup.yaml` has for them."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tarmak.yaml"
    path.write_bytes(BEFORE)
    path.chmod(0o640)
    return path


def names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


def said(report: Restored) -> list[str]:
    return [line.replace(str(report.path.parent), "DIR") for line in report.lines]


def around(path: Path, after: bytes | None, *, finished: bool = True) -> Restored:
    """What tarmak does to the file, between the two halves of the hook."""
    backup = back_up(path)
    if after is None:
        path.unlink()
    else:
        path.write_bytes(after)
    return restore_backup(backup, finished=finished)


def test_the_text_lies_beside_the_file_meanwhile(path: Path) -> None:
    backup = back_up(path)
    assert backup == Backup(path, BEFORE, 0o640, path.with_name("tarmak.yaml.before-1"), frozenset({str(path)}))
    assert backup.copy is not None
    assert backup.copy.read_bytes() == BEFORE
    assert stat.S_IMODE(backup.copy.stat().st_mode) == 0o640
    assert back_up(path).copy == path.with_name("tarmak.yaml.before-2")
    path.write_bytes(b"")
    assert back_up(path).data == b""
    path.unlink()
    path.mkdir()
    with pytest.raises(FileError, match="cannot be read"):
        back_up(path)


def test_a_text_that_a_tarmak_is_just_writing_is_waited_for(path: Path) -> None:
    """Which makes the file empty first, as one in another terminal does."""
    path.write_bytes(b"")
    writing = threading.Timer(0.1, path.write_bytes, [SET])
    writing.start()
    backup = back_up(path)
    writing.join()
    assert backup.data == SET


@parametrized(__file__, "what tarmak leaves")
def test_what_tarmak_leaves(
    path: Path,
    left: str,
    finished: bool,
    outcome: str,
    severity: str,
    lines: list[str],
    then: str,
    more: dict[str, str],
) -> None:
    report = around(path, TEXTS[left], finished=finished)
    assert (report.outcome, report.severity, said(report)) == (outcome, severity, lines)
    assert path.read_bytes() == TEXTS[then]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    others = {each.name: each.read_bytes() for each in path.parent.iterdir() if each != path}
    assert others == {name: TEXTS[text] for name, text in more.items()}


def test_comments_that_went_are_named(path: Path) -> None:
    report = around(path, dumped(destroy_environment(rewrite_of(BEFORE), "dev")))
    assert "DIR/tarmak.yaml: note: removed with its entry: # not 1.13!" in said(report)
    before = path.read_bytes()
    assert said(around(path, dumped(rewrite_of(before)))) == [
        "DIR/tarmak.yaml: note: restored comments and layout of tarmak.yaml; tarmak changed no value"
    ]
    assert path.read_bytes() == before


def test_a_mode_that_tarmak_opened_is_closed_again(path: Path) -> None:
    """And another hard link keeps its content."""
    path.chmod(0o600)
    backup = back_up(path)
    other = path.with_name("other.yaml")
    other.write_bytes(SET)
    other.chmod(0o644)
    path.unlink()
    path.hardlink_to(other)
    assert restore_backup(backup).outcome == "restored"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (path.read_bytes(), other.read_bytes()) == (RESTORED, SET)


def test_there_was_no_file(tmp_path: Path) -> None:
    path = tmp_path / "tarmak.yaml"
    backup = back_up(path)
    assert backup == Backup(path, None, 0o600, None, frozenset({str(path)}))
    assert restore_backup(backup).lines == ()
    path.write_bytes(SET)
    assert restore_backup(backup).lines == ()
    path.write_bytes(b"")
    assert said(restore_backup(backup, finished=False)) == [
        "DIR/tarmak.yaml: error: tarmak left a broken file: it is empty; the file did not exist before"
    ]
    assert names(tmp_path) == ["tarmak.yaml"]


def test_a_link_stays_one(path: Path) -> None:
    link = path.parent / "elsewhere" / "tarmak.yaml"
    link.parent.mkdir()
    link.symlink_to(path)
    assert around(link, SET).outcome == "restored"
    assert link.is_symlink()
    assert path.read_bytes() == RESTORED
    assert names(link.parent) == ["tarmak.yaml"]
    # A file in its place gets the text, as from a program that renames a new file over the old name.
    backup = back_up(link)
    link.unlink()
    link.write_bytes(dumped(set_current(rewrite_of(BEFORE), "dev-cluster")))
    assert restore_backup(backup).outcome == "restored"
    assert (link.read_bytes(), path.read_bytes()) == (BEFORE, RESTORED)


@pytest.mark.parametrize("content", [None, b"of somebody else\n", BEFORE, SET], ids=["none", "other", "same", "set"])
def test_a_link_that_was_no_link_before_is_not_followed(path: Path, content: bytes | None) -> None:
    """Restored through it, another file would have our text; and ours would be in no file that is named."""
    backup = back_up(path)
    target = path.parent / "elsewhere"
    if content is not None:
        target.write_bytes(content)
    path.unlink()
    path.symlink_to(target)
    report = restore_backup(backup)
    assert (report.outcome, report.severity) == ("broken", "error")
    assert said(report) == [
        (
            "DIR/tarmak.yaml: error: tarmak left a broken file: it is now a link to DIR/elsewhere, which was not "
            "followed; the previous text is in DIR/tarmak.yaml.before-1"
        )
    ]
    assert (target.read_bytes() if target.exists() else None) == content
    assert path.with_name("tarmak.yaml.before-1").read_bytes() == BEFORE
    assert path.is_symlink()


def test_a_link_that_leads_elsewhere_than_before_is_not_followed(path: Path) -> None:
    link, other = path.parent / "link.yaml", path.parent / "other.yaml"
    link.symlink_to("tarmak.yaml")
    backup = back_up(link)
    other.write_bytes(SET)
    link.unlink()
    link.symlink_to("other.yaml")
    (line,) = said(restore_backup(backup))
    assert "it is now a link to DIR/other.yaml, which was not followed; the previous text is in DIR/link.yaml" in line
    assert (path.read_bytes(), other.read_bytes()) == (BEFORE, SET)
    # Nor is its target, once that is a link.
    link.unlink()
    link.symlink_to("tarmak.yaml")
    backup = back_up(link)
    path.unlink()
    path.symlink_to("other.yaml")
    assert restore_backup(backup).outcome == "broken"
    assert other.read_bytes() == SET


def test_a_directory_in_place_of_which_is_a_link(tmp_path: Path) -> None:
    """The saved text has gone with the old directory."""
    home, moved, elsewhere = (tmp_path / name for name in ("home", "moved", "elsewhere"))
    for each in (home, elsewhere):
        each.mkdir()
    path = home / "tarmak.yaml"
    path.write_bytes(BEFORE)
    (elsewhere / "tarmak.yaml").write_bytes(SET)
    backup = back_up(path)
    home.rename(moved)
    home.symlink_to(elsewhere)
    report = restore_backup(backup)
    assert (report.outcome, report.copy) == ("broken", None)
    what = f"it is now a link to {elsewhere}/tarmak.yaml, which was not followed; the saved text was removed"
    assert report.reason == what
    assert (moved / "tarmak.yaml.before-1").read_bytes() == BEFORE
    assert names(elsewhere) == ["tarmak.yaml"]
    assert (elsewhere / "tarmak.yaml").read_bytes() == SET


@pytest.mark.parametrize("left", [None, b"changed"])
def test_a_saved_text_that_is_gone_is_not_named(path: Path, left: bytes | None) -> None:
    backup = back_up(path)
    copy = path.with_name("tarmak.yaml.before-1")
    copy.unlink()
    if left is not None:
        copy.write_bytes(left)
    path.write_bytes(SET + b"# by hand\n")
    assert said(restore_backup(backup)) == [
        (
            "DIR/tarmak.yaml: warning: comments and layout could not be restored: the file has comments, which "
            "tarmak does not write; the saved text was removed"
        )
    ]


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "directory"])
def test_what_is_no_file_is_broken(path: Path, make: Any) -> None:
    backup = back_up(path)
    path.unlink()
    make(path)
    report = restore_backup(backup)
    assert (report.outcome, report.severity) == ("broken", "error")
    assert report.lines[0].endswith(f"; the previous text is in {path}.before-1")


def refuse_to_write(monkeypatch: pytest.MonkeyPatch, directory: Path, what: str) -> None:
    """As on a full disk, for files of that directory whose name holds `what`."""

    def refusing(path: Path, data: bytes, **options: Any) -> None:
        if path.parent == directory and what in path.name:
            raise FileError("cannot be written: No space left on device")
        replace_file(path, data, **options)

    monkeypatch.setattr(module, "replace_file", refusing)


def test_no_room_to_restore(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        refuse_to_write(full, path.parent, "before")
        with pytest.raises(FileError, match="No space left on device"):
            back_up(path)
    assert names(path.parent) == ["tarmak.yaml"]
    backup = back_up(path)
    path.write_bytes(SET)
    refuse_to_write(monkeypatch, path.parent, "tarmak.yaml")
    report = restore_backup(backup)
    assert (report.outcome, path.read_bytes()) == ("not restored", SET)
    reason = "the file cannot be written: No space left on device; the previous text is in DIR/tarmak.yaml.before-1"
    assert said(report) == [f"DIR/tarmak.yaml: warning: comments and layout could not be restored: {reason}"]
    assert (path.parent / "tarmak.yaml.before-1").read_bytes() == BEFORE


@pytest.mark.parametrize("through", ["tarmak.yaml", "link.yaml"])
def test_no_room_to_put_back(path: Path, monkeypatch: pytest.MonkeyPatch, through: str) -> None:
    """What lies beside the file takes its place, also where a link leads."""
    path.with_name("link.yaml").symlink_to("tarmak.yaml")
    backup = back_up(path.with_name(through))
    path.write_bytes(SET[:1000])
    refuse_to_write(monkeypatch, path.parent, ".yaml")
    report = restore_backup(backup, finished=False)
    assert (report.outcome, report.copy, path.read_bytes()) == ("put back", None, BEFORE)
    assert path.with_name("link.yaml").is_symlink()
    assert names(path.parent) == ["link.yaml", "tarmak.yaml"]


def test_no_room_to_put_back_and_somebody_is_faster(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they wrote is nothing that tarmak left."""
    backup = back_up(path)
    path.write_bytes(SET[:1000])

    def refusing(target: Path, *_: bytes, **__: Any) -> None:
        if target == path:
            path.write_bytes(SET)
        raise FileError("cannot be written: No space left on device")

    monkeypatch.setattr(module, "replace_file", refusing)
    report = restore_backup(backup, finished=False)
    assert (report.outcome, path.read_bytes()) == ("not restored", SET)
    assert backup.copy is not None
    assert backup.copy.read_bytes() == BEFORE


def test_no_way_to_put_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy can neither be written into its place nor renamed. What is in the file still is not kept twice."""
    backup = back_up(path)

    def refusing(target: Path, data: bytes, **options: Any) -> None:
        if target == path:
            raise FileError("cannot be written: No space left on device")
        replace_file(target, data, **options)

    monkeypatch.setattr(module, "replace_file", refusing)
    monkeypatch.setattr(module, "_renamed", lambda *_: False)
    path.write_bytes(SET[:1000])
    report = restore_backup(backup, finished=False)
    assert (report.outcome, report.severity, path.read_bytes()) == ("broken", "error", SET[:1000])
    previous = "the previous text is in DIR/tarmak.yaml.before-1"
    assert said(report) == [f"DIR/tarmak.yaml: error: tarmak left a broken file: {report.reason}; {previous}"]
    assert report.reason.endswith("; the file cannot be written: No space left on device")
    assert names(path.parent) == ["tarmak.yaml", "tarmak.yaml.before-1"]


@pytest.mark.parametrize(("place", "left"), [("replace_file", SET), ("restore", SET), ("restore", SET[:1000])])
def test_somebody_is_faster(path: Path, monkeypatch: pytest.MonkeyPatch, place: str, left: bytes) -> None:
    """While the text is judged, or written. What they wrote is judged in its turn, and not written over."""
    backup = back_up(path)
    path.write_bytes(left)
    theirs = [dumped(add(set_current(rewrite_of(BEFORE), "dev-other"), "providers", new_provider("more")))]
    original = getattr(module, place)

    def racing(*args: Any, **options: Any) -> Any:
        if theirs and (place == "restore" or args[0] == path):
            path.write_bytes(theirs.pop())
        return original(*args, **options)

    monkeypatch.setattr(module, place, racing)
    report = restore_backup(backup, finished=left == SET)
    assert report.outcome == "restored"
    assert [str(change) for change in report.changes] == [
        "currentCluster: dev-cluster -> dev-other",
        "provider more added",
    ]
    assert b"name: more" in path.read_bytes()
    assert b"# not 1.13!" in path.read_bytes()


def test_somebody_is_always_faster(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = back_up(path)
    path.write_bytes(SET)
    written: list[bytes] = []

    def racing(target: Path, data: bytes, **options: Any) -> None:
        written.append(dumped(set_current(rewrite_of(BEFORE), f"dev-{len(written)}")))
        path.write_bytes(written[-1])
        replace_file(target, data, **options)

    monkeypatch.setattr(module, "replace_file", racing)
    report = restore_backup(backup)
    assert report.outcome == "not restored"
    assert report.reason == "the file has changed since it was read; nothing was written"
    assert path.read_bytes() == written[-1]
    assert backup.copy is not None
    assert backup.copy.read_bytes() == BEFORE


def test_a_directory_that_may_not_be_written(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        with modes_hold(), pytest.raises(FileError, match="Permission denied"):
            back_up(path)
    finally:
        path.parent.chmod(0o700)
