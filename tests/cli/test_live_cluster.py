"""What apply, diff, rollback and verify share, as a user calls them: tarmak and kubectl are programs on the PATH."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tarmak_iam.hook.programs import Completed, Programs, cluster_lock, lock_path
from tests.support import ADMIN, ROOT
from tests.support.admin_certificates import certificate, kubeconfig, logins
from tests.support.fake_cluster import REFUSED, away, failed
from tests.support.kubectl_stand import ARN, Stand, recovery_hint, reviewed


def test_from_nothing_and_back(stand: Stand) -> None:
    shell = stand.shell
    shown = shell.dev("diff", code=1)
    assert f"{ADMIN}: can log in as admin with group system:masters" in shown.out
    assert "+++ ConfigMap kube-system/aws-iam-authenticator" in shown.out
    asked = f"--config-directory {shell.single} --current-cluster dev-cluster clusters kubeconfig\n"
    assert (stand.bin / "tarmak.log").read_text() == asked
    dry = shell.dev("apply", "--dry-run", "client")
    assert shell.dev("apply", "--dry-run") == dry, "as every other command's --dry-run, which takes no value"
    assert "dry run: nothing was changed" in dry.err
    assert stand.cluster.names() == []
    done = shell.dev("apply")
    assert done.out.splitlines() == [
        "created ConfigMap kube-system/aws-iam-authenticator",
        "created DaemonSet kube-system/aws-iam-authenticator",
        f"{ADMIN}: can log in as admin with group system:masters",
    ]
    assert "DaemonSet kube-system/aws-iam-authenticator: 3 of 3 nodes updated, 3 available" in done.err
    assert f"`tarmak-iam -c {shell.single} rollback` to restore them" in done.err
    again = shell.dev("apply")
    assert [line.split()[0] for line in again.out.splitlines()] == ["unchanged", "unchanged"]
    assert "rollback" not in again.err
    assert shell.dev("diff").out == ""
    back = shell.dev("rollback")
    assert back.out.splitlines()[0] == "removed DaemonSet kube-system/aws-iam-authenticator"
    assert f"IAM login is not possible now; {recovery_hint(stand)}\n" in back.err
    assert "unchanged" in shell.dev("rollback").err
    assert stand.cluster.names() == []


def test_tarmak_is_asked_for_the_cluster_that_was_read(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another current cluster may be set before tarmak reads the file."""
    reviewed(stand, "admin")
    stand.shell.dev("apply")
    monkeypatch.setenv("TARMAK_CONFIG", str(stand.shell.single))
    for command in ("diff", "apply", "verify", "report --live", "rollback"):
        (stand.bin / "tarmak.log").unlink()
        stand.shell.run(*command.split())
        assert (stand.bin / "tarmak.log").read_text() == "--current-cluster dev-cluster clusters kubeconfig\n", command


_ACTED_ON = "\x1b]0;title\x07\x9b31m\u202e\x7f\n::error::x"
_AS_ESCAPES = r"\x1b]0;title\x07\x9b31m\u202e\x7f ::error::x"


def test_the_name_of_a_user_that_the_cluster_reports_is_shown_as_escapes(stand: Stand) -> None:
    reviewed(stand, f"admin{_ACTED_ON}")
    shown = stand.shell.dev("verify", "--timeout", "0", code=1)
    assert f"identifies {ARN} as 'admin{_AS_ESCAPES}' with group system:masters\n" in shown.out


def test_names_in_a_history_are_shown_as_escapes(stand: Stand) -> None:
    stand.shell.dev("apply")
    state = stand.shell.single / "dev-cluster" / "tarmak-iam.state.json"
    found = json.loads(state.read_text())
    found["changes"][0]["objects"][0]["object"]["name"] = f"x{_ACTED_ON}"
    state.write_text(json.dumps(found))
    shown = stand.shell.dev("rollback", "--list").out
    assert f"created ConfigMap kube-system/x{_AS_ESCAPES}, created DaemonSet" in shown
    assert len(shown.splitlines()) == 2


