"""apply on a cluster in memory: what is made, what is taken over and what is left to others."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import PolicyRefused
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.objects import LAST_APPLIED
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.hook.programs import Completed
from tests.support.applied import (
    BOTH,
    NAME,
    OURS,
    READERS,
    actions,
    add_crd,
    after_apply,
    identity_mapping,
    live,
    made,
    metadata_of,
)
from tests.support.fake_cluster import Cluster, failed
from tests.support.installations import MAPPINGS


def test_objects_are_made_and_a_second_apply_changes_nothing(state: Path) -> None:
    cluster, begun = Cluster(), list[str]()
    done = apply_to_cluster(made(), cluster.kubectl(), state)
    assert actions(done) == [
        "created ConfigMap kube-system/aws-iam-authenticator",
        "created DaemonSet kube-system/aws-iam-authenticator",
    ]
    assert (done.changed, done.rolled_out, done.state, done.notes) == (True, True, state, ())
    assert [effect.text for effect in done.effects] == [
        "arn:aws:iam::111122223333:role/Admin: can log in as admin with group system:masters"
    ]
    assert state.stat().st_mode & 0o777 == 0o600
    assert state.parent.stat().st_mode & 0o777 == 0o700
    kept, writes = state.read_bytes(), len(cluster.writes)
    again = apply_to_cluster(made(), cluster.kubectl(), state, begun=lambda: begun.append("begun"))
    assert (again.changed, again.state, begun) == (False, None, [])
    assert len(cluster.writes) == writes
    assert state.read_bytes() == kept


@pytest.mark.parametrize("call", range(1, 12))
def test_begun_is_told_between_the_state_that_is_kept_and_the_first_change(state: Path, call: int) -> None:
    """Whoever is interrupted before is not sent to `rollback`, which would undo an earlier apply."""
    cluster = after_apply(state)
    kept, told, calls = state.read_bytes(), [], iter(range(1, 100))

    def fault(_: tuple[str, ...]) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt

    def begun() -> None:
        told.append(state.read_bytes() != kept and len(cluster.writes) == writes)

    cluster.fault, writes = fault, len(cluster.writes)
    with contextlib.suppress(KeyboardInterrupt):
        apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state, begun=begun)
    assert told == ([True] if state.read_bytes() != kept else [])


def test_the_state_is_kept_before_the_first_change(state: Path) -> None:
    cluster = Cluster()
    seen: list[bool] = []

    def fault(args: tuple[str, ...]) -> None:
        if args[0] == "apply" and "--dry-run=server" not in args:
            seen.append(state.exists())

    cluster.fault = fault
    apply_to_cluster(made(), cluster.kubectl(), state)
    assert seen == [True, True]
    found = json.loads(state.read_text())
    assert [each["before"] for each in found["changes"][0]["objects"]] == [None, None]


@pytest.mark.parametrize("dry_run", ["client", "server"])
def test_a_dry_run_changes_nothing(state: Path, dry_run: Any) -> None:
    cluster = Cluster()
    done = apply_to_cluster(made(), cluster.kubectl(), state, dry_run=dry_run)
    assert [change.action for change in done.changes] == ["created", "created"]
    assert (cluster.names(), state.exists(), done.state) == ([], False, None)
    if dry_run == "client":
        assert not any(call[0] == "apply" for call in cluster.calls)


def test_an_object_of_somebody_else_is_not_taken_over_silently(state: Path) -> None:
    cluster = Cluster()
    metadata = metadata_of(NAME, {"team": "payments"})
    cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"x": "y"}})
    with pytest.raises(PolicyRefused) as refused:
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert refused.value.message == (
        "ConfigMap kube-system/aws-iam-authenticator (set by somebody, labels team=payments) exists and is not "
        "managed by tarmak-iam; nothing was changed; use --force to take over the fields that tarmak-iam sets; "
        "rollback restores them"
    )
    assert not state.exists()
    before = json.loads(json.dumps(cluster.get("ConfigMap", NAME)))
    apply_to_cluster(made(), cluster.kubectl(), state, force=True)
    done = roll_back(cluster.kubectl(), state)
    after = live(cluster)
    assert (after["data"], after["metadata"]["labels"]) == (before["data"], before["metadata"]["labels"])
    assert [change.text for change in done.changes] == [
        "configured ConfigMap kube-system/aws-iam-authenticator",
        "removed DaemonSet kube-system/aws-iam-authenticator",
    ]


def test_a_conflict_of_a_moment_is_read_again(state: Path) -> None:
    cluster = Cluster()
    left = [1]

    def fault(args: tuple[str, ...]) -> Completed | None:
        if args[0] == "apply" and left.pop() if left else False:
            return failed("error: Operation cannot be fulfilled: the object has been modified; please apply again")
        return None

    cluster.fault = fault
    apply_to_cluster(made(), cluster.kubectl(), state)
    assert cluster.names() == BOTH


def test_old_objects_of_ours_go_when_the_new_ones_run(state: Path) -> None:
    cluster = Cluster()
    cluster.add(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata_of("old", OURS)}, "tarmak-iam", "Apply"
    )
    cluster.add({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata_of("theirs", {})})
    done = apply_to_cluster(made(), cluster.kubectl(), state)
    assert actions(done)[-1] == "removed ServiceAccount kube-system/old"
    assert cluster.names() == [*BOTH, "ServiceAccount theirs"]
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == ["ServiceAccount old", "ServiceAccount theirs"]


def test_old_objects_stay_where_nobody_waits_for_the_new_ones(state: Path) -> None:
    cluster = Cluster(is_rolled_out=False)
    old = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata_of("old", OURS)}
    cluster.add(old, "tarmak-iam", "Apply")
    done = apply_to_cluster(made(), cluster.kubectl(), state, wait=None)
    assert done.notes == (
        "no longer generated, but kept until an apply that waits for the rollout: ServiceAccount kube-system/old",
    )
    kept = state.read_bytes()
    assert not apply_to_cluster(made(), cluster.kubectl(), state, wait=None).changed
    assert state.read_bytes() == kept
    daemon = live(cluster, "DaemonSet")
    cluster.is_rolled_out = True
    cluster.add(daemon, "tarmak-iam", "Apply")
    assert (
        actions(apply_to_cluster(made(), cluster.kubectl(), state, wait=None))[-1]
        == "removed ServiceAccount kube-system/old"
    )


def test_a_crd_with_objects_of_others_stays(state: Path) -> None:
    cluster = Cluster()
    for name, labels in (("mine", OURS), ("theirs", {})):
        add_crd(cluster)
        cluster.add(identity_mapping(name, labels), "tarmak-iam" if labels else "somebody", "Update")
    done = apply_to_cluster(made(), cluster.kubectl(), state)
    assert "IAMIdentityMapping mine" not in cluster.names()
    assert "IAMIdentityMapping theirs" in cluster.names()
    assert done.notes == (
        (
            "kept CustomResourceDefinition iamidentitymappings.iamauthenticator.k8s.aws: 1 of its objects are not "
            "managed by tarmak-iam"
        ),
    )


def test_crd_and_objects_that_only_we_have_go_and_come_back(state: Path) -> None:
    cluster = Cluster()
    add_crd(cluster)
    cluster.add(identity_mapping("mine", OURS), "tarmak-iam", "Apply")
    before = cluster.names()
    done = apply_to_cluster(made(), cluster.kubectl(), state)
    assert actions(done)[-2:] == [
        "removed IAMIdentityMapping mine",
        "removed CustomResourceDefinition iamidentitymappings.iamauthenticator.k8s.aws",
    ]
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == before


def test_the_last_way_in_is_kept_unless_forced(state: Path) -> None:
    cluster = after_apply(state)
    locked = made(MAPPINGS.replace("system:masters", "readers"))
    with pytest.raises(PolicyRefused, match="the last mapping to system:masters would be lost") as refused:
        apply_to_cluster(locked, cluster.kubectl(), state)
    assert "use --force to do it anyway; the admin certificate was not examined" in refused.value.message
    done = apply_to_cluster(locked, cluster.kubectl(), state, force=True)
    assert [effect.text for effect in done.effects] == [
        "arn:aws:iam::111122223333:role/Admin: gains readers; loses system:masters"
    ]


@pytest.mark.parametrize(
    ("server", "client"), [("v1.12.9", "v1.12.10"), ("v1.15.12", "v1.30.1"), ("v1.30.1", "v1.15.12")]
)
def test_plain_apply_where_there_is_no_server_side_apply(state: Path, server: str, client: str) -> None:
    cluster = after_apply(state, made(kubernetesVersion=server[1:]), server=server, client=client)
    calls = [call for call in cluster.calls if call[0] == "apply"]
    assert calls
    assert not any("--server-side" in call or "--field-manager=tarmak-iam" in call for call in calls)
    assert not apply_to_cluster(made(kubernetesVersion=server[1:]), cluster.kubectl(), state).changed
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == []


def test_an_old_kubectl_sees_what_comes_after_an_object_that_is_missing(state: Path) -> None:
    """kubectl 1.15 reads a List as far as the first object that is not there: here the ServiceAccount."""
    cluster = Cluster(server="v1.15.12", client="v1.15.12")
    cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": "kube-system"}})
    wanted = made(backends=["EKSConfigMap", "MountedFile"], kubernetesVersion="1.15.12")
    with pytest.raises(PolicyRefused, match="exists and is not managed by tarmak-iam"):
        apply_to_cluster(wanted, cluster.kubectl(), state)


@pytest.mark.parametrize(
    ("annotations", "labels", "origin"),
    [
        ({}, {}, "without labels"),
        ({LAST_APPLIED: "{}"}, {}, "applied with kubectl, without labels"),
        ({LAST_APPLIED: "{}"}, {"team": "payments"}, "applied with kubectl, labels team=payments"),
    ],
)
def test_where_a_foreign_object_comes_from_below_1_16(
    state: Path, annotations: dict[str, str], labels: dict[str, str], origin: str
) -> None:
    cluster = Cluster(server="v1.15.12", client="v1.15.12")
    metadata = {**metadata_of(NAME, labels), "annotations": annotations}
    added = cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    added["metadata"]["creationTimestamp"] = "2020-01-02T03:04:05Z"
    with pytest.raises(PolicyRefused) as refused:
        apply_to_cluster(made(kubernetesVersion="1.15.12"), cluster.kubectl(), state)
    assert refused.value.what == (
        f"ConfigMap kube-system/aws-iam-authenticator ({origin}, created 2020-01-02T03:04:05Z) exists and is not "
        "managed by tarmak-iam; nothing was changed"
    )


@pytest.mark.parametrize(("client", "flag"), [("v1.17.0", "--server-dry-run"), ("v1.18.0", "--dry-run=server")])
def test_flags_go_by_kubectls_version(state: Path, client: str, flag: str) -> None:
    cluster = Cluster(client=client)
    done = apply_to_cluster(made(kubernetesVersion="1.24.0"), cluster.kubectl(), state, dry_run="server")
    assert all(flag in call for call in cluster.calls if call[0] == "apply")
    assert not any("--show-managed-fields" in call for call in cluster.calls)
    note = "the objects are for Kubernetes 1.24, but the cluster runs 1.30: check kubernetesVersion in the settings"
    assert done.notes == (note,)
