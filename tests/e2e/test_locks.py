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
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import components
from tests.e2e.access_reviews import granting, rule
from tests.e2e.conftest import ADMIN, APPLY, CURRENT, DEPLOYER, NAME, ON_ALL, TARMAKS, Stage, skews, with_first
from tests.e2e.control_plane import CLUSTER, Done
from tests.e2e.proxy import Proxy, proxy
from tests.support import ROOT
from tests.support.forks import PATIENT, forked


def called(
    stage: Stage, *args: str, directory: Path | None = None, kubeconfig: Path | None = None, **more: str
) -> tuple[list[str], dict[str, str]]:
    """The words of a command that works on the cluster, from any directory; and its environment."""
    home = stage.home.directory
    given = kubeconfig or home / CLUSTER / "kubeconfig"
    words = ["-c", directory or home, args[0], "--kubeconfig", given, *args[1:]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **stage.caller_environment("admin"), **more}
    return list(map(str, words)), environment


# With a lease of 33 seconds: its last renewal is too old for another write after 3 seconds, not 30.
_SHORT_LEASE = """\
from tarmak_iam.__main__ import main
from tarmak_iam.hook.cluster.lease import leased
leased.__wrapped__.__kwdefaults__["seconds"] = 33.0
main()
"""


def start(stage: Stage, *args: str, **options: Any) -> subprocess.Popen[str]:
    """Such a command, as a process that can be killed."""
    words, environment = called(stage, *args, **options)
    command = [sys.executable, "-c", _SHORT_LEASE, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def ended(process: subprocess.Popen[str], code: int) -> str:
    said = process.communicate(timeout=1200)[0]
    assert process.returncode == code, said
    assert "Traceback" not in said
    return said


def run(stage: Stage, *args: str, code: int = 0, **options: Any) -> str:
    """What it says on both streams; how it starts is not tested here."""
    words, environment = called(stage, *args, **options)
    done = forked(PATIENT, *words, environment=environment)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    return said


def eventually(holds: Callable[[], object], seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


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
        eventually(lambda: pid.exists() and pid.read_text().strip())
        number = int(pid.read_text())
        eventually(lambda: "\nState:\tT" in Path(f"/proc/{number}/status").read_text())
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
        said = run(stage, *APPLY, code=2)
        assert f"(process {number}), started by process {first.pid}, which was killed" in said
        assert stage.plane.object("configmaps", NAME) is None
        os.kill(number, signal.SIGCONT)
        eventually(lambda: stage.plane.object("configmaps", NAME))
        eventually(lambda: not Path(f"/proc/{number}").exists())
    said = run(stage, *APPLY)
    assert f"process {first.pid}, run " in said
    assert ", which no longer runs" in said
    assert "configured ConfigMap" in said
    assert "deployer" not in stage.configuration
    assert stage.lease is None


def test_two_machines(stage: Stage, tmp_path: Path) -> None:
    """Two configuration directories on one API server, and the first one is within its write."""
    other = tmp_path / "other"
    shutil.copytree(stage.home.directory, other)
    stage.home.map(ADMIN + DEPLOYER)
    with stopping_kubectl(tmp_path / "bin") as stopped:
        first = start(stage, *APPLY, PATH=stage.path_with(tmp_path / "bin"))
        number = stopped()
        found = stage.lease
        assert found is not None
        assert f"process {first.pid}, run " in found["spec"]["holderIdentity"]
        said = run(stage, *APPLY, code=2, directory=other)
        assert f"this cluster is in use by {found['spec']['holderIdentity']} since " in said
        assert "run the command again when the other run has finished" in said
        assert not list((other / CLUSTER).glob("tarmak-iam.state*"))
        assert "would create ConfigMap" in stage.live("diff", code=1).out
        eventually(lambda: (stage.lease or {})["spec"]["renewTime"] > found["spec"]["renewTime"])
        os.kill(number, signal.SIGCONT)
        (tmp_path / "bin" / "kubectl").unlink()
        (tmp_path / "bin" / "kubectl").symlink_to(components.program("kubectl"))
        ended(first, 0)
    assert stage.lease is None
    assert "deployer" in stage.configuration
    run(stage, *APPLY, directory=other)
    assert "deployer" not in stage.configuration


def test_whoever_loses_the_lease_writes_nothing_more(stage: Stage, tmp_path: Path) -> None:
    with stopping_kubectl(tmp_path / "bin") as stopped:
        first = start(stage, *APPLY, PATH=stage.path_with(tmp_path / "bin"))
        number = stopped()
        found = stage.lease or {}
        found["spec"]["holderIdentity"] = "ann@build-3"
        stage.kubectl("replace", "-f", "-", text=json.dumps(found))
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
    items = granting(user, rule("get list watch", "*", "*"), *rules)
    stage.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def cannot(user: str, verb: str, resource: str, group: str = "") -> str:
    return f'User "{user}" cannot {verb} resource "{resource}" in API group "{group}" in the namespace "kube-system"'


WITHOUT_NAME = "the user of the kubeconfig"
CONFIG_MAPS = rule("create patch update delete", "configmaps")
LEASES = rule("create update delete", "leases", "coordination.k8s.io")


@ON_ALL
def test_a_rollback_with_rights_on_config_maps_only_changes_nothing(
    stage: Stage, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    stage.live(*APPLY)
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY)
    before = stage.configuration
    allowed(stage, "config-maps-only", CONFIG_MAPS)
    kubeconfig = kubeconfig_of(stage, tmp_path / "kubeconfig", "config-maps-only")
    said = run(stage, "rollback", "--no-wait", code=2, kubeconfig=kubeconfig)
    assert "note: you may not create leases in kube-system: a concurrent run from another machine" in said
    # A kubectl without dry runs only asks about permissions, and the answer does not say whose they are.
    cannot_update = cannot("config-maps-only", "update", "daemonsets", "apps")
    is_named = request.node.callspec.params["stage"] != TARMAKS
    assert (cannot_update if is_named else cannot_update.replace('User "config-maps-only"', WITHOUT_NAME)) in said
    assert "; nothing was changed; ask an administrator of the cluster for these permissions" in said
    assert "configmaps" not in said
    assert stage.configuration == before


def test_an_apply_tells_all_rights_that_are_missing(stage: Stage, tmp_path: Path) -> None:
    allowed(stage, "leases-only", LEASES)
    said = run(stage, *APPLY, code=2, kubeconfig=kubeconfig_of(stage, tmp_path / "kubeconfig", "leases-only"))
    missing = (cannot("leases-only", "patch", "configmaps"), cannot("leases-only", "patch", "daemonsets", "apps"))
    assert f"{'; '.join(missing)}; nothing was changed" in said
    assert "you may not create leases" not in said
    assert stage.lease is None


@skews(CURRENT, TARMAKS)
def test_rights_on_the_objects_by_name_are_enough(stage: Stage, tmp_path: Path) -> None:
    """For a kubectl too that only asks."""
    stage.live(*APPLY)
    stage.home.map(ADMIN + DEPLOYER)
    verbs = "patch" if stage.plane.is_server_side else "update patch"
    own = (rule(verbs, "configmaps", names=NAME), rule(verbs, "daemonsets", "apps", NAME))
    allowed(stage, "by-name", LEASES, *own)
    said = run(stage, *APPLY, kubeconfig=kubeconfig_of(stage, tmp_path / "kubeconfig", "by-name"))
    assert "configured DaemonSet" in said


def test_what_was_applied_is_read_again(stage: Stage) -> None:
    with stage.plane.rolling_out("none"):  # so that the rollout is waited for
        first = start(stage, "apply", "--no-check", "--timeout=600")
        eventually(lambda: stage.plane.object("daemonsets", NAME))
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


def done_through(stage: Stage, front: Proxy, tmp_path: Path, *args: str, code: int = 0) -> Done:
    kubeconfig = through(stage, front, tmp_path / "kubeconfig")
    return stage.home.call(
        args[0], "--kubeconfig", kubeconfig, *args[1:], code=code, more=stage.caller_environment("admin")
    )


BREAKS = ("answer", "reset", "request", "piece", "gateway")


@pytest.mark.parametrize("breaks", with_first(2, ["handshake", *BREAKS]))
def test_reads_are_tried_again(stage: Stage, front: Proxy, tmp_path: Path, breaks: str) -> None:
    front.breaking(breaks, 2)
    done = done_through(stage, front, tmp_path, "diff", code=1)
    assert "would create ConfigMap kube-system/aws-iam-authenticator" in done.out
    assert len(front.broken) == 2


@pytest.mark.parametrize("breaks", with_first(1, BREAKS))
def test_writes_are_tried_again(stage: Stage, front: Proxy, tmp_path: Path, breaks: str) -> None:
    front.breaking(breaks, 3, "PATCH", "POST", "PUT", "DELETE")
    assert "created DaemonSet" in done_through(stage, front, tmp_path, *APPLY).out
    assert len(front.broken) == 3
    front.breaking(breaks, 3, "PATCH", "POST", "PUT", "DELETE")
    assert "removed DaemonSet" in done_through(stage, front, tmp_path, "rollback", "--no-wait").out
    assert len(front.broken) == 3
    assert stage.plane.object("configmaps", NAME) is None
    assert stage.lease is None


@pytest.mark.parametrize("breaks", with_first(1, BREAKS))
def test_a_replace_whose_answer_is_lost(stage: Stage, front: Proxy, tmp_path: Path, breaks: str) -> None:
    stage.live(*APPLY)
    before = stage.configuration
    stage.home.map(ADMIN + DEPLOYER)
    stage.live(*APPLY)
    front.breaking(breaks, 2, "PUT")
    assert "configured ConfigMap" in done_through(stage, front, tmp_path, "rollback", "--no-wait").out
    assert front.broken == ["PUT", "PUT"]
    assert stage.configuration == before


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
    eventually(lambda: front.held)
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
