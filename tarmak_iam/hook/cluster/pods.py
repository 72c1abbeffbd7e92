"""The pods of a DaemonSet: where each runs, what it was made from, when its container started, whether it is ready."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from tarmak_iam.errors import ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl, is_forbidden, items_of, why
from tarmak_iam.hook.cluster.objects import Object, Ref

__all__ = ["DaemonPod", "PodsForbidden", "maker_of", "pod_objects", "read_pods", "selected", "time_of"]

_ENDED = ("Succeeded", "Failed")


class PodsForbidden(ToolError):
    """The kubeconfig's user may not list pods, or what else says something about them."""


@dataclass(frozen=True, slots=True)
class DaemonPod:
    """`generation` and `revision` are of the template that it was made from, `checksum` that template's
    `checksum/config`; "" where it has none. `created` is by the API server's clock, `started` by the node's: since when
    its container runs, None where it does not. `has_started`: whether it ever ran."""

    ref: Ref
    uid: str
    node: str
    created: datetime | None
    started: datetime | None
    has_started: bool
    checksum: str
    generation: str
    revision: str
    image: str
    is_ready: bool
    is_ending: bool

    @classmethod
    def of(cls, pod: Object) -> DaemonPod:
        metadata, status = pod.get("metadata") or {}, pod.get("status") or {}
        labels, container = metadata.get("labels") or {}, _main_container(pod)
        state = container.get("state") or {}
        return cls(
            ref=Ref("v1", "Pod", str(metadata.get("namespace") or ""), str(metadata.get("name", ""))),
            uid=str(metadata.get("uid", "")),
            node=str((pod.get("spec") or {}).get("nodeName") or ""),
            created=time_of(metadata.get("creationTimestamp")),
            started=time_of((state.get("running") or {}).get("startedAt")),
            has_started=bool(state.get("running") or state.get("terminated") or container.get("lastState")),
            checksum=str((metadata.get("annotations") or {}).get("checksum/config", "")),
            generation=str(labels.get("pod-template-generation", "")),
            revision=str(labels.get("controller-revision-hash", "")),
            image=_image(pod),
            is_ready=_is_ready(status) and "deletionTimestamp" not in metadata,
            is_ending="deletionTimestamp" in metadata,
        )

    def __str__(self) -> str:
        return f"pod {self.ref.name} on {self.node or 'no node'}"


def read_pods(kubectl: Kubectl, daemon: Object) -> tuple[DaemonPod, ...]:
    """By node; without those that have ended for good. Raises PodsForbidden and ToolError."""
    found = [each for each in pod_objects(kubectl, daemon) if (each.get("status") or {}).get("phase") not in _ENDED]
    return tuple(sorted(map(DaemonPod.of, found), key=lambda pod: (pod.node, pod.ref.name)))


def pod_objects(kubectl: Kubectl, daemon: Object) -> list[Object]:
    """By its selector; without those that another controller made. Raises PodsForbidden and ToolError."""
    uid = (daemon.get("metadata") or {}).get("uid")
    return [each for each in selected(kubectl, daemon, "pods") if maker_of(each) in (None, uid)]


def selected(kubectl: Kubectl, daemon: Object, kind: str) -> list[Object]:
    """What of a kind has the labels that a DaemonSet selects. Raises PodsForbidden and ToolError."""
    labels = ((daemon.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    done = kubectl.run("get", kind, *Ref.of(daemon).scope, "--selector", selector, "-o", "json")
    if done.code and is_forbidden(done):
        raise PodsForbidden(why(done))
    if done.code:
        raise kubectl.failure(done, "get")
    return items_of(done)


def maker_of(each: Object) -> str | None:
    """The uid of the controller that made it."""
    owners = (each.get("metadata") or {}).get("ownerReferences") or ()
    return next((str(owner.get("uid")) for owner in owners if owner.get("controller")), None)


def time_of(text: object) -> datetime | None:
    """Of a timestamp as the API server writes it: `2026-05-04T12:00:00Z`, MicroTime too."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _main_container(pod: Object) -> dict[str, Any]:
    """The status of its first container; {} before the kubelet reports one."""
    names = [each.get("name") for each in (pod.get("spec") or {}).get("containers") or ()][:1]
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((each for each in statuses if not names or each.get("name") in names), {})


def _image(pod: Object) -> str:
    containers = (pod.get("spec") or {}).get("containers") or [{}]
    return str(containers[0].get("image", ""))


def _is_ready(status: dict[str, Any]) -> bool:
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in status.get("conditions") or ())
