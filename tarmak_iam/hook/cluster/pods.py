"""The pods of the authenticator's DaemonSet, its rollout, and pods that run another configuration than the cluster's.

The authenticator reads its configuration only when it starts, and no release reports which one it has read (checked
from v0.4.0 to v0.7.18). Therefore the creation time of a pod and the start time of its container are compared with the
last change of the ConfigMap, and its template with that of the DaemonSet.

From Kubernetes 1.16 on, managedFields record when each manager changed an object, though not which of its fields. Where
that is not enough, our writes set the annotation `tarmak-iam/changed-at`, with a digest of the data: another manager
may change the data and keep the annotation. Data that was changed and changed back has the same digest. Below 1.16,
therefore, the DaemonSet's annotation `tarmak-iam/config-version` contains the resourceVersion of the ConfigMap after
our last write, and the time until which it had no other: a pod that started later, while the ConfigMap has another
version, may have read other data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from tarmak_iam.emit.artifact import NAME, NAMESPACE
from tarmak_iam.hook.cluster.kubectl import Forbidden, Kubectl, objects_of
from tarmak_iam.hook.cluster.live_mappings import LiveMappings
from tarmak_iam.hook.cluster.objects import Object, Ref, last_change, managed_entries, time_of, version_of
from tarmak_iam.hook.cluster.server import Server

DAEMONSET = Ref("apps/v1", "DaemonSet", NAMESPACE, NAME)
CONFIG_MAP = Ref("v1", "ConfigMap", NAMESPACE, NAME)
_CONFIG_VERSION = "tarmak-iam/config-version"
_DELAY = timedelta(minutes=2)
"""The maximum age of the kubelet's copy of a ConfigMap: a sync period (1 minute) and the time to live of its cache."""

_GENERATION = "deprecated.daemonset.template.generation"
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
    objects = pod_objects(kubectl, daemon)
    pods = [DaemonPod.of(pod) for pod in objects if (pod.get("status") or {}).get("phase") not in _ENDED]
    return tuple(sorted(pods, key=lambda pod: (pod.node, pod.ref.name)))


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


def has_started_after(pod: DaemonPod, until: datetime | None) -> bool:
    return until is None or any(time is not None and time > until for time in (pod.created, pod.started))


def config_version(daemon: Object) -> tuple[str, datetime | None]:
    """The version of the ConfigMap in the annotation, "" where there is none, and until when it had that version."""
    annotations = (daemon.get("metadata") or {}).get("annotations") or {}
    version, _, time = str(annotations.get(_CONFIG_VERSION, "")).partition(" ")
    return version, time_of(time)


def with_config_version(config_map: Object, until: datetime | None) -> str:
    """The annotation as an argument of kubectl."""
    time = "" if until is None else f" {until.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    return f"{_CONFIG_VERSION}={version_of(config_map)}{time}"


class Rollout(NamedTuple):
    """The status of a DaemonSet: `is_done` if it runs with its newest template and is available on each node, `is_seen`
    if its controller has observed the newest generation, `desired` on how many nodes it should run."""

    text: str
    is_done: bool = False
    is_seen: bool = False
    desired: int = 0

    @classmethod
    def of(cls, ref: Ref, daemon: Object | None) -> Rollout:
        if daemon is None:
            return cls(f"{ref} does not exist")
        status, generation = daemon.get("status") or {}, (daemon.get("metadata") or {}).get("generation") or 0
        names = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
        desired, updated, available = (status.get(name) or 0 for name in names)
        if (status.get("observedGeneration") or 0) < generation:
            return cls(f"{ref}: the rollout has not started", desired=desired)
        if not desired:
            return cls(f"{ref}: no node is eligible for its pods", is_seen=True)
        text = f"{ref}: {updated} of {desired} nodes updated, {available} available"
        return cls(text, min(updated, available) >= desired, True, desired)


def read_rollout(kubectl: Kubectl, ref: Ref) -> Rollout:
    """Raises ToolError."""
    done = kubectl.check("get", ref.resource, ref.name, *ref.scope, "--ignore-not-found", "-o", "json")
    return Rollout.of(ref, next(iter(objects_of(done)), None))


@dataclass(frozen=True, slots=True)
class StalePod:
    """A pod that runs another configuration than the cluster's objects. `is_replaced`: whether the DaemonSet's
    controller replaces it, because its template is older."""

    pod: DaemonPod
    reason: str
    is_replaced: bool = False

    @property
    def text(self) -> str:
        return f"{self.pod}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PodCheck:
    """The DaemonSet, None where it does not exist, the ConfigMap that it mounts, and its pods. `notes`: what could not
    be checked. `is_seen`: whether the controller has observed the DaemonSet's newest generation. `missing`: the number
    of nodes without a pod yet."""

    daemon: Object | None = None
    pods: tuple[DaemonPod, ...] = ()
    stale: tuple[StalePod, ...] = ()
    notes: tuple[str, ...] = ()
    is_seen: bool = True
    missing: int = 0
    config_map: Object | None = None

    @property
    def to_restart(self) -> list[StalePod]:
        """The pods that the controller does not replace; unknown until it has observed the newest generation."""
        return [stale for stale in self.stale if not stale.is_replaced] if self.is_seen else []


