"""A run that was killed leaves a text beside tarmak.yaml, and the next one makes of it what there is to be made."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tarmak_iam.hook.tarmak.backup import back_up, recover
from tests.support.fake_tarmak import dumped, rewrite_of, set_current, text_of

BEFORE = text_of("comments-everywhere")
SET = dumped(set_current(rewrite_of(BEFORE), "dev-other"))
RESTORED = BEFORE.replace(b"\ncurrentCluster: dev-cluster", b"\ncurrentCluster: dev-other")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """As after a run that was killed between tarmak and the restoring."""
    path = tmp_path / "tarmak.yaml"
    path.write_bytes(BEFORE)
    path.chmod(0o640)
    back_up(path)
    path.write_bytes(SET)
    return path


def names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


def said(path: Path, *, is_alone: bool = True) -> list[str]:
    return [line.replace(str(path.parent), "DIR") for line in recover(path, is_alone=is_alone)]


def test_what_tarmak_changed_comes_into_the_text_that_was_left(path: Path) -> None:
    assert said(path) == [
        (
            "DIR/tarmak.yaml: note: restored comments and layout from tarmak.yaml.before-1, which an interrupted"
            " `tarmak-iam run` left; currentCluster: dev-cluster -> dev-other"
        )
    ]
    assert path.read_bytes() == RESTORED
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(path.parent) == ["tarmak.yaml"]
    assert said(path) == []


def test_the_text_of_a_run_that_may_be_at_work_is_only_named(path: Path) -> None:
    assert said(path, is_alone=False) == [
        (
            "DIR/tarmak.yaml: warning: the file has no comments; DIR/tarmak.yaml.before-1 contains the text from "
            "before an earlier `tarmak-iam run`"
        )
    ]
    assert path.read_bytes() == SET
    assert names(path.parent) == ["tarmak.yaml", "tarmak.yaml.before-1"]


def test_a_copy_of_what_is_there_goes(path: Path) -> None:
    """The run was killed before tarmak wrote anything."""
    path.write_bytes(BEFORE)
    assert said(path, is_alone=False) == []
    assert names(path.parent) == ["tarmak.yaml", "tarmak.yaml.before-1"]
    assert said(path) == []
    assert names(path.parent) == ["tarmak.yaml"]


def test_a_file_with_comments_is_somebodys_and_stays(path: Path) -> None:
    path.write_bytes(SET + b"# by hand\n")
    assert said(path) == []
    assert path.read_bytes() == SET + b"# by hand\n"
    assert names(path.parent) == ["tarmak.yaml", "tarmak.yaml.before-1"]


def test_a_text_that_does_not_explain_the_file_is_named(path: Path) -> None:
    data = rewrite_of(BEFORE)
    data["clusters"][0]["kubernetes"]["version"] = "1.10.0"
    path.write_bytes(dumped(data))
    assert said(path) == [
        (
            "DIR/tarmak.yaml: warning: the file has no comments (cluster dev-cluster was changed at kubernetes.version,"
            " which no tarmak command does); DIR/tarmak.yaml.before-1 contains the text from before an earlier"
            " `tarmak-iam run`"
        )
    ]
    assert path.read_bytes() == dumped(data)


def test_an_empty_file_is_put_back_and_a_broken_one_is_reported(path: Path) -> None:
    path.write_bytes(SET[: SET.index(b"kind:")])
    (line,) = said(path)
    assert line.startswith("DIR/tarmak.yaml: warning: tarmak cannot read the file (kind is missing")
    assert line.endswith("; DIR/tarmak.yaml.before-1 contains the text from before an earlier `tarmak-iam run`")
    path.write_bytes(b"")
    assert len(said(path)) == 1
    assert path.read_bytes() == BEFORE
    assert names(path.parent) == ["tarmak.yaml"]


def test_a_file_that_tarmak_empties_before_it_writes_is_not_put_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started without tarmak-iam, while an earlier text is left: what it then writes must not be lost."""
    path.write_bytes(b"")
    monkeypatch.setattr("tarmak_iam.hook.tarmak.backup.time.sleep", lambda _: path.write_bytes(SET))
    said(path)
    assert path.read_bytes() == RESTORED


