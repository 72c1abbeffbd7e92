"""The history of changes: what a rollback undoes after kills, timeouts and edits of others, and what is kept of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.emit import manifests
from tarmak_iam.errors import ConfigError, FileError, Place, PolicyRefused, SelectionError
from tarmak_iam.hook.cluster import journal
from tarmak_iam.hook.cluster import journal as history_file
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.history import ApplyFailed, History, RollbackFailed, Status
from tarmak_iam.hook.cluster.journal import load_history, read_history, write_history
from tarmak_iam.hook.cluster.objects import last_applied, object_digest
from tarmak_iam.hook.cluster.rollback import roll_back
from tests.emit.installations import MAPPINGS
from tests.hook.test_apply import NAME, OURS, READERS, add_crd, identity_mapping, made
from tests.support.fake_cluster import Cluster, failed

NOW = datetime(2026, 3, 2, 10, 0, 0, tzinfo=timezone.utc)
WRITERS = READERS.replace("eader", "riter")
CONFIG = f"ConfigMap kube-system/{NAME}"
DAEMON = f"DaemonSet kube-system/{NAME}"


class Killed(BaseException):
    """As by SIGKILL: nobody is told, and nothing is written any more."""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(journal, "utc_now", lambda: NOW)
    return tmp_path / "dev-cluster" / "tarmak-iam.state.json"


def config(cluster: Cluster) -> str | None:
    """The mappings by their suffix: what was added to the first ones."""
    found = cluster.get("ConfigMap", NAME)
    return None if found is None else found["data"]["config.yaml"].removeprefix(MAPPINGS)


def statuses(state: Path) -> list[str]:
    return [f"{each.number} {each.status}" for each in load_history(state).revisions]


def killed_at(cluster: Cluster, number: int, run: Callable[[], object]) -> bool:
    """Whether it was killed at that call, from 0, or came to its end before."""
    left = iter(range(number))

    def fault(_: tuple[str, ...]) -> None:
        if next(left, None) is None:
            raise Killed

    cluster.fault = fault
    try:
        run()
    except Killed:
        return True
    finally:
        cluster.fault = lambda _: None
    return False


def killed_at_verb(cluster: Cluster, verb: tuple[str, ...], run: Callable[[], object]) -> bool:
    def fault(args: tuple[str, ...]) -> None:
        if args[: len(verb)] == verb:
            raise Killed

    cluster.fault = fault
    try:
        run()
    except Killed:
        return True
    finally:
        cluster.fault = lambda _: None
    return False


def kills(cluster_of: Callable[[], Cluster], run: Callable[[Cluster], object]) -> Iterator[Cluster]:
    """A cluster for each call at which a run can be killed, after that."""
    number = 0
    while killed_at(cluster := cluster_of(), number, lambda: run(cluster)):
        yield cluster
        number += 1
    assert number > 3


def put_data(cluster: Cluster, **data: str) -> None:
    live = cluster.get("ConfigMap", NAME)
    assert live is not None
    cluster.add({**live, "data": {**live["data"], **data}}, "kubectl-edit")


class TestOneStep:
    def test_a_rollout_that_timed_out_is_an_apply_all_the_same(self, state: Path) -> None:
        """Each apply is a change of its own, so that a rollback never goes to before the first."""
        cluster = Cluster(is_rolled_out=False)
        with pytest.raises(ApplyFailed, match="it does not run everywhere"):
            apply_to_cluster(made(), cluster.kubectl(), state, wait=5)
        assert statuses(state) == ["1 applied"]
        apply_to_cluster(made(), cluster.kubectl(), state, wait=None)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, wait=None)
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state, wait=None)
        assert statuses(state) == ["1 applied", "2 applied", "3 applied"]
        done = roll_back(cluster.kubectl(), state, wait=None)
        assert (config(cluster), done.undone) == (READERS, (3,))
        assert statuses(state) == ["1 applied", "2 applied", "3 undone"]

    def test_a_second_rollback_finds_nothing_to_do(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        roll_back(cluster.kubectl(), state)
        kept, writes = state.read_bytes(), len(cluster.writes)
        again = roll_back(cluster.kubectl(), state)
        assert (again.changed, again.undone, again.changes, again.access_after) == (False, (), (), None)
        assert (config(cluster), state.read_bytes(), len(cluster.writes)) == ("", kept, writes)

    def test_after_a_rollback_an_apply_is_a_new_change(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        roll_back(cluster.kubectl(), state)
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
        assert [kept.ref.kind for kept in load_history(state).revisions[-1].objects] == ["DaemonSet"]


class TestKilled:
    """A change that did not come to its end goes on: one rollback undoes what was begun and what went on."""

    @pytest.mark.parametrize("then", [READERS, WRITERS])
    def test_at_any_call_and_applied_again(self, tmp_path: Path, then: str) -> None:
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
            was = config(cluster), load_history(state).revisions[-1].status
            apply_to_cluster(made(MAPPINGS + then), cluster.kubectl(), state)
            assert config(cluster) == then
            is_whole = was == (READERS, Status.APPLIED) or len(load_history(state).revisions) == 3
            roll_back(cluster.kubectl(), state)
            # All of the first one was done where it was killed later: then it is a change by itself.
            assert config(cluster) == ("" if not is_whole or then == READERS else READERS)
            assert {each.status for each in load_history(state).revisions[:-1]} == {Status.APPLIED}

    def test_midway_and_applied_again_is_one_change(self, state: Path) -> None:
        apply_to_cluster(made(), (cluster := Cluster()).kubectl(), state)
        self.kill_before_the_daemonset(cluster, made(MAPPINGS + READERS), state)
        assert (config(cluster), statuses(state)) == (READERS, ["1 applied", "2 begun"])
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state)
        assert (config(cluster), statuses(state)) == (WRITERS, ["1 applied", "2 applied"])
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == ""

    def test_midway_and_rolled_back(self, state: Path) -> None:
        apply_to_cluster(made(), (cluster := Cluster()).kubectl(), state)
        self.kill_before_the_daemonset(cluster, made(MAPPINGS + READERS), state)
        assert roll_back(cluster.kubectl(), state).undone == (2,)
        assert config(cluster) == ""

    def test_before_the_first_write_it_is_no_change(self, state: Path) -> None:
        """So that a rollback undoes the last one that was."""
        apply_to_cluster(made(), (cluster := Cluster()).kubectl(), state)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        with pytest.raises(Killed):
            apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state, begun=killing)
        assert statuses(state) == ["1 applied", "2 applied", "3 begun"]
        assert not apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state).changed
        assert statuses(state) == ["1 applied", "2 applied"]
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == ""

    def test_when_all_was_written_it_is_a_change_by_itself(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        apply_to_cluster(made(), (cluster := Cluster()).kubectl(), state)
        monkeypatch.setattr(journal.Journal, "applied", killing)
        with pytest.raises(Killed):
            apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        monkeypatch.undo()
        assert statuses(state) == ["1 applied", "2 begun"]
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state)
        assert statuses(state) == ["1 applied", "2 applied", "3 applied"]
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == READERS

    def test_an_apply_that_finds_all_as_wanted_settles_it(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        apply_to_cluster(made(), (cluster := Cluster()).kubectl(), state)
        monkeypatch.setattr(journal.Journal, "applied", killing)
        with pytest.raises(Killed):
            apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        monkeypatch.undo()
        assert apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state).state is None
        assert statuses(state) == ["1 applied", "2 applied"]

    def test_what_somebody_else_has_changed_meanwhile_is_what_to_go_back_to(self, state: Path) -> None:
        apply_to_cluster(made(), (cluster := Cluster()).kubectl(), state)
        self.kill_before_the_daemonset(cluster, made(MAPPINGS + READERS), state)
        put_data(cluster, **{"config.yaml": MAPPINGS + "  - theirs\n"})
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state, force=True)
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == "  - theirs\n"

    def test_what_others_changed_after_it_is_not_rolled_back(self, state: Path) -> None:
        apply_to_cluster(made(), (cluster := Cluster()).kubectl(), state)
        self.kill_before_the_daemonset(cluster, made(MAPPINGS + READERS), state)
        put_data(cluster, **{"config.yaml": "theirs"})
        with pytest.raises(PolicyRefused) as refused:
            roll_back(cluster.kubectl(), state)
        assert refused.value.message == (
            f"{CONFIG} (data.config.yaml) was changed since by somebody else; nothing was changed; "
            "--force undoes the change all the same"
        )
        assert statuses(state) == ["1 applied", "2 begun"]
        roll_back(cluster.kubectl(), state, force=True)
        assert config(cluster) == ""

    def test_a_removal_that_was_to_come_belongs_to_the_change(self, state: Path) -> None:
        cluster = Cluster(is_rolled_out=False)
        metadata = {"name": "old", "namespace": "kube-system", "labels": OURS}
        cluster.add({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}, "tarmak-iam", "Apply")
        with pytest.raises(ApplyFailed, match="it does not run everywhere"):
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
        cluster = Cluster(server="v1.15.12", client="v1.15.12")
        apply_to_cluster(made(kubernetesVersion="1.15.12"), cluster.kubectl(), state)
        note = last_applied(cluster.get("ConfigMap", NAME) or {})
        monkeypatch.setattr(journal.Journal, "note", killing)
        with pytest.raises(Killed):
            apply_to_cluster(made(MAPPINGS + READERS, kubernetesVersion="1.15.12"), cluster.kubectl(), state)
        assert config(cluster) == READERS
        roll_back(cluster.kubectl(), state)
        assert last_applied(cluster.get("ConfigMap", NAME) or {}) == note

    def kill_before_the_daemonset(self, cluster: Cluster, installation: Any, state: Path) -> None:
        writes = iter(range(1))

        def fault(args: tuple[str, ...]) -> None:
            if args[0] == "apply" and "--dry-run=server" not in args and next(writes, None) is None:
                raise Killed

        cluster.fault = fault
        with pytest.raises(Killed):
            apply_to_cluster(installation, cluster.kubectl(), state)
        cluster.fault = lambda _: None


def killing(*_: object) -> None:
    raise Killed


class TestRollbackKilled:
    def test_at_any_call_and_run_again(self, tmp_path: Path) -> None:
        number = 0

        def cluster_of() -> Cluster:
            nonlocal number
            number += 1
            cluster, state = Cluster(), tmp_path / f"{number}.json"
            for more in ("", READERS, READERS + WRITERS):
                apply_to_cluster(made(MAPPINGS + more), cluster.kubectl(), state)
            return cluster

        for cluster in kills(cluster_of, lambda each: roll_back(each.kubectl(), tmp_path / f"{number}.json", to=1)):
            state = tmp_path / f"{number}.json"
            is_begun = Status.UNDOING in {each.status for each in load_history(state).revisions}
            roll_back(cluster.kubectl(), state)
            # Where it had not begun, this is another one, of one step.
            assert config(cluster) in (("",) if is_begun else (READERS, ""))

    def test_before_the_pods_run(self, state: Path) -> None:
        """The objects are as they were, and the next rollback waits for the pods, and goes no step further."""
        cluster = Cluster()
        for more in ("", READERS, READERS + WRITERS):
            apply_to_cluster(made(MAPPINGS + more), cluster.kubectl(), state)
        cluster.is_rolled_out = False
        for _ in range(2):
            with pytest.raises(RollbackFailed, match=r"does not run everywhere after 5 seconds.*run rollback again"):
                roll_back(cluster.kubectl(), state, wait=5)
            assert (config(cluster), statuses(state)) == (READERS, ["1 applied", "2 applied", "3 undoing"])
        daemon = cluster.get("DaemonSet", NAME)
        assert daemon is not None
        cluster.daemons.rolled_out(daemon, cluster.now)
        counts = dict.fromkeys(("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"), 3)
        daemon["status"] = {"observedGeneration": 9, **counts}
        assert roll_back(cluster.kubectl(), state).undone == (3,)
        assert (config(cluster), statuses(state)) == (READERS, ["1 applied", "2 applied", "3 undone"])

    def test_without_waiting_what_pods_may_still_need_stays(self, state: Path) -> None:
        """They read the custom resources until those of before are there."""
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        apply_to_cluster(made(backends=["CRD"]), cluster.kubectl(), state)
        names = cluster.names()
        cluster.is_rolled_out = False
        told: list[str] = []
        for _ in range(2):
            roll_back(cluster.kubectl(), state, wait=None, tell=told.append)
            assert told[-1].startswith("not removed yet, since pods may still need it: ")
            assert (set(names) <= set(cluster.names()), statuses(state)) == (True, ["1 applied", "2 undoing"])
        daemon = cluster.get("DaemonSet", NAME)
        assert daemon is not None
        cluster.daemons.rolled_out(daemon, cluster.now)
        counts = dict.fromkeys(("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"), 3)
        daemon["status"] = {"observedGeneration": 9, **counts}
        roll_back(cluster.kubectl(), state, wait=None)
        assert (cluster.get("CustomResourceDefinition", "iamidentitymappings.iamauthenticator.k8s.aws", "")) is None
        assert statuses(state) == ["1 applied", "2 undone"]

    def test_then_applied_and_rolled_back(self, state: Path) -> None:
        """What the killed rollback went back to counts, not what it left."""
        cluster = self.half_undone(state)
        assert statuses(state) == ["1 applied", "2 undoing", "3 undoing"]
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state)
        assert statuses(state) == ["1 applied", "2 undone", "3 applied"]
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == ""

    def test_then_applied_where_all_was_undone(self, state: Path) -> None:
        cluster = self.half_undone(state)
        roll_back(cluster.kubectl(), state)
        found = load_history(state).with_status((2, 3), Status.UNDOING)
        write_history(found, state)
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state)
        assert statuses(state) == ["1 applied", "2 undone", "3 undone", "4 applied"]

    def test_then_applied_where_kubernetes_does_not_record_who_sets_a_field(self, state: Path) -> None:
        """What the killed rollback has written is nobody's edit."""
        cluster = Cluster(server="v1.15.12", client="v1.15.12")
        for more in ("", READERS):
            apply_to_cluster(made(MAPPINGS + more, kubernetesVersion="1.15.12"), cluster.kubectl(), state)
        assert killed_at_verb(cluster, ("apply", "set-last-applied"), lambda: roll_back(cluster.kubectl(), state))
        assert (config(cluster), statuses(state)) == ("", ["1 applied", "2 undoing"])
        apply_to_cluster(made(MAPPINGS + READERS, kubernetesVersion="1.15.12"), cluster.kubectl(), state)
        assert (config(cluster), statuses(state)) == (READERS, ["1 applied", "2 applied"])

    def test_the_note_of_plain_apply_that_it_did_not_come_to_is_made_up_for(self, state: Path) -> None:
        cluster = Cluster(server="v1.15.12", client="v1.15.12")
        for image in ("a", "b"):
            wanted = made(image=f"example.org/{image}:v0.7.9", kubernetesVersion="1.15.12")
            apply_to_cluster(wanted, cluster.kubectl(), state)
        assert killed_at_verb(cluster, ("apply", "set-last-applied"), lambda: roll_back(cluster.kubectl(), state))
        assert last_applied(cluster.get("DaemonSet", NAME) or {}) is None
        apply_to_cluster(wanted, cluster.kubectl(), state)
        assert statuses(state) == ["1 applied", "2 undone", "3 applied"]
        roll_back(cluster.kubectl(), state)
        sent = last_applied(cluster.get("DaemonSet", NAME) or {})
        assert sent is not None
        assert sent["spec"]["template"]["spec"]["containers"][0]["image"] == "example.org/a:v0.7.9"

    def half_undone(self, state: Path) -> Cluster:
        cluster = Cluster()
        for more in ("", READERS, READERS + WRITERS):
            apply_to_cluster(made(MAPPINGS + more), cluster.kubectl(), state)

        def fault(args: tuple[str, ...]) -> None:
            if args[0] == "replace" and config(cluster) == "":
                raise Killed

        cluster.fault = fault
        with pytest.raises(Killed):
            roll_back(cluster.kubectl(), state, to=1)
        cluster.fault = lambda _: None
        return cluster


