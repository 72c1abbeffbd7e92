"""The command line with the steps around tarmak replaced: what they do is told by variables, and recorded.

FAKE_APPLY, FAKE_CHANGE (of apply's first change), FAKE_VERIFY, FAKE_ROLLBACK, FAKE_ACCESS and FAKE_LIVE are names of
what happens there: `ok`, `wait` (until somebody ends it), or what the functions below know.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tarmak_iam.access.diff import Loaded
from tarmak_iam.cli.main import main as command_line
from tarmak_iam.errors import FileError, PolicyRefused, ToolError
from tarmak_iam.hook.cluster.objects import Ref
from tarmak_iam.hook.cluster.results import Applied, ApplyFailed, ObjectAction, ObjectChange, RollbackFailed, RolledBack
from tarmak_iam.hook.login.review import LoginOutcome
from tarmak_iam.mappings.mappings_file import Mappings
from tests.hook.stub_tarmak import record

CREATED = ObjectChange(ObjectAction.CREATED, "ConfigMap", "kube-system", "aws-iam-authenticator")
SAME = ObjectChange(ObjectAction.UNCHANGED, "DaemonSet", "kube-system", "aws-iam-authenticator")


@dataclass(frozen=True)
class Verified:
    outcome: LoginOutcome = LoginOutcome.VERIFIED
    why: str = ""
    options: tuple[str, ...] = ()


def midway(state: Path | None) -> ApplyFailed:
    """An apply that ended after its first object."""
    reason = ToolError("the API server went away")
    left = (Ref("apps/v1", "DaemonSet", "kube-system", "aws-iam-authenticator"),)
    return ApplyFailed(reason, Applied((CREATED,), state), left, ())


def happens(step: str, default: str = "ok") -> str:
    kind = os.environ.get(f"FAKE_{step.upper()}", default)
    record(step, kind=kind)
    if kind == "wait":
        time.sleep(600)
    return kind


def cluster_kubeconfig(programs: Any, options: Any = (), program: str = "tarmak") -> Path:
    record("options", options=list(options), program=program)
    if happens("access") == "error":
        raise ToolError("tarmak clusters kubeconfig failed: no tunnel")
    return Path("/fake/kubeconfig")


def apply(installation: Any, kubectl: Any, state: Path, *, tell: Any, begun: Any, within: Any) -> Any:
    record(
        "applying",
        cluster=installation.cluster_id,
        kubeconfig=str(kubectl.kubeconfig),
        state=str(state),
        followsLinks=within.follow_links,
    )
    tell("DaemonSet kube-system/aws-iam-authenticator: 1 of 3 nodes updated")
    if "FAKE_WARNING" in os.environ:
        tell(f"warning: {os.environ['FAKE_WARNING']}")
    kind = happens("apply")
    if kind in ("ok", "midway", "bug"):
        begun()
        if "FAKE_CHANGE" in os.environ:
            happens("change")
    match kind:
        case "refused":
            raise PolicyRefused(
                "the last way would be lost; nothing was changed", remedy="--force does it all the same"
            )
        case "full":
            raise FileError("the state cannot be written: No space left on device")
        case "away":
            raise ToolError("kubectl get failed: connection refused")
        case "midway":
            raise midway(state)
        case "bug":
            raise RuntimeError("nobody thought of this")
        case "unchanged":
            return Applied((SAME,))
    effect: Any = SimpleNamespace(text="arn:aws:iam::111122223333:role/KubernetesAdmin: can log in")
    return Applied((CREATED, SAME), state, notes=("a note",), effects=(effect,))


def verify(installation: Any, kubectl: Any, *, tell: Any) -> Verified:
    match happens("verify"):
        case "bad":
            return Verified(LoginOutcome.FAILED, "the API server does not know the token; the daemon was not asked")
        case "unmapped":
            return Verified(LoginOutcome.NOT_MAPPED, "you (arn:x) are not mapped", ("--role", "arn:y"))
        case "no credentials":
            return Verified(LoginOutcome.CALLER_UNKNOWN, "no token can be created: there are no AWS credentials")
        case "error":
            raise ToolError("the API server does not answer")
    return Verified()


def rollback(kubectl: Any, state: Path, *, tell: Any, within: Any) -> Any:
    match happens("rollback"):
        case "error":
            raise RollbackFailed("kubectl replace failed: connection refused")
        case "refused":
            raise PolicyRefused(
                "ConfigMap x has since been changed by another manager; nothing was changed", remedy="--force"
            )
        case "away":
            raise ToolError("kubectl get failed: connection refused")
    return RolledBack(())


def read_live(kubectl: Any) -> Any:
    text = os.environ.get("FAKE_LIVE")
    if text is None:
        raise ToolError("the API server is away")

    def loaded(installation: Any) -> Loaded:
        from dataclasses import replace

        return Loaded.of(replace(installation, mappings=Mappings.parse(text.encode(), "live")))

    return SimpleNamespace(loaded=loaded)


def back_up(path: Path) -> Any:
    record("keep", path=str(path))
    if os.environ.get("FAKE_KEPT") == "full":
        raise FileError("its text can be laid nowhere: No space left on device")
    return path, path.read_bytes() if path.exists() else None


def restore_backup(kept: Any, *, finished: bool = True) -> Any:
    record("put back", finished=finished)
    path, data = kept
    kind = os.environ.get("FAKE_KEPT", "ok")
    if data is not None:
        path.write_bytes(data)
    severity = "error" if kind == "broken" else "note"
    return SimpleNamespace(severity=severity, lines=(f"{path}: {severity}: restored",))


STEPS = {
    "access": "tarmak_iam.hook.connection.cluster_kubeconfig",
    "apply": "tarmak_iam.hook.cluster.apply.apply_to_cluster",
    "verify": "tarmak_iam.hook.login.verify.verify_login",
    "rollback": "tarmak_iam.hook.cluster.rollback.roll_back",
    "live": "tarmak_iam.hook.cluster.live_mappings.read_live",
    "back_up": "tarmak_iam.hook.tarmak.backup.back_up",
    "restore_backup": "tarmak_iam.hook.tarmak.backup.restore_backup",
}
"""The functions around tarmak: `run` looks each of them up in its module when it comes to it."""

FAKES: dict[str, Callable[..., Any]] = {
    "access": cluster_kubeconfig,
    "apply": apply,
    "verify": verify,
    "rollback": rollback,
    "live": read_live,
    "back_up": back_up,
    "restore_backup": restore_backup,
}


@contextlib.contextmanager
def replaced_steps(**functions: Callable[..., Any]) -> Iterator[None]:
    """By their names in STEPS. Without unittest.mock, whose import takes longer than a run."""
    places = {name: STEPS[name].rpartition(".") for name in functions}
    modules = {name: importlib.import_module(module) for name, (module, _, _) in places.items()}
    before = {name: getattr(modules[name], attribute) for name, (_, _, attribute) in places.items()}
    try:
        for name, function in functions.items():
            setattr(modules[name], places[name][2], function)
        yield
    finally:
        for name, function in before.items():
            setattr(modules[name], places[name][2], function)


def main(arguments: list[str]) -> int:
    with replaced_steps(**FAKES):
        return command_line(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
