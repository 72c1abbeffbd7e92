"""What an apply would change in a cluster: objects as text, and who would gain and lose what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tarmak_iam.document.boundary import Boundary
from tarmak_iam.document.textdiff import unified_diff
from tarmak_iam.effects import Effect, Loaded, effects
from tarmak_iam.emit import manifests
from tarmak_iam.emit.artifact import yaml_bytes
from tarmak_iam.errors import EditRefused
from tarmak_iam.hook.cluster.bindings import UnboundGroup, bound_groups, unbound_groups
from tarmak_iam.hook.cluster.changes import Action, Change
from tarmak_iam.hook.cluster.history import STATE_NAME
from tarmak_iam.hook.cluster.journal import left_by
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.mappings import read_live
from tarmak_iam.hook.cluster.objects import Object, Ref, meant
from tarmak_iam.hook.cluster.plan import Left, Plan, make_plan
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.cluster.stale_pods import DAEMONSET, PodCheck, StalePod, check_pods
from tarmak_iam.hook.cluster.update_check import check_changes
from tarmak_iam.installation import Installation

__all__ = ["LiveDiff", "ObjectDiff", "live_diff", "object_diff"]

_HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class ObjectDiff:
    """`text` is a unified diff of the object as YAML, without what the API server keeps in it; a Secret's values are
    not shown."""

    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class LiveDiff:
    """`objects` that would change, `effects` on principals against what the cluster's daemon gives now, groups that
    nobody has bound, pods that do not run what the cluster's objects say, and on how many nodes there is no pod yet."""

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
        """Of pods that the controller still has to make, as a line."""
        return f"{DAEMONSET}: {self.missing_pods} of its nodes {'has' if self.missing_pods == 1 else 'have'} no pod yet"


def live_diff(installation: Installation, kubectl: Kubectl) -> LiveDiff:
    """Changes nothing; the API server is asked what would become of each object, where it can be (1.16).

    Raises ConfigError as `manifests` does, and ToolError. What apply would refuse to touch without `force` is shown
    as with it, and noted.
    """
    objects = manifests(installation)
    server = Server.of(kubectl)
    plan, refused = _planned(server, objects, _left(server, installation))
    after = Loaded.of(installation)
    pods = check_pods(server, plan.live)
    notes = (*refused, *_about_pods(server, plan, pods))
    bindings = [*server.all_of("rolebindings,clusterrolebindings"), *objects]
    return LiveDiff(
        objects=_diffs(plan),
        effects=effects(read_live(kubectl).loaded(installation), after),
        unbound=unbound_groups(after.standings.grants, bound_groups(bindings)),
        notes=tuple(dict.fromkeys((*notes, *plan.notes, *pods.notes, *_not_begun(pods)))),
        stale_pods=pods.stale,
        missing_pods=pods.missing,
    )


def _left(server: Server, installation: Installation) -> Left:
    home = installation.home
    if home is None:
        return lambda _: False
    return left_by(server, home / STATE_NAME, Boundary(home.parent, installation.follow_links))


def _planned(server: Server, objects: list[Object], left: Left) -> tuple[Plan, tuple[str, ...]]:
    try:
        return make_plan(server, objects, left=left), ()
    except EditRefused as error:
        return make_plan(server, objects, force=True), (_refusal(error),)


def _about_pods(server: Server, plan: Plan, pods: PodCheck) -> tuple[str, ...]:
    try:
        return check_changes(server, pods, plan.ends)
    except EditRefused as error:
        return (_refusal(error),)


def _not_begun(pods: PodCheck) -> Iterator[str]:
    if not pods.is_seen:
        yield f"{DAEMONSET}: the cluster has not begun to roll it out"


def _refusal(error: EditRefused) -> str:
    return f"apply would refuse this: {error.message}"


def _diffs(plan: Plan) -> tuple[ObjectDiff, ...]:
    changed = [
        ObjectDiff(Change.of(step.action, step.ref), object_diff(step.live, step.then))
        for step in plan.steps
        if step.action is not Action.UNCHANGED
    ]
    gone = [ObjectDiff(Change.of(Action.REMOVED, Ref.of(each)), object_diff(each, None)) for each in plan.removals]
    return (*changed, *gone)


def object_diff(before: Object | None, after: Object | None) -> str:
    """Of one object as YAML; None where there is none."""
    ref = Ref.of(after or before or {})
    return unified_diff(*_texts(before, after), str(ref))


def _texts(before: Object | None, after: Object | None) -> tuple[str, str]:
    old, new = (None if each is None else meant(each) for each in (before, after))
    if old is not None and old.get("kind") == "Secret":
        old, new = _masked(old, {}), new and _masked(new, old)
    elif new is not None and new.get("kind") == "Secret":
        new = _masked(new, {})
    return _text(old), _text(new)


def _text(each: Object | None) -> str:
    if each is None:
        return ""
    # In one order, whoever made it.
    in_order: Any = json.loads(json.dumps(each, sort_keys=True))
    return yaml_bytes(in_order).decode()


def _masked(secret: Object, other: Object) -> Object:
    """A Secret whose values are hidden; those that differ from another's are shown to."""
    masked = dict(secret)
    for key in ("data", "stringData"):
        values, others = secret.get(key), other.get(key) or {}
        if isinstance(values, dict):
            masked[key] = {
                name: f"{_HIDDEN}, another one" if name in others and others[name] != value else _HIDDEN
                for name, value in values.items()
            }
    return masked
