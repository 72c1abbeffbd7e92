"""Runs that meet, are killed, may not, or are cut off: with the real API server and the real kubectl."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import components
from tests.e2e.access_reviews import granting, rule
from tests.e2e.conftest import ADMIN, APPLY, DEPLOYER, NAME, ON_ALL, TARMAKS, Stage, with_first
from tests.e2e.control_plane import CLUSTER
from tests.e2e.processes import wait_until
from tests.e2e.proxy import Proxy, proxy
from tests.support import ROOT

# With a lease of 33 seconds: its last renewal is too old for another write after 3 seconds, not 30.
_SHORT_LEASE = """\
from tarmak_iam.__main__ import main
from tarmak_iam.hook.cluster.lease import leased
leased.__wrapped__.__kwdefaults__["seconds"] = 33.0
main()
"""


def start(stage: Stage, *args: str, kubeconfig: Path | None = None, **more: str) -> subprocess.Popen[str]:
    """A command that works on the cluster, as a process that can be killed."""
    words = ("-c", stage.home.directory, args[0], "--kubeconfig", kubeconfig or stage.home.kubeconfig, *args[1:])
    command = [sys.executable, "-c", _SHORT_LEASE, *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **stage.caller_environment("admin"), **more}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def ended(process: subprocess.Popen[str], code: int) -> str:
    said = process.communicate(timeout=1200)[0]
    assert process.returncode == code, said
    assert "Traceback" not in said
    return said


@contextmanager
def stopping_kubectl(directory: Path) -> Iterator[Callable[[], int]]:
    """A PATH whose kubectl stops itself, by SIGSTOP, where it would write: the real one, once it is continued. Gives
    the process id of the one that is stopped."""
    directory.mkdir()
    kubectl, pid = directory / "kubectl", directory / "pid"
    real = components.program("kubectl")
    writes = 'case " $* " in *" --dry-run"*|*lease*) ;; *" apply "*) echo $$ > ' + f"{pid}; kill -STOP $$ ;; esac"
    kubectl.write_text(f'#!/bin/sh\n{writes}\nexec {real} "$@"\n')
    kubectl.chmod(0o755)

    def stopped() -> int:
        wait_until(lambda: pid.exists() and pid.read_text().strip())
        number = int(pid.read_text())
        wait_until(lambda: "\nState:\tT" in Path(f"/proc/{number}/status").read_text())
        return number

    try:
        yield stopped
    finally:
        if pid.exists():
            for signum in (signal.SIGKILL, signal.SIGCONT):
                try:
                    os.kill(int(pid.read_text()), signum)
                except ProcessLookupError:
                    break


def test_a_killed_apply_holds_the_lock_until_its_kubectl_has_ended(stage: Stage, tmp_path: Path) -> None:
    """Its write would come after that of the second apply, which had reported success."""
    stage.home.map(ADMIN + DEPLOYER)
    with stopping_kubectl(tmp_path / "bin") as stopped:
        first = start(stage, *APPLY, PATH=stage.path_with(tmp_path / "bin"))
        number = stopped()
        first.send_signal(signal.SIGKILL)
        first.communicate()
        stage.home.map(ADMIN)
        said = stage.live(*APPLY, code=2).said
        assert f"(process {number}), started by process {first.pid}, which was killed" in said
        assert stage.plane.object("configmaps", NAME) is None
        os.kill(number, signal.SIGCONT)
        wait_until(lambda: stage.plane.object("configmaps", NAME))
        wait_until(lambda: not Path(f"/proc/{number}").exists())
    said = stage.live(*APPLY).said
    assert f"process {first.pid}, run " in said
    assert ", which no longer runs" in said
    assert "configured ConfigMap" in said
    assert "deployer" not in stage.configuration
    assert stage.lease is None


def test_two_machines_and_a_lease_that_is_lost(stage: Stage, tmp_path: Path) -> None:
    """Two configuration directories on one API server, and the first one is within its write. Whoever loses the lease
    writes nothing more."""
    other = tmp_path / "other"
    shutil.copytree(stage.home.directory, other, symlinks=True)
    second = replace(stage, home=replace(stage.home, directory=other))
    with stopping_kubectl(tmp_path / "bin") as stopped:
        first = start(stage, *APPLY, PATH=stage.path_with(tmp_path / "bin"))
        number = stopped()
        found = stage.lease
        assert found is not None
        assert f"process {first.pid}, run " in found["spec"]["holderIdentity"]
        said = second.live(*APPLY, code=2).err
        assert f"this cluster is in use by {found['spec']['holderIdentity']} since " in said
        assert "run the command again when the other run has finished" in said
        assert not list((other / CLUSTER).glob("tarmak-iam.state*"))
        assert "would create ConfigMap" in stage.live("diff", code=1).out
        wait_until(lambda: (stage.lease or {})["spec"]["renewTime"] > found["spec"]["renewTime"])
        lost = stage.lease or {}
        lost["spec"]["holderIdentity"] = "ann@build-3"
        stage.kubectl("replace", "-f", "-", text=json.dumps(lost))
        time.sleep(5)
        (tmp_path / "bin" / "kubectl").unlink()
        (tmp_path / "bin" / "kubectl").symlink_to(components.program("kubectl"))
        os.kill(number, signal.SIGCONT)
        said = ended(first, 2)
    assert "lost the cluster's lease to ann@build-3; run the command again when the other run has finished; " in said
    assert "not done: DaemonSet kube-system/aws-iam-authenticator" in said
    assert (stage.lease or {})["spec"]["holderIdentity"] == "ann@build-3"


def kubeconfig_of(stage: Stage, path: Path, user: str) -> Path:
    """Of somebody with rights of their own."""
    config = json.loads(stage.plane.admin_kubeconfig)
    config["users"][0]["user"]["as"] = user
    path.write_text(json.dumps(config))
    return path


def allowed(stage: Stage, user: str, *rules: dict[str, Any]) -> None:
    """What all of it takes to read, and these."""
    stage.apply(*granting(user, rule("get list watch", "*", "*"), *rules))


def cannot(user: str, verb: str, resource: str, group: str = "") -> str:
    return f'User "{user}" cannot {verb} resource "{resource}" in API group "{group}" in the namespace "kube-system"'


WITHOUT_NAME = "the user of the kubeconfig"
CONFIG_MAPS = rule("create patch update delete", "configmaps")
LEASES = rule("create update delete", "leases", "coordination.k8s.io")


@ON_ALL
def test_what_is_not_allowed_is_tried_before_the_first_write(
    stage: Stage, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Permissions on the objects by name are enough, for a kubectl too that only asks."""
    config_maps_only, by_name = (
        kubeconfig_of(stage, tmp_path / name, name) for name in ("config-maps-only", "by-name")
    )
    stage.live(*APPLY)
    stage.home.map(ADMIN + DEPLOYER)
    verbs = "patch" if stage.plane.is_server_side else "update patch"
    own = (rule(verbs, "configmaps", names=NAME), rule(verbs, "daemonsets", "apps", NAME))
    allowed(stage, "by-name", LEASES, *own)
    assert "configured DaemonSet" in stage.live(*APPLY, kubeconfig=by_name).said
    before = stage.configuration
    allowed(stage, "config-maps-only", CONFIG_MAPS)
    said = stage.live("rollback", "--no-wait", code=2, kubeconfig=config_maps_only).said
    assert "note: you may not create leases in kube-system: a concurrent run from another machine" in said
    # A kubectl without dry runs only asks about permissions, and the answer does not say whose they are.
    cannot_update = cannot("config-maps-only", "update", "daemonsets", "apps")
    is_named = request.node.callspec.params["stage"] != TARMAKS
    assert (cannot_update if is_named else cannot_update.replace('User "config-maps-only"', WITHOUT_NAME)) in said
    assert "; nothing was changed; ask an administrator of the cluster for these permissions" in said
    assert "configmaps" not in said
    assert stage.configuration == before


