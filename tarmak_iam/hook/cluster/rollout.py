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

from tarmak_iam.emit.labels import NAME, NAMESPACE
from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.hook.cluster.kubectl import Kubectl, is_forbidden, items_of, why
from tarmak_iam.hook.cluster.live_mappings import LiveMappings
from tarmak_iam.hook.cluster.objects import Object, Ref, managed_entries
from tarmak_iam.hook.cluster.pods import (
    DaemonPod,
    PodsForbidden,
    api_server_time,
    config_version,
    has_started_after,
    last_change,
    maker_of,
    may_have_read_other_data,
    pod_objects,
    read_pods,
    selected,
    version_of,
    with_config_version,
)
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.programs import Progress, no_progress

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


def check_pods(server: Server, found: Sequence[Object] | None = None) -> PodCheck:
    """What the user may not read is in the notes. `found`: the live objects, if they were just read. Raises
    ToolError."""
    if found is None:
        found = server.read([CONFIG_MAP.stub, DAEMONSET.stub])
    daemon = DAEMONSET.among(found)
    if daemon is None:
        return PodCheck()
    try:
        pods = read_pods(server.kubectl, daemon)
    except PodsForbidden as error:
        return PodCheck(daemon, notes=(f"the pods of {DAEMONSET} could not be read: {error.what}",))
    notes: tuple[str, ...] = ()
    try:
        revision = current_revision(server.kubectl, daemon, pods)
    except PodsForbidden as error:
        revision, notes = None, (f"it is unknown whether pods of {DAEMONSET} run an older template: {error.what}",)
    # A DaemonSet that tarmak-iam does not manage may mount another ConfigMap.
    ref = LiveMappings(daemon, ()).config_map
    config_map = None if ref is None else ref.among(found if ref == CONFIG_MAP else server.read([ref.stub]))
    if config_map is not None and _changed(daemon, config_map) is None and any(pod.has_started for pod in pods):
        changed = f"the time of the last change of {_name(config_map)} is unknown"
        notes += (f"{changed}: pods are checked only by their template",)
    stale = stale_reason(daemon, config_map, pods, revision)
    status, generation = daemon.get("status") or {}, (daemon.get("metadata") or {}).get("generation") or 0
    missing = max(0, (status.get("desiredNumberScheduled") or 0) - len(pods))
    is_seen = (status.get("observedGeneration") or 0) >= generation
    return PodCheck(daemon, pods, stale, notes, is_seen, missing, config_map)


def stale_reason(
    daemon: Object, config_map: Object | None, pods: tuple[DaemonPod, ...], revision: str | None
) -> tuple[StalePod, ...]:
    """`config_map` is what the daemon reads, None where it does not exist. `revision` is the DaemonSet's newest, None
    where it is unknown."""
    strategy = ((daemon.get("spec") or {}).get("updateStrategy") or {}).get("type", "RollingUpdate")
    wanted, changed = _checksum(daemon, config_map), _changed(daemon, config_map)
    found = []
    for pod in pods:
        if revision is not None and not _is_of_generation(daemon, pod) and pod.revision != revision:
            is_replaced = strategy == "RollingUpdate"
            kept = "" if is_replaced else f", whose update strategy is {strategy}: nothing replaces it"
            found.append(StalePod(pod, f"it runs an older template of {DAEMONSET}{kept}", is_replaced))
        elif _is_at_odds(pod, wanted, changed):
            found.append(StalePod(pod, f"it was created for another configuration than that of {_name(config_map)}"))
        elif changed is not None and _is_before(pod, changed):
            found.append(
                StalePod(pod, f"it started before the last change of {_name(config_map)}, at {changed:%FT%TZ}")
            )
        elif config_map is not None and may_have_read_other_data(daemon, config_map, pod):
            what = "was changed since the last apply, and may have had other content when the pod started"
            found.append(StalePod(pod, f"{_name(config_map)} {what}"))
    return tuple(found)


