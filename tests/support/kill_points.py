"""Runs that are killed at every moment, on a cluster in memory whose pods are replaced one after the other.

A run happens in a child process, which ends itself by SIGKILL: before a kubectl call is sent, after it has landed and
before its answer is there, and before and after each rename of the history's file. No `finally` runs.
"""

from __future__ import annotations

import copy
import itertools
import json
import os
import pickle
import shutil
import signal
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from unittest import mock

from tarmak_iam.hook.cluster import history as history_module
from tarmak_iam.hook.cluster.apply import LiveDiff, apply_to_cluster, live_diff
from tarmak_iam.hook.cluster.history import History, read_history
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.live_mappings import LiveMappings
from tarmak_iam.hook.cluster.objects import comparable, last_applied
from tarmak_iam.hook.cluster.results import Applied, RolledBack
from tarmak_iam.hook.cluster.rollback import roll_back
from tarmak_iam.hook.programs import Completed, cluster_lock, lock_path
from tarmak_iam.installation.installation import Installation
from tests.support.daemon_pods import hash_of
from tests.support.fake_cluster import Cluster, Key
from tests.support.thorough import quick_sample, spread

__all__ = ["Killed", "RollingCluster", "Run", "Seen", "World", "kills", "steady"]

CLUSTER = "dev-cluster"
Logins = dict[str, frozenset[str]]
"""By node: who can log in by the pod that runs there, as `ARN as username with groups`."""
_OTHERS = ("Lease", "Pod")
_LOGIN_KINDS = ("ConfigMap", "CustomResourceDefinition", "DaemonSet", "IAMIdentityMapping")
"""What the pods run, or read."""
_DUMPED = ("server", "client", "objects", "calls", "clock", "version", "daemons", "started_with")
_FAILED = 70
_T = TypeVar("_T")


def _unheard(_: str) -> None:
    """A function of the module, so that a cluster can be pickled."""


@dataclass
class RollingCluster(Cluster):
    """The controller replaces a pod whenever somebody waits. `started_with`: the ConfigMaps that each pod has read,
    which it does when it starts and at no other time. `moment` hears of each call, before it and after it."""

    started_with: dict[str, list[Any]] = field(default_factory=dict)
    moment: Callable[[str], None] = _unheard

    def run(self, args: tuple[str, ...], text: str) -> Completed:
        words = [arg for arg in args if not arg.startswith("-")]
        named = " ".join((*words[:2], *(["--dry-run"] if self._is_dry(args) else [])))
        self.moment(f"before {named}")
        done = super().run(args, text)
        self.look()
        self.moment(f"after {named}")
        return done

    def _control(self, daemon: dict[str, Any], live: dict[str, Any] | None) -> None:
        self.is_rolled_out = False
        super()._control(daemon, live)
        self._roll(daemon, 0)

    def _sleep(self, seconds: float) -> None:
        super()._sleep(seconds)
        self.roll()

    def roll(self) -> None:
        """One pod of each DaemonSet."""
        for key, daemon in self.objects.items():
            if key[0] == "DaemonSet":
                self._roll(daemon, 1)
        self.look()

    def settle(self) -> None:
        """What the controller does by itself, whoever was killed."""
        for _ in range(self.masters):
            self.roll()

    def _roll(self, daemon: dict[str, Any], most: int) -> None:
        self.daemons.rolled_out(daemon, self.now, most)
        newest = hash_of(json.dumps(daemon["spec"].get("template"), sort_keys=True))
        pods = [each["metadata"]["labels"]["controller-revision-hash"] for each in self.daemons.of(daemon)]
        counts = {"updatedNumberScheduled": pods.count(newest), "numberAvailable": len(pods)}
        daemon["status"] = {"observedGeneration": 1, "desiredNumberScheduled": self.masters, **counts}

    def look(self) -> None:
        """Pods that have started since read what is there now."""
        pods = self.daemons.pods
        new = [name for name in pods if name not in self.started_with]
        maps = copy.deepcopy([each for key, each in self.objects.items() if key[0] == "ConfigMap"] if new else [])
        self.started_with = {name: self.started_with.get(name, maps) for name in pods}

    def logins(self) -> Logins:
        """By the pods that run. A mapping that is an object of its own is read as it is now, by who may."""
        may_read = any(key[0] == "ClusterRoleBinding" for key in self.objects)
        mappings = [each for key, each in self.objects.items() if key[0] == "IAMIdentityMapping" and may_read]
        return {
            pod["spec"]["nodeName"]: _logins_of(
                json.dumps({"spec": {"template": {"spec": pod["spec"]}}}),
                json.dumps([*self.started_with[name], *mappings]),
            )
            for name, pod in self.daemons.pods.items()
        }

    def templates(self) -> dict[str, str]:
        """By node: which one its pod was made from."""
        pods = self.daemons.pods.values()
        return {each["spec"]["nodeName"]: each["metadata"]["labels"]["controller-revision-hash"] for each in pods}

    def contents(self) -> dict[Key, Any]:
        """What the objects say, and what plain apply has noted in them; not when, nor who."""
        return {
            key: (comparable(each), (note := last_applied(each)) and comparable(note))
            for key, each in self.objects.items()
            if key[0] not in _OTHERS
        }


