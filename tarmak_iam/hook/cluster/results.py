"""The steps of an apply or a rollback: tried first with the API server's dry run, because a missing permission, or an
object that is not admitted, must not stop a run midway; what was done to each object; and the errors of an end midway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.access.diff import Effect
from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.hook.cluster.kubectl import NotAllowed, is_away, is_forbidden, is_unserved, objects_of, refusals_of
from tarmak_iam.hook.cluster.objects import (
    CRD,
    MANAGER,
    Index,
    Object,
    Ref,
    comparable,
    defined_kind,
    group_kind,
    in_batches,
    last_applied,
    restorable,
    without_last_applied,
)
from tarmak_iam.hook.cluster.pods import StalePod
from tarmak_iam.hook.cluster.server import Server, object_list, over
from tarmak_iam.hook.programs import Progress
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.text import TextEnum, brief_list


class ObjectAction(TextEnum):
    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


_PLANNED = {
    ObjectAction.CREATED: "would create",
    ObjectAction.CONFIGURED: "would configure",
    ObjectAction.REMOVED: "would remove",
}


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """A change that was or would be made to one object. `namespace` is empty for a cluster-scoped object."""

    action: ObjectAction
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, action: ObjectAction, ref: Ref) -> ObjectChange:
        return cls(action, ref.kind, ref.namespace, ref.name)

    @property
    def named(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"

    @property
    def text(self) -> str:
        return f"{self.action} {self.named}"

    @property
    def planned_text(self) -> str:
        """As `text`, for a change that is not made."""
        return f"{_PLANNED.get(self.action, self.action)} {self.named}"


def action_on(live: Object | None, then: Object | None) -> ObjectAction:
    """What makes an object of a live one; None where it does not exist."""
    if live is then or (live and then and comparable(live) == comparable(then)):
        return ObjectAction.UNCHANGED
    return ObjectAction.CREATED if live is None else ObjectAction.REMOVED if then is None else ObjectAction.CONFIGURED


class Step(NamedTuple):
    """What is to be done with one object: as it is now, and as it will be; None where it does not exist. `wanted`: the
    manifest that is applied, empty in a rollback. `is_ours`: whether tarmak-iam manages it afterwards."""

    ref: Ref
    action: ObjectAction
    live: Object | None
    then: Object | None
    is_settled: bool = False
    wanted: Object = {}  # noqa: RUF012
    is_ours: bool = True

    @property
    def change(self) -> ObjectChange:
        return ObjectChange.of(self.action, self.ref)


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of an apply, in the order of the changes. `state` is the file with the previous objects, None where
    nothing changed. `rolled_out`: whether the DaemonSet runs on every node; None where nothing was waited for."""

    changes: tuple[ObjectChange, ...]
    state: Path | None = None
    rolled_out: bool | None = None
    notes: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    """How the access of principals changed, compared with what the cluster's authenticator granted before."""
    restarted: tuple[StalePod, ...] = ()
    """Pods that ran another configuration, and were restarted."""

    @property
    def changed(self) -> bool:
        return any(change.action is not ObjectAction.UNCHANGED for change in self.changes)


@dataclass(frozen=True, slots=True)
class AccessAfter:
    """Access after a rollback: the number of `principals` who can log in and of `admins` among them, None where that is
    unknown, and the `reason` if it is none; `effects`: how their access changes."""

    principals: int | None
    admins: int | None
    reason: str = ""
    effects: tuple[Effect, ...] = ()

    @property
    def text(self) -> str:
        """One line."""
        if self.principals is None:
            return f"it is unknown who can log in with IAM afterwards: {self.reason}"
        if not self.principals:
            return f"afterwards IAM login is not possible: {self.reason}"
        many = f"{self.principals} principal{'' if self.principals == 1 else 's'}"
        return f"afterwards {many} can log in with IAM, {self.admins} of them in {ADMINS}"


@dataclass(frozen=True, slots=True)
class RolledBack:
    """The result of a rollback. `undone`: the numbers of the changes, empty where the newest one was already undone.
    `access_after`: who can log in afterwards, None where there was nothing to undo."""

    changes: tuple[ObjectChange, ...]
    rolled_out: bool | None = None
    undone: tuple[int, ...] = ()
    access_after: AccessAfter | None = None
    restarted: tuple[StalePod, ...] = ()

    @property
    def changed(self) -> bool:
        return any(change.action is not ObjectAction.UNCHANGED for change in self.changes)


