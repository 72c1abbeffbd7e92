"""apply and rollback on a cluster in memory: what is touched, what is kept, and what is said when it stops midway."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.document.files import Boundary
from tarmak_iam.errors import ConfigError, FileError, Place, PolicyRefused, SelectionError, ToolError
from tarmak_iam.hook.cluster import journal
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.history import Applied, ApplyFailed, History, Status
from tarmak_iam.hook.cluster.journal import read_history, write_history
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.hook.programs import Completed
from tarmak_iam.installation.installation import Installation
from tests.emit.installations import MAPPINGS, installation
from tests.support.fake_cluster import Cluster, away, failed

NAME = "aws-iam-authenticator"
OURS = {"app.kubernetes.io/managed-by": "tarmak-iam"}
BOTH = ["ConfigMap aws-iam-authenticator", "DaemonSet aws-iam-authenticator"]
READERS = """\
  - roleARN: arn:aws:iam::111122223333:role/Reader
    username: reader
    groups: [readers]
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "dev-cluster" / "tarmak-iam.state.json"


def made(mappings: str = MAPPINGS, **overrides: Any) -> Installation:
    return installation(mappings=mappings, **{"kubernetesVersion": "1.30.1", **overrides})


def actions(done: Applied) -> list[str]:
    return [change.text for change in done.changes]


def test_objects_are_made_and_a_second_apply_changes_nothing(state: Path) -> None:
    cluster = Cluster()
    done = apply_to_cluster(made(), cluster.kubectl(), state)
    assert actions(done) == [
        "created ConfigMap kube-system/aws-iam-authenticator",
        "created DaemonSet kube-system/aws-iam-authenticator",
    ]
    assert (done.changed, done.rolled_out, done.state, done.notes) == (True, True, state, ())
    assert [effect.text for effect in done.effects] == [
        "arn:aws:iam::111122223333:role/Admin: can log in, as admin with group system:masters"
    ]
    kept, writes = state.read_bytes(), len(cluster.writes)
    again = apply_to_cluster(made(), cluster.kubectl(), state)
    assert (again.changed, again.state) == (False, None)
    assert len(cluster.writes) == writes
    assert state.read_bytes() == kept


@pytest.mark.parametrize("call", range(1, 12))
def test_begun_is_told_between_the_state_that_is_kept_and_the_first_change(state: Path, call: int) -> None:
    """Whoever is interrupted before is not sent to `rollback`, which would undo an earlier apply."""
    apply_to_cluster(made(), (cluster := Cluster()).kubectl(), state)
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


def test_begun_is_not_told_where_nothing_changes(state: Path) -> None:
    apply_to_cluster(made(), (cluster := Cluster()).kubectl(), state)
    told: list[str] = []
    apply_to_cluster(made(), cluster.kubectl(), state, begun=lambda: told.append("begun"))
    assert told == []


def test_the_state_is_kept_before_the_first_change_and_for_its_owner_alone(state: Path) -> None:
    cluster = Cluster()
    seen: list[bool] = []

    def fault(args: tuple[str, ...]) -> None:
        if args[0] == "apply" and "--dry-run=server" not in args:
            seen.append(state.exists())

    cluster.fault = fault
    apply_to_cluster(made(), cluster.kubectl(), state)
    assert seen == [True, True]
    assert state.stat().st_mode & 0o777 == 0o600
    assert state.parent.stat().st_mode & 0o777 == 0o700
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


def foreign(cluster: Cluster, **labels: str) -> None:
    metadata = {"name": NAME, "namespace": "kube-system", "labels": labels}
    cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"x": "y"}})


