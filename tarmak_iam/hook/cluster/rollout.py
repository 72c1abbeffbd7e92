"""Updates of the authenticator's pods: whether each node with a pod can run the new one, the rollout, and restarts of
pods that no controller replaces because their template stays the same: after a manual change of the ConfigMap that was
corrected, or after an apply that ended between its writes.

On each master the new pod starts only after the old one has terminated (see emit/daemonset.py). So whatever would
prevent its start must be known before. An update that stalls does no further harm: with maxUnavailable 1 the controller
continues with the next node only when the new pod is ready.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.errors import PolicyRefused, TarmakIamError, ToolError
from tarmak_iam.hook.cluster.kubectl import Forbidden, Kubectl, is_forbidden, objects_of, why
from tarmak_iam.hook.cluster.objects import Object, Ref, last_change, managed_entries, version_of
from tarmak_iam.hook.cluster.pods import (
    CONFIG_MAP,
    DAEMONSET,
    DaemonPod,
    PodCheck,
    StalePod,
    check_pods,
    config_checksum,
    config_version,
    has_started_after,
    pod_objects,
    read_pods,
    read_rollout,
    with_config_version,
)
from tarmak_iam.hook.cluster.results import ObjectAction, Step
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Progress

_NODE = "node.kubernetes.io/"


def nodes_for(kubectl: Kubectl, pod: Object) -> dict[str, Object]:
    """The nodes that a pod's specification selects by labels, by name. Raises Forbidden and ToolError."""
    selected = (node for selector in _selectors(pod) for node in kubectl.selected("nodes", selector))
    return dict(sorted(((Ref.of(node).name, node) for node in selected), key=lambda pair: pair[0]))


def untolerated(node: Object, pod: Object, version: GoVersion) -> tuple[str, ...]:
    """Taints of the node that this DaemonSet's pod does not tolerate, as `key=value:effect`."""
    tolerations = [*(pod.get("tolerations") or ()), *added_tolerations(version, is_host=bool(pod.get("hostNetwork")))]
    return tuple(
        f"{taint.get('key', '')}{f'={value}' if (value := taint.get('value')) else ''}:{taint.get('effect', '')}"
        for taint in (node.get("spec") or {}).get("taints") or ()
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not is_tolerated(taint, tolerations)
    )


def is_tolerated(taint: dict[str, Any], tolerations: Sequence[dict[str, Any]]) -> bool:
    """As `ToleratesTaint` of k8s.io/api: no effect means all effects, no key (with `Exists`) means all keys."""
    return any(
        toleration.get("effect") in (None, "", taint.get("effect"))
        and toleration.get("key") in (None, "", taint.get("key"))
        and (
            toleration.get("operator") == "Exists"
            or (bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or ""))
        )
        for toleration in tolerations
    )


def _troubles_of(node: Object) -> Iterator[str]:
    """Conditions of a node that report a problem, with the kubelet's message."""
    for condition in (node.get("status") or {}).get("conditions") or ():
        name, value = condition.get("type", ""), condition.get("status")
        if (value != "True") if name == "Ready" else (value == "True"):  # other conditions: memory, disk, network
            message = f": {condition['message']}" if condition.get("message") else ""
            yield f"node {Ref.of(node).name}: {name} is {value}{message}"


def added_tolerations(version: GoVersion, *, is_host: bool) -> list[dict[str, str]]:
    """The tolerations that the controller adds to a DaemonSet's pods (see emit/daemonset.py for the sources)."""
    executing = ["not-ready", "unreachable"]
    # Before 1.12 the controller places the pods itself, also on cordoned nodes and without a pod network.
    scheduling = ["disk-pressure", "memory-pressure", "unschedulable"]
    if is_host:
        scheduling.append("network-unavailable")
    if not version.is_below(1, 14):
        scheduling.append("pid-pressure")
    pairs = [(key, "NoExecute") for key in executing] + [(key, "NoSchedule") for key in scheduling]
    return [{"key": _NODE + key, "operator": "Exists", "effect": effect} for key, effect in pairs]


def _selectors(pod: Object) -> list[str]:
    """Label selectors that together match the nodes of the pod. matchFields are ignored."""
    labels = [f"{key}={value}" for key, value in (pod.get("nodeSelector") or {}).items()]
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms") or [{}]
    return [",".join([*labels, *map(_expression, term.get("matchExpressions") or ())]) for term in terms]


