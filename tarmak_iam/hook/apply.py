"""Applies an installation to a cluster: planned whole, the state before kept in a file, then carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tarmak_iam.effects import Effect, Loaded, effects
from tarmak_iam.emit import manifests
from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.guards import check_ways_in
from tarmak_iam.hook.established import wait_until_established
from tarmak_iam.hook.kubectl import Kubectl
from tarmak_iam.hook.live_mappings import read_live
from tarmak_iam.hook.objects import Ref, digest
from tarmak_iam.hook.plan import Action, Change, Plan, Step, is_settled, make_plan
from tarmak_iam.hook.rollout import ROLLOUT_SECONDS, Tell, read_rollout, roll_out, silent
from tarmak_iam.hook.server import CRD, Conflict, Server
from tarmak_iam.hook.state import Kept, State, older
from tarmak_iam.installation import Installation

__all__ = ["Applied", "ApplyFailed", "apply"]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of each object, in the order in which it did.

    `state` is the file with what was there before, None where nothing changed (an older file is then left alone).
    `rolled_out`: whether the DaemonSet runs everywhere with this; None where nobody waited for it.
    """

    changes: tuple[Change, ...]
    state: Path | None = None
    rolled_out: bool | None = None
    notes: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    """On principals, against what the cluster's daemon gave before."""

    @property
    def changed(self) -> bool:
        return any(change.action is not Action.UNCHANGED for change in self.changes)


class ApplyFailed(ToolError):
    """It stopped midway: `applied` tells what was done, `left` what was not; `state` is for `rollback`."""

    def __init__(
        self, reason: TarmakIamError, applied: Applied, left: tuple[Ref, ...], unknown: tuple[Ref, ...]
    ) -> None:
        done = [change.text for change in applied.changes if change.action is not Action.UNCHANGED]
        parts = [str(reason), f"done: {', '.join(done) or 'nothing'}"]
        if unknown:
            parts.append(f"not known: {', '.join(map(str, unknown))}")
        if left:
            parts.append(f"not done: {', '.join(map(str, left))}")
        super().__init__("; ".join(parts), remedy="run apply again, or rollback, which restores what was there before")
        self.reason, self.applied, self.left, self.unknown = reason, applied, left, unknown
        self.state = applied.state


def apply(
    installation: Installation,
    kubectl: Kubectl,
    state: Path,
    *,
    dry_run: Literal["client", "server"] | None = None,
    force: bool = False,
    wait: float | None = ROLLOUT_SECONDS,
    tell: Tell = silent,
    begun: Callable[[], None] = lambda: None,
) -> Applied:
    """Brings the cluster's objects to what `manifests` makes; what was there before goes to the file `state`.

    Only objects of our own are touched. New ones come first, objects of ours that are no longer made go last, once
    the DaemonSet runs (`wait`: seconds for that; None not to wait, and then they stay unless it runs already). With
    `dry_run` nothing is changed: `client` only reads, `server` has the API server judge each object. `begun` is called
    once the state is kept, before the first change: until then `rollback` would undo an earlier apply.

    Raises ConfigError as `manifests` does; EditRefused, nothing changed, for objects or fields that are somebody
    else's and for the last way in, unless `force`; FileError, nothing changed, where the state cannot be kept;
    ToolError; ApplyFailed from the first change on.
    """
    objects = manifests(installation)
    server = Server.of(kubectl)
    plan = make_plan(server, objects, ask=dry_run != "client", force=force)
    if wait is None:
        plan = _with_safe_removals(server, plan)
    before, after = read_live(kubectl).loaded(installation), Loaded.of(installation)
    if not force:
        check_ways_in(before, after)
    foreseen = Applied(
        plan.changes, notes=(*_of_version(installation, server), *plan.notes), effects=effects(before, after)
    )
    if dry_run is not None:
        if dry_run == "server":
            server.validate(objects)
        return foreseen
    return _Run(server, plan, state, foreseen, force, wait, tell, begun).carried_out()


def _with_safe_removals(server: Server, plan: Plan) -> Plan:
    """Without removals, where the daemon that reads these objects may still be the one that lets people in."""
    daemons = [step for step in plan.steps if step.ref.kind == "DaemonSet"]
    if not plan.removals or all(
        step.action is Action.UNCHANGED and read_rollout(server.kubectl, step.ref).is_done for step in daemons
    ):
        return plan
    names = ", ".join(str(Ref.of(each)) for each in plan.removals)
    note = f"no longer made, and kept until an apply that waits for the rollout: {names}"
    return replace(plan, removals=(), notes=(*plan.notes, note))


def _of_version(installation: Installation, server: Server) -> Iterator[str]:
    if installation.kubernetes.minor != server.version.minor:
        own, found = (".".join(map(str, each.minor)) for each in (installation.kubernetes, server.version))
        yield f"the objects are for Kubernetes {own}, the cluster runs {found}: see kubernetesVersion in the settings"