def test_an_object_of_somebody_else_is_not_taken_over_silently(state: Path) -> None:
    cluster = Cluster()
    foreign(cluster, team="payments")
    with pytest.raises(PolicyRefused) as refused:
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert refused.value.message == (
        "ConfigMap kube-system/aws-iam-authenticator (set by somebody, labels team=payments) is there and not made by "
        "tarmak-iam; nothing was changed; --force takes over what it sets there, and rollback gives it back"
    )
    assert not state.exists()
    before = json.loads(json.dumps(cluster.get("ConfigMap", NAME)))
    apply_to_cluster(made(), cluster.kubectl(), state, force=True)
    done = roll_back(cluster.kubectl(), state)
    after = cluster.get("ConfigMap", NAME)
    assert after is not None
    assert (after["data"], after["metadata"]["labels"]) == (before["data"], before["metadata"]["labels"])
    assert [change.text for change in done.changes] == [
        "configured ConfigMap kube-system/aws-iam-authenticator",
        "removed DaemonSet kube-system/aws-iam-authenticator",
    ]


@pytest.mark.parametrize("trace", ["kubectl-client-side-apply", "kubectl"])
def test_what_kubectl_applied_of_our_manifests_is_ours(state: Path, trace: str) -> None:
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    for each in list(cluster.objects.values()):
        cluster.add(each, trace)
    done = apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
    assert [change.action for change in done.changes] == ["configured", "configured"]


def test_what_others_set_is_not_taken_from_them(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    cluster.add({**(cluster.get("ConfigMap", NAME) or {}), "data": {"config.yaml": "x"}}, "kubectl-edit")
    with pytest.raises(PolicyRefused, match="has fields that were set by kubectl-edit; nothing was changed") as refused:
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert "See https" not in refused.value.message
    assert (cluster.get("ConfigMap", NAME) or {})["data"] == {"config.yaml": "x"}
    apply_to_cluster(made(), cluster.kubectl(), state, force=True)


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
    cluster.add({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named("old", OURS)}, "tarmak-iam", "Apply")
    cluster.add({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named("theirs", {})})
    done = apply_to_cluster(made(), cluster.kubectl(), state)
    assert actions(done)[-1] == "removed ServiceAccount kube-system/old"
    assert cluster.names() == [*BOTH, "ServiceAccount theirs"]
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == ["ServiceAccount old", "ServiceAccount theirs"]


def test_old_objects_stay_where_nobody_waits_for_the_new_ones(state: Path) -> None:
    cluster = Cluster(is_rolled_out=False)
    old = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named("old", OURS)}
    cluster.add(old, "tarmak-iam", "Apply")
    done = apply_to_cluster(made(), cluster.kubectl(), state, wait=None)
    assert done.notes == (
        "no longer made, and kept until an apply that waits for the rollout: ServiceAccount kube-system/old",
    )
    kept = state.read_bytes()
    assert not apply_to_cluster(made(), cluster.kubectl(), state, wait=None).changed
    assert state.read_bytes() == kept
    daemon = cluster.get("DaemonSet", NAME)
    assert daemon is not None
    cluster.is_rolled_out = True
    cluster.add(daemon, "tarmak-iam", "Apply")
    assert (
        actions(apply_to_cluster(made(), cluster.kubectl(), state, wait=None))[-1]
        == "removed ServiceAccount kube-system/old"
    )


def _named(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "namespace": "kube-system", "labels": labels}


def test_a_crd_with_objects_of_others_stays(state: Path) -> None:
    cluster = Cluster()
    for name, labels in (("mine", OURS), ("theirs", {})):
        add_crd(cluster)
        cluster.add(identity_mapping(name, labels), "tarmak-iam" if labels else "somebody", "Update")
    done = apply_to_cluster(made(), cluster.kubectl(), state)
    assert "IAMIdentityMapping mine" not in cluster.names()
    assert "IAMIdentityMapping theirs" in cluster.names()
    assert done.notes == (
        "CustomResourceDefinition iamidentitymappings.iamauthenticator.k8s.aws stays: 1 of its objects are not ours",
    )


