"""Pods of the authenticator that run something else than the cluster's objects say.

The daemon reads its configuration when it starts, and at no other time; and none of its releases says which one it has
read (their metrics count failures and answers, and say whether a dynamic file is used: v0.4.0 to v0.7.18 were read). So
a pod is judged by when it was made and its container started, against the ConfigMap's last change, and by its template.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tarmak_iam.emit.labels import NAME, NAMESPACE
from tarmak_iam.hook.cluster.data_changes import last_change
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.mappings import LiveMappings
from tarmak_iam.hook.cluster.objects import Object, Ref
from tarmak_iam.hook.cluster.pods import DaemonPod, PodsForbidden, maker_of, read_pods, selected
from tarmak_iam.hook.cluster.server import Server

__all__ = ["DAEMONSET", "PodCheck", "StalePod", "check_pods", "judged"]

DAEMONSET = Ref("apps/v1", "DaemonSet", NAMESPACE, NAME)
_CONFIG_MAP = Ref("v1", "ConfigMap", NAMESPACE, NAME)

_DELAY = timedelta(minutes=2)
"""How old the kubelet's copy of a ConfigMap may be: a sync period (1 minute) and the time to live of its cache."""

_GENERATION = "deprecated.daemonset.template.generation"


@dataclass(frozen=True, slots=True)
class StalePod:
    """`is_replaced`: whether the DaemonSet's controller replaces it by itself, since its template is an older one."""

    pod: DaemonPod
    reason: str
    is_replaced: bool = False

    @property
    def text(self) -> str:
        return f"{self.pod}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PodCheck:
    """The DaemonSet, None where there is none, and its pods. `notes`: what could not be looked at. `is_seen`: whether
    the controller has taken note of the DaemonSet's newest specification. `missing`: on how many nodes it still has to
    make a pod."""

    daemon: Object | None = None
    pods: tuple[DaemonPod, ...] = ()
    stale: tuple[StalePod, ...] = ()
    notes: tuple[str, ...] = ()
    is_seen: bool = True
    missing: int = 0


def check_pods(server: Server, found: Sequence[Object] | None = None) -> PodCheck:
    """What is not allowed to be looked at is in the notes. `found`: the live objects, where they were just read. Raises
    ToolError."""
    if found is None:
        found = server.read([_CONFIG_MAP.stub, DAEMONSET.stub])
    daemon = DAEMONSET.among(found)
    if daemon is None:
        return PodCheck()
    try:
        pods = read_pods(server.kubectl, daemon)
    except PodsForbidden as error:
        return PodCheck(daemon, notes=(f"the pods of {DAEMONSET} could not be looked at: {error.what}",))
    notes: tuple[str, ...] = ()
    try:
        revision = current_revision(server.kubectl, daemon, pods)
    except PodsForbidden as error:
        revision, notes = None, (f"whether pods of {DAEMONSET} run an older template is not known: {error.what}",)
    config_map = _config_map(server, daemon, found)
    if config_map is not None and _changed(daemon, config_map) is None and any(pod.has_started for pod in pods):
        notes += (f"when {_name(config_map)} changed last is not known: pods are judged by their template alone",)
    stale = judged(daemon, config_map, pods, revision)
    status, generation = daemon.get("status") or {}, (daemon.get("metadata") or {}).get("generation") or 0
    missing = max(0, (status.get("desiredNumberScheduled") or 0) - len(pods))
    return PodCheck(daemon, pods, stale, notes, (status.get("observedGeneration") or 0) >= generation, missing)


def judged(
    daemon: Object, config_map: Object | None, pods: tuple[DaemonPod, ...], revision: str | None
) -> tuple[StalePod, ...]:
    """`config_map` is what the daemon reads, None where there is none; `revision` the DaemonSet's newest, None where it
    is not known."""
    strategy = ((daemon.get("spec") or {}).get("updateStrategy") or {}).get("type", "RollingUpdate")
    wanted, changed = _checksum(daemon, config_map), _changed(daemon, config_map)
    found = []
    for pod in pods:
        if _is_outdated(daemon, pod, revision):
            found.append(StalePod(pod, _of_template(strategy), is_replaced=strategy == "RollingUpdate"))
        elif _is_at_odds(pod, wanted, changed):
            found.append(StalePod(pod, f"it was made for another configuration than {_name(config_map)} has"))
        elif changed is not None and _is_before(pod, changed):
            found.append(
                StalePod(pod, f"it started before the last change of {_name(config_map)}, at {changed:%FT%TZ}")
            )
    return tuple(found)


def current_revision(kubectl: Kubectl, daemon: Object, pods: tuple[DaemonPod, ...]) -> str | None:
    """The `controller-revision-hash` of pods of the newest template; None where that is not to be known, or not needed.

    Asked for only where a pod is of another generation: going back to an earlier template makes a new generation, and
    the revision of that earlier one is the newest again. Raises PodsForbidden and ToolError."""
    if all(_is_of_generation(daemon, pod) for pod in pods):
        return None
    uid = (daemon.get("metadata") or {}).get("uid")
    own = [each for each in selected(kubectl, daemon, "controllerrevisions.apps") if maker_of(each) == uid]
    newest: Object = max(own, key=lambda each: int(each.get("revision") or 0), default={})
    return ((newest.get("metadata") or {}).get("labels") or {}).get("controller-revision-hash")


def _is_of_generation(daemon: Object, pod: DaemonPod) -> bool:
    """Where either is without one, it says nothing."""
    own = ((daemon.get("metadata") or {}).get("annotations") or {}).get(_GENERATION)
    return own is None or not pod.generation or pod.generation == own


def _is_outdated(daemon: Object, pod: DaemonPod, revision: str | None) -> bool:
    return revision is not None and not _is_of_generation(daemon, pod) and pod.revision != revision


def _of_template(strategy: str) -> str:
    if strategy == "RollingUpdate":
        return f"it runs an older template of {DAEMONSET}"
    return f"it runs an older template of {DAEMONSET}, whose update strategy is {strategy}: nothing replaces it"


def _is_at_odds(pod: DaemonPod, wanted: str, changed: datetime | None) -> bool:
    """By the checksum that its template had, where times do not decide. Where they do, they say more: a pod that was
    made after a change by hand has read what somebody wrote there, whatever its template says."""
    is_known = changed is not None and pod.created is not None and pod.created != changed
    return not is_known and pod.has_started and bool(wanted and pod.checksum) and pod.checksum != wanted


def _is_before(pod: DaemonPod, changed: datetime) -> bool:
    """A pod that never started has read nothing yet."""
    if not pod.has_started or pod.created is None or pod.created >= changed:
        return False
    return pod.started is None or pod.started < changed + _DELAY


def _checksum(daemon: Object, config_map: Object | None) -> str:
    """Of the configuration that the daemon reads, as its template has it; "" where there is none."""
    text = None if config_map is None else LiveMappings(daemon, (config_map,)).text
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()


def _changed(daemon: Object, config_map: Object | None) -> datetime | None:
    """When what the daemon reads changed last; other keys are nothing to it."""
    return None if config_map is None else last_change(config_map, LiveMappings(daemon, ()).key)


def _config_map(server: Server, daemon: Object, found: Sequence[Object]) -> Object | None:
    """The one that it mounts, which is another one where the DaemonSet is somebody else's."""
    ref = LiveMappings(daemon, ()).config_map
    return None if ref is None else ref.among(found if ref == _CONFIG_MAP else server.read([ref.stub]))


def _name(config_map: Object | None) -> str:
    return str(Ref.of(config_map or {}))
