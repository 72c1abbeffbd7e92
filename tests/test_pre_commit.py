"""The hook of .pre-commit-hooks.yaml, installed and run by pre-commit in a repository of a user's."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import ADMIN, EXAMPLES, ROOT

NOT_OF_THE_PACKAGE = (".git", ".venv", "*.egg-info", "__pycache__", ".*_cache", "build", "dist", "docs", "tests")
SECONDS = 600
MAPPINGS = f"""\
clusterID: prod-green
server:
  mapRoles:
  - roleARN: {ADMIN}
    username: admin
    groups: ["system:masters"]
"""


@dataclass(frozen=True)
class Repository:
    path: Path
    environment: dict[str, str]

    def git(self, *args: str) -> str:
        return self._run("git", *args).stdout

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-verify", "--message", "all")
        return self.git("rev-parse", "HEAD").strip()

    def hook(self, *files: str) -> subprocess.CompletedProcess[str]:
        """What pre-commit says of the files, of all where none are named."""
        which = ["--files", *files] if files else ["--all-files"]
        return self._run(sys.executable, "-m", "pre_commit", "run", *which, "--color", "never", check=False)

    def _run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.path,
            env=self.environment,
            check=check,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The multi-cluster example in a repository that has the hook.

    pip builds and installs the package as ever, but takes what it needs from where the tests run: no registry is asked.
    """
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    if importlib.util.find_spec("pre_commit") is None:
        pytest.skip("pre-commit is not installed")
    home = tmp_path_factory.mktemp("home")
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PIP_"))}
    environment = inherited | {
        "HOME": str(home),
        "PRE_COMMIT_HOME": str(home / "pre-commit"),
        "PYTHONPATH": os.pathsep.join(sorted(libraries)),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # which is how pip spells that there is none
        "PIP_CONFIG_FILE": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    package = Repository(tmp_path_factory.mktemp("packages") / "tarmak-iam", environment)
    shutil.copytree(ROOT, package.path, ignore=shutil.ignore_patterns(*NOT_OF_THE_PACKAGE))
    package.git("init", "--quiet")
    own = Repository(tmp_path_factory.mktemp("own"), environment)
    shutil.copytree(EXAMPLES / "multi", own.path / "clusters")
    (own.path / "clusters" / "prod-green" / "aws-iam-authenticator.yaml").write_text(MAPPINGS)
    own.git("init", "--quiet")
    (own.path / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {package.path}\n  rev: {package.commit()}\n  hooks:\n  - id: tarmak-iam-check\n"
    )
    own.commit()
    return own


@pytest.mark.thorough
def test_the_hook(repository: Repository) -> None:
    """Installing takes most of the time, so it is one test."""
    passed = repository.hook()
    assert "tarmak-iam check" in passed.stdout
    assert passed.returncode == 0, passed.stdout
    path = repository.path / "clusters" / "prod-green" / "aws-iam-authenticator.yaml"
    shown = "clusters/prod-green/aws-iam-authenticator.yaml"
    path.write_text(MAPPINGS.replace("prod-green", "prod-blue"))
    failed = repository.hook(shown)
    assert failed.returncode == 1
    assert f"{shown}:1:12: error: clusterID is 'prod-blue', but the ID of this cluster is 'prod-green'" in failed.stdout
    assert repository.hook("clusters/tarmak.yaml").returncode == 1  # stands for all of its clusters
    path.write_text("# tarmak-iam: ignore[IAM020] moves next week\n" + path.read_text())
    assert repository.hook(shown).returncode == 0
    own = repository.path / ".pre-commit-config.yaml"
    own.write_text(f"{own.read_text()}    args: [--fix]\n")
    path.write_text(f"{MAPPINGS}---\nnot: read\n")
    changed = repository.hook(shown)
    assert (changed.returncode, "files were modified by this hook" in changed.stdout) == (1, True)
    assert path.read_text() == f"{MAPPINGS}# ---\n# not: read\n"
    assert repository.hook(shown).returncode == 0
    unconcerned = repository.hook("clusters/prod-green/kubeconfig")
    assert unconcerned.returncode == 0
    assert "(no files to check)" in unconcerned.stdout