def current_revision(kubectl: Kubectl, daemon: Object, pods: tuple[DaemonPod, ...]) -> str | None:
    """The `controller-revision-hash` of pods of the newest template; None where it is unknown or not needed.

    It is read only if a pod is of another generation: going back to an earlier template creates a new generation, and
    the earlier revision becomes the newest again. Raises PodsForbidden and ToolError."""
    if all(_is_of_generation(daemon, pod) for pod in pods):
        return None
    uid = (daemon.get("metadata") or {}).get("uid")
    own = [each for each in selected(kubectl, daemon, "controllerrevisions.apps") if maker_of(each) == uid]
    newest: Object = max(own, key=lambda each: int(each.get("revision") or 0), default={})
    return ((newest.get("metadata") or {}).get("labels") or {}).get("controller-revision-hash")


def _is_of_generation(daemon: Object, pod: DaemonPod) -> bool:
    """True where either has no generation: then it proves nothing."""
    own = ((daemon.get("metadata") or {}).get("annotations") or {}).get(_GENERATION)
    return own is None or not pod.generation or pod.generation == own


def _is_at_odds(pod: DaemonPod, wanted: str, changed: datetime | None) -> bool:
    """By the checksum in its template, if the times do not decide. If they do, they are more reliable: a pod that was
    created after a manual change has read the changed ConfigMap, whatever its template says."""
    is_known = changed is not None and pod.created is not None and pod.created != changed
    return not is_known and pod.has_started and bool(wanted and pod.checksum) and pod.checksum != wanted


def _is_before(pod: DaemonPod, changed: datetime) -> bool:
    """A pod that never started has read nothing yet."""
    if not pod.has_started or pod.created is None or pod.created >= changed:
        return False
    return pod.started is None or pod.started < changed + _DELAY


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
    found = items_of(done)
    if not found:
        return Rollout(ref, False)
    status, generation = found[0].get("status") or {}, (found[0].get("metadata") or {}).get("generation") or 0
    return Rollout(
        ref,
        True,
        is_seen=(status.get("observedGeneration") or 0) >= generation,
        desired=status.get("desiredNumberScheduled") or 0,
        updated=status.get("updatedNumberScheduled") or 0,
        available=status.get("numberAvailable") or 0,
    )


def wait_for_rollout(
    kubectl: Kubectl, ref: Ref, seconds: float, tell: Progress = no_progress, pause: float = _PAUSE
) -> tuple[Rollout, tuple[str, ...]]:
    """Waits up to `seconds` until it runs on every node; after that also returns why its pods are not ready. Raises
    ToolError."""
    deadline, reported = kubectl.clock() + seconds, ""
    while True:
        now = read_rollout(kubectl, ref)
        if now.text != reported:
            reported = now.text
            tell(reported)
        if now.is_done:
            return now, ()
        if kubectl.clock() + pause > deadline:
            return now, pod_troubles(kubectl, ref)
        kubectl.sleep(pause)


def roll_out(kubectl: Kubectl, refs: Sequence[Ref], seconds: float | None, tell: Progress = no_progress) -> bool | None:
    """Waits for each DaemonSet; None where nothing is waited for. Raises ToolError if one does not run in time."""
    if seconds is None or not refs:
        return None
    for ref in refs:
        rollout, troubles = wait_for_rollout(kubectl, ref, seconds, tell)
        if not rollout.is_done:
            said = f" ({'; '.join(troubles)})" if troubles else ""
            raise ToolError(f"the rollout did not complete within {seconds:.0f} seconds: {rollout.text}{said}")
    return True


def pod_troubles(kubectl: Kubectl, ref: Ref) -> tuple[str, ...]:
    """Why the pods of a DaemonSet are not ready, one line for each of the first few. Raises ToolError."""
    daemon = kubectl.run("get", ref.resource, ref.name, *ref.scope, "-o", "json")
    found = items_of(daemon) if daemon.code == 0 else []
    if not found:
        return ()
    try:
        pods = pod_objects(kubectl, found[0])
    except PodsForbidden as error:
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
        blocked: Object = next((each for each in status.get("conditions") or () if each.get("status") == "False"), {})
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


