"""The CI job runs the end-to-end tests beside each other, and then all others. All logs are printed, in order, and a
failure of one is that of all."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

SCRIPT = ROOT / ".ci" / "run"
pytestmark = pytest.mark.skipif(not SCRIPT.exists() or shutil.which("bash") is None, reason="only a checkout has it")
TOOLS = ("strace", "zsh", "fish", "openssl", "chromium", "nodejs", "npm", "containerd", "runc")
MAKE = """\
#!/bin/sh
echo "make $*"
[ "$1" != "$LATE" ] || until [ -e other-has-ended ]; do sleep 0.01; done
[ "${1#e2e}" = "$1" ] || : >other-has-ended
[ "$1" != "$BAD" ] || exit 3
"""


def run(directory: Path, *, bad: str = "", late: str = "") -> tuple[int, list[str]]:
    """With a make that only says what it was asked for. Lines that are not its own are those of the script."""
    (directory / ".ci").mkdir()
    shutil.copy(SCRIPT, directory / ".ci" / "run")
    programs = directory / "bin"
    programs.mkdir()
    for name in (*TOOLS, "make"):
        (programs / name).write_text(MAKE if name == "make" else "#!/bin/sh\n")
        (programs / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "BAD": bad, "LATE": late}
    done = subprocess.run(
        ["bash", str(directory / ".ci" / "run")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


BEFORE = ["make lint", "make components"]
BESIDE = ["make e2e-node BUILD=:", "make e2e BUILD=:", "make test-all"]


@pytest.mark.parametrize("late", ["", "e2e-node", "e2e"])
def test_in_order_whoever_ends_first(tmp_path: Path, late: str) -> None:
    assert run(tmp_path, late=late) == (0, [*BEFORE, *BESIDE])


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("e2e-node", ["make e2e-node failed:", *BESIDE]),
        ("e2e", [BESIDE[0], "make e2e failed:", *BESIDE[1:]]),
        ("test-all", BESIDE),
    ],
)
def test_a_failure_of_one_is_that_of_all(tmp_path: Path, bad: str, expected: list[str]) -> None:
    assert run(tmp_path, bad=bad) == (1, [*BEFORE, *expected])


@pytest.mark.parametrize(("bad", "expected"), [("lint", BEFORE[:1]), ("components", BEFORE)])
def test_without_what_comes_before_nothing_is_run(tmp_path: Path, bad: str, expected: list[str]) -> None:
    assert run(tmp_path, bad=bad) == (3, expected)
