"""The CI job runs the linters and the end-to-end tests beside each other, and then all others. All logs are printed, in
order, and a failure of one is that of all."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

SCRIPT = ROOT / ".ci" / "run"
pytestmark = pytest.mark.skipif(not SCRIPT.exists() or shutil.which("bash") is None, reason="only a checkout has it")
TOOLS = ("strace", "zsh", "fish", "chromium", "nodejs", "npm", "containerd", "runc")
# What is named in LATE ends after all others, which is after a while for what begins with it.
MAKE = """\
#!/bin/sh
echo "make $*"
[ "$1" != test-all ] || echo "with niceness $(nice)"
[ "$1" != "$LATE" ] || sleep 0.3
[ "$1" != "$BAD" ] || exit 3
"""
FIRST = ["make setup -j2", "make compiled", "make components"]
LOGS = ["make lint", "make e2e-node BUILD=:", "make e2e BUILD=:", "make test-all"]
END = ["with niceness 19"]


def run(directory: Path, *, bad: str = "", late: str = "") -> tuple[int, list[str]]:
    """With a make that only says what it was asked for. Lines that are not its own are those of the script."""
    (directory / ".ci").mkdir()
    shutil.copy(SCRIPT, directory / ".ci" / "run")
    programs = directory / "bin"
    programs.mkdir()
    for name in (*TOOLS, "make"):
        (programs / name).write_text(MAKE if name == "make" else "#!/bin/sh\n")
        (programs / name).chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "BAD": bad, "LATE": late}
    done = subprocess.run(
        ["bash", str(directory / ".ci" / "run")], env=environment, capture_output=True, text=True, check=False
    )
    # bash says that of a process which it ends at the moment in which it ends by itself.
    assert [line for line in done.stderr.splitlines() if "wait_for: No record of process" not in line] == []
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("late", ["", "e2e-node", "e2e"])
def test_in_order_whoever_ends_first(tmp_path: Path, late: str) -> None:
    assert run(tmp_path, late=late) == (0, [*FIRST, *LOGS, *END])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_failure_of_one_is_that_of_all(tmp_path: Path, number: int) -> None:
    part = LOGS[number].split()[1]
    assert run(tmp_path, bad=part) == (1, [*FIRST, *LOGS[:number], f"make {part} failed:", *LOGS[number:], *END])


@pytest.mark.parametrize(
    ("bad", "expected"),
    [("setup", FIRST[:1]), ("components", FIRST), ("lint", [*FIRST, "make lint failed:", LOGS[0]])],
)
def test_without_what_comes_before_nothing_is_run(tmp_path: Path, bad: str, expected: list[str]) -> None:
    assert run(tmp_path, bad=bad) == (3, expected)
