"""Programs that are missing, fail or hang, what kubectl's and tarmak's words come to, and groups that nothing binds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl, is_away, is_refused, is_write, objects_of, why
from tarmak_iam.hook.cluster.live_mappings import unbound_groups
from tarmak_iam.hook.connection import cluster_kubeconfig, failure_of
from tarmak_iam.hook.programs import Completed, Programs
from tarmak_iam.identity.model import Grant
from tests.support.fake_cluster import REFUSED, Cluster, away, failed
from tests.support.tables import parametrized

POST = 'Post "https://127.0.0.1:6443/api/v1/namespaces/kube-system/configmaps?timeout=30s"'
PROXY = 'an error on the server ("{}") has prevented the request from succeeding (post configmaps)'


def program(directory: Path, name: str, text: str) -> Programs:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return Programs({"PATH": f"{directory}{os.pathsep}/usr/bin{os.pathsep}/bin"})


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    programs = Programs({"PATH": str(tmp_path)})
    assert programs.find("kubectl") is None
    with pytest.raises(ToolError, match="kubectl is not installed; put kubectl on the PATH"):
        Kubectl(programs).versions()


def test_a_program_that_cannot_be_run(tmp_path: Path) -> None:
    (tmp_path / "kubectl").write_bytes(b"\x7fELF nonsense")
    (tmp_path / "kubectl").chmod(0o755)
    with pytest.raises(ToolError, match="kubectl cannot be run: Exec format error"):
        Programs({"PATH": str(tmp_path)}).run("kubectl")
    with pytest.raises(ToolError, match="does not exist"):
        Programs({"PATH": "/bin"}, tmp_path / "none").run("true")


def test_kubectl_ignores_the_users_own_defaults_of_options(tmp_path: Path) -> None:
    kubectl = Kubectl(program(tmp_path, "kubectl", 'echo "$KUBERC"'))
    assert kubectl.run("delete", "pod", "a").out == "off\n"


def test_what_is_shown_of_a_call() -> None:
    """Neither what was given nor what was printed."""
    assert "secret" not in repr(Completed(("kubectl",), 0, "k8s-aws-v1.secret", ""))
    assert "hush" not in repr(Programs({"AWS_SECRET_ACCESS_KEY": "hush"}))
    assert Completed(("x",), 3, "", " \n").reason == "exit code 3"
    assert Completed(("x",), -9, "", "").reason == "ended by signal 9"


@parametrized(__file__, "kubectls reason is the line that is one")
def test_kubectls_reason_is_the_line_that_is_one(text: str, expected: str) -> None:
    assert why(failed(text)).startswith(expected)


@parametrized(__file__, "who is away")
def test_who_is_away(text: str, expected: bool) -> None:
    assert is_away(failed(text)) is expected


@parametrized(__file__, "what writes")
def test_what_writes(args: str, expected: bool) -> None:
    assert is_write(args.split()) is expected


def test_patience_has_an_end() -> None:
    cluster = Cluster()
    cluster.fault = away(10_000)
    with pytest.raises(ToolError) as failure:
        cluster.kubectl(patience=60).versions()
    assert 30 < cluster.clock <= 60
    assert str(failure.value) == (
        f"kubectl version failed: {REFUSED} (11 attempts in 56 seconds); "
        "check that the cluster is up and the tunnel is open: `tarmak clusters kubeconfig`"
    )
    cluster.fault = away(4)
    told: list[str] = []
    assert cluster.kubectl(patience=60, tell=told.append).versions()[1].minor == (1, 30)
    assert told == ["the API server cannot be reached; trying again for up to 60 seconds"]


@parametrized(__file__, "who refuses")
def test_who_refuses(text: str, expected: bool) -> None:
    assert is_refused(failed(text)) is expected


def test_an_api_server_that_must_be_up_is_asked_again_where_it_does_not_answer_in_time() -> None:
    cluster, told = Cluster(), list[str]()
    cluster.fault = away(10_000)
    with pytest.raises(ToolError) as failure:
        cluster.kubectl(must_be_up=True, tell=told.append).versions()
    assert (len(cluster.calls), cluster.clock, told) == (1, 0, [])
    assert failure.value.what == f"kubectl version failed: {REFUSED}"
    cluster.fault = lambda _: failed("Unable to connect to the server: net/http: TLS handshake timeout")
    with pytest.raises(ToolError, match=r"TLS handshake timeout \(4 attempts in 4 seconds\); check that"):
        cluster.kubectl(patience=5, must_be_up=True, tell=told.append).versions()
    assert told == ["the API server cannot be reached; trying again for up to 5 seconds"]
    cluster.clock = 100
    with pytest.raises(ToolError, match=r"\(3 attempts in 2 seconds\)"):
        cluster.kubectl(must_be_up=True, until=102, tell=told.append).versions()
    assert told[1:] == ["the API server cannot be reached; trying again for up to 2 seconds"]


def test_a_call_that_gets_no_answer_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarmak_iam.hook.cluster.kubectl._LEAST_SECONDS", 0.3)
    programs = program(tmp_path, "kubectl", "exec sleep 60")
    kubectl = Kubectl(programs, patience=0.2, must_be_up=True)
    with pytest.raises(ToolError, match="kubectl version failed: unable to connect to the server: no answer within 0"):
        kubectl.versions()
    with pytest.raises(ToolError, match="kubectl get did not end within 0 seconds"):
        Kubectl(programs, patience=0.2).run("get", "pods", seconds=0.2)


def test_credentials_that_are_missing_or_rejected_are_no_outage() -> None:
    cluster, told = Cluster(), list[str]()
    cluster.fault = lambda _: Completed(("kubectl",), 1, "Please enter Username: ", "error: EOF\n")
    with pytest.raises(ToolError) as failure:
        cluster.kubectl(tell=told.append).versions()
    assert (len(cluster.calls), cluster.clock, told) == (1, 0, [])
    assert str(failure.value) == (
        "kubectl version failed: the user of the kubeconfig has no credentials; "
        "use the admin's kubeconfig, or another one with credentials"
    )
    cluster.fault = lambda _: failed("error: You must be logged in to the server (Unauthorized)")
    with pytest.raises(ToolError, match=r"logged in to the server \(Unauthorized\); use the admin's kubeconfig"):
        cluster.kubectl().check("get", "pods")
    assert cluster.clock == 0


@parametrized(__file__, "what kubectl says of a kubeconfig that it cannot read")
def test_what_kubectl_says_of_a_kubeconfig_that_it_cannot_read(reason: str, shown: str) -> None:
    cluster = Cluster()
    cluster.fault = lambda _: failed(f'error: error loading config file "k": {reason}')
    with pytest.raises(ToolError) as failure:
        cluster.kubectl().check("get", "pods")
    assert str(failure.value) == f'kubectl get failed: error loading config file "k": {shown}'


def test_a_kind_that_is_not_served_does_not_hide_the_others() -> None:
    cluster = Cluster()
    cluster.add({"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "kube-system"}})
    found = cluster.kubectl().all_of("configmap,widget", "--show-managed-fields")
    assert [each["metadata"]["name"] for each in found] == ["x"]


@pytest.mark.parametrize("printed", ["no", "", "null", '{"clientVersion": {"gitVersion": "v1.30.1"}}'])
def test_versions_that_are_none(tmp_path: Path, printed: str) -> None:
    expected = "'' is not a Kubernetes version" if "gitVersion" in printed else "kubectl printed"
    with pytest.raises(ToolError, match=expected):
        Kubectl(program(tmp_path, "kubectl", f"echo '{printed}'")).versions()


@pytest.mark.parametrize("printed", ["null", "[]", "3", '"x"', '{"kind": "List"}', '{"kind": "List", "items": [1]}'])
def test_objects_that_are_none(printed: str) -> None:
    expected = "kubectl printed" if printed.startswith("{") else "kubectl printed JSON that is not an object"
    with pytest.raises(ToolError, match=expected):
        objects_of(Completed(("kubectl",), 0, printed, ""))


def test_the_kubeconfig_that_tarmak_names(tmp_path: Path) -> None:
    path = tmp_path / "with blank" / "kubeconfig"
    with pytest.raises(ToolError, match="tarmak is not installed, so it cannot print"):
        cluster_kubeconfig(Programs({"PATH": str(tmp_path)}))
    path.parent.mkdir()
    path.touch()
    programs = program(tmp_path, "tarmak", f'echo "$@" > {tmp_path}/args; echo KUBECONFIG="{path}"; echo log >&2')
    assert cluster_kubeconfig(programs, ("--config-directory", "x", "--current-cluster", "dev-cluster")) == path
    assert (tmp_path / "args").read_text() == "--config-directory x --current-cluster dev-cluster clusters kubeconfig\n"


@parametrized(__file__, "a tarmak that names none")
def test_a_tarmak_that_names_none(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ToolError, match=expected) as failure:
        cluster_kubeconfig(program(tmp_path, "tarmak", text))
    assert "--kubeconfig" in failure.value.remedy


@parametrized(__file__, "what is said")
def test_what_is_said(err: str, said: str) -> None:
    assert failure_of(Completed(("tarmak", "clusters", "kubeconfig"), 1, "", err)) == said


DEV = "arn:aws:iam::111122223333:role/Dev"


@parametrized(__file__, "a group that is spelled nearly so")
def test_a_group_that_is_spelled_nearly_so(group: str, bound: list[str], nearest: str) -> None:
    (found,) = unbound_groups([Grant("arn", DEV, "dev", (group,), "MountedFile")], bound)
    assert found.nearest == nearest
    what = f"no RoleBinding or ClusterRoleBinding names the group {group}, which {DEV} would get"
    assert found.text == (f"{what}; did you mean {nearest}?" if nearest else what)
