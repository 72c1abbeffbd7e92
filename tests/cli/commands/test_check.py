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


def test_settings_stand_for_their_cluster(shell: Shell, multi: Path) -> None:
    (multi / "prod-green" / "tarmak-iam.yaml").write_text("exec: aws\n")
    assert files_with_findings(shell, "prod-green/tarmak-iam.yaml") == [f"prod-green/{NAME}"]


def test_from_another_directory(shell: Shell, multi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert files_with_findings(shell, multi / "prod-green" / NAME) == [str(multi / "prod-green" / NAME)]
    monkeypatch.chdir(multi / "prod-green")
    assert files_with_findings(shell, NAME) == [f"../prod-green/{NAME}"]
    monkeypatch.chdir(multi.parent)
    assert files_with_findings(shell, f"multi/prod-blue/{NAME}") == [f"multi/prod-blue/{NAME}"]


def test_several_directories(shell: Shell, multi: Path) -> None:
    (shell.single / "dev-cluster" / NAME).write_text(BAD)
    config = shell.single / "tarmak.yaml"
    found = files_with_findings(shell, "tarmak.yaml", config)
    assert found == [f"prod-blue/{NAME}", f"prod-green/{NAME}", str(shell.single / "dev-cluster" / NAME)]
    (multi / "tarmak.yaml").write_text("[")
    assert files_with_findings(shell, "tarmak.yaml", config, code=2) == found[2:]


def test_nothing_is_wrong(shell: Shell, multi: Path) -> None:
    (multi / "prod-blue" / NAME).write_text(GOOD)
    done = shell.run("check", f"prod-blue/{NAME}")
    assert (done.out, done.err) == ("", "no findings\n")


def test_comments_count(shell: Shell, multi: Path) -> None:
    path = multi / "prod-blue" / NAME
    path.write_text(BAD.replace("    username", "    # tarmak-iam: ignore[IAM069] on purpose\n    username"))
    assert shell.run("check", f"prod-blue/{NAME}").err == "no findings, 1 suppressed by comments\n"


@pytest.mark.parametrize("place", ["elsewhere/prod-blue", "prod-red", "prod-blue/old"])
def test_mappings_that_belong_to_no_cluster(shell: Shell, multi: Path, place: str) -> None:
    """A backup, somebody's own directory, or a cluster that is gone."""
    (multi / place).mkdir(parents=True)
    (multi / place / NAME).write_text(BAD)
    done = shell.run("check", f"{place}/{NAME}", code=1)
    assert f"{place}/{NAME}:4:15: error: " in done.out
    assert done.err.startswith(f"{place}/{NAME}: note: checked only by the rules that need no other file: ")
    assert ("tarmak.yaml has no cluster prod-red" in done.err) == (place == "prod-red")


def test_a_directory_that_is_nearly_a_cluster(shell: Shell, multi: Path) -> None:
    (multi / "prod-bleu").mkdir()
    (multi / "prod-bleu" / NAME).write_text(GOOD)
    done = shell.run("check", f"prod-bleu/{NAME}")
    assert "tarmak.yaml has no cluster prod-bleu; did you mean prod-blue?" in done.err


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


def test_an_edit_says_that_another_file_is_not_read(shell: Shell, multi: Path) -> None:
    (multi / "prod-blue" / NAME).unlink()
    (multi / "prod-blue" / "aws-iam-authenticator.yml").write_text(GOOD)
    (multi / "tarmak-iam.yaml").write_text("exec: aws\n")
    shown = "warning: this file is not read: the mappings of the cluster are read from "
    shown += "prod-blue/aws-iam-authenticator.yaml; "
    adding = ["-c", ".", "map", "add", ADMIN, "--username", "a", "--group", "system:masters"]
    done = shell.run(*adding, "--dry-run")
    assert done.err.endswith(
        f"prod-blue/aws-iam-authenticator.yml: {shown}move it: mv prod-blue/aws-iam-authenticator.yml "
        "prod-blue/aws-iam-authenticator.yaml [IAM098]\n"
    )
    done = shell.run(*adding)
    assert done.err.endswith(f"{shown}move what should take effect into that file, and remove this one [IAM098]\n")
    done = shell.run("-c", ".", "settings", "set", "profile", "x")
    assert done.err.count("[IAM098]") == 1
    assert "tarmak-iam.yaml: warning: this file is not read: the settings of a cluster are read" in done.err


def test_settings_that_belong_to_no_cluster(shell: Shell, multi: Path) -> None:
    (multi / "settings").mkdir()
    path = multi / "settings" / "tarmak-iam.yaml"
    path.write_text("exec: aws\n")
    assert shell.run("check", "settings/tarmak-iam.yaml").out == ""
    path.write_text("exce: aws\n")
    failed = shell.run("check", "settings/tarmak-iam.yaml", code=2)
    assert "settings/tarmak-iam.yaml:1:1: error: unknown setting 'exce'" in failed.err


@pytest.mark.parametrize("name", ["config.yaml", "mappings.yml"])
def test_other_names_are_known_by_what_is_in_them(shell: Shell, multi: Path, name: str) -> None:
    (multi / name).write_text(BAD)
    assert files_with_findings(shell, name) == [name]
    (multi / name).write_text((multi / "tarmak.yaml").read_text())
    assert files_with_findings(shell, name) == [f"prod-blue/{NAME}", f"prod-green/{NAME}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mapRoles: []\n", "other.yaml: error: this is neither"),
        (
            "kind: ConfigMap\n",
            "other.yaml: error: this is neither a tarmak.yaml nor a mappings file of the authenticator; ",
        ),
        ("- x\n", "other.yaml: error: this is neither"),
        ("x: [\n", "other.yaml:2:1: error: invalid YAML"),
    ],
)
def test_what_is_none_of_these(shell: Shell, multi: Path, text: str, message: str) -> None:
    (multi / "other.yaml").write_text(text)
    assert shell.run("check", "other.yaml", code=2).err.startswith(message)