def add_crd(cluster: Cluster) -> None:
    names = {"plural": "iamidentitymappings", "kind": "IAMIdentityMapping"}
    cluster.add(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "iamidentitymappings.iamauthenticator.k8s.aws", "labels": OURS},
            "spec": {"group": "iamauthenticator.k8s.aws", "names": names},
        },
        "tarmak-iam",
        "Apply",
    )


def identity_mapping(name: str, labels: dict[str, str]) -> dict[str, Any]:
    spec = {"arn": "arn:aws:iam::111122223333:role/Old", "username": "old", "groups": ["system:masters"]}
    metadata = {"name": name, "labels": labels}
    return {
        "apiVersion": "iamauthenticator.k8s.aws/v1alpha1",
        "kind": "IAMIdentityMapping",
        "metadata": metadata,
        "spec": spec,
    }


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
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    locked = made(MAPPINGS.replace("system:masters", "readers"))
    with pytest.raises(PolicyRefused, match="the last way into system:masters would be lost") as refused:
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
    cluster = Cluster(server=server, client=client)
    apply_to_cluster(made(kubernetesVersion=server[1:]), cluster.kubectl(), state)
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
    with pytest.raises(PolicyRefused, match="is there and not made by tarmak-iam"):
        apply_to_cluster(wanted, cluster.kubectl(), state)


@pytest.mark.parametrize(
    ("annotations", "origin"),
    [
        ({}, "without labels, created 2020-01-02T03:04:05Z"),
        (
            {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "applied with kubectl, without labels, created 2020-01-02T03:04:05Z",
        ),
    ],
)
def test_where_a_foreign_object_comes_from_below_1_16(state: Path, annotations: dict[str, str], origin: str) -> None:
    cluster = Cluster(server="v1.15.12", client="v1.15.12")
    metadata = {"name": NAME, "namespace": "kube-system", "annotations": annotations}
    added = cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    added["metadata"]["creationTimestamp"] = "2020-01-02T03:04:05Z"
    with pytest.raises(PolicyRefused) as refused:
        apply_to_cluster(made(kubernetesVersion="1.15.12"), cluster.kubectl(), state)
    assert refused.value.what == (
        f"ConfigMap kube-system/aws-iam-authenticator ({origin}) is there and not made by tarmak-iam; "
        "nothing was changed"
    )


@pytest.mark.parametrize(("client", "flag"), [("v1.17.0", "--server-dry-run"), ("v1.18.0", "--dry-run=server")])
def test_flags_go_by_kubectls_version(state: Path, client: str, flag: str) -> None:
    cluster = Cluster(client=client)
    apply_to_cluster(made(), cluster.kubectl(), state, dry_run="server")
    assert all(flag in call for call in cluster.calls if call[0] == "apply")
    assert not any("--show-managed-fields" in call for call in cluster.calls)


def test_another_version_of_kubernetes_is_noted(state: Path) -> None:
    done = apply_to_cluster(made(kubernetesVersion="1.24.0"), Cluster().kubectl(), state, dry_run="client")
    assert done.notes == (
        "the objects are for Kubernetes 1.24, the cluster runs 1.30: see kubernetesVersion in the settings",
    )


def test_an_api_server_that_comes_back(state: Path) -> None:
    cluster = Cluster()
    cluster.fault = away(3, "apply")
    apply_to_cluster(made(), cluster.kubectl(), state)
    assert cluster.names() == BOTH


def test_an_api_server_that_stays_away(state: Path) -> None:
    cluster = Cluster()
    cluster.fault = away(10_000)
    with pytest.raises(ToolError, match=r"kubectl version failed: .* was refused") as failure:
        apply_to_cluster(made(), cluster.kubectl(patience=10), state)
    assert "see whether the cluster is up" in failure.value.remedy
    assert not state.exists()


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
    assert "not known: DaemonSet kube-system/aws-iam-authenticator" in failure.value.message
    assert failure.value.remedy == "run apply again, or rollback, which restores what was there before"
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
    assert told[-1] == (
        "interrupted; done: created ConfigMap kube-system/aws-iam-authenticator; not done: DaemonSet "
        "kube-system/aws-iam-authenticator; run apply again, or rollback, which restores what was there before"
    )
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ToolError])
def test_stopped_at_any_call_it_can_be_rolled_back(tmp_path: Path, stop: type[BaseException]) -> None:
    old = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named("old", OURS)}
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
        if cluster.names() != ["ServiceAccount old"]:
            assert "done: created" in (told[-1] if stop is KeyboardInterrupt else str(stopped.value))
        if state.exists():
            roll_back(cluster.kubectl(), state)
        assert cluster.names() == ["ServiceAccount old"]


