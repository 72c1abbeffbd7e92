"""Pods and the last change of their ConfigMap; before an update ends pods, whether each node can run the new one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.errors import PolicyRefused
from tarmak_iam.hook.cluster.apply import apply_to_cluster, live_diff
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.objects import CHANGED_AT, Ref, comparable, last_change
from tarmak_iam.hook.cluster.pods import check_pods
from tarmak_iam.hook.cluster.results import ObjectAction, Step
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.hook.cluster.rollout import check_update, is_tolerated, nodes_for, untolerated
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Completed, Programs
from tests.support.applied import NAME, READERS, after_apply, live, made
from tests.support.daemon_pods import MASTER, node
from tests.support.fake_cluster import Cluster, failed
from tests.support.histories import after_applies
from tests.support.installations import MAPPINGS
from tests.support.tables import parametrized

EARLY, LATE = "2026-05-04T12:00:00Z", "2026-05-05T12:00:00Z"


def config_map(*entries: dict[str, Any], data: str = "x", **annotations: str) -> dict[str, Any]:
    named = {"name": NAME, "namespace": "kube-system"}
    noted = {"annotations": dict(annotations)} if annotations else {}
    fields = {"managedFields": list(entries)} if entries else {}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**named, **noted, **fields},
        "data": {"config.yaml": data},
    }


def entry(manager: str, time: str, field: str = "f:data", operation: str = "Update") -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "time": time, "fieldsV1": {field: {"f:config.yaml": {}}}}


def ours(time: str) -> dict[str, Any]:
    return entry("tarmak-iam", time, operation="Apply")


def noted(time: str) -> dict[str, str]:
    """As of the data `x`."""
    return {CHANGED_AT: f"{time} 2d711642b726b044"}


@parametrized(__file__, "the last change")
def test_the_last_change(found: dict[str, Any], expected: str | None) -> None:
    time = last_change(found)
    assert (time and time.strftime("%Y-%m-%dT%H:%M:%SZ")) == expected


@parametrized(__file__, "what is written")
def test_what_is_written(live: dict[str, Any] | None, *, is_server_side: bool, expected: str | None) -> None:
    cluster = Cluster(clock=24 * 3600 - 1)  # which the call itself makes LATE
    version = GoVersion((1, 30, 1) if is_server_side else (1, 15, 12))
    written = Server(cluster.kubectl(), version, version).dated(config_map(), live)
    assert written["metadata"].get("annotations", {}) == ({} if expected is None else noted(expected))
    assert comparable(written) == comparable(config_map())


def test_other_annotations_and_objects_stay_and_an_earlier_time_goes() -> None:
    before = config_map(theirs="x", **noted(EARLY))
    written = Server.of(Cluster().kubectl()).dated(before, None)
    assert written["metadata"]["annotations"] == {"theirs": "x"}
    for kind, name in (("DaemonSet", NAME), ("ConfigMap", "aws-auth")):
        other = {"kind": kind, "metadata": {"name": name}, "data": {"x": "y"}}
        assert Server.of(Cluster(server="v1.15.12").kubectl()).dated(other, None) is other


@pytest.mark.parametrize(
    "logged",
    [
        "I0504 12:00:00.123456   42 round_trippers.go:469]     Date: Mon, 04 May 2026 12:00:00 GMT",
        # kubectl 1.34 and later.
        'I0504 12:00:00.1 42 round_trippers.go:632] "Response" headers=<\n\tDate: Mon, 04 May 2026 12:00:00 GMT\n >',
    ],
)
def test_the_api_servers_own_time(logged: str) -> None:
    cluster = Cluster()
    cluster.fault = lambda args: Completed(args, 0, "{}", logged)
    assert cluster.kubectl().server_time() == datetime(2026, 5, 4, 12, 0, 0, tzinfo=timezone.utc)


def test_where_it_does_not_tell_its_time_ours_counts() -> None:
    cluster = Cluster()
    cluster.fault = lambda _: failed("Error from server (Forbidden): no")
    assert abs(cluster.kubectl().server_time() - datetime.now(timezone.utc)) < timedelta(minutes=10)


DAEMONSET = f"DaemonSet kube-system/{NAME}"
ENDED = "the pod that runs there now would be terminated; nothing was changed; use --force to update anyway"
TAINT = {"key": "dedicated", "value": "db", "effect": "NoExecute"}


def wanted(cluster: Cluster, **changes: Any) -> dict[str, Any]:
    """The DaemonSet as it is, with another pod specification."""
    daemon = live(cluster, "DaemonSet")
    template = daemon["spec"]["template"]
    spec = {**template["spec"], **changes}
    return {**daemon, "spec": {**daemon["spec"], "template": {**template, "spec": spec}}}


def checked(cluster: Cluster, then: dict[str, Any], *, force: bool = False) -> tuple[str, ...]:
    server = Server.of(cluster.kubectl())
    step = Step(Ref.of(then), ObjectAction.CONFIGURED, cluster.get("DaemonSet", NAME), then)
    return check_update(server, check_pods(server), [step], force=force)[0]


def test_a_taint_that_the_new_pod_does_not_tolerate(state: Path) -> None:
    """As that of an older release, which a rollback brings back."""
    cluster = after_apply(state)
    cluster.daemons.nodes["master-2"] = node("master-2", TAINT)
    then = wanted(cluster, tolerations=[{"key": MASTER, "operator": "Exists"}])
    refusal = f"{DAEMONSET} does not tolerate the taint dedicated=db:NoExecute of node master-2"
    with pytest.raises(PolicyRefused) as refused:
        checked(cluster, then)
    assert refused.value.message == f"{refusal}; {ENDED}"
    assert checked(cluster, then, force=True) == (refusal,)
    # Where nobody runs now, nobody loses anything.
    cluster.daemons.crash(f"{NAME}-2")
    assert checked(cluster, then) == ()


def test_a_node_that_it_is_no_longer_for(state: Path) -> None:
    cluster = after_apply(state)
    cluster.daemons.nodes["master-3"] = node("master-3", labels={})
    calls = len(cluster.calls)
    with pytest.raises(PolicyRefused) as refused:
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
    assert refused.value.message == f"{DAEMONSET} would no longer run on node master-3; {ENDED}"
    assert "apply" not in [call[0] for call in cluster.calls[calls:] if "--dry-run=server" not in call]
    found = live_diff(made(MAPPINGS + READERS), cluster.kubectl())
    assert found.notes == (f"apply would refuse this: {refused.value.message}",)
    told: list[str] = []
    apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, force=True, tell=told.append)
    assert told[:2] == [
        f"warning: {DAEMONSET} would no longer run on node master-3",
        f"applying ConfigMap kube-system/{NAME}",
    ]


def test_a_restart_is_looked_at_too(state: Path) -> None:
    """Also that of a rollback in which the DaemonSet itself is none of what is undone."""
    cluster = after_apply(state)
    cluster.add({**live(cluster), "data": {"config.yaml": "x"}}, "kubectl-edit")
    there = cluster.daemons.nodes["master-3"]
    cluster.daemons.nodes["master-3"] = node("master-3", labels={})
    (note,) = live_diff(made(), cluster.kubectl()).notes[1:]
    assert note == f"apply would refuse this: {DAEMONSET} would no longer run on node master-3; {ENDED}"
    cluster.daemons.nodes["master-3"] = there
    apply_to_cluster(made(), cluster.kubectl(), state, force=True)
    cluster.daemons.nodes["master-3"] = node("master-3", labels={})
    with pytest.raises(PolicyRefused, match="would no longer run on node master-3"):
        roll_back(cluster.kubectl(), state)


def test_a_rollback_does_not_end_a_pod_in_whose_place_none_can_start(state: Path) -> None:
    cluster = after_applies(state, "", READERS)
    cluster.daemons.nodes["master-3"] = node("master-3", labels={})
    kept, writes = state.read_bytes(), len(cluster.writes)
    for is_dry in (True, False):
        with pytest.raises(PolicyRefused) as refused:
            roll_back(cluster.kubectl(), state, dry_run=is_dry)
        assert refused.value.message == f"{DAEMONSET} would no longer run on node master-3; {ENDED}"
    assert (state.read_bytes(), len(cluster.writes)) == (kept, writes)
    told: list[str] = []
    assert roll_back(cluster.kubectl(), state, force=True, tell=told.append).changed
    assert f"warning: {DAEMONSET} would no longer run on node master-3" in told
    # One that removes the DaemonSet replaces no pod.
    assert roll_back(cluster.kubectl(), state, to=0).changed


def test_the_pods_are_looked_at_once_before_the_first_write(state: Path) -> None:
    cluster = after_apply(state)
    calls = len(cluster.calls)
    apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, dry_run="client")
    assert [call[:2] for call in cluster.calls[calls:]].count(("get", "pods")) == 1
    calls = len(cluster.calls)
    apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
    verbs = [call[:2] for call in cluster.calls[calls:] if "--dry-run=server" not in call]
    assert verbs[: verbs.index(("apply", "--server-side"))].count(("get", "pods")) == 1
    # Where no pod is replaced, the nodes are not listed.
    calls = len(cluster.calls)
    cluster.daemons.nodes.clear()
    labelled = made(MAPPINGS + READERS, addonManagerMode="Reconcile")
    assert apply_to_cluster(labelled, cluster.kubectl(), state).changed
    assert not [call for call in cluster.calls[calls:] if call[:2] == ("get", "nodes")]


def test_the_only_pod_that_is_ready(state: Path) -> None:
    cluster = after_apply(state, made(), masters=1)
    only = f"pod {NAME}-1 on master-1 is the only ready pod: IAM logins fail until its replacement is ready"
    assert checked(cluster, wanted(cluster, terminationGracePeriodSeconds=9)) == (only,)
    image = "example.org/aws-iam-authenticator:v0.7.18"
    then = wanted(cluster, containers=[{"name": NAME, "image": image}])
    pulled = f"node master-1 does not list the image {image}: it may have to be pulled first"
    assert checked(cluster, then) == (only, pulled)
    cluster.daemons.nodes["master-1"]["status"]["images"] = [{"names": ["example.org/x@sha256:0", image]}]
    assert checked(cluster, then) == (only,)


def test_conditions_of_the_nodes_are_told(state: Path) -> None:
    cluster = after_apply(state)
    cluster.daemons.nodes["master-2"] = node("master-2", ready="Unknown")
    conditions = cluster.daemons.nodes["master-3"]["status"]["conditions"]
    conditions += [{"type": "DiskPressure", "status": "True"}, {"type": "MemoryPressure", "status": "False"}]
    assert checked(cluster, wanted(cluster, terminationGracePeriodSeconds=9)) == (
        "node master-2: Ready is Unknown: as the kubelet says",
        "node master-3: DiskPressure is True",
    )


def test_nothing_is_claimed_of_nodes_that_may_not_be_listed(state: Path) -> None:
    cluster = after_apply(state)
    said = 'Error from server (Forbidden): nodes is forbidden: User "u" cannot list resource "nodes" in API group ""'
    cluster.fault = lambda args: failed(said) if args[:2] == ("get", "nodes") else None
    note = f"it is unknown whether each node can run the new pod of {DAEMONSET}: {said}"
    assert apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, dry_run="server").notes == (note,)
    told: list[str] = []
    apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, tell=told.append)
    assert told[0] == f"warning: {note}"


@parametrized(__file__, "tolerations as kubernetes reads them")
def test_tolerations_as_kubernetes_reads_them(toleration: dict[str, str], *, expected: bool) -> None:
    assert is_tolerated(TAINT, [toleration]) is expected


@parametrized(__file__, "what a daemonset tolerates by itself")
def test_what_a_daemonset_tolerates_by_itself(taint: str, version: list[int], is_host: bool, expected: bool) -> None:
    key, _, effect = taint.partition(":")
    found = node("m", {"key": f"node.kubernetes.io/{key}", "effect": effect})
    assert (untolerated(found, {"hostNetwork": is_host}, GoVersion(tuple(version))) == ()) is expected


@parametrized(__file__, "nodes are asked for by their labels")
def test_nodes_are_asked_for_by_their_labels(pod: dict[str, Any], selectors: list[str | None]) -> None:
    asked: list[str | None] = []

    class Recorded(Programs):
        def run(self, *command: str | Path, text: str = "", seconds: float | None = None) -> Completed:  # noqa: ARG002
            words = list(map(str, command))
            asked.append(words[words.index("--selector") + 1] if "--selector" in words else None)
            return Completed(("kubectl",), 0, '{"kind": "List", "items": []}', "")

    assert nodes_for(Kubectl(Recorded({})), pod) == {}
    assert asked == selectors
