"""The hook of .pre-commit-hooks.yaml, run as pre-commit runs it in a repository of a user's."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tarmak_iam.document import Document
from tests.support import ADMIN, EXAMPLES, ROOT
from tests.support.forks import TARMAK_IAM, write_program

(HOOK,) = Document.parse((ROOT / ".pre-commit-hooks.yaml").read_bytes()).data
MAPPINGS = f"""\
clusterID: prod-green
server:
  mapRoles:
  - roleARN: {ADMIN}
    username: admin
    groups: ["system:masters"]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With the multi-cluster example, and what pip installs of the package on the PATH."""
    shutil.copytree(EXAMPLES / "multi", tmp_path / "clusters")
    (tmp_path / "clusters" / "prod-green" / "aws-iam-authenticator.yaml").write_text(MAPPINGS)
    write_program(tmp_path / "tarmak-iam", TARMAK_IAM)
    return tmp_path


def run(repository: Path, *files: str, args: tuple[str, ...] = ()) -> tuple[int, str]:
    """In the repository, with the hook's own arguments or those of the user, and the names of files."""
    words = [*shlex.split(HOOK["entry"]), *(args or HOOK.get("args", ())), *files]
    path = f"{repository}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1"}
    done = subprocess.run(words, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_hook(repository: Path) -> None:
    shown = "clusters/prod-green/aws-iam-authenticator.yaml"
    path = repository / shown
    assert run(repository, "clusters/tarmak.yaml", shown)[0] == 0
    path.write_text(MAPPINGS.replace("prod-green", "prod-blue"))
    code, said = run(repository, shown)
    assert code == 1
    assert f"{shown}:1:12: error: clusterID is 'prod-blue', but the ID of this cluster is 'prod-green'" in said
    assert run(repository, "clusters/tarmak.yaml")[0] == 1  # stands for all of its clusters
    path.write_text("# tarmak-iam: ignore[IAM020] moves next week\n" + path.read_text())
    assert run(repository, shown)[0] == 0
    path.write_text(f"{MAPPINGS}---\nnot: read\n")
    run(repository, shown, args=("--fix",))
    assert path.read_text() == f"{MAPPINGS}# ---\n# not: read\n"
    assert run(repository, shown)[0] == 0


@pytest.mark.parametrize(
    ("name", "is_checked"),
    [
        ("tarmak.yaml", True),
        ("clusters/prod-green/aws-iam-authenticator.yaml", True),
        ("clusters/prod-green/tarmak-iam.yaml", True),
        ("clusters/prod-green/kubeconfig", False),
        ("old-tarmak.yaml", False),
        ("tarmak.yaml.orig", False),
        (".github/workflows/tarmak-iam.yaml", False),
    ],
)
def test_the_files_that_pre_commit_names(name: str, is_checked: bool) -> None:
    """It looks for the patterns as `re.search` does."""
    assert bool(re.search(HOOK["files"], name) and not re.search(HOOK["exclude"], name)) is is_checked
