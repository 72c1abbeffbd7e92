"""TarmakCluster does what the commands do, with the same refusals."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam import (
    ConfigError,
    FileChanged,
    FileError,
    PolicyRefused,
    SelectionError,
    TarmakCluster,
    ToolError,
    review_all,
)
from tarmak_iam.files import turns
from tarmak_iam.files.lock import file_lock, lock_file_of
from tarmak_iam.hook import apply_hook
from tarmak_iam.hook.cluster.kubectl import ANSWER_SECONDS
from tarmak_iam.hook.cluster.rollout import ROLLOUT_SECONDS
from tarmak_iam.hook.login.verify import VERIFY_SECONDS
from tarmak_iam.report import as_lines
from tarmak_iam.tarmak_cluster import ANSWER_SECONDS as ANSWER
from tarmak_iam.tarmak_cluster import ROLLOUT_SECONDS as WAIT
from tarmak_iam.tarmak_cluster import VERIFY_SECONDS as TIMEOUT
from tests.support import ADMIN, Shell
from tests.support.fake_cluster import REFUSED, failed
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


def test_a_mapping_is_refused_as_by_the_commands(cluster: TarmakCluster) -> None:
    """That check calls an error, that takes away the last admin's access or that of `me`."""
    with pytest.raises(ConfigError):
        cluster.map("arn:aws:iam::1111:role/Admin", "admin", ["system:masters"])
    assert not cluster.mappings.entries
    cluster.map(ADMIN, "admin", ["system:masters"])
    cluster.map(DEVELOPER, "dev", ["developers", "developers"])
    with pytest.raises(PolicyRefused):
        cluster.map(DEVELOPER, "dev", ["viewers"], replace_groups=True, me=DEVELOPER)
    cluster.map(DEVELOPER, groups=["viewers"])
    assert [each.groups for each in cluster.mappings.entries][1:] == [("developers", "viewers")]
    assert cluster.map(DEVELOPER, "dev") == []
    assert cluster.map(DEVELOPER, groups=[], replace_groups=True)
    cluster.unmap(DEVELOPER)
    with pytest.raises(PolicyRefused, match="system:masters"):
        cluster.unmap(ADMIN)
    assert [each.principal for each in cluster.unmap(ADMIN, force=True)] == [ADMIN]
    assert cluster.unmap(ADMIN) == []


def test_progress_hears_what_force_accepts(shell: Shell) -> None:
    told: list[str] = []
    cluster = TarmakCluster.load("dev-cluster", shell.single, progress=told.append)
    cluster.map(ADMIN, "admin", ["system:masters"])
    told.clear()
    cluster.unmap(ADMIN, me=DEVELOPER, force=True)
    assert told[0] == f"warning: {DEVELOPER} is not mapped yet, so --me protects nothing"
    assert told[1].startswith(
        f"warning: forced: the last mapping to system:masters would be lost ({ADMIN}); no recovery access: "
    )
    cluster.map(ADMIN, "admin", ["system:masters"])
    told.clear()
    cluster.unmap(ADMIN, me=ADMIN, force=True)  # two losses, and the recovery access once
    assert told[0].startswith(
        f"warning: forced: the last mapping to system:masters would be lost ({ADMIN}); your own access would change: "
    )
    assert (told[0].count("no recovery access: "), [line for line in told if "forced" in line]) == (1, told[:1])


def test_a_dry_run_writes_nothing(cluster: TarmakCluster, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in cluster.path.parent.rglob("*") if path.is_file()}
    assert cluster.enable(dry_run=True) is True
    assert [each.after for each in cluster.map(ADMIN, "admin", ["system:masters"], dry_run=True)] == ["admin"]
    assert {path: path.read_bytes() for path in cluster.path.parent.rglob("*") if path.is_file()} == before
    cluster.map(ADMIN, "admin", ["system:masters"])
    assert [each.after for each in cluster.unmap(ADMIN, force=True, dry_run=True)] == [None]
    assert cluster.whois(ADMIN).authenticated
    assert cluster.render(tmp_path / "out", dry_run=True).steps
    assert not (tmp_path / "out").exists()


def test_groups_that_are_not_a_list_of_strings_are_refused(cluster: TarmakCluster) -> None:
    """A string would be a list of its characters."""
    wrong: list[Any] = ["system:masters", ["viewers", 5], [None]]
    for groups in wrong:
        with pytest.raises(ConfigError, match="group"):
            cluster.map(ADMIN, "admin", groups)
        with pytest.raises(ConfigError, match="group"):
            cluster.mappings.add(ADMIN, "admin", groups)
        assert cluster.mappings.entries == ()


