"""Plans an apply before anything is changed: what would become of each object, and as a diff which objects and whose
access would change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tarmak_iam.access.diff import Effect, Loaded, effects
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit import manifests
from tarmak_iam.emit.kubernetes_objects import in_apply_order
from tarmak_iam.errors import PolicyRefused
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.hook.cluster.history import STATE_NAME, History, history_if_readable, left_by
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.live_mappings import UnboundGroup, bound_groups, read_live, unbound_groups
from tarmak_iam.hook.cluster.object_fields import Path, edited_fields, lost_fields, overlaid, shortly
from tarmak_iam.hook.cluster.objects import (
    CRD,
    MANAGER,
    Index,
    Object,
    Ref,
    comparable,
    fitted,
    is_applied,
    is_ours,
    labels_of,
    last_applied,
    managed_entries,
    without_server_fields,
)
from tarmak_iam.hook.cluster.pods import DAEMONSET, StalePod, check_pods
from tarmak_iam.hook.cluster.results import ObjectAction, ObjectChange, Step, action_on
from tarmak_iam.hook.cluster.rollout import check_update
from tarmak_iam.hook.cluster.server import Conflict, Pair, Server, is_being_deleted
from tarmak_iam.installation.installation import Installation
from tarmak_iam.text import brief_list


class ApplyPlan(NamedTuple):
    """`steps` in apply order, then the removals of live objects that are managed by tarmak-iam and no longer generated,
    in their order."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def live(self) -> list[Object]:
        return [step.live for step in self.steps if step.live is not None]

    @property
    def is_change(self) -> bool:
        return any(step.action is not ObjectAction.UNCHANGED for step in self.steps)


IsAsLeft = Callable[[Object], bool]
"""Whether a live object is as the newest change in a history left it."""


def make_plan(
    server: Server,
    objects: Sequence[Object],
    *,
    ask: bool = True,
    force: bool = False,
    is_as_left: IsAsLeft = lambda _: False,
) -> ApplyPlan:
    """`ask`: whether the API server computes what each object would become (a server-side dry run); else this module
    merges the objects itself. `is_as_left` helps where the API server does not record who set a field.

    Unless `force`, raises PolicyRefused for objects that are not managed by tarmak-iam, and for applied fields that
    another manager has set or removed. Raises ToolError.
    """
    for _ in range(2):  # a conflict may come from a change made in between: the objects are read again
        try:
            return _plan_once(server, objects, ask=ask, force=force, is_as_left=is_as_left)
        except Conflict as conflict:
            refused = conflict
    raise PolicyRefused(f"{refused.what}; nothing was changed", remedy=refused.remedy)


def _plan_once(server: Server, objects: Sequence[Object], *, ask: bool, force: bool, is_as_left: IsAsLeft) -> ApplyPlan:
    live_objects = server.read(objects)
    if being_deleted := [Ref.of(live) for live in live_objects if is_being_deleted(live)]:
        server.wait_until_gone(being_deleted)
        live_objects = server.read(objects)
    index = Index(live_objects)
    pairs: list[Pair] = [(fitted(wanted, live), live) for wanted in objects for live in [index.get(Ref.of(wanted))]]
    unmanaged = [_shown(live) for _, live in pairs if live is not None and not is_ours(live)]
    if unmanaged and not force:
        verb = ("exists and is" if len(unmanaged) == 1 else "exist and are") + f" not managed by {MANAGER}"
        raise PolicyRefused(
            f"{', '.join(unmanaged)} {verb}; nothing was changed",
            remedy=f"use --force to take over the fields that {MANAGER} sets; rollback restores them",
        )
    if ask:
        then = server.dry_run(pairs, force=force)
    else:
        then = [
            wanted if live is None else overlaid(without_server_fields(live), wanted, None) for wanted, live in pairs
        ]
    steps = []
    for (wanted, live), after in zip(pairs, then, strict=True):
        action = action_on(live, after)
        # Its fields must be recorded under our field manager.
        is_recorded = not server.is_server_side or (live is not None and is_applied(live))
        is_settled = action is ObjectAction.UNCHANGED and is_recorded
        steps.append(Step(Ref.of(wanted), action, live, after, is_settled, wanted))
    if not force:
        _refuse_edited(server, steps, is_as_left)
    removals, notes = _removals(server, objects)
    return ApplyPlan((*steps, *removals), notes)


