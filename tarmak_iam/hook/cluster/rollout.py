"""Whether a DaemonSet runs everywhere that it should, and if not, what its pods say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl, items_of
from tarmak_iam.hook.cluster.objects import Object, Ref
from tarmak_iam.hook.cluster.pods import PodsForbidden, pod_objects
from tarmak_iam.hook.telling import Tell, silent

__all__ = [
    "ROLLOUT_SECONDS",
    "Rollout",
    "pod_troubles",
    "read_rollout",
    "roll_out",
    "wait_for_rollout",
]

ROLLOUT_SECONDS = 300.0
"""An image that is pulled, on one master after the other."""

_PAUSE = 2.0
_MAX_PODS_TOLD = 3


@dataclass(frozen=True, slots=True)
class Rollout:
    """A DaemonSet's own account: on how many nodes it should run, does with its newest template, and is available.

    `is_seen`: whether the controller has taken note of its newest specification.
    """

    ref: Ref
    is_there: bool
    is_seen: bool = False
    desired: int = 0
    updated: int = 0
    available: int = 0

    @property
    def is_done(self) -> bool:
        everywhere = self.updated >= self.desired and self.available >= self.desired
        return self.is_there and self.is_seen and self.desired > 0 and everywhere

    @property
    def text(self) -> str:
        if not self.is_there:
            return f"there is no {self.ref}"
        if not self.is_seen:
            return f"{self.ref}: the cluster has not begun to roll it out"
        if self.desired == 0:
            return f"{self.ref}: no node is one that it is for"
        return f"{self.ref}: {self.updated} of {self.desired} nodes updated, {self.available} available"


def read_rollout(kubectl: Kubectl, ref: Ref) -> Rollout:
    """Raises ToolError."""
    done = kubectl.check("get", ref.resource, ref.name, *ref.scope, "--ignore-not-found", "-o", "json")
    found = items_of(done)
    return _rollout(ref, found[0]) if found else Rollout(ref, False)


def wait_for_rollout(
    kubectl: Kubectl, ref: Ref, seconds: float, tell: Tell = silent, pause: float = _PAUSE
) -> tuple[Rollout, tuple[str, ...]]:
    """Waits until it runs everywhere, or `seconds` are over: then also what its pods say. Raises ToolError."""
    deadline, told = kubectl.clock() + seconds, ""
    while True:
        now = read_rollout(kubectl, ref)
        if now.text != told:
            told = now.text
            tell(told)
        if now.is_done:
            return now, ()
        if kubectl.clock() + pause > deadline:
            return now, pod_troubles(kubectl, ref)
        kubectl.sleep(pause)


def roll_out(kubectl: Kubectl, refs: Sequence[Ref], seconds: float | None, tell: Tell = silent) -> bool | None:
    """Waits for each DaemonSet; None where nothing is waited for. Raises ToolError where one does not run in time."""
    if seconds is None or not refs:
        return None
    for ref in refs:
        rollout, troubles = wait_for_rollout(kubectl, ref, seconds, tell)
        if not rollout.is_done:
            said = f" ({'; '.join(troubles)})" if troubles else ""
            raise ToolError(f"it does not run everywhere after {seconds:.0f} seconds: {rollout.text}{said}")
    return True


def pod_troubles(kubectl: Kubectl, ref: Ref) -> tuple[str, ...]:
    """What keeps the pods of a DaemonSet from being ready, a line for each of the first few. Raises ToolError."""
    daemon = kubectl.run("get", ref.resource, ref.name, *ref.scope, "-o", "json")
    found = items_of(daemon) if daemon.code == 0 else []
    if not found:
        return ()
    try:
        pods = pod_objects(kubectl, found[0])
    except PodsForbidden as error:
        return (f"its pods cannot be listed: {error.what}",)
    return tuple(text for pod in pods for text in _troubles(pod))[:_MAX_PODS_TOLD]


def _rollout(ref: Ref, each: Object) -> Rollout:
    status, generation = each.get("status") or {}, (each.get("metadata") or {}).get("generation") or 0
    return Rollout(
        ref,
        True,
        is_seen=(status.get("observedGeneration") or 0) >= generation,
        desired=status.get("desiredNumberScheduled") or 0,
        updated=status.get("updatedNumberScheduled") or 0,
        available=status.get("numberAvailable") or 0,
    )


def _troubles(pod: Object) -> Iterator[str]:
    name, status = Ref.of(pod).name, pod.get("status") or {}
    node = (pod.get("spec") or {}).get("nodeName") or "no node"
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for container in containers:
        state = (container.get("state") or {}).get("waiting") or (container.get("state") or {}).get("terminated")
        if state and state.get("reason") == "Completed":
            continue
        if state:
            last = ((container.get("lastState") or {}).get("terminated") or {}).get("exitCode")
            ended = f", it ended with exit code {last}" if last is not None else ""
            message = f": {state['message']}" if state.get("message") else ""
            yield f"pod {name} on {node}: {state.get('reason', 'not running')}{message}{ended}"
        elif not container.get("ready"):
            yield f"pod {name} on {node}: it runs, and does not answer its readiness probe"
    if not containers:
        blocked: Object = next((each for each in status.get("conditions") or () if each.get("status") == "False"), {})
        why = blocked.get("message") or blocked.get("reason") or "not started"
        yield f"pod {name} on {node}: {why}"