def test_tarmak_is_not_asked_about_what_cannot_be_made(stand: Stand) -> None:
    (stand.shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").unlink()
    for command in ("apply", "diff"):
        assert "error: dev-cluster has no mappings file" in stand.shell.dev(command, code=2).err
    hub = stand.shell.run("-c", stand.shell.multi, "--cluster", "prod-hub", "verify", code=2)
    assert "error: prod-hub is a hub: it has no masters, so it has no API server to log in to" in hub.err
    assert not (stand.bin / "tarmak.log").exists()


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
    assert f"; {recovery_hint(stand)}\n" in stopped.err


def test_two_runs_on_one_cluster(stand: Stand) -> None:
    """Nobody waits for the other."""
    with cluster_lock(lock_path(stand.shell.single, "dev-cluster")):
        for command in ("apply", "rollback"):
            refused = stand.shell.dev(command, code=2)
            assert f"this cluster is in use by another run (process {os.getpid()})" in refused.err
        stand.shell.dev("apply", "--dry-run=server")
    assert stand.cluster.names() == []


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


@pytest.mark.sample(1)
@pytest.mark.parametrize("command", ["apply", "rollback", "verify"])
def test_sigterm_ends_it_as_ctrl_c_does(stand: Stand, command: str) -> None:
    shell = stand.shell
    if command == "rollback":
        shell.dev("apply")
    stand.put("kubectl", f"touch {stand.bin}/asked; exec sleep 600")
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


def test_what_is_missing(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = dict.fromkeys(("apply", "diff", "verify"), "kubectl is not installed")
    commands["rollback"] = "no change to roll back"
    none, admin = stand.shell.single / "none", stand.shell.single / "dev-cluster" / "kubeconfig"
    for command in commands:
        refused = stand.shell.dev(command, "--kubeconfig", none, code=2)
        assert refused.err == f"{none}: error: kubeconfig not found; check the path\n"
    (stand.bin / "tarmak").unlink()
    for command in commands:
        assert "tarmak is not installed" in stand.shell.dev(command, code=2).err
    (stand.bin / "kubectl").unlink()
    monkeypatch.setenv("PATH", str(stand.bin))
    for command, expected in commands.items():
        assert expected in stand.shell.dev(command, "--kubeconfig", admin, code=2).err


def test_a_context_alone_is_kubectls_own_choice_of_a_file(stand: Stand) -> None:
    stand.shell.dev("apply", "--context", "other")
    assert not (stand.bin / "tarmak.log").exists()


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


def test_a_refused_connection_ends_what_only_reads_at_once(stand: Stand) -> None:
    stand.shell.dev("apply")
    stand.cluster.fault = away(10_000)
    for command in ("diff", "verify", "apply --dry-run", "rollback --dry-run", "report --live"):
        stand.cluster.calls.clear()
        done = stand.shell.dev(*command.split(), code=2)
        assert f" failed: {REFUSED}; check that the cluster is up" in done.err, command
        assert "trying again" not in done.err, command
        assert len(stand.cluster.calls) == 1, command


@pytest.mark.parametrize("command", ["diff", "verify"])
def test_how_long_to_wait_for_an_answer(stand: Stand, command: str) -> None:
    stand.cluster.fault = lambda _: failed("Unable to connect to the server: EOF")
    done = stand.shell.dev(command, "--timeout", "1", code=2)
    assert "the API server cannot be reached; trying again for up to 1 seconds\n" in done.err
    assert "error: kubectl version failed: Unable to connect to the server: EOF (2 attempts in " in done.err


def test_no_file_of_bindings_without_any(stand: Stand, tmp_path: Path) -> None:
    path = tmp_path / "rbac.yaml"
    done = stand.shell.dev("map", "convert", "--to", "access-entries", "--with-rbac", path, "--force")
    assert "no binding of the cluster names a group or username of the entries, so no file is written" in done.err
    assert not path.exists()
