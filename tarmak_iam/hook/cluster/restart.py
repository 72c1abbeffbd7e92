"""Has every pod of the authenticator run what the cluster's objects say: the rollout, and restarts where it does none.

A changed pod template has the DaemonSet's controller replace the pods. Where the template stays, as after a change of
the ConfigMap by hand that is put right, or after an apply that was ended between its writes, nobody does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.hook.cluster.kubectl import why
from tarmak_iam.hook.cluster.objects import Ref
from tarmak_iam.hook.cluster.pods import DaemonPod, read_pods
from tarmak_iam.hook.cluster.rollout import pod_troubles, roll_out
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.cluster.stale_pods import DAEMONSET, PodCheck, StalePod, check_pods
from tarmak_iam.hook.telling import Tell, silent

__all__ = ["RolledOut", "roll_out_and_restart", "would_be_restarted"]

_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class RolledOut:
    """`is_done`: whether each DaemonSet runs everywhere, None where nobody waited. `is_left`: whether there are pods
    that have to be restarted yet. `restarted`: those that were, in this order."""

    is_done: bool | None
    notes: tuple[str, ...] = ()
    is_left: bool = False
    restarted: tuple[StalePod, ...] = ()


def roll_out_and_restart(server: Server, refs: Sequence[Ref], seconds: float | None, tell: Tell = silent) -> RolledOut:
    """Waits up to `seconds` until each DaemonSet runs everywhere, and then restarts the authenticator's stale pods one
    after the other, each once the one before is ready, for up to `seconds` more.

    With `seconds` None, nobody waits: the only pod is restarted, of several only those that are not ready, and a note
    names the others. Raises ToolError where one does not run in time, or a pod cannot be restarted: it names those that
    still run what they ran before.
    """
    restart = _Restart(server, tell)
    is_concerned = any(ref.is_same(DAEMONSET) for ref in refs)
    if is_concerned:  # they let nobody in, so there is nothing to wait for
        restart.delete([each for each in restart.to_do(check_pods(server)) if not each.pod.is_ready])
    try:
        rolled_out = roll_out(server.kubectl, refs, seconds, tell)
    except ToolError as error:
        raise (restart.after(error) if is_concerned else error) from None
    return restart.rest(rolled_out, seconds) if is_concerned else RolledOut(rolled_out)


def would_be_restarted(check: PodCheck) -> tuple[str, ...]:
    """Pods that are stale already, and what could not be looked at; each as a line."""
    return (*(f"would be restarted: {each.text}" for each in _Restart.to_do(check)), *check.notes)


class _Restart:
    def __init__(self, server: Server, tell: Tell) -> None:
        self._server, self._kubectl, self._tell = server, server.kubectl, tell
        self._restarted: list[StalePod] = []

    @staticmethod
    def to_do(check: PodCheck) -> list[StalePod]:
        """What the controller does not replace; until it has seen the newest template, that is not known."""
        return [each for each in check.stale if not each.is_replaced] if check.is_seen else []

    def after(self, error: ToolError) -> ToolError:
        """With the pods that nothing replaces, where that can be found out at once."""
        at_once = replace(self._server, kubectl=replace(self._kubectl, patience=0.0))
        with contextlib.suppress(TarmakIamError):
            if left := self.to_do(check_pods(at_once)):
                return self._failure(error.message, left)
        return error

    def rest(self, is_done: bool | None, seconds: float | None) -> RolledOut:
        check = check_pods(self._server)
        stale = self.to_do(check)
        if seconds is None:
            left_over = self._at_once(check, stale)
            notes = (*check.notes, *left_over)
            return RolledOut(is_done, notes, is_left=bool(left_over), restarted=tuple(self._restarted))
        deadline = self._kubectl.clock() + seconds
        for number, each in enumerate(stale):
            left = stale[number:]
            self.delete([each], left)
            self._wait(check, each.pod, deadline, left)
        return RolledOut(is_done, check.notes, restarted=tuple(self._restarted))

    def delete(self, stale: Sequence[StalePod], left: Sequence[StalePod] = ()) -> None:
        """By its name, not with `rollout restart`, which kubectl below 1.15 has not, and which sets a field."""
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

    def _at_once(self, check: PodCheck, stale: Sequence[StalePod]) -> tuple[str, ...]:
        if len(check.pods) == 1:
            self.delete(stale)
            return ()
        left = [each for each in stale if each.pod.is_ready]
        advice = "the same command without --no-wait restarts them one after the other"
        return (f"not restarted: {_named(left)}; {advice}",) if left else ()

    def _wait(self, check: PodCheck, old: DaemonPod, deadline: float, left: Sequence[StalePod]) -> None:
        assert check.daemon is not None  # who has pods has one
        while True:
            pods = [pod for pod in read_pods(self._kubectl, check.daemon) if pod.node == old.node]
            if any(pod.is_ready for pod in pods) and not any(pod.uid == old.uid for pod in pods):
                return
            if self._kubectl.clock() + _PAUSE > deadline:
                break
            self._kubectl.sleep(_PAUSE)
        is_there = any(pod.uid == old.uid for pod in pods)
        told = "it has not ended" if is_there else "the pod in its place is not ready"
        said = "; ".join(pod_troubles(self._kubectl, DAEMONSET))
        raise self._failure(f"{old} was restarted: {told}{f' ({said})' if said else ''}", left[0 if is_there else 1 :])

    def _failure(self, what: str, left: Sequence[StalePod]) -> ToolError:
        verb = "runs" if len(left) == 1 else "run"
        return ToolError(f"{what}; {_named(left)} still {verb} the configuration of before" if left else what)


def _named(stale: Sequence[StalePod]) -> str:
    return ", ".join(str(each.pod) for each in stale)
