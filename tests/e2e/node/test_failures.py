"""Updates whose pod does not come up: the pod's own reason is told, and the way back is there."""

from __future__ import annotations

import re

from tarmak_iam.installation.images import DEFAULT_IMAGE
from tests.e2e.conftest import ADMIN, DEPLOYER
from tests.e2e.node.conftest import APPLY
from tests.e2e.node.masters import ALL_RUN, Masters
from tests.e2e.node.test_taints import tainted


def test_an_update_of_a_master_whose_kubelet_hangs(masters: Masters) -> None:
    """Nothing can be started there, and nothing ends: who could log in still can."""
    masters.stage.live(*APPLY, "--timeout=600")
    with tainted(masters, masters.first.stopped_kubelet(), "node.kubernetes.io/unreachable:NoSchedule"):
        masters.stage.home.map(ADMIN + DEPLOYER)
        assert ALL_RUN not in masters.stage.live(*APPLY, "--timeout=15", code=2).err
        assert masters.stage.login("admin").username == "admin:ann-example.com"
    assert ALL_RUN in masters.stage.live(*APPLY, "--timeout=600").err
    assert masters.stage.eventually("path").username == "deployer"


def test_an_image_that_is_not_there(masters: Masters) -> None:
    masters.stage.live(*APPLY, "--timeout=600")
    never = (*APPLY, "--timeout=1", "--image", f"{DEFAULT_IMAGE}-never")
    masters.stage.live(*never, code=2)
    masters.wait_for_waiting("ErrImagePull", "ImagePullBackOff")
    failed = masters.stage.live(*never, code=2)
    assert re.search(r"on m1: (ErrImagePull|ImagePullBackOff): .*-never", failed.err)
    _log_in_after_rollback(masters)


def test_a_configuration_with_which_the_daemon_ends(masters: Masters) -> None:
    """The port is etcd's: the daemon cannot listen, and who does is no daemon to the kubelet's probe. (The API server
    would answer the probe, so that the pod was taken for ready until the daemon ended.)"""
    masters.stage.live(*APPLY, "--timeout=600")
    before = masters.stage.home.mappings.read_text()
    port = masters.plane.etcd.rpartition(":")[2]
    masters.stage.home.mappings.write_text(before.replace(f"port: {masters.stage.home.port}", f"port: {port}"))
    masters.stage.live(*APPLY, "--timeout=1", code=2)
    masters.wait_for_crash_loop()
    failed = masters.stage.live(*APPLY, "--timeout=1", code=2)
    assert "on m1: CrashLoopBackOff: " in failed.err
    assert "last exit code" in failed.err
    _log_in_after_rollback(masters)


def _log_in_after_rollback(masters: Masters) -> None:
    assert ALL_RUN in masters.stage.live("rollback", "--timeout=600").err
    assert masters.stage.eventually("admin").username == "admin:ann-example.com"
