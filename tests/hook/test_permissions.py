"""What the user may not do is found out before anything is changed, and told whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.permissions import Permission, PermissionsMissing, check_permissions
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.hook.programs import Completed
from tarmak_iam.installation.installation import Installation
from tests.support.fake_cluster import Cluster, failed
from tests.support.installations import MAPPINGS, installation

NAME = "aws-iam-authenticator"
READERS = """\
  - roleARN: arn:aws:iam::111122223333:role/Reader
    username: reader
    groups: [readers]
"""
OURS = {"app.kubernetes.io/managed-by": "tarmak-iam"}
SILENT = "note: the API server does not report your permissions: if one is missing, this stops midway"


def made(mappings: str = MAPPINGS, **overrides: Any) -> Installation:
    return installation(mappings=mappings, **{"kubernetesVersion": "1.30.1", **overrides})


def test_all_that_is_missing_is_one_error_and_nothing_is_changed(state: Path) -> None:
    cluster = Cluster(denied={("create", "daemonsets"), ("create", "configmaps"), ("patch", "configmaps")})
    with pytest.raises(PermissionsMissing) as missing:
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert missing.value.message == (
        "you may not create, patch configmaps/aws-iam-authenticator in kube-system; create "
        "daemonsets.apps/aws-iam-authenticator in kube-system; nothing was changed; ask an administrator of the "
        "cluster for these permissions, and check them with `kubectl auth can-i create "
        "configmaps/aws-iam-authenticator "
        "--namespace kube-system`, `kubectl auth can-i patch configmaps/aws-iam-authenticator --namespace "
        "kube-system`, `kubectl auth can-i create daemonsets.apps/aws-iam-authenticator --namespace kube-system`"
    )
    assert (cluster.names(), cluster.writes, state.exists()) == ([], [], False)


def test_what_is_there_is_not_made(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    cluster.denied = {("create", "configmaps"), ("create", "daemonsets"), ("delete", "pods")}
    assert apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state).changed
    cluster.denied = {("patch", "configmaps")}
    with pytest.raises(PermissionsMissing, match="you may not patch configmaps/aws-iam-authenticator in kube-system"):
        apply_to_cluster(made(), cluster.kubectl(), state)


def test_where_nothing_changes_no_right_is_needed(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    cluster.denied = {("patch", "configmaps"), ("patch", "daemonsets")}
    assert not apply_to_cluster(made(), cluster.kubectl(), state).changed


def test_below_1_16_objects_are_created_and_replaced_and_their_annotation_is_set_by_a_patch(state: Path) -> None:
    def refused(verb: str, mappings: str) -> None:
        cluster.denied = {(verb, "configmaps")}
        with pytest.raises(PermissionsMissing, match=f"you may not {verb} configmaps/aws-iam-authenticator"):
            apply_to_cluster(made(mappings, kubernetesVersion="1.15.12"), cluster.kubectl(), state)

    cluster = Cluster(server="v1.15.12", client="v1.15.12")
    for verb in ("create", "patch"):
        refused(verb, MAPPINGS)
    cluster.denied = {("update", "configmaps")}
    assert apply_to_cluster(made(kubernetesVersion="1.15.12"), cluster.kubectl(), state).changed
    for verb in ("update", "patch"):
        refused(verb, MAPPINGS.replace("username: admin", "username: boss"))


def test_what_is_no_longer_made_must_be_removable(state: Path) -> None:
    cluster = Cluster(denied={("delete", "serviceaccounts")})
    old = {"name": "old", "namespace": "kube-system", "labels": OURS}
    cluster.add({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": old}, "tarmak-iam", "Apply")
    with pytest.raises(PermissionsMissing, match="you may not delete serviceaccounts/old in kube-system; nothing was"):
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert cluster.names() == ["ServiceAccount old"]


@pytest.mark.parametrize("verb", ["list", "delete"])
def test_pods_that_must_be_restarted(state: Path, verb: str) -> None:
    """The configuration was edited by hand, so the template of the DaemonSet stays as it is."""
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    cluster.add({**(cluster.get("ConfigMap", NAME) or {}), "data": {"config.yaml": "x"}}, "kubectl-edit")
    cluster.denied = {(verb, "pods")}
    with pytest.raises(PermissionsMissing, match=f"you may not {verb} pods in kube-system; nothing was changed"):
        apply_to_cluster(made(), cluster.kubectl(), state, force=True)
    assert (cluster.get("ConfigMap", NAME) or {})["data"] == {"config.yaml": "x"}


@pytest.mark.parametrize(
    ("denied", "expected"),
    [
        (("delete", "daemonsets"), "delete daemonsets.apps/aws-iam-authenticator in kube-system"),
        (("delete", "configmaps"), "delete configmaps/aws-iam-authenticator in kube-system"),
    ],
)
def test_a_rollback_does_not_stop_halfway(state: Path, denied: tuple[str, str], expected: str) -> None:
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    before = cluster.names()
    cluster.denied, cluster.calls = {denied}, []
    with pytest.raises(PermissionsMissing, match=f"you may not {expected}; nothing was changed"):
        roll_back(cluster.kubectl(), state)
    assert (cluster.names(), cluster.writes) == (before, [])


def test_a_rollback_that_puts_back_and_makes_again(state: Path) -> None:
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state)
    cluster.denied = {("update", "configmaps"), ("update", "daemonsets"), ("create", "daemonsets")}
    with pytest.raises(PermissionsMissing) as missing:
        roll_back(cluster.kubectl(), state)
    assert [(each.verb, each.resource) for each in missing.value.missing] == [
        ("update", "configmaps"),
        ("update", "daemonsets"),
    ]
    del cluster.objects["DaemonSet", "kube-system", NAME]
    with pytest.raises(PermissionsMissing) as missing:
        roll_back(cluster.kubectl(), state)
    assert [(each.verb, each.resource) for each in missing.value.missing] == [
        ("update", "configmaps"),
        ("create", "daemonsets"),
    ]


def test_a_rollback_that_sets_the_note_of_plain_apply_back(state: Path) -> None:
    """`kubectl apply set-last-applied` is a PATCH."""
    cluster, version = Cluster(server="v1.15.12", client="v1.15.12"), {"kubernetesVersion": "1.15.12"}
    apply_to_cluster(made(**version), cluster.kubectl(), state)
    apply_to_cluster(made(MAPPINGS + READERS, **version), cluster.kubectl(), state)
    cluster.denied, cluster.calls = {("patch", "configmaps")}, []
    with pytest.raises(PermissionsMissing, match="you may not patch configmaps/aws-iam-authenticator in kube-system"):
        roll_back(cluster.kubectl(), state)
    assert cluster.writes == []


@pytest.mark.parametrize("verb", ["list", "delete"])
def test_a_rollback_that_restarts_pods(state: Path, verb: str) -> None:
    """The DaemonSet is none of what the change was about."""
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), state)
    cluster.add({**(cluster.get("ConfigMap", NAME) or {}), "data": {"config.yaml": "x"}}, "kubectl-edit")
    apply_to_cluster(made(), cluster.kubectl(), state, force=True)
    cluster.denied = {(verb, "pods")}
    with pytest.raises(PermissionsMissing, match=f"you may not {verb} pods in kube-system; nothing was changed"):
        roll_back(cluster.kubectl(), state)
    assert (cluster.get("ConfigMap", NAME) or {})["data"] != {"config.yaml": "x"}


@pytest.mark.thorough
def test_what_is_too_large_for_plain_apply_is_replaced(state: Path) -> None:
    cluster, version = Cluster(server="v1.15.12", client="v1.15.12"), {"kubernetesVersion": "1.15.12"}
    large = MAPPINGS + "".join(READERS.replace("eader", f"eader{number}") for number in range(3000))
    apply_to_cluster(made(large, **version), cluster.kubectl(), state)
    cluster.denied = {("update", "configmaps")}
    with pytest.raises(PermissionsMissing, match="you may not update configmaps/aws-iam-authenticator in kube-system"):
        apply_to_cluster(made(large + READERS, **version), cluster.kubectl(), state)


def of(name: str) -> Permission:
    return Permission("configmaps", "", "kube-system", name, "patch")


class Names(Cluster):
    """Whose rules name the objects that may be changed."""

    mine: frozenset[str] = frozenset()

    def _access(self, review: dict[str, Any]) -> dict[str, Any]:
        name = review["spec"]["resourceAttributes"].get("name", "")
        return {**review, "status": {"allowed": name in self.mine}}


def test_rules_that_name_the_objects() -> None:
    cluster = Names()
    cluster.mine = frozenset({"a"})
    check_permissions(cluster.kubectl(), [of("a")])
    with pytest.raises(PermissionsMissing) as missing:
        check_permissions(cluster.kubectl(), [of("a"), of("b")])
    assert missing.value.missing == (of("b"),)


def test_one_question_for_all_objects_of_a_kind() -> None:
    cluster = Cluster()
    check_permissions(cluster.kubectl(), [of(str(number)) for number in range(3000)])
    assert len(cluster.calls_aside) == 1
    assert len(json.loads(cluster.text)["items"]) == 1
    cluster = Names()
    with pytest.raises(PermissionsMissing) as missing:
        check_permissions(cluster.kubectl(), [of(str(number)) for number in range(3000)])
    assert missing.value.missing == (of(""),)
    assert len(cluster.calls_aside) == 1


@pytest.mark.parametrize(
    "answer",
    [
        "Error from server (Forbidden): selfsubjectaccessreviews.authorization.k8s.io is forbidden",
        'error: no matches for kind "SelfSubjectAccessReview" in version "authorization.k8s.io/v1"',
    ],
)
def test_an_api_server_that_does_not_say(state: Path, answer: str) -> None:
    cluster, told = Cluster(), list[str]()

    def fault(args: tuple[str, ...]) -> Completed | None:
        return failed(answer) if '"SelfSubjectAccessReview"' in cluster.text and args[0] == "create" else None

    cluster.fault_aside = fault
    assert apply_to_cluster(made(), cluster.kubectl(), state, tell=told.append).changed
    assert SILENT in told


def test_other_failures_stop_it(state: Path) -> None:
    cluster = Cluster()

    def fault(_: tuple[str, ...]) -> Completed | None:
        return failed("error: no") if '"SelfSubjectAccessReview"' in cluster.text else None

    cluster.fault_aside = fault
    with pytest.raises(ToolError, match="kubectl create failed: no"):
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert cluster.names() == []


@pytest.mark.parametrize("printed", ["", "{}", "{}{}{}"])
def test_answers_that_are_none(printed: str) -> None:
    cluster = Cluster()
    cluster.fault_aside = lambda args: Completed(args, 0, printed, "")
    with pytest.raises(ToolError, match="kubectl did not print an answer for each SelfSubjectAccessReview"):
        check_permissions(cluster.kubectl(), [of("a"), Permission("pods", "", "x", "", "list")])


FORBIDDEN = 'Error from server (Forbidden): {} is forbidden: User "x" cannot {} resource "{}"'


@pytest.mark.parametrize("verb", ["get", "list", "patch"])
def test_what_may_not_even_be_read_or_tried_is_told_whole_too(state: Path, verb: str) -> None:
    """The first of these is all that kubectl would tell."""
    cluster = Cluster(denied={(verb, "daemonsets"), (verb, "configmaps"), ("create", "daemonsets")})

    def fault(args: tuple[str, ...]) -> Completed | None:
        asked = {"get": "get" if "-f" in args else "list", "apply": "patch"}.get(args[0])
        is_objects = "configmap" in " ".join(args) or "-f" in args
        return failed(FORBIDDEN.format("configmaps", verb, "configmaps")) if asked == verb and is_objects else None

    cluster.fault = fault
    with pytest.raises(PermissionsMissing) as missing:
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert {(each.verb, each.resource) for each in missing.value.missing} == cluster.denied
    assert cluster.names() == []


def test_what_is_forbidden_for_another_reason_is_told_as_it_is(state: Path) -> None:
    cluster = Cluster()
    refusal = 'Error from server (Forbidden): configmaps "x" is forbidden: exceeded quota: small'
    cluster.fault = lambda args: failed(refusal) if args[0] == "apply" else None
    with pytest.raises(ToolError, match="exceeded quota: small") as failure:
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert not isinstance(failure.value, PermissionsMissing)


def test_a_kind_that_we_do_not_know_is_looked_up_and_one_that_nobody_knows_is_not_asked_about() -> None:
    from tarmak_iam.hook.cluster.objects import Ref
    from tarmak_iam.hook.cluster.permissions import _Resources

    cluster = Cluster()
    served = {"resources": [{"name": "gateways/status", "kind": "Gateway"}, {"name": "gateways", "kind": "Gateway"}]}
    cluster.fault = lambda args: (
        Completed(args, 0, json.dumps(served), "") if "/apis/x.example.org/v1" in args else failed("NotFound")
    )
    resources = _Resources(cluster.kubectl())
    known, unknown = Ref("x.example.org/v1", "Gateway", "n", "a"), Ref("y.example.org/v1", "Gateway", "n", "a")
    assert list(resources.permissions(known, "patch")) == [Permission("gateways", "x.example.org", "n", "a", "patch")]
    assert list(resources.permissions(unknown, "patch")) == []
    # However many objects there are, a kind is looked up once.
    calls = len(cluster.calls)
    assert len([each for ref in [replace(known, name="b"), unknown] for each in resources.permissions(ref, "get")]) == 1
    assert len(cluster.calls) == calls


def test_many_rights_are_told_in_few_words(state: Path) -> None:
    roles = ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
    every = ("configmaps", "daemonsets", "serviceaccounts", "customresourcedefinitions", *roles)
    verbs = ("get", "list", "create", "patch")
    cluster = Cluster(denied={(verb, each) for verb in verbs for each in every} | {("get", "namespaces")})
    cluster.fault = lambda args: failed(FORBIDDEN.format("x", "get", "x")) if args[0] == "get" else None
    with pytest.raises(PermissionsMissing) as missing:
        apply_to_cluster(made(), cluster.kubectl(kubeconfig=None), state)
    assert missing.value.message == (
        "you may not get namespaces/kube-system in kube-system; create, get, patch configmaps/aws-iam-authenticator, "
        "daemonsets.apps/aws-iam-authenticator in kube-system; list clusterrolebindings.rbac.authorization.k8s.io, "
        "clusterroles.rbac.authorization.k8s.io, configmaps, customresourcedefinitions.apiextensions.k8s.io, "
        "daemonsets.apps, rolebindings.rbac.authorization.k8s.io, roles.rbac.authorization.k8s.io, serviceaccounts in "
        "the cluster; nothing was changed; ask an administrator of the cluster for these permissions, and check them "
        "with "
        "`kubectl auth can-i list clusterrolebindings.rbac.authorization.k8s.io --all-namespaces`, `kubectl auth can-i "
        "list clusterroles.rbac.authorization.k8s.io --all-namespaces`, `kubectl auth can-i list configmaps "
        "--all-namespaces` and so on"
    )


def test_what_a_cluster_is_told_from_others_by(state: Path) -> None:
    cluster = Cluster(denied={("get", "namespaces")})
    with pytest.raises(PermissionsMissing, match="you may not get namespaces/kube-system in kube-system; nothing was"):
        apply_to_cluster(made(), cluster.kubectl(), state)
    cluster.denied = set()
    apply_to_cluster(made(), cluster.kubectl(), state)
    # A rollback applies nothing, and lists nothing.
    cluster.denied = {("get", "namespaces"), ("patch", "configmaps"), ("list", "clusterroles")}
    cluster.fault = lambda args: failed(FORBIDDEN.format("x", "get", "x")) if args[1] == "namespace" else None
    with pytest.raises(
        PermissionsMissing, match=r"^you may not get namespaces/kube-system in kube-system; nothing was"
    ):
        roll_back(cluster.kubectl(), state)