class _Run:
    """One apply, from the first change on."""

    def __init__(
        self,
        server: Server,
        plan: Plan,
        path: Path,
        foreseen: Applied,
        force: bool,
        wait: float | None,
        tell: Tell,
        begun: Callable[[], None],
    ) -> None:
        self._server, self._plan, self._path, self._foreseen = server, plan, path, foreseen
        self._force, self._wait, self._tell, self._begun = force, wait, tell, begun
        self._done: dict[Ref, Change] = {}
        self._digests: dict[Ref, str] = {}
        self._state: Path | None = None

    def carried_out(self) -> Applied:
        kept = self._keep() if self._plan.is_change else None
        with self._telling():
            for steps in _step_batches(self._plan):
                self._apply(steps)
            rolled_out = self._roll_out()
            for each in self._plan.removals:
                self._tell(f"removing {Ref.of(each)}")
                self._server.remove(Ref.of(each))
                self._note(Action.REMOVED, Ref.of(each))
            if kept is not None:
                kept.finished(self._digests.items()).write(self._path)
        return self._applied(rolled_out)

    def _keep(self) -> State:
        """Writes what is there now, before the first change."""
        before = [Kept.of(step.ref, step.live) for step in self._plan.steps]
        before += [Kept.of(Ref.of(each), each) for each in self._plan.removals]
        begun, earlier = State(self._server.identity(), tuple(before)), State.read(self._path)
        if earlier is not None and earlier.cluster == begun.cluster and not earlier.settled:
            begun = begun.with_first(earlier)
        elif earlier is not None:
            earlier.write(older(self._path))
        begun.write(self._path)
        self._state = self._path
        self._begun()
        return begun

    def _apply(self, steps: list[Step]) -> None:
        work = [step for step in steps if not is_settled(self._server, step)]
        for step in steps:
            if step not in work:
                self._note(Action.UNCHANGED, step.ref)
                self._digests[step.ref] = digest(step.then)
        if not work:
            return
        if any(step.action is not Action.UNCHANGED for step in work):
            self._tell(f"applying {_told([step.ref for step in work])}")
        for step, made in zip(work, self._attempt(work), strict=True):
            self._note(replace(step, then=made).action, step.ref)
            self._digests[step.ref] = digest(made)
            if step.ref.kind == CRD:
                wait_until_established(self._server.kubectl, step.ref)

    def _attempt(self, steps: list[Step]) -> list[dict[str, object]]:
        try:
            return self._server.apply([step.pair for step in steps], force=self._force)
        except Conflict:  # perhaps with somebody who was just at it: what they did is read again
            found = self._server.read([step.wanted for step in steps])
            pairs = [(step.wanted, step.ref.among(found)) for step in steps]
            return self._server.apply(pairs, force=self._force)

    def _roll_out(self) -> bool | None:
        refs = [step.ref for step in self._plan.steps if step.ref.kind == "DaemonSet"]
        return roll_out(self._server.kubectl, refs, self._wait, self._tell)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Nothing that is half done goes unmentioned."""
        try:
            yield
        except TarmakIamError as error:
            raise self._failure(error) from None
        except KeyboardInterrupt:
            self._tell(self._failure(ToolError("interrupted")).message)
            raise

    def _failure(self, error: TarmakIamError) -> ApplyFailed:
        unknown, left = [], []
        for step in self._plan.steps:
            if step.ref not in self._done:
                became = self._looked_up(step)
                if became is None:
                    unknown.append(step.ref)
                elif became is Action.UNCHANGED:
                    left.append(step.ref)
                else:
                    self._note(became, step.ref)
        left += [Ref.of(each) for each in self._plan.removals if Ref.of(each) not in self._done]
        return ApplyFailed(error, self._applied(None), tuple(left), tuple(unknown))

    def _looked_up(self, step: Step) -> Action | None:
        """What became of an object whose call did not come back; None where that cannot be found out."""
        at_once = replace(self._server, kubectl=replace(self._server.kubectl, patience=0.0))
        try:
            found = at_once.read([step.wanted])
        except TarmakIamError:
            return None
        is_as_it_was = (digest(found[0]) if found else None) == (digest(step.live) if step.live else None)
        return Action.UNCHANGED if is_as_it_was else step.action

    def _applied(self, rolled_out: bool | None) -> Applied:
        return replace(self._foreseen, changes=tuple(self._done.values()), state=self._state, rolled_out=rolled_out)

    def _note(self, action: Action, ref: Ref) -> None:
        self._done[ref] = Change.of(action, ref)


def _step_batches(plan: Plan) -> Iterator[list[Step]]:
    """Steps of one kind that follow each other."""
    batch: list[Step] = []
    for step in plan.steps:
        if batch and batch[-1].ref.resource != step.ref.resource:
            yield batch
            batch = []
        batch.append(step)
    if batch:
        yield batch


def _told(refs: list[Ref]) -> str:
    return str(refs[0]) if len(refs) == 1 else f"{len(refs)} objects of the kind {refs[0].kind}"
