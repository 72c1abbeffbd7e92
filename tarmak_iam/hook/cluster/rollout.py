"""Makes every pod of the authenticator run the configuration of the cluster's objects: finds stale pods, waits for the
rollout, and restarts pods that the rollout does not replace.

The daemon reads its configuration only when it starts, and no release reports which configuration it has read (metrics
count failures and answers, and say whether a dynamic file is used: v0.4.0 to v0.7.18 were read). Therefore the creation
time of a pod and the start time of its container are compared with the last change of the ConfigMap, and its template
with that of the DaemonSet.

If the pod template changes, the DaemonSet's controller replaces the pods. If it does not, no controller does: after a
manual change of the ConfigMap that was corrected, or after an apply that ended between its writes.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tarmak_iam.emit.artifact import NAME, NAMESPACE
from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.hook.cluster.kubectl import Forbidden, Kubectl, is_forbidden, objects_of, why
from tarmak_iam.hook.cluster.live_mappings import LiveMappings
from tarmak_iam.hook.cluster.objects import Object, Ref, managed_entries, version_of
from tarmak_iam.hook.cluster.pods import (
    DaemonPod,
    api_server_time,
    config_version,
    has_started_after,
    last_change,
    maker_of,
    may_have_read_other_data,
    pod_objects,
    read_pods,
    selected,
    with_config_version,
)
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Progress

DAEMONSET = Ref("apps/v1", "DaemonSet", NAMESPACE, NAME)
CONFIG_MAP = Ref("v1", "ConfigMap", NAMESPACE, NAME)
_DELAY = timedelta(minutes=2)
"""The maximum age of the kubelet's copy of a ConfigMap: a sync period (1 minute) and the time to live of its cache."""

_GENERATION = "deprecated.daemonset.template.generation"


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
    """What the user may not read is in the notes. `live`: the live objects, if they were just read. Raises
    ToolError."""
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
    if config_map is not None and _changed(daemon, config_map) is None and any(pod.has_started for pod in pods):
        changed = f"the time of the last change of {_name(config_map)} is unknown"
        notes += (f"{changed}: pods are checked only by their template",)
    stale = tuple(_stale(daemon, config_map, pods, revision))
    rollout = Rollout.of(DAEMONSET, daemon)
    missing = max(0, rollout.desired - len(pods))
    return PodCheck(daemon, pods, stale, notes, rollout.is_seen, missing, config_map)


def _stale(
    daemon: Object, config_map: Object | None, pods: tuple[DaemonPod, ...], revision: str | None
) -> Iterator[StalePod]:
    """`config_map` is what the daemon reads, None where it does not exist. `revision` is the DaemonSet's newest, None
    where it is unknown."""
    strategy = ((daemon.get("spec") or {}).get("updateStrategy") or {}).get("type", "RollingUpdate")
    wanted, changed, named = _checksum(daemon, config_map), _changed(daemon, config_map), _name(config_map)
    for pod in pods:
        # If the times decide, they are more reliable than the template: a pod that was created after a manual change
        # has read the changed ConfigMap, whatever its template says. A pod that never started has read nothing yet.
        is_timed = changed is not None and pod.created is not None and pod.created != changed
        is_before = changed is not None and pod.created is not None and pod.created < changed
        if revision is not None and not _is_of_generation(daemon, pod) and pod.revision != revision:
            is_replaced = strategy == "RollingUpdate"
            kept = "" if is_replaced else f", whose update strategy is {strategy}: nothing replaces it"
            yield StalePod(pod, f"it runs an older template of {DAEMONSET}{kept}", is_replaced)
        elif not pod.has_started:
            continue
        elif not is_timed and wanted and pod.checksum and pod.checksum != wanted:
            yield StalePod(pod, f"it was created for another configuration than that of {named}")
        elif changed and is_before and (pod.started is None or pod.started < changed + _DELAY):
            yield StalePod(pod, f"it started before the last change of {named}, at {changed:%FT%TZ}")
        elif config_map is not None and may_have_read_other_data(daemon, config_map, pod):
            what = "was changed since the last apply, and may have had other content when the pod started"
            yield StalePod(pod, f"{named} {what}")


def current_revision(kubectl: Kubectl, daemon: Object, pods: tuple[DaemonPod, ...]) -> str | None:
    """The `controller-revision-hash` of pods of the newest template; None where it is unknown or not needed.

    It is read only if a pod is of another generation: going back to an earlier template creates a new generation, and
    the earlier revision becomes the newest again. Raises Forbidden and ToolError."""
    if all(_is_of_generation(daemon, pod) for pod in pods):
        return None
    uid = (daemon.get("metadata") or {}).get("uid")
    revisions = (obj for obj in selected(kubectl, daemon, "controllerrevisions.apps") if maker_of(obj) == uid)
    newest: Object = max(revisions, key=lambda revision: int(revision.get("revision") or 0), default={})
    return ((newest.get("metadata") or {}).get("labels") or {}).get("controller-revision-hash")