def stopped(
    reason: TarmakIamError, changes: Iterable[ObjectChange], left: Sequence[Ref], unknown: Sequence[Ref]
) -> str:
    """The message of a change that stopped midway."""
    done = brief_list(change.text for change in changes if change.action is not ObjectAction.UNCHANGED)
    parts = {"done": done or "nothing", "may have been written": brief_list(unknown), "not done": brief_list(left)}
    return "; ".join([str(reason), *(f"{what}: {named}" for what, named in parts.items() if named)])


class ApplyFailed(ToolError):
    """An apply stopped midway. `applied`: what was done; `left`: what was not; `unknown`: what may have been done, or
    may still be done; `state`: the history for `rollback`."""

    def __init__(self, reason: TarmakIamError, applied: Applied, left: Sequence[Ref], unknown: Sequence[Ref]) -> None:
        # Without a saved state, a rollback would undo an earlier change.
        restores = ", or run rollback to restore the previous objects" if applied.state is not None else ""
        super().__init__(stopped(reason, applied.changes, left, unknown), remedy=f"run apply again{restores}")
        self.applied, self.left, self.unknown = applied, tuple(left), tuple(unknown)
        self.state = applied.state


class RollbackFailed(ToolError):
    """A rollback stopped midway. The message says what was done and what was not."""


_VERBS = {"create": "create", "replace": "update", "delete": "delete", "apply": "patch"}
"""The API's verb for each of kubectl's that `_calls` has: `apply set-last-applied` is a PATCH."""
_BY_NAME = 200
"""Of more objects, only the kinds are checked: with the CRD backend there may be thousands."""

_Calls = dict[tuple[str, ...], list[Object]]
"""By kubectl's verb and options: the objects that are written with them."""


def rehearse(server: Server, steps: Sequence[Step], tell: Progress) -> None:
    """Tries the changes, except for objects of a kind that is defined or removed with them. Releases without dry runs
    only report the user's permissions. If the API server does not, `tell` is called with a note.

    Raises NotAllowed with everything that would be refused, and ToolError where the API server does not answer.
    """
    changes = [step for step in steps if step.action is not ObjectAction.UNCHANGED]
    if not changes:
        return
    calls, refusals = _calls(server, changes), list[str]()
    if server.client.is_below(1, 18) or server.version.is_below(1, 13):
        refusals, calls = _missing_permissions(server, calls, tell), {}
    for words, objects in calls.items():
        for batch in in_batches(objects, lambda obj: obj):
            done = server.kubectl.run(*words, "--dry-run=server", "-f", "-", text=object_list(batch))
            if done.code and is_away(done):
                raise server.kubectl.failure(done, words[0])
            refusals += refusals_of(done)
    if refusals:
        raise NotAllowed(refusals)


def _calls(server: Server, changes: Sequence[Step]) -> _Calls:
    """What kubectl is called with, without `--dry-run`, and the objects for it: as the writes themselves."""
    calls: _Calls = {}
    known = {defined_kind(step.live or step.then or {}) for step in changes}
    for ref, _, live, then, *_ in changes:
        if group_kind(live or then or {}) in known:
            continue
        if then is None:
            calls.setdefault(("delete", "-o", "name"), []).append(ref.stub)
            continue
        writing = ("create" if live is None else "replace", *server.manager_options, "-o", "json")
        calls.setdefault(writing, []).append(over(live, restorable(without_last_applied(then), live)))
        note = last_applied(then)
        if live is not None and note is not None:
            noting = ("apply", "set-last-applied", "--create-annotation=true", *ref.scope, "-o", "json")
            calls.setdefault(noting, []).append(note)
    return calls


