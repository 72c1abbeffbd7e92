"""What the API server would refuse is found out before anything is changed, and told whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.apply import apply_to_cluster
from tarmak_iam.hook.cluster.kubectl import NotAllowed, refusals_of
from tarmak_iam.hook.cluster.results import _plural
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.hook.programs import Completed
from tests.support.applied import NAME, OURS, READERS, add_crd, after_apply, identity_mapping, live, made
from tests.support.fake_cluster import Cluster, failed
from tests.support.histories import after_applies
from tests.support.installations import MAPPINGS
from tests.support.tables import parametrized

NOT_REPORTED = "note: the API server does not report your permissions: if one is missing, this stops midway"
TOO_OLD = pytest.mark.parametrize(
    ("server", "client"),
    [("v1.15.12", "v1.17.17"), ("v1.12.10", "v1.30.1"), ("v1.30.1", "v1.17.17")],
)
"""Releases that cannot try a write."""
OLD = {"kubernetesVersion": "1.15.12"}


def cannot(verb: str, resource: str, group: str = "") -> str:
    return f'User "ann" cannot {verb} resource "{resource}" in API group "{group}" in the namespace "kube-system"'


def test_all_that_is_missing_is_one_error_and_nothing_is_changed(state: Path) -> None:
    cluster = Cluster(denied={("patch", "configmaps"), ("patch", "daemonsets")})
    with pytest.raises(NotAllowed) as refused:
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert refused.value.message == (
        f"{cannot('patch', 'configmaps')}; {cannot('patch', 'daemonsets', 'apps')}; nothing was changed; ask an "
        "administrator of the cluster for these permissions"
    )
    assert (cluster.names(), cluster.writes, state.exists()) == ([], [], False)


def test_what_is_there_is_not_made(state: Path) -> None:
    cluster = after_apply(state)
    cluster.denied = {("create", "configmaps"), ("create", "daemonsets"), ("delete", "pods")}
    assert apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state).changed
    cluster.denied = {("patch", "configmaps"), ("patch", "daemonsets")}
    assert not apply_to_cluster(made(MAPPINGS + READERS), cluster.kubectl(), state).changed
    with pytest.raises(NotAllowed, match=cannot("patch", "configmaps")):
        apply_to_cluster(made(), cluster.kubectl(), state)


def test_below_1_16_objects_are_created_and_replaced_and_their_annotation_is_set_by_a_patch(state: Path) -> None:
    def refused(verb: str, mappings: str) -> None:
        cluster.denied = {(verb, "configmaps")}
        with pytest.raises(NotAllowed, match=cannot(verb, "configmaps")):
            apply_to_cluster(made(mappings, **OLD), cluster.kubectl(), state)

    cluster = Cluster(server="v1.15.12")
    refused("create", MAPPINGS)
    cluster.denied = {("update", "configmaps")}
    assert apply_to_cluster(made(**OLD), cluster.kubectl(), state).changed
    for verb in ("update", "patch"):
        refused(verb, MAPPINGS.replace("username: admin", "username: boss"))


def lacks(verb: str, resource: str, group: str = "") -> str:
    return (
        f'the user of the kubeconfig cannot {verb} resource "{resource}" in API group "{group}" in the namespace '
        '"kube-system"'
    )


def reviews(cluster: Cluster, work: Callable[[], object]) -> list[dict[str, str]]:
    """What the API server is asked about."""
    asked: list[dict[str, str]] = []

    def fault(args: tuple[str, ...]) -> None:
        if args[:2] == ("create", "--validate=false"):
            asked.extend(item["spec"]["resourceAttributes"] for item in json.loads(cluster.text)["items"])

    cluster.fault_aside = fault
    work()
    cluster.fault_aside = lambda _: None
    return asked


@TOO_OLD
def test_releases_that_cannot_try_it_are_asked_about_permissions(state: Path, server: str, client: str) -> None:
    """A kubectl that does not know `--dry-run=server`, or takes it for another option, would write."""
    cluster, told = Cluster(server=server, client=client), list[str]()
    options = {"kubernetesVersion": server[1:]}

    def refused(verb: str, mappings: str) -> None:
        cluster.denied = {(verb, "configmaps")}
        writes = len(cluster.writes)
        with pytest.raises(NotAllowed) as error:
            apply_to_cluster(made(mappings, **options), cluster.kubectl(), state)
        assert error.value.message == (
            f"{lacks(verb, 'configmaps')}; nothing was changed; ask an administrator of the cluster for these "
            "permissions"
        )
        assert len(cluster.writes) == writes

    verbs = ("create", "update", "patch") if server != "v1.30.1" else ()  # later, the plan is a dry run of its own
    for verb in verbs[:1]:
        refused(verb, MAPPINGS)
    cluster.denied = set()
    for mappings in (MAPPINGS, MAPPINGS + READERS):
        apply_to_cluster(made(mappings, **options), cluster.kubectl(), state, tell=told.append)
    for verb in verbs[1:]:
        refused(verb, MAPPINGS)
    cluster.denied = {("update", "configmaps")}
    with pytest.raises(NotAllowed, match=lacks("update", "configmaps")):
        roll_back(cluster.kubectl(), state)
    cluster.denied = set()
    roll_back(cluster.kubectl(), state, tell=told.append)
    assert NOT_REPORTED not in told
    assert not any(call[0] != "apply" and "--dry-run=server" in call for call in cluster.calls)


def test_a_permission_is_asked_for_by_name_but_to_create(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, space = Cluster(server="v1.15.12", client="v1.15.12"), {"namespace": "kube-system"}
    of_map = {"group": "", "resource": "configmaps", **space}
    of_daemon = {"group": "apps", "resource": "daemonsets", **space}
    asked = reviews(cluster, lambda: apply_to_cluster(made(**OLD), cluster.kubectl(), state))
    assert asked == [{"verb": "create", **of_map}, {"verb": "create", **of_daemon}]
    assert reviews(cluster, lambda: apply_to_cluster(made(**OLD), cluster.kubectl(), state)) == []
    asked = reviews(cluster, lambda: apply_to_cluster(made(MAPPINGS + READERS, **OLD), cluster.kubectl(), state))
    written = [{**attributes, "name": NAME} for attributes in (of_map, of_daemon)]
    assert asked == [{"verb": verb, **attributes} for verb in ("update", "patch") for attributes in written]
    monkeypatch.setattr("tarmak_iam.hook.cluster.results._BY_NAME", 3)
    asked = reviews(cluster, lambda: roll_back(cluster.kubectl(), state))
    assert asked == [{"verb": verb, **attributes} for verb in ("update", "patch") for attributes in (of_map, of_daemon)]


@pytest.mark.parametrize(
    "error",
    [
        'Error from server (Forbidden): selfsubjectaccessreviews.authorization.k8s.io is forbidden: User "ann" cannot',
        'error: unable to recognize "STDIN": no matches for kind "SelfSubjectAccessReview"',
    ],
)
def test_an_api_server_that_does_not_report_permissions(state: Path, error: str) -> None:
    cluster, told = Cluster(server="v1.15.12", client="v1.15.12"), list[str]()
    cluster.fault_aside = lambda args: failed(error) if "--validate=false" in args else None
    assert apply_to_cluster(made(**OLD), cluster.kubectl(), state, tell=told.append).changed
    assert told.count(NOT_REPORTED) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (failed("Unable to connect to the server: dial tcp: i/o timeout"), "kubectl create failed: Unable to connect"),
        (Completed(("kubectl",), 0, "{}", ""), "kubectl did not print an answer for each SelfSubjectAccessReview"),
    ],
)
def test_without_an_answer_nothing_is_changed(state: Path, answer: Completed, message: str) -> None:
    cluster = Cluster(server="v1.15.12", client="v1.15.12")
    cluster.fault_aside = lambda args: answer if "--validate=false" in args else None
    with pytest.raises(ToolError, match=message):
        apply_to_cluster(made(**OLD), cluster.kubectl(), state)
    assert cluster.names() == []


@parametrized(__file__, "the resource of a kind")
def test_the_resource_of_a_kind(kind: str, resource: str) -> None:
    assert _plural(kind) == resource


def test_what_is_no_longer_made_must_be_removable(state: Path) -> None:
    cluster = Cluster(denied={("delete", "serviceaccounts")})
    old = {"name": "old", "namespace": "kube-system", "labels": OURS}
    cluster.add({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": old}, "tarmak-iam", "Apply")
    with pytest.raises(NotAllowed, match=f"{cannot('delete', 'serviceaccounts')}; nothing was changed"):
        apply_to_cluster(made(), cluster.kubectl(), state)
    assert cluster.names() == ["ServiceAccount old"]


def test_pods_that_must_be_restarted(state: Path) -> None:
    """The configuration was edited by hand, so the template of the DaemonSet stays as it is."""
    cluster = after_apply(state)
    cluster.add({**live(cluster), "data": {"config.yaml": "x"}}, "kubectl-edit")
    refused = f"{cannot('delete', 'pods')}; nothing was changed"
    cluster.denied = {("delete", "pods")}
    with pytest.raises(NotAllowed, match=refused):
        apply_to_cluster(made(), cluster.kubectl(), state, force=True)
    assert live(cluster)["data"] == {"config.yaml": "x"}
    cluster.denied = set()
    apply_to_cluster(made(), cluster.kubectl(), state, force=True)
    cluster.denied = {("delete", "pods")}
    with pytest.raises(NotAllowed, match=refused):
        roll_back(cluster.kubectl(), state)
    assert live(cluster)["data"] != {"config.yaml": "x"}


@pytest.mark.parametrize(("resource", "group"), [("daemonsets", "apps"), ("configmaps", "")])
def test_a_rollback_does_not_stop_halfway(state: Path, resource: str, group: str) -> None:
    cluster = after_apply(state)
    before = cluster.names()
    cluster.denied, cluster.calls = {("delete", resource)}, []
    with pytest.raises(NotAllowed, match=f"{cannot('delete', resource, group)}; nothing was changed"):
        roll_back(cluster.kubectl(), state)
    assert (cluster.names(), cluster.writes) == (before, [])


def test_a_rollback_that_puts_back_and_makes_again(state: Path) -> None:
    cluster = after_applies(state, "", READERS)
    cluster.denied = {("update", "configmaps"), ("update", "daemonsets"), ("create", "daemonsets")}
    with pytest.raises(NotAllowed) as refused:
        roll_back(cluster.kubectl(), state)
    assert refused.value.what == (
        f"{cannot('update', 'configmaps')}; {cannot('update', 'daemonsets', 'apps')}; nothing was changed"
    )
    del cluster.objects["DaemonSet", "kube-system", NAME]
    with pytest.raises(NotAllowed) as refused:
        roll_back(cluster.kubectl(), state)
    assert refused.value.what == (
        f"{cannot('update', 'configmaps')}; {cannot('create', 'daemonsets', 'apps')}; nothing was changed"
    )


def test_a_rollback_that_sets_the_note_of_plain_apply_back(state: Path) -> None:
    """`kubectl apply set-last-applied` is a PATCH."""
    cluster = after_apply(state, made(**OLD), server="v1.15.12")
    apply_to_cluster(made(MAPPINGS + READERS, **OLD), cluster.kubectl(), state)
    cluster.denied, cluster.calls = {("patch", "configmaps")}, []
    with pytest.raises(NotAllowed, match=cannot("patch", "configmaps")):
        roll_back(cluster.kubectl(), state)
    assert cluster.writes == []


def test_an_object_that_is_not_admitted_is_no_missing_permission(state: Path) -> None:
    cluster = after_applies(state, "", READERS)
    refusal = 'admission webhook "policy.example.org" denied the request: no'
    failing_dry_run(cluster, "replace", f"error: {refusal}")
    with pytest.raises(NotAllowed) as refused:
        roll_back(cluster.kubectl(), state)
    assert refused.value.message == f"{refusal}; nothing was changed"
    assert cluster.writes.count("replace") == 0


def failing_dry_run(cluster: Cluster, verb: str, error: str) -> None:
    cluster.fault = lambda args: failed(error) if args[0] == verb and "--dry-run=server" in args else None


@pytest.mark.parametrize("error", ["error: a conflict", 'admission webhook "x" does not support dry run'])
def test_what_only_a_dry_run_meets_stops_nothing(state: Path, error: str) -> None:
    cluster = after_apply(state)
    failing_dry_run(cluster, "delete", "Unable to connect to the server: dial tcp: i/o timeout")
    with pytest.raises(ToolError, match="kubectl delete failed: Unable to connect to the server"):
        roll_back(cluster.kubectl(), state)
    assert len(cluster.names()) == 2
    failing_dry_run(cluster, "delete", error)
    roll_back(cluster.kubectl(), state)
    assert cluster.names() == []


def test_objects_go_with_their_definition_and_are_not_tried(state: Path) -> None:
    cluster = Cluster()
    add_crd(cluster)
    cluster.add(identity_mapping("old", OURS), "tarmak-iam", "Apply")
    tried: list[Any] = []

    def fault(args: tuple[str, ...]) -> None:
        if "--dry-run=server" in args and args[0] == "delete":
            tried.append(cluster.text)

    cluster.fault = fault
    apply_to_cluster(made(), cluster.kubectl(), state)
    assert len(tried) == 1
    assert "IAMIdentityMapping" not in tried[0]


def test_many_objects_are_told_in_few_words() -> None:
    lines = [
        f'Error from server (Forbidden): iamidentitymappings.iamauthenticator.k8s.aws "r{number}" is forbidden: '
        'User "ann" cannot patch resource "iamidentitymappings" in API group "iamauthenticator.k8s.aws" at the '
        "cluster scope"
        for number in range(3000)
    ]
    error = NotAllowed(refusals_of(Completed(("kubectl",), 1, "", "\n".join(lines))))
    assert error.what == (
        'User "ann" cannot patch resource "iamidentitymappings" in API group "iamauthenticator.k8s.aws" at the '
        "cluster scope; nothing was changed"
    )
    many = NotAllowed(f'The ConfigMap "{number}" is invalid: data' for number in range(12))
    assert many.what.endswith('; The ConfigMap "9" is invalid: data; and 2 more; nothing was changed')
