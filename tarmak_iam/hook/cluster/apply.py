"""Applies an installation to a cluster: plans all changes, writes them to the history, makes them, and reads the
objects again at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tarmak_iam.access.diff import Loaded, effects
from tarmak_iam.access.lockout import check_admin_access
from tarmak_iam.emit import manifests
from tarmak_iam.emit.kubernetes_objects import OWN_ANNOTATIONS
from tarmak_iam.errors import ConfigError, TarmakIamError, ToolError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.hook.cluster.apply_plan import ApplyPlan, ApplyStep, is_settled, make_plan
from tarmak_iam.hook.cluster.crd_ready import CRD, wait_until_established
from tarmak_iam.hook.cluster.history import (
    Applied,
    ApplyFailed,
    KeptObject,
    ObjectAction,
    ObjectChange,
    reporting_failure,
)
from tarmak_iam.hook.cluster.journal import Journal, finish_notes, left_by, settle
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.lease import leased
from tarmak_iam.hook.cluster.live_mappings import read_live
from tarmak_iam.hook.cluster.objects import (
    MANAGER,
    Index,
    Object,
    Ref,
    in_batches,
    managed_entries,
    number_of_kind,
    object_digest,
)
from tarmak_iam.hook.cluster.permissions import check_permissions, explained, permissions_of_apply
from tarmak_iam.hook.cluster.rollout import (
    CONFIG_MAP,
    ROLLOUT_SECONDS,
    check_pods,
    note_config_version,
    read_rollout,
    roll_out_and_restart,
    would_be_restarted,
)
from tarmak_iam.hook.cluster.server import Conflict, Server
from tarmak_iam.hook.cluster.update_check import check_changes
from tarmak_iam.hook.programs import Progress, no_progress
from tarmak_iam.installation.installation import Installation
from tarmak_iam.text import brief_list

_MAX_PATHS = 3

_MAX_OBJECTS = 5

_ATTEMPTS = 3

_GONE = object()


class ChangedSince(ToolError):
    """The cluster does not have what was just applied. `refs`: the objects that differ."""

    def __init__(self, found: Sequence[tuple[Ref, str]]) -> None:
        more = f"; and {len(found) - _MAX_OBJECTS} more objects" if len(found) > _MAX_OBJECTS else ""
        super().__init__("; ".join(f"{ref} {what}" for ref, what in found[:_MAX_OBJECTS]) + more)
        self.refs = tuple(ref for ref, _ in found)


def read_back(server: Server, made: Sequence[tuple[Object, Object]], removed: Sequence[Ref] = ()) -> None:
    """Reads the objects again and compares them. `made`: each object as it was wanted, and as the API server returned
    it. Only the wanted fields are compared: the status and fields that other managers add are ignored. `removed` must
    be gone.

    Raises ChangedSince, which names who changed the objects, and ToolError where they cannot be read.
    """
    wanted = [manifest for manifest, _ in made]
    try:
        index = Index(server.read([*wanted, *(ref.stub for ref in removed)]))
    except TarmakIamError as error:
        raise ToolError(f"what was applied could not be read again: {error.what}", remedy=error.remedy) from None
    changed: list[tuple[Ref, str]] = []
    for manifest, became in made:
        ref = Ref.of(manifest)
        live = index.get(ref)
        if live is None:
            changed.append((ref, "was removed by another process after it was applied"))
        elif paths := list(_differing(manifest, became, live, ())):
            shown = ", ".join(map(".".join, paths[:_MAX_PATHS])) + (", ..." if len(paths) > _MAX_PATHS else "")
            changed.append((ref, f"differs from what was applied: {_who(became, live)} changed {shown} afterwards"))
    for ref in removed:
        live = index.get(ref)
        if live is not None and "deletionTimestamp" not in live["metadata"]:
            changed.append((ref, "was created again by another process after it was removed"))
    if changed:
        raise ChangedSince(changed)


def _differing(shape: Any, became: Any, live: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths of fields that `shape` sets and in which the two differ."""
    if isinstance(shape, dict) and isinstance(became, dict) and isinstance(live, dict):
        for key, value in shape.items():
            if str(key).startswith(OWN_ANNOTATIONS):  # never compared: they record when and by which release
                continue
            yield from _differing(value, became.get(key, _GONE), live.get(key, _GONE), (*path, str(key)))
    elif (names := _names(shape)) and _names(became) and _names(live):
        sides = [{each["name"]: each for each in side} for side in (shape, became, live)]
        for name in names:
            wanted, was, now = (side.get(name, _GONE) for side in sides)
            yield from _differing(wanted, was, now, (*path, name))
    elif became != live:
        yield path


