"""Restarts the daemon where its configuration becomes another one and its pods stay."""

from __future__ import annotations

from collections.abc import Iterable

from tarmak_iam.emit.labels import NAME
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.objects import Object, Ref
from tarmak_iam.hook.telling import Tell, silent

__all__ = ["restart_stale"]


def restart_stale(kubectl: Kubectl, done: Iterable[tuple[Object | None, Object]], tell: Tell = silent) -> None:
    """`done`: each object before and after. Raises ToolError.

    The daemon reads its configuration at the start only. A checksum in the pod template has it started anew with
    another one, but where somebody else has edited the ConfigMap, the template is as it was when that is put right.
    """
    pairs = [(before, after) for before, after in done if before is not None and Ref.of(after).name == NAME]
    if any(after["kind"] == "ConfigMap" and before.get("data") != after.get("data") for before, after in pairs):
        for before, after in pairs:
            if after["kind"] == "DaemonSet" and _template(before) == _template(after):
                _restart(kubectl, after, tell)


def _template(daemon: Object) -> object:
    return (daemon.get("spec") or {}).get("template")


def _restart(kubectl: Kubectl, daemon: Object, tell: Tell) -> None:
    """Not `rollout restart`, which kubectl below 1.15 has not, and which would set a field of ours."""
    ref = Ref.of(daemon)
    labels = ((daemon.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    tell(f"restarting the pods of {ref}, which read their configuration at the start only")
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    kubectl.check("delete", "pods", *ref.scope, "--selector", selector)
