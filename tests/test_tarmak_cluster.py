"""TarmakCluster does what the commands do, with the same refusals."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tarmak_iam import ConfigError, FileError, PolicyRefused, SelectionError, TarmakCluster
from tarmak_iam.hook.cluster.rollout import ROLLOUT_SECONDS
from tarmak_iam.hook.login.verify import VERIFY_SECONDS
from tarmak_iam.report import as_lines
from tarmak_iam.tarmak_cluster import ROLLOUT_SECONDS as WAIT
from tarmak_iam.tarmak_cluster import VERIFY_SECONDS as TIMEOUT
from tests.support import ADMIN, Shell
from tests.support.kubectl_stand import Stand, reviewed, stand

__all__ = ["stand"]

DEVELOPER = "arn:aws:iam::111122223333:role/Developer"


@pytest.fixture
def cluster(shell: Shell) -> TarmakCluster:
    return TarmakCluster.load("dev-cluster", shell.single)


def test_enable_and_disable_say_whether_they_changed_the_file(cluster: TarmakCluster) -> None:
    before = cluster.path.read_bytes()
    assert cluster.enable() is True
    assert cluster.enable() is False
    assert cluster.config.cluster("dev-cluster").effective()["apiServer"]["amazon"]["awsIAMAuthenticatorInit"] is True
    assert cluster.disable() is True
    assert cluster.path.read_bytes() == before


def test_map_writes_the_file_and_returns_who_gains_access(cluster: TarmakCluster) -> None:
    (effect,) = cluster.map(ADMIN, "admin", ["system:masters"])
    assert (effect.principal, effect.after, effect.gained) == (ADMIN, "admin", ("system:masters",))
    assert cluster.map(ADMIN, "admin", ["system:masters"]) == []
    path = cluster.path.parent / "dev-cluster" / "aws-iam-authenticator.yaml"
    assert f"  - roleARN: {ADMIN}\n    username: admin\n    groups:\n    - system:masters\n" in path.read_text()
    assert [entry.principal for entry in cluster.mappings.entries] == [ADMIN]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_mapping_that_check_calls_an_error_is_refused(cluster: TarmakCluster) -> None:
    wrong = "arn:aws:iam::1111:role/Admin"
    with pytest.raises(ConfigError):
        cluster.map(wrong, "admin", ["system:masters"])
    assert cluster.mappings.entries == ()


def test_the_last_admin_is_removed_by_force_only(cluster: TarmakCluster) -> None:
    cluster.map(ADMIN, "admin", ["system:masters"])
    with pytest.raises(PolicyRefused, match="system:masters"):
        cluster.unmap(ADMIN)
    assert [each.principal for each in cluster.unmap(ADMIN, force=True)] == [ADMIN]
    assert cluster.unmap(ADMIN) == []


def test_me_is_protected(cluster: TarmakCluster) -> None:
    cluster.map(ADMIN, "admin", ["system:masters"])
    cluster.map(DEVELOPER, "dev", ["developers"])
    with pytest.raises(PolicyRefused):
        cluster.map(DEVELOPER, "dev", ["viewers"], replace_groups=True, me=DEVELOPER)
    assert cluster.map(DEVELOPER, "dev", ["viewers"], replace_groups=True)


def test_check_and_whois(cluster: TarmakCluster) -> None:
    cluster.map(ADMIN, "admin", ["system:masters"])
    assert [str(each) for each in cluster.check() if each.finding.severity.value == "error"] == []
    answer = cluster.whois(ADMIN)
    assert (answer.username, answer.groups) == ("admin", ["system:masters"])
    assert not cluster.whois(DEVELOPER).authenticated


def test_render_writes_a_directory(cluster: TarmakCluster, tmp_path: Path) -> None:
    cluster.enable()
    cluster.map(ADMIN, "admin", ["system:masters"])
    planned = cluster.render(tmp_path / "out")
    assert {step.path.name for step in planned.steps} >= {"configmap.yaml", "daemonset.yaml", "kustomization.yaml"}
    assert [each["kind"] for each in cluster.manifests()] == ["ConfigMap", "DaemonSet"]
    with pytest.raises(FileError, match="kubeconfig"):
        cluster.render(cluster.path.parent / "dev-cluster", force=True)


def test_the_report_names_who_has_access(cluster: TarmakCluster) -> None:
    cluster.map(ADMIN, "admin", ["system:masters"])
    review = cluster.report(date="2026-03-02")
    assert [each.principal for each in review.clusters[0].principals] == [ADMIN]
    assert any(ADMIN in line for line in as_lines(review))


def test_the_current_cluster_is_the_default(shell: Shell) -> None:
    assert TarmakCluster.load(path=shell.single).cluster_name == "dev-cluster"
    with pytest.raises(SelectionError):
        TarmakCluster.load("dev-none", shell.single)


def test_the_waits_are_those_of_the_commands() -> None:
    assert (WAIT, TIMEOUT) == (ROLLOUT_SECONDS, VERIFY_SECONDS)


def test_diff_apply_verify_and_rollback(stand: Stand) -> None:
    told: list[str] = []
    cluster = TarmakCluster.load("dev-cluster", stand.shell.single, progress=told.append)
    reviewed(stand, "admin")
    cluster.enable()
    assert cluster.diff().changed
    assert cluster.apply(dry_run="client").changed
    assert cluster.diff().changed
    assert cluster.apply().changed
    assert not cluster.diff().changed
    verified = cluster.verify(role=ADMIN, timeout=0)
    assert (verified.ok, verified.got and verified.got.username) == (True, "admin")
    assert [each.principal for each in cluster.report(live=True).clusters[0].principals] == [ADMIN]
    assert cluster.rollback().changed
    assert cluster.diff().changed
    asked = (stand.bin / "tarmak.log").read_text().splitlines()
    directory = stand.shell.single
    assert set(asked) == {f"--config-directory {directory} --current-cluster dev-cluster clusters kubeconfig"}
    assert told[0].startswith("asking tarmak")


def test_a_kubeconfig_and_an_environment_can_be_given(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = dict(os.environ)
    monkeypatch.setenv("PATH", "/nowhere")
    kubeconfig = stand.shell.single / "dev-cluster" / "kubeconfig"
    cluster = TarmakCluster.load("dev-cluster", stand.shell.single, kubeconfig=kubeconfig, environment=environment)
    cluster.enable()
    assert cluster.diff().changed
    assert not (stand.bin / "tarmak.log").exists()


def test_errors_of_check_stop_an_apply(stand: Stand) -> None:
    path = stand.shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.write_text(path.read_text().replace("role/KubernetesAdmin", "role/team/KubernetesAdmin"))
    cluster = TarmakCluster.load("dev-cluster", stand.shell.single)
    with pytest.raises(ConfigError, match=r"\[IAM"):
        cluster.apply()
    assert cluster.apply(check=False).changed
