"""Applies an installation to a cluster: planned whole, written down in the history, then carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Literal

from tarmak_iam.document.boundary import Boundary
from tarmak_iam.effects import Loaded, effects
from tarmak_iam.emit import manifests
from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.guards import check_ways_in
from tarmak_iam.hook.cluster.batches import in_batches
from tarmak_iam.hook.cluster.changes import Action, Applied, ApplyFailed, Change
from tarmak_iam.hook.cluster.established import wait_until_established
from tarmak_iam.hook.cluster.history import KeptObject
from tarmak_iam.hook.cluster.journal import Journal, finish_notes, left_by, settle
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.lease import leased
from tarmak_iam.hook.cluster.mappings import read_live
from tarmak_iam.hook.cluster.objects import Index, Object, Ref, counted, digest
from tarmak_iam.hook.cluster.plan import Plan, Step, is_settled, make_plan
from tarmak_iam.hook.cluster.read_back import read_back
from tarmak_iam.hook.cluster.restart import RolledOut, roll_out_and_restart, would_be_restarted
from tarmak_iam.hook.cluster.rights import check_rights, explained, rights_of_apply
from tarmak_iam.hook.cluster.rollout import ROLLOUT_SECONDS, read_rollout
from tarmak_iam.hook.cluster.server import CRD, Conflict, Server
from tarmak_iam.hook.cluster.stale_pods import check_pods
from tarmak_iam.hook.cluster.update_check import check_changes
from tarmak_iam.hook.telling import Tell, silent
from tarmak_iam.installation import Installation
from tarmak_iam.text import brief_list

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
    """Brings the cluster's objects to what `manifests` makes; the change goes to the history in the file `state`,
    which no link may lead out of the boundary `within`. One that did not come to its end goes on under its number.

    Only objects of our own are touched. New ones come first, objects of ours that are no longer made go last, once
    the DaemonSet runs (`wait`: seconds for that; None not to wait, and then they stay unless it runs already). With
    `dry_run` nothing is changed: `client` only reads, `server` has the API server judge each object. `begun` is called
    once the change is in the history, before the first write: until then `rollback` would undo an earlier apply.

    Raises ConfigError as `manifests` does, and for a file that is no history; EditRefused, nothing changed, for objects
    or fields that are somebody else's, for the last way in, and for pods whose node cannot run the new ones, unless
    `force`; FileError, nothing changed, where the history cannot be written; ToolError, also where another run holds
    the cluster's lease; ApplyFailed from the first change on.
    """
    with nullcontext(kubectl) if dry_run is not None else leased(kubectl, tell) as held:
        return _apply(installation, held, state, dry_run, force, wait, tell, begun, within)


def _apply(
    installation: Installation,
    kubectl: Kubectl,
    state: Path,
    dry_run: Literal["client", "server"] | None,
    force: bool,
    wait: float | None,
    tell: Tell,
    begun: Callable[[], None],
    within: Boundary | None,
) -> Applied:
    objects = manifests(installation)
    server = Server.of(kubectl)
    left = left_by(server, state, within)
    if dry_run is None:
        finish_notes(server, state, within)
    with explained(server, objects):
        plan = make_plan(server, objects, ask=dry_run != "client", force=force, left=left)
    if wait is None:
        plan = _with_safe_removals(server, plan)
    before, after = read_live(kubectl).loaded(installation), Loaded.of(installation)
    if not force:
        check_ways_in(before, after)
    check = check_pods(server, plan.live)
    warnings = check_changes(server, check, plan.ends, force=force)
    notes = (*_of_version(installation, server), *plan.notes)
    foreseen = Applied(plan.changes, notes=notes, effects=effects(before, after))
    if dry_run is not None:
        if dry_run == "server":
            server.validate(objects)
        return replace(foreseen, notes=tuple(dict.fromkeys((*notes, *warnings, *would_be_restarted(check)))))
    check_rights(kubectl, rights_of_apply(server, plan, check), tell)
    for each in warnings:
        tell(each)
    return _Run(server, plan, state, foreseen, force, wait, tell, begun, within).carried_out()


def _with_safe_removals(server: Server, plan: Plan) -> Plan:
    """Without removals, where the daemon that reads these objects may still be the one that lets people in."""
    daemons = [step for step in plan.steps if step.ref.kind == "DaemonSet"]
    if not plan.removals or all(
        step.action is Action.UNCHANGED and read_rollout(server.kubectl, step.ref).is_done for step in daemons
    ):
        return plan
    names = brief_list(map(Ref.of, plan.removals))
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
        self._made: list[tuple[Object, Object]] = []
        self._begun: set[Ref] = set()
        self._journal: Journal | None = None

    def carried_out(self) -> Applied:
        if self._plan.is_change:
            self._journal = self._begin()
        else:
            settle(self._server, self._path, self._within)
        with self._telling():
            for steps in in_batches(self._plan.steps, lambda step: step.wanted, is_of_one_kind=True):
                self._apply(steps)
            if self._journal is not None:
                self._journal.applied()
            rolled_out = self._roll_out()
            for batch in in_batches(self._plan.removals, lambda each: each, is_of_one_kind=True):
                self._remove(batch)
            self._server.wait_until_gone([Ref.of(each) for each in self._plan.removals])
            if self._journal is not None:
                self._journal.close()
            read_back(self._server, self._made, self._removed)
        done = self._applied(rolled_out.is_done)
        notes = tuple(dict.fromkeys((*done.notes, *rolled_out.notes)))
        return replace(done, notes=notes, restarted=rolled_out.restarted)

    def _begin(self) -> Journal:
        """Writes down what is there now, before the first change."""
        unsettled = (step for step in self._plan.steps if not is_settled(self._server, step))
        objects = [KeptObject.of(step.live, step.then) for step in unsettled]
        objects += [KeptObject.of(each, None) for each in self._plan.removals]
        journal = Journal.begin(self._server, objects, self._path, self._within, self._tell)
        self._kept()
        return journal

    def _apply(self, steps: list[Step]) -> None:
        work: list[Step] = []
        for step in steps:
            if is_settled(self._server, step):
                self._note(Action.UNCHANGED, step.ref)
                self._made.append((step.wanted, step.then))
            else:
                work.append(step)
        if not work:
            return
        if any(step.action is not Action.UNCHANGED for step in work):
            self._tell(f"applying {counted([step.ref for step in work])}")
        self._begun |= {step.ref for step in work}
        for step, made in zip(work, self._attempt(work), strict=True):
            self._note(replace(step, then=made).action, step.ref, made)
            self._made.append((step.wanted, made))
            if step.ref.kind == CRD:
                wait_until_established(self._server.kubectl, step.ref)
        if self._journal is not None:
            self._journal.save()

    def _attempt(self, steps: list[Step]) -> list[dict[str, object]]:
        try:
            return self._server.apply([step.pair for step in steps], force=self._force)
        except Conflict:  # perhaps with somebody who was just at it: what they did is read again
            found = Index(self._server.read([step.wanted for step in steps]))
            pairs = [(step.wanted, found.get(step.ref)) for step in steps]
            return self._server.apply(pairs, force=self._force)

    def _remove(self, batch: list[Object]) -> None:
        """Of one kind."""
        refs = []
        for each in batch:
            ref = Ref.of(each)
            if ref.kind == CRD and self._server.others(each):  # made while the rollout was waited for
                self._tell(f"{ref} stays: objects of it are not ours")
                self._note(Action.UNCHANGED, ref)
            else:
                refs.append(ref)
        if not refs:
            return
        self._tell(f"removing {counted(refs)}")
        self._begun |= set(refs)
        self._server.remove(*refs)
        for ref in refs:
            self._note(Action.REMOVED, ref)
        if self._journal is not None:
            self._journal.save()

    def _roll_out(self) -> RolledOut:
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
        state = None if self._journal is None else self._path
        return replace(self._foreseen, changes=tuple(self._done.values()), state=state, rolled_out=rolled_out)

    @property
    def _removed(self) -> list[Ref]:
        return [ref for ref, change in self._done.items() if change.action is Action.REMOVED]

    def _note(self, action: Action, ref: Ref, made: Object | None = None) -> None:
        """`made` is what the API server has made of it."""
        self._done[ref] = Change.of(action, ref)
        if self._journal is not None and (made is not None or action is Action.REMOVED):
            self._journal.note(ref, made)
