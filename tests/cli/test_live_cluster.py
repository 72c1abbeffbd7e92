"""apply, diff, rollback and verify as a user calls them: tarmak and kubectl are programs on the PATH."""

from __future__ import annotations

import errno
import functools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tarmak_iam.cli.commands.rollback import _removes_the_authenticator
from tarmak_iam.hook.cluster.history import ObjectAction, ObjectChange
from tarmak_iam.hook.lock import cluster_lock, lock_path
from tarmak_iam.hook.login.caller import StsAnswer
from tarmak_iam.hook.login.verify import verify_login
from tarmak_iam.hook.programs import Completed, Programs
from tarmak_iam.identity import Identity
from tests.support import ADMIN, ROOT, Shell
from tests.support.admin_certificates import certificate, kubeconfig, logins, write
from tests.support.fake_cluster import Cluster, failed

TARMAK = """\
echo "$@" >> {log}
echo 'level=warning msg="ssh tunnel connecting to Kubernetes API server"' >&2
echo KUBECONFIG={kubeconfig}
"""


@dataclass
class Stand:
    """kubectl is answered by `cluster`; tarmak is a program on the PATH, as is what else a test puts into `bin`."""

    shell: Shell
    bin: Path
    cluster: Cluster

    def put(self, name: str, text: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)


