"""The scripts in examples, as a person runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import EXAMPLES, ROOT, copy_examples

Ran = tuple[int, str, str]


def run(script: str, *args: str | Path) -> Ran:
    """Exit code, standard output and standard error."""
    command = [sys.executable, str(EXAMPLES / script), *map(str, args)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def single(tmp_path: Path) -> Path:
    return copy_examples(tmp_path)[0]


@pytest.fixture
def multi(single: Path) -> Path:
    return single.parent / "multi"


def test_provision_prepares_a_cluster(single: Path) -> None:
    before = (single / "tarmak.yaml").read_text().splitlines()
    expected = (0, "kubernetes::apiserver::aws_iam_authenticator_init: true\n", "")
    assert run("provision.py", single, "dev-cluster", "my-logs") == expected
    after = (single / "tarmak.yaml").read_text().splitlines()
    assert [line for line in after if line not in before] == [
        "      amazon:",
        "        awsIAMAuthenticatorInit: true",
        "        internalELBAccessLogs:",
        "          bucket: my-logs",
    ]
    assert [line for line in after if line in before] == before
    assert run("provision.py", single, "dev-cluster", "my-logs") == expected
    assert (single / "tarmak.yaml").read_text().splitlines() == after


def test_a_finding_stops_provision_before_anything_is_written(single: Path) -> None:
    file = single / "tarmak.yaml"
    file.write_text(file.read_text() + "curentCluster: x\n")
    before = file.read_bytes()
    code, out, err = run("provision.py", single, "dev-cluster", "my-logs")
    assert (code, out) == (1, "")
    assert "error: Tarmak ignores 'curentCluster' at the top level" in err
    assert file.read_bytes() == before


def test_an_error_of_provision_is_one_line(single: Path) -> None:
    error = f"error: {single / 'tarmak.yaml'}: unknown cluster 'dev-other'; choose one of dev-cluster\n"
    assert run("provision.py", single, "dev-other", "my-logs") == (1, "", error)


def test_every_cluster_but_the_hub_gets_the_version(multi: Path) -> None:
    file = multi / "tarmak.yaml"
    before = file.read_text()
    code, out, err = run("bump_versions.py", multi, "prod", "1.14.10")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines()[2:] if line[0] in "+-"] == [
        "-          version: 1.12.9",
        "+          version: 1.14.10",
        "-          version: 1.15.2      # trial",
        "+          version: 1.14.10      # trial",
    ]
    assert file.read_text() == before.replace("1.12.9", "1.14.10").replace("1.15.2", "1.14.10")
    assert run("bump_versions.py", multi, "prod", "1.14.10") == (0, "", "")


def test_a_version_that_tarmak_cannot_install_is_one_line(multi: Path) -> None:
    before = (multi / "tarmak.yaml").read_bytes()
    code, out, err = run("bump_versions.py", multi, "prod", "1.18.0")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(
        f"error: {multi / 'tarmak.yaml'}:27:20: the edit was refused: Tarmak cannot install Kubernetes"
    )
    assert (multi / "tarmak.yaml").read_bytes() == before


def test_the_demo_is_a_short_story(tmp_path: Path) -> None:
    program = tmp_path / "tarmak-iam"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tarmak_iam "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "BIN": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = ["sh", str(EXAMPLES / "demo.sh"), str(tmp_path / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") <= 60
    story = [
        "+        awsIAMAuthenticatorInit: true",
        "did you mean system:masters?",
        "fixed: write 'system:masters'",
        "error: the last mapping to system:masters would be lost",
        "role/Developer: can log in as dev:{{SessionName}} with group developers",
        "username: dev:alice",
        "denied:",
        "wrote rendered/daemonset.yaml",
        f"Open {tmp_path}/out/report.html in a browser",
    ]
    places = [done.stdout.find(part) for part in story]
    assert -1 not in places
    assert places == sorted(places)
    assert "role/Developer" in (tmp_path / "out" / "report.html").read_text()


def test_the_demo_ends_where_a_command_does_not_do_what_it_tells(tmp_path: Path) -> None:
    program = tmp_path / "tarmak-iam"
    program.write_text("#!/bin/sh\necho broken\nexit 3\n")
    program.chmod(0o755)
    environment = {**os.environ, "BIN": str(tmp_path)}
    command = ["sh", str(EXAMPLES / "demo.sh"), str(tmp_path / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "broken")


@pytest.mark.parametrize("name", ["provision", "bump_versions"])
def test_it_takes_ten_lines(name: str) -> None:
    """From the configuration to the saved file, without the lines that start and end a script."""
    body = (EXAMPLES / f"{name}.py").read_text().split(f"def {name}", 1)[1].split("if __name__", 1)[0]
    assert len([line for line in body.splitlines()[1:] if line.strip()]) <= 10
