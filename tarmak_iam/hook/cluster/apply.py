"""Applies an installation to a cluster: plans what would become of each object, also as a diff; writes the plan to the
history; makes the changes; and reads the objects again at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from tarmak_iam.access.diff import Effect, Loaded, effects
from tarmak_iam.access.lockout import check_admin_access
from tarmak_iam.emit import manifests
from tarmak_iam.emit.kubernetes_objects import in_apply_order
from tarmak_iam.errors import ConfigError, PolicyRefused, TarmakIamError, ToolError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.hook.cluster.history import (
    STATE_NAME,
    History,
    Journal,
    Snapshot,
    finish_notes,
    history_if_readable,
    left_by,
)
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.lease import leased
from tarmak_iam.hook.cluster.live_mappings import UnboundGroup, bound_groups, read_live, unbound_groups
from tarmak_iam.hook.cluster.object_fields import (
    MISSING,
    FieldPath,
    edited_fields,
    fields,
    is_bookkeeping,
    lost_fields,
    object_diff,
    overlaid,
    shortly,
)
from tarmak_iam.hook.cluster.objects import (
    CRD,
    MANAGER,
    Index,
    Object,
    Ref,
    fitted,
    in_batches,
    is_applied,
    is_ours,
    labels_of,
    last_applied,
    managed_entries,
    without_server_fields,
)
from tarmak_iam.hook.cluster.pods import CONFIG_MAP, DAEMONSET, StalePod, check_pods, read_rollout
from tarmak_iam.hook.cluster.results import (
    Applied,
    ApplyFailed,
    ObjectAction,
    ObjectChange,
    Step,
    Writes,
    action_on,
    rehearse,
)
from tarmak_iam.hook.cluster.rollout import (
    ROLLOUT_SECONDS,
    check_update,
    note_config_version,
    roll_out_and_restart,
    would_be_restarted,
)
from tarmak_iam.hook.cluster.server import Conflict, Pair, Server, is_being_deleted
from tarmak_iam.hook.programs import Progress, no_progress
from tarmak_iam.installation.installation import Installation
from tarmak_iam.text import brief_list

_NO_HISTORY = History()


class ApplyPlan(NamedTuple):
    """`steps` in apply order, then removals of live objects that tarmak-iam manages and no longer generates."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def live(self) -> list[Object]:
        return [step.live for step in self.steps if step.live is not None]

    @property
    def is_change(self) -> bool:
        return any(step.action is not ObjectAction.UNCHANGED for step in self.steps)


def make_plan(
    server: Server,
    objects: Sequence[Object],
    *,
    ask: bool = True,
    force: bool = False,
    history: History = _NO_HISTORY,
) -> ApplyPlan:
    """`ask`: whether the API server computes what each object would become (a server-side dry run); else this module
    merges the objects itself. `history` helps where the API server does not record who set a field.

    Unless `force`, raises PolicyRefused for objects that are not managed by tarmak-iam, and for applied fields that
    another manager has set or removed. Raises ToolError.
    """
    for _ in range(2):  # a conflict may come from a change made in between: the objects are read again
        try:
            return _plan_once(server, objects, history, ask=ask, force=force)
        except Conflict as conflict:
            refused = conflict
    raise PolicyRefused(f"{refused.what}; nothing was changed", remedy=refused.remedy)


def _plan_once(server: Server, objects: Sequence[Object], history: History, *, ask: bool, force: bool) -> ApplyPlan:
    live_objects = server.read(objects)
    if being_deleted := [Ref.of(live) for live in live_objects if is_being_deleted(live)]:
        server.wait_until_gone(being_deleted)
        live_objects = server.read(objects)
    index = Index(live_objects)
    pairs: list[Pair] = [(fitted(wanted, live), live) for wanted in objects for live in [index.get(Ref.of(wanted))]]
    unmanaged = [_shown(live) for _, live in pairs if live is not None and not is_ours(live)]
    if unmanaged and not force:
        verb = ("exists and is" if len(unmanaged) == 1 else "exist and are") + f" not managed by {MANAGER}"
        remedy = f"use --force to take over the fields that {MANAGER} sets; rollback restores them"
        raise PolicyRefused(f"{', '.join(unmanaged)} {verb}; nothing was changed", remedy=remedy)
    merged = [wanted if live is None else overlaid(without_server_fields(live), wanted) for wanted, live in pairs]
    then = server.dry_run(pairs, force=force) if ask else merged
    steps = []
    for (wanted, live), after in zip(pairs, then, strict=True):
        action = action_on(live, after)
        # Its fields must be recorded under our field manager.
        is_recorded = not server.is_server_side or (live is not None and is_applied(live))
        is_settled = action is ObjectAction.UNCHANGED and is_recorded
        steps.append(Step(Ref.of(wanted), action, live, after, is_settled, wanted))
    if not force:
        _refuse_edited(server, steps, history)
    removals, notes = _removals(server, objects)
    return ApplyPlan((*steps, *removals), notes)