def _expression(expression: dict[str, Any]) -> str:
    key, values = str(expression.get("key", "")), ",".join(expression.get("values") or ())
    made = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "DoesNotExist": f"!{key}"}
    return made.get(str(expression.get("operator")), key)  # Exists; for Gt and Lt only that the label exists


def check_update(
    server: Server, check: PodCheck, steps: Sequence[Step], *, force: bool = False
) -> tuple[tuple[str, ...], list[Step]]:
    """What changes mean for the running pods: notes about logins in the meantime, and about what could not be checked;
    and the removals of pods that no controller replaces and that run another configuration, now or afterwards.

    Raises PolicyRefused, unless `force`, if a node with a ready pod would not get a new one; and ToolError.
    """
    daemons = ((step.live, step.then) for step in steps if step.ref.is_same(DAEMONSET))
    live, then = next(daemons, (check.daemon, check.daemon))
    config_maps = [step for step in steps if step.then is not None and step.ref.is_same(CONFIG_MAP)]
    # Only new pods read it.
    has_new_data = any((step.live or {}).get("data") != (step.then or {}).get("data") for step in config_maps)
    templates = [((daemon or {}).get("spec") or {}).get("template") for daemon in (live, then)]
    is_same = live is not None and then is not None and templates[0] == templates[1]
    stale = [old.pod for old in check.stale]
    pods = (check.pods if has_new_data else stale) if is_same else ()
    restarts = [Step(pod.ref, ObjectAction.REMOVED, pod.ref.stub, None) for pod in pods]
    if live is None or then is None or (is_same and not has_new_data and not stale):
        return (), restarts
    return _update_notes(server, check, then, force=force), restarts


def _update_notes(server: Server, check: PodCheck, then: Object, *, force: bool) -> tuple[str, ...]:
    if not check.pods:
        return check.notes
    pod: Object = ((then.get("spec") or {}).get("template") or {}).get("spec") or {}
    try:
        nodes = nodes_for(server.kubectl, pod)
    except Forbidden as error:
        return (f"it is unknown whether each node can run the new pod of {DAEMONSET}: {error.what}",)
    ready = [running for running in check.pods if running.is_ready]
    notes = []
    for running in ready:
        node = nodes.get(running.node)
        if node is None:
            notes.append(f"{DAEMONSET} would no longer run on node {running.node}")
        elif taints := untolerated(node, pod, server.version):
            notes.append(f"{DAEMONSET} does not tolerate the taint {', '.join(taints)} of node {running.node}")
    if notes and not force:
        what = f"{'; '.join(notes)}; the pod that runs there now would be terminated; nothing was changed"
        raise PolicyRefused(what, remedy="use --force to update anyway")
    notes += [trouble for node in nodes.values() for trouble in _troubles_of(node)]
    if len(ready) == 1:
        last, image = ready[0], str((pod.get("containers") or [{}])[0].get("image", ""))
        notes.append(f"{last} is the only ready pod: IAM logins fail until its replacement is ready")
        listed = (nodes.get(last.node, {}).get("status") or {}).get("images") or ()  # the 50 largest
        if image != last.image and not any(image in (entry.get("names") or ()) for entry in listed):
            notes.append(f"node {last.node} does not list the image {image}: it may have to be pulled first")
    return tuple(notes)


ROLLOUT_SECONDS = 300.0
"""Enough to pull an image on one master after the other."""

_PAUSE = 2.0
_MAX_TROUBLES = 3


def _roll_out(kubectl: Kubectl, refs: Sequence[Ref], seconds: float | None, tell: Progress) -> bool | None:
    """Waits up to `seconds` until each DaemonSet runs on every node; None where nothing is waited for. Raises ToolError
    if one does not run in time, with the reasons why its pods are not ready."""
    if seconds is None or not refs:
        return None
    for ref in refs:
        deadline, reported, is_done = kubectl.clock() + seconds, "", False
        while not is_done:
            rollout = read_rollout(kubectl, ref)
            is_done = rollout.is_done
            if rollout.text != reported:
                reported = rollout.text
                tell(reported)
            if not is_done and kubectl.clock() + _PAUSE > deadline:
                troubles = "; ".join(pod_troubles(kubectl, ref))
                reason = f"{rollout.text} ({troubles})" if troubles else rollout.text
                raise ToolError(f"the rollout did not complete within {seconds:.0f} seconds: {reason}")
            if not is_done:
                kubectl.sleep(_PAUSE)
    return True


