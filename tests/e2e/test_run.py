"""`run` from end to end, around the real tarmak where it is built, else a stub; everything behind it is real.

`clusters apply` needs AWS: in both of them it is one that only says that it applies.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e import components, tarmak_build
from tests.e2e.conftest import ADMIN, DEPLOYER, NAME, PRINCIPALS, Stage
from tests.support import ROOT

# A login that fails is tried again for 10 seconds, not for a minute.
_IMPATIENT = """\
from tarmak_iam.__main__ import main
from tarmak_iam.hook.login import verify
verify.verify_login.__kwdefaults__["seconds"] = 10.0
main()
"""
TARMAK = tarmak_build.available()


@pytest.mark.parametrize("tarmak", [pytest.param(TARMAK, id=TARMAK.name)])
def test_one_command_to_a_verified_login_or_back(stage: Stage, tarmak: tarmak_build.Tarmak, tmp_path: Path) -> None:
    """The daemon goes on with its first mappings, whatever is applied later."""
    (tmp_path / "kubectl").symlink_to(components.program("kubectl"))
    (tmp_path / "tarmak").symlink_to(Path(__file__).with_name("stub_tarmak.sh"))
    environment = {
        **os.environ,
        **stage.caller_environment("admin"),
        "PATH": stage.path_with(tmp_path),
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
        "TARMAK_CONFIG": str(stage.home.directory),
        "STUB_RECORD": str(tmp_path / "calls"),
        "STUB_REAL": str(tarmak.path or ""),
        "STUB_KUBECONFIG": str(stage.home.kubeconfig),
    }
    nobody = PRINCIPALS["unmapped"]

    def applied(code: int = 0, *options: str, **more: str) -> str:
        """What `run -- tarmak clusters apply` says, on both streams."""
        command = [sys.executable, "-c", _IMPATIENT, "run", *options, "--", "tarmak", "clusters", "apply"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment | more, check=False)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    stage.home.map(ADMIN + DEPLOYER)
    with stage.daemon(components.DAEMONS[0]), stage.plane.rolling_out(NAME):
        said = applied()
        assert said.startswith("applying the cluster\n")
        assert said.endswith("tarmak-iam: dev-cluster: applied and verified\n")
        calls = (tmp_path / "calls").read_text().splitlines()
        assert calls == ["clusters apply", "--current-cluster dev-cluster clusters kubeconfig"]
        before = stage.configuration
        assert "deployer" in before

        stage.home.map(ADMIN.replace("admin:", "boss:") + DEPLOYER)
        said = applied(1, "--rollback-on-failure")
        assert stage.configuration == before
        assert "dev-cluster: applied, but the verification failed: " in said
        assert stage.home.way_back in said
        assert "tarmak-iam: warning: dev-cluster: rolled back: " in said

        stage.home.map(ADMIN)
        said = applied(1, "--rollback-unless-verified", **nobody.environment)
        assert "tarmak-iam: warning: dev-cluster: rolled back: you (" in said
        assert stage.configuration == before
        said = applied(4, "--rollback-on-failure", **nobody.environment)
        assert f"tarmak-iam: warning: dev-cluster: applied, not verified: you ({nobody.arn}) " in said
        assert "verify --role arn:aws:iam::111122223333:role/Admin` to verify a login" in said
        assert "deployer" not in stage.configuration