@cache
def _logins_of(daemon: str, objects: str) -> frozenset[str]:
    grants = LiveMappings(json.loads(daemon), tuple(json.loads(objects))).authenticator().grants
    return frozenset(f"{each.principal} as {each.username} with {', '.join(each.groups)}" for each in grants)


@dataclass(frozen=True)
class Seen:
    """What counts of a cluster: what the objects say, who can log in, and which templates the pods are of."""

    contents: dict[Key, Any]
    logins: Logins
    templates: dict[str, str]


class Fingerprint(NamedTuple):
    version: int
    objects: dict[Key, str]
    """With their versions."""
    pods: list[str]
    history: bytes


@dataclass
class World:
    """A cluster, and a directory that it is worked on from; always the same one, since the locks go by it."""

    directory: Path
    cluster: RollingCluster
    said: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.directory / CLUSTER

    @property
    def state(self) -> Path:
        return self.home / "tarmak-iam.state.json"

    @property
    def history(self) -> History:
        return read_history(self.state)

    @property
    def statuses(self) -> tuple[str, ...]:
        return tuple(f"{each.number} {each.status}" for each in self.history.revisions)

    @property
    def seen(self) -> Seen:
        return Seen(self.cluster.contents(), self.cluster.logins(), self.cluster.templates())

    @property
    def fingerprint(self) -> Fingerprint:
        """The same for two states between which nothing was written but a temporary file."""
        cluster, state = self.cluster, self.state.read_bytes() if self.state.exists() else b""
        versions = {key: str(each["metadata"].get("resourceVersion")) for key, each in cluster.objects.items()}
        return Fingerprint(cluster.version, versions, sorted(cluster.daemons.pods), state)

    def apply(self, wanted: Installation, *, force: bool = False) -> Applied:
        return self._locked(
            lambda kubectl: apply_to_cluster(wanted, kubectl, self.state, force=force, tell=self.said.append)
        )

    def rollback(self, *, force: bool = False) -> RolledBack:
        return self._locked(lambda kubectl: roll_back(kubectl, self.state, force=force, tell=self.said.append))

    def diff(self, wanted: Installation) -> LiveDiff:
        return live_diff(wanted, self.cluster.kubectl())

    def saved(self) -> Callable[[], World]:
        """What brings this state back, as often as it is called."""
        files = {path: path.read_bytes() for path in self.home.glob("*")} if self.home.exists() else {}
        cluster = pickle.dumps(self.cluster)  # four times as fast as a deep copy

        def restored() -> World:
            shutil.rmtree(self.home, ignore_errors=True)
            if files:
                self.home.mkdir(mode=0o700)
            for path, data in files.items():
                path.write_bytes(data)
                path.chmod(0o600)
            return World(self.directory, pickle.loads(cluster))

        return restored

    def _locked(self, run: Callable[[Kubectl], _T]) -> _T:
        with cluster_lock(lock_path(self.directory, CLUSTER)) as lock:
            return run(self.cluster.kubectl(lock=lock))


