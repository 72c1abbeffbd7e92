"""`check FILE...`: a file stands for what it belongs to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import ADMIN, Shell

GOOD = f"""\
server:
  mapRoles:
  - roleARN: {ADMIN}
    username: admin
    groups: ["system:masters"]
"""
BAD = GOOD.replace("username: admin", "username: ''")
NAME = "aws-iam-authenticator.yaml"
CURRENT = "currentCluster: dev-cluster   # what `tarmak` works on\n"


@pytest.fixture
def multi(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example with two clusters, whose mappings have a finding each, as the working directory."""
    for name in ("prod-blue", "prod-green"):
        (shell.multi / name / NAME).write_text(BAD)
    monkeypatch.chdir(shell.multi)
    return shell.multi


def files_with_findings(shell: Shell, *args: str | Path, code: int = 1) -> list[str]:
    return [each["file"] for each in json.loads(shell.run("check", *args, "-o", "json", code=code).out)]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["tarmak.yaml"], ["prod-blue", "prod-green"]),
        (["."], ["prod-blue", "prod-green"]),
        ([f"prod-green/{NAME}"], ["prod-green"]),
        ([f"prod-blue/../prod-green/./{NAME}"], ["prod-green"]),
        ([f"prod-green/{NAME}", f"prod-blue/{NAME}"], ["prod-blue", "prod-green"]),
        ([f"prod-green/{NAME}", f"./prod-green/{NAME}", "tarmak.yaml"], ["prod-blue", "prod-green"]),
        ([f"prod-green/{NAME}", "--all-clusters"], ["prod-blue", "prod-green"]),
    ],
)
def test_a_file_stands_for_its_clusters(shell: Shell, multi: Path, files: list[str], found: list[str]) -> None:
    assert multi.exists()
    assert files_with_findings(shell, *files) == [f"{name}/{NAME}" for name in found]


@pytest.mark.parametrize(
    "name", [NAME, "tarmak-iam.yaml", "tarmak-iam.yml", f"prod/{NAME}", "prod-blue/aws-iam-authenticator.yml"]
)
def test_a_file_that_is_not_read(shell: Shell, multi: Path, name: str) -> None:
    """It is reported once, whichever way it is named."""
    for cluster in ("prod-blue", "prod-green"):
        (multi / cluster / NAME).write_text(GOOD)
    (multi / name).parent.mkdir(exist_ok=True)
    (multi / name).write_text("exec: aws\n" if "tarmak" in name else GOOD)
    for args in ([name], ["tarmak.yaml"], ["--all-clusters", "tarmak.yaml", name], ["."]):
        done = shell.run("check", *args, code=1)
        assert [line.partition(": this file is not read")[0] for line in done.out.splitlines()] == [f"{name}: warning"]
    for args in ([], ["--all-clusters"]):
        done = shell.run("-c", ".", "check", *args, code=1)
        assert done.out.startswith(f"{name}: warning: this file is not read: ")
        assert done.out.count("[IAM098]") == 1


@pytest.mark.parametrize("name", ["config.yaml", "mappings.yml"])
def test_other_names_are_known_by_what_is_in_them(shell: Shell, multi: Path, name: str) -> None:
    (multi / name).write_text(BAD)
    assert files_with_findings(shell, name) == [name]
    (multi / name).write_text((multi / "tarmak.yaml").read_text())
    assert files_with_findings(shell, name) == [f"prod-blue/{NAME}", f"prod-green/{NAME}"]


