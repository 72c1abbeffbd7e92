"""What diff shows: objects, effects against what the cluster's own daemon gives, groups without a binding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.access.diff import effects
from tarmak_iam.hook.cluster.apply import apply_to_cluster, live_diff
from tarmak_iam.hook.cluster.live_mappings import bound_groups, read_live, unbound_groups
from tarmak_iam.hook.cluster.object_fields import object_diff
from tarmak_iam.identity.model import Grant
from tests.support.applied import NAME, READERS, add_crd, identity_mapping, live, made
from tests.support.fake_cluster import Cluster
from tests.support.installations import MAPPINGS


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """With our objects applied."""
    cluster = Cluster()
    apply_to_cluster(made(), cluster.kubectl(), tmp_path / "state.json")
    return cluster


def test_objects_and_effects(cluster: Cluster) -> None:
    found = live_diff(made(), cluster.kubectl())
    assert (found.objects, found.effects, found.unbound, found.notes, found.changed) == ((), (), (), (), False)
    wanted = made(MAPPINGS.replace("admin\n", "boss\n") + READERS)
    found = live_diff(wanted, cluster.kubectl())
    assert [each.change.text for each in found.objects] == [
        "configured ConfigMap kube-system/aws-iam-authenticator",
        "configured DaemonSet kube-system/aws-iam-authenticator",
    ]
    text = found.objects[0].text
    assert "-        username: admin\n+        username: boss\n" in text
    assert "managedFields" not in text
    assert "resourceVersion" not in text
    assert [effect.text for effect in found.effects] == [
        "arn:aws:iam::111122223333:role/Admin: becomes boss (was admin)",
        "arn:aws:iam::111122223333:role/Reader: can log in as reader with group readers",
    ]
    (unbound,) = found.unbound
    who = "arn:aws:iam::111122223333:role/Reader"
    assert unbound.text == f"no RoleBinding or ClusterRoleBinding names the group readers, which {who} would get"
    # A binding anywhere is one.
    subjects = [{"kind": "Group", "name": "readers"}, {"kind": "User", "name": "others"}]
    metadata = {"name": "b", "namespace": "apps"}
    cluster.add({"apiVersion": "rbac/v1", "kind": "RoleBinding", "metadata": metadata, "subjects": subjects})
    assert live_diff(wanted, cluster.kubectl()).unbound == ()


def test_the_clusters_own_daemon_counts_before(cluster: Cluster) -> None:
    """v0.4.0 refuses an entry without a username, later releases log in as nobody in particular."""
    mappings = MAPPINGS.replace("    username: admin\n", "")
    config = cluster.get("ConfigMap", NAME)
    daemon = cluster.get("DaemonSet", NAME)
    assert config is not None
    assert daemon is not None
    config["data"]["config.yaml"] = mappings
    container = daemon["spec"]["template"]["spec"]["containers"][0]
    container |= {"image": "example.org/a:v0.4.0", "args": ["server", "--config=/etc/x/config.yaml"]}
    live = read_live(cluster.kubectl())
    assert str(live.version) == "v0.4.0"
    found = effects(live.loaded(made()), live.loaded(made()))
    assert found == ()
    assert [each.principal for each in live.authenticator(made()).grants] == []


def test_aws_auth_and_identity_mappings_count_where_the_daemon_reads_them(cluster: Cluster) -> None:
    roles = '- {rolearn: "arn:aws:iam::111122223333:role/Old", username: old, groups: [o]}\n'
    metadata = {"name": "aws-auth", "namespace": "kube-system"}
    cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mapRoles": roles}})
    assert "Old" not in str(read_live(cluster.kubectl()).authenticator(made()).grants)
    daemon = live(cluster, "DaemonSet")
    daemon["spec"]["template"]["spec"]["containers"][0]["args"].append("--backend-mode=EKSConfigMap")
    assert "role/Old" in str(read_live(cluster.kubectl()).authenticator(made()).grants)
    daemon["spec"]["template"]["spec"]["containers"][0]["args"].append("--backend-mode=CRD")
    add_crd(cluster)
    mapped = identity_mapping("x", {})
    status = {"canonicalARN": "arn:aws:iam::111122223333:role/old", "userID": ""}
    cluster.add(mapped)
    cluster.objects["IAMIdentityMapping", "", "x"]["status"] = status
    assert len(read_live(cluster.kubectl()).authenticator(made()).grants) == 2


@pytest.mark.parametrize("args", [["--config", "/etc/a/other.json"], ["-c", "/b/other.json"], ["--config=other.json"]])
def test_the_configuration_is_found_where_the_daemonset_has_it(args: list[str]) -> None:
    cluster = Cluster()
    config = json.dumps({"clusterID": "x", "server": {"mapAccounts": ["444455556666"]}})
    metadata = {"name": "theirs", "namespace": "kube-system"}
    cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"other.json": config}})
    container = {"name": "a", "command": ["/aws-iam-authenticator"], "args": ["server", *args]}
    pod = {"containers": [container], "volumes": [{"configMap": {"name": "theirs"}}]}
    spec = {"template": {"metadata": {"labels": {"app.kubernetes.io/version": "v0.5.9"}}, "spec": pod}}
    cluster.add({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {**metadata, "name": NAME}, "spec": spec})
    live = read_live(cluster.kubectl())
    assert (str(live.version), live.text) == ("v0.5.9", config)
    assert [each.principal for each in live.authenticator(made()).grants] == ["444455556666"]


def test_what_apply_would_refuse_is_shown_and_noted() -> None:
    cluster = Cluster()
    metadata = {"name": NAME, "namespace": "kube-system"}
    cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.yaml": "a: b\n"}})
    found = live_diff(made(), cluster.kubectl())
    assert found.objects[0].change.action == "configured"
    assert found.notes[0].startswith("apply would refuse this: ConfigMap kube-system/aws-iam-authenticator (set by")


def test_the_values_of_secrets_are_not_shown() -> None:
    metadata = {"name": "s", "namespace": "kube-system"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"k": "aHVzaA=="}}
    text = object_diff(secret, {**secret, "data": {"k": "b3RoZXI="}})
    assert "aHVzaA" not in text
    assert "b3RoZXI" not in text
    assert "-  k: (hidden)\n+  k: (hidden), changed\n" in text.replace('"', "")


def grant(*groups: str) -> Grant:
    return Grant("arn", "arn:aws:iam::111122223333:role/R", "r", groups, "MountedFile")


def test_groups_that_kubernetes_knows_by_itself_need_no_binding() -> None:
    assert unbound_groups([grant("system:masters", "system:nodes", "system:bootstrappers")], ()) == ()
    assert [each.group for each in unbound_groups([grant("system:custom", "a")], ["a"])] == ["system:custom"]


def test_a_template_in_a_group_stands_for_any_text() -> None:
    known = ["team-a", "sessions"]
    assert unbound_groups([grant("team-{{SessionName}}", "{{SessionName}}")], known) == ()
    assert [each.group for each in unbound_groups([grant("dept-{{SessionName}}")], known)] == ["dept-{{SessionName}}"]
    # What only looks like a pattern is a text.
    assert [each.group for each in unbound_groups([grant("team-.*")], known)] == ["team-.*"]


def test_bindings_without_subjects() -> None:
    bindings: list[dict[str, Any]] = [{}, {"subjects": None}, {"subjects": [{"kind": "Group", "name": "g"}]}]
    assert bound_groups(bindings) == {"g"}