Run = Callable[[World], object]
_Moment = tuple[int, tuple[str, Fingerprint]]
"""Its number, its name, and what is there then."""


@contextmanager
def steady() -> Iterator[None]:
    """Two runs write the same history. No machine fails here, so nothing waits for a disk."""
    now = datetime(2026, 3, 2, 10, 0, 0, tzinfo=timezone.utc)
    with mock.patch.object(history_module, "utc_now", return_value=now), mock.patch.object(os, "fsync"):
        yield


@dataclass(frozen=True)
class Killed:
    """A state in which a run was left, by the moments at which a kill leaves it so: nothing is written between them."""

    moments: tuple[str, ...]
    restored: Callable[[], World]


def kills(start: Callable[[], World], run: Run, dump: Path, most: int | None = None) -> Iterator[Killed]:
    """The states in which the run can be left, in order; in `make test` some of them, and at most `most`. One run
    counts the moments; then it is killed at the last one of each state."""
    seen, _ = _in_child(start(), None, run, dump)
    states = [list(group) for _, group in itertools.groupby(enumerate(seen), lambda each: each[1][1])]
    for group in quick_sample(_distinct(states) if most is None else spread(states, most), 6):
        numbers, moments = zip(*((number, moment) for number, (moment, _) in group), strict=True)
        world = start()
        _, values = _in_child(world, numbers[-1], run, dump)
        for name, value in values.items():
            setattr(world.cluster, name, value)
        assert world.fingerprint == seen[numbers[-1]][1]
        yield Killed(moments, world.saved())


def _distinct(states: list[list[_Moment]]) -> list[list[_Moment]]:
    """Without the first state, in which the run has not begun. Roles, bindings and accounts are all written in the same
    way, and nobody logs in by them: of the states that differ in such objects only, those with the first and with the
    last one."""
    alike = defaultdict[object, list[list[_Moment]]](list)
    for state in states[1:]:
        _, (moment, found) = state[-1]
        login_objects = sorted(each for each in found.objects.items() if each[0][0] in _LOGIN_KINDS)
        alike[str((moment.split()[:2], login_objects, found.pods))].append(state)
    return sorted(state for found in alike.values() for state in (found if len(found) < 3 else [found[0], found[-1]]))


def _in_child(
    world: World, number: int | None, run: Run, dump: Path
) -> tuple[list[tuple[str, Fingerprint]], dict[str, Any]]:
    """The moments with the fingerprints of the world then, and the cluster as it is at the end: at the moment of that
    number, at which the child ends itself."""
    pid = os.fork()
    if pid == 0:
        _child(world, number, run, dump)
    status = os.waitpid(pid, 0)[1]
    assert os.waitstatus_to_exitcode(status) == (0 if number is None else -signal.SIGKILL), dump.read_text()
    moments, values = pickle.loads(dump.read_bytes())
    return moments, values


def _child(world: World, number: int | None, run: Run, dump: Path) -> None:
    """Never returns."""
    moments = list[tuple[str, Fingerprint]]()

    def dumped() -> None:
        dump.write_bytes(pickle.dumps((moments, {name: getattr(world.cluster, name) for name in _DUMPED})))

    def moment(named: str) -> None:
        if number is None:
            moments.append((named, world.fingerprint))
        elif next(countdown, None) is None:
            dumped()
            os.kill(os.getpid(), signal.SIGKILL)

    countdown = iter(range(number or 0))
    try:
        world.cluster.moment = moment
        os.replace = _told_of(os.replace, moment)  # of this process, which ends soon
        run(world)
        dumped()
    except BaseException:
        dump.write_text(traceback.format_exc())
        os._exit(_FAILED)
    os._exit(0)


def _told_of(replace: Callable[..., None], moment: Callable[[str], None]) -> Callable[..., None]:
    def replaced(*paths: Path) -> None:
        moment("before the rename of the history")
        replace(*paths)
        moment("after the rename of the history")

    return replaced
