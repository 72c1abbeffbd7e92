"""Reads, dry-runs, applies, restores and removes the objects of a cluster, and waits until removed objects are gone."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timezone
from itertools import chain

from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.emit.artifact import NAME
from tarmak_iam.emit.kubernetes_objects import fits_client_side_apply
from tarmak_iam.errors import PolicyRefused, ToolError
from tarmak_iam.hook.cluster.kubectl import (
    Kubectl,
    NotAllowed,
    is_forbidden,
    is_unserved,
    objects_of,
    refusals_of,
    why,
)
from tarmak_iam.hook.cluster.object_fields import is_own_trace, overlaid, under_one_entry
from tarmak_iam.hook.cluster.objects import (
    CHANGED_AT,
    ENTRY_KINDS,
    MANAGER,
    Index,
    Object,
    Ref,
    by_kind,
    comparable,
    config_digest,
    config_text,
    defined_kind,
    group_kind,
    in_batches,
    is_applied,
    is_ours,
    last_applied,
    last_change,
    restorable,
    with_last_applied,
    without_last_applied,
)
from tarmak_iam.hook.programs import Completed

_SECONDS = 60.0
_PAUSE = 0.5


def is_being_deleted(live: Object) -> bool:
    """Whether it is deleted and waits for its finalizers."""
    return bool((live.get("metadata") or {}).get("deletionTimestamp"))


_CONFLICT = re.compile(r'conflicts? with "([^"]*)"')
_CHANGED_MEANWHILE = "the object has been modified"
_ALREADY_THERE = "(AlreadyExists)"
_ATTEMPTS = 5

# No object has this version, as etcd starts with it. Server-side apply with it creates an object that does not exist,
# and is refused otherwise (Store.Update of k8s.io/apiserver: v0.22, v0.30 and v0.36 were read).
_ABSENT: Object = {"metadata": {"resourceVersion": "1"}}

# kubectl (1.26 and later) has handed fields of client-side apply over to us, which made a new version, and could not
# apply the object once more, because it sent the version from before that.
_NOT_APPLIED_AGAIN = "failed to re-apply configuration after performing Server-Side Apply migration"

# For at least this many objects of one kind, the whole kind is listed: one request instead of one per object.
_LISTED = 20

# Client-side apply saves a copy of the object in an annotation, and annotations are limited to 262,144 bytes.
_TOO_LARGE_TO_COPY = "metadata.annotations: Too long"

_KINDS = (
    "configmap,daemonset.apps,serviceaccount,role,rolebinding,clusterrole,clusterrolebinding,customresourcedefinition"
)

Pair = tuple[Object, Object | None]
"""The wanted object and the live one."""


class Conflict(PolicyRefused):
    """Another manager has set fields that would be set. `managers` is empty where it is unknown."""

    def __init__(self, ref: Ref, managers: tuple[str, ...]) -> None:
        remedy = "add the change to the mappings or settings, or overwrite these fields with --force"
        who = ", ".join(managers) or "another process, just now"
        super().__init__(f"{ref} has fields that were set by {who}", remedy=remedy)


class NotServed(ToolError):
    """A kind that the cluster does not serve (yet)."""


@dataclass(frozen=True, slots=True)
class Server:
    """A cluster. `client` and `version` are the versions of kubectl and of the API server. Server-side apply is on by
    default in Kubernetes 1.16 and later (a beta, apiserver's features), and kubectl 1.16 has --server-side, 1.18
    --dry-run=server, 1.19 --field-manager for replace and create; 1.21 hides managedFields without
    --show-managed-fields."""

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
        """The identity of this cluster: the uid of the namespace kube-system. Raises ToolError."""
        return str(self.kubectl.json("get", "namespace", "kube-system")["metadata"]["uid"])

    def read(self, objects: Sequence[Object]) -> list[Object]:
        """The live objects among these, in any order. Raises ToolError."""
        kinds = by_kind(objects)
        few = [wanted for kind in kinds if len(kind) < _LISTED for wanted in kind]
        live_objects = self._named(few) if few else []
        for kind in kinds:
            if len(kind) >= _LISTED:
                index = Index(kind)
                of_kind = self.all_of(Ref.of(kind[0]).resource)
                live_objects += (live for live in of_kind if index.get(Ref.of(live)) is not None)
        return live_objects

    def _named(self, objects: Sequence[Object]) -> list[Object]:
        # kubectl 1.15 reads a List only up to the first object that does not exist.
        text = "".join(f"{json.dumps(wanted)}\n" for wanted in objects)
        done = self._run("get", "--ignore-not-found", *self._with_managers, text=text)
        if done.code == 0:
            return objects_of(done)
        if not is_unserved(done):
            raise self.kubectl.failure(done, "get")
        # A kind that is not served must not prevent reading the others.
        kinds = by_kind(objects)
        return [obj for kind in kinds for obj in self._named(kind)] if len(kinds) > 1 else []

    def ours(self) -> list[Object]:
        """All objects that are managed by tarmak-iam, in all namespaces. Raises ToolError."""
        kinds = f"{_KINDS},podsecuritypolicy" if self.version.is_below(1, 25) else _KINDS
        label = ("--selector", f"app.kubernetes.io/managed-by={MANAGER}")
        live_objects = chain.from_iterable(self.all_of(kind, *label) for kind in (kinds, *ENTRY_KINDS))
        return list(filter(is_ours, live_objects))

    def all_of(self, kinds: str, *options: str) -> list[Object]:
        """Every object of the kinds, in all namespaces. Kinds that are not served are skipped. Raises ToolError."""
        return self.kubectl.all_of(kinds, *options, *self._with_managers)

    def others(self, crd: Object) -> int:
        """The number of objects not managed by tarmak-iam that would be removed with a CustomResourceDefinition."""
        names, group = crd["spec"]["names"], crd["spec"]["group"]
        return sum(not is_ours(obj) for obj in self.all_of(f"{names['plural']}.{group}"))

    def dry_run(self, pairs: Sequence[Pair], *, force: bool = False) -> list[Object]:
        """The objects as they would be after an apply; nothing is changed. Raises Conflict, NotServed and ToolError. An
        object whose kind is defined by another one of them is returned as it is wanted: the API server does not
        know it."""
        if not self.is_server_side:
            return [_merged(*pair) for pair in pairs]
        option = "--server-dry-run" if self.client.is_below(1, 18) else "--dry-run=server"
        defined = [(kind, live is None) for wanted, live in pairs if (kind := defined_kind(wanted)) is not None]
        # A definition that exists may not be served yet: then the API server is not asked about its kind either.
        for known in ([kind for kind, is_new in defined if is_new], [kind for kind, _ in defined]):
            made: list[Object | None] = []
            for wanted, live in pairs:
                is_as_wanted = live is not None and is_applied(live) and comparable(live) == comparable(wanted)
                made.append((live or wanted) if is_as_wanted or group_kind(wanted) in known else None)
            asked = [pair for pair, answer in zip(pairs, made, strict=True) if answer is None]
            try:
                answers = iter(self._all_applied(asked, option, force=force))
                return [next(answers) if answer is None else answer for answer in made]
            except NotServed as error:
                not_served = error
        raise not_served

    def apply(self, pairs: Sequence[Pair], *, force: bool = False) -> list[Object]:
        """Applies the objects and returns them. The API server refuses each that is not as the live one of its pair, so
        that a write that arrives late undoes nothing. Raises Conflict and ToolError, even if some are applied."""
        if self.is_server_side:
            items = [(over(live or _ABSENT, self.dated(wanted, live)), live) for wanted, live in pairs]
            return self._all_applied(items, force=force)
        # kubectl's own client-side apply sends a patch without the version that it has read.
        return self.put_back_all([(_merged(wanted, live), live, True) for wanted, live in pairs])

    def put_back_all(self, items: Sequence[tuple[Object, Object | None, bool]]) -> list[Object]:
        """Writes objects as they are to be, each over the live one, None where it does not exist; the third value is
        whether tarmak-iam manages it. Returns them. Raises ToolError, even if some are written."""
        pairs: list[Pair] = []
        for before, live, was_ours in items:
            wanted = without_last_applied(restorable(self.dated(before, live), live))
            if not was_ours and live is not None and self.is_server_side:
                # An empty entry makes the API server forget all managers: tarmak-iam no longer manages the object.
                wanted = {**wanted, "metadata": {**wanted["metadata"], "managedFields": [{}]}}
            pairs.append((wanted, live))
        together: list[Object] = []
        for verb, is_there in (("create", False), ("replace", True)):
            those = [over(live, wanted) for wanted, live in pairs if (live is not None) is is_there]
            for batch in in_batches(those, lambda wanted: wanted):
                if len(batch) > 1:  # kubectl prints each object that it has written even if it fails for another one
                    together += objects_of(self._run(verb, *self.manager_options, text=object_list(batch)))
        written = Index(together)
        made = [written.get(Ref.of(wanted)) or self._written(wanted, live) for wanted, live in pairs]
        if self.is_server_side:
            self.join_entries([Ref.of(live) for _, live, was_ours in items if was_ours and live is not None])
        # Both verbs would write the annotation again, with the whole object: the next client-side apply would then
        # treat fields of other managers as ours, and remove them (kubectl's CreateOrUpdateAnnotation).
        notes: dict[tuple[str, ...], list[tuple[Object, Object]]] = {}
        for (before, _, _), became in zip(items, made, strict=True):
            if (note := last_applied(before)) is not None:
                notes.setdefault(Ref.of(became).scope, []).append((note, became))
        noted: list[Object] = []
        for scope, of_scope in notes.items():
            done = self._note_applied([note for note, _ in of_scope], scope)
            noted += [self.note_applied(*pair) for pair in of_scope] if done.code else objects_of(done)
        index = Index(noted)
        return [index.get(Ref.of(became)) or became for became in made]

    def join_entries(self, refs: Sequence[Ref]) -> None:
        """Records fields that were replaced under our name as fields of our server-side apply. The annotation of
        client-side apply is set after that: another `replace` would write it again. Raises ToolError."""
        left = [ref.stub for ref in refs]
        for _ in range(_ATTEMPTS):
            joined = [obj for obj in map(under_one_entry, self.read(left)) if obj is not None] if left else []
            if not joined:
                return
            done = self._run("replace", *self.manager_options, text=object_list(joined))
            if done.code and _CHANGED_MEANWHILE not in done.err:
                raise self.kubectl.failure(done, "replace")
            left = [Ref.of(obj).stub for obj in joined] if done.code else []

    def _written(self, before: Object, live: Object | None) -> Object:
        verb = "create" if live is None else "replace"
        for _ in range(_ATTEMPTS):
            done = self._run(verb, *self.manager_options, text=json.dumps(over(live, before)))
            if not done.code:
                return _one_of(done)
            if _CHANGED_MEANWHILE not in done.err and _ALREADY_THERE not in done.err:
                break
            live_now = self.read([Ref.of(before).stub])
            if live_now and comparable(live_now[0]) == comparable(before):
                return live_now[0]  # an earlier attempt succeeded, but its answer was lost
            if live is None or not live_now or comparable(live_now[0]) != comparable(live):
                raise ToolError(f"{Ref.of(before)} was just changed by another process")
            live = live_now[0]  # only its status changed, as during a rollout
        raise self.kubectl.failure(done, verb)

    def dated(self, wanted: Object, live: Object | None) -> Object:
        """The object to write. The authenticator's ConfigMap gets the annotation of its last change where it is needed:
        below Kubernetes 1.16 the time of a write that changes the data; for other writes that of the last change."""
        metadata, time = wanted.get("metadata") or {}, None
        if wanted.get("kind") != "ConfigMap" or metadata.get("name") != NAME:
            return wanted
        if live is not None and config_text(live) == config_text(wanted):
            time = last_change(live)
        elif not self.is_server_side:
            time = self.kubectl.server_time()
        annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != CHANGED_AT}
        if time is not None:
            annotations[CHANGED_AT] = f"{time.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ} {config_digest(wanted)}"
        without = {key: value for key, value in metadata.items() if key != "annotations"}
        return {**wanted, "metadata": {**without, **({"annotations": annotations} if annotations else {})}}

    def note_applied(self, kept: Object, made: Object) -> Object:
        """Sets the annotation of client-side apply, and returns the object with it. Raises ToolError."""
        done = self._note_applied([kept], Ref.of(made).scope)
        if done.code and _TOO_LARGE_TO_COPY not in done.err:
            raise self.kubectl.failure(done, "apply set-last-applied")
        return made if done.code else _one_of(done)

    def _note_applied(self, objects: Sequence[Object], scope: Sequence[str]) -> Completed:
        # kubectl 1.15 looks for them in the kubeconfig's namespace, whatever namespace they have.
        text = json.dumps(objects[0]) if len(objects) == 1 else object_list(objects)
        return self._run("apply", "set-last-applied", "--create-annotation=true", *scope, text=text)

    def remove(self, *refs: Ref) -> None:
        """Deletes objects if they exist; they may then wait for their finalizers. Raises ToolError."""
        for batch in in_batches(refs, lambda ref: ref.stub, is_of_one_kind=True):
            if len(batch) == 1:
                named = (batch[0].resource, batch[0].name, *batch[0].scope)
                done = self.kubectl.run("delete", *named, "--ignore-not-found", "--wait=false")
            else:  # several are passed in a file, and kubectl does not wait: else it deletes only five per second
                text = object_list([ref.stub for ref in batch])
                done = self.kubectl.run("delete", "-f", "-", "--ignore-not-found", "--wait=false", text=text)
            if done.code and not is_unserved(done):  # an object is deleted with its definition
                raise self.kubectl.failure(done, "delete")

    def wait_until_gone(self, refs: Sequence[Ref]) -> None:
        """Waits for objects that are being deleted: what is written to one of them is deleted with it. Raises ToolError
        with the finalizers of the first object after a minute."""
        clock, left = self.kubectl.clock, list(refs)
        deadline = clock() + _SECONDS
        while left:
            deleting = Index(live for live in self.read([ref.stub for ref in left]) if is_being_deleted(live))
            left = [ref for ref in left if deleting.get(ref) is not None]
            if left and clock() + _PAUSE > deadline:
                first, count = deleting.get(left[0]) or {}, len(left)
                finalizers = ", ".join(map(str, (first.get("metadata") or {}).get("finalizers") or ()))
                named = f"{Ref.of(first)} is" if count == 1 else f"{Ref.of(first)} and {count - 1} more are"
                waits = f": {'it' if count == 1 else 'the first'} waits for {finalizers}" if finalizers else ""
                what = f"{named} still being deleted after {_SECONDS:.0f} seconds{waits}"
                raise ToolError(what, remedy="run the same command again once it is gone")
            if left:
                self.kubectl.sleep(_PAUSE)

    def wait_until_established(self, ref: Ref) -> None:
        """Waits until a CustomResourceDefinition has the condition Established, and kubectl finds its kind: the API
        server publishes the kind a moment later. Raises ToolError with the API server's reason after a minute."""
        kubectl = self.kubectl
        deadline = kubectl.clock() + _SECONDS
        while True:
            crd = kubectl.json("get", ref.resource, ref.name)
            conditions = {item.get("type", ""): item for item in (crd.get("status") or {}).get("conditions") or ()}
            if conditions.get("Established", {}).get("status") == "True":
                done = kubectl.run("get", f"{crd['spec']['names']['plural']}.{crd['spec']['group']}", "-o", "name")
                if done.code == 0 or not is_unserved(done):  # the call that creates the objects reports another refusal
                    return
            if kubectl.clock() + _PAUSE > deadline:
                refused: Object = next((item for item in conditions.values() if item.get("status") == "False"), {})
                why = refused.get("message") or refused.get("reason") or "no reason given"
                raise ToolError(f"{ref} is not served after {_SECONDS:.0f} seconds: {why}")
            kubectl.sleep(_PAUSE)

    def _all_applied(self, pairs: Sequence[Pair], *options: str, force: bool) -> list[Object]:
        """Applies in few calls. What one of them failed for is tried in halves, so that the error names one object."""
        applied: list[Object] = []
        for batch in in_batches(pairs, lambda pair: pair[0]):
            if len(batch) == 1:
                applied.append(self._applied(*batch[0], *options, force=force))
                continue
            done = self._apply([wanted for wanted, _ in batch], *options, force=force)
            if options and is_forbidden(done):
                raise NotAllowed(refusals_of(done))
            if done.code and not force and self._is_own(batch, done):
                done = self._apply([wanted for wanted, _ in batch], *options, force=True)
            made = objects_of(done) if done.code == 0 else []
            if len(made) == len(batch):
                applied += made
            else:
                for part in (batch[: len(batch) // 2], batch[len(batch) // 2 :]):
                    applied += self._all_applied(part, *options, force=force)
        return applied

    def _is_own(self, pairs: Sequence[Pair], done: Completed) -> bool:
        """Whether an apply conflicts only with fields that tarmak-iam itself has set in another way."""
        names = _conflicting(done)
        return bool(names) and all(
            live is not None and is_ours(live) and all(is_own_trace(live, name) for name in names) for _, live in pairs
        )

    def _applied(self, wanted: Object, live: Object | None, *options: str, force: bool) -> Object:
        done, ref = self._apply([wanted], *options, force=force), Ref.of(wanted)
        if done.code and not force and (names := _conflicting(done)):
            if not self._is_own([(wanted, live)], done):
                raise Conflict(ref, tuple(name for name in names if name != MANAGER))
            done = self._apply([wanted], *options, force=True)
        if done.code and _CHANGED_MEANWHILE in done.err:
            raise Conflict(ref, ())
        if done.code and is_unserved(done):
            raise NotServed(f"the cluster does not serve the kind {wanted.get('kind')}")
        if done.code:
            raise ToolError(f"{ref} cannot be applied: {why(done)}", remedy=self.kubectl.failure(done, "apply").remedy)
        return _one_of(done)

    def _apply(self, objects: Sequence[Object], *options: str, force: bool) -> Completed:
        words = ("--server-side", f"--field-manager={MANAGER}", *options, *(("--force-conflicts",) if force else ()))
        done = self._run("apply", *words, text=object_list(objects))
        is_outdated = _NOT_APPLIED_AGAIN in done.err
        return replace(done, code=1, err=f"{_CHANGED_MEANWHILE}: {done.err}") if is_outdated else done

    def _run(self, verb: str, *options: str, text: str) -> Completed:
        return self.kubectl.run(verb, *options, "-o", "json", "-f", "-", text=text)

    @property
    def manager_options(self) -> tuple[str, ...]:
        """For replace and create: our name, so that the next apply reports no conflict."""
        return () if self.client.is_below(1, 19) else (f"--field-manager={MANAGER}",)

    @property
    def _with_managers(self) -> tuple[str, ...]:
        return () if self.client.is_below(1, 21) else ("--show-managed-fields",)


def _merged(wanted: Object, live: Object | None) -> Object:
    """The object as client-side apply would leave it, with its annotation where that is not too large."""
    then = wanted if live is None else overlaid(live, wanted, last_applied(live))
    return with_last_applied(then, wanted) if fits_client_side_apply(wanted) else without_last_applied(then)


def over(live: Object | None, before: Object) -> Object:
    """With the resourceVersion that was read, so that the API server refuses to replace a later version."""
    version = ((live or {}).get("metadata") or {}).get("resourceVersion")
    return before if version is None else {**before, "metadata": {**before["metadata"], "resourceVersion": version}}


def _one_of(done: Completed) -> Object:
    """Raises ToolError."""
    for printed in objects_of(done):
        return printed
    raise ToolError("kubectl did not print the object")


def object_list(objects: Sequence[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def _conflicting(done: Completed) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_CONFLICT.findall(done.err)))