@pytest.fixture
def stand(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    stand = Stand(shell, tmp_path / "bin", Cluster(server="v1.24.17"))
    stand.bin.mkdir()
    kubeconfig = write(shell.single / "dev-cluster")
    stand.put("tarmak", TARMAK.format(log=stand.bin / "tarmak.log", kubeconfig=kubeconfig))
    stand.put("kubectl", "")
    run = Programs.run

    def answered(self: Programs, *command: str | Path, text: str = "", seconds: float | None = None) -> Completed:
        if command[0] == "kubectl" and self.find("kubectl"):
            return stand.cluster.run(tuple(map(str, command[1:])), text)
        return run(self, *command, text=text, seconds=seconds)

    monkeypatch.setattr(Programs, "run", answered)
    monkeypatch.setenv("PATH", f"{stand.bin}{os.pathsep}/usr/bin{os.pathsep}/bin")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    shell.dev("settings", "set", "kubernetesVersion", "1.24.17")
    return stand


def recovery_hint(stand: Stand) -> str:
    path = stand.shell.single / "dev-cluster" / "kubeconfig"
    return f"the admin certificate in {path} is valid until 2990-01-01 and in system:masters"


def test_from_nothing_and_back(stand: Stand) -> None:
    shell = stand.shell
    shown = shell.dev("diff", code=1)
    assert f"{ADMIN}: can log in, as admin with group system:masters" in shown.out
    assert "+++ ConfigMap kube-system/aws-iam-authenticator" in shown.out
    assert (stand.bin / "tarmak.log").read_text() == f"--config-directory {shell.single} clusters kubeconfig\n"
    dry = shell.dev("apply", "--dry-run", "client")
    assert shell.dev("apply", "--dry-run") == dry, "as every other command's --dry-run, which takes no value"
    assert "dry run: nothing was changed" in dry.err
    assert stand.cluster.names() == []
    done = shell.dev("apply")
    assert done.out.splitlines() == [
        "created ConfigMap kube-system/aws-iam-authenticator",
        "created DaemonSet kube-system/aws-iam-authenticator",
        f"{ADMIN}: can log in, as admin with group system:masters",
    ]
    assert "DaemonSet kube-system/aws-iam-authenticator: 3 of 3 nodes updated, 3 available" in done.err
    assert f"`tarmak-iam -c {shell.single} rollback` restores it" in done.err
    again = shell.dev("apply")
    assert [line.split()[0] for line in again.out.splitlines()] == ["unchanged", "unchanged"]
    assert "rollback" not in again.err
    assert shell.dev("diff").out == ""
    back = shell.dev("rollback")
    assert back.out.splitlines()[0] == "removed DaemonSet kube-system/aws-iam-authenticator"
    assert f"nobody can log in with IAM now; {recovery_hint(stand)}\n" in back.err
    assert "unchanged" in shell.dev("rollback").err
    assert stand.cluster.names() == []


def test_pods_that_run_another_configuration(stand: Stand) -> None:
    shell, cluster = stand.shell, stand.cluster
    shell.dev("apply")
    config = cluster.get("ConfigMap", "aws-iam-authenticator")
    assert config is not None
    config["metadata"]["managedFields"][0]["time"] = "2026-06-01T00:00:00Z"
    text = (
        "pod aws-iam-authenticator-1 on master-1: it started before the last change of ConfigMap "
        "kube-system/aws-iam-authenticator, at 2026-06-01T00:00:00Z"
    )
    shown = shell.dev("diff", code=1)
    assert (shown.out.splitlines()[0], len(shown.out.splitlines())) == (text, 3)
    found = json.loads(shell.dev("diff", "-o", "json", code=1).out)
    assert (found["changed"], found["objects"], len(found["stalePods"])) == (True, [], 3)
    assert found["stalePods"][0] == {
        "namespace": "kube-system",
        "name": "aws-iam-authenticator-1",
        "node": "master-1",
        "reason": text.partition(": ")[2],
    }
    assert found["missingPods"] == 0
    assert f"note: would be restarted: {text}\n" in shell.dev("apply", "--dry-run", "client").err
    done = shell.dev("apply", "-o", "json")
    assert f"restarting {text}\n" in done.err
    assert json.loads(done.out)["restartedPods"] == found["stalePods"]
    # Those that were made just now are of May.
    waiting = "the same command without --no-wait restarts them one after the other"
    assert waiting in shell.dev("apply", "--no-wait").err


def test_a_node_without_a_pod(stand: Stand) -> None:
    stand.shell.dev("apply")
    stand.cluster.daemons.pods.popitem()
    text = "DaemonSet kube-system/aws-iam-authenticator: 1 of its nodes has no pod yet\n"
    assert stand.shell.dev("diff", code=1).out == text
    assert json.loads(stand.shell.dev("diff", "-o", "json", code=1).out)["missingPods"] == 1


@pytest.mark.parametrize("command", ["apply", "diff"])
def test_tarmak_is_not_asked_about_what_cannot_be_made(stand: Stand, command: str) -> None:
    (stand.shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").unlink()
    assert "error: dev-cluster has no mappings file" in stand.shell.dev(command, code=2).err
    assert not (stand.bin / "tarmak.log").exists()


def test_mappings_that_cannot_be_read_are_rolled_back_all_the_same(stand: Stand) -> None:
    stand.shell.dev("apply")
    (stand.shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text("server: [")
    back = stand.shell.dev("rollback")
    assert back.out.splitlines()[0] == "removed DaemonSet kube-system/aws-iam-authenticator"
    assert f"nobody can log in with IAM now; {recovery_hint(stand)}\n" in back.err


@pytest.mark.parametrize("command", [["apply", "--timeout", "0"], ["rollback"]])
def test_what_tarmak_writes_meanwhile_counts(stand: Stand, command: list[str]) -> None:
    """`check` has looked at the kubeconfig before that."""
    stand.shell.dev("apply")
    fresh = stand.bin / "fresh"
    path = stand.shell.single / "dev-cluster" / "kubeconfig"
    path.rename(fresh)
    path.write_text(kubeconfig(logins(certificate("2019-01-01", "2020-01-01"))))
    stand.put("tarmak", f"cp {fresh} {path}\necho KUBECONFIG={path}")
    stand.shell.dev("map", "add", f"{ADMIN}2", "--username", "two")
    stand.cluster.is_rolled_out = False
    stand.cluster.fault = lambda args: failed("no") if "delete" in args else None
    stopped = stand.shell.dev(*command, code=2)
    assert stopped.err.splitlines()[-2] == recovery_hint(stand)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "PATH does not exist"),
        (
            kubeconfig(logins(certificate("2019-01-01", "2020-01-01"))),
            "the admin certificate in PATH expired on 2020-01-01",
        ),
    ],
)
def test_a_rollback_without_a_way_back(stand: Stand, text: str | None, what: str) -> None:
    stand.shell.dev("apply")
    path = stand.shell.single / "dev-cluster" / "kubeconfig"
    path.unlink() if text is None else path.write_text(text)
    (other := stand.bin / "other").write_text("")
    back = stand.shell.dev("rollback", "--kubeconfig", other)
    assert back.err.endswith(
        f"nobody can log in with IAM now; no way back was found: {what.replace('PATH', str(path))}; "
        f"run `tarmak -c {stand.shell.single} clusters kubeconfig` for a new one\n"
    )