def roll_out_and_restart(
    server: Server, refs: Sequence[Ref], seconds: float | None, tell: Progress = no_progress
) -> RolledOut:
    """Waits up to `seconds` until each DaemonSet runs on every node, and then restarts the authenticator's stale pods
    one by one, each when the one before is ready, for up to `seconds` more.

    With `seconds` None, nothing is waited for: a single pod is restarted; of several pods only those that are not
    ready, and a note names the others. Raises ToolError if a DaemonSet does not run in time, or a pod cannot be
    restarted. The error names the pods that still run the previous configuration.
    """
    restart = _Restart(server, tell)
    is_concerned = any(ref.is_same(DAEMONSET) for ref in refs)
    if is_concerned:  # they answer no logins, so they need not be waited for
        restart.delete([each for each in restart.to_do(check_pods(server)) if not each.pod.is_ready])
    try:
        rolled_out = roll_out(server.kubectl, refs, seconds, tell)
    except ToolError as error:
        raise (restart.after(error) if is_concerned else error) from None
    return restart.rest(rolled_out, seconds) if is_concerned else RolledOut(rolled_out)


def would_be_restarted(check: PodCheck) -> tuple[str, ...]:
    """The pods that are already stale, and what could not be checked, one line each."""
    return (*(f"would be restarted: {each.text}" for each in _Restart.to_do(check)), *check.notes)


class _Restart:
    def __init__(self, server: Server, tell: Progress) -> None:
        self._server, self._kubectl, self._tell = server, server.kubectl, tell
        self._restarted: list[StalePod] = []

    @staticmethod
    def to_do(check: PodCheck) -> list[StalePod]:
        """The pods that the controller does not replace; unknown until it has observed the newest generation."""
        return [each for each in check.stale if not each.is_replaced] if check.is_seen else []

    def after(self, error: ToolError) -> ToolError:
        """The error with the stale pods that no controller replaces, if they can be read without retries."""
        at_once = replace(self._server, kubectl=replace(self._kubectl, patience=0.0))
        with contextlib.suppress(TarmakIamError):
            if left := self.to_do(check_pods(at_once)):
                return self._failure(error.message, left)
        return error

    def rest(self, is_done: bool | None, seconds: float | None) -> RolledOut:
        check = check_pods(self._server)
        stale = self.to_do(check)
        if seconds is None:
            if len(check.pods) == 1:
                self.delete(stale)
            elif left := [old for old in stale if old.pod.is_ready]:
                advice = "run the same command without --no-wait to restart them one by one"
                notes = (*check.notes, f"not restarted: {_listed(left)}; {advice}")
                return RolledOut(is_done, notes, is_left=True, restarted=tuple(self._restarted))
            self._note_all_read(check)
            return RolledOut(is_done, check.notes, restarted=tuple(self._restarted))
        deadline = self._kubectl.clock() + seconds
        for number, old in enumerate(stale):
            self.delete([old], stale[number:])
            self._wait(check, old.pod, deadline, stale[number:])
        self._note_all_read(check)
        return RolledOut(is_done, check.notes, restarted=tuple(self._restarted))

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
        found = CONFIG_MAP.among(self._server.read([CONFIG_MAP.stub]))
        if found is not None and version_of(found) == version_of(config_map):
            _note_config_version(self._server, config_map, now)

    def delete(self, stale: Sequence[StalePod], left: Sequence[StalePod] = ()) -> None:
        """Deletes pods by name. `rollout restart` is missing in kubectl below 1.15, and it sets a field."""
        at_once = () if self._server.client.is_below(1, 11) else ("--wait=false",)
        for number, each in enumerate(stale):
            if each.pod.is_ending:
                continue
            ref = each.pod.ref
            self._tell(f"restarting {each.text}")
            done = self._kubectl.run("delete", "pod", ref.name, *ref.scope, "--ignore-not-found", *at_once)
            if done.code:
                raise self._failure(f"kubectl delete failed: {why(done)}", left or stale[number:])
            self._restarted.append(each)

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
        raise self._failure(f"{old} was restarted: {state}{f' ({said})' if said else ''}", left[0 if is_there else 1 :])

    def _failure(self, what: str, left: Sequence[StalePod]) -> ToolError:
        verb = "runs" if len(left) == 1 else "run"
        return ToolError(f"{what}; {_listed(left)} still {verb} the previous configuration" if left else what)


def _listed(stale: Sequence[StalePod]) -> str:
    return ", ".join(str(each.pod) for each in stale)
