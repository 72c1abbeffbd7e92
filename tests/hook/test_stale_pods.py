"""Which pods run something else than the cluster's objects say: by times, checksums and templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarmak_iam.hook.cluster.apply import apply_to_cluster, live_diff
from tarmak_iam.hook.cluster.pods import check_pods
from tarmak_iam.hook.cluster.rollback import roll_back
from tests.support.applied import NAME, READERS, after_apply, live, made
from tests.support.daemon_pods import GENERATION, stamp
from tests.support.fake_cluster import Cluster, failed
from tests.support.installations import MAPPINGS
from tests.support.stale_pods import (
    BEFORE,
    deleted,
    edited,
    edited_back,
    of_1_12,
    of_1_15,
    restarted,
    server,
    stale,
    without_deleting,
)
from tests.support.tables import parametrized


@parametrized(__file__, "times of a pod and of the change")
def test_times_of_a_pod_and_of_the_change(state: Path, created: int, started: int | None, *, expected: bool) -> None:
    cluster = after_apply(state, made(), masters=1)
    config = live(cluster)
    config["metadata"]["managedFields"][0]["time"] = stamp(100)
    (pod,) = cluster.daemons.pods.values()
    pod["metadata"]["creationTimestamp"] = stamp(created)
    running = {"running": {"startedAt": stamp(started)}} if started is not None else {"waiting": {"reason": "x"}}
    pod["status"]["containerStatuses"][0]["state"] = running
    assert bool(stale(cluster)) is expected


def test_an_apply_that_was_killed_between_its_writes(state: Path) -> None:
    """The ConfigMap is new, the template is not yet."""
    cluster = after_apply(state, made(), masters=1)

    def fault(args: tuple[str, ...]) -> None:
        if args[0] == "apply" and "--dry-run=server" not in args and "role/Reader" in str(cluster.objects):
            raise KeyboardInterrupt

    cluster.fault = fault
    with pytest.raises(KeyboardInterrupt):
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
    cluster.fault = lambda _: None
    assert stale(cluster) == [f"pod {NAME}-1 on master-1: {BEFORE}TIME"]


def test_from_1_16_on_the_times_of_the_managers_show_it(state: Path) -> None:
    cluster = after_apply(state, made(), masters=1)
    edited(cluster)
    assert stale(cluster) == []
    edited_back(cluster)
    assert stale(cluster) == [f"pod {NAME}-2 on master-1: {BEFORE}TIME"]
    assert not any(call[0] == "annotate" for call in cluster.calls)


def test_below_1_16_an_edit_by_hand_leaves_no_time(state: Path) -> None:
    """`kubectl get`, an edit and `kubectl apply` write the annotation again, too."""
    cluster = Cluster(server="v1.12.9", masters=1)
    apply_to_cluster(of_1_12(), cluster.kubectl(), state)
    assert check_pods(server(cluster)).notes == ()
    edited(cluster)
    assert stale(cluster) == [
        (
            f"pod {NAME}-2 on master-1: it was created for a configuration other than that of ConfigMap "
            f"kube-system/{NAME}"
        )
    ]
    assert check_pods(server(cluster)).notes == (
        (
            f"the time of the last change of ConfigMap kube-system/{NAME} is unknown: pods are checked only by their "
            "template"
        ),
    )


CHANGED = (
    f"ConfigMap kube-system/{NAME} was changed since the last apply, and may have had other content when the pod "
    "started"
)


@pytest.mark.parametrize("server_version", ["v1.12.9", "v1.30.1"])
def test_where_times_do_not_decide_the_checksum_does(state: Path, server_version: str) -> None:
    cluster, wanted = Cluster(server=server_version, masters=1), made(kubernetesVersion=server_version[1:])
    apply_to_cluster(wanted, cluster.kubectl(), state)
    edited(cluster)
    config = live(cluster)
    for entry in config["metadata"].get("managedFields", ()):  # the very second
        entry["time"] = next(iter(cluster.daemons.pods.values()))["metadata"]["creationTimestamp"]
    other = (
        f"pod {NAME}-2 on master-1: it was created for a configuration other than that of ConfigMap kube-system/{NAME}"
    )
    assert stale(cluster) == [other]
    config["data"]["config.yaml"] = MAPPINGS
    assert stale(cluster) == ([f"pod {NAME}-2 on master-1: {CHANGED}"] if server_version == "v1.12.9" else [])


def outdated(cluster: Cluster) -> None:
    """Another template, which no controller has brought to the nodes."""
    daemon = live(cluster, "DaemonSet")
    cluster.daemons.revisions[NAME].append("newer")
    daemon["metadata"]["annotations"][GENERATION] = "2"


def test_pods_of_an_older_template(state: Path) -> None:
    cluster = after_apply(state, made(), masters=1)
    daemon = live(cluster, "DaemonSet")
    # Going back to an earlier template makes no pod of it an older one.
    daemon["metadata"]["annotations"][GENERATION] = "3"
    assert stale(cluster) == []
    outdated(cluster)
    assert stale(cluster) == [f"pod {NAME}-1 on master-1: it runs an older template of DaemonSet kube-system/{NAME}"]
    # What the controller replaces is left to it.
    cluster.daemons.crash(f"{NAME}-1")
    apply_to_cluster(made(), cluster.kubectl(), state)
    assert (len(stale(cluster)), deleted(cluster)) == (1, [])
    daemon = live(cluster, "DaemonSet")
    daemon["spec"]["updateStrategy"] = {"type": "OnDelete"}
    (text,) = stale(cluster)
    assert text.endswith(f"DaemonSet kube-system/{NAME}, whose update strategy is OnDelete: nothing replaces it")


def test_pods_of_another_controller_or_that_have_ended(state: Path) -> None:
    cluster = after_apply(state, made(), masters=1)
    (pod,) = cluster.daemons.pods.values()
    pod["metadata"]["creationTimestamp"] = stamp(-86400)
    pod["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": stamp(-86400)}}
    for phase, found in (("Failed", 0), ("Succeeded", 0), ("Running", 1)):
        pod["status"]["phase"] = phase
        assert len(stale(cluster)) == found
    pod["metadata"]["ownerReferences"][0]["uid"] = "another"
    assert stale(cluster) == []


@parametrized(__file__, "nothing is claimed of what may not be listed")
def test_nothing_is_claimed_of_what_may_not_be_listed(state: Path, resource: str, note: str) -> None:
    cluster = after_apply(state)
    outdated(cluster)
    said = f'{resource} is forbidden: User "u" cannot list resource "{resource}" in API group "" in the namespace "x"'
    cluster.fault = lambda args: (
        failed(f"Error from server (Forbidden): {said}") if args[:2] == ("get", resource) else None
    )
    found = live_diff(made(), cluster.kubectl())
    assert (found.stale_pods, found.notes) == ((), (f"{note}Error from server (Forbidden): {said}",))
    assert apply_to_cluster(made(), cluster.kubectl(), state).notes == (f"{note}Error from server (Forbidden): {said}",)


def test_without_a_daemonset_there_is_nothing_to_look_at() -> None:
    found = check_pods(server(Cluster()))
    assert (found.daemon, found.stale, found.notes) == (None, (), ())


def test_pods_of_a_daemonset_of_somebody_else_are_judged_by_their_own_configmap() -> None:
    cluster = Cluster(masters=1)
    named = {"name": "theirs", "namespace": "kube-system"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"config.yaml": "a"}}
    cluster.add(config)
    volumes = [{"configMap": {"name": "theirs"}}]
    spec = {"template": {"spec": {"containers": [{"name": "a"}], "volumes": volumes}}}
    metadata = {**named, "name": NAME}
    cluster.add({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec})
    assert stale(cluster) == []
    cluster.add({**config, "data": {"config.yaml": "b"}})
    (found,) = stale(cluster)
    assert "it started before the last change of ConfigMap kube-system/theirs" in found


class TestDataThatIsAsBefore:
    """Below 1.16 nothing records that the ConfigMap was changed, read by pods that started, and changed back."""

    @pytest.fixture
    def cluster(self, state: Path) -> Cluster:
        cluster = Cluster(server="v1.15.12", client="v1.15.12", masters=2)
        apply_to_cluster(of_1_15(), cluster.kubectl(), state)
        return cluster

    def test_pods_that_started_meanwhile_are_stale_until_apply_restarts_them(
        self, cluster: Cluster, state: Path
    ) -> None:
        edited(cluster)
        edited_back(cluster)
        texts = [f"pod {NAME}-{number} on master-{number - 2}: {CHANGED}" for number in (3, 4)]
        assert stale(cluster) == texts
        found = live_diff(of_1_15(), cluster.kubectl())
        assert (found.objects, [each.text for each in found.stale_pods]) == ((), texts)
        told: list[str] = []
        done = apply_to_cluster(of_1_15(), cluster.kubectl(), state, tell=told.append)
        assert not done.changed
        assert [line for line in told if line.startswith("restarting")] == [f"restarting {text}" for text in texts]
        assert deleted(cluster) == [f"{NAME}-3", f"{NAME}-4"]
        assert stale(cluster) == []
        apply_to_cluster(of_1_15(), cluster.kubectl(), state)
        assert len(deleted(cluster)) == 2

    def test_only_what_started_meanwhile_is_restarted(self, cluster: Cluster, state: Path) -> None:
        edited_back(cluster)
        assert stale(cluster) == []
        (first, _) = cluster.daemons.pods.values()
        (container,) = first["status"]["containerStatuses"]
        running, container["state"] = container["state"], {"running": {"startedAt": stamp(86400)}}
        assert stale(cluster) == [f"pod {NAME}-1 on master-1: {CHANGED}"]
        container["state"] = running
        cluster.clock += 60
        cluster.replace_pod(f"{NAME}-2")
        apply_to_cluster(of_1_15(), cluster.kubectl(), state)
        assert deleted(cluster) == [f"{NAME}-3"]

    def test_pods_that_start_while_it_is_as_we_left_it_have_read_it(self, cluster: Cluster, state: Path) -> None:
        restarted(cluster)
        assert stale(cluster) == []
        apply_to_cluster(of_1_15(), cluster.kubectl(), state)
        edited_back(cluster)
        assert stale(cluster) == []
        assert deleted(cluster) == []

    @pytest.mark.parametrize("more", [{"addonManagerMode": "Reconcile"}, {"mappings": MAPPINGS + READERS}])
    def test_our_own_writes_count_as_ours(self, cluster: Cluster, state: Path, more: dict[str, str]) -> None:
        apply_to_cluster(of_1_15(**more), cluster.kubectl(), state)
        roll_back(cluster.kubectl(), state)
        restarted(cluster)
        assert (stale(cluster), deleted(cluster)) == ([], [])

    def test_a_write_of_ours_that_leaves_the_data_does_not_hide_a_change(self, cluster: Cluster, state: Path) -> None:
        edited(cluster)
        edited_back(cluster)
        apply_to_cluster(of_1_15(addonManagerMode="Reconcile"), cluster.kubectl(), state)
        assert deleted(cluster) == [f"{NAME}-3", f"{NAME}-4"]

    def test_where_the_note_may_not_be_written_it_is_done_again(self, cluster: Cluster, state: Path) -> None:
        edited(cluster)
        edited_back(cluster)
        cluster.fault = without_deleting(None)
        with pytest.raises(KeyboardInterrupt):
            apply_to_cluster(of_1_15(), cluster.kubectl(), state)
        assert len(stale(cluster)) == 2
        refused = failed('Error from server (Forbidden): daemonsets.apps "x" is forbidden: cannot patch')
        cluster.fault = lambda args: refused if args[0] == "annotate" else None
        apply_to_cluster(of_1_15(), cluster.kubectl(), state)
        assert deleted(cluster) == [f"{NAME}-3", f"{NAME}-3", f"{NAME}-4"]  # the killed one has deleted the first
        assert len(stale(cluster)) == 2

    def test_a_change_while_they_are_restarted_is_not_hidden(self, cluster: Cluster, state: Path) -> None:
        edited(cluster)
        edited_back(cluster)
        # None is restarted before the controller has seen the DaemonSet.
        daemon = live(cluster, "DaemonSet")
        seen, daemon["status"]["observedGeneration"] = daemon["status"]["observedGeneration"], 0
        apply_to_cluster(of_1_15(), cluster.kubectl(), state, wait=None)
        assert (deleted(cluster), len(stale(cluster))) == ([], 2)
        daemon["status"]["observedGeneration"] = seen

        def fault(args: tuple[str, ...]) -> None:
            if args[:2] == ("delete", "pod"):
                edited_back(cluster)

        cluster.fault = fault
        apply_to_cluster(of_1_15(), cluster.kubectl(), state)
        cluster.fault = lambda _: None
        assert len(stale(cluster)) == 2