def test_of_several_the_latest_with_comments_is_taken(path: Path) -> None:
    """As where a second run kept what the tarmak of the first one had written."""
    old = path.with_name("tarmak.yaml.before-3")
    old.write_bytes(BEFORE.replace(b"# not 1.13!", b"# older"))
    path.with_name("tarmak.yaml.before-2").write_bytes(dumped(rewrite_of(BEFORE)))
    for name, time in (("before-1", 2), ("before-2", 3), ("before-3", 1)):
        os.utime(path.with_name(f"tarmak.yaml.{name}"), (time, time))
    assert len(said(path)) == 1
    assert path.read_bytes() == RESTORED
    assert names(path.parent) == ["tarmak.yaml", "tarmak.yaml.before-2", "tarmak.yaml.before-3"]


def test_a_layout_without_comments_is_worth_restoring_too(path: Path) -> None:
    text = b"kind: Config\nx-owner: ops\napiVersion: api.tarmak.io/v1alpha1\ncurrentCluster: 'a-b'\n"
    path.with_name("tarmak.yaml.before-1").write_bytes(text)
    path.write_bytes(dumped(set_current(rewrite_of(text), "c-d")))
    assert len(said(path)) == 1
    assert path.read_bytes() == text.replace(b"a-b", b"c-d")


@pytest.mark.parametrize("name", ["tarmak.yaml.before-the-move", "tarmak.yaml.before-1.orig", "x.yaml.before-1"])
def test_other_names_are_nobodys_business(path: Path, name: str) -> None:
    path.with_name("tarmak.yaml.before-1").rename(path.with_name(name))
    assert said(path) == []
    assert path.read_bytes() == SET


def test_without_a_file_nothing_is_put_back(path: Path) -> None:
    path.unlink()
    path.with_name("tarmak.yaml.before-1").write_bytes(BEFORE)
    assert said(path) == []
    assert names(path.parent) == ["tarmak.yaml.before-1"]


def test_the_mode_is_that_of_the_text_that_was_left(path: Path) -> None:
    path.unlink()
    path.write_bytes(SET)
    path.chmod(0o644)
    assert len(said(path)) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_layout_without_comments_that_does_not_explain_the_file_is_worth_no_word(path: Path) -> None:
    path.with_name("tarmak.yaml.before-1").write_bytes(dumped(rewrite_of(BEFORE)))
    assert said(path, is_alone=False) == []
    data = rewrite_of(BEFORE)
    data["clusters"][0]["kubernetes"]["version"] = "1.10.0"
    path.write_bytes(dumped(data))
    assert said(path) == []
    assert path.read_bytes() == dumped(data)


def test_what_cannot_be_read_is_reported(path: Path) -> None:
    path.with_name("tarmak.yaml.before-1").unlink()
    path.with_name("tarmak.yaml.before-1").mkdir()
    (line,) = said(path)
    assert line.startswith("DIR/tarmak.yaml: warning: the text saved by an earlier `tarmak-iam run` cannot be restored")
    assert path.read_bytes() == SET


@pytest.mark.parametrize("now", [SET, b""], ids=["rewritten", "empty"])
def test_a_link_in_the_place_of_such_a_text(path: Path, now: bytes) -> None:
    """Nobody's run has laid it there, and what it leads to is not the file's."""
    elsewhere = path.parent / "elsewhere"
    (path.parent / "tarmak.yaml.before-1").rename(elsewhere)
    (path.parent / "tarmak.yaml.before-1").symlink_to(elsewhere)
    path.write_bytes(now)
    assert said(path) == []
    assert path.read_bytes() == now


@pytest.mark.parametrize("now", [SET, b"", b"\n"])
def test_nothing_is_written_through_a_link_out_of_the_directory(path: Path, tmp_path: Path, now: bytes) -> None:
    """Whoever has made the link may have made the text as well."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = elsewhere / "of-somebody-else"
    target.write_bytes(now)
    target.chmod(0o600)
    path.unlink()
    path.symlink_to(target)
    assert "tarmak.yaml.before-1 contains the text from before an earlier `tarmak-iam run`" in "".join(said(path))
    assert target.read_bytes() == now
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names(path.parent) == ["elsewhere", "tarmak.yaml", "tarmak.yaml.before-1"]


def test_a_link_within_the_directory_is_as_the_file(path: Path) -> None:
    path.rename(path.with_name("dev.yaml"))
    path.symlink_to("dev.yaml")
    assert "note: restored comments and layout" in "".join(said(path))
    assert path.read_bytes() == RESTORED
    assert path.is_symlink()
