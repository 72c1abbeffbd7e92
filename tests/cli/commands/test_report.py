"""report as a user runs it: for one cluster, for all, from files, from git, and with a cluster that is asked."""

from __future__ import annotations

import json
import os
import sys
import webbrowser
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
    """The same for the same date. JSON fits its schema."""
    mapped(shell)
    shown = shell.dev("report", "-o", "html", "--date", "2026-11-25")
    assert shown.err == ""
    assert shown.out == shell.dev("report", "-o", "html", "--date", "2026-11-25").out
    page = read(shown.out)
    assert page.named("title")[0].text == "Access review: dev-cluster"
    assert "Date of the review2026-11-25" in page.text
    assert "dev-cluster/aws-iam-authenticator.yaml:10:5" in page.text
    listed = reported(shell, "-c", shell.single)
    (own,) = listed["clusters"]
    assert (listed["complete"], own["cluster"], own["awsIAMAuthenticatorInit"]) == (True, "dev-cluster", True)
    assert [(each["principal"], each["privilege"]) for each in own["principals"]] == [(ADMIN, "admin"), (DEV, "none")]
    assert (own["loginObstacles"], own["live"], listed["history"]) == ([], None, "no git repository")


def test_every_cluster_and_one_that_cannot_be_read(shell: Shell) -> None:
    multi = ("-c", shell.multi)
    shell.run(*multi, "map", "add", ADMIN, "--username", "admin", "--group", "system:masters", "--all-clusters")
    assert [each["cluster"] for each in reported(shell, *multi)["clusters"]] == ["prod-blue"]
    everything = shell.run(*multi, "report", "--all-clusters", "-o", "json")
    shown = json.loads(everything.out)
    assert everything.err == "2 clusters: 2 without IAM login (prod-blue, prod-green); 1 hub (prod-hub)\n"
    assert [(each["cluster"], each["type"]) for each in shown["clusters"]] == [
        ("prod-hub", "hub"),
        ("prod-blue", "cluster-multi"),
        ("prod-green", "cluster-multi"),
    ]
    assert shown["summary"]["clusters"] == 2
    (row,) = shown["principals"]
    assert list(row["clusters"]) == ["prod-blue", "prod-green"]
    (shell.multi / "prod-blue" / "aws-iam-authenticator.yaml").write_text("- no mapping\n")
    summary = "2 clusters: 1 without IAM login (prod-green), 1 failed (prod-blue); 1 hub (prod-hub)\n"
    for output in ("html", "json"):
        broken = shell.run(*multi, "report", "--all-clusters", "-o", output, code=2)
        assert "prod-blue/aws-iam-authenticator.yaml:1:1: error: prod-blue: the mappings file must be" in broken.err
        assert "admin" in broken.out
        assert broken.err.endswith(summary)
    shown = json.loads(broken.out)
    jsonschema.Draft7Validator(SCHEMA).validate(shown)
    blue = shown["clusters"][1]
    assert (shown["complete"], blue["cluster"], "awsIAMAuthenticatorInit" in blue) == (False, "prod-blue", False)
    assert "the mappings file must be a YAML mapping" in blue["error"]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The URLs that a browser was started with; files are written to tmp_path."""
    urls: list[str] = []

    def record(url: str) -> bool:
        urls.append(url)
        return True

    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(webbrowser, "open", record)
    return urls


@pytest.mark.parametrize("variable", ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY"])
def test_a_browser_opens_the_page(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str], variable: str
) -> None:
    """It is its user's alone."""
    mapped(shell)
    monkeypatch.setenv(variable, ":0")
    done = shell.dev("report", "--open")
    (page,) = tmp_path.glob("tarmak-iam-*/access-review.html")
    assert page.read_text() == shell.dev("report", "-o", "html").out
    assert (page.stat().st_mode & 0o777, page.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert (opened, done.out) == ([page.as_uri()], "")
    assert done.err == f"opened {page} in the browser; remove the file when it is no longer needed\n"


def test_without_a_display_nothing_is_started(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    """Nor is what cannot be started, or written."""

    def fail(_url: str) -> bool:
        raise webbrowser.Error

    done = shell.dev("report", "--open")
    (page,) = tmp_path.glob("tarmak-iam-*/access-review.html")
    what = f"no browser found; open {page} yourself, and remove the file when it is no longer needed\n"
    assert done.err == what
    for output in ("text", "json"):
        refused = shell.dev("report", "--open", "-o", output, code=2)
        assert f"--open shows HTML: use it without -o {output}, or with -o html" in refused.err
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", fail)
    assert "no browser found; open " in shell.dev("report", "--open").err
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    what = "error: cannot write access-review.html to a temporary directory: No such file or directory"
    assert what in shell.dev("report", "--open", code=2).err
    assert opened == []


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


@needs_git
def test_the_last_change(shell: Shell) -> None:
    mapped(shell)
    work = Work(shell.single)
    work.git("init", "-q")
    work.commit_all("Let the developers in", "Alice")
    shell.dev("map", "add", DEV, "--username", "dev:{{SessionName}}", "--group", "ops")
    shown = reported(shell, "-c", shell.single)
    admin, dev = (each["lastChange"] for each in shown["clusters"][0]["principals"])
    assert (admin["author"], admin["date"], admin["summary"]) == (
        "Alice",
        "2026-03-01T10:00:00+01:00",
        "Let the developers in",
    )
    assert dev["state"] == "uncommitted"
    assert [Path(each).name for each in shown["revision"]["changedFiles"]] == ["aws-iam-authenticator.yaml"]