def _refuse_edited(server: Server, steps: Sequence[Step], is_as_left: IsAsLeft) -> None:
    """Refuses what the API server does not report as a conflict: removed fields, and below 1.16 every change."""
    has_managers = server.is_server_side
    refused: list[tuple[Step, tuple[Path, ...]]] = []
    for step in steps:
        if step.live is not None and step.then is not None and step.action is not ObjectAction.UNCHANGED:
            live, then = step.live, step.then
            edited = lost_fields(live, step.wanted, then) if has_managers else edited_fields(live, then)
            if edited and not is_as_left(step.live):
                refused.append((step, edited))
    if refused:
        named = brief_list(f"{step.ref} ({shortly(edited)})" for step, edited in refused)
        verb, them = ("was", "it was") if len(refused) == 1 else ("were", "they were")
        why = "fields were removed" if has_managers else "this Kubernetes version does not record who changed it"
        raise PolicyRefused(
            f"{named} {verb} changed since {them} applied ({why}); nothing was changed",
            remedy="add the change to the mappings or settings, or overwrite these fields with --force",
        )


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
    gone: list[Object] = []
    notes: list[str] = []
    generated = Index(objects)
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


_HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class ObjectDiff:
    """What would change in one object. `text` is a unified diff of the object as YAML, without the fields that the API
    server sets. The values of a Secret are hidden."""

    change: ObjectChange
    text: str


@dataclass(frozen=True, slots=True)
class LiveDiff:
    """How the generated objects differ from those in the cluster.

    `objects`: those that would change. `effects`: how the access of principals would change, compared with what the
    cluster's authenticator grants now. `unbound`: groups without a binding. `stale_pods`: pods that run another
    configuration than the cluster's objects. `missing_pods`: the number of nodes without a pod. `notes`: remarks, one
    line each.
    """

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
    """Changes nothing. From Kubernetes 1.16 on, the API server computes what each object would become.

    What apply would refuse without `force` is shown as with `force`, with a note. Raises ConfigError as `manifests`
    does, and ToolError.
    """
    objects = manifests(installation)
    server = Server.of(kubectl)
    home = installation.home
    within = None if home is None else Boundary(home.parent, installation.follow_links)
    history = History() if home is None else history_if_readable(home / STATE_NAME, within)
    notes: list[str] = []
    try:
        plan = make_plan(server, objects, is_as_left=left_by(server, history))
    except PolicyRefused as error:
        plan = make_plan(server, objects, force=True)
        notes.append(_refusal(error))
    after = Loaded.of(installation)
    pods = check_pods(server, plan.live)
    try:
        notes += check_update(server, pods, plan.steps)[0]
    except PolicyRefused as error:
        notes.append(_refusal(error))
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


def _refusal(error: PolicyRefused) -> str:
    return f"apply would refuse this: {error.message}"


def object_diff(before: Object | None, after: Object | None) -> str:
    """A unified diff of one object as YAML. None stands for an object that does not exist."""
    old, new = (None if state is None else comparable(state) for state in (before, after))
    if old is not None and old.get("kind") == "Secret":
        old, new = _masked(old, {}), new and _masked(new, old)
    elif new is not None and new.get("kind") == "Secret":
        new = _masked(new, {})
    # Sorted, so that the order of keys makes no difference.
    in_order: list[Any] = [json.loads(json.dumps(state, sort_keys=True)) for state in (old, new)]
    old_text, new_text = ("" if state is None else yaml_bytes(state).decode() for state in in_order)
    return unified_diff(old_text, new_text, str(Ref.of(after or before or {})))


def _masked(secret: Object, other: Object) -> Object:
    """A Secret with hidden values; a value that differs from that of the other Secret is marked."""
    masked = dict(secret)
    for key in ("data", "stringData"):
        values, others = secret.get(key), other.get(key) or {}
        if isinstance(values, dict):
            masked[key] = {
                name: f"{_HIDDEN}, changed" if name in others and others[name] != value else _HIDDEN
                for name, value in values.items()
            }
    return masked