def test_an_apply_tells_all_permissions_that_are_missing(stage: Stage, tmp_path: Path) -> None:
    allowed(stage, "leases-only", LEASES)
    said = stage.live(*APPLY, code=2, kubeconfig=kubeconfig_of(stage, tmp_path / "kubeconfig", "leases-only")).said
    missing = (cannot("leases-only", "patch", "configmaps"), cannot("leases-only", "patch", "daemonsets", "apps"))
    assert f"{'; '.join(missing)}; nothing was changed" in said
    assert "you may not create leases" not in said
    assert stage.lease is None


def test_what_was_applied_is_read_again(stage: Stage) -> None:
    with stage.plane.rolling_out("none"):  # so that the rollout is waited for
        first = start(stage, "apply", "--no-check", "--timeout=600")
        wait_until(lambda: stage.plane.object("daemonsets", NAME))
        stage.edit("clusterID: evil\n", "evil")
    with stage.plane.rolling_out(NAME):
        said = ended(first, 2)
    assert (
        "ConfigMap kube-system/aws-iam-authenticator differs from what was applied: evil changed data.config.yaml"
        in said
    )


@pytest.fixture(scope="module")
def front(stage: Stage) -> Iterator[Proxy]:
    with proxy(stage.plane.server, stage.plane.directory) as found:
        yield found


def through(stage: Stage, front: Proxy, path: Path) -> Path:
    path.write_text(stage.plane.admin_kubeconfig.replace(stage.plane.server, front.url))
    return path


