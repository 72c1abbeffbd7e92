"""Artifacts in a directory: what was written before is replaced, and nothing else, whatever happens in between."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.emit import Artifact
from tarmak_iam.emit.directory import (
    RECORD_NAME,
    DirectoryRecord,
    FileAction,
    is_incomplete,
    plan_directory,
    write_directory,
)
from tarmak_iam.errors import FileError
from tests.support.os_calls import killed_at_each_change

OLD = (Artifact("a.yaml", b"a: 1\n"), Artifact("b.yaml", b"b: 1\n"), Artifact("kubeconfig", b"k: 1\n", 0o600))
NEW = (Artifact("a.yaml", b"a: 2\n"), Artifact("c.yaml", b"c: 2\n"), Artifact("kubeconfig", b"k: 2\n", 0o600))
THIRD = (Artifact("a.yaml", b"a: 3\n"), Artifact("c.yaml", b"c: 3\n"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def write(
    out: Path, artifacts: tuple[Artifact, ...], cluster: str = "dev-cluster", *, force: bool = False
) -> list[str]:
    """What became of each file."""
    planned = plan_directory(out, artifacts, cluster, force=force)
    write_directory(planned)
    return [f"{step.action.value} {step.path.name}" for step in planned.steps]


def content(out: Path) -> dict[str, bytes]:
    """Without the record, and without what a run that was cut short may leave beside a file."""
    paths = (path for path in out.iterdir() if path.name != RECORD_NAME and path.suffix != ".tmp")
    return {path.name: path.read_bytes() for path in paths}


def refused(out: Path, artifacts: tuple[Artifact, ...], cluster: str = "dev-cluster") -> str:
    """The reason; nothing has changed."""
    before = states(out)
    with pytest.raises(FileError) as error:
        write(out, artifacts, cluster)
    assert states(out) == before
    return str(error.value)


def record(out: Path) -> DirectoryRecord:
    parsed = DirectoryRecord.parse((out / RECORD_NAME).read_bytes())
    assert parsed is not None
    return parsed


def states(out: Path) -> dict[str, tuple[int, int]]:
    found = {path.name: path.lstat() for path in out.iterdir()}
    return {name: (status.st_mtime_ns, status.st_ino) for name, status in found.items()}


def test_files_are_made_with_their_modes_whatever_the_umask(out: Path) -> None:
    old = os.umask(0o077)
    try:
        assert write(out, OLD) == ["write a.yaml", "write b.yaml", "write kubeconfig"]
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()}
    assert modes == {"a.yaml": 0o644, "b.yaml": 0o644, "kubeconfig": 0o600, RECORD_NAME: 0o644}


def test_what_was_written_is_replaced_and_removed(out: Path) -> None:
    write(out, OLD)
    before = states(out)
    assert write(out, OLD) == ["unchanged a.yaml", "unchanged b.yaml", "unchanged kubeconfig"]
    assert states(out) == before
    (out / "mine.txt").write_text("mine")
    assert write(out, NEW) == ["write a.yaml", "write c.yaml", "write kubeconfig", "remove b.yaml"]
    assert content(out) == {"a.yaml": b"a: 2\n", "c.yaml": b"c: 2\n", "kubeconfig": b"k: 2\n", "mine.txt": b"mine"}
    assert record(out).files.keys() == {"a.yaml", "c.yaml", "kubeconfig"}


def test_a_file_changed_by_hand_is_in_the_way(out: Path) -> None:
    write(out, OLD)
    (out / "a.yaml").write_text("by: hand\n")
    (out / "c.yaml").write_text("by: hand\n")
    assert refused(out, NEW) == (
        f"{out / 'a.yaml'}: this file is not replaced: it was edited after it was rendered "
        "(also not replaced: c.yaml); nothing was written; specify another --output-dir, or overwrite it with --force"
    )
    assert write(out, NEW, force=True)[:2] == ["write a.yaml", "write c.yaml"]
    assert content(out)["c.yaml"] == b"c: 2\n"


def test_a_directory_without_a_record(out: Path) -> None:
    """Somebody else's file is in the way; equal bytes are ours, as in a directory of an earlier release."""
    out.mkdir()
    (out / "kubeconfig").write_text("of another cluster\n")
    assert "kubeconfig: this file is not replaced: tarmak-iam render did not write it" in refused(out, OLD)
    assert list(content(out)) == ["kubeconfig"]
    write(out, OLD, force=True)
    (out / RECORD_NAME).unlink()
    assert write(out, OLD) == ["unchanged a.yaml", "unchanged b.yaml", "unchanged kubeconfig"]
    assert write(out, NEW)[-1] == "remove b.yaml"