def pod_troubles(kubectl: Kubectl, ref: Ref) -> tuple[str, ...]:
    """Why the pods of a DaemonSet are not ready, one line for each of the first few. Raises ToolError."""
    done = kubectl.run("get", ref.resource, ref.name, *ref.scope, "-o", "json")
    daemons = objects_of(done)[:1] if done.code == 0 else []
    try:
        pods = [pod for daemon in daemons for pod in pod_objects(kubectl, daemon)]
    except Forbidden as error:
        return (f"its pods cannot be listed: {error.what}",)
    return tuple(text for pod in pods for text in _troubles(pod))[:_MAX_TROUBLES]


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
            ended = f", last exit code {last}" if last is not None else ""
            message = f": {state['message']}" if state.get("message") else ""
            yield f"pod {name} on {node}: {state.get('reason', 'not running')}{message}{ended}"
        elif not container.get("ready"):
            yield f"pod {name} on {node}: it runs, but its readiness probe fails"
    if not containers:
        blocked: Object = next((item for item in status.get("conditions") or () if item.get("status") == "False"), {})
        why = blocked.get("message") or blocked.get("reason") or "not started"
        yield f"pod {name} on {node}: {why}"


_RESTART_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class RolledOut:
    """`is_done`: whether each DaemonSet runs on every node, None where nothing was waited for. `is_left`: whether some
    pods still have to be restarted. `restarted`: the pods that were restarted, in this order."""

    is_done: bool | None
    notes: tuple[str, ...] = ()
    is_left: bool = False
    restarted: tuple[StalePod, ...] = ()


def note_config_version(server: Server, before: Object | None, made: Object | None) -> None:
    """Below Kubernetes 1.16, records the version of the ConfigMap after our write. Where another manager has changed it
    before, only a write of other data counts: pods may still have to be restarted. Raises ToolError."""
    if made is None or (before and version_of(before) == version_of(made)):
        return
    live = server.read([DAEMONSET.stub, CONFIG_MAP.stub])  # kubectl prints managedFields of what it reads, not writes
    daemon, config_map = DAEMONSET.among(live), CONFIG_MAP.among(live)
    if daemon is None or config_map is None or any(managed_entries(config_map)):
        return
    version, until = config_version(daemon)
    if before is None or config_checksum(daemon, before) != config_checksum(daemon, made):
        until = last_change(made)
    elif version not in ("", version_of(before)):
        return
    _note_config_version(server, made, until)


def _note_config_version(server: Server, config_map: Object, until: datetime | None) -> None:
    named = (DAEMONSET.resource, DAEMONSET.name, *DAEMONSET.scope)
    done = server.kubectl.run("annotate", *named, "--overwrite", with_config_version(config_map, until))
    if done.code and not is_forbidden(done):  # where it may not be noted, later pods are restarted once too often
        raise server.kubectl.failure(done, "annotate")


def roll_out_and_restart(server: Server, refs: Sequence[Ref], seconds: float | None, tell: Progress) -> RolledOut:
    """Waits up to `seconds` until each DaemonSet runs on every node, and then restarts the authenticator's stale pods
    one by one, each when the one before is ready, for up to `seconds` more.

    With `seconds` None, nothing is waited for: a single pod is restarted; of several pods only those that are not
    ready, and a note names the others. Raises ToolError with the pods that still run the previous configuration.
    """
    if not any(ref.is_same(DAEMONSET) for ref in refs):
        return RolledOut(_roll_out(server.kubectl, refs, seconds, tell))
    restart = _Restart(server, tell)
    # They answer no logins, so they need not be waited for.
    restart.delete([stale for stale in check_pods(server).to_restart if not stale.pod.is_ready])
    try:
        is_done = _roll_out(server.kubectl, refs, seconds, tell)
    except ToolError as error:
        at_once = replace(server, kubectl=replace(server.kubectl, patience=0.0))
        left: list[StalePod] = []
        with contextlib.suppress(TarmakIamError):
            left = check_pods(at_once).to_restart
        raise (_not_restarted(error.message, left) if left else error) from None
    return restart.rest(is_done, seconds)