def _missing_permissions(server: Server, calls: _Calls, tell: Progress) -> list[str]:
    """The permissions that the user lacks for the calls, for releases without dry runs: as the API server words them,
    but without the username. Raises ToolError."""
    asked: list[dict[str, str]] = []
    for words, objects in calls.items():
        for ref in map(Ref.of, objects):
            named = {"verb": _VERBS[words[0]], "group": ref.group, "resource": _plural(ref.kind)}
            # The API server authorizes a `create` before it knows the name.
            name = "" if words[0] == "create" else ref.name
            more = {"namespace": ref.namespace, "name": name}
            asked.append(named | {key: value for key, value in more.items() if value})
    if len(asked) > _BY_NAME:
        asked = [{key: value for key, value in attributes.items() if key != "name"} for attributes in asked]
    asked = [dict(pairs) for pairs in dict.fromkeys(tuple(attributes.items()) for attributes in asked)]
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    reviews = [{**review, "spec": {"resourceAttributes": attributes}} for attributes in asked]
    # Not validated: kubectl would first download the API server's whole schema.
    done = server.kubectl.run("create", "--validate=false", "-o", "json", "-f", "-", text=object_list(reviews))
    if done.code and (is_forbidden(done) or is_unserved(done)):
        tell("note: the API server does not report your permissions: if one is missing, this stops midway")
        return []
    if done.code:
        raise server.kubectl.failure(done, "create")
    answers = objects_of(done)
    if len(answers) != len(asked):
        raise ToolError("kubectl did not print an answer for each SelfSubjectAccessReview")
    missing: list[str] = []
    for lacking, answer in zip(asked, answers, strict=True):
        namespace = lacking.get("namespace")
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        what = f'cannot {lacking["verb"]} resource "{lacking["resource"]}" in API group "{lacking["group"]}"'
        if not (answer.get("status") or {}).get("allowed"):
            missing.append(f"the user of the kubeconfig {what} {where}")
    return missing


def _plural(kind: str) -> str:
    """The resource of a kind, as Kubernetes guesses it (UnsafeGuessKindToResource in apimachinery/pkg/api/meta)."""
    name = kind.lower()
    if name.endswith("endpoints"):
        return name
    return f"{name}es" if name.endswith("s") else f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


class Writes:
    """`done`: what was done to the object of each step, in this order. `begun`: the objects whose write was sent."""

    def __init__(self, server: Server, steps: Sequence[Step], tell: Progress) -> None:
        self.server, self._steps, self._tell = server, steps, tell
        self.done: dict[Ref, ObjectChange] = {}
        self.begun: set[Ref] = set()

    @property
    def changes(self) -> tuple[ObjectChange, ...]:
        return tuple(self.done.values())

    def note(self, action: ObjectAction, ref: Ref) -> None:
        self.done[ref] = ObjectChange.of(action, ref)

    def begin(self, verb: str, refs: list[Ref]) -> None:
        """Says what is done to objects of one kind now."""
        self._tell(f"{verb} {refs[0] if len(refs) == 1 else f'{len(refs)} objects of kind {refs[0].kind}'}")
        self.begun.update(refs)

    def remove(self, removals: Iterable[Step]) -> Iterator[list[Ref]]:
        """Removes the objects in the given order, and yields those of each call. A definition is kept if others have
        created objects of its kind in the meantime."""
        for batch in in_batches(removals, lambda step: step.live or {}, is_of_one_kind=True):
            kept = [step.ref for step in batch if step.ref.kind == CRD and self.server.others(step.live or {})]
            for ref in kept:
                self._tell(f"note: kept {ref}: it has objects that are not managed by {MANAGER}")
                self.note(ObjectAction.UNCHANGED, ref)
            if refs := [step.ref for step in batch if step.ref not in kept]:
                self.begin("removing", refs)
                self.server.remove(*refs)
                for ref in refs:
                    self.note(ObjectAction.REMOVED, ref)
                yield refs

    def left(self) -> tuple[list[Ref], list[Ref]]:
        """The objects that were not written, and those that may have been or may still be: after a call that did not
        return, the API server is queried once."""
        kubectl = replace(self.server.kubectl, patience=0.0)
        due = [step for step in self._steps if step.ref not in self.done and (step.live or step.then)]
        sent = [step for step in due if step.ref in self.begun]
        live: Index | None = None
        with suppress(TarmakIamError):
            live = Index(replace(self.server, kubectl=kubectl).read([step.ref.stub for step in sent]) if sent else ())
        for step in sent:
            if live is not None and action_on(step.live, live.get(step.ref)) is not ObjectAction.UNCHANGED:
                self.note(step.action, step.ref)
        left = [step.ref for step in due if step.ref not in self.done]
        unknown = [ref for ref in left if ref in self.begun] if live is None or kubectl.on_its_way else []
        return [ref for ref in left if ref not in unknown], unknown

    @contextmanager
    def reporting(self, failure: Callable[[TarmakIamError, list[Ref], list[Ref]], ToolError]) -> Iterator[None]:
        """An error is raised as `failure` converts it, with what is `left`; after Ctrl-C a line says the same."""
        try:
            yield
        except TarmakIamError as error:
            raise failure(error, *self.left()) from None
        except KeyboardInterrupt:
            self._tell(failure(ToolError("interrupted"), *self.left()).message)
            raise
