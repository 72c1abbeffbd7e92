"""The built wheel in fresh virtual environments: with the lowest versions of its requirements in the oldest Python that
is supported, if it is found, and with the newest versions in the newest Python that is found.

`make compat` runs the whole test suite with both versions and every Python; this is what every run can afford.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import tarmak_iam
from tarmak_iam.cli.completion import COMPLETION_VARIABLE
from tests.compat.surroundings import EXTRAS, MINORS, Missing, VirtualEnvironment, lowest, python_of, pythons
from tests.support import ADMIN, EXAMPLES, PACKAGE, ROOT
from tests.support.made_once import built_once, made_once
from tests.support.work_trees import Work, needs_git

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(PACKAGE.parent != ROOT, reason="it is the installed package that is tested here"),
]


@dataclass(frozen=True)
class Program:
    """tarmak-iam as it was installed, on a copy of an example."""

    environment: VirtualEnvironment
    directory: Path

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(self.environment.bin / "tarmak-iam"), "-c", str(self.directory / "single"), *arguments],
            cwd=self.directory,
            env=self.variables(),
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr or done.stdout
        assert "Traceback" not in done.stderr
        return done

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.environment.bin / "python"), "-c", code]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=self.directory, env=self.variables()
        )

    def variables(self) -> dict[str, str]:
        aws = {
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEKEY000001",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }
        path = f"{self.environment.bin}{os.pathsep}{os.environ['PATH']}"
        return {"HOME": str(self.directory), "PATH": path, "NO_COLOR": "1", "PYTHONWARNINGS": "error", **aws}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return built_once(tmp_path_factory)[1]
    except Missing as error:
        pytest.skip(str(error))


SURROUNDINGS = [(MINORS[0], "lowest"), (None, "newest")]
"""The minor version of a Python, None for the newest one that is found; and which versions of the requirements."""


@pytest.fixture(scope="module", params=SURROUNDINGS, ids=lambda each: f"Python 3.{each[0] or 'newest'}, {each[1]}")
def program(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    minor, versions = request.param
    python = pythons()[-1] if minor is None else python_of(minor)
    if python is None:
        pytest.skip(f"there is no Python 3.{minor}")

    def make(directory: Path) -> None:
        environment = VirtualEnvironment.create(python, directory)
        constraints = lowest((ROOT / "setup.cfg").read_text()) if versions == "lowest" else []
        environment.install(f"{wheel}[{','.join(EXTRAS)}]", constraints)

    try:
        environment = VirtualEnvironment(made_once(tmp_path_factory, f"python-{python.minor}-{versions}", make))
    except Missing as error:
        pytest.skip(str(error))
    directory = tmp_path_factory.mktemp("smoke")
    shutil.copytree(EXAMPLES / "single", directory / "single")
    return Program(environment, directory)


def test_it_is_imported_and_speaks(program: Program) -> None:
    code = (
        "import tarmak_iam\nfor name in tarmak_iam.__all__: getattr(tarmak_iam, name)\nprint(tarmak_iam.__file__)\n"
        "from tarmak_iam.document.yaml_reader import has_c_parser\nassert has_c_parser()"
    )
    done = program.python(code)
    assert done.returncode == 0, done.stderr
    assert str(program.environment.directory) in done.stdout
    assert program.run("--version").stdout == f"tarmak-iam {tarmak_iam.__version__}\n"
    assert "manifests" in program.run("--help").stdout
    assert program.run("schema", "tarmak.yaml").stdout.startswith("{")
    assert program.run("chekc", code=2).stderr.startswith("error: unknown command 'chekc'; did you mean check?")
    assert program.run("map", code=2).stderr.startswith("Usage: tarmak-iam map ")


def test_the_demo(program: Program) -> None:
    done = subprocess.run(
        ["sh", str(EXAMPLES / "demo.sh"), str(program.directory / "demo")],
        env={**program.variables(), "BIN": str(program.environment.bin)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert (program.directory / "demo" / "report.html").stat().st_size > 0


def test_completion_within_a_group(program: Program) -> None:
    """With click 8.2.0 there was none: it had closed the group's context before."""
    done = subprocess.run(
        [str(program.environment.bin / "tarmak-iam"), "tarmak-iam settings set exec a", " =:"],
        env={**program.variables(), COMPLETION_VARIABLE: "bash"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert [line.split("\t")[1] for line in done.stdout.splitlines()] == ["aws-iam-authenticator", "aws"]


@needs_git
def test_the_history_is_read(program: Program) -> None:
    work = Work(program.directory / "single")
    program.run("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    work.git("init", "-q")
    commit = work.commit_all("Let the admin in")
    work.git("gc", "-q")
    (cluster,) = json.loads(program.run("report", "-o", "json").stdout)["clusters"]
    shutil.rmtree(work.root)
    shutil.copytree(EXAMPLES / "single", work.root)
    assert [each["lastChange"]["commit"] for each in cluster["principals"]] == [commit]


def test_a_token_and_a_certificate(program: Program) -> None:
    credential = json.loads(program.run("token", "--cluster-id", "dev-cluster").stdout)
    assert credential["status"]["token"].startswith("k8s-aws-v1.")
    program.run("webhook", "--output-dir", "webhook")
    program.run("doctor", "webhook")
