"""rollback as a user calls it: tarmak and kubectl are programs on the PATH."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tarmak_iam.cli.commands.apply import removes_the_authenticator
from tarmak_iam.hook.cluster.results import ObjectAction, ObjectChange
from tests.support import ADMIN
from tests.support.admin_certificates import certificate, kubeconfig, logins
from tests.support.fake_cluster import failed
from tests.support.kubectl_stand import Stand, recovery_hint


def test_mappings_that_cannot_be_read_are_rolled_back_all_the_same(stand: Stand) -> None:
    stand.shell.dev("apply")
    (stand.shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text("server: [")
    back = stand.shell.dev("rollback")
    assert back.out.splitlines()[0] == "removed DaemonSet kube-system/aws-iam-authenticator"
    assert f"IAM login is not possible now; {recovery_hint(stand)}\n" in back.err


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
        f"IAM login is not possible now; no recovery access: {what.replace('PATH', str(path))}; "
        f"run `tarmak -c {stand.shell.single} clusters kubeconfig` for a new one\n"
    )


def test_only_without_the_authenticator_itself_nobody_can_log_in() -> None:
    removed, name, namespace = ObjectAction.REMOVED, "aws-iam-authenticator", "kube-system"
    assert removes_the_authenticator(ObjectChange(removed, "DaemonSet", namespace, name))
    for other in (
        ObjectChange(ObjectAction.CONFIGURED, "DaemonSet", namespace, name),
        ObjectChange(removed, "ConfigMap", namespace, name),
        ObjectChange(removed, "DaemonSet", namespace, "log-shipper-of-a-plugin"),
        ObjectChange(removed, "DaemonSet", "logging", name),
    ):
        assert not removes_the_authenticator(other)


def test_a_rollback_that_stops_midway_says_what_was_found_of_the_admin_certificate(stand: Stand) -> None:
    stand.shell.dev("apply")
    stand.cluster.fault = lambda args: failed("no") if "delete" in args and "ConfigMap" in " ".join(args) else None
    stopped = stand.shell.dev("rollback", code=2)
    assert "done: removed DaemonSet kube-system/aws-iam-authenticator; not done: ConfigMap" in stopped.err
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
    outside = f"this is a link to {target}, outside of {shell.single.resolve()}"
    refused = f"{path}: error: {outside}; replace the link with the file"
    assert refused in shell.dev("apply", code=2).err
    assert refused in shell.run("-c", shell.single, "rollback", code=2).err
    assert refused in shell.run("-c", shell.single, "rollback", "--list", code=2).err
    assert not target.exists()
    shell.dev("apply", "--follow-links")
    assert target.exists()
    shell.dev("rollback", "--force", "--state", path)  # as it is named


def test_what_a_rollback_to_a_change_finds_done(stand: Stand) -> None:
    shell = stand.shell
    shell.dev("apply")
    assert "unchanged: all changes after change 1 are already undone; run `" in shell.dev("rollback", "--to", "1").err
    shell.dev("rollback")
    assert "unchanged: all changes after change 0 are already undone; run `" in shell.dev("rollback", "--to", "0").err
    assert "unchanged: the last change is already undone; run `tarmak-iam" in shell.dev("rollback").err


def test_the_history_is_listed(stand: Stand) -> None:
    shell = stand.shell
    assert shell.dev("rollback", "--list").err == "no changes: nothing was applied from this directory\n"
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
    assert "afterwards IAM login is not possible: DaemonSet kube-system/aws-iam-authenticator does not exist" in dry.err
    assert dry.err.endswith("dry run: nothing was changed\n")
    assert dry.out.splitlines()[0] == "would remove ConfigMap kube-system/aws-iam-authenticator"
    assert len(stand.cluster.names()) == 2
    done = json.loads(shell.dev("rollback", "-o", "json").out)
    assert (done["undone"], done["dryRun"], done["changed"]) == ([2], False, True)
    assert done["afterwards"] == {"principals": 1, "admins": 1, "reason": ""}
    assert [each["text"] for each in done["effects"]] == [f"{ADMIN}2: can no longer log in; loses dev"]
    again = json.loads(shell.dev("rollback", "-o", "json").out)
    assert (again["undone"], again["changed"], again["afterwards"], again["changes"]) == ([], False, None, [])
