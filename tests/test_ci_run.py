"""The CI job runs the linters and the end-to-end tests beside each other, and then all others. All logs are printed, in
order, and a failure of one is that of all."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import ROOT

SCRIPT = ROOT / ".ci" / "run"
pytestmark = pytest.mark.skipif(not SCRIPT.exists() or shutil.which("bash") is None, reason="only a checkout has it")
TOOLS = ("strace", "zsh", "fish", "openssl", "chromium", "nodejs", "npm", "containerd", "runc")
MAKE = """\
#!/bin/sh
echo "make $*"
[ "$1" != "$GENTLE" ] || echo "with niceness $(nice)"
if [ "$1" = e2e ]; then trap ': >was-ended; exit 143' TERM; : >has-started; fi
[ "$1$LATE" != linte2e ] || until [ -e has-started ]; do sleep 0.01; done
[ "$1" != "$LATE" ] || until [ -e other-has-ended ]; do sleep 0.01; done
case $1$LATE in e2e-nodee2e) [ "$BAD" = lint ] || : >other-has-ended ;; e2e*) : >other-has-ended ;; esac
[ "$1" != "$BAD" ] || exit 3
"""


def run(directory: Path, *, bad: str = "", late: str = "", gentle: str = "") -> tuple[int, list[str]]:
    """With a make that only says what it was asked for. Lines that are not its own are those of the script."""
    (directory / ".ci").mkdir()
    shutil.copy(SCRIPT, directory / ".ci" / "run")
    programs = directory / "bin"
    programs.mkdir()
    for name in (*TOOLS, "make"):
        (programs / name).write_text(MAKE if name == "make" else "#!/bin/sh\n")
        (programs / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"BAD": bad, "LATE": late, "GENTLE": gentle}
    done = subprocess.run(
        ["bash", str(directory / ".ci" / "run")], env=environment, capture_output=True, text=True, check=False
    )
    # bash says that of a process which it ends at the moment in which it ends by itself.
    assert [line for line in done.stderr.splitlines() if "wait_for: No record of process" not in line] == []
    return done.returncode, done.stdout.splitlines()


LOGS = ["make lint", "make e2e-node BUILD=:", "make e2e BUILD=:", "make test-all"]
FIRST = ["make setup", "make compiled", "make components"]


@pytest.mark.parametrize("late", ["", "e2e-node", "e2e", "test-all"])
def test_in_order_whoever_ends_first(tmp_path: Path, late: str) -> None:
    assert run(tmp_path, late=late) == (0, [*FIRST, *LOGS])


@pytest.mark.parametrize(("part", "niceness"), [("test-all", 19), ("e2e-node", os.nice(0)), ("e2e", os.nice(0))])
def test_the_other_tests_leave_the_processors_to_those_with_real_components(
    tmp_path: Path, part: str, niceness: int
) -> None:
    code, lines = run(tmp_path, gentle=part)
    assert (code, [line for line in lines if not line.startswith("make ")]) == (0, [f"with niceness {niceness}"])


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_failure_of_one_is_that_of_all(tmp_path: Path, number: int) -> None:
    part = LOGS[number].split()[1]
    assert run(tmp_path, bad=part) == (1, [*FIRST, *LOGS[:number], f"make {part} failed:", *LOGS[number:]])


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("setup", FIRST[:1]),
        ("compiled", FIRST[:2]),
        ("components", FIRST),
        ("lint", [*FIRST, "make lint failed:", LOGS[0]]),
    ],
)
def test_without_what_comes_before_nothing_is_run(tmp_path: Path, bad: str, expected: list[str]) -> None:
    assert run(tmp_path, bad=bad) == (3, expected)


def test_what_runs_is_ended_if_the_linters_find_something(tmp_path: Path) -> None:
    """Here the end-to-end tests would wait forever."""
    assert run(tmp_path, bad="lint", late="e2e")[0] == 3
    deadline = time.monotonic() + 60
    while not (was_ended := (tmp_path / "was-ended").exists()) and time.monotonic() < deadline:
        time.sleep(0.01)
    (tmp_path / "other-has-ended").touch()
    assert was_ended