def test_ctrl_c_before_the_first_change(state: Path) -> None:
    cluster = Cluster()
    cluster.fault = interrupting(cluster, "get", 1)
    with pytest.raises(KeyboardInterrupt):
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert (cluster.names(), state.exists()) == ([], False)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_state_that_cannot_be_kept_changes_nothing(state: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    cluster = Cluster()
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(FileError, match=os.strerror(number)):
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert cluster.names() == []


def test_a_state_that_cannot_be_finished_is_named(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(history: History, path: Path, within: Boundary | None) -> History:
        if history.revisions[-1].status is not Status.BEGUN:
            raise FileError("cannot be written: No space left on device", place=Place(str(path)))
        return write_history(history, path, within)

    monkeypatch.setattr(journal, "write_history", full)
    with pytest.raises(ApplyFailed, match=f"{state}: cannot be written: No space left on device; done: created"):
        apply_to_cluster(made(), Cluster().kubectl(), state)


def test_a_rollout_that_does_not_end_says_what_the_pods_say(state: Path) -> None:
    cluster = Cluster(is_rolled_out=False)
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}, "ready": False}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": _named("auth-1", {}), "spec": {"nodeName": "master-1"}}
    cluster.objects["Pod", "kube-system", "auth-1"] = {**pod, "status": {"containerStatuses": [waiting]}}
    old = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named("old", OURS)}
    cluster.add(old, "tarmak-iam", "Apply")
    told: list[str] = []
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(made(), cluster.kubectl(), state, wait=30, tell=told.append)
    assert "it does not run everywhere after 30 seconds" in failure.value.message
    assert "pod auth-1 on master-1: ImagePullBackOff: no such image" in failure.value.message
    # What would still let people in is not taken away.
    assert "not done: ServiceAccount kube-system/old" in failure.value.message
    assert told[-1] == "DaemonSet kube-system/aws-iam-authenticator: the cluster has not begun to roll it out"


def test_no_node_is_one_that_the_daemonset_is_for(state: Path) -> None:
    cluster = Cluster(is_rolled_out=False)
    apply_to_cluster(made(), cluster.kubectl(), state, wait=None)
    found = cluster.get("DaemonSet", NAME)
    assert found is not None
    found["status"] = {"observedGeneration": 1}
    with pytest.raises(ApplyFailed, match="no node is one that it is for"):
        apply_to_cluster(made(), cluster.kubectl(), state, wait=5)


def test_rollback_needs_a_state_of_this_cluster(state: Path, tmp_path: Path) -> None:
    cluster = Cluster()
    with pytest.raises(SelectionError, match="there is no change to roll back"):
        roll_back(cluster.kubectl(), state)
    apply_to_cluster(made(), cluster.kubectl(), state)
    cluster.uid = "cluster-2"
    with pytest.raises(PolicyRefused, match="has no change of this cluster"):
        roll_back(cluster.kubectl(), state)
    broken = tmp_path / "broken.json"
    broken_1 = '{"format": 1, "cluster": "x", "objects": [{}], "settled": true}'
    broken_2 = ('{"format": 2}', '{"format": 2, "changes": [{}]}', '{"format": 0}', '{"format": "3"}')
    for text in ("", "{", "[]", *broken_2, broken_1, "[" * 10**5):
        broken.write_text(text)
        with pytest.raises(ConfigError, match="this is not a history that apply keeps"):
            read_history(broken)


