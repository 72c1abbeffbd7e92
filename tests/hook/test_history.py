"""The history of changes, as an apply goes on with it, and as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.emit import manifests
from tarmak_iam.errors import ConfigError, FileError, Place, PolicyRefused, SelectionError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.hook.cluster import history as history_module
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.history import History, Revision, Snapshot, Status, read_history, write_history
from tarmak_iam.hook.cluster.objects import Index, Ref, last_applied
from tarmak_iam.hook.cluster.results import ApplyFailed
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.plugins import __version__
from tests.support.applied import NAME, OURS, READERS, add_crd, after_apply, identity_mapping, live, made
from tests.support.fake_cluster import Cluster
from tests.support.histories import (
    CONFIG,
    DAEMON,
    NOW,
    WRITERS,
    Killed,
    after_applies,
    config,
    killing,
    kills,
    put_data,
    statuses,
)
from tests.support.installations import MAPPINGS

pytestmark = pytest.mark.usefixtures("history_time")


class TestOneStep:
    def test_a_rollout_that_timed_out_is_an_apply_all_the_same(self, state: Path) -> None:
        """Each apply is a change of its own, so that a rollback never goes to before the first."""
        cluster = Cluster(is_rolled_out=False)
        with pytest.raises(ApplyFailed, match="the rollout did not complete"):
            apply_to_cluster(made(), cluster.kubectl(), state, wait=5)
        assert statuses(state) == ["1 applied"]
        apply_to_cluster(made(), cluster.kubectl(), state, wait=None)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, wait=None)
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state, wait=None)
        assert statuses(state) == ["1 applied", "2 applied", "3 applied"]
        done = roll_back(cluster.kubectl(), state, wait=None)
        assert (config(cluster), done.undone) == (READERS, (3,))
        assert statuses(state) == ["1 applied", "2 applied", "3 undone"]

    def test_a_second_rollback_finds_nothing_to_do_and_an_apply_is_a_new_change(self, state: Path) -> None:
        cluster = after_applies(state, "", READERS)
        roll_back(cluster.kubectl(), state)
        kept, writes = state.read_bytes(), len(cluster.writes)
        again = roll_back(cluster.kubectl(), state)
        assert (again.changed, again.undone, again.changes, again.access_after) == (False, (), (), None)
        assert (config(cluster), state.read_bytes(), len(cluster.writes)) == ("", kept, writes)
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state)
        assert statuses(state) == ["1 applied", "2 undone", "3 applied"]
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == ""

    def test_only_what_changed_is_kept(self, state: Path) -> None:
        """That the fields of the other object are ours now is noted in the cluster, and no change."""
        cluster = Cluster()
        for each in manifests(made(image="example.org/a:v0.7.9")):
            cluster.client_side_apply(each)
        apply_to_cluster(made(image="example.org/b:v0.7.9"), cluster.kubectl(), state)
        assert [kept.ref.kind for kept in read_history(state).revisions[-1].objects] == ["DaemonSet"]


class TestKilled:
    """A change that did not come to its end goes on: one rollback undoes what was begun and what went on."""

    def test_at_any_call_and_something_else_is_applied(self, tmp_path: Path) -> None:
        """tests/hook/test_kills.py applies the same again."""
        number = 0

        def cluster_of() -> Cluster:
            nonlocal number
            number += 1
            apply_to_cluster(made(), (cluster := Cluster()).kubectl(), tmp_path / f"{number}.json")
            return cluster

        for cluster in kills(
            cluster_of,
            lambda each: apply_to_cluster(made(MAPPINGS + READERS), each.kubectl(), tmp_path / f"{number}.json"),
        ):
            state = tmp_path / f"{number}.json"
            was = config(cluster), read_history(state).revisions[-1].status
            apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state)
            assert config(cluster) == WRITERS
            is_whole = was == (READERS, Status.APPLIED) or len(read_history(state).revisions) == 3
            roll_back(cluster.kubectl(), state)
            # All of the first one was done where it was killed later: then it is a change by itself.
            assert config(cluster) == (READERS if is_whole else "")
            assert {each.status for each in read_history(state).revisions[:-1]} == {Status.APPLIED}

    def test_midway_and_applied_again_is_one_change(self, state: Path) -> None:
        cluster = after_apply(state)
        self.kill_before_the_daemonset(cluster, made(MAPPINGS + READERS), state)
        assert (config(cluster), statuses(state)) == (READERS, ["1 applied", "2 begun"])
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state)
        assert (config(cluster), statuses(state)) == (WRITERS, ["1 applied", "2 applied"])
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == ""

    def test_before_the_first_write_it_is_no_change(self, state: Path) -> None:
        """So that a rollback undoes the last one that was."""
        cluster = after_applies(state, "", READERS)
        with pytest.raises(Killed):
            apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state, begun=killing)
        assert statuses(state) == ["1 applied", "2 applied", "3 begun"]
        assert not apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state).changed
        assert statuses(state) == ["1 applied", "2 applied"]
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == ""

    def test_when_all_was_written_it_is_a_change_by_itself(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cluster = after_apply(state)
        monkeypatch.setattr(history_module.Journal, "applied", killing)
        with pytest.raises(Killed):
            apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        monkeypatch.undo()
        assert statuses(state) == ["1 applied", "2 begun"]
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state)
        assert statuses(state) == ["1 applied", "2 applied", "3 applied"]
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == READERS

    def test_what_somebody_else_has_changed_meanwhile_is_what_to_go_back_to(self, state: Path) -> None:
        cluster = after_apply(state)
        self.kill_before_the_daemonset(cluster, made(MAPPINGS + READERS), state)
        put_data(cluster, **{"config.yaml": MAPPINGS + "  - theirs\n"})
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state, force=True)
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == "  - theirs\n"

    def test_what_others_changed_after_it_is_not_rolled_back(self, state: Path) -> None:
        cluster = after_apply(state)
        self.kill_before_the_daemonset(cluster, made(MAPPINGS + READERS), state)
        put_data(cluster, **{"config.yaml": "theirs"})
        with pytest.raises(PolicyRefused) as refused:
            roll_back(cluster.kubectl(), state)
        assert refused.value.message == (
            f"{CONFIG} (data.config.yaml) has since been changed by another manager; nothing was changed; "
            "use --force to undo the change anyway"
        )
        assert statuses(state) == ["1 applied", "2 begun"]
        roll_back(cluster.kubectl(), state, force=True)
        assert config(cluster) == ""

    def test_a_removal_that_was_to_come_belongs_to_the_change(self, state: Path) -> None:
        cluster = Cluster(is_rolled_out=False)
        metadata = {"name": "old", "namespace": "kube-system", "labels": OURS}
        cluster.add({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}, "tarmak-iam", "Apply")
        with pytest.raises(ApplyFailed, match="the rollout did not complete"):
            apply_to_cluster(made(), cluster.kubectl(), state, wait=5)
        cluster.is_rolled_out = True
        cluster.add(cluster.get("DaemonSet", NAME) or {}, "daemonset-controller")
        apply_to_cluster(made(), cluster.kubectl(), state)
        assert cluster.get("ServiceAccount", "old") is None
        assert statuses(state) == ["1 applied"]
        roll_back(cluster.kubectl(), state)
        assert cluster.names() == ["ServiceAccount old"]

    def test_an_answer_that_never_came_leaves_no_note_of_plain_apply(
        self, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Kubectl's next apply would take what is undone for what was applied last."""
        cluster = after_apply(state, made(kubernetesVersion="1.15.12"), server="v1.15.12", client="v1.15.12")
        note = last_applied(live(cluster))
        monkeypatch.setattr(history_module.Journal, "save", killing)
        with pytest.raises(Killed):
            apply_to_cluster(made(MAPPINGS + READERS, kubernetesVersion="1.15.12"), cluster.kubectl(), state)
        assert config(cluster) == READERS
        roll_back(cluster.kubectl(), state)
        assert last_applied(live(cluster)) == note

    def kill_before_the_daemonset(self, cluster: Cluster, installation: Any, state: Path) -> None:
        writes = iter(range(1))

        def fault(args: tuple[str, ...]) -> None:
            if args[0] == "apply" and "--dry-run=server" not in args and next(writes, None) is None:
                raise Killed

        cluster.fault = fault
        with pytest.raises(Killed):
            apply_to_cluster(installation, cluster.kubectl(), state)
        cluster.fault = lambda _: None