def _refuse_edited(server: Server, steps: Sequence[Step], history: History) -> None:
    """Refuses what the API server does not report as a conflict: removed fields, and below 1.16 every change."""
    has_managers, is_as_left = server.is_server_side, left_by(server, history)
    refused: list[tuple[Step, tuple[FieldPath, ...]]] = []
    for step in steps:
        live, then = step.live, step.then
        if live is not None and then is not None and step.action is not ObjectAction.UNCHANGED:
            edited = lost_fields(live, step.wanted, then) if has_managers else edited_fields(live, then)
            if edited and not is_as_left(live):
                refused.append((step, edited))
    if refused:
        named = brief_list(f"{step.ref} ({shortly(edited)})" for step, edited in refused)
        verb, them = ("was", "it was") if len(refused) == 1 else ("were", "they were")
        why = "fields were removed" if has_managers else "this Kubernetes version does not record who changed it"
        remedy = "add the change to the mappings or settings, or overwrite these fields with --force"
        raise PolicyRefused(f"{named} {verb} changed since {them} applied ({why}); nothing was changed", remedy=remedy)


def _shown(live: Object) -> str:
    """Which object it is, and what is known of who created it."""
    who = dict.fromkeys(str(entry.get("manager", "")) for entry in managed_entries(live))
    labels = ", ".join(f"{key}={value}" for key, value in labels_of(live).items())
    created = (live.get("metadata") or {}).get("creationTimestamp")
    details = [f"set by {', '.join(who)}"] if who else []
    details += ["applied with kubectl"] if not who and last_applied(live) is not None else []
    details += [f"labels {labels}" if labels else "without labels"]
    details += [f"created {created}"] if not who and created else []
    return f"{Ref.of(live)} ({', '.join(details)})"


def _removals(server: Server, objects: Sequence[Object]) -> tuple[list[Step], tuple[str, ...]]:
    """The objects that are no longer generated, in reverse apply order; and notes about those that are kept."""
    gone, notes, generated = list[Object](), list[str](), Index(objects)
    for live in server.ours():
        ref = Ref.of(live)
        if generated.get(ref) is not None:
            continue
        others = server.others(live) if ref.kind == CRD else 0
        if others:
            notes.append(f"kept {ref}: {others} of its objects are not managed by {MANAGER}")
        else:
            gone.append(live)
    removals = [Step(Ref.of(live), ObjectAction.REMOVED, live, None) for live in reversed(in_apply_order(gone))]
    return removals, tuple(notes)


@dataclass(frozen=True, slots=True)
class ObjectDiff:
    """What would change in one object. `text`: a unified diff as YAML, without fields of the API server and secrets."""

    change: ObjectChange
    text: str


@dataclass(frozen=True, slots=True)
class LiveDiff:
    """How the generated objects differ from those in the cluster: `objects` that would change, `effects` on the access
    of principals, `unbound` groups without a binding, `stale_pods` that run another configuration, the number of nodes
    without a pod (`missing_pods`), and `notes` of one line each."""

    objects: tuple[ObjectDiff, ...]
    effects: tuple[Effect, ...]
    unbound: tuple[UnboundGroup, ...]
    notes: tuple[str, ...] = ()
    stale_pods: tuple[StalePod, ...] = ()
    missing_pods: int = 0

    @property
    def changed(self) -> bool:
        return bool(self.objects or self.effects or self.stale_pods or self.missing_pods)

    @property
    def missing_text(self) -> str:
        """One line about pods that the controller has yet to create."""
        return f"{DAEMONSET}: {self.missing_pods} of its nodes {'has' if self.missing_pods == 1 else 'have'} no pod yet"


