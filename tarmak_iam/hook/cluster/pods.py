"""The pods of a DaemonSet (node, start time, template), and the last change of the ConfigMap that they read at start.

In Kubernetes 1.16 and later, managedFields record when each manager changed an object, though not which of its fields.
Older releases record nothing. Therefore our writes set the annotation `tarmak-iam/changed-at` where managedFields are
not enough: below 1.16 the time of the write if it changes the data; in 1.16 and later the time of the last change of
the data if the write changes something else. The annotation contains a digest of the data, because another manager may
change the data and keep the annotation.

Data that was changed and changed back has the same digest. Below 1.16, therefore, the DaemonSet's annotation
`tarmak-iam/config-version` contains the resourceVersion of the ConfigMap after our last write, and the time until which
it had no other: a pod that started later, while the ConfigMap has another version, may have read other data.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from tarmak_iam.emit.artifact import NAME
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.objects import (
    CHANGED_AT,
    CONFIG_VERSION,
    MANAGER,
    Object,
    Ref,
    managed_entries,
    time_of,
    version_of,
)
from tarmak_iam.installation.backend_payloads import CONFIG_KEY

_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class DaemonPod:
    """`generation` and `revision` identify the template from which it was created; `checksum` is `checksum/config` of
    that template, "" where it has none. `created` is by the API server's clock. `started`: when its container started,
    by the node's clock, None where it does not run. `has_started`: whether it ever ran."""

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
        labels, spec = metadata.get("labels") or {}, pod.get("spec") or {}
        main = (spec.get("containers") or [{}])[0]
        ready = [(item.get("type"), item.get("status")) for item in status.get("conditions") or ()]
        is_ending = "deletionTimestamp" in metadata
        statuses = status.get("containerStatuses") or ()  # empty before the kubelet reports them
        container: Object = next((item for item in statuses if main.get("name") in (None, item.get("name"))), {})
        state = container.get("state") or {}
        return cls(
            ref=Ref("v1", "Pod", str(metadata.get("namespace") or ""), str(metadata.get("name", ""))),
            uid=str(metadata.get("uid", "")),
            node=str(spec.get("nodeName") or ""),
            created=time_of(metadata.get("creationTimestamp")),
            started=time_of((state.get("running") or {}).get("startedAt")),
            has_started=bool(state.get("running") or state.get("terminated") or container.get("lastState")),
            checksum=str((metadata.get("annotations") or {}).get("checksum/config", "")),
            generation=str(labels.get("pod-template-generation", "")),
            revision=str(labels.get("controller-revision-hash", "")),
            image=str(main.get("image", "")),
            is_ready=("Ready", "True") in ready and not is_ending,
            is_ending=is_ending,
        )

    def __str__(self) -> str:
        return f"pod {self.ref.name} on {self.node or 'no node'}"


def read_pods(kubectl: Kubectl, daemon: Object) -> tuple[DaemonPod, ...]:
    """Sorted by node, without pods that have ended for good. Raises Forbidden and ToolError."""
    pods = [pod for pod in pod_objects(kubectl, daemon) if (pod.get("status") or {}).get("phase") not in _ENDED]
    return tuple(sorted(map(DaemonPod.of, pods), key=lambda pod: (pod.node, pod.ref.name)))


def pod_objects(kubectl: Kubectl, daemon: Object) -> list[Object]:
    """The pods that its selector matches, without pods of another controller. Raises Forbidden and ToolError."""
    uid = (daemon.get("metadata") or {}).get("uid")
    return [pod for pod in selected(kubectl, daemon, "pods") if maker_of(pod) in (None, uid)]