def test_what_is_not_there(shell: Shell, multi: Path) -> None:
    assert multi.exists()
    failed = shell.run("check", "tarmk.yaml", f"prod-blue/{NAME}", code=2)
    assert failed.err.splitlines()[0] == "tarmk.yaml: error: file not found; check the path"
    assert f"prod-blue/{NAME}:4:15: error" in failed.out
    assert failed.err.splitlines()[-1] == "1 error"
    alone = shell.run("check", "a/b/c", code=2)
    assert "file not found; check the path" in alone.err
    assert alone.err.splitlines()[-1] == "nothing could be checked"
    beside = shell.run("check", "a/b/c", "tarmak.yaml", "--fail-on", "error", code=2)
    assert beside.err.splitlines()[-1] != "nothing could be checked"
    beside = shell.run("check", "prod-blue", code=2)
    assert "prod-blue: error: this directory has no tarmak.yaml; specify a file, or a cluster with --c" in beside.err
    (multi / "link.yaml").symlink_to("gone.yaml")
    assert "link.yaml: error: file not found; check the path" in (shell.run("check", "link.yaml", code=2).err)
    assert "the value is empty; specify a file" in shell.run("check", "", code=2).err


def test_a_remedy_is_for_the_cluster_that_it_is_about(shell: Shell, multi: Path) -> None:
    added = "map add ARN --username NAME --group system:masters"
    for cluster, named in (("prod-blue", ""), ("prod-green", " --cluster prod-green")):
        (multi / cluster / NAME).unlink(missing_ok=True)
        shell.run("-c", ".", "--current-cluster", cluster, "enable")
        found = shell.run("-c", ".", "--current-cluster", cluster, "check", code=1).out
        assert f"map an admin role: tarmak-iam -c .{named} {added} [IAM021]" in found


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_hub_with_mappings_is_not_clean(shell: Shell, line_end: str) -> None:
    (shell.multi / "prod-hub").mkdir()
    (shell.multi / "prod-hub" / NAME).write_bytes(f"{BAD}mapUsers: [\n".replace("\n", line_end).encode())
    checked = shell.run("-c", shell.multi, "check", "--all-clusters", code=1)
    assert checked.out == (
        f"{shell.multi}/prod-hub/{NAME}: warning: these mappings have no effect: prod-hub is a hub, which has no API "
        "server; move the file to the directory of the cluster that it is for, or remove it [IAM098]\n"
    )
    summary = "1 warning, 3 clusters: 2 clean, 1 with findings (prod-hub)\n"
    assert checked.err == f"more about a finding: `tarmak-iam explain IAM098`\n{summary}"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("line", "place"), [("", "4:1"), ("currentCluster:\n", "6:16"), ("currentCluster: ''\n", "6:17")]
)
def test_without_a_current_cluster_no_mappings_are_checked(shell: Shell, line: str, place: str, line_end: str) -> None:
    file = shell.single / "tarmak.yaml"
    text = file.read_text().replace(CURRENT, line)
    file.write_bytes(text.replace("\n", line_end).encode())
    (shell.single / "dev-cluster" / NAME).write_text(BAD)
    what = "currentCluster is not set, so no mappings and settings were checked"
    finding = f"{what}; set currentCluster, or use --cluster or --all-clusters"
    checked = shell.run("-c", shell.single, "check", code=1)
    assert checked.out == f"{file}:{place}: error: {finding} [IAM005]\n"
    assert checked.err == "more about a finding: `tarmak-iam explain IAM005`\n1 error\n"
    (in_json,) = json.loads(shell.run("-c", shell.single, "check", "-o", "json", "--fail-on", "error", code=1).out)
    assert (in_json["id"], in_json["message"]) == ("IAM005", what)
    (run,) = json.loads(shell.run("-c", shell.single, "check", "-o", "sarif", code=1).out)["runs"]
    assert run["invocations"] == [{"executionSuccessful": False}]
    assert [each["ruleId"] for each in run["results"]] == ["IAM005"]
    assert (
        "title=IAM005::currentCluster is not set" in shell.run("-c", shell.single, "check", "-o", "github", code=1).out
    )
    shell.run("-c", shell.single, "check", "--diff", code=1)


def test_a_check_without_the_cluster_that_is_meant_is_not_successful(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_text(file.read_text().replace("currentCluster: dev-cluster", "currentCluster: dev-clustr"))
    (run,) = json.loads(shell.run("-c", shell.single, "check", "-o", "sarif", code=1).out)["runs"]
    assert run["invocations"] == [{"executionSuccessful": False}]
    assert [each["ruleId"] for each in run["results"]] == ["IAM005"]
