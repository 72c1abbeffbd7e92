"""`run` from end to end, around the real tarmak where it is built, else a stub; everything behind it is real.

`clusters apply` needs AWS: in both of them it is one that only says that it applies.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e import components, tarmak_build
from tests.e2e.conftest import ADMIN, DEPLOYER, NAME, PRINCIPALS, Stage
from tests.support import ROOT

APPLY = ("clusters", "apply")

TARMAK = tarmak_build.available()
# A login that fails is tried again for 10 seconds, not for a minute.
_IMPATIENT = """\
from tarmak_iam.__main__ import main
from tarmak_iam.hook.login import verify
verify.verify_login.__kwdefaults__["seconds"] = 10.0
main()
"""


@dataclass(frozen=True)
class Shop:
    """A stage with a tarmak, and programs of its own in `bin`."""

    stage: Stage
    bin: Path

    @property
    def config(self) -> Path:
        return self.stage.home.directory / "tarmak.yaml"

    @property
    def calls(self) -> list[str]:
        path = self.bin / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, *args: str, options: tuple[str, ...] = (), code: int = 0, **more: str) -> str:
        """What `run -- tarmak ARGS` says to the admin role, on both streams."""
        stage = self.stage
        environment = {
            **os.environ,
            **stage.caller_environment("admin"),
            "PATH": stage.path_with(self.bin),
            "PYTHONPATH": str(ROOT),
            "NO_COLOR": "1",
            "TARMAK_CONFIG": str(stage.home.directory),
            "STUB_RECORD": str(self.bin / "calls"),
            "STUB_REAL": str(TARMAK.path or ""),
            "STUB_KUBECONFIG": str(stage.home.kubeconfig),
            **more,
        }
        command = [sys.executable, "-c", _IMPATIENT, "run", *options, "--", "tarmak", *args]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
        )
        assert done.returncode == code, done.stdout
        assert "Traceback" not in done.stdout
        return done.stdout

    @property
    def live(self) -> str:
        """The configuration in the cluster, empty for none."""
        args = ("get", "configmap", NAME, "--ignore-not-found", "-o", "jsonpath={.data}")
        return self.stage.kubectl(*args).out


@pytest.fixture(params=[pytest.param(TARMAK, id=TARMAK.name)])
def shop(stage: Stage, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(stage, tmp_path)
    (tmp_path / "kubectl").symlink_to(components.program("kubectl"))
    (tmp_path / "tarmak").symlink_to(Path(__file__).with_name("stub_tarmak.sh"))
    text = shop.config.read_text()
    # Which lies elsewhere here than on Tarmak's masters, and check calls that an error.
    key = "      authTokenWebhookFile"
    shop.config.write_text(text.replace(key, f"      # tarmak-iam: ignore[IAM041] a test\n{key}"))
    yield shop
    shop.config.write_text(text)


def test_one_command_to_a_verified_login_or_back(shop: Shop) -> None:
    """The daemon goes on with its first mappings, whatever is applied later."""
    unmapped, home = PRINCIPALS["unmapped"].environment, shop.stage.home
    home.map(ADMIN + DEPLOYER)
    with shop.stage.daemon(components.DAEMONS[0]), shop.stage.plane.rolling_out(NAME):
        said = shop.run(*APPLY)
        assert "\napplying the cluster\n" in said
        assert said.endswith("tarmak-iam: dev-cluster: applied and verified\n")
        assert shop.calls == ["clusters apply", "--current-cluster dev-cluster clusters kubeconfig"]
        before = shop.live
        assert "deployer" in before

        home.map(ADMIN.replace("admin:", "boss:") + DEPLOYER)
        said = shop.run(*APPLY, options=("--rollback-on-failure",), code=1)
        assert shop.live == before
        assert "dev-cluster: applied, but the verification failed: " in said
        assert home.way_back in said
        assert "tarmak-iam: warning: dev-cluster: rolled back: " in said

        home.map(ADMIN)
        said = shop.run(*APPLY, options=("--rollback-unless-verified",), code=1, **unmapped)
        assert "tarmak-iam: warning: dev-cluster: rolled back: you (" in said
        assert shop.live == before
        said = shop.run(*APPLY, options=("--rollback-on-failure",), code=4, **unmapped)
        nobody = PRINCIPALS["unmapped"].arn
        assert f"tarmak-iam: warning: dev-cluster: applied, not verified: you ({nobody}) " in said
        assert "verify --role arn:aws:iam::111122223333:role/Admin` to verify a login" in said
        assert "deployer" not in shop.live