@pytest.mark.parametrize(
    ("action", "kind", "namespace", "name", "expected"),
    [
        (ObjectAction.REMOVED, "DaemonSet", "kube-system", "aws-iam-authenticator", True),
        (ObjectAction.CONFIGURED, "DaemonSet", "kube-system", "aws-iam-authenticator", False),
        (ObjectAction.REMOVED, "ConfigMap", "kube-system", "aws-iam-authenticator", False),
        (ObjectAction.REMOVED, "DaemonSet", "kube-system", "log-shipper-of-a-plugin", False),
        (ObjectAction.REMOVED, "DaemonSet", "logging", "aws-iam-authenticator", False),
    ],
)
def test_only_without_the_authenticator_itself_nobody_can_log_in(
    action: ObjectAction, kind: str, namespace: str, name: str, expected: bool
) -> None:
    assert _removes_the_authenticator(ObjectChange(action, kind, namespace, name)) is expected


def test_a_rollback_that_stops_midway_says_what_was_found_of_the_admin_certificate(stand: Stand) -> None:
    stand.shell.dev("apply")
    stand.cluster.fault = lambda args: failed("no") if "delete" in args and "ConfigMap" in " ".join(args) else None
    stopped = stand.shell.dev("rollback", code=2)
    assert (
        "restored: removed DaemonSet kube-system/aws-iam-authenticator; not yet looked after: ConfigMap" in stopped.err
    )
    assert recovery_hint(stand) in stopped.err


def test_a_second_rollback_writes_nothing(stand: Stand) -> None:
    stand.shell.dev("apply")
    stand.shell.dev("rollback")
    path = stand.shell.single / "dev-cluster" / "tarmak-iam.state.json"
    before = path.stat().st_ino
    stand.shell.dev("rollback")
    assert path.stat().st_ino == before


def test_a_link_leads_no_history_elsewhere(stand: Stand, tmp_path: Path) -> None:
    shell, target = stand.shell, tmp_path.resolve() / "elsewhere.json"
    shell.dev("apply")
    shell.dev("settings", "set", "addonManagerMode", "Reconcile")
    path = shell.single / "dev-cluster" / "tarmak-iam.state.json"
    path.unlink()
    path.symlink_to(target)
    refused = (
        f"{path}: error: this is a link to {target}, outside of {shell.single.resolve()}; put the file itself there"
    )
    assert refused in shell.dev("apply", code=2).err
    assert refused in shell.run("-c", shell.single, "rollback", code=2).err
    assert refused in shell.run("-c", shell.single, "rollback", "--list", code=2).err
    assert not target.exists()
    shell.dev("apply", "--follow-links")
    assert target.exists()
    shell.dev("rollback", "--force", "--state", path)  # as it is named


def test_a_history_that_is_named_must_be_there(stand: Stand) -> None:
    none = stand.shell.single / "none.json"
    for options in ([], ["--list"], ["--to", "0"]):
        refused = stand.shell.dev("rollback", "--state", none, *options, code=2)
        assert refused.err == f"{none}: error: there is no such history; check the path\n"