def selected(kubectl: Kubectl, daemon: Object, kind: str) -> list[Object]:
    """The objects of a kind that match a DaemonSet's selector. Raises Forbidden and ToolError."""
    labels = ((daemon.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return kubectl.selected(kind, selector, *Ref.of(daemon).scope)


def maker_of(obj: Object) -> str | None:
    """The uid of the controller that created it."""
    owners = (obj.get("metadata") or {}).get("ownerReferences") or ()
    return next((str(owner.get("uid")) for owner in owners if owner.get("controller")), None)


# kubectl logs each response header on its own line (client-go's round_trippers.go, v0.22 to v0.36).
_DATE = re.compile(r"\bDate: (\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d GMT)")


def last_change(config_map: Object, key: str = CONFIG_KEY) -> datetime | None:
    """When the text under the key changed last, by the API server's clock; None where that is unknown, as after a
    change by hand below Kubernetes 1.16."""
    annotations = (config_map.get("metadata") or {}).get("annotations") or {}
    text, _, digest = str(annotations.get(CHANGED_AT, "")).partition(" ")
    # The annotation may belong to other data, as after `kubectl get`, an edit and `kubectl apply`.
    noted = time_of(text) if digest == _digest(config_map, key) else None
    owners: list[tuple[datetime, bool]] = []  # the last write of each, and whether it was not an apply by tarmak-iam
    for entry in managed_entries(config_map):
        fields: Any = entry.get("fieldsV1") or {}
        time = time_of(entry.get("time", ""))
        if time is not None and any(f"f:{key}" in (fields.get(name) or {}) for name in ("f:data", "f:binaryData")):
            owners.append((time, (entry.get("manager"), entry.get("operation")) != (MANAGER, "Apply")))
    last, is_others = max(owners, default=(noted, False))
    return last if is_others or noted is None else noted


def dated(kubectl: Kubectl, wanted: Object, live: Object | None, *, is_server_side: bool) -> Object:
    """The object to write, with the annotation where it is needed. `is_server_side`: whether server-side apply writes
    it."""
    metadata = wanted.get("metadata") or {}
    if wanted.get("kind") != "ConfigMap" or metadata.get("name") != NAME:
        return wanted
    time = None
    if live is not None and _text(live) == _text(wanted):
        time = last_change(live)
    elif not is_server_side:
        time = api_server_time(kubectl)
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != CHANGED_AT}
    if time is not None:
        annotations[CHANGED_AT] = f"{time.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ} {_digest(wanted, CONFIG_KEY)}"
    without = {key: value for key, value in metadata.items() if key != "annotations"}
    return {**wanted, "metadata": {**without, **({"annotations": annotations} if annotations else {})}}


def may_have_read_other_data(daemon: Object, config_map: Object, pod: DaemonPod) -> bool:
    """Below Kubernetes 1.16: whether the pod may have started while another manager had changed the ConfigMap."""
    version, until = config_version(daemon)
    if version in ("", version_of(config_map)) or any(managed_entries(config_map)):
        return False
    return pod.has_started and has_started_after(pod, until)


def has_started_after(pod: DaemonPod, until: datetime | None) -> bool:
    return until is None or any(time is not None and time > until for time in (pod.created, pod.started))


def config_version(daemon: Object) -> tuple[str, datetime | None]:
    """The version of the ConfigMap in the annotation, "" where there is none, and until when it had that version."""
    annotations = (daemon.get("metadata") or {}).get("annotations") or {}
    version, _, time = str(annotations.get(CONFIG_VERSION, "")).partition(" ")
    return version, time_of(time)


def with_config_version(config_map: Object, until: datetime | None) -> str:
    """The annotation as an argument of kubectl."""
    time = "" if until is None else f" {until.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    return f"{CONFIG_VERSION}={version_of(config_map)}{time}"


def api_server_time(kubectl: Kubectl) -> datetime:
    """The time by the API server's clock, which also sets the timestamps of pods; by our own clock as a fallback."""
    done = kubectl.run("get", "--raw", "/version", "-v=8")  # its log is never shown: old releases log the token too
    header = _DATE.search(done.err)
    return parsedate_to_datetime(header[1]) if header else datetime.now(timezone.utc).replace(microsecond=0)


def _digest(config_map: Object, key: str) -> str:
    return hashlib.sha256(str(_text(config_map, key)).encode()).hexdigest()[:16]


def _text(config_map: Object, key: str = CONFIG_KEY) -> object:
    return (config_map.get("data") or {}).get(key)