def test_notes_and_new_findings_are_reported_as_progress(shell: Shell) -> None:
    told: list[str] = []
    cluster = TarmakCluster.load("dev-cluster", shell.single, progress=told.append)
    cluster.map(ADMIN, "admin", ["system:masters"])
    assert told == []
    cluster.map("111122223333")
    path = cluster.path.parent / "dev-cluster" / "aws-iam-authenticator.yaml"
    (line,) = told
    assert line.startswith(f"{path}:11:5: warning: ")
    assert line.endswith("[IAM074]")
    told.clear()
    cluster.map("arn:aws:iam::111122223333:role/team/Dev", "dev", ["viewers"], strip_path=True)
    assert [each.partition(":")[0] for each in told] == ["note"]


def test_map_returns_what_check_finds_about_the_mapping(cluster: TarmakCluster) -> None:
    """Also about a mapping that is there already, and only about this one."""
    cluster.map(DEVELOPER, "dev", ["system:node"])
    first = cluster.map(ADMIN, "admin", ["system:master"])
    assert [(each.finding.id, each.finding.remedy) for each in first.findings] == [
        ("IAM064", "did you mean system:masters?")
    ]
    assert "/dev-cluster/aws-iam-authenticator.yaml:13:7: warning: 'system:master' is not a" in str(first.findings[0])
    second = cluster.map(ADMIN, "admin", ["system:master"])
    assert (second, second.findings) == ([], first.findings)
    assert cluster.map(ADMIN, groups=["system:masters"], replace_groups=True).findings == ()


