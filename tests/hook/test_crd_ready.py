"""The backend CRD on a cluster in memory: a definition that comes, goes and comes back, and thousands of objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import PolicyRefused, ToolError
from tarmak_iam.hook.cluster.apply import apply_to_cluster, live_diff, make_plan
from tarmak_iam.hook.cluster.live_mappings import read_live
from tarmak_iam.hook.cluster.objects import Object, Ref, by_kind, fitted, in_batches, restorable
from tarmak_iam.hook.cluster.results import ApplyFailed
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Completed
from tarmak_iam.installation.installation import Installation
from tests.support.applied import identity_mapping
from tests.support.fake_cluster import Cluster, failed
from tests.support.installations import MAPPINGS, installation

DEFINITION = "iamidentitymappings.iamauthenticator.k8s.aws"


def mapped(count: int, group: str = "dev", **overrides: Any) -> Installation:
    """The admin and so many more, as objects of their own."""
    entries = "".join(
        f"  - {{roleARN: arn:aws:iam::111122223333:role/R{number:04}, username: u{number}, groups: [{group}]}}\n"
        for number in range(count)
    )
    options = {"backends": ["CRD"], "kubernetesVersion": "1.30.1", **overrides}
    return installation(mappings=MAPPINGS + entries, **options)


def test_a_definition_that_was_deleted_is_no_obstacle(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(mapped(2), cluster.kubectl(), state)
    before = cluster.names()
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == []
    cluster.is_outdated = True
    assert live_diff(mapped(2), cluster.kubectl()).changed
    assert cluster.is_outdated is False
    cluster.is_outdated = True
    apply_to_cluster(mapped(2), cluster.kubectl(), state)
    assert cluster.names() == before


def names_of(calls: Iterable[tuple[str, ...]], verb: str) -> int:
    return sum(call[0] == verb for call in calls)


def manifests_of(made: Installation) -> list[Object]:
    from tarmak_iam.emit import manifests

    return manifests(made)


def test_many_are_applied_planned_again_removed_and_put_back_in_batches(state: Path) -> None:
    cluster, told = Cluster(), list[str]()
    plan = make_plan(Server.of(cluster.kubectl()), manifests_of(mapped(149)))
    assert len(plan.steps) == 158
    assert {step.action for step in plan.steps} == {"created"}
    assert len(cluster.calls) < 20
    apply_to_cluster(mapped(149), cluster.kubectl(), state, tell=told.append)
    assert [text for text in told if "IAMIdentityMapping" in text] == [
        "applying 100 objects of kind IAMIdentityMapping",
        "applying 50 objects of kind IAMIdentityMapping",
    ]
    before = cluster.names()
    cluster.calls.clear()
    assert not apply_to_cluster(mapped(149), cluster.kubectl(), state).changed
    assert len(cluster.calls) < 20
    told.clear()
    apply_to_cluster(mapped(0, backends=["MountedFile"]), cluster.kubectl(), state, tell=told.append)
    assert told.count("removing 100 objects of kind IAMIdentityMapping") == 1
    assert len(cluster.names()) == 2
    cluster.calls.clear()
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == before
    assert names_of(cluster.calls, "create") < 10
    roll_back(cluster.kubectl(), state, to=0)
    assert cluster.names() == []


def test_what_is_as_wanted_is_not_asked_about(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(mapped(5), cluster.kubectl(), state)
    asked = list[str]()

    def listen(args: tuple[str, ...], text: str) -> Any:
        if args[0] == "apply":
            asked.extend(each["metadata"]["name"] for each in json.loads(text)["items"])
        return Cluster.run(cluster, args, text)

    cluster.run = listen  # type: ignore[method-assign]  # to see what kubectl is given
    cluster.objects["IAMIdentityMapping", "", "role-r0002-111122223333"]["spec"]["username"] = "other"
    plan = make_plan(Server.of(cluster.kubectl()), manifests_of(mapped(5)), force=True)
    assert [step.ref.name for step in plan.steps if step.action == "configured"] == ["role-r0002-111122223333"]
    assert "role-r0002-111122223333" in asked
    assert "role-r0003-111122223333" not in asked


def test_many_of_others_are_given_back_to_them() -> None:
    cluster = Cluster()
    before = [named("ConfigMap", name) for name in ("a", "b")]
    live = [cluster.add({**each, "data": {"text": "ours"}}, "tarmak-iam", "Apply") for each in before]
    items = [(*pair, False) for pair in zip(before, live, strict=True)]
    Server.of(cluster.kubectl()).put_back_all(items)
    found = [cluster.objects["ConfigMap", "", name] for name in ("a", "b")]
    assert [each["metadata"]["managedFields"] for each in found] == [[], []]
    assert [each["data"] for each in found] == [{"text": ""}, {"text": ""}]


def test_one_that_is_refused_is_named_and_the_others_are_written(state: Path) -> None:
    cluster, refused = Cluster(), "role-r0077-111122223333"
    cluster.refused = {refused}
    with pytest.raises(ApplyFailed) as failure:
        apply_to_cluster(mapped(199), cluster.kubectl(), state)
    assert f'The IAMIdentityMapping "{refused}" is invalid: spec: Required value' in str(failure.value)
    assert len(failure.value.left) + len(failure.value.applied.changes) == 208
    applied = [call for call in cluster.calls if call[0] == "apply" and "--dry-run=server" not in call]
    assert len(applied) < 25
    cluster.refused.clear()
    apply_to_cluster(mapped(199), cluster.kubectl(), state)
    apply_to_cluster(mapped(0, backends=["MountedFile"]), cluster.kubectl(), state)
    cluster.refused = {refused}
    with pytest.raises(ToolError, match=f'"{refused}" is invalid'):
        roll_back(cluster.kubectl(), state)
    assert sum(name.startswith("IAMIdentityMapping") for name in cluster.names()) == 199
    cluster.refused.clear()
    roll_back(cluster.kubectl(), state)
    assert sum(name.startswith("IAMIdentityMapping") for name in cluster.names()) == 200


def test_a_dry_run_without_server_side_apply_asks_about_what_can_be_asked(state: Path) -> None:
    cluster = Cluster(server="v1.15.12", client="v1.30.1")
    made = mapped(1, group="g" * 300_000, kubernetesVersion="1.15.12", backends=["CRD", "MountedFile"])
    done = apply_to_cluster(made, cluster.kubectl(), state, dry_run="server")
    assert {change.action for change in done.changes} == {"created"}
    assert names_of(cluster.calls, "create") == 1
    assert cluster.names() == []


def named(kind: str, name: str, size: int = 0) -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": {"text": "x" * size}}


def test_batches_are_of_bounded_size() -> None:
    many = [named("ConfigMap", str(number)) for number in range(230)]
    assert [len(batch) for batch in in_batches(many, lambda each: each)] == [100, 100, 30]
    large = [named("ConfigMap", str(number), 1_500_000) for number in range(3)]
    assert [len(batch) for batch in in_batches(large, lambda each: each)] == [2, 1]
    huge = [named("ConfigMap", "a", 9_000_000), named("ConfigMap", "b")]
    assert [len(batch) for batch in in_batches(huge, lambda each: each)] == [1, 1]
    mixed = [named("ConfigMap", "a"), named("Secret", "b"), named("Secret", "c"), named("ConfigMap", "d")]
    assert [len(batch) for batch in in_batches(mixed, lambda each: each)] == [4]
    assert [len(batch) for batch in in_batches(mixed, lambda each: each, is_of_one_kind=True)] == [1, 2, 1]
    assert [[each["metadata"]["name"] for each in kind] for kind in by_kind(mixed)] == [["a", "d"], ["b", "c"]]


def test_many_of_one_kind_are_listed(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(mapped(30), cluster.kubectl(), state)
    server = Server.of(cluster.kubectl())
    wanted = [each for each in manifests_of(mapped(19)) if each["kind"] == "IAMIdentityMapping"]
    cluster.calls.clear()
    assert len(server.read(wanted)) == 20
    assert cluster.calls == [
        (
            "get",
            "IAMIdentityMapping.v1alpha1.iamauthenticator.k8s.aws",
            "--all-namespaces",
            "--show-managed-fields",
            "-o",
            "json",
        )
    ]


def test_what_waits_for_its_finalizers_is_waited_for(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(mapped(1), cluster.kubectl(), state)
    mine = cluster.objects["IAMIdentityMapping", "", "role-r0000-111122223333"]
    mine["metadata"]["finalizers"] = ["example.org/audit"]
    waits = "still being deleted after 60 seconds: the first waits for example.org/audit"
    with pytest.raises(ToolError) as failure:
        roll_back(cluster.kubectl(), state)
    assert f"IAMIdentityMapping role-r0000-111122223333 and 1 more are {waits}" in str(failure.value)
    with pytest.raises(ApplyFailed, match=re.escape(waits)):
        apply_to_cluster(mapped(0, backends=["MountedFile"]), cluster.kubectl(), state)


def test_what_goes_with_its_definition_needs_no_removal() -> None:
    cluster, ref = Cluster(), Ref("iamauthenticator.k8s.aws/v1alpha1", "IAMIdentityMapping", "", "a")
    server = Server.of(cluster.kubectl())
    cluster.fault = lambda args: failed('no matches for kind "IAMIdentityMapping"') if args[0] == "delete" else None
    server.remove(ref)
    cluster.fault = lambda args: failed("Error from server (Forbidden): no") if args[0] == "delete" else None
    with pytest.raises(ToolError, match="kubectl delete failed"):
        server.remove(ref)
    gone = "Error from server (NotFound): the server could not find the requested resource"
    cluster.fault = lambda args: failed(gone) if args[0] == "get" and "--all-namespaces" in args else None
    assert read_live(cluster.kubectl()).objects == ()


def test_many_that_kubectl_applied_of_our_manifests_are_taken_over_in_few_calls() -> None:
    cluster = Cluster(is_in_force=False)
    cluster.add(manifests_of(mapped(0))[0], "tarmak-iam", "Apply")
    plan = make_plan(Server.of(cluster.kubectl()), manifests_of(mapped(1)))
    assert "role-r0000-111122223333" in [step.ref.name for step in plan.steps if step.action == "created"]
    cluster = Cluster()
    for each in manifests_of(mapped(60)):
        cluster.client_side_apply(each)
    plan = make_plan(Server.of(cluster.kubectl()), manifests_of(mapped(60, group="others")))
    changed = [step.ref.kind for step in plan.steps if step.action == "configured"]
    assert changed.count("IAMIdentityMapping") == 60
    assert names_of(cluster.calls, "apply") == 2


def test_what_is_being_deleted_is_gone_before_it_is_made_anew(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(mapped(1), cluster.kubectl(), state)
    key = ("CustomResourceDefinition", "", DEFINITION)
    cluster.objects[key]["metadata"]["deletionTimestamp"] = "2020-01-01T00:00:00Z"

    def fault(_: tuple[str, ...]) -> Completed | None:
        if cluster.clock > 3:  # and its objects with it
            kinds = ("CustomResourceDefinition", "IAMIdentityMapping")
            cluster.objects = {left: each for left, each in cluster.objects.items() if left[0] not in kinds}
        return None

    cluster.fault = fault
    plan = make_plan(Server.of(cluster.kubectl()), manifests_of(mapped(1)))
    created = [step.ref.kind for step in plan.steps if step.action == "created"]
    assert created == ["CustomResourceDefinition", "IAMIdentityMapping", "IAMIdentityMapping"]
    assert cluster.clock > 3


def test_a_definition_is_waited_for_until_its_kind_is_found() -> None:
    cluster = Cluster()
    crd = manifests_of(mapped(0))[0]
    cluster.add(crd)

    def fault(args: tuple[str, ...]) -> Completed | None:
        is_asked = args[:2] == ("get", DEFINITION) and cluster.clock < 2
        return failed(f'error: the server doesn\'t have a resource type "{DEFINITION}"') if is_asked else None

    cluster.fault = fault
    Server.of(cluster.kubectl()).wait_until_established(Ref.of(crd))
    assert cluster.clock == 2


def test_a_definition_that_came_as_v1beta1_stops_keeping_unknown_fields(state: Path) -> None:
    crd = manifests_of(mapped(0))[0]
    before = {**crd, "spec": {**crd["spec"], "preserveUnknownFields": True}}
    (other,) = [each for each in manifests_of(mapped(0)) if each["kind"] == "ServiceAccount"]
    old = manifests_of(mapped(0, kubernetesVersion="1.15.12"))[0]
    for wanted, live in ((crd, None), (crd, crd), (other, before), (old, before)):
        assert fitted(wanted, live) is wanted
    assert fitted(crd, before)["spec"] == {**crd["spec"], "preserveUnknownFields": False}
    # Nor does it begin again in a rollback.
    assert restorable(before, crd) == crd
    assert restorable(before, None) == crd
    oldest = {**before, "apiVersion": "apiextensions.k8s.io/v1beta1"}
    for restored, live in ((before, before), (crd, before), (oldest, None)):
        assert restorable(restored, live) is restored
    cluster = Cluster()
    cluster.add(before, "tarmak-iam", "Apply")
    apply_to_cluster(mapped(0), cluster.kubectl(), state)
    assert cluster.objects["CustomResourceDefinition", "", DEFINITION]["spec"]["preserveUnknownFields"] is False
    roll_back(cluster.kubectl(), state)
    assert "preserveUnknownFields" not in cluster.objects["CustomResourceDefinition", "", DEFINITION]["spec"]


@pytest.mark.thorough
def test_what_is_too_large_for_a_copy_of_itself_is_written_whole(state: Path) -> None:
    """Below Kubernetes 1.16, where kubectl keeps what it applied in an annotation of at most 262,144 bytes."""
    options: dict[str, Any] = {"group": "g" * 2000, "backends": ["MountedFile"], "kubernetesVersion": "1.15.12"}
    cluster = Cluster(server="v1.15.12", client="v1.15.12")
    key = ("ConfigMap", "kube-system", "aws-iam-authenticator")
    apply_to_cluster(mapped(1, **options), cluster.kubectl(), state)
    cluster.objects[key]["metadata"]["annotations"]["example.org/note"] = "theirs"
    apply_to_cluster(mapped(150, **options), cluster.kubectl(), state)
    assert "role/R0149" in cluster.objects[key]["data"]["config.yaml"]
    assert not apply_to_cluster(mapped(150, **options), cluster.kubectl(), state).changed
    apply_to_cluster(mapped(149, **options), cluster.kubectl(), state)
    live = cluster.objects[key]
    assert "role/R0149" not in live["data"]["config.yaml"]
    assert "kubectl.kubernetes.io/last-applied-configuration" not in live["metadata"]["annotations"]
    assert live["metadata"]["annotations"]["example.org/note"] == "theirs"
    live["data"]["config.yaml"] = live["data"]["config.yaml"].replace("role/R0148", "role/Evil")
    with pytest.raises(PolicyRefused, match="was changed since it was applied"):
        apply_to_cluster(mapped(149, **options), cluster.kubectl(), state)


def in_force_when_asked(cluster: Cluster) -> None:
    """A definition that is made is served once its kind is asked for, as `wait_until_established` does."""
    cluster.is_in_force = False

    def fault(args: tuple[str, ...]) -> None:
        cluster.is_in_force = cluster.is_in_force or (args[:2] == ("get", DEFINITION) and args[-1] == "name")

    cluster.fault = fault


def test_a_definition_is_waited_for_before_its_objects(state: Path) -> None:
    cluster = Cluster()
    in_force_when_asked(cluster)
    apply_to_cluster(mapped(1), cluster.kubectl(), state)
    assert "IAMIdentityMapping role-r0000-111122223333" in cluster.names()
    cluster.fault = lambda _: None
    apply_to_cluster(mapped(1, backends=["MountedFile"]), cluster.kubectl(), state)
    in_force_when_asked(cluster)
    roll_back(cluster.kubectl(), state)
    assert cluster.is_in_force
    assert "IAMIdentityMapping role-r0000-111122223333" in cluster.names()


STAYS = f"note: kept CustomResourceDefinition {DEFINITION}: it has objects that are not managed by tarmak-iam"


def test_a_definition_whose_objects_somebody_makes_during_the_rollout_stays(state: Path) -> None:
    cluster, told = Cluster(), list[str]()
    apply_to_cluster(mapped(1), cluster.kubectl(), state)

    def fault(args: tuple[str, ...]) -> None:
        if args[0] == "apply" and "--dry-run=server" not in args:
            cluster.add(identity_mapping("theirs", {}))

    cluster.fault = fault
    done = apply_to_cluster(mapped(1, backends=["MountedFile"]), cluster.kubectl(), state, tell=told.append)
    assert [each for each in cluster.names() if "IAMIdentityMapping" in each] == ["IAMIdentityMapping theirs"]
    assert f"CustomResourceDefinition {DEFINITION}" in cluster.names()
    assert STAYS in told
    assert f"unchanged CustomResourceDefinition {DEFINITION}" in [change.text for change in done.changes]


def test_rollback_leaves_a_definition_with_objects_of_others(state: Path) -> None:
    cluster, told = Cluster(), list[str]()
    apply_to_cluster(mapped(1), cluster.kubectl(), state)
    cluster.add(identity_mapping("theirs", {}))
    done = roll_back(cluster.kubectl(), state, tell=told.append)
    assert cluster.names() == [f"CustomResourceDefinition {DEFINITION}", "IAMIdentityMapping theirs"]
    assert STAYS in told
    assert f"removed CustomResourceDefinition {DEFINITION}" not in [change.text for change in done.changes]