def test_a_dynamic_file_is_known_by_its_keys(shell: Shell, multi: Path) -> None:
    for text, code in (('{"mapUsers": [], "MAPUSERS": []}', 1), ('{"mapAccounts": []}', 0)):
        (multi / "users").write_text(text)
        done = shell.run("check", "users", code=code)
        assert [line.partition(" error: ")[0] for line in done.out.splitlines()] == ["users:1:18:"][:code]
        note = done.err.splitlines()[0]
        assert note.endswith("by the rules that need no other file: it is a dynamic file of the authenticator")


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


@pytest.mark.parametrize("option", [["-c", "."], ["--current-cluster", "prod-blue"]])
def test_a_file_says_which_directory(shell: Shell, multi: Path, option: list[str]) -> None:
    assert multi.exists()
    failed = shell.run(*option, "check", "tarmak.yaml", code=2)
    assert failed.err.startswith("error: FILE selects directory and cluster itself; remove -c and --cluster")


def test_the_variable_does_not_count(shell: Shell, multi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert multi.exists()
    monkeypatch.setenv("TARMAK_CONFIG", str(shell.single))
    assert files_with_findings(shell, f"prod-blue/{NAME}") == [f"prod-blue/{NAME}"]


def test_what_cannot_be_read_is_told_to_programs(shell: Shell, multi: Path) -> None:
    (multi / "prod-blue" / NAME).write_text("server: [\n")
    done = shell.run("check", f"prod-blue/{NAME}", "missing.yaml", "-o", "github", code=2)
    assert [f"::{line[2:].partition('::')[0]}" for line in done.out.splitlines()] == [
        "::error file=missing.yaml,title=tarmak-iam",
        f"::error file=prod-blue/{NAME},line=2,col=1,title=tarmak-iam",
    ]


def test_without_files_it_says_what_it_looked_at(shell: Shell, multi: Path) -> None:
    only = "mappings and settings were checked for prod-blue only (use --all-clusters to check all 3 clusters)"
    assert shell.run("-c", multi, "check", code=1).err == f"1 error; {only}\n"
    none = "prod-hub is a hub, so no mappings and settings were checked (use --all-clusters to check all 3 clusters)"
    assert shell.run("-c", multi, "--cluster", "prod-hub", "check").err == f"no findings; {none}\n"


def test_a_remedy_is_for_the_cluster_that_it_is_about(shell: Shell, multi: Path) -> None:
    added = "map add ARN --username NAME --group system:masters"
    for cluster, named in (("prod-blue", ""), ("prod-green", " --cluster prod-green")):
        (multi / cluster / NAME).unlink(missing_ok=True)
        shell.run("-c", ".", "--current-cluster", cluster, "enable")
        found = shell.run("-c", ".", "--current-cluster", cluster, "check", code=1).out
        assert f"map an admin role: tarmak-iam -c .{named} {added} [IAM021]" in found


def test_the_way_in_is_that_of_the_cluster(shell: Shell, multi: Path) -> None:
    mapped = (
        "server: {mapRoles: [{roleARN: 'arn:aws:iam::111122223333:role/x/A', username: a, groups: ['system:masters']}]}"
    )
    (multi / "prod-blue" / NAME).write_text(mapped, encoding="utf-8")
    found = shell.run("-c", ".", "check", code=1).out
    assert "; no recovery access: the current context of prod-blue/kubeconfig has no client certificate" in found


NO_POOLS = "note: no cluster has instance pools; Tarmak rejects every command until they are added"


@pytest.mark.parametrize("args", [[], ["--all-clusters"], ["tarmak.yaml"]])
def test_a_file_without_pools_is_no_whole_configuration(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str]
) -> None:
    text = (
        "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\ncurrentCluster: dev-cluster\nclusters:\n"
        "- environment: dev\n  metadata: {name: cluster}\n"
    )
    file = tmp_path / "tarmak.yaml"
    file.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TARMAK_CONFIG", str(tmp_path))
    result = shell.run("check", *args)
    assert result.out == ""
    assert result.err.count(NO_POOLS) == 1
    file.write_text(text + "  instancePools: [{type: worker, minCount: 3, volumes: [{metadata: {name: root}}]}]\n")
    result = shell.run("check", *args, code=1)
    assert "IAM012" in result.out
    assert NO_POOLS not in result.err


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_hub_with_mappings_is_not_clean(shell: Shell, line_end: str) -> None:
    (shell.multi / "prod-hub").mkdir()
    (shell.multi / "prod-hub" / NAME).write_bytes(f"{BAD}mapUsers: [\n".replace("\n", line_end).encode())
    checked = shell.run("-c", shell.multi, "check", "--all-clusters", code=1)
    assert checked.out == (
        f"{shell.multi}/prod-hub/{NAME}: warning: these mappings have no effect: prod-hub is a hub, which has no API "
        "server; move the file to the directory of the cluster that it is for, or remove it [IAM098]\n"
    )
    assert checked.err == "1 warning, 3 clusters: 2 clean, 1 with findings (prod-hub)\n"


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
    assert checked.err == "1 error\n"
    (in_json,) = json.loads(shell.run("-c", shell.single, "check", "-o", "json", "--fail-on", "error", code=1).out)
    assert (in_json["id"], in_json["message"]) == ("IAM005", what)
    (run,) = json.loads(shell.run("-c", shell.single, "check", "-o", "sarif", code=1).out)["runs"]
    assert run["invocations"] == [{"executionSuccessful": False}]
    assert [each["ruleId"] for each in run["results"]] == ["IAM005"]
    assert (
        "title=IAM005::currentCluster is not set" in shell.run("-c", shell.single, "check", "-o", "github", code=1).out
    )
    shell.run("-c", shell.single, "check", "--diff", code=1)


def test_other_selections_need_no_current_cluster(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_text(file.read_text().replace(CURRENT, ""))
    assert shell.dev("--cluster", "dev-cluster", "check").out == ""
    assert shell.run("-c", shell.single, "check", "--all-clusters").out == ""
    assert shell.run("check", file).out == ""


def test_without_a_cluster_nothing_is_clean(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_text("apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n")
    what = "currentCluster is not set, so no mappings and settings were checked"
    checked = shell.run("-c", shell.single, "check", code=1)
    assert checked.out == f"{file}:1:1: error: {what}; add a cluster, and set currentCluster [IAM005]\n"


def test_a_check_without_the_cluster_that_is_meant_is_not_successful(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_text(file.read_text().replace("currentCluster: dev-cluster", "currentCluster: dev-clustr"))
    (run,) = json.loads(shell.run("-c", shell.single, "check", "-o", "sarif", code=1).out)["runs"]
    assert run["invocations"] == [{"executionSuccessful": False}]
    assert [each["ruleId"] for each in run["results"]] == ["IAM005"]
