"""Whether an update of the DaemonSet would end pods that let people in, and start none in their place.

On each master the new pod starts once the old one has ended (see emit/daemonset.py), so what would keep it from
starting has to be known before. An update that stalls does no more harm: with maxUnavailable 1 the controller goes on
to the next node only when the new pod is ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tarmak_iam.errors import EditRefused
from tarmak_iam.hook.cluster.nodes import Node, NodesForbidden, nodes_for, untolerated
from tarmak_iam.hook.cluster.objects import Object, Ref
from tarmak_iam.hook.cluster.pods import DaemonPod
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.cluster.stale_pods import DAEMONSET, PodCheck

__all__ = ["Changes", "PodUpdate", "check_changes", "check_update"]

Changes = Sequence[tuple[Object | None, Object | None]]
"""Objects as they are and as they would become, None where one is not there."""


@dataclass(frozen=True, slots=True)
class PodUpdate:
    """What changes mean for the pods that run: `live` and `then` are their DaemonSet, `has_new_data` whether its
    ConfigMap gets other data, which only new pods read."""

    check: PodCheck
    live: Object | None
    then: Object | None
    has_new_data: bool

    @classmethod
    def of(cls, check: PodCheck, changes: Changes) -> PodUpdate:
        daemons = (pair for pair in changes if DAEMONSET.is_same(Ref.of(pair[1] or pair[0] or {})))
        live, then = next(daemons, (check.daemon, check.daemon))
        return cls(check, live, then, any(_is_of_new_data(*pair) for pair in changes))

    @property
    def is_kept(self) -> bool:
        """Whether the DaemonSet stays as it is to its controller, which then replaces no pod."""
        return self.live is not None and self.then is not None and _template(self.live) == _template(self.then)

    @property
    def ends_pods(self) -> bool:
        if self.live is None or self.then is None:
            return False
        return not self.is_kept or self.has_new_data or bool(self.check.stale)


def check_changes(server: Server, check: PodCheck, changes: Changes, *, force: bool = False) -> tuple[str, ...]:
    """`check_update` where the changes have pods replaced or restarted; otherwise nothing."""
    update = PodUpdate.of(check, changes)
    if not update.ends_pods or update.then is None:
        return ()
    return check_update(server, check, update.then, force=force)


def check_update(server: Server, check: PodCheck, then: Object, *, force: bool = False) -> tuple[str, ...]:
    """`check` is what runs now, `then` the DaemonSet as it would become. Gives notes about what the
    update means for logins, and about what could not be looked at.

    Raises EditRefused, unless `force`, where a node with a pod that is ready would not get another one; ToolError.
    """
    if not check.pods:
        return check.notes
    try:
        update = _Update(server, check.pods, _pod(then), nodes_for(server.kubectl, _pod(then)))
    except NodesForbidden as error:
        return (f"whether each node can run the new pod of {DAEMONSET} is not known: {error.what}",)
    refused = tuple(update.refusals())
    if refused and not force:
        raise EditRefused(
            f"{'; '.join(refused)}; the pod that runs there now would be ended; nothing was changed",
            remedy="--force updates all the same",
        )
    return (*refused, *update.notes())


def _is_of_new_data(live: Object | None, then: Object | None) -> bool:
    if then is None or then.get("kind") != "ConfigMap" or Ref.of(then).name != DAEMONSET.name:
        return False
    return (live or {}).get("data") != then.get("data")


@dataclass(frozen=True, slots=True)
class _Update:
    server: Server
    pods: tuple[DaemonPod, ...]
    pod: Object
    nodes: tuple[Node, ...]

    @property
    def _ready(self) -> list[DaemonPod]:
        return [pod for pod in self.pods if pod.is_ready]

    def refusals(self) -> Iterator[str]:
        by_name = {node.name: node for node in self.nodes}
        for pod in self._ready:
            node = by_name.get(pod.node)
            if node is None:
                yield f"{DAEMONSET} would no longer be for node {pod.node}"
            elif taints := untolerated(node, self.pod, self.server.version):
                yield f"{DAEMONSET} does not tolerate the taint {', '.join(taints)} of node {node.name}"

    def notes(self) -> Iterator[str]:
        """Of nodes with a pod, and those that are to get one."""
        for node in self.nodes:
            yield from (f"node {node.name}: {each}" for each in node.troubles)
        if len(self._ready) != 1:
            return
        (last,) = self._ready
        yield f"{last} is the only one that is ready: IAM logins fail until the pod in its place is ready"
        image = _image(self.pod)
        is_there = any(node.name == last.node and image in node.images for node in self.nodes)
        if image != last.image and not is_there:
            yield f"node {last.node} does not list the image {image}: it may have to be pulled first"


def _template(daemon: Object) -> object:
    return (daemon.get("spec") or {}).get("template")


def _pod(daemon: Object) -> Object:
    found: Object = ((daemon.get("spec") or {}).get("template") or {}).get("spec") or {}
    return found


def _image(pod: Object) -> str:
    containers = pod.get("containers") or [{}]
    return str(containers[0].get("image", ""))
