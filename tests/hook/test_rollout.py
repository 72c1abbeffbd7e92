"""Pods that run something else than the cluster's objects say are restarted, one after another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tarmak_iam.errors import PolicyRefused, ToolError
from tarmak_iam.hook.cluster.apply import apply_to_cluster, live_diff
from tarmak_iam.hook.cluster.pods import DAEMONSET, Rollout
from tarmak_iam.hook.cluster.results import ApplyFailed
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.hook.cluster.rollout import roll_out_and_restart
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Completed
from tests.support.applied import NAME, after_apply, live, made
from tests.support.daemon_pods import stamp
from tests.support.fake_cluster import Cluster, failed
from tests.support.installations import MAPPINGS
from tests.support.stale_pods import BEFORE, deleted, edited, names, of_1_12, stale, without_deleting

FORBIDDEN = failed(
    'Error from server (Forbidden): pods "x" is forbidden: User "u" cannot delete resource "pods" in API group ""'
)


@pytest.mark.parametrize(("server_version", "answer"), [("v1.12.9", None), ("v1.30.1", None), ("v1.30.1", FORBIDDEN)])
def test_an_interrupted_restart_is_made_up_for(state: Path, server_version: str, answer: Completed | None) -> None:
    cluster, wanted = Cluster(server=server_version), made(kubernetesVersion=server_version[1:])
    apply_to_cluster(wanted, cluster.kubectl(), state)
    edited(cluster)
    cluster.fault = without_deleting(answer)
    with pytest.raises((KeyboardInterrupt, ApplyFailed)) as stopped:
        apply_to_cluster(wanted, cluster.kubectl(), state, force=True)
    if answer is FORBIDDEN:
        assert (
            f"kubectl delete failed: {FORBIDDEN.err}; pod {NAME}-4 on master-1, pod {NAME}-5 on master-2, "
            f"pod {NAME}-6 on master-3 still run the previous configuration"
        ) in str(stopped.value)
    cluster.fault = lambda _: None
    evil = names(cluster)
    assert live(cluster)["data"]["config.yaml"] == MAPPINGS
    found = live_diff(wanted, cluster.kubectl())
    assert found.changed
    assert not found.objects
    assert [each.pod.ref.name for each in found.stale_pods] == evil
    assert stale(cluster)[0] == f"pod {evil[0]} on master-1: {BEFORE}TIME"
    dry = apply_to_cluster(wanted, cluster.kubectl(), state, dry_run="client")
    assert dry.notes[-3] == f"would be restarted: {found.stale_pods[0].text}"
    done = apply_to_cluster(wanted, cluster.kubectl(), state)
    assert (done.changed, deleted(cluster)[-3:]) == (False, evil)
    assert not live_diff(wanted, cluster.kubectl()).changed
    apply_to_cluster(wanted, cluster.kubectl(), state)
    assert deleted(cluster)[-3:] == evil


def test_pods_that_are_not_there_yet_are_a_difference(state: Path) -> None:
    """As after an apply that was killed while the first pods were made."""
    cluster = after_apply(state)
    found = live_diff(made(), cluster.kubectl())
    assert (found.changed, found.notes) == (False, ())
    status = cluster.objects["DaemonSet", "kube-system", NAME]["status"]
    seen, status["observedGeneration"] = status["observedGeneration"], 0
    text = f"DaemonSet kube-system/{NAME}: the rollout has not started"
    assert live_diff(made(), cluster.kubectl()).notes == (text,)
    status["observedGeneration"] = seen
    del cluster.daemons.pods[f"{NAME}-1"]
    found = live_diff(made(), cluster.kubectl())
    assert (found.changed, found.objects, found.missing_pods) == (True, (), 1)
    assert found.missing_text == f"DaemonSet kube-system/{NAME}: 1 of its nodes has no pod yet"
    cluster.daemons.pods.clear()
    text = f"DaemonSet kube-system/{NAME}: 3 of its nodes have no pod yet"
    assert live_diff(made(), cluster.kubectl()).missing_text == text


def test_a_rollback_that_was_killed_before_it_restarted_the_pods_goes_on(state: Path) -> None:
    cluster = after_apply(state)
    edited(cluster)
    apply_to_cluster(made(), cluster.kubectl(), state, force=True)
    cluster.clock += 86400
    cluster.fault = without_deleting(None)
    with pytest.raises(KeyboardInterrupt):
        roll_back(cluster.kubectl(), state)
    cluster.fault = lambda _: None
    found, left = cluster.get("ConfigMap", NAME), names(cluster)
    assert found is not None
    assert roll_back(cluster.kubectl(), state, dry_run=True).rolled_out is None
    assert names(cluster) == left
    # It does not run what somebody has written since.
    cluster.add({**found, "data": {"config.yaml": f"{MAPPINGS}# theirs\n"}}, "kubectl-edit")
    with pytest.raises(PolicyRefused, match="has since been changed by another manager"):
        roll_back(cluster.kubectl(), state)
    assert names(cluster) == left
    cluster.objects["ConfigMap", "kube-system", NAME] = found
    told: list[str] = []
    done = roll_back(cluster.kubectl(), state, tell=told.append)
    assert (done.undone, done.changed, done.rolled_out) == ((2,), False, True)
    assert [each.partition(":")[0] for each in told if each.startswith("restarting")] == [
        f"restarting pod {each} on master-{number}" for number, each in enumerate(left, 1)
    ]
    assert stale(cluster) == []
    assert roll_back(cluster.kubectl(), state).rolled_out is None


def test_a_rollback_that_was_not_to_wait_is_finished_by_the_next(state: Path) -> None:
    cluster = after_apply(state)
    edited(cluster)
    apply_to_cluster(made(), cluster.kubectl(), state, force=True)
    cluster.clock += 86400
    told: list[str] = []
    roll_back(cluster.kubectl(), state, wait=None, tell=told.append)
    assert "run the same command without --no-wait to restart them one by one" in told[-1]
    assert (len(deleted(cluster)), len(stale(cluster))) == (3, 3)
    again = roll_back(cluster.kubectl(), state)
    assert (again.undone, again.changed, again.rolled_out) == ((2,), False, True)
    assert (len(deleted(cluster)), len(stale(cluster))) == (6, 0)
    assert roll_back(cluster.kubectl(), state).undone == ()


def test_labels_alone_restart_nothing(state: Path) -> None:
    """managedFields give a new time to the whole of what we own."""
    for version in ("v1.12.9", "v1.30.1"):
        cluster, wanted = Cluster(server=version), made(kubernetesVersion=version[1:])
        apply_to_cluster(wanted, cluster.kubectl(), state)
        cluster.clock += 86400
        labelled = made(kubernetesVersion=version[1:], addonManagerMode="Reconcile")
        assert apply_to_cluster(labelled, cluster.kubectl(), state).changed
        assert deleted(cluster) == []
        assert stale(cluster) == []
        assert not apply_to_cluster(labelled, cluster.kubectl(), state).changed


def test_pods_are_restarted_one_after_the_other(state: Path) -> None:
    cluster = after_apply(state)
    edited(cluster)
    seen: list[list[str]] = []

    def fault(args: tuple[str, ...]) -> None:
        if args[:2] == ("delete", "pod"):
            pods = cluster.daemons.pods.values()
            seen.append([each["spec"]["nodeName"] for each in pods if each["status"]["phase"] == "Running"])
            cluster.daemons.is_started = False
        elif args[:2] == ("get", "pods") and not cluster.daemons.is_started and cluster.clock > late[0]:
            late[0] = cluster.clock + 5
            for name, pod in cluster.daemons.pods.items():
                if pod["status"]["phase"] == "Pending":
                    cluster.daemons.start(name, cluster.now)

    late = [cluster.clock + 5]
    cluster.fault = fault
    told: list[str] = []
    apply_to_cluster(made(), cluster.kubectl(), state, force=True, tell=told.append)
    assert [len(each) for each in seen] == [3, 3, 3]
    restarts = [each.split(":")[0] for each in told if each.startswith("restarting")]
    assert restarts == [
        f"restarting pod {NAME}-4 on master-1",
        f"restarting pod {NAME}-5 on master-2",
        f"restarting pod {NAME}-6 on master-3",
    ]


@pytest.mark.parametrize("is_stuck", [False, True])
def test_where_a_pod_is_not_replaced_the_others_stay(state: Path, *, is_stuck: bool) -> None:
    """`is_stuck`: it does not even end."""
    cluster = after_apply(state)
    edited(cluster)
    cluster.daemons.is_started, begin = False, cluster.clock
    if is_stuck:
        cluster.fault = lambda args: Completed(args, 0, "", "") if args[:2] == ("delete", "pod") else None
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(made(), cluster.kubectl(), state, force=True, wait=30)
    assert cluster.clock == begin + 30
    reason = f"its replacement is not ready (pod {NAME}-7 on master-1: ImagePullBackOff); pod {NAME}-5 on master-2"
    if is_stuck:
        reason = f"it has not terminated; pod {NAME}-4 on master-1, pod {NAME}-5 on master-2"
    assert (
        f"pod {NAME}-4 on master-1 was restarted: {reason}, pod {NAME}-6 on master-3 still run the previous "
        "configuration"
    ) in failure.value.message
    assert deleted(cluster) == [f"{NAME}-4"]


def test_pods_that_let_nobody_in_are_restarted_before_anything_is_waited_for(state: Path) -> None:
    """The kubelet starts a crashing one again up to 5 minutes later."""
    cluster = after_apply(state)
    edited(cluster, "server: [")
    for name in names(cluster):
        cluster.daemons.crash(name)
    calls = len(cluster.calls)
    apply_to_cluster(made(), cluster.kubectl(), state, force=True)
    later = [call for call in cluster.calls[calls:] if call[:2] in (("delete", "pod"), ("get", "DaemonSet.v1.apps"))]
    assert [call[0] for call in later] == ["delete", "delete", "delete", "get"]
    assert stale(cluster) == []


def test_without_waiting_only_a_single_pod_is_restarted(state: Path) -> None:
    cluster = after_apply(state, made(), masters=1)
    edited(cluster)
    only = f"warning: pod {NAME}-2 on master-1 is the only ready pod: IAM logins fail until its replacement is ready"
    told: list[str] = []
    assert apply_to_cluster(made(), cluster.kubectl(), state, force=True, wait=None, tell=told.append).notes == ()
    assert told[0] == only
    assert deleted(cluster) == [f"{NAME}-2"]
    several = Cluster(masters=2)
    apply_to_cluster(made(), several.kubectl(), state, force=True)
    edited(several)
    note = (
        f"not restarted: pod {NAME}-3 on master-1, pod {NAME}-4 on master-2; run the same command without --no-wait "
        "to restart them one by one"
    )
    assert apply_to_cluster(made(), several.kubectl(), state, force=True, wait=None).notes == (note,)
    assert deleted(several) == []
    assert len(stale(several)) == 2


def test_a_rollout_that_does_not_end_is_told_where_pods_may_not_be_listed(state: Path) -> None:
    cluster = Cluster(is_rolled_out=False)
    said = 'Error from server (Forbidden): pods is forbidden: User "u" cannot list resource "pods"'
    cluster.fault = lambda args: failed(said) if args[:2] == ("get", "pods") else None
    with pytest.raises(ApplyFailed, match=re.escape(f"has not started (its pods cannot be listed: {said})")):
        apply_to_cluster(made(), cluster.kubectl(), state, wait=5)


def test_a_rollout_that_does_not_end_names_pods_that_are_not_replaced(state: Path) -> None:
    """One master's pod does not come up, so those of the others are not ended."""
    cluster = after_apply(state)
    edited(cluster)
    daemon = live(cluster, "DaemonSet")
    daemon["status"]["numberAvailable"] = 2
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(made(), cluster.kubectl(), state, force=True, wait=5)
    assert (
        f"3 of 3 nodes updated, 2 available; pod {NAME}-4 on master-1, pod {NAME}-5 on master-2, pod {NAME}-6 on "
        "master-3 still run the previous configuration"
    ) in failure.value.message
    assert deleted(cluster) == []


