"""What is done to the objects of a cluster: read, tried, applied, put back, taken away."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tarmak_iam.config.versions import GoVersion
from tarmak_iam.errors import EditRefused, ToolError
from tarmak_iam.hook.cluster.data_changes import dated
from tarmak_iam.hook.cluster.kubectl import Kubectl, is_unserved, items_of, why
from tarmak_iam.hook.cluster.objects import (
    IDENTITY_MAPPINGS,
    LAST_APPLIED,
    MANAGER,
    Object,
    Ref,
    in_batches,
    is_ours,
    last_applied,
    meant,
    without_last_applied,
)
from tarmak_iam.hook.cluster.overlay import overlaid
from tarmak_iam.hook.cluster.ownership import is_own_trace
from tarmak_iam.hook.processes import Completed

__all__ = ["CRD", "Conflict", "NotServed", "Pair", "Server"]

CRD = "CustomResourceDefinition"

_CONFLICT = re.compile(r'conflicts? with "([^"]*)"')
_CHANGED_MEANWHILE = "the object has been modified"
_ALREADY_THERE = "(AlreadyExists)"
_ATTEMPTS = 5
_UNTIL_1_24 = "podsecuritypolicy"
_KINDS = (
    "configmap",
    "daemonset.apps",
    "serviceaccount",
    "role",
    "rolebinding",
    "clusterrole",
    "clusterrolebinding",
    "customresourcedefinition",
    _UNTIL_1_24,
)


Pair = tuple[Object, Object | None]
"""What is wanted, and what is there."""


class Conflict(EditRefused):
    """Somebody else has set fields that would be set. `managers`: who, empty where it is not told."""

    def __init__(self, ref: Ref, managers: tuple[str, ...]) -> None:
        who = ", ".join(managers) or "somebody else, just now"
        super().__init__(
            f"{ref} has fields that were set by {who}",
            remedy="take the change into the mappings or settings, or take these fields over with --force",
        )
        self.managers = managers


class NotServed(ToolError):
    """A kind that the cluster does not know (yet)."""


@dataclass(frozen=True, slots=True)
class Server:
    """A cluster through kubectl; `client` and `version` are kubectl's and the API server's versions.

    Server-side apply is on by default from Kubernetes 1.16 on (a beta, apiserver's features), and its flag is
    --server-side from kubectl 1.16 on. kubectl 1.18 has --dry-run=server, 1.19 --field-manager for replace and
    create, 1.21 hides managedFields without --show-managed-fields.
    """

    kubectl: Kubectl
    client: GoVersion
    version: GoVersion

    @classmethod
    def of(cls, kubectl: Kubectl) -> Server:
        """Raises ToolError."""
        return cls(kubectl, *kubectl.versions())

    @property
    def is_server_side(self) -> bool:
        return not self.version.is_below(1, 16) and not self.client.is_below(1, 16)

    def identity(self) -> str:
        """What tells this cluster from every other: the uid of kube-system. Raises ToolError."""
        return str(self.kubectl.json("get", "namespace", "kube-system")["metadata"]["uid"])

    def read(self, objects: Sequence[Object]) -> list[Object]:
        """Those that are there, as they are. Raises ToolError."""
        done = self._read(objects)
        if done.code == 0:
            return items_of(done)
        if not is_unserved(done):
            raise self.kubectl.failure(done, "get")
        # One kind that is not served must not keep the others from being read.
        kinds = in_batches(objects)
        return [each for batch in kinds for each in self.read(batch)] if len(kinds) > 1 else []

    def ours(self) -> list[Object]:
        """All that bears our label, in any namespace. Raises ToolError."""
        kinds = _KINDS if self.version.is_below(1, 25) else tuple(each for each in _KINDS if each != _UNTIL_1_24)
        label = ("--selector", f"app.kubernetes.io/managed-by={MANAGER}")
        found = self.all_of(",".join(kinds), *label) + self.all_of(IDENTITY_MAPPINGS, *label)
        return list(filter(is_ours, found))

    def all_of(self, kinds: str, *options: str) -> list[Object]:
        """Every object of the kinds, in any namespace; none where they are not served. Raises ToolError."""
        return self.kubectl.all_of(kinds, *options, *self._with_managers)

    def others(self, crd: Object) -> int:
        """How many objects would go with a CustomResourceDefinition although they are somebody else's."""
        names, group = crd["spec"]["names"], crd["spec"]["group"]
        return sum(not is_ours(each) for each in self.all_of(f"{names['plural']}.{group}"))

    def tried(self, pairs: Sequence[Pair], *, force: bool = False) -> list[Object]:
        """What each would become; nothing is changed. Raises Conflict, NotServed and ToolError.

        An object of a kind that another one of them brings is taken for what it would become: nobody can be asked.
        """
        if not self.is_server_side:
            return [each if live is None else overlaid(live, each, last_applied(live)) for each, live in pairs]
        dry_run = "--server-dry-run" if self.client.is_below(1, 18) else "--dry-run=server"
        brought = {each["spec"]["names"]["kind"] for each, _ in pairs if each["kind"] == CRD}
        try:
            return self._all_applied(pairs, dry_run, force=force)
        except NotServed:
            made = []
            for each, live in pairs:
                try:
                    made.append(self._applied(each, live, dry_run, force=force))
                except NotServed:
                    if each["kind"] not in brought:
                        raise
                    made.append(each)
            return made

    def apply(self, pairs: Sequence[Pair], *, force: bool = False) -> list[Object]:
        """What each has become. Raises Conflict, NotServed and ToolError, also where some of them are applied."""
        return self._all_applied([(self._dated(*pair), pair[1]) for pair in pairs], force=force)

    def validate(self, objects: Sequence[Object]) -> None:
        """Has an API server that was not asked by `tried` look at them, where it can. Raises ToolError."""
        if not self.is_server_side and not self.client.is_below(1, 18) and not self.version.is_below(1, 13):
            done = self._run("apply", "--dry-run=server", text=_list(objects))
            if done.code:
                raise self.kubectl.failure(done, "apply")

    def put_back(self, before: Object, live: Object | None, *, is_ours: bool = True) -> Object:
        """Writes an object as it is to be again, over the one that was seen. Raises ToolError, also for one that
        somebody has changed since."""
        before = self._dated(before, live)
        if not is_ours and live is not None and self.is_server_side:
            # An empty entry makes the API server forget all managers: what we gave back is not ours any more.
            before = {**before, "metadata": {**before["metadata"], "managedFields": [{}]}}
        kept, before = last_applied(before), without_last_applied(before)
        made = self._written(before, live)
        # Both verbs would write the annotation anew, with all that is in the object: the next plain apply would then
        # take what others have set for ours, and remove it (kubectl's CreateOrUpdateAnnotation).
        return made if kept is None else self._with_last_applied(kept, made)

    def _written(self, before: Object, live: Object | None) -> Object:
        verb = "create" if live is None else "replace"
        # Under our name, so that the next apply does not meet a stranger.
        manager = () if self.client.is_below(1, 19) else (f"--field-manager={MANAGER}",)
        for _ in range(_ATTEMPTS):
            done = self._run(verb, *manager, text=json.dumps(_over(live, before)))
            if not done.code:
                return _one_of(done)
            if _CHANGED_MEANWHILE not in done.err and _ALREADY_THERE not in done.err:
                break
            found = self.read([Ref.of(before).stub])
            if found and meant(found[0]) == meant(before):
                return found[0]  # an attempt of ours whose answer was lost
            if live is None or not found or meant(found[0]) != meant(live):
                raise ToolError(f"{Ref.of(before)} was changed by somebody else just now")
            live = found[0]  # its status alone, as that of a DaemonSet that is rolled out
        raise self.kubectl.failure(done, verb)

    def _dated(self, wanted: Object, live: Object | None) -> Object:
        return dated(self.kubectl, wanted, live, is_server_side=self.is_server_side)

    def _with_last_applied(self, kept: Object, made: Object) -> Object:
        done = self._run("apply", "set-last-applied", "--create-annotation=true", text=json.dumps(kept))
        if done.code:
            raise self.kubectl.failure(done, "apply set-last-applied")
        annotations = {**(made["metadata"].get("annotations") or {}), LAST_APPLIED: json.dumps(kept)}
        return {**made, "metadata": {**made["metadata"], "annotations": annotations}}

    def remove(self, ref: Ref) -> None:
        """Raises ToolError; what is gone already is gone."""
        self.kubectl.check("delete", ref.resource, ref.name, *ref.scope, "--ignore-not-found")

    def _all_applied(self, pairs: Sequence[Pair], *options: str, force: bool) -> list[Object]:
        """In one call where that goes well; else one by one, so that the error is about one object."""
        if len(pairs) > 1:
            done = self._apply([each for each, _ in pairs], *options, *self._forced(force))
            made = items_of(done) if done.code == 0 else []
            if len(made) == len(pairs):
                return made
        return [self._applied(each, live, *options, force=force) for each, live in pairs]

    def _applied(self, each: Object, live: Object | None, *options: str, force: bool) -> Object:
        done = self._apply([each], *options, *self._forced(force))
        ref = Ref.of(each)
        if done.code and not force and (names := _conflicting(done)):
            if live is None or not is_ours(live) or not all(is_own_trace(live, name) for name in names):
                raise Conflict(ref, tuple(name for name in names if name != MANAGER))
            done = self._apply([each], *options, *self._forced(True))
        if done.code and _CHANGED_MEANWHILE in done.err:
            raise Conflict(ref, ())
        if done.code and is_unserved(done):
            raise NotServed(f"the cluster does not know the kind {each.get('kind')}")
        if done.code:
            raise ToolError(f"{ref} cannot be applied: {why(done)}", remedy=self.kubectl.failure(done, "apply").remedy)
        return _one_of(done)

    def _apply(self, objects: Sequence[Object], *options: str) -> Completed:
        side = ("--server-side", f"--field-manager={MANAGER}") if self.is_server_side else ()
        return self._run("apply", *side, *options, text=_list(objects))

    def _forced(self, force: bool) -> tuple[str, ...]:
        return ("--force-conflicts",) if force and self.is_server_side else ()

    def _read(self, objects: Sequence[Object]) -> Completed:
        return self._run("get", "--ignore-not-found", *self._with_managers, text=_list(objects))

    def _run(self, verb: str, *options: str, text: str) -> Completed:
        return self.kubectl.run(verb, *options, "-o", "json", "-f", "-", text=text)

    @property
    def _with_managers(self) -> tuple[str, ...]:
        return () if self.client.is_below(1, 21) else ("--show-managed-fields",)


def _over(live: Object | None, before: Object) -> Object:
    """With the version that was seen, so that the API server refuses to write over a later one."""
    version = ((live or {}).get("metadata") or {}).get("resourceVersion")
    return before if version is None else {**before, "metadata": {**before["metadata"], "resourceVersion": version}}


def _one_of(done: Completed) -> Object:
    """Raises ToolError."""
    found = items_of(done)
    if not found:
        raise ToolError("kubectl did not print the object")
    return found[0]


def _list(objects: Sequence[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def _conflicting(done: Completed) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_CONFLICT.findall(done.err)))
