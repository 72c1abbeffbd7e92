"""report as a user runs it: for one cluster, for all, from files, from git, and with a cluster that is asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tarmak_iam.hook.programs import Completed, Programs
from tests.report.test_rbac import EVERYTHING, binding, role
from tests.support import ADMIN, ROOT, Shell
from tests.support.fake_cluster import Cluster, failed
from tests.support.report_pages import read
from tests.support.work_trees import Work, needs_git

SCHEMA = json.loads((ROOT / "schemas" / "report.json").read_text())
DEV = "arn:aws:iam::111122223333:role/Dev"
INTRODUCTION = """\
Access review
This access review lists the principals (IAM roles, users, accounts and SSO permission sets) that are configured to \
log in to the Kubernetes cluster dev-cluster with AWS IAM credentials. For each principal it shows the username, \
groups and privilege in Kubernetes, and the entry of the mappings file that grants them.
It was generated from tarmak.yaml and from the settings and mappings files of each cluster. The commit of these files \
and their last changes are not known: no git repository. The cluster was not asked: rights that RBAC bindings grant \
are not included.
It lists 2 principals; 1 has admin access.
The privilege of a principal is the highest one that is known. "admin" means that it has every right in the cluster or \
can give itself every right, "node" that it has the identity of a node, and "elevated" that it has rights with which \
it can get more rights. If no privilege is shown, none of these is known.
Not covered: who can assume a role or use the keys of a user in AWS, and logins without IAM (client certificates, \
tokens of service accounts).
"""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The cluster that answers every call of kubectl."""
    cluster = Cluster(server="v1.24.17")
    run = Programs.run

    def answered(self: Programs, *command: str | Path, text: str = "", seconds: float | None = None) -> Completed:
        if command[0] == "kubectl":
            return cluster.run(tuple(map(str, command[1:])), text)
        return run(self, *command, text=text, seconds=seconds)

    monkeypatch.setattr(Programs, "run", answered)
    return cluster


def reported(shell: Shell, *args: str | Path, code: int = 0) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(shell.run(*args, "report", "-o", "json", code=code).out)
    jsonschema.Draft7Validator(SCHEMA).validate(shown)
    return shown


def mapped(shell: Shell) -> None:
    shell.dev("enable")
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    shell.dev("map", "add", DEV, "--username", "dev:{{SessionName}}", "--group", "developers")


def test_one_cluster(shell: Shell) -> None:
    mapped(shell)
    path = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    kubeconfig = shell.single / "dev-cluster" / "kubeconfig"
    assert shell.dev("report").out.splitlines() == [
        *INTRODUCTION.splitlines(),
        "",
        "dev-cluster: awsIAMAuthenticatorInit is on, authenticator v0.7.18, backend MountedFile, Kubernetes 1.12.9",
        f"  no recovery access: the current context of {kubeconfig} has no client certificate",
        "  2 principals, 1 with admin access",
        f"  {ADMIN}",
        "    becomes  admin, groups system:masters",
        "    admin    group system:masters",
        f"    entry    {path}:6:5",
        f"  {DEV}",
        "    becomes  dev:{{SessionName}}, groups developers",
        f"    entry    {path}:10:5",
    ]