def test_a_pod_that_is_being_deleted_is_waited_for_alone(state: Path) -> None:
    cluster = after_apply(state, made(), masters=1)
    edited(cluster)
    (pod,) = cluster.daemons.pods.values()
    pod["metadata"]["deletionTimestamp"] = stamp(0)
    with pytest.raises(ApplyFailed, match="was restarted: it has not terminated; pod"):
        apply_to_cluster(made(), cluster.kubectl(), state, force=True, wait=5)
    assert deleted(cluster) == []
    cluster.replace_pod(f"{NAME}-2")
    apply_to_cluster(made(), cluster.kubectl(), state)
    assert deleted(cluster) == []


def test_until_the_controller_has_seen_the_template_nothing_is_restarted(state: Path) -> None:
    """It may be about to replace the pods itself."""
    cluster = after_apply(state)
    edited(cluster)
    daemon = live(cluster, "DaemonSet")
    daemon["status"]["observedGeneration"] = 0
    cluster.daemons.crash(f"{NAME}-4")
    with pytest.raises(ApplyFailed, match="the rollout has not started"):
        apply_to_cluster(made(), cluster.kubectl(), state, force=True, wait=5)
    assert deleted(cluster) == []


@pytest.mark.parametrize(("client", "options"), [("v1.10.13", ()), ("v1.11.0", ("--wait=false",))])
def test_no_kubectl_waits_for_the_end_of_a_pod(state: Path, client: str, options: tuple[str, ...]) -> None:
    """Its node may not answer any more. Below 1.11 kubectl never waits, and has no such option."""
    cluster = Cluster(server="v1.12.9", client=client, masters=1)
    apply_to_cluster(of_1_12(), cluster.kubectl(), state)
    edited(cluster)
    apply_to_cluster(of_1_12(), cluster.kubectl(), state, force=True)
    (call,) = [call for call in cluster.calls if call[:2] == ("delete", "pod")]
    assert call[3:] == ("--namespace", "kube-system", "--ignore-not-found", *options)