def test_what_a_rollback_to_a_change_finds_done(stand: Stand) -> None:
    shell = stand.shell
    shell.dev("apply")
    assert "unchanged: no change after change 1 is left to undo; `tarmak-iam" in shell.dev("rollback", "--to", "1").err
    shell.dev("rollback")
    assert "unchanged: no change after change 0 is left to undo; `tarmak-iam" in shell.dev("rollback", "--to", "0").err
    assert "unchanged: the last change is undone already; `tarmak-iam" in shell.dev("rollback").err
    assert "use one of them" in shell.dev("rollback", "--list", "--to", "1", code=2).err


def test_the_history_is_listed(stand: Stand) -> None:
    shell = stand.shell
    assert shell.dev("rollback", "--list").err == "no changes: nothing was applied from here\n"
    assert json.loads(shell.dev("rollback", "--list", "-o", "json").out) == {"changes": []}
    shell.dev("apply")
    shell.dev("map", "add", f"{ADMIN}2", "--username", "two", "--group", "dev")
    shell.dev("apply")
    shell.dev("rollback")
    calls = len(stand.cluster.calls)
    head, first, second = shell.dev("rollback", "--list").out.splitlines()
    assert len(stand.cluster.calls) == calls
    assert head.split() == ["CHANGE", "TIME", "STATUS", "OBJECTS"]
    both = "ConfigMap kube-system/aws-iam-authenticator, {} DaemonSet kube-system/aws-iam-authenticator"
    assert (first[:4], second[:4]) == ("1   ", "2   ")
    assert first.endswith(f"   applied   created {both.format('created')}")
    assert second.endswith(f"   undone    configured {both.format('configured')}")
    listed = json.loads(shell.dev("rollback", "--list", "-o", "json").out)["changes"]
    assert [(each["number"], each["status"], each["cluster"]) for each in listed] == [
        (1, "applied", "cluster-1"),
        (2, "undone", "cluster-1"),
    ]
    assert listed[0]["time"].endswith("Z")
    assert listed[1]["changes"][0] == {
        "action": "configured",
        "kind": "ConfigMap",
        "namespace": "kube-system",
        "name": "aws-iam-authenticator",
    }


def test_a_rollback_is_told_before_and_in_json(stand: Stand) -> None:
    shell = stand.shell
    shell.dev("apply")
    shell.dev("map", "add", f"{ADMIN}2", "--username", "two", "--group", "dev")
    shell.dev("apply")
    dry = shell.dev("rollback", "--to", "0", "--dry-run")
    assert "afterwards nobody can log in with IAM: there is no DaemonSet kube-system/aws-iam-authenticator" in dry.err
    assert dry.err.endswith("dry run: nothing was changed\n")
    assert dry.out.splitlines()[0] == "removed ConfigMap kube-system/aws-iam-authenticator"
    assert len(stand.cluster.names()) == 2
    done = json.loads(shell.dev("rollback", "-o", "json").out)
    assert (done["undone"], done["dryRun"], done["changed"]) == ([2], False, True)
    assert done["afterwards"] == {"principals": 1, "admins": 1, "reason": ""}
    assert [each["text"] for each in done["effects"]] == [f"{ADMIN}2: can no longer log in; loses dev"]
    again = json.loads(shell.dev("rollback", "-o", "json").out)
    assert (again["undone"], again["changed"], again["afterwards"], again["changes"]) == ([], False, None, [])


@pytest.mark.parametrize("command", ["apply", "rollback"])
def test_two_runs_on_one_cluster(stand: Stand, command: str) -> None:
    with cluster_lock(lock_path(stand.shell.single, "dev-cluster")):
        refused = stand.shell.dev(command, code=2)
        assert f"another run, process {os.getpid()}, is at work on this cluster" in refused.err
        stand.shell.dev("apply", "--dry-run=server")
    assert stand.cluster.names() == []


