"""Applies an installation to a cluster: plans all changes, writes them to the history, makes them, and reads the
objects again at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Literal

from tarmak_iam.access.diff import Loaded, effects
from tarmak_iam.access.lockout import check_admin_access
from tarmak_iam.emit import manifests
from tarmak_iam.errors import ConfigError, TarmakIamError, ToolError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.hook.cluster.apply_plan import ApplyPlan, make_plan
from tarmak_iam.hook.cluster.history import Journal, Snapshot, finish_notes, history_if_readable, left_by
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.lease import leased
from tarmak_iam.hook.cluster.live_mappings import read_live
from tarmak_iam.hook.cluster.object_fields import MISSING, fields, is_bookkeeping, shortly
from tarmak_iam.hook.cluster.objects import CRD, MANAGER, Index, Object, Ref, in_batches, managed_entries
from tarmak_iam.hook.cluster.pods import CONFIG_MAP, check_pods, read_rollout
from tarmak_iam.hook.cluster.results import Applied, ApplyFailed, ObjectAction, Step, action_on
from tarmak_iam.hook.cluster.rollout import (
    ROLLOUT_SECONDS,
    check_update,
    note_config_version,
    roll_out_and_restart,
    would_be_restarted,
)
from tarmak_iam.hook.cluster.server import Conflict, Server
from tarmak_iam.hook.cluster.writes import Writes, rehearse
from tarmak_iam.hook.programs import Progress, no_progress
from tarmak_iam.installation.installation import Installation
from tarmak_iam.text import brief_list

_MAX_OBJECTS = 5
_ATTEMPTS = 4


def read_back(server: Server, made: Sequence[tuple[Object, Object]], removed: Sequence[Ref] = ()) -> None:
    """Reads the objects again and compares them. `made`: each object as it was wanted, and as the API server returned
    it. Only the wanted fields are compared: the status and fields that other managers add are ignored. `removed` must
    be gone.

    Raises ToolError, which names who changed the objects, also where they cannot be read.
    """
    wanted = [manifest for manifest, _ in made]
    try:
        index = Index(server.read([*wanted, *(ref.stub for ref in removed)]))
    except TarmakIamError as error:
        raise ToolError(f"what was applied could not be read again: {error.what}", remedy=error.remedy) from None
    changed: list[str] = []
    for manifest, became in made:
        ref = Ref.of(manifest)
        live = index.get(ref)
        if live is None:
            changed.append(f"{ref} was removed by another process after it was applied")
            continue
        sides = fields(manifest, became, live)
        paths = [path for path, (mine, was, now) in sides if mine is not MISSING and was != now]
        if paths := [path for path in paths if not is_bookkeeping(path)]:
            what = f"differs from what was applied: {_who(became, live)} changed {shortly(paths)} afterwards"
            changed.append(f"{ref} {what}")
    for ref in removed:
        live = index.get(ref)
        if live is not None and "deletionTimestamp" not in live["metadata"]:
            changed.append(f"{ref} was created again by another process after it was removed")
    if changed:
        more = [f"and {len(changed) - _MAX_OBJECTS} more objects"] if len(changed) > _MAX_OBJECTS else []
        raise ToolError("; ".join(changed[:_MAX_OBJECTS] + more))


def _who(became: Object, live: Object) -> str:
    """By the field managers that the API server records, in Kubernetes 1.16 and later."""
    before = [(entry.get("manager"), entry.get("time"), entry.get("fieldsV1")) for entry in managed_entries(became)]
    after = [(entry.get("manager"), entry.get("time"), entry.get("fieldsV1")) for entry in managed_entries(live)]
    names = {str(entry[0]) for entry in after if entry not in before}
    if others := sorted(names - {MANAGER}):
        return ", ".join(others)
    return f"another run of {MANAGER}" if names else "another process"


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
        history = history_if_readable(state, within)
        if dry_run is None:
            finish_notes(server, history)
        is_as_left = left_by(server, history)
        plan = make_plan(server, objects, ask=dry_run != "client", force=force, is_as_left=is_as_left)
        if wait is None:
            plan = _with_safe_removals(server, plan)
        before, after = read_live(held).loaded(installation), Loaded.of(installation)
        if not force:
            check_admin_access(before, after)
        check = check_pods(server, plan.live)
        warnings, restarts = check_update(server, check, plan.steps, force=force)
        notes = plan.notes
        if installation.kubernetes.minor != server.version.minor:
            generated, live = (".".join(map(str, of.minor)) for of in (installation.kubernetes, server.version))
            what = f"the objects are for Kubernetes {generated}, but the cluster runs {live}"
            notes = (f"{what}: check kubernetesVersion in the settings", *notes)
        foreseen = Applied(tuple(step.change for step in plan.steps), notes=notes, effects=effects(before, after))
        if dry_run != "client":
            # Server-side, the plan is what the API server answered, except for removals.
            untried = [step for step in plan.steps if step.then is None or not server.is_server_side]
            rehearse(server, [*untried, *restarts], tell)
        if dry_run is not None:
            return replace(foreseen, notes=tuple(dict.fromkeys((*notes, *warnings, *would_be_restarted(check)))))
        for warning in warnings:
            tell(f"warning: {warning}")
        return _carry_out(server, plan, foreseen, state, within, force, wait, tell, begun)


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
    removals = [step.ref for step in plan.steps if step.then is None]
    if not removals or all(
        step.action is ObjectAction.UNCHANGED and read_rollout(server.kubectl, step.ref).is_done for step in daemons
    ):
        return plan
    note = f"no longer generated, but kept until an apply that waits for the rollout: {brief_list(removals)}"
    return ApplyPlan(tuple(step for step in plan.steps if step.then is not None), (*plan.notes, note))


def _carry_out(
    server: Server,
    plan: ApplyPlan,
    foreseen: Applied,
    state: Path,
    within: Boundary | None,
    force: bool,
    wait: float | None,
    tell: Progress,
    begun: Callable[[], None],
) -> Applied:
    """From the first change on."""
    steps, writes, snapshots = plan.steps, Writes(server, plan.steps, tell), list[Snapshot]()
    if plan.is_change:  # the current objects are in the history before the first change
        snapshots += (Snapshot.of(step.live, step.then) for step in steps if not step.is_settled)
        foreseen = replace(foreseen, state=state)
    journal = Journal.begin(server, snapshots, state, within, tell)
    if plan.is_change:
        begun()

    def failure(error: TarmakIamError) -> ApplyFailed:
        left, unknown = writes.left()
        return ApplyFailed(error, replace(foreseen, changes=writes.changes), left, unknown)

    made, removed = list[tuple[Object, Object]](), list[Ref]()
    with writes.reporting(failure):
        for batch in in_batches((step for step in steps if step.then), lambda step: step.wanted, is_of_one_kind=True):
            made += _apply(batch, writes, journal, force=force)
        journal.applied()
        now = CONFIG_MAP.among([became for _, became in made])
        note_config_version(server, CONFIG_MAP.among(plan.live), now)
        daemonsets = [step.ref for step in steps if step.ref.kind == "DaemonSet" and step.then is not None]
        rolled_out = roll_out_and_restart(server, daemonsets, wait, tell)
        removals = [step for step in steps if step.then is None]
        for refs in writes.remove(removals):
            removed += refs
            journal.save((ref, None) for ref in refs)
        server.wait_until_gone([step.ref for step in removals])
        journal.close()
        read_back(server, made, removed)
    notes = tuple(dict.fromkeys((*foreseen.notes, *rolled_out.notes)))
    done, restarted = rolled_out.is_done, rolled_out.restarted
    return replace(foreseen, changes=writes.changes, rolled_out=done, notes=notes, restarted=restarted)


def _apply(steps: list[Step], writes: Writes, journal: Journal, *, force: bool) -> list[tuple[Object, Object]]:
    """Applies objects of one kind. Returns each as it was wanted, and as the API server returned it."""
    server, work = writes.server, [step for step in steps if not step.is_settled]
    for step in steps:
        if step.is_settled:
            writes.note(ObjectAction.UNCHANGED, step.ref)
    if any(step.action is not ObjectAction.UNCHANGED for step in work):
        writes.begin("applying", [step.ref for step in work])
    writes.begun.update(step.ref for step in work)
    pairs = [(step.wanted, step.live) for step in work]
    for attempt in range(_ATTEMPTS):
        try:
            made = server.apply(pairs, force=force) if work else []
            break
        except Conflict:  # perhaps with a change made in between, as of the status: read the objects again
            if attempt == _ATTEMPTS - 1:
                raise
            index = Index(server.read([step.wanted for step in work]))
            pairs = [(step.wanted, index.get(step.ref)) for step in work]
    for step, became in zip(work, made, strict=True):
        writes.note(action_on(step.live, became), step.ref)
        if step.ref.kind == CRD:
            server.wait_until_established(step.ref)
    if work:
        journal.save((step.ref, became) for step, became in zip(work, made, strict=True))
    unchanged = [(step.wanted, step.then or {}) for step in steps if step.is_settled]
    return [*unchanged, *((step.wanted, became) for step, became in zip(work, made, strict=True))]
