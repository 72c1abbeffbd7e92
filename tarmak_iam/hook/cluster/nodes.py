"""The nodes that a pod template is for, as the scheduler chooses them, and what each says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tarmak_iam.config.versions import GoVersion
from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl, is_forbidden, items_of, why
from tarmak_iam.hook.cluster.objects import Object

__all__ = ["Node", "NodesForbidden", "added_tolerations", "is_tolerated", "nodes_for", "untolerated"]

_SCHEDULING = ("NoSchedule", "NoExecute")
_NODE = "node.kubernetes.io/"


class NodesForbidden(ToolError):
    """The kubeconfig's user may not list nodes."""


@dataclass(frozen=True, slots=True)
class Node:
    """`troubles` are conditions that are not as they should be, with the kubelet's words. `images`: the names of those
    that it lists, which are the 50 largest."""

    name: str
    taints: tuple[dict[str, Any], ...]
    troubles: tuple[str, ...]
    images: frozenset[str]

    @classmethod
    def of(cls, each: Object) -> Node:
        status = each.get("status") or {}
        return cls(
            name=str((each.get("metadata") or {}).get("name", "")),
            taints=tuple((each.get("spec") or {}).get("taints") or ()),
            troubles=tuple(_troubles(status.get("conditions") or ())),
            images=frozenset(name for image in status.get("images") or () for name in image.get("names") or ()),
        )


def nodes_for(kubectl: Kubectl, pod: Object) -> tuple[Node, ...]:
    """Those whose labels a pod's specification asks for, by name. Raises NodesForbidden and ToolError."""
    found: dict[str, Node] = {}
    for selector in _selectors(pod):
        done = kubectl.run("get", "nodes", *(("--selector", selector) if selector else ()), "-o", "json")
        if done.code and is_forbidden(done):
            raise NodesForbidden(why(done))
        if done.code:
            raise kubectl.failure(done, "get")
        found |= {node.name: node for node in map(Node.of, items_of(done))}
    return tuple(found[name] for name in sorted(found))


def untolerated(node: Node, pod: Object, version: GoVersion) -> tuple[str, ...]:
    """Taints that keep a DaemonSet's pod with this specification from the node, as `key=value:effect`."""
    tolerations = [*(pod.get("tolerations") or ()), *added_tolerations(version, is_host=bool(pod.get("hostNetwork")))]
    return tuple(
        _written(taint)
        for taint in node.taints
        if taint.get("effect") in _SCHEDULING and not is_tolerated(taint, tolerations)
    )


def is_tolerated(taint: dict[str, Any], tolerations: Sequence[dict[str, Any]]) -> bool:
    """As `ToleratesTaint` of k8s.io/api has it: without an effect each is meant, without a key (and `Exists`) every."""
    return any(_tolerates(each, taint) for each in tolerations)


def added_tolerations(version: GoVersion, *, is_host: bool) -> list[dict[str, str]]:
    """What the controller adds to a DaemonSet's pods by itself (see emit/daemonset.py for the sources)."""
    executing = ["not-ready", "unreachable"]
    scheduling = ["disk-pressure", "memory-pressure"]
    # Before 1.12 the controller places the pods itself, on cordoned nodes and without a pod network, too.
    scheduling.append("unschedulable")
    if is_host:
        scheduling.append("network-unavailable")
    if not version.is_below(1, 14):
        scheduling.append("pid-pressure")
    pairs = [(key, "NoExecute") for key in executing] + [(key, "NoSchedule") for key in scheduling]
    return [{"key": _NODE + key, "operator": "Exists", "effect": effect} for key, effect in pairs]


def _tolerates(toleration: dict[str, Any], taint: dict[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def _written(taint: dict[str, Any]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key', '')}{value}:{taint.get('effect', '')}"


def _troubles(conditions: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Ready should be True, all others (memory, disk, network) False."""
    for each in conditions:
        name, status = each.get("type", ""), each.get("status")
        if status != "True" if name == "Ready" else status == "True":
            message = f": {each['message']}" if each.get("message") else ""
            yield f"{name} is {status}{message}"


def _selectors(pod: Object) -> list[str]:
    """Label selectors whose nodes, taken together, are those that it asks for; matchFields are not looked at."""
    own = [f"{key}={value}" for key, value in (pod.get("nodeSelector") or {}).items()]
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms") or [{}]
    return [",".join([*own, *map(_expression, term.get("matchExpressions") or ())]) for term in terms]


def _expression(each: dict[str, Any]) -> str:
    key, operator, values = each.get("key", ""), each.get("operator"), each.get("values") or ()
    match operator:
        case "In":
            return f"{key} in ({','.join(values)})"
        case "NotIn":
            return f"{key} notin ({','.join(values)})"
        case "DoesNotExist":
            return f"!{key}"
    return str(key)  # Exists; of Gt and Lt, that it is there