def _is_of_generation(daemon: Object, pod: DaemonPod) -> bool:
    """True where either has no generation: then it proves nothing."""
    generation = ((daemon.get("metadata") or {}).get("annotations") or {}).get(_GENERATION)
    return generation is None or not pod.generation or pod.generation == generation


def _checksum(daemon: Object, config_map: Object | None) -> str:
    """The checksum of the configuration that the daemon reads, as in the template; "" where there is none."""
    text = None if config_map is None else LiveMappings(daemon, (config_map,)).text
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()


def _changed(daemon: Object, config_map: Object | None) -> datetime | None:
    """When the key that the daemon reads changed last. Other keys are irrelevant."""
    return None if config_map is None else last_change(config_map, LiveMappings(daemon, ()).key)


def _name(config_map: Object | None) -> str:
    return str(Ref.of(config_map or {}))


ROLLOUT_SECONDS = 300.0
"""Enough to pull an image on one master after the other."""

_PAUSE = 2.0
_MAX_TROUBLES = 3


@dataclass(frozen=True, slots=True)
class Rollout:
    """The status of a DaemonSet: on how many nodes it should run, runs with its newest template, and is available.

    `is_seen`: whether the controller has observed its newest generation.
    """

    ref: Ref
    is_there: bool
    is_seen: bool = False
    desired: int = 0
    updated: int = 0
    available: int = 0

    @classmethod
    def of(cls, ref: Ref, daemon: Object | None) -> Rollout:
        if daemon is None:
            return cls(ref, False)
        status, generation = daemon.get("status") or {}, (daemon.get("metadata") or {}).get("generation") or 0
        return cls(
            ref,
            True,
            is_seen=(status.get("observedGeneration") or 0) >= generation,
            desired=status.get("desiredNumberScheduled") or 0,
            updated=status.get("updatedNumberScheduled") or 0,
            available=status.get("numberAvailable") or 0,
        )

    @property
    def is_done(self) -> bool:
        everywhere = self.updated >= self.desired and self.available >= self.desired
        return self.is_there and self.is_seen and self.desired > 0 and everywhere

    @property
    def text(self) -> str:
        if not self.is_there:
            return f"{self.ref} does not exist"
        if not self.is_seen:
            return f"{self.ref}: the rollout has not started"
        if self.desired == 0:
            return f"{self.ref}: no node is eligible for its pods"
        return f"{self.ref}: {self.updated} of {self.desired} nodes updated, {self.available} available"


def read_rollout(kubectl: Kubectl, ref: Ref) -> Rollout:
    """Raises ToolError."""
    done = kubectl.check("get", ref.resource, ref.name, *ref.scope, "--ignore-not-found", "-o", "json")
    return Rollout.of(ref, next(iter(objects_of(done)), None))


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
    daemon = kubectl.run("get", ref.resource, ref.name, *ref.scope, "-o", "json")
    daemons = objects_of(daemon) if daemon.code == 0 else []
    if not daemons:
        return ()
    try:
        pods = pod_objects(kubectl, daemons[0])
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
    """Below Kubernetes 1.16, records the version of the ConfigMap after a write of ours. Where another manager has
    changed it before, only a write of other data counts: for the same data, pods may still have to be restarted. Raises
    ToolError."""
    if made is None or (before and version_of(before) == version_of(made)):
        return
    live = server.read([DAEMONSET.stub, CONFIG_MAP.stub])  # kubectl prints managedFields of what it reads, not writes
    daemon, config_map = DAEMONSET.among(live), CONFIG_MAP.among(live)
    if daemon is None or config_map is None or any(managed_entries(config_map)):
        return
    version, until = config_version(daemon)
    if before is None or _checksum(daemon, before) != _checksum(daemon, made):
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
    ready, and a note names the others. Raises ToolError if a DaemonSet does not run in time, or a pod cannot be
    restarted. The error names the pods that still run the previous configuration.
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
        self._server, self._kubectl, self._tell = server, server.kubectl, tell
        self._restarted: list[StalePod] = []

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
            notes = (*notes, f"not restarted: {_listed(ready)}; {advice}")
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
        now = api_server_time(self._kubectl)
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
        raise _not_restarted(
            f"{old} was restarted: {state}{f' ({said})' if said else ''}", left[0 if is_there else 1 :]
        )


def _not_restarted(what: str, left: Sequence[StalePod]) -> ToolError:
    verb = "runs" if len(left) == 1 else "run"
    return ToolError(f"{what}; {_listed(left)} still {verb} the previous configuration" if left else what)


def _listed(stale: Sequence[StalePod]) -> str:
    return ", ".join(str(old.pod) for old in stale)
