"""apply killed by SIGKILL between its calls of the real kubectl, on the real API server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stage, with_first
from tests.e2e.test_live import ADMIN, APPLY, DEPLOYER, _clear, get
from tests.e2e.test_locks import LEASE, lease, run, start

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


@pytest.fixture(autouse=True)
def _empty(stage: Stage) -> Iterator[None]:
    stage.home.map(ADMIN)
    _clear(stage)
    yield
    _clear(stage)
    stage.plane.object("leases", LEASE, method="DELETE")


def contents(stage: Stage) -> tuple[Any, Any]:
    return get(stage, "configmap")["data"], get(stage, "daemonset")["spec"]["template"]


def killed(stage: Stage, directory: Path, number: int) -> None:
    """Once so many objects are written, and before their answer is there."""
    (directory / "writes").unlink(missing_ok=True)
    real, program = (stage.home.bin / "kubectl").resolve(), directory / "kubectl"
    program.write_text(_KUBECTL.format(real=real, root=directory, number=number))
    program.chmod(0o755)
    path = os.pathsep.join([str(directory), stage.caller_environment("admin")["PATH"]])
    process = start(stage, *APPLY, PATH=path)
    said = process.communicate(timeout=1200)[0]
    assert process.returncode == -signal.SIGKILL, said
    assert lease(stage)


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
    assert lease(stage) is None

    killed(stage, tmp_path, number)
    edit = ("patch", "configmap", "aws-iam-authenticator", "--namespace", "kube-system", "--patch")
    stage.plane.kubectl(*edit, '{"data": {"config.yaml": "theirs"}}')
    assert "has since been changed by another manager" in run(stage, "rollback", "--no-wait", code=2)
    assert contents(stage)[0] == {"config.yaml": "theirs"}
    run(stage, "rollback", "--no-wait", "--force")
    assert contents(stage) == before
