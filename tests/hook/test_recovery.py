"""A run that was killed leaves a text beside tarmak.yaml, and the next one makes of it what there is to be made."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tarmak_iam.hook.tarmak.backup import back_up, recover
from tests.support.fake_tarmak import dumped, rewrite_of, set_current, text_of
from tests.support.tables import parametrized

BEFORE = text_of("comments-everywhere")
SET = dumped(set_current(rewrite_of(BEFORE), "dev-other"))
RESTORED = BEFORE.replace(b"\ncurrentCluster: dev-cluster", b"\ncurrentCluster: dev-other")


CHANGED = rewrite_of(BEFORE)
CHANGED["clusters"][0]["kubernetes"]["version"] = "1.10.0"
PLAIN = b"kind: Config\nx-owner: ops\napiVersion: api.tarmak.io/v1alpha1\ncurrentCluster: 'a-b'\n"
TEXTS = {
    "before": BEFORE,
    "rewritten": SET,
    "restored": RESTORED,
    "rewritten, without a change": dumped(rewrite_of(BEFORE)),
    "edited by hand": SET + b"# by hand\n",
    "another version": dumped(CHANGED),
    "a piece": SET[: SET.index(b"kind:")],
    "empty": b"",
    "without comments": PLAIN,
    "without comments, rewritten": dumped(set_current(rewrite_of(PLAIN), "c-d")),
    "without comments, restored": PLAIN.replace(b"a-b", b"c-d"),
}
"""By the names that `cases/recovery.yaml` has for them."""


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


@parametrized(__file__, "after a killed run")
def test_after_a_killed_run(
    path: Path, saved: str, now: str, is_alone: bool, lines: list[str], then: str, is_kept: bool
) -> None:
    path.with_name("tarmak.yaml.before-1").write_bytes(TEXTS[saved])
    path.write_bytes(TEXTS[now])
    assert said(path, is_alone=is_alone) == lines
    assert path.read_bytes() == TEXTS[then]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(path.parent) == ["tarmak.yaml", *(["tarmak.yaml.before-1"] if is_kept else [])]
    assert said(path, is_alone=is_alone) == (lines if is_kept else [])


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


@pytest.mark.parametrize("name", ["tarmak.yaml.before-the-move", "tarmak.yaml.before-1.orig", "x.yaml.before-1"])
def test_other_names_are_nobodys_business(path: Path, name: str) -> None:
    path.with_name("tarmak.yaml.before-1").rename(path.with_name(name))
    assert said(path) == []
    assert path.read_bytes() == SET


def test_the_mode_is_that_of_the_text_that_was_left(path: Path) -> None:
    """And a link within the directory is as the file."""
    path.unlink()
    path.with_name("dev.yaml").write_bytes(SET)
    path.with_name("dev.yaml").chmod(0o644)
    path.symlink_to("dev.yaml")
    assert "note: restored comments and layout" in "".join(said(path))
    assert path.read_bytes() == RESTORED
    assert path.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_cannot_be_read_is_reported(path: Path) -> None:
    saved = path.with_name("tarmak.yaml.before-1")
    saved.unlink()
    saved.mkdir()
    (line,) = said(path)
    assert line.startswith("DIR/tarmak.yaml: warning: the text saved by an earlier `tarmak-iam run` cannot be restored")
    assert path.read_bytes() == SET
    # Without a file, nothing is put back.
    saved.rmdir()
    path.rename(saved)
    assert said(path) == []
    assert names(path.parent) == ["tarmak.yaml.before-1"]


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