def _names(items: Any) -> list[str]:
    """The names of a list's items if each has one, as containers do. Other managers may add items to such a list."""
    if not isinstance(items, list) or not all(isinstance(each, dict) and "name" in each for each in items):
        return []
    names = [str(each["name"]) for each in items]
    return names if len(set(names)) == len(names) else []


def _who(became: Object, live: Object) -> str:
    """By the field managers that the API server records, in Kubernetes 1.16 and later."""
    names = {name for (name, _), _ in _entries(live).items() - _entries(became).items()}
    others = sorted(names - {MANAGER})
    if others:
        return ", ".join(others)
    return f"another run of {MANAGER}" if names else "another process"


def _entries(each: Object) -> dict[tuple[str, str], str]:
    """The last change by each manager."""
    return {
        (str(entry.get("manager", "")), str(entry.get("operation", ""))): f"{entry.get('time')} {entry.get('fieldsV1')}"
        for entry in managed_entries(each)
    }


def apply_to_cluster(
    installation: Installation,
    kubectl: Kubectl,
    state: Path,
    *,
    dry_run: Literal["client", "server"] | None = None,
    force: bool = False,
    wait: float | None = ROLLOUT_SECONDS,
    tell: Progress = no_progress,
    begun: Callable[[], None] = lambda: None,
    within: Boundary | None = None,
) -> Applied:
    """Applies what `manifests` generates. The change is written to the history in the file `state`; no link may lead
    from it out of the boundary `within`. An apply that was interrupted continues under its number.

    Only objects that are managed by tarmak-iam are changed. New objects are created first. Objects that are no longer
    generated are removed last, once the DaemonSet runs. `wait`: how many seconds to wait for that; with None nothing is
    waited for, and they are kept unless the DaemonSet is already rolled out. With `dry_run` nothing is changed:
    `client` only reads, `server` has the API server validate each object. `begun` is called once the change is in the
    history, before the first write: until then `rollback` would undo an earlier apply.

    Raises ConfigError as `manifests` does, and for a file that is not a history. Raises PolicyRefused, with nothing
    changed, for objects or fields of other managers, if the last admin would be lost, and for pods whose node cannot
    run the new ones, unless `force`. Raises FileError, with nothing changed, where the history cannot be written;
    ToolError, also where another run holds the cluster's lease; and ApplyFailed from the first change on.
    """
    with nullcontext(kubectl) if dry_run is not None else leased(kubectl, tell) as held:
        objects = manifests(installation)
        server = Server.of(held)
        is_as_left = left_by(server, state, within)
        if dry_run is None:
            finish_notes(server, state, within)
        with explained(server, objects):
            plan = make_plan(server, objects, ask=dry_run != "client", force=force, is_as_left=is_as_left)
        if wait is None:
            plan = _with_safe_removals(server, plan)
        before, after = read_live(held).loaded(installation), Loaded.of(installation)
        if not force:
            check_admin_access(before, after)
        check = check_pods(server, plan.live)
        warnings = check_changes(server, check, plan.ends, force=force)
        notes = plan.notes
        if installation.kubernetes.minor != server.version.minor:
            generated, live = (".".join(map(str, of.minor)) for of in (installation.kubernetes, server.version))
            what = f"the objects are for Kubernetes {generated}, but the cluster runs {live}"
            notes = (f"{what}: check kubernetesVersion in the settings", *notes)
        foreseen = Applied(plan.changes, notes=notes, effects=effects(before, after))
        if dry_run is not None:
            if dry_run == "server":
                server.validate(objects)
            return replace(foreseen, notes=tuple(dict.fromkeys((*notes, *warnings, *would_be_restarted(check)))))
        check_permissions(held, permissions_of_apply(server, plan, check), tell)
        for warning in warnings:
            tell(f"warning: {warning}")
        return _ApplyRun(server, plan, foreseen, state, force, wait, tell, begun, within).carried_out()


