"""The Lease kube-system/tarmak-iam, which prevents concurrent runs from different machines and directories. A run that
writes creates it, renews it from a thread, and deletes it. That of a killed run expires, and the next run takes it
over."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.hook.cluster.kubectl import REQUEST_SECONDS, Kubectl, is_forbidden, is_unserved, objects_of
from tarmak_iam.hook.cluster.objects import MANAGER, Object, time_of, version_of
from tarmak_iam.hook.programs import Completed, Progress, no_progress

LEASE_SECONDS = 2.0 * REQUEST_SECONDS
"""How long the lease is valid after its last renewal: a write that was started while it was valid has ended by then."""

_NAMESPACE = "kube-system"
_NAME = f"{_NAMESPACE}/{MANAGER}"
_GROUP = "coordination.k8s.io"
# v1 in Kubernetes 1.14 and later, v1beta1 in 1.12 and 1.13; older releases have no leases.
_VERSIONS = ("v1", "v1beta1")
_LOCK = "tarmak-iam/lock"
"""An annotation: two runs with the same value already exclude each other with a lock file."""

_TIMEOUT = 10
_CALL_SECONDS = 20.0
_LAST_SECONDS = 3.0  # after an interruption the user waits for it, and the lease expires anyway
_ATTEMPTS = 5
_MAX_WATCHED = 300.0
_ALREADY_THERE = "(AlreadyExists)"
_CHANGED_MEANWHILE = "the object has been modified"
_NOT_FOUND = "(NotFound)"
_RUN_AGAIN = "run the command again when the other run has finished"
_REMOVE = f"kubectl --namespace {_NAMESPACE} delete lease {MANAGER}"


class LeaseHeld(ToolError):
    """Another run uses this cluster."""


class LeaseLost(ToolError):
    """Another run took over the lease, or it could not be renewed in time: nothing more is written."""


@contextlib.contextmanager
def leased(
    kubectl: Kubectl,
    tell: Progress = no_progress,
    *,
    seconds: float = LEASE_SECONDS,
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
) -> Iterator[Kubectl]:
    """Holds the cluster's lease, and yields a kubectl that writes only while it is held. It is not removed after an
    error while a write was on its way: it expires. Where no lease is possible, `tell` is called with a note. Raises
    LeaseHeld where another run holds it, and ToolError where the cluster does not answer."""
    lease = _Lease(replace(kubectl, on_its_way=[]), tell, seconds, now)
    try:
        is_taken = lease.take()
    except KeyboardInterrupt:
        with contextlib.suppress(TarmakIamError):
            lease.give_up()
        raise
    if not is_taken:
        yield kubectl
        return
    try:
        with lease.renewed():
            yield replace(kubectl, before_write=lease.check)
    except BaseException:
        if not kubectl.on_its_way:
            lease.release()
        else:
            left = f"it expires within {seconds:.0f} seconds"
            tell(f"warning: the lease {_NAME} is not removed, because a write may still arrive; {left}")
        raise
    try:
        lease.release()
    except KeyboardInterrupt:
        tell(f"interrupted after the last change; the lease {_NAME} expires within {seconds:.0f} seconds")
        raise


def _identity() -> str:
    user = f"user {os.getuid()}"
    with contextlib.suppress(KeyError, OSError, ImportError):
        user = getpass.getuser()
    return f"{user}@{os.uname().nodename}, process {os.getpid()}, run {secrets.token_hex(4)}"


@dataclass
class _Lease:
    kubectl: Kubectl
    tell: Progress
    seconds: float
    now: Callable[[], datetime]
    holder: str = field(default_factory=_identity)
    _version: str = _VERSIONS[0]
    _live: Object = field(default_factory=dict)
    """The lease as we last wrote or read it."""
    _renewed: tuple[float, datetime] = (0.0, datetime.min)
    _lost: LeaseLost | None = None
    _is_unguarded: bool = False
    """Whether the user may create the lease but not renew it."""
    _trouble: str = ""
    _call_seconds: float = _CALL_SECONDS
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """False where no lease is possible. Raises LeaseHeld and ToolError."""
        for _ in range(_ATTEMPTS):
            began = self._clocks()
            done = self._run(self.kubectl, "create", self._wanted())
            if is_unserved(done) and self._version == _VERSIONS[0]:
                self._version = _VERSIONS[1]
                done = self._run(self.kubectl, "create", self._wanted())
            if done.code == 0:
                self._adopt(done, began)
                return True
            if is_forbidden(done) or is_unserved(done):
                why = "you may not create leases in kube-system" if is_forbidden(done) else "the cluster has no leases"
                self.tell(f"note: {why}: a concurrent run from another machine or directory is not detected")
                return False
            if _ALREADY_THERE not in done.err:
                raise self.kubectl.failure(done, "create")
            if self._taken_over():
                return True
        raise LeaseHeld("another run has just taken the cluster's lease", remedy=_RUN_AGAIN)

    def check(self) -> None:
        """Called before each write. Raises LeaseLost, and ToolError where it cannot be renewed."""
        if self._lost is not None:
            raise self._lost
        if self._trouble:
            self.tell(f"warning: an attempt to renew the lease {_NAME} failed: {self._trouble}")
            self._trouble = ""
        if not self._is_unguarded and self._age() > self.seconds - REQUEST_SECONDS:
            self._renew(self.kubectl)

    @contextlib.contextmanager
    def renewed(self) -> Iterator[None]:
        """Renews the lease from a thread, three times within its duration."""
        over = threading.Event()

        def work() -> None:
            while not over.wait(self.seconds / 3):
                if self._is_unguarded:
                    return
                try:
                    self._renew(replace(self.kubectl, patience=0.0))
                except LeaseLost:
                    return
                except TarmakIamError as error:
                    self._trouble = error.what

        thread = threading.Thread(target=work, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def release(self) -> None:
        """A failure is only a warning, because the lease expires."""
        at_once = replace(self.kubectl, patience=0.0)
        try:
            if self._lost is not None:
                return
            if self._age() > self.seconds - _TIMEOUT and not self._is_unguarded:
                self._renew(at_once)  # another run may hold it by now
            self._asked(at_once, "delete")
        except LeaseLost:
            return
        except TarmakIamError as error:
            left = f"it expires within {self.seconds:.0f} seconds"
            self.tell(f"warning: the lease {_NAME} could not be removed: {error.what}; {left}")

    def give_up(self) -> None:
        """Removes the lease if an attempt that was interrupted has created it. Raises ToolError."""
        at_once, self._call_seconds = replace(self.kubectl, patience=0.0), _LAST_SECONDS
        live = self._read(at_once)
        if live is not None and _holder(live) == self.holder:
            self._asked(at_once, "delete")

    def _taken_over(self) -> bool:
        """Whether this run holds the lease now; False if the other lease is gone. Raises LeaseHeld, ToolError."""
        live = self._read(self.kubectl)
        if live is None:
            return False
        if _holder(live) != self.holder:  # it is ours if an earlier attempt created it
            self.tell(f"taking over the lease of {_holder(live) or 'an earlier run'}, {self._why_free(live)}")
        began = self._clocks()
        done = self._run(self.kubectl, "replace", self._wanted(over=live))
        if done.code == 0:
            self._adopt(done, began)
            return True
        if _CHANGED_MEANWHILE in done.err or _NOT_FOUND in done.err:
            return False
        raise self.kubectl.failure(done, "replace")

    def _why_free(self, theirs: Object) -> str:
        """Raises LeaseHeld."""
        holder, spec, metadata = _holder(theirs), theirs.get("spec") or {}, theirs.get("metadata") or {}
        if not holder:
            return "which was released"
        if self._key and self._key == (metadata.get("annotations") or {}).get(_LOCK):
            return "which no longer runs"
        valid = spec.get("leaseDurationSeconds")
        seconds = min(float(valid), _MAX_WATCHED) if isinstance(valid, int) and valid > 0 else LEASE_SECONDS
        acquired, renewed = time_of(spec.get("acquireTime")), time_of(spec.get("renewTime"))
        age = None if renewed is None else (self.now() - renewed).total_seconds()
        since = "" if acquired is None else f" since {acquired:%Y-%m-%d %H:%M:%S} UTC"
        how_old = "" if age is None else f", renewed {max(age, 0):.0f} seconds ago"
        expires = f"the lease of a killed run expires {seconds:.0f} seconds after its last renewal"
        remedy = f"{_RUN_AGAIN}; {expires}, or remove it with `{_REMOVE}`"
        held = LeaseHeld(f"this cluster is in use by {holder}{since} (lease {_NAME}{how_old})", remedy=remedy)
        if age is not None and abs(age) < seconds:
            raise held
        # The clocks of two machines may differ: the lease has expired if it is not renewed while it is watched.
        self.tell(f"{holder} has not renewed its lease; watching it for {seconds:.0f} seconds")
        deadline = self.kubectl.clock() + seconds
        while (left := deadline - self.kubectl.clock()) > 0:
            self.kubectl.sleep(min(left, seconds / 6))
            live = self._read(self.kubectl)
            if live is None or version_of(live) != version_of(theirs):
                raise held
        return f"which has not renewed it for {seconds:.0f} seconds"

    def _renew(self, kubectl: Kubectl) -> None:
        """Raises LeaseLost, and ToolError where the cluster does not answer."""
        with self._mutex:
            if self._lost is not None:
                raise self._lost
            began = self._clocks()
            done = self._run(kubectl, "replace", self._wanted(over=self._live))
            if done.code and _NOT_FOUND in done.err:  # it was removed: any run may create it
                done = self._run(kubectl, "create", self._wanted())
            if done.code == 0:
                self._adopt(done, began)
            elif is_forbidden(done):
                self._is_unguarded = True
                self._trouble = done.reason
            elif _CHANGED_MEANWHILE in done.err or _ALREADY_THERE in done.err:
                # Changed by an attempt of this run whose answer was lost, or by another run.
                live = self._read(kubectl)
                if live is None or _holder(live) != self.holder:
                    who = "another run" if live is None else _holder(live) or "another run"
                    self._lost = LeaseLost(f"lost the cluster's lease to {who}", remedy=_RUN_AGAIN)
                    raise self._lost
                self._live, self._renewed = live, began
            else:
                raise kubectl.failure(done, "replace")

    @property
    def _key(self) -> str:
        return self.kubectl.lock.key if self.kubectl.lock is not None else ""

    def _adopt(self, done: Completed, began: tuple[float, datetime]) -> None:
        self._live, self._renewed, self._trouble = objects_of(done)[0], began, ""

    def _clocks(self) -> tuple[float, datetime]:
        return self.kubectl.clock(), self.now()

    def _age(self) -> float:
        """Seconds since the last renewal: the larger value of the monotonic clock and the time of day, because one of
        them may stop while the machine sleeps."""
        clock, now = self._clocks()
        return max(clock - self._renewed[0], (now - self._renewed[1]).total_seconds())

    def _wanted(self, over: Object | None = None) -> Object:
        metadata: dict[str, Any] = {"name": MANAGER, "namespace": _NAMESPACE}
        if self._key:
            metadata["annotations"] = {_LOCK: self._key}
        now = self.now().astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        acquired = now
        if over is not None:
            metadata["resourceVersion"] = over["metadata"]["resourceVersion"]
            if _holder(over) == self.holder:
                acquired = (over.get("spec") or {}).get("acquireTime") or now
        spec = {"holderIdentity": self.holder, "leaseDurationSeconds": max(1, round(self.seconds))}
        spec |= {"acquireTime": acquired, "renewTime": now}
        return {"apiVersion": f"{_GROUP}/{self._version}", "kind": "Lease", "metadata": metadata, "spec": spec}

    def _read(self, kubectl: Kubectl) -> Object | None:
        """Raises ToolError."""
        return next(iter(objects_of(self._asked(kubectl, "get", "-o=json"))), None)

    def _asked(self, kubectl: Kubectl, verb: str, *options: str) -> Completed:
        named = (f"lease.{self._version}.{_GROUP}", MANAGER, "--ignore-not-found", f"--namespace={_NAMESPACE}")
        return kubectl.check(verb, *named, *options, f"--request-timeout={_TIMEOUT}s", seconds=self._call_seconds)

    def _run(self, kubectl: Kubectl, verb: str, lease: Object) -> Completed:
        # Not validated: kubectl would first download the API server's whole schema.
        options = (f"--request-timeout={_TIMEOUT}s", "--validate=false", "-o", "json", "-f", "-")
        return kubectl.run(verb, *options, text=json.dumps(lease), seconds=_CALL_SECONDS)


def _holder(lease: Object) -> str:
    return str((lease.get("spec") or {}).get("holderIdentity") or "")
