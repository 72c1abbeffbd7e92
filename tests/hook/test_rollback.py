"""rollback after kills, for several changes, and over what others have done since."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import PolicyRefused, SelectionError, ToolError
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.history import Status, read_history, write_history
from tarmak_iam.hook.cluster.objects import last_applied
from tarmak_iam.hook.cluster.results import RollbackFailed
from tarmak_iam.hook.cluster.rollback import roll_back
from tests.support.applied import NAME, OURS, READERS, add_crd, after_apply, identity_mapping, live, made
from tests.support.fake_cluster import Cluster, failed
from tests.support.histories import (
    CONFIG,
    DAEMON,
    WRITERS,
    Killed,
    after_applies,
    config,
    killed_at_verb,
    killing,
    kills,
    put_data,
    statuses,
)
from tests.support.installations import MAPPINGS

pytestmark = pytest.mark.usefixtures("history_time")


def test_rollback_that_stops_midway_goes_on_the_next_time(state: Path) -> None:
    cluster = after_apply(state)
    cluster.fault = lambda args: (
        failed("Error from server: no") if args[0] == "delete" and "ConfigMap" in args else None
    )
    with pytest.raises(ToolError) as failure:
        roll_back(cluster.kubectl(), state)
    assert "done: removed DaemonSet kube-system/aws-iam-authenticator" in failure.value.message
    assert "not done: ConfigMap kube-system/aws-iam-authenticator" in failure.value.message
    cluster.fault = lambda _: None
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == []


def test_rollback_does_not_write_over_what_somebody_does_meanwhile(state: Path) -> None:
    cluster = after_apply(state)
    apply_to_cluster(made(mappings=MAPPINGS.replace("admin\n", "boss\n")), cluster.kubectl(), state)
    key = ("ConfigMap", "kube-system", NAME)

    def meanwhile(args: tuple[str, ...], *, data: dict[str, str]) -> None:
        if args[0] == "replace" and cluster.objects[key]["metadata"]["resourceVersion"] != "later":
            cluster.objects[key]["metadata"]["resourceVersion"] = "later"
            cluster.objects[key]["data"] |= data

    cluster.fault = lambda args: meanwhile(args, data={"theirs": "x"})
    with pytest.raises(ToolError, match=f"ConfigMap kube-system/{NAME} was just changed by another process"):
        roll_back(cluster.kubectl(), state)
    assert cluster.objects[key]["data"].pop("theirs") == "x"
    # Another version alone, as after a change of its status, is in nobody's way.
    cluster.objects[key]["metadata"]["resourceVersion"] = "earlier"
    cluster.fault = lambda args: meanwhile(args, data={})
    roll_back(cluster.kubectl(), state)
    assert "username: admin" in cluster.objects[key]["data"]["config.yaml"]


class TestRollbackKilled:
    def test_at_any_call_and_run_again(self, tmp_path: Path) -> None:
        number = 0

        def cluster_of() -> Cluster:
            nonlocal number
            number += 1
            return after_applies(tmp_path / f"{number}.json", "", READERS, READERS + WRITERS)

        for cluster in kills(cluster_of, lambda each: roll_back(each.kubectl(), tmp_path / f"{number}.json", to=1)):
            state = tmp_path / f"{number}.json"
            is_begun = Status.UNDOING in {each.status for each in read_history(state).revisions}
            roll_back(cluster.kubectl(), state)
            # Where it had not begun, this is another one, of one step.
            assert config(cluster) in (("",) if is_begun else (READERS, ""))

    def test_before_the_pods_run(self, state: Path) -> None:
        """The objects are as they were, and the next rollback waits for the pods, and goes no step further."""
        cluster = after_applies(state, "", READERS, READERS + WRITERS)
        cluster.is_rolled_out = False
        for _ in range(2):
            with pytest.raises(
                RollbackFailed, match=r"the rollout did not complete within 5 seconds.*run rollback again"
            ):
                roll_back(cluster.kubectl(), state, wait=5)
            assert (config(cluster), statuses(state)) == (READERS, ["1 applied", "2 applied", "3 undoing"])
        self.roll_out(cluster)
        assert roll_back(cluster.kubectl(), state).undone == (3,)
        assert (config(cluster), statuses(state)) == (READERS, ["1 applied", "2 applied", "3 undone"])

    def test_without_waiting_what_pods_may_still_need_stays(self, state: Path) -> None:
        """They read the custom resources until those of before are there."""
        cluster = after_apply(state)
        apply_to_cluster(made(backends=["CRD"]), cluster.kubectl(), state)
        names = cluster.names()
        cluster.is_rolled_out = False
        told: list[str] = []
        for _ in range(2):
            roll_back(cluster.kubectl(), state, wait=None, tell=told.append)
            assert told[-1].startswith("note: not removed yet, because pods may still use it: ")
            assert (set(names) <= set(cluster.names()), statuses(state)) == (True, ["1 applied", "2 undoing"])
        self.roll_out(cluster)
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
        # All was undone, but not noted.
        write_history(read_history(state).with_status((2, 3), Status.UNDOING), state)
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
        assert last_applied(live(cluster, "DaemonSet")) is None
        apply_to_cluster(wanted, cluster.kubectl(), state)
        assert statuses(state) == ["1 applied", "2 undone", "3 applied"]
        roll_back(cluster.kubectl(), state)
        sent = last_applied(live(cluster, "DaemonSet"))
        assert sent is not None
        assert sent["spec"]["template"]["spec"]["containers"][0]["image"] == "example.org/a:v0.7.9"

    def roll_out(self, cluster: Cluster) -> None:
        daemon = live(cluster, "DaemonSet")
        cluster.daemons.rolled_out(daemon, cluster.now)
        counts = dict.fromkeys(("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"), 3)
        daemon["status"] = {"observedGeneration": 9, **counts}

    def half_undone(self, state: Path) -> Cluster:
        cluster = after_applies(state, "", READERS, READERS + WRITERS)

        def fault(args: tuple[str, ...]) -> None:
            if args[0] == "replace" and config(cluster) == "":
                raise Killed

        cluster.fault = fault
        with pytest.raises(Killed):
            roll_back(cluster.kubectl(), state, to=1)
        cluster.fault = lambda _: None
        return cluster


class TestTo:
    def test_numbers_that_are_none(self, state: Path) -> None:
        cluster = after_applies(state, "", READERS)
        with pytest.raises(SelectionError, match="change 3 does not exist; use a number from 0 to 2"):
            roll_back(cluster.kubectl(), state, to=3)
        roll_back(cluster.kubectl(), state)
        with pytest.raises(
            SelectionError, match="change 2 is already undone; choose an applied change from `rollback --list`"
        ):
            roll_back(cluster.kubectl(), state, to=2)

    def test_an_edit_in_between_that_is_not_there_any_more_is_in_nobodys_way(self, state: Path) -> None:
        """Who forced a change has seen it; what to go back to is what was there before all of them."""
        cluster = after_applies(state, "", READERS)
        put_data(cluster, **{"config.yaml": "theirs"})
        apply_to_cluster(made(MAPPINGS + WRITERS), cluster.kubectl(), state, force=True)
        roll_back(cluster.kubectl(), state, to=1)
        assert config(cluster) == ""


class TestOthers:
    """A rollback touches only what was changed."""

    def test_what_others_have_added_stays(self, state: Path) -> None:
        cluster = after_applies(state, "", READERS)
        put_data(cluster, theirs="x")
        self.touch_up(cluster)
        roll_back(cluster.kubectl(), state)
        config_map, daemon = cluster.get("ConfigMap", NAME), cluster.get("DaemonSet", NAME)
        assert config_map is not None
        assert daemon is not None
        assert config_map["data"] == {"config.yaml": MAPPINGS, "theirs": "x"}
        self.assert_touched_up(daemon)

    @pytest.mark.parametrize(
        ("kind", "changed", "field"),
        [
            ("ConfigMap", {"data": {"config.yaml": MAPPINGS, "theirs": "x"}}, "data.theirs"),
            ("ConfigMap", {"data": {"config.yaml": "x"}}, "data.config.yaml"),
            ("DaemonSet", {"spec": {"minReadySeconds": 5}}, "spec.minReadySeconds"),
        ],
    )
    def test_an_object_with_fields_of_others_is_not_removed(
        self, state: Path, kind: str, changed: dict[str, Any], field: str
    ) -> None:
        """Labels and a restart do not keep it from being removed."""
        cluster = after_apply(state)
        self.touch_up(cluster)
        before = live(cluster, kind)
        theirs = {part: {**before[part], **fields} for part, fields in changed.items()}
        cluster.add({**before, **theirs}, "kubectl-edit")
        refused = rf"{kind} kube-system/{NAME} \({re.escape(field)}\) has since been changed by another manager"
        with pytest.raises(PolicyRefused, match=refused):
            roll_back(cluster.kubectl(), state)
        assert len(cluster.names()) == 2
        cluster.objects[kind, "kube-system", NAME] = before
        roll_back(cluster.kubectl(), state)
        assert cluster.names() == []

    def test_defaults_of_an_answer_that_never_came_do_not(self, state: Path) -> None:
        """What the API server made of the object is not known where the apply was killed."""
        cluster = Cluster(server="v1.15.12")
        with pytest.raises(Killed):
            apply_to_cluster(made(kubernetesVersion="1.15.12"), cluster.kubectl(), state, begun=killing)
        history = read_history(state)
        (daemon,) = (each.after for each in history.revisions[-1].objects if each.ref.kind == "DaemonSet")
        assert daemon is not None
        cluster.add({**daemon, "spec": {**daemon["spec"], "revisionHistoryLimit": 10}})
        roll_back(cluster.kubectl(), state)
        assert cluster.names() == []

    @pytest.mark.parametrize("username", ["theirs", None])
    def test_what_we_had_removed_and_somebody_has_made_again(self, state: Path, username: str | None) -> None:
        """Without `username`: all of our fields that theirs lacks are theirs to decide about too."""
        cluster = Cluster()
        add_crd(cluster)
        mine = identity_mapping("mine", OURS)
        cluster.add(mine, "tarmak-iam", "Apply")
        apply_to_cluster(made(), cluster.kubectl(), state)
        add_crd(cluster)
        others = {key: value for key, value in mine["spec"].items() if key != "username"}
        cluster.add({**mine, "spec": others if username is None else {**others, "username": username}})
        with pytest.raises(PolicyRefused, match=r"IAMIdentityMapping mine \(spec\.username\) has since been changed"):
            roll_back(cluster.kubectl(), state)
        roll_back(cluster.kubectl(), state, force=True)
        found = cluster.get("IAMIdentityMapping", "mine", "")
        assert found is not None
        assert found["spec"]["username"] == "old"

    def test_what_somebody_has_deleted_is_made_again(self, state: Path) -> None:
        """And what is only noted is no change of somebody else."""
        cluster = after_applies(state, "", READERS)
        live = json.loads(json.dumps(cluster.get("ConfigMap", NAME)))
        live["metadata"]["annotations"] |= {"tarmak-iam/manifest-checksum": "x", "tarmak-iam/changed-at": "now"}
        cluster.add(live)
        roll_back(cluster.kubectl(), state)
        assert config(cluster) == ""
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
        del cluster.objects["ConfigMap", "kube-system", NAME]
        assert roll_back(cluster.kubectl(), state).changes[0].text == f"created {CONFIG}"
        assert config(cluster) == ""

    @pytest.mark.parametrize("server", ["v1.15.12", "v1.30.1"])
    def test_what_plain_apply_has_noted_is_noted_as_before(self, state: Path, server: str) -> None:
        """kubectl replace would note all that is in the object, and the next plain apply would remove it."""
        cluster = after_apply(state, made(kubernetesVersion=server[1:]), server=server, client="v1.15.12")
        before = self.last(cluster)
        put_data(cluster, theirs="x")
        apply_to_cluster(made(MAPPINGS + READERS, kubernetesVersion=server[1:]), cluster.kubectl(), state)
        roll_back(cluster.kubectl(), state)
        assert self.last(cluster) == before
        apply_to_cluster(made(MAPPINGS + WRITERS, kubernetesVersion=server[1:]), cluster.kubectl(), state)
        config_map = live(cluster)
        assert config_map["data"] == {"config.yaml": MAPPINGS + WRITERS, "theirs": "x"}

    def test_that_it_was_not_noted_any_more_is_made_up_for(self, state: Path) -> None:
        """Where the rollback was killed between the object and the note."""
        cluster = after_apply(state, made(kubernetesVersion="1.15.12"), server="v1.15.12", client="v1.15.12")
        before = self.last(cluster)
        apply_to_cluster(made(MAPPINGS + READERS, kubernetesVersion="1.15.12"), cluster.kubectl(), state)
        assert killed_at_verb(cluster, ("apply", "set-last-applied"), lambda: roll_back(cluster.kubectl(), state))
        assert config(cluster) == ""
        roll_back(cluster.kubectl(), state)
        assert self.last(cluster) == before

    def last(self, cluster: Cluster) -> Any:
        return last_applied(live(cluster))

    def touch_up(self, cluster: Cluster) -> None:
        """As Argo CD and `kubectl rollout restart` do."""
        daemon = json.loads(json.dumps(cluster.get("DaemonSet", NAME)))
        daemon["metadata"]["labels"]["argocd.argoproj.io/instance"] = "iam"
        daemon["metadata"].setdefault("annotations", {})["argocd.argoproj.io/tracking-id"] = "iam:apps/DaemonSet"
        daemon["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "2026-03-02"
        cluster.add(daemon, "argocd-controller")

    def assert_touched_up(self, daemon: dict[str, Any]) -> None:
        metadata, template = daemon["metadata"], daemon["spec"]["template"]["metadata"]
        assert metadata["labels"]["argocd.argoproj.io/instance"] == "iam"
        assert metadata["annotations"]["argocd.argoproj.io/tracking-id"] == "iam:apps/DaemonSet"
        assert template["annotations"]["kubectl.kubernetes.io/restartedAt"] == "2026-03-02"


def test_what_a_rollback_put_back_goes_with_the_next_apply(state: Path) -> None:
    """Server-side apply leaves a field that another manager has set as well, and our own `replace` would be one."""
    cluster = Cluster()
    with_crd = made(backends=["CRD"])
    apply_to_cluster(with_crd, cluster.kubectl(), state)
    apply_to_cluster(made(), cluster.kubectl(), state)
    roll_back(cluster.kubectl(), state)
    apply_to_cluster(made(), cluster.kubectl(), state)
    daemon = live(cluster, "DaemonSet")
    assert daemon["spec"]["template"]["spec"]["serviceAccountName"] == "default"
    assert [(each["manager"], each["operation"]) for each in daemon["metadata"]["managedFields"]] == [
        ("tarmak-iam", "Apply")
    ]


class TestAnnounced:
    """What a rollback says before its first write: what will be there, and who can log in then."""

    def announced(self, cluster: Cluster, state: Path, **options: Any) -> list[str]:
        told: list[str] = []
        roll_back(cluster.kubectl(), state, tell=told.append, **options)
        return told

    def test_what_will_be_there_and_who_can_log_in(self, state: Path) -> None:
        """Before the first write."""
        cluster = after_applies(state, "", READERS)
        told, writes = list[tuple[str, int]](), len(cluster.writes)
        roll_back(cluster.kubectl(), state, tell=lambda text: told.append((text, len(cluster.writes) - writes)))
        assert told[:5] == [
            ("undoing change 2 of 2026-03-02 10:00:00 UTC", 0),
            (f"{CONFIG}, {DAEMON} will be restored", 0),
            ("arn:aws:iam::111122223333:role/Reader: can no longer log in; loses readers", 0),
            ("afterwards 1 principal can log in with IAM, 1 of them in system:masters", 0),
            (f"restoring {CONFIG}", 0),
        ]

    def test_a_dry_run_is_that_and_nothing_more(self, state: Path) -> None:
        cluster = after_apply(state)
        kept, writes = state.read_bytes(), len(cluster.writes)
        told = self.announced(cluster, state, dry_run=True)
        assert told == [
            "undoing change 1 of 2026-03-02 10:00:00 UTC",
            f"{DAEMON}, {CONFIG} will be removed"
            if told[1].startswith("DaemonSet")
            else f"{CONFIG}, {DAEMON} will be removed",
            "arn:aws:iam::111122223333:role/Admin: can no longer log in; loses system:masters",
            f"afterwards IAM login is not possible: {DAEMON} does not exist",
        ]
        assert (state.read_bytes(), len(cluster.writes)) == (kept, writes)

    def test_a_daemon_that_would_not_start(self, state: Path) -> None:
        cluster = after_apply(state)
        put_data(cluster, **{"config.yaml": "server: ["})
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, force=True)
        told = self.announced(cluster, state)
        assert any(each.startswith("the authenticator: does not start: ") for each in told)
        nobody = "afterwards IAM login is not possible: the authenticator does not start: "
        assert any(each.startswith(nobody) for each in told)

    @pytest.mark.parametrize(
        ("volumes", "there", "after"),
        [
            # With its configuration on the host.
            (
                [],
                [],
                "it is unknown who can log in with IAM afterwards: {} does not read its configuration from a ConfigMap",
            ),
            (
                ["theirs"],
                [],
                "afterwards IAM login is not possible: {} waits for ConfigMap kube-system/theirs, which does not exist",
            ),
            (["theirs"], ["theirs"], "afterwards 3 principals can log in with IAM, 1 of them in system:masters"),
        ],
    )
    def test_a_daemonset_of_somebody_else(self, state: Path, volumes: list[str], there: list[str], after: str) -> None:
        cluster, metadata = Cluster(), {"name": NAME, "namespace": "kube-system"}
        mounted = [{"name": "config", "configMap": {"name": name}} for name in volumes]
        pod = {"containers": [{"name": NAME, "args": ["server", "--config=/etc/config.yaml"]}], "volumes": mounted}
        spec = {"template": {"spec": pod}}
        cluster.add({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec})
        for name in there:
            data = {"config.yaml": MAPPINGS + READERS + WRITERS}
            cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**metadata, "name": name}, "data": data})
        apply_to_cluster(made(), cluster.kubectl(), state, force=True)
        assert after.format(DAEMON) in self.announced(cluster, state)

    def test_what_may_not_be_read_is_not_known_and_in_nobodys_way(self, state: Path) -> None:
        cluster = after_apply(state)
        forbidden = failed('Error from server (Forbidden): configmaps "aws-auth" is forbidden')
        cluster.fault = lambda args: forbidden if "configmap/aws-auth" in args else None
        told = self.announced(cluster, state)
        reason = 'kubectl get failed: (Forbidden): configmaps "aws-auth" is forbidden'
        assert f"it is unknown who can log in with IAM afterwards: {reason}" in [
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