def live_diff(installation: Installation, kubectl: Kubectl) -> LiveDiff:
    """Changes nothing. What apply would refuse without `force` is shown as with `force`, with a note. Raises
    ConfigError as `manifests` does, and ToolError."""
    objects, server, home = manifests(installation), Server.of(kubectl), installation.home
    within = None if home is None else Boundary(home.parent, installation.follow_links)
    history = _NO_HISTORY if home is None else history_if_readable(home / STATE_NAME, within)
    notes: list[str] = []
    try:
        plan = make_plan(server, objects, history=history)
    except PolicyRefused as error:
        plan = make_plan(server, objects, force=True)
        notes.append(f"apply would refuse this: {error.message}")
    after = Loaded.of(installation)
    pods = check_pods(server, plan.live)
    try:
        notes += check_update(server, pods, plan.steps)[0]
    except PolicyRefused as error:
        notes.append(f"apply would refuse this: {error.message}")
    notes += (*plan.notes, *pods.notes)
    if not pods.is_seen:
        notes.append(f"{DAEMONSET}: the rollout has not started")
    changed = [step for step in plan.steps if step.action is not ObjectAction.UNCHANGED]
    bindings = [*server.all_of("rolebindings,clusterrolebindings"), *objects]
    return LiveDiff(
        objects=tuple(ObjectDiff(step.change, object_diff(step.live, step.then)) for step in changed),
        effects=effects(read_live(kubectl).loaded(installation), after),
        unbound=unbound_groups(after.standings.grants, bound_groups(bindings)),
        notes=tuple(dict.fromkeys(notes)),
        stale_pods=pods.stale,
        missing_pods=pods.missing,
    )


_MAX_OBJECTS = 5
_ATTEMPTS = 4


def read_back(server: Server, made: Sequence[tuple[Object, Object]], removed: Sequence[Ref] = ()) -> None:
    """Reads the objects again and compares them. `made`: each as it was wanted, and as the API server returned it. Only
    wanted fields are compared. `removed` must be gone. Raises ToolError, which names who changed the objects."""
    wanted = [manifest for manifest, _ in made]
    try:
        index = Index(server.read([*wanted, *(ref.stub for ref in removed)]))
    except TarmakIamError as error:
        raise ToolError(f"the applied objects could not be read again: {error.what}", remedy=error.remedy) from None
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
    """Applies what `manifests` generates, and writes the change to the history in the file `state`, from which no link
    may lead out of the boundary `within`. An apply that was interrupted continues under its number.

    Only objects that tarmak-iam manages are changed. Those that are no longer generated are removed last, once the
    DaemonSet runs: `wait` is how many seconds to wait for that; with None they are kept unless it is rolled out. With
    `dry_run` nothing is changed: `client` only reads, `server` has the API server validate each object. `begun` is
    called once the change is in the history: until then `rollback` would undo an earlier apply.

    Raises ConfigError as `manifests` does, and for a file that is not a history. Raises PolicyRefused, with nothing
    changed, for objects or fields of other managers, if the last admin would be lost, and for pods whose node cannot
    run the new ones, unless `force`; FileError where the history cannot be written; ToolError, also where another run
    holds the lease; and ApplyFailed from the first change on.
    """
    with nullcontext(kubectl) if dry_run is not None else leased(kubectl, tell) as held:
        objects = manifests(installation)
        server = Server.of(held)
        history = history_if_readable(state, within)
        if dry_run is None:
            finish_notes(server, history)
        plan = make_plan(server, objects, ask=dry_run != "client", force=force, history=history)
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
    if value not in (True, "client", "server"):
        raise ConfigError(f"dry_run: {value!r} is not a valid mode", remedy="use 'client' or 'server'")
    return "server" if value == "server" else "client"


def _with_safe_removals(server: Server, plan: ApplyPlan) -> ApplyPlan:
    """The plan without removals, if an authenticator that still reads these objects may answer logins."""
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

    made, removed = list[tuple[Object, Object]](), list[Ref]()
    with writes.reporting(
        lambda error, left, unknown: ApplyFailed(error, replace(foreseen, changes=writes.changes), left, unknown)
    ):
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
