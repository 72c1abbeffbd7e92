"""Checks whether an update of the DaemonSet would terminate pods that answer logins without a replacement, by the nodes
that its template matches.

On each master the new pod starts only after the old one has terminated (see emit/daemonset.py). So whatever would
prevent its start must be known before. An update that stalls does no further harm: with maxUnavailable 1 the controller
continues with the next node only when the new pod is ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.errors import PolicyRefused
from tarmak_iam.hook.cluster.kubectl import Forbidden, Kubectl
from tarmak_iam.hook.cluster.objects import Object
from tarmak_iam.hook.cluster.results import ObjectAction, Step
from tarmak_iam.hook.cluster.rollout import CONFIG_MAP, DAEMONSET, PodCheck
from tarmak_iam.hook.cluster.server import Server

_NODE = "node.kubernetes.io/"


@dataclass(frozen=True, slots=True)
class Node:
    """`troubles`: conditions that report a problem, with the kubelet's message. `images`: the names of the images that
    the node lists: the 50 largest."""

    name: str
    taints: tuple[dict[str, Any], ...]
    troubles: tuple[str, ...]
    images: frozenset[str]

    @classmethod
    def of(cls, node: Object) -> Node:
        status = node.get("status") or {}
        troubles = []
        for condition in status.get("conditions") or ():
            name, value = condition.get("type", ""), condition.get("status")
            if (value != "True") if name == "Ready" else (value == "True"):  # other conditions: memory, disk, network
                message = f": {condition['message']}" if condition.get("message") else ""
                troubles.append(f"{name} is {value}{message}")
        return cls(
            name=str((node.get("metadata") or {}).get("name", "")),
            taints=tuple((node.get("spec") or {}).get("taints") or ()),
            troubles=tuple(troubles),
            images=frozenset(name for image in status.get("images") or () for name in image.get("names") or ()),
        )


def nodes_for(kubectl: Kubectl, pod: Object) -> tuple[Node, ...]:
    """The nodes that a pod's specification selects by labels, sorted by name. Raises Forbidden and ToolError."""
    selected = (node for selector in _selectors(pod) for node in kubectl.selected("nodes", selector))
    nodes = {node.name: node for node in map(Node.of, selected)}
    return tuple(nodes[name] for name in sorted(nodes))


def untolerated(node: Node, pod: Object, version: GoVersion) -> tuple[str, ...]:
    """Taints of the node that this DaemonSet's pod does not tolerate, as `key=value:effect`."""
    tolerations = [*(pod.get("tolerations") or ()), *added_tolerations(version, is_host=bool(pod.get("hostNetwork")))]
    refused = (
        taint
        for taint in node.taints
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not is_tolerated(taint, tolerations)
    )
    values = ((taint, f"={taint['value']}" if taint.get("value") else "") for taint in refused)
    return tuple(f"{taint.get('key', '')}{value}:{taint.get('effect', '')}" for taint, value in values)


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


def added_tolerations(version: GoVersion, *, is_host: bool) -> list[dict[str, str]]:
    """The tolerations that the controller adds to a DaemonSet's pods (see emit/daemonset.py for the sources)."""
    executing = ["not-ready", "unreachable"]
    scheduling = ["disk-pressure", "memory-pressure"]
    # Before 1.12 the controller places the pods itself, also on cordoned nodes and without a pod network.
    scheduling.append("unschedulable")
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
    key, operator, values = expression.get("key", ""), expression.get("operator"), expression.get("values") or ()
    match operator:
        case "In":
            return f"{key} in ({','.join(values)})"
        case "NotIn":
            return f"{key} notin ({','.join(values)})"
        case "DoesNotExist":
            return f"!{key}"
    return str(key)  # Exists; for Gt and Lt only that the label exists


@dataclass(frozen=True, slots=True)
class PodUpdate:
    """The consequences of changes for the running pods: `live` and `then` are their DaemonSet, `has_new_data` whether
    the data of its ConfigMap changes, which only new pods read."""

    check: PodCheck
    live: Object | None
    then: Object | None
    has_new_data: bool

    @classmethod
    def of(cls, check: PodCheck, steps: Sequence[Step]) -> PodUpdate:
        daemons = ((step.live, step.then) for step in steps if step.ref.is_same(DAEMONSET))
        live, then = next(daemons, (check.daemon, check.daemon))
        config_maps = [step for step in steps if step.then is not None and step.ref.is_same(CONFIG_MAP)]
        has_new_data = any((step.live or {}).get("data") != (step.then or {}).get("data") for step in config_maps)
        return cls(check, live, then, has_new_data)

    @property
    def has_same_template(self) -> bool:
        """Whether the pod template stays the same, so that the controller replaces no pod."""
        return self.live is not None and self.then is not None and _template(self.live) == _template(self.then)

    @property
    def restarts(self) -> list[Step]:
        """The removals of pods that no controller replaces and that run another configuration, now or after the
        changes."""
        if not self.has_same_template:
            return []
        pods = self.check.pods if self.has_new_data else [stale.pod for stale in self.check.stale]
        return [Step(pod.ref, ObjectAction.REMOVED, pod.ref.stub, None) for pod in pods]

    @property
    def ends_pods(self) -> bool:
        if self.live is None or self.then is None:
            return False
        return not self.has_same_template or self.has_new_data or bool(self.check.stale)


def check_update(server: Server, update: PodUpdate, *, force: bool = False) -> tuple[str, ...]:
    """Returns notes about what an update that replaces or restarts pods means for logins, and about what could not be
    checked; none for other changes.

    Raises PolicyRefused, unless `force`, if a node with a ready pod would not get a new one; and ToolError.
    """
    check, then = update.check, update.then
    if not update.ends_pods or then is None:
        return ()
    if not check.pods:
        return check.notes
    pod: Object = (_template(then) or {}).get("spec") or {}
    try:
        nodes = nodes_for(server.kubectl, pod)
    except Forbidden as error:
        return (f"it is unknown whether each node can run the new pod of {DAEMONSET}: {error.what}",)
    by_name = {node.name: node for node in nodes}
    ready = [running for running in check.pods if running.is_ready]
    notes = []
    for running in ready:
        node = by_name.get(running.node)
        if node is None:
            notes.append(f"{DAEMONSET} would no longer run on node {running.node}")
        elif taints := untolerated(node, pod, server.version):
            notes.append(f"{DAEMONSET} does not tolerate the taint {', '.join(taints)} of node {node.name}")
    if notes and not force:
        raise PolicyRefused(
            f"{'; '.join(notes)}; the pod that runs there now would be terminated; nothing was changed",
            remedy="use --force to update anyway",
        )
    notes += [f"node {node.name}: {trouble}" for node in nodes for trouble in node.troubles]
    if len(ready) == 1:
        last, image = ready[0], str((pod.get("containers") or [{}])[0].get("image", ""))
        notes.append(f"{last} is the only ready pod: IAM logins fail until its replacement is ready")
        is_there = any(node.name == last.node and image in node.images for node in nodes)
        if image != last.image and not is_there:
            notes.append(f"node {last.node} does not list the image {image}: it may have to be pulled first")
    return tuple(notes)


def _template(daemon: Object) -> Object | None:
    return (daemon.get("spec") or {}).get("template")