def test_a_leftover_changed_by_hand_or_replaced_is_kept(out: Path) -> None:
    write(out, OLD)
    (out / "b.yaml").write_text("by: hand\n")
    assert write(out, NEW)[-1] == "keep b.yaml"
    assert content(out)["b.yaml"] == b"by: hand\n"
    before = states(out)
    assert write(out, NEW, force=True)[-1] == "keep b.yaml"
    assert states(out) == before
    (out / "b.yaml").unlink()
    (out / "a.yaml").unlink()
    (out / "a.yaml").mkdir()
    assert write(out, NEW[1:]) == ["unchanged c.yaml", "unchanged kubeconfig", "keep a.yaml"]
    assert "b.yaml" not in record(out).files


def test_a_secret_that_was_opened_is_closed_again(out: Path) -> None:
    write(out, OLD)
    (out / "kubeconfig").chmod(0o644)
    (out / "a.yaml").chmod(0o664)  # its owner's own business
    assert write(out, OLD) == ["unchanged a.yaml", "unchanged b.yaml", "restrict kubeconfig"]
    assert stat.S_IMODE((out / "kubeconfig").stat().st_mode) == 0o600
    (out / "kubeconfig").chmod(0o644)
    write(out, NEW)
    assert stat.S_IMODE((out / "kubeconfig").stat().st_mode) == 0o600


def test_a_link_is_replaced_only_with_force_and_its_target_never(out: Path, tmp_path: Path) -> None:
    out.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(OLD[0].data)
    (out / "a.yaml").symlink_to(elsewhere)
    (out / "b.yaml").symlink_to(tmp_path / "nowhere")
    assert "it is a symbolic link (also not replaced: b.yaml)" in refused(out, OLD)
    write(out, NEW[:1], force=True)
    assert not (out / "a.yaml").is_symlink()
    assert elsewhere.read_bytes() == OLD[0].data
    assert (out / "a.yaml").read_bytes() == b"a: 2\n"
    (out / "c.yaml").symlink_to("c.yaml")  # to itself
    assert write(out, NEW[1:2], force=True)[0] == "write c.yaml"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_never_replaced(out: Path, make: Callable[[Path], None]) -> None:
    out.mkdir()
    make(out / "b.yaml")
    for force in (False, True):
        with pytest.raises(FileError, match=r"b.yaml: this is .*; remove it, or specify another"):
            write(out, OLD, force=force)
    assert os.listdir(out) == ["b.yaml"]


def test_a_directory_of_another_cluster(out: Path) -> None:
    write(out, OLD)
    assert refused(out, NEW, "prod-blue").startswith(
        f"{out}: this directory contains the files of dev-cluster, not of prod-blue; nothing was written"
    )
    assert write(out, NEW, "prod-blue", force=True)[-1] == "remove b.yaml"
    assert write(out, NEW, "prod-blue")[0] == "unchanged a.yaml"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2, "cluster": "dev-cluster", "files": {}}',
        '{"version": 1, "cluster": 5, "files": {}}',
        '{"version": 1, "cluster": "dev-cluster", "files": []}',
        '{"version": 1, "cluster": "dev-cluster", "files": {"../tarmak.yaml": ["x"]}}',
        '{"version": 1, "cluster": "dev-cluster", "files": {"..": ["x"]}}',
        '{"version": 1, "cluster": "dev-cluster", "files": {"a.yaml": "x"}}',
        '{"version": 1, "cluster": "dev-cluster", "files": {"\\ud800": ["x"]}}',
        "[" * 100_000,
        "\xff",
    ],
)
def test_a_record_that_is_none(out: Path, text: str) -> None:
    write(out, OLD)
    (out / RECORD_NAME).write_text(text, encoding="latin-1")
    assert f"{out / RECORD_NAME}: this is not a record of the files rendered here; nothing" in refused(out, OLD)
    write(out, OLD, force=True)
    assert write(out, NEW)[-1] == "remove b.yaml"


def test_a_record_that_is_a_link(out: Path, tmp_path: Path) -> None:
    write(out, OLD)
    (out / RECORD_NAME).rename(tmp_path / "record")
    (out / RECORD_NAME).symlink_to(tmp_path / "record")
    assert "this is a symbolic link, not the record" in refused(out, OLD)
    before = (tmp_path / "record").read_bytes()
    write(out, OLD, force=True)
    assert not (out / RECORD_NAME).is_symlink()
    assert (tmp_path / "record").read_bytes() == before


def test_untouchable_files_whatever_they_are_called_here(out: Path, tmp_path: Path) -> None:
    out.mkdir()
    own = tmp_path / "kubeconfig"
    own.write_bytes(b"the way in\n")
    (out / "kubeconfig").symlink_to(own)
    os.link(own, out / "a.yaml")
    for artifacts in (OLD[2:], OLD[:1]):
        with pytest.raises(FileError, match="this file belongs to the cluster itself; nothing was written"):
            plan_directory(out, artifacts, "dev-cluster", force=True, untouchable=[own])
    assert plan_directory(out, OLD[1:2], "dev-cluster", untouchable=[own]).steps[0].action is FileAction.WRITE