def test_sigterm_in_the_middle_is_told(stand: Stand) -> None:
    def ended(args: tuple[str, ...]) -> None:
        if "apply" in args and "--dry-run=server" not in args and "ConfigMap" not in " ".join(args):
            os.kill(os.getpid(), signal.SIGTERM)

    stand.cluster.fault = ended
    stopped = stand.shell.dev("apply", code=143)
    assert "interrupted; done: " in stopped.err
    assert stopped.err.endswith("error: interrupted\n")


def test_json(stand: Stand) -> None:
    shell = stand.shell
    shown = json.loads(shell.dev("diff", "-o", "json", code=1).out)
    assert [each["action"] for each in shown["objects"]] == ["created", "created"]
    assert (shown["unboundGroups"], shown["notes"]) == ([], [])
    done = json.loads(shell.dev("apply", "-o", "json").out)
    assert done["changes"][0] == {
        "action": "created",
        "kind": "ConfigMap",
        "namespace": "kube-system",
        "name": "aws-iam-authenticator",
    }
    assert (done["changed"], done["rolledOut"], done["dryRun"]) == (True, True, None)
    assert done["restartedPods"] == []
    assert done["state"].endswith("dev-cluster/tarmak-iam.state.json")
    back = json.loads(shell.dev("rollback", "-o", "json").out)
    assert (back["changed"], back["changes"][0]["action"]) == (True, "removed")
    assert back["restartedPods"] == []


def test_windows_line_ends_do_not_reach_the_cluster(stand: Stand) -> None:
    path = stand.shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    stand.shell.dev("apply")
    config = stand.cluster.get("ConfigMap", "aws-iam-authenticator")
    assert config is not None
    assert "\r" not in config["data"]["config.yaml"]
    assert stand.shell.dev("diff").out == ""