def dry_run_mode(value: str | bool | None) -> Literal["client", "server"] | None:
    """The mode of a dry run: True is "client", False is None. Raises ConfigError for another value."""
    if value is None or value is False:
        return None
    if value is True or value == "client":
        return "client"
    if value == "server":
        return "server"
    raise ConfigError(f"dry_run: {value!r} is not a valid mode", remedy="use 'client' or 'server'")


def _with_safe_removals(server: Server, plan: ApplyPlan) -> ApplyPlan:
    """The plan without removals, if a daemon that still reads these objects may answer logins."""
    daemons = [step for step in plan.steps if step.ref.kind == "DaemonSet"]
    if not plan.removals or all(
        step.action is ObjectAction.UNCHANGED and read_rollout(server.kubectl, step.ref).is_done for step in daemons
    ):
        return plan
    names = brief_list(map(Ref.of, plan.removals))
    note = f"no longer generated, but kept until an apply that waits for the rollout: {names}"
    return replace(plan, removals=(), notes=(*plan.notes, note))


@dataclass
class _ApplyRun:
    """One apply, from the first change on."""

    _server: Server
    _plan: ApplyPlan
    _foreseen: Applied
    _state: Path
    _force: bool
    _wait: float | None
    _tell: Progress
    _on_begin: Callable[[], None]
    _within: Boundary | None
    _done: dict[Ref, ObjectChange] = field(default_factory=dict)
    _made: list[tuple[Object, Object]] = field(default_factory=list)
    _begun: set[Ref] = field(default_factory=set)
    _journal: Journal | None = None

    def carried_out(self) -> Applied:
        if self._plan.is_change:  # the current objects are in the history before the first change
            unsettled = (step for step in self._plan.steps if not is_settled(self._server, step))
            objects = [KeptObject.of(step.live, step.then) for step in unsettled]
            objects += [KeptObject.of(live, None) for live in self._plan.removals]
            self._journal = Journal.begin(self._server, objects, self._state, self._within, self._tell)
            self._on_begin()
        else:
            settle(self._server, self._state, self._within)
        with reporting_failure(self._failure, self._tell):
            for steps in in_batches(self._plan.steps, lambda step: step.wanted, is_of_one_kind=True):
                self._apply(steps)
            if self._journal is not None:
                self._journal.applied()
            made = CONFIG_MAP.among([became for _, became in self._made])
            note_config_version(self._server, CONFIG_MAP.among(self._plan.live), made)
            daemonsets = [step.ref for step in self._plan.steps if step.ref.kind == "DaemonSet"]
            rolled_out = roll_out_and_restart(self._server, daemonsets, self._wait, self._tell)
            for batch in in_batches(self._plan.removals, lambda each: each, is_of_one_kind=True):
                self._remove(batch)
            self._server.wait_until_gone([Ref.of(each) for each in self._plan.removals])
            if self._journal is not None:
                self._journal.close()
            removed = [ref for ref, change in self._done.items() if change.action is ObjectAction.REMOVED]
            read_back(self._server, self._made, removed)
        done = self._applied(rolled_out.is_done)
        notes = tuple(dict.fromkeys((*done.notes, *rolled_out.notes)))
        return replace(done, notes=notes, restarted=rolled_out.restarted)

    def _apply(self, steps: list[ApplyStep]) -> None:
        work: list[ApplyStep] = []
        for step in steps:
            if is_settled(self._server, step):
                self._note(ObjectAction.UNCHANGED, step.ref)
                self._made.append((step.wanted, step.then))
            else:
                work.append(step)
        if not work:
            return
        if any(step.action is not ObjectAction.UNCHANGED for step in work):
            self._tell(f"applying {number_of_kind([step.ref for step in work])}")
        self._begun |= {step.ref for step in work}
        for step, made in zip(work, self._attempt(work), strict=True):
            self._note(replace(step, then=made).action, step.ref, made)
            self._made.append((step.wanted, made))
            if step.ref.kind == CRD:
                wait_until_established(self._server.kubectl, step.ref)
        if self._journal is not None:
            self._journal.save()

    def _attempt(self, steps: list[ApplyStep]) -> list[dict[str, object]]:
        pairs = [step.pair for step in steps]
        for _ in range(_ATTEMPTS):
            try:
                return self._server.apply(pairs, force=self._force)
            except Conflict:  # perhaps with a change made in between, as of the status: read the objects again
                found = Index(self._server.read([step.wanted for step in steps]))
                pairs = [(step.wanted, found.get(step.ref)) for step in steps]
        return self._server.apply(pairs, force=self._force)

    def _remove(self, batch: list[Object]) -> None:
        """Removes objects of one kind."""
        refs = []
        for each in batch:
            ref = Ref.of(each)
            if ref.kind == CRD and self._server.others(each):  # created during the rollout
                self._tell(f"note: kept {ref}: it has objects that are not managed by {MANAGER}")
                self._note(ObjectAction.UNCHANGED, ref)
            else:
                refs.append(ref)
        if not refs:
            return
        self._tell(f"removing {number_of_kind(refs)}")
        self._begun |= set(refs)
        self._server.remove(*refs)
        for ref in refs:
            self._note(ObjectAction.REMOVED, ref)
        if self._journal is not None:
            self._journal.save()

    def _failure(self, error: TarmakIamError) -> ApplyFailed:
        steps = [(step.ref, step.live, step.action) for step in self._plan.steps]
        steps += [(Ref.of(each), each, ObjectAction.REMOVED) for each in self._plan.removals]
        unknown, left, answers = list[Ref](), list[Ref](), True
        for ref, live, action in steps:
            if ref in self._done:
                continue
            if ref not in self._begun:
                left.append(ref)
                continue
            # An API server that does not answer for one object is not asked for the next.
            became = self._outcome_of(ref, live, action) if answers else None
            answers = became is not None
            if became is ObjectAction.UNCHANGED and not self._server.kubectl.on_its_way:
                left.append(ref)
            elif became in (None, ObjectAction.UNCHANGED):
                unknown.append(ref)
            else:
                self._note(became, ref)
        return ApplyFailed(error, self._applied(None), tuple(left), tuple(unknown))

    def _outcome_of(self, ref: Ref, live: Object | None, action: ObjectAction) -> ObjectAction | None:
        """What happened to an object whose call did not return; None if that is unknown."""
        at_once = replace(self._server, kubectl=replace(self._server.kubectl, patience=0.0))
        try:
            found = at_once.read([ref.stub])
        except TarmakIamError:
            return None
        is_as_it_was = (object_digest(found[0]) if found else None) == (object_digest(live) if live else None)
        return ObjectAction.UNCHANGED if is_as_it_was else action

    def _applied(self, rolled_out: bool | None) -> Applied:
        state = None if self._journal is None else self._state
        return replace(self._foreseen, changes=tuple(self._done.values()), state=state, rolled_out=rolled_out)

    def _note(self, action: ObjectAction, ref: Ref, made: Object | None = None) -> None:
        """`made` is the object as the API server returned it."""
        self._done[ref] = ObjectChange.of(action, ref)
        if self._journal is not None and (made is not None or action is ObjectAction.REMOVED):
            self._journal.note(ref, made)