@pytest.mark.parametrize(
    ("counts", "done", "text"),
    [
        ((2, 3, 3, 3), True, "3 of 3 nodes updated, 3 available"),
        ((2, 3, 3, 2), False, "3 of 3 nodes updated, 2 available"),
        ((2, 3, 2, 3), False, "2 of 3 nodes updated, 3 available"),
        ((2, 0, 0, 0), False, "no node is eligible for its pods"),
        ((1, 3, 3, 3), False, "the rollout has not started"),
    ],
)
def test_when_a_rollout_is_done(counts: tuple[int, ...], done: bool, text: str) -> None:
    names = ("observedGeneration", "desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    daemon = {"metadata": {"generation": 2}, "status": dict(zip(names, counts, strict=True))}
    found = Rollout.of(DAEMONSET, daemon)
    assert (found.is_done, found.text) == (done, f"{DAEMONSET}: {text}")


def test_nothing_is_waited_for_beyond_the_time_that_is_given(state: Path) -> None:
    cluster = after_apply(state)
    daemon = live(cluster, "DaemonSet")
    daemon["status"]["numberAvailable"] = 1
    server = Server.of(cluster.kubectl())
    with pytest.raises(ToolError, match=r"within 5 seconds: .*: 3 of 3 nodes updated, 1 available$"):
        roll_out_and_restart(server, [DAEMONSET], 5, lambda _: None)
    assert cluster.clock == 4
    daemon["status"]["numberAvailable"] = 3
    assert roll_out_and_restart(server, [DAEMONSET], 5, lambda _: None).is_done
    assert cluster.clock == 4
