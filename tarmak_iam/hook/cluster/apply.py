"""Applies an installation to a cluster: planned whole, the state before kept in a file, then carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Literal

from tarmak_iam.document.boundary import Boundary
from tarmak_iam.effects import Loaded, effects
from tarmak_iam.emit import manifests
from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.guards import check_ways_in
from tarmak_iam.hook.cluster.changes import Action, Applied, ApplyFailed, Change
from tarmak_iam.hook.cluster.established import wait_until_established
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.mappings import read_live
from tarmak_iam.hook.cluster.objects import Object, Ref, digest
from tarmak_iam.hook.cluster.plan import Plan, Step, is_settled, make_plan
from tarmak_iam.hook.cluster.restart import roll_out_and_restart
from tarmak_iam.hook.cluster.rollout import ROLLOUT_SECONDS, read_rollout
from tarmak_iam.hook.cluster.server import CRD, Conflict, Server
from tarmak_iam.hook.cluster.state import KeptObject, State, older
from tarmak_iam.hook.cluster.update_check import check_plan
from tarmak_iam.hook.telling import Tell, silent
from tarmak_iam.installation import Installation

__all__ = ["apply"]


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
    within: Boundary | None = None,
) -> Applied:
    """Brings the cluster's objects to what `manifests` makes; what was there before goes to the file `state`, which no
    link may lead out of the boundary `within`.

    Only objects of our own are touched. New ones come first, objects of ours that are no longer made go last, once
    the DaemonSet runs (`wait`: seconds for that; None not to wait, and then they stay unless it runs already). With
    `dry_run` nothing is changed: `client` only reads, `server` has the API server judge each object. `begun` is called
    once the state is kept, before the first change: until then `rollback` would undo an earlier apply.

    Raises ConfigError as `manifests` does; EditRefused, nothing changed, for objects or fields that are somebody
    else's, for the last way in, and for pods whose node cannot run the new ones, unless `force`; FileError, nothing
    changed, where the state cannot be kept;
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
    notes = (*_of_version(installation, server), *plan.notes, *check_plan(server, plan, force=force))
    foreseen = Applied(plan.changes, notes=notes, effects=effects(before, after))
    if dry_run is not None:
        if dry_run == "server":
            server.validate(objects)
        return foreseen
    return _Run(server, plan, state, foreseen, force, wait, tell, begun, within).carried_out()


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
        within: Boundary | None,
    ) -> None:
        self._server, self._plan, self._foreseen = server, plan, foreseen
        self._path, self._within = path, within
        self._force, self._wait, self._tell, self._kept = force, wait, tell, begun
        self._done: dict[Ref, Change] = {}
        self._digests: dict[Ref, str] = {}
        self._begun: set[Ref] = set()
        self._state: Path | None = None

    def carried_out(self) -> Applied:
        kept = self._keep() if self._plan.is_change else None
        with self._telling():
            for _, steps in groupby(self._plan.steps, key=lambda step: step.ref.resource):
                self._apply(list(steps))
            rolled_out, notes = self._roll_out()
            for each in self._plan.removals:
                self._remove(each)
            if kept is not None:
                kept.finished(self._digests.items()).write(self._path, self._within)
        done = self._applied(rolled_out)
        return replace(done, notes=tuple(dict.fromkeys((*done.notes, *notes))))

    def _keep(self) -> State:
        """Writes what is there now, before the first change."""
        before = [KeptObject.of(step.ref, step.live) for step in self._plan.steps]
        before += [KeptObject.of(Ref.of(each), each) for each in self._plan.removals]
        begun, earlier = State(self._server.identity(), tuple(before)), State.read(self._path, self._within)
        if earlier is not None and earlier.cluster == begun.cluster and not earlier.settled:
            begun = begun.with_first(earlier)
        elif earlier is not None:
            earlier.write(older(self._path), self._within)
        begun.write(self._path, self._within)
        self._state = self._path
        self._kept()
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
        self._begun |= {step.ref for step in work}
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

    def _remove(self, each: Object) -> None:
        ref = Ref.of(each)
        if ref.kind == CRD and self._server.others(each):  # made while the rollout was waited for
            self._tell(f"{ref} stays: objects of it are not ours")
            self._note(Action.UNCHANGED, ref)
            return
        self._tell(f"removing {ref}")
        self._begun.add(ref)
        self._server.remove(ref)
        self._note(Action.REMOVED, ref)

    def _roll_out(self) -> tuple[bool | None, tuple[str, ...]]:
        refs = [step.ref for step in self._plan.steps if step.ref.kind == "DaemonSet"]
        return roll_out_and_restart(self._server, refs, self._wait, self._tell)

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
        steps = [(step.ref, step.live, step.action) for step in self._plan.steps]
        steps += [(Ref.of(each), each, Action.REMOVED) for each in self._plan.removals]
        unknown, left = list[Ref](), list[Ref]()
        for ref, live, action in steps:
            if ref in self._done:
                continue
            if ref not in self._begun:
                left.append(ref)
                continue
            # Whoever does not answer for one object is not asked for the next one.
            became = None if unknown else self._looked_up(ref, live, action)
            if became is Action.UNCHANGED:
                left.append(ref)
            elif became is None:
                unknown.append(ref)
            else:
                self._note(became, ref)
        return ApplyFailed(error, self._applied(None), tuple(left), tuple(unknown))

    def _looked_up(self, ref: Ref, live: Object | None, action: Action) -> Action | None:
        """What became of an object whose call did not come back; None where that cannot be found out."""
        at_once = replace(self._server, kubectl=replace(self._server.kubectl, patience=0.0))
        try:
            found = at_once.read([ref.stub])
        except TarmakIamError:
            return None
        is_as_it_was = (digest(found[0]) if found else None) == (digest(live) if live else None)
        return Action.UNCHANGED if is_as_it_was else action

    def _applied(self, rolled_out: bool | None) -> Applied:
        return replace(self._foreseen, changes=tuple(self._done.values()), state=self._state, rolled_out=rolled_out)

    def _note(self, action: Action, ref: Ref) -> None:
        self._done[ref] = Change.of(action, ref)


def _told(refs: list[Ref]) -> str:
    return str(refs[0]) if len(refs) == 1 else f"{len(refs)} objects of the kind {refs[0].kind}"