class TestTo:
    def test_several_steps(self, state: Path) -> None:
        cluster = Cluster()
        for more in ("", READERS, WRITERS, READERS + WRITERS):
            apply_to_cluster(made(MAPPINGS + more), cluster.kubectl(), state)
        assert roll_back(cluster.kubectl(), state, to=4).undone == ()
        assert roll_back(cluster.kubectl(), state, to=2).undone == (3, 4)
        assert config(cluster) == READERS
        assert roll_back(cluster.kubectl(), state, to=0).undone == (1, 2)
        assert cluster.names() == []
        assert statuses(state) == ["1 undone", "2 undone", "3 undone", "4 undone"]

    def test_numbers_that_are_none(self, state: Path) -> None:
        cluster = Cluster()
        for more in ("", READERS):
            apply_to_cluster(made(MAPPINGS + more), cluster.kubectl(), state)
        with pytest.raises(SelectionError, match="there is no change 3 to go back to; there are 0 to 2"):
            roll_back(cluster.kubectl(), state, to=3)
        roll_back(cluster.kubectl(), state)
        with pytest.raises(SelectionError, match="change 2 is undone; see `rollback --list`"):
            roll_back(cluster.kubectl(), state, to=2)

    def test_an_edit_in_between_that_is_not_there_any_more_is_in_nobodys_way(self, state: Path) -> None:
        """Who forced a change has seen it; what to go back to is what was there before all of them."""
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        put_data(cluster, **{"config.yaml": "theirs"})
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state, force=True)
        roll_back(cluster.kubectl(), state, to=1)
        assert config(cluster) == ""