def test_an_open_change_of_another_cluster_is_not_gone_on_with() -> None:
    """As where a cluster was made anew while a change of the one before it was open."""
    ref = Ref("v1", "ConfigMap", "kube-system", NAME)
    open_one = Revision(1, "cluster-1", NOW, "0.1", Status.BEGUN, (Snapshot(ref, None, ref.stub),))
    history, begun = History((open_one,)).begun("cluster-2", (Snapshot(ref, None, ref.stub),), Index(()))
    assert (begun.number, begun.cluster, begun.time, begun.release) == (2, "cluster-2", NOW, __version__)
    assert history.revisions == (open_one, begun)
    assert [each.number for each in history.opened("cluster-1")] == [1]
    assert [each.number for each in history.opened("cluster-2")] == [2]


@pytest.mark.parametrize(("verb", "killed_at"), [("apply", 2), ("delete", 2)])
def test_each_batch_is_written_down_once_it_is_done(state: Path, verb: str, killed_at: int) -> None:
    """So that whoever goes on after a kill knows the API server's answers."""
    cluster, calls = Cluster(), list[str]()
    add_crd(cluster)
    cluster.add(identity_mapping("old", OURS), "tarmak-iam", "Apply")

    def fault(args: tuple[str, ...]) -> None:
        calls.extend(args[:1] if "--dry-run=server" not in args else ())
        if calls.count(verb) == killed_at:
            raise Killed

    cluster.fault = fault
    with pytest.raises(Killed):
        apply_to_cluster(made(), cluster.kubectl(), state)
    done = {each.ref.kind: each.is_done for each in read_history(state).revisions[-1].objects}
    assert done == {
        "ConfigMap": True,
        "DaemonSet": verb == "delete",
        "IAMIdentityMapping": verb == "delete",
        "CustomResourceDefinition": False,
    }


def test_a_file_that_is_not_a_history(state: Path) -> None:
    with pytest.raises(SelectionError, match="no change to roll back"):
        roll_back(Cluster().kubectl(), state)
    formats = ('{"format": 2}', '{"format": 2, "changes": [{}]}', '{"format": 1, "changes": []}', '{"format": "3"}')
    apply_to_cluster(made(), Cluster().kubectl(), state)
    found = json.loads(state.read_text())
    found["changes"][0]["objects"][0]["after"] = {"metadata": []}
    for text in ("", "{", "[]", *formats, "[" * 10**5, json.dumps(found)):
        state.write_text(text)
        with pytest.raises(ConfigError, match="this file is not a history of `apply`"):
            read_history(state)


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
        older = state.with_name("tarmak-iam.state.1.json")
        older.parent.mkdir()
        older.write_text("x")
        after_applies(state, "", READERS)
        found = read_history(state)
        assert (found.revisions[0].time, found.revisions[0].cluster) == (NOW, "cluster-1")
        write_history(found, state)
        assert read_history(state) == found
        assert older.read_text() == "x"

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

    def test_a_full_disk_after_the_first_change_is_told_and_loses_nothing(
        self, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cluster = after_apply(state)
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