@needs_git
def test_without_dulwich_it_says_once_how_to_get_the_history(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped(shell)
    Work(shell.single).git("init", "-q")
    monkeypatch.delitem(sys.modules, "tarmak_iam.report.git_repository", raising=False)
    monkeypatch.setitem(sys.modules, "dulwich.objects", None)
    why = "dulwich 1.2.9 or later is not installed"
    how = "install it, or install the extra `report` in the clone of tarmak-iam: pip install '.[report]'"
    shown = shell.dev("report")
    assert shown.err == f"the last changes are not known: {why}; {how}\n"
    assert shown.out.count(why) == 1
    assert reported(shell, "-c", shell.single)["history"] == f"{why}; {how}"
    assert how in read(shell.dev("report", "-o", "html").out).text


def test_privileges_are_coloured(shell: Shell) -> None:
    mapped(shell)
    out = shell.dev("--color", "always", "report").out
    assert "\n    \x1b[31m\x1b[1madmin\x1b[0m    group system:masters\n" in out
    assert out.count("\x1b[31m") == 1


def test_the_page_goes_to_stdout(shell: Shell) -> None:
    mapped(shell)
    shown = shell.dev("report", "-o", "html", "--date", "2026-11-25")
    assert shown.err == ""
    assert shown.out == shell.dev("report", "-o", "html", "--date", "2026-11-25").out
    page = read(shown.out)
    assert page.named("title")[0].text == "Access review: dev-cluster"
    assert "Date of the review2026-11-25" in page.text
    assert "dev-cluster/aws-iam-authenticator.yaml:10:5" in page.text


def test_json(shell: Shell) -> None:
    mapped(shell)
    shown = reported(shell, "-c", shell.single)
    (own,) = shown["clusters"]
    assert (shown["complete"], own["cluster"], own["awsIAMAuthenticatorInit"], own["loginObstacles"]) == (
        True,
        "dev-cluster",
        True,
        [],
    )
    assert [(each["principal"], each["privilege"]) for each in own["principals"]] == [(ADMIN, "admin"), (DEV, "none")]
    assert shown["history"] == "no git repository"
    assert own["live"] is None


def test_a_cluster_without_mappings(shell: Shell) -> None:
    out = shell.dev("report").out
    assert "  IAM login is not possible: it has no mappings file" in out
    assert "  IAM login is not possible: awsIAMAuthenticatorInit is off" in out


def test_files_that_cannot_be_read(shell: Shell) -> None:
    mapped(shell)
    (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text("server: [")
    broken = shell.dev("report", code=2)
    assert broken.out == ""
    assert "aws-iam-authenticator.yaml:1:10: error: invalid YAML" in broken.err


def test_every_cluster_and_one_that_cannot_be_read(shell: Shell) -> None:
    multi = ("-c", shell.multi)
    for name in ("prod-blue", "prod-green"):
        options = ("--current-cluster", name, "map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
        shell.run(*multi, *options)
    shown = reported(shell, *multi, "--current-cluster", "prod-blue")
    assert [each["cluster"] for each in shown["clusters"]] == ["prod-blue"]
    everything = shell.run(*multi, "report", "--all-clusters", "-o", "json")
    shown = json.loads(everything.out)
    assert everything.err == "3 clusters: 2 without IAM login (prod-blue, prod-green), 1 hub (prod-hub)\n"
    assert [(each["cluster"], each["type"]) for each in shown["clusters"]] == [
        ("prod-hub", "hub"),
        ("prod-blue", "cluster-multi"),
        ("prod-green", "cluster-multi"),
    ]
    (row,) = shown["principals"]
    assert list(row["clusters"]) == ["prod-blue", "prod-green"]
    (shell.multi / "prod-blue" / "aws-iam-authenticator.yaml").write_text("- no mapping\n")
    for output in ("text", "html", "json"):
        broken = shell.run(*multi, "report", "--all-clusters", "-o", output, code=2)
        assert (
            "prod-blue/aws-iam-authenticator.yaml:1:1: error: prod-blue: the mappings file must be a YAML "
            "mapping" in broken.err
        )
        assert "admin" in broken.out
        assert broken.err.endswith(
            "3 clusters: 1 without IAM login (prod-green), 1 hub (prod-hub), 1 failed (prod-blue)\n"
        )
    shown = json.loads(shell.run(*multi, "report", "--all-clusters", "-o", "json", code=2).out)
    jsonschema.Draft7Validator(SCHEMA).validate(shown)
    blue = shown["clusters"][1]
    assert (shown["complete"], blue["cluster"], "awsIAMAuthenticatorInit" in blue) == (False, "prod-blue", False)
    assert "the mappings file must be a YAML mapping" in blue["error"]


def test_clusters_with_and_without_login(shell: Shell) -> None:
    multi = ("-c", shell.multi, "--current-cluster", "prod-green")
    shell.run(*multi, "enable")
    shell.run(*multi, "map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    done = shell.run("-c", shell.multi, "report", "--all-clusters")
    assert done.err == "3 clusters: 1 with IAM login (prod-green), 1 without (prod-blue), 1 hub (prod-hub)\n"
    numbers = "It lists 1 principal; 1 has admin access to at least one cluster."
    assert f"{numbers} IAM login is not possible for prod-blue: " in done.out


def test_a_finding_about_several_entries_is_printed_once(shell: Shell) -> None:
    shell.dev("enable")
    for name in ("A", "B", "C"):
        shell.dev("map", "add", f"{DEV}{name}", "--username", "{{SessionName}}", "--group", name, code=0)
    path = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    lines = shell.dev("report").out.splitlines()
    assert lines.count("    findings IAM070: see below") == 3
    (number,) = (at for at, line in enumerate(lines) if "[IAM070]" in line)
    assert lines[number].startswith(f"  {path}:7:15: warning: ")
    assert lines[number + 1] == "    also at 11:15, 15:15"


def test_open(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mapped(shell)
    opened: list[str] = []

    def record(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("webbrowser.open", record)
    monkeypatch.setenv("DISPLAY", ":0")
    done = shell.dev("report", "--open")
    (page,) = tmp_path.glob("tarmak-iam-*/access-review.html")
    assert page.read_text() == shell.dev("report", "-o", "html").out
    assert (page.stat().st_mode & 0o777, page.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert (opened, done.out) == ([page.as_uri()], "")
    assert done.err == f"opened {page} in the browser; remove the file when it is no longer needed\n"
    for output in ("text", "json"):
        refused = shell.dev("report", "--open", "-o", output, code=2)
        assert f"--open shows HTML: use it without -o {output}, or with -o html" in refused.err
    assert len(opened) == 1


def test_options_that_contradict_each_other(shell: Shell) -> None:
    for options in (("--kubeconfig", "x"), ("--context", "x")):
        refused = shell.run("-c", shell.multi, "report", "--all-clusters", *options, code=2)
        assert "--kubeconfig and --context are for one cluster: use --live with --all-clusters" in refused.err
    refused = shell.run("-c", shell.multi, "--current-cluster", "prod-blue", "report", "--all-clusters", code=2)
    assert "--cluster selects one cluster" in refused.err
    assert "kubeconfig not found" in shell.dev("report", "--kubeconfig", "nowhere", code=2).err


def test_a_cluster_that_is_asked(shell: Shell, cluster: Cluster) -> None:
    mapped(shell)
    for each in (
        role("cluster-admin", EVERYTHING),
        role("view", {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}),
        binding("developers", "view", "Group:developers", namespace="dev"),
        binding("basic", "view", "Group:system:authenticated"),
        binding("alice", "cluster-admin", "User:dev:alice"),
    ):
        cluster.add(each)
    kubeconfig = shell.single / "dev-cluster" / "kubeconfig"
    lines = shell.dev("report", "--kubeconfig", kubeconfig).out.splitlines()
    assert "    admin    ClusterRoleBinding alice: everything for the user dev:alice" in lines
    assert "    may      get on pods in dev (RoleBinding dev/developers, ClusterRole view)" in lines
    assert "  every authenticated caller may get on pods (ClusterRoleBinding basic, ClusterRole view)" in lines
    assert f"  not applied yet: {ADMIN}: can log in as admin with group system:masters" in lines
    assert cluster.writes == []
    shown = json.loads(shell.dev("report", "--context", "dev", "-o", "json").out)
    jsonschema.Draft7Validator(SCHEMA).validate(shown)
    (admin, dev) = shown["clusters"][0]["principals"]
    assert (admin["rights"], dev["rights"][1]["everything"]) == ([], True)


@pytest.mark.parametrize(("fails", "has_rights"), [("clusterroles", False), ("daemonset", True)])
def test_what_the_kubeconfig_may_not_read(shell: Shell, cluster: Cluster, fails: str, has_rights: bool) -> None:
    mapped(shell)
    cluster.fault = lambda args: failed("Error from server (Forbidden): no") if args[1].startswith(fails) else None
    asked = shell.dev("report", "--kubeconfig", shell.single / "dev-cluster" / "kubeconfig", "-o", "json", code=2)
    assert "kubectl get failed" in asked.err
    assert (asked.out != "") is has_rights
    if has_rights:
        shown = json.loads(asked.out)
        assert shown["complete"] is False
        assert "its current mappings cannot be read" in shown["clusters"][0]["live"]["error"]


@pytest.mark.usefixtures("cluster")
def test_every_cluster_is_asked_through_its_own(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of which tarmak knows no kubeconfig for."""
    tarmak = tmp_path / "bin" / "tarmak"
    tarmak.parent.mkdir()
    kubeconfig = shell.multi / "prod-blue" / "kubeconfig"
    tarmak.write_text(f'#!/bin/sh\ncase "$*" in *blue*) echo KUBECONFIG={kubeconfig};; *) exit 1;; esac\n')
    tarmak.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tarmak.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    asked = shell.run("-c", shell.multi, "report", "--all-clusters", "--live", "-o", "json", code=2)
    shown = json.loads(asked.out)
    jsonschema.Draft7Validator(SCHEMA).validate(shown)
    assert [each["live"] and each["live"]["error"] is None for each in shown["clusters"]] == [None, True, False]


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_the_last_change(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped(shell)
    for variable, value in (("NAME", "Alice"), ("EMAIL", "a@example.com"), ("DATE", "2026-03-01T10:00:00+0000")):
        for kind in ("AUTHOR", "COMMITTER"):
            monkeypatch.setenv(f"GIT_{kind}_{variable}", value)
    for args in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Let the developers in"]):
        subprocess.run(["git", "-c", "commit.gpgsign=false", *args], cwd=shell.single, check=True, capture_output=True)
    shell.dev("map", "add", DEV, "--username", "dev:{{SessionName}}", "--group", "ops")
    shown = reported(shell, "-c", shell.single)
    admin, dev = (each["lastChange"] for each in shown["clusters"][0]["principals"])
    assert (admin["author"], admin["date"], admin["summary"]) == (
        "Alice",
        "2026-03-01T10:00:00+00:00",
        "Let the developers in",
    )
    assert dev["state"] == "uncommitted"
    assert [Path(each).name for each in shown["revision"]["changedFiles"]] == ["aws-iam-authenticator.yaml"]


def test_the_mappings_of_a_hub_are_reported_as_a_finding_only(shell: Shell) -> None:
    (shell.multi / "prod-hub").mkdir()
    entry = f"{{roleARN: '{ADMIN}', username: admin, groups: ['system:masters']}}"
    entries = f"  mapRoles: [{entry}, {entry}]\n"
    for name, accounts in ("prod-hub", "  mapAccounts: ['111122223333']\n"), ("prod-blue", ""):
        (shell.multi / name / "aws-iam-authenticator.yaml").write_text(f"server:\n{entries}{accounts}")
    args = ("-c", shell.multi, "report", "--all-clusters")
    shown = json.loads(shell.run(*args, "-o", "json").out)
    assert [len(each["principals"]) for each in shown["clusters"]] == [0, 1, 0]
    assert [len(each["ineffective"]) for each in shown["clusters"]] == [0, 1, 0]
    assert [each["clusters"].keys() for each in shown["principals"]] == [{"prod-blue"}]
    for output in ("text", "html"):
        assert "hese mappings have no effect" in shell.run(*args, "-o", output).out