class TestOthers:
    """A rollback touches only what was changed."""

    def test_what_others_have_added_stays(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        put_data(cluster, theirs="x")
        self.touch_up(cluster)
        roll_back(cluster.kubectl(), state)
        config_map, daemon = cluster.get("ConfigMap", NAME), cluster.get("DaemonSet", NAME)
        assert config_map is not None
        assert daemon is not None
        assert config_map["data"] == {"config.yaml": MAPPINGS, "theirs": "x"}
        self.assert_touched_up(daemon)

    def test_it_survives_an_apply_too(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        self.touch_up(cluster)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        daemon = cluster.get("DaemonSet", NAME)
        assert daemon is not None
        self.assert_touched_up(daemon)

    def test_labels_and_a_restart_do_not_keep_an_object_of_ours_from_being_removed(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        self.touch_up(cluster)
        roll_back(cluster.kubectl(), state)
        assert cluster.names() == []

    @pytest.mark.parametrize("more", [{"theirs": "x"}, {"config.yaml": "x"}])
    def test_data_of_others_does(self, state: Path, more: dict[str, str]) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        put_data(cluster, **more)
        with pytest.raises(PolicyRefused, match=rf"{CONFIG} \(data\..*\) was changed since by somebody else"):
            roll_back(cluster.kubectl(), state)
        assert len(cluster.names()) == 2
        roll_back(cluster.kubectl(), state, force=True)
        assert cluster.names() == []

    def test_so_does_a_change_of_the_daemonset(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        daemon = cluster.get("DaemonSet", NAME)
        assert daemon is not None
        cluster.add({**daemon, "spec": {**daemon["spec"], "minReadySeconds": 5}}, "kubectl-edit")
        with pytest.raises(PolicyRefused, match=r"\(spec\.minReadySeconds\) was changed since"):
            roll_back(cluster.kubectl(), state)

    def test_defaults_of_an_answer_that_never_came_do_not(self, state: Path) -> None:
        """What the API server made of the object is not known where the apply was killed."""
        cluster = Cluster(server="v1.15.12")
        with pytest.raises(Killed):
            apply_to_cluster(made(kubernetesVersion="1.15.12"), cluster.kubectl(), state, begun=killing)
        history = load_history(state)
        (daemon,) = (each.after for each in history.revisions[-1].objects if each.ref.kind == "DaemonSet")
        assert daemon is not None
        cluster.add({**daemon, "spec": {**daemon["spec"], "revisionHistoryLimit": 10}})
        roll_back(cluster.kubectl(), state)
        assert cluster.names() == []

    def test_what_we_had_removed_and_somebody_has_made_again(self, state: Path) -> None:
        cluster = Cluster()
        add_crd(cluster)
        mine = identity_mapping("mine", OURS)
        cluster.add(mine, "tarmak-iam", "Apply")
        apply_to_cluster(made(), cluster.kubectl(), state)
        add_crd(cluster)
        cluster.add({**mine, "spec": {**mine["spec"], "username": "theirs"}})
        with pytest.raises(PolicyRefused, match=r"IAMIdentityMapping mine \(spec\.username\) was changed since"):
            roll_back(cluster.kubectl(), state)
        roll_back(cluster.kubectl(), state, force=True)
        found = cluster.get("IAMIdentityMapping", "mine", "")
        assert found is not None
        assert found["spec"]["username"] == "old"

    def test_what_is_only_noted_is_no_change_of_somebody_else(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        live = json.loads(json.dumps(cluster.get("ConfigMap", NAME)))
        live["metadata"]["annotations"] |= {"tarmak-iam/manifest-checksum": "x", "tarmak-iam/changed-at": "now"}
        cluster.add(live)
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == ""

    def test_what_somebody_has_deleted_is_made_again(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        del cluster.objects["ConfigMap", "kube-system", NAME]
        assert roll_back(cluster.kubectl(), state).changes[0].text == f"created {CONFIG}"
        assert config(cluster) == ""

    @pytest.mark.parametrize("server", ["v1.15.12", "v1.30.1"])
    def test_what_plain_apply_has_noted_is_noted_as_before(self, state: Path, server: str) -> None:
        """kubectl replace would note all that is in the object, and the next plain apply would remove it."""
        cluster = Cluster(server=server, client="v1.15.12")
        apply_to_cluster(made(kubernetesVersion=server[1:]), cluster.kubectl(), state)
        before = self.last(cluster)
        put_data(cluster, theirs="x")
        apply_to_cluster(made(MAPPINGS + READERS, kubernetesVersion=server[1:]), cluster.kubectl(), state)
        roll_back(cluster.kubectl(), state)
        assert self.last(cluster) == before
        apply_to_cluster(made(MAPPINGS + WRITERS, kubernetesVersion=server[1:]), cluster.kubectl(), state)
        config_map = cluster.get("ConfigMap", NAME)
        assert config_map is not None
        assert config_map["data"] == {"config.yaml": MAPPINGS + WRITERS, "theirs": "x"}

    def test_that_it_was_not_noted_any_more_is_made_up_for(self, state: Path) -> None:
        """Where the rollback was killed between the object and the note."""
        cluster = Cluster(server="v1.15.12", client="v1.15.12")
        apply_to_cluster(made(kubernetesVersion="1.15.12"), cluster.kubectl(), state)
        before = self.last(cluster)
        apply_to_cluster(made(MAPPINGS + READERS, kubernetesVersion="1.15.12"), cluster.kubectl(), state)

        def fault(args: tuple[str, ...]) -> None:
            if "set-last-applied" in args:
                raise Killed

        cluster.fault = fault
        with pytest.raises(Killed):
            roll_back(cluster.kubectl(), state)
        cluster.fault = lambda _: None
        assert config(cluster) == ""
        roll_back(cluster.kubectl(), state)
        assert self.last(cluster) == before

    def last(self, cluster: Cluster) -> Any:
        config_map = cluster.get("ConfigMap", NAME)
        assert config_map is not None
        return json.loads(config_map["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"])

    def touch_up(self, cluster: Cluster) -> None:
        """As Argo CD and `kubectl rollout restart` do."""
        daemon = json.loads(json.dumps(cluster.get("DaemonSet", NAME)))
        daemon["metadata"]["labels"]["argocd.argoproj.io/instance"] = "iam"
        daemon["metadata"].setdefault("annotations", {})["argocd.argoproj.io/tracking-id"] = "iam:apps/DaemonSet"
        daemon["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "2026-03-02"
        cluster.add(daemon, "argocd-controller")

    def assert_touched_up(self, daemon: dict[str, Any]) -> None:
        assert daemon["metadata"]["labels"]["argocd.argoproj.io/instance"] == "iam"
        assert daemon["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] == "iam:apps/DaemonSet"
        template = daemon["spec"]["template"]["metadata"]["annotations"]
        assert template["kubectl.kubernetes.io/restartedAt"] == "2026-03-02"


class TestAnnounced:
    def announced(self, cluster: Cluster, state: Path, **options: Any) -> list[str]:
        told: list[str] = []
        roll_back(cluster.kubectl(), state, tell=told.append, **options)
        return told

    def test_what_will_be_there_and_who_can_log_in(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        assert self.announced(cluster, state)[:5] == [
            "undoing change 2 of 2026-03-02 10:00:00 UTC",
            f"{CONFIG}, {DAEMON} will be set back",
            "arn:aws:iam::111122223333:role/Reader: can no longer log in; loses readers",
            "afterwards 1 principal can log in with IAM, 1 of them in system:masters",
            f"restoring {CONFIG}",
        ]

    def test_before_the_first_write(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        seen: list[int] = []
        writes = len(cluster.writes)

        def tell(text: str) -> None:
            if text.startswith("afterwards"):
                assert text == f"afterwards nobody can log in with IAM: there is no {DAEMON}"
                seen.append(len(cluster.writes) - writes)

        roll_back(cluster.kubectl(), state, tell=tell)
        assert seen == [0]

    def test_a_dry_run_is_that_and_nothing_more(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        kept, writes = state.read_bytes(), len(cluster.writes)
        told = self.announced(cluster, state, dry_run=True)
        assert told == [
            "undoing change 1 of 2026-03-02 10:00:00 UTC",
            f"{DAEMON}, {CONFIG} will be removed"
            if told[1].startswith("DaemonSet")
            else f"{CONFIG}, {DAEMON} will be removed",
            "arn:aws:iam::111122223333:role/Admin: can no longer log in; loses system:masters",
            f"afterwards nobody can log in with IAM: there is no {DAEMON}",
        ]
        assert (state.read_bytes(), len(cluster.writes)) == (kept, writes)

    def test_a_daemon_that_would_not_start(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        put_data(cluster, **{"config.yaml": "server: ["})
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, force=True)
        told = self.announced(cluster, state)
        assert any(each.startswith("the authenticator: would not start: ") for each in told)
        nobody = "afterwards nobody can log in with IAM: the authenticator does not start: "
        assert any(each.startswith(nobody) for each in told)

    def test_a_daemonset_without_a_configmap_tells_nothing(self, state: Path) -> None:
        """What somebody had there before, with its configuration on the host."""
        cluster = Cluster()
        pod = {"containers": [{"name": NAME, "args": ["server", "-c", "/etc/a.yaml"]}], "volumes": []}
        cluster.add(self.daemonset(pod))
        apply_to_cluster(made(), cluster.kubectl(), state, force=True)
        reason = f"{DAEMON} has its configuration not from a ConfigMap"
        assert f"who can log in with IAM afterwards is not known: {reason}" in self.announced(cluster, state)

    @pytest.mark.parametrize("is_there", [True, False])
    def test_a_daemonset_that_read_another_configmap(self, state: Path, is_there: bool) -> None:
        cluster = Cluster()
        volumes = [{"name": "config", "configMap": {"name": "theirs"}}]
        pod = {"containers": [{"name": NAME, "args": ["server", "--config=/etc/config.yaml"]}], "volumes": volumes}
        cluster.add(self.daemonset(pod))
        metadata = {"name": "theirs", "namespace": "kube-system"}
        if is_there:
            data = {"config.yaml": MAPPINGS + READERS + WRITERS}
            cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
        apply_to_cluster(made(), cluster.kubectl(), state, force=True)
        told = self.announced(cluster, state)
        waits = f"{DAEMON} waits for ConfigMap kube-system/theirs, which is not there"
        assert ("afterwards 3 principals can log in with IAM, 1 of them in system:masters" in told) is is_there
        assert (f"afterwards nobody can log in with IAM: {waits}" in told) is not is_there

    def daemonset(self, pod: dict[str, Any]) -> dict[str, Any]:
        spec = {"template": {"spec": pod}}
        metadata = {"name": NAME, "namespace": "kube-system"}
        return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}

    def test_what_may_not_be_read_is_not_known_and_in_nobodys_way(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        forbidden = failed('Error from server (Forbidden): configmaps "aws-auth" is forbidden')
        cluster.fault = lambda args: forbidden if "configmap/aws-auth" in args else None
        told = self.announced(cluster, state)
        reason = 'kubectl get failed: (Forbidden): configmaps "aws-auth" is forbidden'
        assert f"who can log in with IAM afterwards is not known: {reason}" in [
            each.replace("Error from server ", "") for each in told
        ]
        assert cluster.names() == []

    def test_custom_resources_that_come_back_count(self, state: Path) -> None:
        cluster = Cluster()
        crd = made(backends=["CRD"])
        apply_to_cluster(crd, cluster.kubectl(), state)
        apply_to_cluster(made(), cluster.kubectl(), state)
        told = self.announced(cluster, state)
        assert "afterwards 1 principal can log in with IAM, 1 of them in system:masters" in told


class TestFile:
    def test_format_1_is_read_as_one_change(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        self.as_format_1(cluster, state, settled=True)
        assert statuses(state) == ["1 applied"]
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        assert statuses(state) == ["1 applied", "2 applied"]
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == ""
        roll_back(cluster.kubectl(), state, to=0)
        assert cluster.names() == []

    def test_of_format_1_an_edit_of_somebody_is_known_by_its_digest(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        self.as_format_1(cluster, state, settled=True)
        put_data(cluster, theirs="x")
        with pytest.raises(PolicyRefused, match="was changed since by somebody else"):
            roll_back(cluster.kubectl(), state)
        roll_back(cluster.kubectl(), state, force=True)
        assert cluster.names() == []

    def test_of_an_unfinished_one_of_format_1_nothing_is_known(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        self.as_format_1(cluster, state, settled=False)
        with pytest.raises(PolicyRefused, match="were changed since by somebody else"):
            roll_back(cluster.kubectl(), state)
        roll_back(cluster.kubectl(), state, force=True)
        assert cluster.names() == []

    def test_an_unfinished_one_of_format_1_goes_on(self, state: Path) -> None:
        cluster = Cluster()
        apply_to_cluster(made(), cluster.kubectl(), state)
        self.as_format_1(cluster, state, settled=False)
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        assert statuses(state) == ["1 applied"]
        roll_back(cluster.kubectl(), state)
        assert cluster.names() == []

    def as_format_1(self, cluster: Cluster, state: Path, *, settled: bool) -> None:
        objects = [
            {
                "object": {"apiVersion": each["apiVersion"], "kind": kind, "namespace": "kube-system", "name": NAME},
                "ours": True,
                "before": None,
                "after": object_digest(each) if settled else None,
            }
            for (kind, _, _), each in cluster.objects.items()
        ]
        state.write_text(json.dumps({"format": 1, "cluster": cluster.uid, "settled": settled, "objects": objects}))

    def test_as_written_so_read(self, state: Path) -> None:
        cluster = Cluster()
        for more in ("", READERS):
            apply_to_cluster(made(MAPPINGS + more), cluster.kubectl(), state)
        found = load_history(state)
        assert (found.revisions[0].time, found.revisions[0].cluster) == (NOW, "cluster-1")
        write_history(found, state)
        assert read_history(state) == found

    def test_the_oldest_changes_go(self, state: Path) -> None:
        cluster = Cluster()
        for number in range(22):
            apply_to_cluster(made(MAPPINGS + READERS * (number % 2)), cluster.kubectl(), state)
        numbers = [each.number for each in load_history(state).revisions]
        assert numbers == list(range(3, 23))
        with pytest.raises(SelectionError, match="there is no change 1 to go back to; there are 2 to 22"):
            roll_back(cluster.kubectl(), state, to=1)
        roll_back(cluster.kubectl(), state, to=2)
        assert config(cluster) == READERS

    def test_so_they_do_where_the_file_would_be_too_large_but_never_the_newest(
        self, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cluster = Cluster()
        monkeypatch.setattr(history_file, "MAX_BYTES", 1000)
        for more in ("", READERS):
            apply_to_cluster(made(MAPPINGS + more), cluster.kubectl(), state)
        assert statuses(state) == ["2 applied"]

    def test_a_cluster_that_was_made_anew_has_changes_of_its_own(self, state: Path) -> None:
        apply_to_cluster(made(), Cluster().kubectl(), state)
        cluster = Cluster(uid="cluster-2")
        with pytest.raises(PolicyRefused, match="has no change of this cluster; nothing was changed"):
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

        monkeypatch.setattr(journal, "write_history", full)
        told: list[str] = []
        with pytest.raises(ApplyFailed, match=f"No space left .* configured {CONFIG}, configured {DAEMON}"):
            apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, tell=told.append)
        (warning,) = (each for each in told if each.startswith("warning: "))
        assert warning == (
            "warning: /state.json: cannot be written: No space left on device; going on, since what was there before "
            "is written down"
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
        with pytest.raises(ConfigError, match="this is not a history that apply keeps"):
            read_history(state)


def test_what_a_rollback_put_back_goes_with_the_next_apply(state: Path) -> None:
    """Server-side apply leaves a field that another manager has set as well, and our own `replace` would be one."""
    cluster = Cluster()
    with_crd = made(backends=["CRD"])
    apply_to_cluster(with_crd, cluster.kubectl(), state)
    apply_to_cluster(made(), cluster.kubectl(), state)
    roll_back(cluster.kubectl(), state)
    apply_to_cluster(made(), cluster.kubectl(), state)
    daemon = cluster.get("DaemonSet", NAME)
    assert daemon is not None
    assert daemon["spec"]["template"]["spec"]["serviceAccountName"] == "default"
    assert [(each["manager"], each["operation"]) for each in daemon["metadata"]["managedFields"]] == [
        ("tarmak-iam", "Apply")
    ]