def would_be_restarted(check: PodCheck) -> tuple[str, ...]:
    """The pods that are already stale, and what could not be checked, one line each."""
    return (*(f"would be restarted: {stale.text}" for stale in check.to_restart), *check.notes)


class _Restart:
    def __init__(self, server: Server, tell: Progress) -> None:
        self._server, self._kubectl, self._tell, self._restarted = server, server.kubectl, tell, list[StalePod]()

    def rest(self, is_done: bool | None, seconds: float | None) -> RolledOut:
        check = check_pods(self._server)
        stale, notes = check.to_restart, check.notes
        ready = [old for old in stale if old.pod.is_ready]
        if seconds is not None:
            deadline = self._kubectl.clock() + seconds
            for number, old in enumerate(stale):
                self.delete([old], stale[number:])
                self._wait(check, old.pod, deadline, stale[number:])
        elif len(check.pods) == 1:
            self.delete(stale)
        elif ready:
            advice = "run the same command without --no-wait to restart them one by one"
            notes = (*notes, f"not restarted: {', '.join(str(old.pod) for old in ready)}; {advice}")
            return RolledOut(is_done, notes, is_left=True, restarted=tuple(self._restarted))
        self._note_all_read(check)
        return RolledOut(is_done, notes, restarted=tuple(self._restarted))

    def _note_all_read(self, check: PodCheck) -> None:
        """Records that all pods have read the ConfigMap of the check, if it still has that version."""
        config_map, daemon = check.config_map, check.daemon
        if config_map is None or daemon is None or not check.is_seen or any(managed_entries(config_map)):
            return
        version, until = config_version(daemon)
        is_noted = version == version_of(config_map) and not any(has_started_after(pod, until) for pod in check.pods)
        if is_noted and not self._restarted:
            return
        now = self._kubectl.server_time()
        now_live = CONFIG_MAP.among(self._server.read([CONFIG_MAP.stub]))
        if now_live is not None and version_of(now_live) == version_of(config_map):
            _note_config_version(self._server, config_map, now)

    def delete(self, stale: Sequence[StalePod], left: Sequence[StalePod] = ()) -> None:
        """Deletes pods by name. `rollout restart` is missing in kubectl below 1.15, and it sets a field."""
        at_once = () if self._server.client.is_below(1, 11) else ("--wait=false",)
        for number, old in enumerate(stale):
            if old.pod.is_ending:
                continue
            ref = old.pod.ref
            self._tell(f"restarting {old.text}")
            done = self._kubectl.run("delete", "pod", ref.name, *ref.scope, "--ignore-not-found", *at_once)
            if done.code:
                raise _not_restarted(f"kubectl delete failed: {why(done)}", left or stale[number:])
            self._restarted.append(old)

    def _wait(self, check: PodCheck, old: DaemonPod, deadline: float, left: Sequence[StalePod]) -> None:
        assert check.daemon is not None  # pods exist only with it
        while True:
            pods = [pod for pod in read_pods(self._kubectl, check.daemon) if pod.node == old.node]
            if any(pod.is_ready for pod in pods) and not any(pod.uid == old.uid for pod in pods):
                return
            if self._kubectl.clock() + _RESTART_PAUSE > deadline:
                break
            self._kubectl.sleep(_RESTART_PAUSE)
        is_there = any(pod.uid == old.uid for pod in pods)
        state = "it has not terminated" if is_there else "its replacement is not ready"
        said = "; ".join(pod_troubles(self._kubectl, DAEMONSET))
        said = f" ({said})" if said else ""
        raise _not_restarted(f"{old} was restarted: {state}{said}", left[0 if is_there else 1 :])


def _not_restarted(what: str, left: Sequence[StalePod]) -> ToolError:
    named = ", ".join(str(old.pod) for old in left)
    still = f"; {named} still {'runs' if len(left) == 1 else 'run'} the previous configuration"
    return ToolError(what + still if left else what)
