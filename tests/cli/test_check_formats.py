"""`check` and `doctor` for other programs: SARIF, and GitHub's annotations."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tarmak_iam import __version__
from tarmak_iam.cli.formats import base_directory, path_below
from tarmak_iam.cli.formats.sarif import FINGERPRINT, artifact
from tests.support import ADMIN, ROOT, Shell

EMITTED = json.loads((ROOT / "tests" / "cli" / "sarif-emitted.json").read_text(encoding="utf-8"))
STANDARD = (
    ROOT / "tests" / "browser" / "node_modules" / "@microsoft" / "jest-sarif" / "lib/schemas/sarif-2.1.0-rtm.5.json"
)
NAME = "dev-cluster/aws-iam-authenticator.yaml"
ODD = """\
server:
  mapRoles:
  - {roleARN: "arn:aws:iam::111122223333:role/KubernetesAdmin", username: admin, groups: ["system:masters"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Dev", "x-\U0001f600\ttab": 1, username: "{{SesionName}}", groups: [dev]}
  # tarmak-iam: ignore[IAM074] the sandbox account
  mapAccounts: ["444455556666"]
"""


@pytest.fixture(autouse=True)
def mappings(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two findings, in the working directory, which is that of the single-cluster example."""
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    monkeypatch.chdir(shell.single)
    path = shell.single / NAME
    path.write_text(ODD, encoding="utf-8")
    return path


def sarif(shell: Shell, *args: str | Path, code: int = 1) -> Any:
    """The run of a valid log."""
    log = json.loads(shell.run(*args, "-o", "sarif", code=code).out)
    jsonschema.Draft7Validator(EMITTED, format_checker=jsonschema.FormatChecker()).validate(log)
    (run,) = log["runs"]
    return run


def test_findings_with_their_rules_and_suppressions(shell: Shell, mappings: Path) -> None:
    run = sarif(shell, "-c", ".", "check")
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["invocations"] == [{"executionSuccessful": True}]
    template, account = run["results"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert places[0]["artifactLocation"] == {"uri": NAME, "uriBaseId": "%SRCROOT%"}
    assert [place["region"] for place in places] == [
        {"startLine": 4, "startColumn": 77},
        {"startLine": 6, "startColumn": 17},
    ]
    assert mappings.read_text(encoding="utf-8").splitlines()[3][76:].startswith('"{{SesionName}}"')
    assert template["level"] == "error"
    assert 'write "dev:{{SessionName}}"' in template["message"]["text"]
    assert template["suppressions"] == []
    assert account["suppressions"] == [
        {"kind": "inSource", "status": "accepted", "justification": "the sandbox account"}
    ]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("tarmak-iam", __version__)
    assert [driver["rules"][result["ruleIndex"]]["id"] for result in run["results"]] == ["IAM065", "IAM074"]
    rule = driver["rules"][1]
    assert (rule["id"], rule["name"]) == (account["ruleId"], "AccessForAWholeAccount")
    assert rule["shortDescription"] == {"text": "access for a whole account"}
    assert rule["fullDescription"]["text"].startswith("Checks for accounts in `mapAccounts`. An account in")
    assert rule["help"]["text"].endswith("suppress the finding with a comment\nthat says so.")
    assert "## Bad\n" in rule["help"]["markdown"]
    assert rule["defaultConfiguration"] == {"level": "warning"}
    mappings.write_text(ODD.replace("{{SesionName}}", "dev"), encoding="utf-8")
    sarif(shell, "-c", ".", "check", code=0)


def fingerprints(shell: Shell) -> list[str]:
    return [result["partialFingerprints"][FINGERPRINT] for result in sarif(shell, "-c", ".", "check")["results"]]


def test_fingerprints_survive_lines_above_and_differ_for_equal_findings(shell: Shell, mappings: Path) -> None:
    before = fingerprints(shell)
    assert len(set(before)) == 2
    assert fingerprints(shell) == before
    role = f'  - {{roleARN: "{ADMIN}2", username: second, groups: [dev]}}\n'
    mappings.write_text("# moved\n\n" + ODD.replace("mapRoles:\n", f"mapRoles:\n{role}"), encoding="utf-8")
    assert fingerprints(shell) == before
    mappings.write_text(ODD.replace("SesionName", "SesionNam"), encoding="utf-8")
    assert fingerprints(shell)[0] not in before
    mappings.write_text(ODD.replace('["444455556666"]', '["12", "12"]'), encoding="utf-8")
    after = fingerprints(shell)
    assert len(set(after)) == len(after) > 2


def test_a_file_that_cannot_be_read(shell: Shell) -> None:
    (shell.single / "tarmak.yaml").write_text("clusters:\n- [\n- x\n")
    run = sarif(shell, "-c", ".", "check", code=2)
    (invocation,) = run["invocations"]
    (told,) = invocation["toolExecutionNotifications"]
    assert (invocation["executionSuccessful"], run["results"]) == (False, [])
    assert told["message"]["text"].startswith("invalid YAML: ")
    assert told["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "tarmak.yaml"
    failed = shell.run("-c", ".", "check", "-o", "github", code=2)
    assert failed.out.startswith("::error file=tarmak.yaml,line=3,col=1,title=tarmak-iam::invalid YAML: ")
    assert failed.err.startswith("tarmak.yaml:3:1: error: invalid YAML: ")
    (shell.multi / "prod-blue" / "tarmak-iam.yaml").write_text("imag: x\n")
    run = sarif(shell, "-c", shell.multi, "check", "--all-clusters", code=2)
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == 1


def test_a_directory_that_is_not_there(shell: Shell) -> None:
    missing = shell.single.parent / "no, such: 100%"
    (told,) = sarif(shell, "-c", missing, "check", code=2)["invocations"][0]["toolExecutionNotifications"]
    place = told["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": f"file://{missing.parent}/no%2C%20such%3A%20100%25"}}
    failed = shell.run("-c", missing, "check", "-o", "github", code=2)
    escaped = f"{missing.parent}/no%2C such%3A 100%25"
    assert failed.out.startswith(f"::error file={escaped},title=tarmak-iam::directory not found")


@pytest.mark.parametrize("current", ["", "dev-clustr"])
def test_a_check_without_the_cluster_that_is_meant_is_not_successful(shell: Shell, current: str) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_text(file.read_text().replace("currentCluster: dev-cluster", f"currentCluster: {current}"))
    run = sarif(shell, "-c", ".", "check")
    assert run["invocations"] == [{"executionSuccessful": False}]
    assert [result["ruleId"] for result in run["results"]] == ["IAM005"]


def test_by_the_schema_of_the_standard(shell: Shell, mappings: Path) -> None:
    """OASIS's, which is not ours to keep: it comes with a package of npm."""
    if not STANDARD.exists():
        pytest.skip("the npm packages of tests/browser are not installed: make browser")
    schema = json.loads(STANDARD.read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema, format_checker=jsonschema.FormatChecker())
    validator.validate(json.loads(shell.run("-c", ".", "check", "-o", "sarif", code=1).out))
    mappings.unlink()
    (shell.single / "tarmak.yaml").write_text("[")
    validator.validate(json.loads(shell.run("-c", ".", "check", "-o", "sarif", code=2).out))
    broken = json.loads(shell.run("-c", shell.multi, "check", "-o", "sarif", code=0).out)
    broken["runs"][0]["columnKind"] = "bytes"
    assert not validator.is_valid(broken)


def test_annotations(shell: Shell, mappings: Path) -> None:
    done = shell.run("-c", ".", "check", "-o", "github", code=1)
    (line,) = done.out.splitlines()
    assert line.startswith(f"::error file={NAME},line=4,col=77,title=IAM065::the authenticator does not")
    assert done.err == "1 error, 1 suppressed by comments\n"
    assert shell.run("-c", ".", "check", "-o", "github", "--fail-on", "error", code=1).out == done.out
    mappings.write_text(ODD.replace("{{SesionName}}", "50%"), encoding="utf-8")
    assert shell.run("-c", ".", "check", "-o", "github").out == ""
    mappings.write_text(ODD.replace("{{SesionName}}", "50%: {{Sesion,Name}}\\n::warning::x"), encoding="utf-8")
    lines = shell.run("-c", ".", "check", "-o", "github", code=1).out.splitlines()
    assert all(line.startswith(("::error file=dev-cluster/", "::warning file=dev-cluster/")) for line in lines)
    assert all("%" not in line.replace("%25", "") for line in lines)


def test_a_finding_is_one_line_whatever_its_file_is_called(shell: Shell) -> None:
    directory = shell.single / "a\n\x1b[31mb"
    shutil.copytree(shell.single / "dev-cluster", directory / "dev-cluster")
    shutil.copy(shell.single / "tarmak.yaml", directory)
    lines = shell.run("-c", directory, "--color", "always", "check", code=1).out.splitlines()
    assert all("/a \\x1b[31mb/dev-cluster/aws-iam-authenticator.yaml:" in each for each in lines)


def test_paths_are_those_of_the_workspace(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(shell.single.parent))
    for output, name in (("sarif", f'"{shell.single.name}/{NAME}"'), ("github", f"file={shell.single.name}/{NAME},")):
        assert name in shell.run("-c", shell.single, "check", "-o", output, code=1).out


def test_where_paths_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "repo" / "clusters"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert path_below(base_directory(in_repository=True), "a.yaml") == "a.yaml"
    (tmp_path / "repo" / ".git").write_text("gitdir: elsewhere\n")  # as a worktree has it
    assert path_below(base_directory(in_repository=True), "a.yaml") == "clusters/a.yaml"
    assert path_below(base_directory(), "a.yaml") == "a.yaml"
    assert path_below(base_directory(), "../a.yaml") is None
    assert path_below(inner, "..a.yaml") == "..a.yaml"
    repository = base_directory(in_repository=True)
    assert artifact("../b \u00fc:?.yaml", repository) == {"uri": "b%20%C3%BC%3A%3F.yaml", "uriBaseId": "%SRCROOT%"}
    assert artifact("../../b.yaml", repository) == {"uri": f"file://{tmp_path}/b.yaml"}
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert path_below(base_directory(), "a.yaml") == "repo/clusters/a.yaml"
    (tmp_path / "link").symlink_to(tmp_path / "repo")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "link"))
    assert path_below(base_directory(), "a.yaml") == "clusters/a.yaml"


def test_doctor_too(shell: Shell) -> None:
    (shell.single / "webhook").mkdir()
    (shell.single / "webhook" / "cert.pem").write_text("nothing\n")
    results = sarif(shell, "-c", ".", "doctor", "webhook")["results"]
    artifacts = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in results]
    assert {location["uri"] for location in artifacts} == {"webhook/cert.pem"}
    lines = shell.run("-c", ".", "doctor", "webhook", "-o", "github", code=1).out.splitlines()
    assert lines[0].startswith("::error file=webhook/")
    (told,) = sarif(shell, "doctor", "nowhere", code=2)["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"]
