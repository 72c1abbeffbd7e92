"""docs/ci.md: its workflows are what GitHub takes, and their steps run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.document import Document
from tests.docs.pages import Page
from tests.support import ADMIN, ROOT, Shell

PAGE = ROOT / "docs" / "ci.md"
FILES = {step.name: step.text for step in Page.read(PAGE).steps() if step.kind == "file"}
WORKFLOW = FILES[".github/workflows/check-clusters.yaml"]


def read(name: str) -> Any:
    return Document.parse(FILES[name]).data


def steps() -> dict[str, dict[str, Any]]:
    (job,) = read(".github/workflows/check-clusters.yaml")["jobs"].values()
    return {step.get("name", step.get("uses")): step for step in job["steps"]}


def test_actions_are_pinned_at_least_to_a_major_version() -> None:
    used = [step["uses"] for step in steps().values() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+(/[\w-]+)+@v\d+", each) for each in used)


def test_inputs_reach_the_steps_through_the_environment() -> None:
    """Within `run` they would be code of whoever calls."""
    runs = [step for step in steps().values() if "run" in step]
    assert runs
    for step in runs:
        assert "${{" not in step["run"]
        assert set(re.findall(r"\$([A-Z_]+)", step["run"])) == set(step["env"])


def test_the_caller_gives_what_the_workflow_takes() -> None:
    workflow, (job,) = (
        read(".github/workflows/check-clusters.yaml"),
        read(".github/workflows/clusters.yaml")["jobs"].values(),
    )
    inputs = workflow[True if True in workflow else "on"]["workflow_call"]["inputs"]  # YAML 1.1 takes `on` for true
    assert job["uses"] == "./.github/workflows/check-clusters.yaml"
    assert set(job["with"]) <= set(inputs)
    assert {name for name, each in inputs.items() if each.get("required")} <= set(job["with"])
    assert set(re.findall(r"inputs\.([\w-]+)", WORKFLOW)) == set(inputs)


@pytest.fixture
def runner(shell: Shell, tmp_path: Path) -> Path:
    """The multi-cluster example, checked out, and a tarmak-iam on the PATH."""
    role = ["map", "add", ADMIN, "--username", "admin", "--group", "system:masters"]
    for name in ("prod-blue", "prod-green"):
        shell.run("-c", shell.multi, "--current-cluster", name, *role)
    program = tmp_path / "tarmak-iam"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tarmak_iam "$@"\n')
    program.chmod(0o755)
    return tmp_path


def run(runner: Path, step: str) -> subprocess.CompletedProcess[str]:
    """As a runner does: bash -e, with the step's environment."""
    own = {"PYTHONPATH": str(ROOT), "GITHUB_WORKSPACE": str(runner), "DIRECTORY": "multi", "FAIL_ON": "warning"}
    environment = {**os.environ, **own, "PATH": f"{runner}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "-e", "-c", steps()[step]["run"]]
    return subprocess.run(command, cwd=runner, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.thorough
def test_the_steps_run(runner: Path) -> None:
    assert run(runner, "Check").returncode == 0
    assert run(runner, "Write SARIF").returncode == 0
    mappings = runner / "multi" / "prod-green" / "aws-iam-authenticator.yaml"
    mappings.write_text(mappings.read_text() + "  mapAccounts: ['12']\n")
    found = run(runner, "Check")
    assert found.returncode == 1
    assert "::error file=multi/prod-green/aws-iam-authenticator.yaml,line=" in found.stdout
    assert run(runner, "Write SARIF").returncode == 0
    assert '"uri": "multi/prod-green/aws-iam-authenticator.yaml"' in (runner / "tarmak-iam.sarif").read_text()
    mappings.write_text("server: [\n")
    assert run(runner, "Check").returncode == 2
    assert run(runner, "Write SARIF").returncode == 0


def test_the_hook_is_one_that_there_is() -> None:
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    (hook,) = Document.parse((ROOT / ".pre-commit-hooks.yaml").read_bytes()).data
    assert [each["id"] for each in repository["hooks"]] == [hook["id"]]
    looked_at = [each for each in FILES if re.search(hook["files"], each) and not re.search(hook["exclude"], each)]
    assert looked_at == ["clusters/prod-blue/aws-iam-authenticator.yaml"]


def test_what_the_hook_looks_at() -> None:
    (hook,) = Document.parse((ROOT / ".pre-commit-hooks.yaml").read_bytes()).data
    seen = ["tarmak.yaml", "a/tarmak.yaml", "a/dev-cluster/tarmak-iam.yaml", ".tarmak/tarmak.yaml"]
    others = [".github/workflows/tarmak-iam.yaml", "a/.github/workflows/tarmak.yaml", "a/not-tarmak.yaml"]
    paths = [*seen, *others, "tarmak.yaml.orig"]
    assert [path for path in paths if re.search(hook["files"], path) and not re.search(hook["exclude"], path)] == seen