def check_pods(server: Server, live: Sequence[Object] | None = None) -> PodCheck:
    """`live`: the live objects, if they were just read. Raises ToolError; what the user may not read is in the
    notes."""
    if live is None:
        live = server.read([CONFIG_MAP.stub, DAEMONSET.stub])
    daemon = DAEMONSET.among(live)
    if daemon is None:
        return PodCheck()
    try:
        pods = read_pods(server.kubectl, daemon)
    except Forbidden as error:
        return PodCheck(daemon, notes=(f"the pods of {DAEMONSET} could not be read: {error.what}",))
    notes: tuple[str, ...] = ()
    try:
        revision = current_revision(server.kubectl, daemon, pods)
    except Forbidden as error:
        revision, notes = None, (f"it is unknown whether pods of {DAEMONSET} run an older template: {error.what}",)
    # A DaemonSet that tarmak-iam does not manage may mount another ConfigMap.
    ref = LiveMappings(daemon, ()).config_map
    config_map = None if ref is None else ref.among(live if ref == CONFIG_MAP else server.read([ref.stub]))
    # When the key that the daemon reads changed last: other keys are irrelevant.
    changed = None if config_map is None else last_change(config_map, LiveMappings(daemon, ()).key)
    if config_map is not None and changed is None and any(pod.has_started for pod in pods):
        unknown = f"the time of the last change of {Ref.of(config_map)} is unknown"
        notes += (f"{unknown}: pods are checked only by their template",)
    stale = tuple(_stale(daemon, config_map, changed, pods, revision))
    rollout = Rollout.of(DAEMONSET, daemon)
    missing = max(0, rollout.desired - len(pods))
    return PodCheck(daemon, pods, stale, notes, rollout.is_seen, missing, config_map)


def _stale(
    daemon: Object,
    config_map: Object | None,
    changed: datetime | None,
    pods: tuple[DaemonPod, ...],
    revision: str | None,
) -> Iterator[StalePod]:
    """`config_map` is what the authenticator reads, None where it does not exist; it changed last at `changed`.
    `revision` is the DaemonSet's newest. None where that is unknown."""
    strategy = ((daemon.get("spec") or {}).get("updateStrategy") or {}).get("type", "RollingUpdate")
    wanted, named = config_checksum(daemon, config_map), Ref.of(config_map or {})
    version, until = config_version(daemon)
    # Below Kubernetes 1.16: pods may have started while another manager had changed the ConfigMap.
    is_unrecorded = config_map is not None and not any(managed_entries(config_map))
    is_other_version = is_unrecorded and version not in ("", version_of(config_map or {}))
    for pod in pods:
        # If the times decide, they are more reliable than the template: a pod that was created after a manual change
        # has read the changed ConfigMap. A pod that never started has read nothing yet.
        is_timed = changed is not None and pod.created is not None and pod.created != changed
        is_before = changed is not None and pod.created is not None and pod.created < changed
        if revision is not None and not _is_of_generation(daemon, pod) and pod.revision != revision:
            is_replaced = strategy == "RollingUpdate"
            kept = "" if is_replaced else f", whose update strategy is {strategy}: nothing replaces it"
            yield StalePod(pod, f"it runs an older template of {DAEMONSET}{kept}", is_replaced)
        elif not pod.has_started:
            continue
        elif not is_timed and wanted and pod.checksum and pod.checksum != wanted:
            yield StalePod(pod, f"it was created for a configuration other than that of {named}")
        elif changed and is_before and (pod.started is None or pod.started < changed + _DELAY):
            yield StalePod(pod, f"it started before the last change of {named}, at {changed:%FT%TZ}")
        elif is_other_version and has_started_after(pod, until):
            what = "was changed since the last apply, and may have had other content when the pod started"
            yield StalePod(pod, f"{named} {what}")


def current_revision(kubectl: Kubectl, daemon: Object, pods: tuple[DaemonPod, ...]) -> str | None:
    """The `controller-revision-hash` of pods of the newest template; None where it is unknown or not needed: going back
    to an earlier template creates a new generation, but not a new revision. Raises Forbidden and ToolError."""
    if all(_is_of_generation(daemon, pod) for pod in pods):
        return None
    uid = (daemon.get("metadata") or {}).get("uid")
    revisions = (obj for obj in selected(kubectl, daemon, "controllerrevisions.apps") if maker_of(obj) == uid)
    newest: Object = max(revisions, key=lambda revision: int(revision.get("revision") or 0), default={})
    return ((newest.get("metadata") or {}).get("labels") or {}).get("controller-revision-hash")


def _is_of_generation(daemon: Object, pod: DaemonPod) -> bool:
    """True where either has no generation: then nothing is known."""
    generation = ((daemon.get("metadata") or {}).get("annotations") or {}).get(_GENERATION)
    return generation is None or pod.generation in ("", generation)


def config_checksum(daemon: Object, config_map: Object | None) -> str:
    """The checksum of the configuration that the authenticator reads, as in the template; "" where there is none."""
    text = None if config_map is None else LiveMappings(daemon, (config_map,)).text
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()