def test_an_edit_waits_for_the_command_line(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_PATIENCE", 0)
    told: list[str] = []
    cluster = TarmakCluster.load("dev-cluster", shell.single, progress=told.append)
    edits: list[tuple[Path, Callable[[], object]]] = [
        (lock_file_of(cluster.path), cluster.enable),
        (cluster.path.parent / ".mappings-and-settings.edit.lock", lambda: cluster.map(ADMIN, "a", ["b"])),
    ]
    for lock, edit in edits:
        with file_lock(lock, str):
            thread = threading.Thread(target=edit)
            thread.start()
            deadline = time.monotonic() + 600
            while not (told and "waiting" in told[-1]) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert thread.is_alive()
        thread.join()
        told.append("the next one")
    assert cluster.whois(ADMIN).username == "a"
    assert [line.partition(":")[0] for line in told if "waiting" in line] == ["waiting up to 60 seconds"] * 2


def test_the_working_directory_may_change(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shell.single.parent)
    directory = shell.single.name
    clusters = [
        TarmakCluster.load("dev-cluster", directory),
        TarmakCluster.load("dev-cluster", f"{directory}/tarmak.yaml"),
        TarmakCluster(Path(directory), "dev-cluster"),
        TarmakCluster(directory, "dev-cluster"),  # type: ignore[arg-type]  # without a type checker
    ]
    monkeypatch.chdir(tmp_path / "..")
    assert {each.path for each in clusters} == {shell.single / "tarmak.yaml"}
    assert len(set(clusters)) == 1
    for each in clusters:
        each.map(ADMIN, "admin", ["system:masters"])
    assert clusters[0].whois(ADMIN).authenticated


def test_the_home_directory_is_expanded(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(shell.single))
    cluster = TarmakCluster.load("dev-cluster", "~", kubeconfig="~/dev-cluster/admin")
    assert cluster.path == shell.single / "tarmak.yaml"
    assert cluster.kubeconfig == shell.single / "dev-cluster" / "admin"
    with pytest.raises(FileError, match="directory not found"):
        TarmakCluster.load("dev-cluster", "~/elsewhere")
    cluster.path.unlink()
    with pytest.raises(FileError, match=r"tarmak\.yaml: file not found"):
        cluster.check()


def test_a_broken_admin_kubeconfig_stops_only_what_needs_it(cluster: TarmakCluster) -> None:
    cluster.enable()
    cluster.map(ADMIN, "admin", ["system:masters"])
    (cluster.path.parent / "dev-cluster" / "kubeconfig").write_text("[")
    assert cluster.whois(ADMIN).authenticated
    assert len(cluster.manifests()) == 2
    with pytest.raises(ValueError, match="kubeconfig"):
        cluster.client_kubeconfig()


def test_values_are_saved_only_over_what_was_read(cluster: TarmakCluster) -> None:
    config, mappings = cluster.config, cluster.mappings.add(DEVELOPER, "dev")
    cluster.enable()
    cluster.map(ADMIN, "admin", ["system:masters"])
    for value in (config.set("dev-cluster", "internalELBAccessLogs.bucket", "my-logs"), mappings):
        with pytest.raises(FileChanged):
            value.save()
    assert [each.arn for each in cluster.mappings.entries] == [ADMIN]


def test_whois_takes_settings_and_console_accounts(cluster: TarmakCluster) -> None:
    cluster.map(ADMIN.replace("111122223333", "1111-2222-3333"), "admin:{{SessionName}}", ["system:masters"])
    assert cluster.whois(ADMIN, session_name="ann", daemonVersion="v0.5.0").username == "admin:ann"
    with pytest.raises(ConfigError, match="unknown setting 'daemon'"):
        cluster.whois(ADMIN, daemon="v0.5.0")
    cluster.map(DEVELOPER, "system:node:{{EC2PrivateDNSName}}", ["system:nodes"], force=True)
    answer = cluster.whois(DEVELOPER, session_name="i-0123456789abcdef0")
    assert answer.username == "system:node:<private DNS name of i-0123456789abcdef0>"
    assert [str(each) for each in cluster.check() if each.finding.severity.value == "error"] == []


def test_client_kubeconfig(cluster: TarmakCluster, tmp_path: Path) -> None:
    cluster.map(ADMIN, "admin", ["system:masters"])
    authority = tmp_path / "ca.pem"
    own = cluster.client_kubeconfig(role=ADMIN, session_name="ann", alias="dev")
    assert (own["current-context"], own["users"][0]["name"]) == ("dev", "dev-cluster-KubernetesAdmin")
    assert "ann" in own["users"][0]["user"]["exec"]["args"]
    pem = cluster.installation().admin
    assert pem is not None
    authority.write_bytes(base64.b64decode(pem.ca_data))
    for given in (authority, str(authority), authority.read_bytes()):
        made = cluster.client_kubeconfig(server="https://api.example.com", certificate_authority=given)
        assert made["clusters"][0]["cluster"] == {
            "server": "https://api.example.com",
            "certificate-authority-data": pem.ca_data,
        }
    with pytest.raises(FileError):
        cluster.client_kubeconfig(certificate_authority=tmp_path / "none.pem")


def test_render_writes_a_directory(cluster: TarmakCluster, tmp_path: Path) -> None:
    cluster.enable()
    cluster.map(ADMIN, "admin", ["system:masters"])
    image = "registry.example.com/authenticator:v0.7.1"
    assert image in json.dumps(cluster.manifests(image=image))
    assert image not in json.dumps(cluster.manifests())
    planned = cluster.render(tmp_path / "out", image=image)
    assert image in (tmp_path / "out" / "daemonset.yaml").read_text()
    assert {step.path.name for step in planned.steps} >= {"configmap.yaml", "daemonset.yaml", "kustomization.yaml"}
    assert [each["kind"] for each in cluster.manifests()] == ["ConfigMap", "DaemonSet"]
    with pytest.raises(FileError, match="kubeconfig"):
        cluster.render(cluster.path.parent / "dev-cluster", force=True)


def test_the_report_names_who_has_access(cluster: TarmakCluster) -> None:
    cluster.map(ADMIN, "admin", ["system:masters"])
    review = cluster.report(date="2026-03-02")
    assert [each.principal for each in review.clusters[0].principals] == [ADMIN]
    assert review.text() == "".join(f"{line}\n" for line in as_lines(review))
    assert ADMIN in review.text()
    assert review.html().startswith("<!doctype html>")
    assert json.loads(json.dumps(review.json()))["clusters"][0]["principals"][0]["principal"] == ADMIN


def test_a_hub_has_no_api_server_to_ask(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    hub = TarmakCluster.load("prod-hub", shell.multi)
    assert hub.check() == []
    assert hub.report(live=True).clusters[0].is_hub
    assert hub.disable() is False
    refused: list[Callable[[], object]] = [
        *(hub.enable, hub.manifests, hub.client_kubeconfig, hub.diff, hub.apply, hub.verify, hub.installation),
        *(hub.rollback, lambda: hub.mappings, lambda: hub.whois(ADMIN), lambda: hub.render(shell.multi / "out")),
        *(lambda: hub.map(ADMIN, "admin", ["system:masters"]), lambda: hub.unmap(ADMIN)),
    ]
    for method in refused:
        with pytest.raises(ConfigError, match="prod-hub is a hub"):
            method()
    assert not (shell.multi / "prod-hub").exists()


def test_a_cluster_without_mappings(cluster: TarmakCluster) -> None:
    assert cluster.mappings.entries == ()
    assert not cluster.whois(ADMIN).authenticated
    assert cluster.unmap(ADMIN) == []
    assert cluster.report().clusters[0].principals == ()
    with pytest.raises(ConfigError, match="dev-cluster has no mappings"):
        cluster.manifests()


def test_a_cluster_is_the_current_one_or_named(shell: Shell) -> None:
    assert TarmakCluster.load(path=shell.single).cluster_name == "dev-cluster"
    with pytest.raises(SelectionError):
        TarmakCluster.load("dev-none", shell.single)


def test_the_waits_are_those_of_the_commands() -> None:
    assert (WAIT, TIMEOUT, ANSWER) == (ROLLOUT_SECONDS, VERIFY_SECONDS, ANSWER_SECONDS)


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
    assert told[0].startswith("getting the cluster's kubeconfig")


def test_dry_runs_of_apply_with_a_kubeconfig_and_an_environment(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """`dry_run=False` is no dry run, as in the other methods."""
    environment = dict(os.environ)
    monkeypatch.setenv("PATH", "/nowhere")
    kubeconfig = stand.shell.single / "dev-cluster" / "kubeconfig"
    cluster = TarmakCluster.load("dev-cluster", stand.shell.single, kubeconfig=kubeconfig, environment=environment)
    assert cluster.apply(dry_run=True).state is None
    assert cluster.apply(dry_run="server").changed
    wrong: Any = "sever"
    with pytest.raises(ConfigError, match="dry_run: 'sever' is not a valid mode"):
        cluster.apply(dry_run=wrong)
    assert cluster.diff().changed
    assert cluster.apply(dry_run=False).state is not None
    assert not cluster.diff().changed
    assert not (stand.bin / "tarmak.log").exists()


def test_errors_of_check_stop_an_apply_and_what_was_checked_is_applied(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stand.shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    text, checked = path.read_text(), apply_hook.refuse_errors
    wrong = text.replace("role/KubernetesAdmin", "role/team/KubernetesAdmin")
    path.write_text(wrong)
    cluster = TarmakCluster.load("dev-cluster", stand.shell.single)
    with pytest.raises(ConfigError, match=r"\[IAM"):
        cluster.apply()
    path.write_text(text)

    def check_and_change(*args: Any) -> None:
        checked(*args)
        path.write_text(wrong)

    monkeypatch.setattr(apply_hook, "refuse_errors", check_and_change)
    assert cluster.apply().changed
    assert "role/team" not in json.dumps(list(stand.cluster.objects.values()))
    assert cluster.apply(check=False, force=True).changed


def test_a_refused_connection_is_final_for_what_only_reads(stand: Stand) -> None:
    stand.cluster.fault = lambda _: failed(REFUSED)
    cluster = TarmakCluster.load("dev-cluster", stand.shell.single)
    reads = (cluster.diff, cluster.verify, lambda: cluster.report(live=True), lambda: cluster.apply(dry_run="client"))
    for method in reads:
        stand.cluster.calls.clear()
        with pytest.raises(ToolError, match="refused"):
            method()
        assert len(stand.cluster.calls) == len(set(stand.cluster.calls)) > 0  # none was tried again


def test_a_progress_that_raises_ends_the_call_and_the_next_one_completes_it(stand: Stand) -> None:
    class Stop(Exception):
        """Not an error of tarmak-iam."""

    told: list[str] = []
    limit = 0

    def stop(line: str) -> None:
        told.append(line)
        if len(told) > limit:
            raise Stop

    cluster = TarmakCluster.load("dev-cluster", stand.shell.single, progress=stop)
    while True:
        told.clear()
        try:
            cluster.apply()
            break
        except Stop:
            limit += 1
    assert limit > 2
    limit = 1000
    assert not cluster.diff().changed
    assert cluster.rollback().changed
    assert cluster.diff().changed


def test_all_clusters_of_a_file(shell: Shell) -> None:
    names = [cluster.cluster_name for cluster in TarmakCluster.all(shell.multi)]
    assert names == ["prod-blue", "prod-green"]
    told: list[str] = []
    every = TarmakCluster.all(shell.multi, of_environment="prod", with_hubs=True, progress=told.append)
    assert [cluster.cluster_name for cluster in every] == ["prod-hub", "prod-blue", "prod-green"]
    every[1].map(ADMIN, "admin", ["system:masters"])
    assert told == [], "no finding"
    with pytest.raises(SelectionError, match="no cluster is in environment 'prd'; did you mean prod"):
        TarmakCluster.all(shell.multi, of_environment="prd")


def test_the_review_of_all_clusters(shell: Shell) -> None:
    every = TarmakCluster.all(shell.multi, with_hubs=True)
    every[1].map(ADMIN, "admin", ["system:masters"])
    (shell.multi / "prod-green" / "tarmak-iam.yaml").write_text("colour: blue\n")
    review = review_all(every, date="2026-03-02")
    hub, blue, green = review.clusters
    assert (hub.is_hub, blue.error, [person.principal for person in blue.principals]) == (True, "", [ADMIN])
    assert "unknown setting 'colour'" in green.error
    assert review.failed
    with pytest.raises(ConfigError, match="unknown setting 'colour'"):
        review_all(every, strict=True)
    blue, _ = review_all(every[1:], live=True).clusters
    assert blue.live_error.startswith("tarmak")
    for clusters in ([], [every[1], TarmakCluster.load("dev-cluster", shell.single)]):
        with pytest.raises(SelectionError, match=r"clusters of one tarmak\.yaml"):
            review_all(clusters)
