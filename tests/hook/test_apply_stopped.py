"""apply that stops midway: what is said, what is kept, and that it goes on or back from there."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tarmak_iam.errors import FileError, ToolError
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.kubectl import is_write
from tarmak_iam.hook.cluster.objects import last_applied
from tarmak_iam.hook.cluster.results import ApplyFailed
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.hook.programs import Completed
from tests.support.applied import BOTH, NAME, OURS, after_apply, live, made, metadata_of
from tests.support.fake_cluster import Cluster, away, failed
from tests.support.histories import killed_at_verb
from tests.support.installations import MAPPINGS


def test_an_api_server_that_is_away(state: Path) -> None:
    cluster = Cluster()
    cluster.fault = away(10_000)
    with pytest.raises(ToolError, match=r"kubectl version failed: .* was refused") as failure:
        apply_to_cluster(made(), cluster.kubectl(patience=10), state)
    assert "check that the cluster is up" in failure.value.remedy
    assert not state.exists()
    cluster.fault = away(3, "apply")
    apply_to_cluster(made(), cluster.kubectl(), state)
    assert cluster.names() == BOTH


def test_an_api_server_that_goes_away_midway(state: Path) -> None:
    cluster = Cluster()
    gone: list[bool] = []

    def fault(args: tuple[str, ...]) -> Completed | None:
        if args[0] == "apply" and "--dry-run=server" not in args and cluster.get("ConfigMap", NAME):
            gone.append(True)
        return away(1)(args) if gone else None

    cluster.fault = fault
    told: list[str] = []
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(made(), cluster.kubectl(patience=5), state, tell=told.append)
    assert "done: created ConfigMap kube-system/aws-iam-authenticator" in failure.value.message
    assert "may have been written: DaemonSet kube-system/aws-iam-authenticator" in failure.value.message
    assert failure.value.remedy == "run apply again, or run rollback to restore the previous objects"
    assert failure.value.state == state
    cluster.fault = lambda _: None
    # The second attempt keeps what was there before the first.
    apply_to_cluster(made(), cluster.kubectl(), state)
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == []


def test_an_object_that_the_api_server_refuses(state: Path) -> None:
    cluster = Cluster()
    refusal = 'The DaemonSet "aws-iam-authenticator" is invalid: spec.selector: field is immutable'

    def fault(args: tuple[str, ...]) -> Completed | None:
        is_second = args[0] == "apply" and "--dry-run=server" not in args and cluster.get("ConfigMap", NAME)
        return failed(refusal) if is_second else None

    cluster.fault = fault
    with pytest.raises(ApplyFailed, match="field is immutable") as failure:
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert [str(ref) for ref in failure.value.left] == ["DaemonSet kube-system/aws-iam-authenticator"]


def test_what_cannot_be_looked_at_may_have_been_written(state: Path) -> None:
    """The API server has refused the call, and then went away."""
    cluster = Cluster()

    def fault(args: tuple[str, ...]) -> Completed | None:
        if args[0] != "apply" or "--dry-run=server" in args:
            return None
        cluster.fault = away(10_000)
        return failed('The ConfigMap "aws-iam-authenticator" is invalid: data: Too long')

    cluster.fault = fault
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(made(), cluster.kubectl(patience=5), state)
    unknown, left = f"ConfigMap kube-system/{NAME}", f"DaemonSet kube-system/{NAME}"
    assert f"Too long; done: nothing; may have been written: {unknown}; not done: {left}" in failure.value.message


def interrupting(cluster: Cluster, verb: str, at: int) -> Callable[[tuple[str, ...]], None]:
    seen: list[str] = []

    def fault(args: tuple[str, ...]) -> None:
        seen.extend(args[:1])
        if "--dry-run=server" not in args and seen.count(verb) >= at:
            cluster.fault = lambda _: None
            raise KeyboardInterrupt

    return fault


def test_ctrl_c_midway_says_what_was_done(state: Path) -> None:
    cluster = Cluster()
    cluster.fault = interrupting(cluster, "apply", 3)
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        apply_to_cluster(made(), cluster.kubectl(), state, tell=told.append)
    assert told[-1] == LEASE_STAYS
    assert told[-2] == (
        "interrupted; done: created ConfigMap kube-system/aws-iam-authenticator; may have been written: DaemonSet "
        "kube-system/aws-iam-authenticator; run apply again, or run rollback to restore the previous objects"
    )
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == []


LEASE_STAYS = (
    "warning: the lease kube-system/tarmak-iam is not removed, because a write may still arrive; "
    "it expires within 60 seconds"
)


@pytest.mark.parametrize("server", ["v1.30.1", "v1.15.12"])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_write_that_arrives_late_is_refused(state: Path, server: str, is_there: bool) -> None:
    """It was interrupted on its way, and another apply has come before it."""
    cluster, kubernetes = Cluster(server=server, client=server), server.removeprefix("v")
    if is_there:
        apply_to_cluster(made(kubernetesVersion=kubernetes), cluster.kubectl(), state)
    late: list[tuple[tuple[str, ...], str]] = []

    def fault(args: tuple[str, ...]) -> None:
        if is_write(args) and "TokenReview" not in cluster.text:
            late.append((args, cluster.text))
            cluster.fault = lambda _: None
            raise KeyboardInterrupt

    cluster.fault = fault
    told: list[str] = []
    old = made(MAPPINGS.replace("username: admin", "username: old"), kubernetesVersion=kubernetes)
    with pytest.raises(KeyboardInterrupt):
        apply_to_cluster(old, cluster.kubectl(), state, tell=told.append)
    assert "interrupted; done: nothing; may have been written: ConfigMap kube-system/aws-iam-authenticator" in told[-2]
    assert told[-1] == LEASE_STAYS
    assert cluster.lease is not None
    new = made(MAPPINGS.replace("username: admin", "username: new"), kubernetesVersion=kubernetes)
    apply_to_cluster(new, cluster.kubectl(), state)
    ((args, text),) = late
    refused = cluster.run(args, text)
    assert refused.code == 1
    assert "the object has been modified" in refused.err or "AlreadyExists" in refused.err
    assert "username: new" in live(cluster)["data"]["config.yaml"]


def test_a_rollback_that_is_interrupted_says_what_may_have_been_written(state: Path) -> None:
    cluster = after_apply(state)
    apply_to_cluster(made(MAPPINGS.replace("username: admin", "username: boss")), cluster.kubectl(), state)
    cluster.fault = interrupting(cluster, "replace", 1)
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        roll_back(cluster.kubectl(), state, tell=told.append)
    assert told[-1] == LEASE_STAYS
    assert told[-2] == (
        f"interrupted; done: nothing; may have been written: ConfigMap kube-system/{NAME}; not done: DaemonSet "
        f"kube-system/{NAME}; run rollback again"
    )


def test_an_object_that_was_gone_before_the_rollback_is_not_left_to_do(state: Path) -> None:
    cluster = after_apply(state)
    del cluster.objects["ConfigMap", "kube-system", NAME]
    cluster.fault = interrupting(cluster, "delete", 1)
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        roll_back(cluster.kubectl(), state, tell=told.append)
    assert told[-2] == (
        f"interrupted; done: nothing; may have been written: DaemonSet kube-system/{NAME}; run rollback again"
    )


def test_an_apply_that_was_killed_before_it_noted_what_it_applied(state: Path) -> None:
    """Below 1.16: what is not in the annotation would not be removed later."""
    cluster = Cluster(server="v1.15.12", client="v1.15.12")
    wanted = made(kubernetesVersion="1.15.12")
    verb = ("apply", "set-last-applied")
    assert killed_at_verb(cluster, verb, lambda: apply_to_cluster(wanted, cluster.kubectl(), state))
    apply_to_cluster(wanted, cluster.kubectl(), state)
    assert last_applied(live(cluster)) is not None


def test_an_interruption_between_two_writes_ends_the_lease(state: Path) -> None:
    cluster = Cluster(is_rolled_out=False)
    cluster.fault = interrupting(cluster, "get", 12)
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        apply_to_cluster(made(), cluster.kubectl(), state, tell=told.append)
    assert told[-1].startswith("interrupted; done: created ConfigMap")
    assert "may have been written" not in told[-1]
    assert cluster.lease is None


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ToolError])
def test_stopped_at_any_call_it_can_be_rolled_back(tmp_path: Path, stop: type[BaseException]) -> None:
    old = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata_of("old", OURS)}
    whole = Cluster()
    whole.add(old, "tarmak-iam", "Apply")
    apply_to_cluster(made(), whole.kubectl(), tmp_path / "whole.json")
    for number in range(len(whole.calls)):
        cluster, state = Cluster(), tmp_path / f"{number}.json"
        cluster.add(old, "tarmak-iam", "Apply")
        left = iter(range(number))

        def fault(_: tuple[str, ...], cluster: Cluster = cluster, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                cluster.fault = lambda _: None
                raise stop("stopped")

        cluster.fault = fault
        told: list[str] = []
        with pytest.raises((KeyboardInterrupt, ToolError)) as stopped:
            apply_to_cluster(made(), cluster.kubectl(), state, tell=told.append)
        if cluster.names() not in (["ServiceAccount old"], ["Lease tarmak-iam", "ServiceAccount old"]):
            said = "; ".join((*told, str(stopped.value)))
            assert "done: created" in said or "may have been written" in said
        if state.exists():
            roll_back(cluster.kubectl(), state)
        assert cluster.names() == ["ServiceAccount old"]


def test_a_state_that_cannot_be_kept_changes_nothing(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cluster = Cluster()
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(FileError, match="No space left on device"):
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert cluster.names() == []


def test_a_rollout_that_does_not_end_says_what_the_pods_say(state: Path) -> None:
    cluster = Cluster(is_rolled_out=False)
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}, "ready": False}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata_of("auth-1", {}), "spec": {"nodeName": "master-1"}}
    cluster.objects["Pod", "kube-system", "auth-1"] = {**pod, "status": {"containerStatuses": [waiting]}}
    old = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata_of("old", OURS)}
    cluster.add(old, "tarmak-iam", "Apply")
    told: list[str] = []
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(made(), cluster.kubectl(), state, wait=30, tell=told.append)
    assert "the rollout did not complete within 30 seconds" in failure.value.message
    assert "pod auth-1 on master-1: ImagePullBackOff: no such image" in failure.value.message
    # What would still let people in is not taken away.
    assert "not done: ServiceAccount kube-system/old" in failure.value.message
    assert told[-1] == "DaemonSet kube-system/aws-iam-authenticator: the rollout has not started"


def test_what_became_of_a_removal_that_was_interrupted_is_looked_up(state: Path) -> None:
    cluster = Cluster()
    for name in ("old", "older"):
        cluster.add(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata_of(name, OURS)}, "tarmak-iam", "Apply"
        )

    def fault(args: tuple[str, ...]) -> Completed | None:
        if args[0] != "delete":
            return None
        cluster.objects.pop(("ServiceAccount", "kube-system", "old"), None)
        return failed("error: timed out waiting for the condition")

    cluster.fault = fault
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(made(), cluster.kubectl(), state)
    gone = {each.name for each in failure.value.applied.changes if each.action == "removed"}
    left = {ref.name for ref in failure.value.left}
    assert gone == {"old"}
    assert left == {"older"}


def test_a_rollback_is_not_offered_where_nothing_was_changed(state: Path) -> None:
    """It would undo an earlier change."""
    cluster = after_apply(state)
    daemon = live(cluster, "DaemonSet")
    daemon["status"]["numberAvailable"] = 1
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(made(), cluster.kubectl(), state, wait=5)
    assert (failure.value.state, failure.value.remedy) == (None, "run apply again")
