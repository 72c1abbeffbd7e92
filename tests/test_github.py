"""What GitHub reads in .github: the forms, and workflows with as few permissions as they need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.document import Document
from tests.docs.pages import Page
from tests.support import ROOT

DIRECTORY = ROOT / ".github"
WORKFLOWS = sorted((DIRECTORY / "workflows").glob("*.yaml"))
FORMS = sorted((DIRECTORY / "ISSUE_TEMPLATE").glob("*.yml"))
pytestmark = pytest.mark.skipif(not DIRECTORY.exists(), reason="only a checkout has it")


def read(path: Path) -> Any:
    return Document.parse(path.read_bytes(), str(path)).data


def test_the_workflow_for_clusters_is_that_of_the_page() -> None:
    shown = {step.name: step.text for step in Page.read(ROOT / "docs" / "ci.md").steps() if step.kind == "file"}
    name = ".github/workflows/check-clusters.yaml"
    assert (ROOT / name).read_text(encoding="utf-8") == shown[name]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_reads_only_and_uses_pinned_actions(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        used = [step for step in job["steps"] if "uses" in step]
        assert all(re.fullmatch(r"[\w-]+(/[\w-]+)+@v\d+", step["uses"]) for step in used)
        checkouts = [step for step in used if step["uses"].startswith("actions/checkout@")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False]


def test_the_job_of_ci_runs_what_is_there() -> None:
    runs = [
        step["run"]
        for job in read(DIRECTORY / "workflows" / "ci.yaml")["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    assert runs == [".ci/run", "make docs"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_has_what_github_requires(path: Path) -> None:
    form = read(path)
    assert form["name"]
    assert form["description"]
    questions = [each for each in form["body"] if each["type"] != "markdown"]
    names = [each["id"] for each in questions]
    assert len(set(names)) == len(names) == len([each["attributes"]["label"] for each in questions]) > 0
    assert {each["type"] for each in form["body"]} <= {"markdown", "textarea"}
    assert any(each.get("validations", {}).get("required") for each in questions)


def test_the_pull_request_names_targets_of_make() -> None:
    text = (DIRECTORY / "PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {target for call in re.findall(r"`make ([a-z ]+)`", text) for target in call.split()}
    assert named
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
