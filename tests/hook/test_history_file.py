"""The file of the history: its formats, its limits, and a disk that is full."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import ConfigError, FileError, Place, PolicyRefused, SelectionError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.hook.cluster import history as history_module
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.history import History, read_history, write_history
from tarmak_iam.hook.cluster.results import ApplyFailed
from tarmak_iam.hook.cluster.rollback import roll_back
from tests.support.applied import READERS, made
from tests.support.fake_cluster import Cluster
from tests.support.histories import CONFIG, DAEMON, NOW, config, statuses
from tests.support.installations import MAPPINGS

pytestmark = pytest.mark.usefixtures("history_time")


def test_rollback_needs_a_state_of_this_cluster(state: Path, tmp_path: Path) -> None:
    cluster = Cluster()
    with pytest.raises(SelectionError, match="no change to roll back"):
        roll_back(cluster.kubectl(), state)
    apply_to_cluster(made(), cluster.kubectl(), state)
    cluster.uid = "cluster-2"
    with pytest.raises(PolicyRefused, match="contains no change of this cluster"):
        roll_back(cluster.kubectl(), state)
    broken = tmp_path / "broken.json"
    broken_formats = (
        '{"format": 2}',
        '{"format": 2, "changes": [{}]}',
        '{"format": 1, "changes": []}',
        '{"format": "3"}',
    )
    for text in ("", "{", "[]", *broken_formats, "[" * 10**5):
        broken.write_text(text)
        with pytest.raises(ConfigError, match="this file is not a history of `apply`"):
            read_history(broken)


def test_a_history_of_a_newer_release_is_not_taken_for_a_broken_one(tmp_path: Path) -> None:
    newer = tmp_path / "newer.json"
    newer.write_text('{"format": 3, "changes": []}\r\n')
    with pytest.raises(ConfigError) as refused:
        read_history(newer)
    assert str(refused.value) == (
        f"{newer}: this history was written by a newer release of tarmak-iam; use that release, or move the file away; "
        "its changes can then no longer be rolled back"
    )


@pytest.mark.parametrize("part", ["tarmak-iam.state.json", "dev-cluster"])
def test_no_link_leads_the_state_elsewhere(tmp_path: Path, part: str) -> None:
    path = tmp_path / "dir" / "dev-cluster" / "tarmak-iam.state.json"
    path.parent.mkdir(parents=True)
    if part == "dev-cluster":
        path.parent.rmdir()
        path.parent.symlink_to(tmp_path / "made")
    else:
        path.symlink_to(tmp_path / "made")
    boundary = Boundary(tmp_path / "dir")
    with pytest.raises(FileError, match=f"{part}: this is a link to .*/made, outside of "):
        write_history(History(), path, boundary)
    with pytest.raises(FileError, match=f"{part}: this is a link to .*/made, outside of "):
        read_history(path, boundary)
    assert not (tmp_path / "made").exists()


def test_a_state_that_could_not_be_read_again_changes_nothing(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarmak_iam.hook.cluster.history._LIMIT", 100)
    cluster = Cluster()
    with pytest.raises(FileError, match="the history would be larger than 100 bytes"):
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert cluster.names() == []


class TestFile:
    def test_as_written_so_read(self, state: Path) -> None:
        cluster = Cluster()
        for more in ("", READERS):
            apply_to_cluster(made(MAPPINGS + more), cluster.kubectl(), state)
        found = read_history(state)
        assert (found.revisions[0].time, found.revisions[0].cluster) == (NOW, "cluster-1")
        write_history(found, state)
        assert read_history(state) == found

    def test_the_oldest_changes_go(self, state: Path) -> None:
        cluster = Cluster()
        for number in range(22):
            apply_to_cluster(made(MAPPINGS + READERS * (number % 2)), cluster.kubectl(), state)
        numbers = [each.number for each in read_history(state).revisions]
        assert numbers == list(range(3, 23))
        with pytest.raises(SelectionError, match="change 1 does not exist; use a number from 2 to 22"):
            roll_back(cluster.kubectl(), state, to=1)
        roll_back(cluster.kubectl(), state, to=2)
        assert config(cluster) == READERS

    def test_so_they_do_where_the_file_would_be_too_large_but_never_the_newest(
        self, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cluster = Cluster()
        monkeypatch.setattr(history_module, "MAX_BYTES", 1000)
        for more in ("", READERS):
            apply_to_cluster(made(MAPPINGS + more), cluster.kubectl(), state)
        assert statuses(state) == ["2 applied"]

    def test_a_cluster_that_was_made_anew_has_changes_of_its_own(self, state: Path) -> None:
        apply_to_cluster(made(), Cluster().kubectl(), state)
        cluster = Cluster(uid="cluster-2")
        with pytest.raises(PolicyRefused, match="contains no change of this cluster; nothing was changed"):
            roll_back(cluster.kubectl(), state)
        apply_to_cluster(made(), cluster.kubectl(), state)
        assert statuses(state) == ["1 applied", "2 applied"]
        roll_back(cluster.kubectl(), state)
        assert statuses(state) == ["1 applied", "2 undone"]

    def test_a_file_from_before_is_left_alone(self, state: Path) -> None:
        older = state.with_name("tarmak-iam.state.1.json")
        older.parent.mkdir()
        older.write_text("x")
        apply_to_cluster(made(), (cluster := Cluster()).kubectl(), state)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        assert older.read_text() == "x"

    def test_a_full_disk_after_the_first_change_is_told_and_loses_nothing(
        self, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        writes = iter(range(1))

        def full(history: History, path: Path, within: Any) -> History:
            if next(writes, None) is None:
                raise FileError("cannot be written: No space left on device", place=Place("/state.json"))
            return write_history(history, path, within)

        monkeypatch.setattr(history_module, "write_history", full)
        told: list[str] = []
        with pytest.raises(ApplyFailed, match=f"No space left .* configured {CONFIG}, configured {DAEMON}"):
            apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, tell=told.append)
        (warning,) = (each for each in told if each.startswith("warning: "))
        assert warning == (
            "warning: /state.json: cannot be written: No space left on device; continuing, because the previous "
            "objects "
            "are already saved"
        )
        monkeypatch.undo()
        assert statuses(state) == ["1 applied", "2 begun"]
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == ""

    def test_an_object_without_metadata_is_no_history(self, state: Path) -> None:
        apply_to_cluster(made(), Cluster().kubectl(), state)
        found = json.loads(state.read_text())
        found["changes"][0]["objects"][0]["after"] = {"metadata": []}
        state.write_text(json.dumps(found))
        with pytest.raises(ConfigError, match="this file is not a history of `apply`"):
            read_history(state)
