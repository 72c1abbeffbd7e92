"""apply killed by SIGKILL between its calls of the real kubectl, on the real API server."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ADMIN, APPLY, DEPLOYER, Stage, with_first
from tests.e2e.test_locks import run, start

# Once so many writes have landed, it kills the tarmak-iam that called it; the answer never comes.
_KUBECTL = """\
#!/bin/sh
"{real}" "$@" > "{root}/out"
code=$?
case "$*" in
*dry-run*) ;;
*apply*) echo >> "{root}/writes"; [ "$(wc -l < "{root}/writes")" -eq {number} ] && kill -9 $PPID ;;
esac
cat "{root}/out"
exit $code
"""


def contents(stage: Stage) -> tuple[Any, Any]:
    return stage.object()["data"], stage.object("daemonset")["spec"]["template"]


def killed(stage: Stage, directory: Path, number: int) -> None:
    """Once so many objects are written, and before their answer is there."""
    (directory / "writes").unlink(missing_ok=True)
    real, program = (stage.home.bin / "kubectl").resolve(), directory / "kubectl"
    program.write_text(_KUBECTL.format(real=real, root=directory, number=number))
    program.chmod(0o755)
    process = start(stage, *APPLY, PATH=stage.path_with(directory))
    said = process.communicate(timeout=1200)[0]
    assert process.returncode == -signal.SIGKILL, said
    assert stage.lease


@pytest.mark.parametrize("number", with_first(1, [1, 2]))
def test_after_a_write(stage: Stage, tmp_path: Path, number: int) -> None:
    run(stage, *APPLY)
    before = contents(stage)
    stage.home.map(ADMIN + DEPLOYER)
    killed(stage, tmp_path, number)
    assert "deployer" in contents(stage)[0]["config.yaml"]
    run(stage, "rollback", "--no-wait")
    assert contents(stage) == before

    killed(stage, tmp_path, number)
    run(stage, *APPLY)
    assert "deployer" in contents(stage)[0]["config.yaml"]
    assert contents(stage)[1] != before[1]
    run(stage, "rollback", "--no-wait")
    assert contents(stage) == before
    assert stage.lease is None

    killed(stage, tmp_path, number)
    stage.edit("theirs")
    assert "has since been changed by another manager" in run(stage, "rollback", "--no-wait", code=2)
    assert contents(stage)[0] == {"config.yaml": "theirs"}
    run(stage, "rollback", "--no-wait", "--force")
    assert contents(stage) == before