def test_names_that_differ_in_case_only_are_not_removed(out: Path) -> None:
    """On a file system that ignores case that would be the file that was just written."""
    write(out, (Artifact("A.yaml", b"x"),))
    assert write(out, (Artifact("a.yaml", b"x"),)) == ["write a.yaml"]


@pytest.mark.sample(3)
@pytest.mark.parametrize("next_run", [OLD, NEW, THIRD], ids=["old", "new", "third"])
@pytest.mark.parametrize("before", [(), OLD], ids=["new", "existing"])
def test_a_run_that_is_killed_leaves_a_directory_that_is_incomplete(
    out: Path, before: tuple[Artifact, ...], next_run: tuple[Artifact, ...]
) -> None:
    """At whichever change: what is not incomplete is all old or all new. The next run, of other artifacts too, takes
    what it finds as its own, without --force."""

    def prepare() -> None:
        shutil.rmtree(out, ignore_errors=True)
        if before:
            write(out, before)

    seen = set()
    for _ in killed_at_each_change(prepare, lambda: write(out, NEW)):
        found = content(out) if out.exists() else {}
        whole = [{each.name: each.data for each in artifacts} for artifacts in (before, NEW)]
        seen.add((is_incomplete(out), whole.index(found) if found in whole else None))
        assert is_incomplete(out) or found in whole
        write(out, next_run)
        assert (content(out), is_incomplete(out)) == ({each.name: each.data for each in next_run}, False)
    assert seen == {(False, 0), (True, 0), (True, None), (True, 1), (False, 1)}


def test_only_a_record_says_that_a_directory_is_incomplete(out: Path) -> None:
    assert not is_incomplete(out)
    out.mkdir()
    assert not is_incomplete(out)
    (out / RECORD_NAME).write_text("{}")
    assert not is_incomplete(out)
    (out / RECORD_NAME).unlink()
    os.mkfifo(out / RECORD_NAME)
    assert not is_incomplete(out)


def test_a_full_disk_names_the_file(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="cannot be written: No space left on device; free some disk space"):
        write(out, OLD)
    assert os.listdir(out) == []


def test_files_that_may_not_be_written_are_seen_before_the_first_is(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(out, OLD)
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("kubeconfig") and bool(mode))
    assert refused(out, NEW).startswith(f"{out / 'kubeconfig'}: no permission to write the file; nothing was written")


def test_a_file_that_became_a_link_since_the_plan_is_not_made_private(out: Path, tmp_path: Path) -> None:
    write(out, OLD)
    (out / "kubeconfig").chmod(0o644)
    planned = plan_directory(out, OLD, "dev-cluster")
    other = tmp_path / "other"
    (out / "kubeconfig").rename(other)
    (out / "kubeconfig").symlink_to(other)
    with pytest.raises(FileError, match="kubeconfig: cannot be made private: "):
        write_directory(planned)
    assert stat.S_IMODE(other.stat().st_mode) == 0o644


def test_a_file_that_cannot_be_read_or_removed_is_named(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(out, OLD)
    assert "cannot be read: File name too long" in refused(out, (Artifact("x" * 300, b""),))

    def denied(*_: object, **__: object) -> None:
        raise OSError(13, os.strerror(13))

    monkeypatch.setattr(Path, "unlink", denied)
    with pytest.raises(FileError, match=r"b\.yaml: cannot be removed: Permission denied"):
        write(out, NEW)


def test_a_file_in_the_place_of_the_directory(out: Path) -> None:
    out.write_text("x")
    with pytest.raises(FileError, match="out: this is not a directory; specify another"):
        write(out, OLD)


NAMES = st.sampled_from(["a.yaml", "b.yaml", "c.yaml", "flags.txt"])
SETS = st.dictionaries(NAMES, st.binary(max_size=3)).map(
    lambda files: tuple(Artifact(name, data) for name, data in files.items())
)


@given(st.lists(SETS, min_size=1, max_size=5), st.dictionaries(NAMES, st.binary(max_size=3)))
def test_after_any_runs_there_are_the_last_ones_files_and_everybody_elses(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[Artifact, ...]], others: dict[str, bytes]
) -> None:
    out = tmp_path_factory.mktemp("out")
    foreign = {f"other-{name}": data for name, data in others.items()}
    for name, data in foreign.items():
        (out / name).write_bytes(data)
    for artifacts in runs:
        write(out, artifacts)
    assert content(out) == foreign | {each.name: each.data for each in runs[-1]}
    assert record(out).to_bytes() == (out / RECORD_NAME).read_bytes()
    assert set(write(out, runs[-1])) == {f"unchanged {each.name}" for each in runs[-1]}