def test_an_output_that_cannot_be_written_hides_no_change(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tarmak_iam.cli.live_cluster.print_line", full)
    monkeypatch.setattr("tarmak_iam.cli.main.discard_output", lambda _: None)
    told = "error: changed the objects of dev-cluster, but the output cannot be written: No space left on device\n"
    dry = stand.shell.dev("apply", "--dry-run", "client", code=2)
    assert dry.err.endswith("\nerror: the output cannot be written: No space left on device\n")
    assert stand.shell.dev("apply", code=2).err.endswith(told)
    assert stand.shell.dev("rollback", code=2).err.endswith(told)


def test_what_check_calls_an_error_stops_it(stand: Stand) -> None:
    path = stand.shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.write_text(path.read_text().replace("role/KubernetesAdmin", "role/team/KubernetesAdmin"))
    refused = stand.shell.dev("apply", code=2)
    assert f"{path}:" in refused.err
    assert "[IAM" in refused.err
    command = f"tarmak-iam -c {stand.shell.single} check"
    assert f"nothing was changed; `{command}` shows them all, --no-check goes on all the same" in refused.err
    assert stand.cluster.names() == []
    stand.shell.dev("apply", "--no-check")


def test_what_is_wrong_with_another_cluster_does_not(stand: Stand) -> None:
    path = stand.shell.single / "tarmak.yaml"
    typo = "{apiServer: {amazon: {awsIAMAuthenticator: yes}}}"
    other = f"- environment: test\n  metadata: {{name: other}}\n  kubernetes: {typo}\n"
    path.write_text(path.read_text().replace("clusters:\n", f"clusters:\n{other}", 1))
    assert "error" in stand.shell.dev("check", code=1).out
    stand.shell.dev("apply")


@pytest.mark.parametrize("command", ["apply", "rollback"])
def test_another_run_on_the_cluster_is_waited_for_by_nobody(stand: Stand, command: str) -> None:
    with cluster_lock(lock_path(stand.shell.single, "dev-cluster")):
        refused = stand.shell.dev(command, code=2)
        stand.shell.dev("apply", "--dry-run", "server")
    assert "is at work on this cluster; run again when it is done" in refused.err
    assert stand.cluster.names() == []


@pytest.mark.parametrize("command", ["apply", "rollback", "verify"])
def test_sigterm_ends_it_as_ctrl_c_does(stand: Stand, command: str) -> None:
    shell = stand.shell
    if command == "rollback":
        shell.dev("apply")
    stand.put("kubectl", f"touch {stand.bin}/asked; exec sleep 60")
    stand.put("aws-iam-authenticator", "exit 1")
    admin = shell.single / "dev-cluster" / "kubeconfig"
    words: list[str | Path] = [sys.executable, "-m", "tarmak_iam", "-c", shell.single, command, "--kubeconfig", admin]
    process = subprocess.Popen(
        words, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, stdin=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 240
    while not (stand.bin / "asked").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    assert process.communicate(timeout=240)[1].endswith("error: interrupted\n")
    assert process.returncode == 143
    assert not lock_path(shell.single, "dev-cluster").exists()


@pytest.mark.parametrize("command", ["apply", "diff", "rollback", "verify"])
def test_what_is_missing(stand: Stand, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    shell = stand.shell
    none = shell.dev(command, "--kubeconfig", shell.single / "none", code=2)
    assert none.err == f"{shell.single / 'none'}: error: there is no such kubeconfig; check the path\n"
    (stand.bin / "tarmak").unlink()
    assert "tarmak is not installed" in shell.dev(command, code=2).err
    (stand.bin / "kubectl").unlink()
    admin = shell.single / "dev-cluster" / "kubeconfig"
    monkeypatch.setenv("PATH", str(stand.bin))
    expected = "there is no change to roll back" if command == "rollback" else "kubectl is not installed"
    assert expected in shell.dev(command, "--kubeconfig", admin, code=2).err


def test_a_context_alone_is_kubectls_own_choice_of_a_file(stand: Stand) -> None:
    stand.shell.dev("apply", "--context", "other")
    assert not (stand.bin / "tarmak.log").exists()


def test_options_that_do_not_go_together(stand: Stand) -> None:
    refused = stand.shell.dev("diff", "--from", "x", "--kubeconfig", "y", code=2)
    assert "--from compares with a file" in refused.err
    misspelt = stand.shell.dev("apply", "--dryrun", code=2)
    assert misspelt.err.startswith("error: unknown option --dryrun; did you mean --dry-run?")


def test_the_rollout_is_waited_for_within_limits(stand: Stand) -> None:
    stand.cluster.is_rolled_out = False
    failed = stand.shell.dev("apply", "--timeout", "0", code=2)
    assert "it does not run everywhere after 0 seconds" in failed.err
    assert "done: created ConfigMap" in failed.err
    assert recovery_hint(stand) in failed.err
    stand.shell.dev("apply", "--no-wait")


ARN = "arn:aws:sts::111122223333:assumed-role/KubernetesAdmin/ann"


def reviewed(stand: Stand, username: str) -> None:
    stand.put("aws-iam-authenticator", "echo k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8")
    user: dict[str, Any] = {"username": username, "groups": ["system:masters"], "extra": {"arn": [ARN]}, "uid": "a:b:c"}
    stand.cluster.reviews = [{"authenticated": True, "user": user}]


def test_verify(stand: Stand) -> None:
    stand.shell.dev("apply")
    reviewed(stand, "admin")
    assert stand.shell.dev("verify").out == f"{ARN} is 'admin' with system:masters, as whois says\n"
    reviewed(stand, "root")
    found = stand.shell.dev("verify", "--timeout", "0", code=1)
    assert "the API server takes" in found.out
    assert f"verification failed; {recovery_hint(stand)}\n" in found.err
    shown = json.loads(stand.shell.dev("verify", "--timeout", "0", "-o", "json", code=1).out)
    assert (shown["ok"], shown["got"]["username"], shown["expected"]["username"]) == (False, "root", "admin")
    assert (shown["outcome"], shown["verifyAs"]) == ("failed", [ADMIN])


NOBODY = "arn:aws:sts::111122223333:assumed-role/Nobody/ann"


def refused(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server refuses whoever tries; by STS it is a caller whom nobody maps."""
    identity = Identity(NOBODY, "111122223333", "AROA1:ann")
    monkeypatch.setattr("tarmak_iam.hook.login.verify.ask_sts", lambda *_: StsAnswer(identity))
    stand.put("aws-iam-authenticator", "echo k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8")
    stand.cluster.reviews = [{"error": "[invalid bearer token, unknown]"}]


def test_a_refusal_of_somebody_whom_nobody_maps_is_not_verified(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = stand.shell
    shell.dev("apply")
    refused(stand, monkeypatch)
    found = shell.dev("verify", "--context", "a b", code=4)
    assert found.out.startswith(f"the API server does not let {NOBODY} in, as whois expects: no entry maps")
    assert found.err.splitlines()[-1] == (
        f"not verified: you ({NOBODY}) are not mapped; verify as {ADMIN}, with --role ARN or AWS_PROFILE; "
        f"`tarmak-iam -c {shell.single} verify --role {ADMIN} --context 'a b'` logs in as that role"
    )
    assert "admin certificate" not in found.err
    shown = json.loads(shell.dev("verify", "-o", "json", code=4).out)
    assert (shown["ok"], shown["outcome"], shown["got"]) == (False, "not mapped", None)


def test_verify_without_credentials(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    found = stand.shell.dev("verify", code=4)
    assert (found.out, found.err.count("no token can be made")) == ("", 1)
    assert found.err.splitlines()[-1].startswith("not verified: no token can be made: aws-iam-authenticator is not on ")
    assert "--role arn" not in found.err, "without credentials no role can be assumed"
    assert json.loads(stand.shell.dev("verify", "-o", "json", code=4).out)["outcome"] == "caller unknown"


def test_apply_says_that_it_is_not_verified(stand: Stand) -> None:
    shell = stand.shell
    command = f"`tarmak-iam -c {shell.single} verify --context dev` logs in"
    done = shell.dev("apply", "--context", "dev")
    assert done.err.splitlines()[-1] == f"applied, not verified: {command}"
    assert shell.dev("apply", "--context", "dev").err.splitlines()[-1] == f"unchanged, not verified: {command}"
    assert "verified" not in shell.dev("apply", "--dry-run", "client").err


class TestApplyAndVerify:
    def test_a_login_that_succeeds(self, stand: Stand) -> None:
        reviewed(stand, "admin")
        done = stand.shell.dev("apply", "--verify")
        assert done.out.splitlines()[-1] == f"{ARN} is 'admin' with system:masters, as whois says"
        assert done.err.splitlines()[-1] == "applied and verified"
        again = json.loads(stand.shell.dev("apply", "--verify", "-o", "json").out)
        assert (again["changed"], again["verified"]["outcome"]) == (False, "verified")

    def test_a_login_that_fails(self, stand: Stand) -> None:
        reviewed(stand, "root")
        once = functools.partial(verify_login, pause=100)
        with mock.patch("tarmak_iam.cli.live_cluster.verify_login", once):
            done = stand.shell.dev("apply", "--verify", code=1)
        assert "created ConfigMap" in done.out
        assert done.err.splitlines()[-1] == f"verification failed; {recovery_hint(stand)}"

    def test_somebody_whom_nobody_maps(self, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
        refused(stand, monkeypatch)
        done = stand.shell.dev("apply", "--verify", code=4)
        assert f"not verified: you ({NOBODY}) are not mapped; verify as {ADMIN}" in done.err
        assert "applied and verified" not in done.err
        shown = json.loads(stand.shell.dev("apply", "--verify", "-o", "json", code=4).out)
        assert (shown["changed"], shown["verified"]["outcome"]) == (False, "not mapped")

    def test_the_role_is_for_the_login(self, stand: Stand) -> None:
        reviewed(stand, "admin")
        stand.put("aws-iam-authenticator", f'echo "$@" > {stand.bin}/asked; echo k8s-aws-v1.aHR0cHM6Ly8')
        stand.shell.dev("apply", "--verify", "--role", ADMIN)
        assert (stand.bin / "asked").read_text() == f"token -i dev-cluster -r {ADMIN}\n"

    def test_an_api_server_that_goes_away_after_it(self, stand: Stand) -> None:
        """What was applied is printed all the same."""
        reviewed(stand, "admin")
        stand.cluster.fault = lambda args: failed("error: no") if args[0] == "create" else None
        done = stand.shell.dev("apply", "--verify", code=2)
        assert "created ConfigMap" in done.out
        assert "error: the TokenReview failed: no" in done.err
        shown = stand.shell.dev("apply", "--verify", "-o", "json", code=2).out
        assert json.loads(shown)["verified"] is None

    @pytest.mark.parametrize(
        ("options", "what"),
        [
            (["--verify", "--dry-run", "client"], "--verify logs in to what is applied, and --dry-run applies nothing"),
            (["--role", ADMIN], "--role is for the login of --verify; add --verify"),
            (["--profile", "p"], "--profile is for the login of --verify; add --verify"),
        ],
    )
    def test_options_that_do_not_go_together(self, stand: Stand, options: list[str], what: str) -> None:
        assert what in stand.shell.dev("apply", *options, code=2).err
        assert stand.cluster.names() == []


def test_the_difference_of_every_cluster(stand: Stand) -> None:
    """Each is asked through the kubeconfig that tarmak names for it."""
    shell = stand.shell
    for name in ("prod-blue", "prod-green"):
        chosen = ("-c", shell.multi, "--current-cluster", name)
        shell.run(*chosen, "map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
        shell.run(*chosen, "settings", "set", "kubernetesVersion", "1.24.17")
    shell.run("-c", shell.multi, "apply")
    (stand.bin / "tarmak.log").unlink()
    every = ("-c", shell.multi, "diff", "--all-clusters")
    done = shell.run(*every, code=1)
    assert done.out.splitlines()[0] == "prod-green:"
    assert "prod-blue: no differences: the cluster is as it should be\n" in done.err
    assert done.err.splitlines()[-1] == "2 clusters: 1 as it should be, 1 different (prod-green)"
    asked = [f"--config-directory {shell.multi} --current-cluster {name}" for name in ("prod-blue", "prod-green")]
    assert (stand.bin / "tarmak.log").read_text().splitlines() == [f"{each} clusters kubeconfig" for each in asked]
    told = json.loads(shell.run(*every, "-o", "json", code=1).out)
    assert [(each["cluster"], each["changed"], len(each["objects"])) for each in told] == [
        ("prod-blue", False, 0),
        ("prod-green", True, 2),
    ]
    (shell.multi / "prod-blue" / "aws-iam-authenticator.yaml").unlink()
    broken, other = json.loads(shell.run(*every, "-o", "json", code=2).out)
    assert broken["error"].startswith("prod-blue has no mappings file")
    assert other["changed"] is True


def test_what_writes_holds_the_lock_until_it_has_ended(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what only reads does not: it may start a tunnel, which stays."""
    held: dict[str, set[bool]] = {}
    answered = Programs.run

    def noted(self: Programs, *command: str | Path, text: str = "", seconds: float | None = None) -> Completed:
        if command[0] == "kubectl" and "--dry-run=server" not in command:
            verb = next(str(word) for word in command[1:] if not str(word).startswith("-"))
            held.setdefault(verb, set()).add(bool(self.inherited))
        return answered(self, *command, text=text, seconds=seconds)

    monkeypatch.setattr(Programs, "run", noted)
    stand.shell.dev("apply")
    stand.shell.dev("map", "add", f"{ADMIN}2", "--username", "admin", "--group", "system:masters")
    stand.shell.dev("apply")
    stand.shell.dev("rollback")
    verbs = {verb: verb in ("apply", "create", "delete", "replace") for verb in held}
    assert held == {verb: {is_write} for verb, is_write in verbs.items()}
    assert {"apply", "create", "delete", "replace", "get", "version"} <= set(held)