BREAKS = ("answer", "reset", "request", "piece", "gateway")


@pytest.mark.parametrize("breaks", with_first(2, ["handshake", *BREAKS]))
def test_reads_are_tried_again(stage: Stage, front: Proxy, tmp_path: Path, breaks: str) -> None:
    front.breaking(breaks, 2)
    said = stage.live("diff", code=1, kubeconfig=through(stage, front, tmp_path / "kubeconfig")).said
    assert "would create ConfigMap kube-system/aws-iam-authenticator" in said
    assert len(front.broken) == 2


@pytest.mark.parametrize("breaks", with_first(1, BREAKS))
def test_writes_are_tried_again(stage: Stage, front: Proxy, tmp_path: Path, breaks: str) -> None:
    kubeconfig = through(stage, front, tmp_path / "kubeconfig")
    front.breaking(breaks, 3, "PATCH", "POST", "PUT", "DELETE")
    assert "created DaemonSet" in stage.live(*APPLY, kubeconfig=kubeconfig).said
    assert len(front.broken) == 3
    before = stage.configuration
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY)
    front.breaking(breaks, 2, "PUT")
    assert "configured ConfigMap" in stage.live("rollback", "--no-wait", kubeconfig=kubeconfig).said
    assert front.broken == ["PUT", "PUT"]
    assert stage.configuration == before
    front.breaking(breaks, 3, "PATCH", "POST", "PUT", "DELETE")
    assert "removed DaemonSet" in stage.live("rollback", "--no-wait", "--to", "0", kubeconfig=kubeconfig).said
    assert len(front.broken) == 3
    assert stage.plane.object("configmaps", NAME) is None
    assert stage.lease is None


@ON_ALL
@pytest.mark.parametrize("is_there", with_first(1, [True, False]))
@pytest.mark.parametrize("stop", with_first(1, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
def test_a_write_that_arrives_late(
    stage: Stage, front: Proxy, tmp_path: Path, is_there: bool, stop: signal.Signals
) -> None:
    """Its run was interrupted, and another one has applied something else before it arrives."""
    if is_there:
        stage.live(*APPLY)
    stage.home.map(ADMIN + DEPLOYER)
    front.holds, front.held[:] = "/configmaps", []
    process = start(stage, *APPLY, kubeconfig=through(stage, front, tmp_path / "kubeconfig"))
    wait_until(lambda: front.held)
    process.send_signal(stop)
    said = ended(process, 128 + stop)
    assert f"interrupted; done: nothing; may have been written: ConfigMap kube-system/{NAME}; not done: Daemon" in said
    assert (
        "the lease kube-system/tarmak-iam is not removed, because a write may still arrive; it expires within" in said
    )
    assert stage.lease is not None
    stage.home.map(ADMIN.replace("admin:", "boss:"))
    assert f"ConfigMap kube-system/{NAME}" in stage.live(*APPLY).out
    (late,) = front.held
    assert front.deliver(late).startswith(b"HTTP/1.1 409 ")
    assert "boss:" in stage.configuration
    assert stage.live("diff").out == ""


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


@ON_ALL
@pytest.mark.parametrize("number", with_first(1, [1, 2]))
def test_an_apply_that_is_killed_after_a_write(stage: Stage, tmp_path: Path, number: int) -> None:
    """Before the answer is there. What it has written is undone, gone on with, or guarded where somebody edits it."""
    program = tmp_path / "kubectl"
    program.write_text(_KUBECTL.format(real=(stage.home.bin / "kubectl").resolve(), root=tmp_path, number=number))
    program.chmod(0o755)

    def contents() -> tuple[Any, Any]:
        return stage.object()["data"], stage.object("daemonset")["spec"]["template"]

    def apply_killed() -> None:
        (tmp_path / "writes").unlink(missing_ok=True)
        ended(start(stage, *APPLY, PATH=stage.path_with(tmp_path)), -signal.SIGKILL)
        assert stage.lease
        assert "deployer" in contents()[0]["config.yaml"]

    stage.live(*APPLY)
    before = contents()
    stage.home.map(ADMIN + DEPLOYER)
    apply_killed()
    stage.live(*APPLY)
    assert "deployer" in contents()[0]["config.yaml"]
    assert contents()[1] != before[1]
    stage.live("rollback", "--no-wait")
    assert contents() == before
    assert stage.lease is None

    apply_killed()
    stage.edit("theirs")
    assert "has since been changed by another manager" in stage.live("rollback", "--no-wait", code=2).said
    assert contents()[0] == {"config.yaml": "theirs"}
    stage.live("rollback", "--no-wait", "--force")
    assert contents() == before

    apply_killed()
    stage.live("rollback", "--no-wait")
    assert contents() == before