def test_a_history_of_a_newer_release_is_not_taken_for_a_broken_one(tmp_path: Path) -> None:
    newer = tmp_path / "newer.json"
    newer.write_text('{"format": 3, "changes": []}\r\n')
    with pytest.raises(ConfigError) as refused:
        read_history(newer)
    assert str(refused.value) == (
        f"{newer}: a newer release of tarmak-iam wrote this history; use that release, or move it away; "
        "the changes in it can then no longer be rolled back"
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


def test_rollback_twice_and_after_an_edit_of_somebody_else(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
    cluster.add({**(cluster.get("ConfigMap", NAME) or {}), "data": {"config.yaml": "x"}})
    with pytest.raises(PolicyRefused, match="was changed since by somebody else"):
        roll_back(cluster.kubectl(), state)
    assert roll_back(cluster.kubectl(), state, force=True).changed
    assert "reader" not in (cluster.get("ConfigMap", NAME) or {})["data"]["config.yaml"]
    assert not roll_back(cluster.kubectl(), state).changed
    roll_back(cluster.kubectl(), state, to=0)
    assert cluster.names() == []


def test_rollback_that_stops_midway_goes_on_the_next_time(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    cluster.fault = lambda args: (
        failed("Error from server: no") if args[0] == "delete" and "ConfigMap" in args else None
    )
    with pytest.raises(ToolError) as failure:
        roll_back(cluster.kubectl(), state)
    assert "restored: removed DaemonSet kube-system/aws-iam-authenticator" in failure.value.message
    assert "not yet looked after: ConfigMap kube-system/aws-iam-authenticator" in failure.value.message
    cluster.fault = lambda _: None
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == []


def test_what_became_of_a_removal_that_was_interrupted_is_looked_up(state: Path) -> None:
    cluster = Cluster()
    for name in ("old", "older"):
        cluster.add(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named(name, OURS)}, "tarmak-iam", "Apply"
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


def test_rollback_does_not_write_over_what_somebody_does_meanwhile(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    apply_to_cluster(made(mappings=MAPPINGS.replace("admin\n", "boss\n")), cluster.kubectl(), state)
    key = ("ConfigMap", "kube-system", NAME)

    def meanwhile(args: tuple[str, ...], *, data: dict[str, str]) -> None:
        if args[0] == "replace" and cluster.objects[key]["metadata"]["resourceVersion"] != "later":
            cluster.objects[key]["metadata"]["resourceVersion"] = "later"
            cluster.objects[key]["data"] |= data

    cluster.fault = lambda args: meanwhile(args, data={"theirs": "x"})
    with pytest.raises(ToolError, match=f"ConfigMap kube-system/{NAME} was changed by somebody else just now"):
        roll_back(cluster.kubectl(), state)
    assert cluster.objects[key]["data"].pop("theirs") == "x"
    # Another version alone, as after a change of its status, is in nobody's way.
    cluster.objects[key]["metadata"]["resourceVersion"] = "earlier"
    cluster.fault = lambda args: meanwhile(args, data={})
    roll_back(cluster.kubectl(), state)
    assert "username: admin" in cluster.objects[key]["data"]["config.yaml"]


def test_a_state_that_could_not_be_read_again_changes_nothing(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarmak_iam.hook.cluster.journal._LIMIT", 100)
    cluster = Cluster()
    with pytest.raises(FileError, match="more than the 100 bytes that are read"):
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert cluster.names() == []


def test_a_rollback_is_not_offered_where_nothing_was_changed(state: Path) -> None:
    """It would undo an earlier change."""
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    daemon = cluster.get("DaemonSet", NAME)
    assert daemon is not None
    daemon["status"]["numberAvailable"] = 1
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(made(), cluster.kubectl(), state, wait=5)
    assert (failure.value.state, failure.value.remedy) == (None, "run apply again")
