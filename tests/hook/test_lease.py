"""The lease of a cluster: one run at a time, whatever the machine; taken over from runs that were killed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.apply import apply_to_cluster, live_diff
from tarmak_iam.hook.cluster.lease import LeaseHeld, LeaseLost, leased
from tarmak_iam.hook.cluster.results import ApplyFailed
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.hook.programs import ClusterLock, Completed
from tests.support.fake_cluster import Cluster, Fault, failed
from tests.support.installations import MAPPINGS, installation

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone.utc)
NAME = ("Lease", "kube-system", "tarmak-iam")
THEIRS = "ann@build-3, process 4711, run 3f2a91bc"
FORBIDDEN = 'Error from server (Forbidden): leases.coordination.k8s.io is forbidden: User "x" cannot create resource'
UNSERVED = 'error: resource mapping not found for name: "tarmak-iam": no matches for kind "Lease" in version "x"'
EOF = 'error: error when creating "STDIN": Post "https://127.0.0.1:6443/apis/x": EOF'
UNPROTECTED = "a concurrent run from another machine or directory is not detected"
MADE = installation(mappings=MAPPINGS, kubernetesVersion="1.30.1")


def theirs(cluster: Cluster, seconds: float, *, holder: str = THEIRS, lock: str = "") -> None:
    """A lease that somebody else has renewed so many seconds ago, by their own clock."""
    renewed = f"{NOW - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.000000Z"
    cluster.add(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "tarmak-iam", "namespace": "kube-system", "annotations": {"tarmak-iam/lock": lock}},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": 60,
                "acquireTime": "2026-03-01T11:50:00.000000Z",
                "renewTime": renewed,
            },
        }
    )


def spec(cluster: Cluster) -> dict[str, Any]:
    assert cluster.lease is not None
    found: dict[str, Any] = cluster.lease["spec"]
    return found


def take(cluster: Cluster, told: list[str] | None = None, **options: Any) -> contextlib.AbstractContextManager[Any]:
    said = told if told is not None else []
    return leased(cluster.kubectl(tell=said.append), said.append, now=lambda: NOW, **options)


@pytest.mark.parametrize("error", [None, KeyError, KeyboardInterrupt])
def test_it_is_there_while_somebody_works_and_gone_afterwards(error: type[BaseException] | None) -> None:
    cluster = Cluster()
    with contextlib.nullcontext() if error is None else pytest.raises(error), take(cluster) as kubectl:
        kubectl.run("delete", "ConfigMap", "x")
        found = spec(cluster)
        assert found.pop("holderIdentity").partition(", process ")[2]
        assert found == {
            "leaseDurationSeconds": 60,
            "acquireTime": "2026-03-01T12:00:00.000000Z",
            "renewTime": "2026-03-01T12:00:00.000000Z",
        }
        # What is labelled as ours would be removed as left over.
        assert "labels" not in (cluster.lease or {})["metadata"]
        if error is not None:
            raise error
    assert cluster.lease is None


@pytest.mark.parametrize("verb", ["create", "replace"])
def test_it_is_given_back_after_an_interruption_while_it_is_taken(verb: str) -> None:
    cluster = Cluster()
    if verb == "replace":
        theirs(cluster, 61)

    def interrupted(args: tuple[str, ...]) -> None:
        if args[0] == verb:
            cluster.fault_aside = lambda _: None
            cluster.run(args, cluster.text)
            raise KeyboardInterrupt

    cluster.fault_aside = interrupted
    with pytest.raises(KeyboardInterrupt):
        take(cluster).__enter__()
    assert cluster.lease is None


def test_that_of_another_run_stays_after_an_interruption() -> None:
    cluster = Cluster()
    theirs(cluster, 61)

    def interrupted(_: tuple[str, ...]) -> None:
        if cluster.clock:
            cluster.fault_aside = lambda _: None
            raise KeyboardInterrupt

    cluster.fault_aside = interrupted
    with pytest.raises(KeyboardInterrupt):
        take(cluster).__enter__()
    assert spec(cluster)["holderIdentity"] == THEIRS


@pytest.mark.parametrize("seconds", [-59, 0, 12, 59])
def test_one_that_is_held_is_left_alone(seconds: int) -> None:
    cluster = Cluster()
    theirs(cluster, seconds)
    with pytest.raises(LeaseHeld) as held:
        take(cluster).__enter__()
    assert held.value.message == (
        "this cluster is in use by ann@build-3, process 4711, run 3f2a91bc since 2026-03-01 11:50:00 UTC "
        f"(lease kube-system/tarmak-iam, renewed {max(seconds, 0)} seconds ago); run the command again when the "
        "other run "
        "has finished; the lease of a killed run expires 60 seconds after its last renewal, or remove it with "
        "`kubectl --namespace kube-system delete lease tarmak-iam`"
    )
    assert (spec(cluster)["holderIdentity"], cluster.clock) == (THEIRS, 0)


@pytest.mark.parametrize(
    ("seconds", "duration", "watched"),
    [(61, 60, 60), (10**6, 60, 60), (-61, 60, 60), (-(10**6), 60, 60), (10**6, 10**9, 300)],
)
def test_one_that_seems_to_be_over_is_watched_and_taken_over(seconds: int, duration: int, watched: int) -> None:
    """Also by a clock that is far ahead of ours; but nobody is watched for longer than five minutes."""
    cluster, told = Cluster(), list[str]()
    theirs(cluster, seconds)
    spec(cluster)["leaseDurationSeconds"] = duration
    with take(cluster, told):
        assert spec(cluster)["holderIdentity"] != THEIRS
        assert spec(cluster)["acquireTime"] == "2026-03-01T12:00:00.000000Z"
    assert cluster.clock == watched
    assert told == [
        f"{THEIRS} has not renewed its lease; watching it for {watched} seconds",
        f"taking over the lease of {THEIRS}, which has not renewed it for {watched} seconds",
    ]
    assert cluster.lease is None


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"holderIdentity": ""}, ["taking over the lease of an earlier run, which was released"]),
        ({"renewTime": "soon", "leaseDurationSeconds": "long"}, None),
        (None, None),
    ],
)
def test_one_that_was_released_or_is_not_as_it_should_be(broken: dict[str, Any] | None, told: list[str] | None) -> None:
    cluster, said = Cluster(), list[str]()
    theirs(cluster, 1)
    cluster.objects[NAME]["spec"] = {} if broken is None else {**spec(cluster), **broken}
    with take(cluster, said):
        pass
    assert told is None or said == told
    assert cluster.lease is None


def test_one_whose_clock_is_wrong_is_seen_to_be_renewed() -> None:
    cluster = Cluster()
    theirs(cluster, 3600)

    def renewed(args: tuple[str, ...]) -> None:
        if args[0] == "get" and cluster.clock > 15:
            theirs(cluster, 3580)

    cluster.fault_aside = renewed
    with pytest.raises(LeaseHeld):
        take(cluster).__enter__()
    assert 15 < cluster.clock < 60


def test_one_of_a_run_that_our_lock_file_would_keep_away_is_over(tmp_path: Path) -> None:
    lock = ClusterLock(tmp_path / ".dev.lock", 0)
    cluster, told = Cluster(), list[str]()
    theirs(cluster, 1, lock=lock.key)
    with leased(cluster.kubectl(lock=lock), told.append, now=lambda: NOW):
        assert spec(cluster)["holderIdentity"] != THEIRS
    assert (cluster.clock, told) == (0, [f"taking over the lease of {THEIRS}, which no longer runs"])
    # Without a lock of our own, nobody is said to be over.
    unlocked = ClusterLock(tmp_path / ".dev.lock", None)
    theirs(cluster, 1, lock=unlocked.key)
    with pytest.raises(LeaseHeld):
        leased(cluster.kubectl(lock=unlocked), now=lambda: NOW).__enter__()


def test_the_key_is_that_of_the_lock_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    key = ClusterLock(tmp_path / "a" / ".x.lock", 0).key
    assert len(key) == 32
    assert ClusterLock(tmp_path / "link" / ".x.lock", 3).key == key
    assert ClusterLock(tmp_path / ".x.lock", 0).key != key
    assert ClusterLock(tmp_path / "a" / ".y.lock", 0).key != key
    assert ClusterLock(tmp_path / "none" / ".x.lock", 0).key == ""


@pytest.mark.parametrize(
    ("answer", "why", "versions"),
    [
        (FORBIDDEN, "you may not create leases in kube-system", 1),
        (UNSERVED, "the cluster has no leases", 2),  # v1, and v1beta1 as in Kubernetes 1.12
    ],
)
def test_where_leases_are_not_possible_it_goes_on_without(answer: str, why: str, versions: int) -> None:
    cluster, told = Cluster(), list[str]()
    cluster.fault_aside = lambda _: failed(answer)
    with take(cluster, told) as kubectl:
        kubectl.run("delete", "ConfigMap", "x")
    assert told == [f"note: {why}: {UNPROTECTED}"]
    assert [call[0] for call in cluster.calls_aside] == ["create"] * versions


def test_other_failures_stop_it() -> None:
    cluster = Cluster()
    cluster.fault_aside = lambda _: failed("error: You must be logged in to the server (Unauthorized)")
    with pytest.raises(ToolError, match="kubectl create failed: You must be logged in"):
        take(cluster).__enter__()


def lost(cluster: Cluster, verb: str, answer: str) -> Fault:
    """The first call of a verb reaches the API server, and its answer does not come back."""
    left = [verb]

    def fault(args: tuple[str, ...]) -> Completed | None:
        if args[0] not in left:
            return None
        left.clear()
        cluster.run(args, cluster.text)
        return failed(answer)

    return fault


@pytest.mark.parametrize("verb", ["create", "replace"])
def test_an_answer_that_is_lost(verb: str) -> None:
    """What the second attempt meets is what the first one made."""
    cluster, told = Cluster(), list[str]()
    cluster.fault_aside = lost(cluster, verb, EOF)
    with take(cluster, told) as kubectl:
        cluster.clock += 40
        kubectl.run("delete", "ConfigMap", "x")
    assert [each for each in told if "reached" not in each] == []
    assert cluster.lease is None


def test_it_is_renewed_before_it_would_end() -> None:
    cluster = Cluster()
    moments = iter(NOW + timedelta(seconds=each) for each in range(100))
    with leased(cluster.kubectl(), now=lambda: next(moments)) as kubectl:
        kubectl.run("delete", "ConfigMap", "x")
        before = spec(cluster)["renewTime"]
        cluster.clock += 29
        kubectl.run("get", "configmap")
        kubectl.run("delete", "ConfigMap", "x")
        assert spec(cluster)["renewTime"] == before
        cluster.clock += 2
        kubectl.run("get", "configmap")
        assert spec(cluster)["renewTime"] == before
        kubectl.run("delete", "ConfigMap", "x")
        assert spec(cluster)["renewTime"] > before


def test_it_is_renewed_after_a_sleep_of_the_machine() -> None:
    """In which only one of the clocks goes on."""
    cluster, now = Cluster(), [NOW]
    with leased(cluster.kubectl(), now=lambda: now[0]) as kubectl:
        now[0] += timedelta(hours=1)
        kubectl.run("delete", "ConfigMap", "x")
        assert spec(cluster)["renewTime"] == "2026-03-01T13:00:00.000000Z"
        assert spec(cluster)["acquireTime"] == "2026-03-01T12:00:00.000000Z"


def test_a_thread_renews_it() -> None:
    cluster = Cluster()
    with leased(cluster.kubectl(), seconds=0.1):
        before, deadline = spec(cluster)["renewTime"], time.monotonic() + 240
        while spec(cluster)["renewTime"] == before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert spec(cluster)["renewTime"] > before


def test_the_thread_says_once_what_goes_wrong() -> None:
    cluster, told = Cluster(), list[str]()

    def replacements() -> int:
        return sum(args[0] == "replace" for args in cluster.calls_aside)

    with leased(cluster.kubectl(patience=0), told.append, seconds=0.1) as kubectl:
        cluster.fault_aside = lambda args: failed("error: no space") if args[0] == "replace" else None
        deadline, before = time.monotonic() + 240, replacements()
        while replacements() < before + 2 and time.monotonic() < deadline:  # the first is over when the second begins
            time.sleep(0.01)
        with pytest.raises(ToolError, match="kubectl replace failed: no space"):
            kubectl.run("delete", "ConfigMap", "x")
        cluster.fault_aside = lambda _: None
        kubectl.run("delete", "ConfigMap", "x")
    assert (
        told[0]
        == "warning: an attempt to renew the lease kube-system/tarmak-iam failed: kubectl replace failed: no space"
    )


def test_whoever_has_lost_it_writes_nothing_more() -> None:
    cluster = Cluster()
    cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "kube-system"}})
    with take(cluster) as kubectl:
        theirs(cluster, 0)
        for seconds in (40, -40):  # once it is known, it needs no second look
            cluster.clock += seconds
            with pytest.raises(
                LeaseLost,
                match=f"lost the cluster's lease to {THEIRS}; run the command again when the other run has finished",
            ):
                kubectl.run("delete", "ConfigMap", "x")
        kubectl.run("get", "configmap")
    assert cluster.names() == ["ConfigMap x", "Lease tarmak-iam"]
    assert spec(cluster)["holderIdentity"] == THEIRS


def test_that_of_another_run_is_not_removed_at_the_end() -> None:
    cluster = Cluster()
    with take(cluster):
        theirs(cluster, 0)
        cluster.clock += 70
    assert spec(cluster)["holderIdentity"] == THEIRS


def test_one_that_somebody_has_removed_is_made_again() -> None:
    """And an API server that is away for long ends none."""
    cluster, told = Cluster(), list[str]()
    with take(cluster, told) as kubectl:
        cluster.clock += 500
        kubectl.run("delete", "ConfigMap", "x")
        del cluster.objects[NAME]
        cluster.clock += 40
        kubectl.run("delete", "ConfigMap", "x")
        assert cluster.lease is not None
    assert told == []


def test_whoever_may_not_renew_or_remove_it_is_told() -> None:
    cluster, told = Cluster(), list[str]()
    cluster.fault_aside = lambda args: failed(FORBIDDEN) if args[0] in ("replace", "delete") else None
    with take(cluster, told) as kubectl:
        cluster.clock += 40
        kubectl.run("delete", "ConfigMap", "x")
        kubectl.run("delete", "ConfigMap", "x")
    assert told == [
        f"warning: an attempt to renew the lease kube-system/tarmak-iam failed: {FORBIDDEN}",
        (
            f"warning: the lease kube-system/tarmak-iam could not be removed: kubectl delete failed: {FORBIDDEN}; "
            "it expires within 60 seconds"
        ),
    ]


class TestCommands:
    """What takes it, and what does not."""

    def test_apply_and_rollback_do(self, tmp_path: Path) -> None:
        cluster, held = Cluster(), list[bool]()

        def fault(_: tuple[str, ...]) -> None:
            held.append(cluster.lease is not None)

        cluster.fault = fault
        apply_to_cluster(MADE, cluster.kubectl(), tmp_path / "state.json")
        roll_back(cluster.kubectl(), tmp_path / "state.json")
        assert all(held)
        assert cluster.names() == []

    @pytest.mark.parametrize("work", ["client", "server", "diff"])
    def test_those_that_only_look_do_not(self, tmp_path: Path, work: Any) -> None:
        cluster = Cluster()
        theirs(cluster, 0)
        if work == "diff":
            live_diff(MADE, cluster.kubectl())
        else:
            apply_to_cluster(MADE, cluster.kubectl(), tmp_path / "state.json", dry_run=work)
        assert cluster.calls_aside == []

    def test_the_second_of_two_is_refused(self, tmp_path: Path) -> None:
        """The first one is within its first write."""
        cluster, second = Cluster(), list[str]()

        def fault(args: tuple[str, ...]) -> None:
            if args[0] == "apply" and "--dry-run=server" not in args:
                cluster.fault = lambda _: None
                elsewhere = ClusterLock(tmp_path / ".other.lock", 0)
                with pytest.raises(LeaseHeld) as refused:
                    apply_to_cluster(MADE, cluster.kubectl(lock=elsewhere), tmp_path / "second.json")
                second.append(refused.value.what)

        cluster.fault = fault
        assert apply_to_cluster(MADE, cluster.kubectl(), tmp_path / "first.json").changed
        assert len(second) == 1
        assert not (tmp_path / "second.json").exists()

    def test_one_that_is_lost_midway_is_told(self, tmp_path: Path) -> None:
        cluster = Cluster()

        def fault(args: tuple[str, ...]) -> None:
            if args[0] == "apply" and "--dry-run=server" not in args:
                theirs(cluster, 0)
                cluster.clock += 45

        cluster.fault = fault
        with pytest.raises(ApplyFailed) as failure:
            apply_to_cluster(MADE, cluster.kubectl(), tmp_path / "state.json")
        assert failure.value.message == (
            f"lost the cluster's lease to {THEIRS}; run the command again when the other run has finished; "
            "done: created ConfigMap kube-system/aws-iam-authenticator; "
            "not done: DaemonSet kube-system/aws-iam-authenticator; "
            "run apply again, or run rollback to restore the previous objects"
        )

    def test_interrupted_while_it_is_given_back(self, tmp_path: Path) -> None:
        cluster, told = Cluster(), list[str]()

        def fault(args: tuple[str, ...]) -> None:
            if args[0] == "delete":
                raise KeyboardInterrupt

        cluster.fault_aside = fault
        with pytest.raises(KeyboardInterrupt):
            apply_to_cluster(MADE, cluster.kubectl(), tmp_path / "state.json", tell=told.append)
        assert (
            told[-1] == "interrupted after the last change; the lease kube-system/tarmak-iam expires within 60 seconds"
        )


def test_a_write_has_a_time_limit_below_that_of_the_lease(tmp_path: Path) -> None:
    """So that what a killed run has begun has ended when another one takes over."""
    cluster, limits = Cluster(), dict[str, set[str]]()
    run: Callable[..., Completed] = cluster.run

    def recorded(args: tuple[str, ...], text: str) -> Completed:
        verb = next(arg for arg in args if not arg.startswith("-"))
        limits.setdefault(verb, set()).update(arg for arg in args if arg.startswith("--request-timeout="))
        return run(args, text)

    cluster.run = recorded  # type: ignore[method-assign]
    apply_to_cluster(MADE, cluster.kubectl(), tmp_path / "state.json")
    assert limits["apply"] == {"--request-timeout=30s"}
    assert limits["delete"] == {"--request-timeout=10s"}
    assert limits["version"] == set()
