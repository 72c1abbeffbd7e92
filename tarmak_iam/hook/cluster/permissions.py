"""The user's permissions, checked before anything is changed: a missing one must not stop a run midway."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tarmak_iam.emit.kubernetes_objects import fits_client_side_apply
from tarmak_iam.errors import TarmakIamError, ToolError
from tarmak_iam.hook.cluster.apply_plan import ApplyPlan, is_settled
from tarmak_iam.hook.cluster.history import ObjectAction
from tarmak_iam.hook.cluster.kubectl import Kubectl, is_forbidden, is_unserved, objects_of
from tarmak_iam.hook.cluster.objects import Index, Object, Ref, last_applied
from tarmak_iam.hook.cluster.rollback_plan import UndoStep
from tarmak_iam.hook.cluster.rollout import DAEMONSET, PodCheck
from tarmak_iam.hook.cluster.server import Server
from tarmak_iam.hook.cluster.update_check import Changes, PodUpdate
from tarmak_iam.hook.programs import Progress, no_progress
from tarmak_iam.identity.backend_support import ENTRY_OBJECTS
from tarmak_iam.text import brief_list

_MAX_NAMED = 10
"""More than the number of kinds: with the CRD backend there may be thousands of objects of one kind."""

_API = "authorization.k8s.io/v1"
_MAX_COMMANDS = 3
_BY_NAME = 200
"""If there are more objects, permissions are not checked object by object."""

_POLICIES = ("policy", "PodSecurityPolicy")  # removed in Kubernetes 1.25
_LISTED = {
    ("", "ConfigMap"): "configmaps",
    ("apps", "DaemonSet"): "daemonsets",
    ("", "ServiceAccount"): "serviceaccounts",
    ("rbac.authorization.k8s.io", "Role"): "roles",
    ("rbac.authorization.k8s.io", "RoleBinding"): "rolebindings",
    ("rbac.authorization.k8s.io", "ClusterRole"): "clusterroles",
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): "clusterrolebindings",
    ("apiextensions.k8s.io", "CustomResourceDefinition"): "customresourcedefinitions",
    _POLICIES: "podsecuritypolicies",
}
"""The kinds that are listed to find all objects that tarmak-iam manages."""
_PLURALS = {
    **_LISTED,
    ("", "Pod"): "pods",
    ("", "Secret"): "secrets",
    ("", "Namespace"): "namespaces",
    ("extensions", "DaemonSet"): "daemonsets",
    **{(each.group, each.kind): each.resource for each in ENTRY_OBJECTS.values()},
}


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """A verb on a resource. `namespace` is empty for all namespaces and for cluster-scoped resources, `name` for all
    objects."""

    resource: str
    group: str
    namespace: str
    name: str
    verb: str

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of a SelfSubjectAccessReview."""
        shown = {"verb": self.verb, "group": self.group, "resource": self.resource}
        more = {"namespace": self.namespace, "name": self.name}
        return {**shown, **{key: value for key, value in more.items() if value}}

    @property
    def of_all(self) -> Permission:
        return replace(self, name="")

    @property
    def target(self) -> str:
        """As kubectl accepts it: `daemonsets.apps/aws-iam-authenticator`."""
        full = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{full}/{self.name}" if self.name else full

    @property
    def can_i(self) -> tuple[str, ...]:
        """The arguments with which kubectl checks this permission."""
        scope = ("--namespace", self.namespace) if self.namespace else ("--all-namespaces",)
        return ("auth", "can-i", self.verb, self.target, *scope)


_IDENTITY = Permission("namespaces", "", "kube-system", "kube-system", "get")
"""The read that identifies the cluster."""


class PermissionsMissing(ToolError):
    """Permissions are missing, and nothing was changed. `missing` contains all of them."""

    def __init__(self, kubectl: Kubectl, missing: Iterable[Permission]) -> None:
        self.missing = tuple(sorted(set(missing)))
        commands = [f"`{shlex.join(kubectl.command(*each.can_i))}`" for each in self.missing[:_MAX_COMMANDS]]
        more = " and so on" if len(self.missing) > _MAX_COMMANDS else ""
        super().__init__(
            f"you may not {'; '.join(_described(self.missing))}; nothing was changed",
            remedy="ask an administrator of the cluster for these permissions, and check them with "
            f"{', '.join(commands)}{more}",
        )


def _described(permissions: Sequence[Permission]) -> Iterator[str]:
    """As in "create, patch configmaps/x, daemonsets.apps/x in kube-system"."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for each in permissions:
        verbs.setdefault((each.namespace, each.target), []).append(each.verb)
    targets: dict[tuple[str, str], list[str]] = {}
    for (namespace, target), found in verbs.items():
        targets.setdefault((namespace, ", ".join(found)), []).append(target)
    for (namespace, what), named in sorted(targets.items(), reverse=True):
        yield f"{what} {brief_list(named, _MAX_NAMED)} {f'in {namespace}' if namespace else 'in the cluster'}"


def check_permissions(kubectl: Kubectl, wanted: Iterable[Permission], tell: Progress = no_progress) -> None:
    """Raises PermissionsMissing with all missing permissions, and ToolError where the API server cannot be asked. If it
    does not report permissions, `tell` is called with a note."""
    asked = sorted(set(wanted))
    if not asked:
        return
    denied = _denied(kubectl, sorted({each.of_all for each in asked}))
    if denied is None:
        tell("note: the API server does not report your permissions: if one is missing, this stops midway")
        return
    # Rules may name objects: a user without the permission for the whole kind may have it for each object.
    left = [each for each in asked if each.of_all in denied]
    named = [each for each in left if each.name]
    if named and len(named) <= _BY_NAME:
        denied = _denied(kubectl, named) or set()
        left = [each for each in left if not each.name or each in denied]
    if left:
        raise PermissionsMissing(kubectl, left if len(left) <= _BY_NAME else {each.of_all for each in left})


def permissions_of_apply(server: Server, plan: ApplyPlan, check: PodCheck) -> Iterator[Permission]:
    """The permissions that the plan requires. `check`: the pods that run now. Raises ToolError."""
    resources = _Resources(server.kubectl)
    if plan.is_change:
        yield _IDENTITY
    for step in plan.steps:
        if not is_settled(server, step):
            yield from resources.permissions(step.ref, *_writing(server, step.wanted, step.live))
    for each in plan.removals:
        yield from resources.permissions(Ref.of(each), "delete")
    yield from permissions_of_restart(check, plan.ends)


def permissions_of_rollback(server: Server, steps: Sequence[UndoStep], check: PodCheck) -> Iterator[Permission]:
    """As `permissions_of_apply`."""
    resources = _Resources(server.kubectl)
    written = {
        ObjectAction.CREATED: ("create",),
        ObjectAction.CONFIGURED: ("update",),
        ObjectAction.REMOVED: ("delete",),
    }
    for step in steps:
        verbs = written.get(step.action, ())
        # The annotation of client-side apply is set by a PATCH.
        is_noted = step.then is not None and last_applied(step.then) is not None
        yield from resources.permissions(step.ref, *verbs, *(("patch",) if verbs and is_noted else ()))
    yield from permissions_of_restart(check, [(each.live, each.then) for each in steps])


def permissions_of_restart(check: PodCheck, changes: Changes) -> Iterator[Permission]:
    """The permissions for restarts of pods that run another configuration, now or after the changes, and that no
    controller replaces."""
    update = PodUpdate.of(check, changes)
    if not update.has_same_template:
        return
    verbs = ("list", "delete") if update.has_new_data else ("delete",) if check.stale else ()
    for verb in verbs:
        yield Permission("pods", "", DAEMONSET.namespace, "", verb)


@contextmanager
def explained(server: Server, objects: Sequence[Object], *, are_applied: bool = True) -> Iterator[None]:
    """If a call within is forbidden, raises PermissionsMissing with all missing permissions instead. The calls within
    must not write. `are_applied`: whether the objects are to be applied, and not only read."""
    try:
        yield
    except ToolError as error:
        if "forbidden" not in error.what.lower():
            raise
        try:
            _explain(server, objects, are_applied=are_applied)
        except PermissionsMissing as missing:
            raise missing from None
        except TarmakIamError:
            pass
        raise


def _explain(server: Server, objects: Sequence[Object], *, are_applied: bool) -> None:
    resources = _Resources(server.kubectl)
    refs = [Ref.of(each) for each in objects]
    has_policies = server.version.is_below(1, 25)
    kinds = [kind for kind in _LISTED if kind != _POLICIES or has_policies] if are_applied else []
    listing = [Permission(_LISTED[group, kind], group, "", "", "list") for group, kind in kinds]
    reading = [_IDENTITY, *listing, *(each for ref in refs for each in resources.permissions(ref, "get"))]
    missing: tuple[Permission, ...] = ()
    found: list[Object] = []
    try:
        check_permissions(server.kubectl, reading)
        found = server.read([ref.stub for ref in refs])
    except PermissionsMissing as error:
        missing = error.missing
    live = Index(found)
    writing: list[Permission] = []
    if are_applied:
        for each, ref in zip(objects, refs, strict=True):
            writing += resources.permissions(ref, *_writing(server, each, live.get(ref)))
    try:
        check_permissions(server.kubectl, writing)
    except PermissionsMissing as error:
        missing = (*missing, *error.missing)
    if missing:
        raise PermissionsMissing(server.kubectl, missing)


def _writing(server: Server, wanted: Object, live: Object | None) -> tuple[str, ...]:
    """The verbs of an apply: server-side apply is a PATCH, and may also create the object. Without it, the object is
    replaced, and the annotation of client-side apply is set by a PATCH."""
    is_patched = server.is_server_side or fits_client_side_apply(wanted)
    written = ("create",) if live is None else () if server.is_server_side else ("update",)
    return (*written, "patch") if is_patched else written


@dataclass(frozen=True, slots=True)
class _Resources:
    """The resource names of kinds."""

    kubectl: Kubectl
    _found: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def permissions(self, ref: Ref, *verbs: str) -> Iterator[Permission]:
        """Empty for an unknown kind: the API server reports it when the object is applied."""
        resource = self._resource(ref) if verbs else None
        for verb in verbs if resource is not None else ():
            yield Permission(resource or "", ref.group, ref.namespace, ref.name, verb)

    def _resource(self, ref: Ref) -> str | None:
        known = _PLURALS.get((ref.group, ref.kind))
        if known is not None:
            return known
        if (ref.api_version, ref.kind) not in self._found:  # asked once per kind
            done = self.kubectl.run("get", "--raw", f"/{'apis' if ref.group else 'api'}/{ref.api_version}")
            answer = {} if done.code else next(iter(objects_of(done)), {})
            names = [str(each.get("name")) for each in answer.get("resources") or () if each.get("kind") == ref.kind]
            self._found[ref.api_version, ref.kind] = next((name for name in names if "/" not in name), None)
        return self._found[ref.api_version, ref.kind]


def _denied(kubectl: Kubectl, permissions: Sequence[Permission]) -> set[Permission] | None:
    """The missing permissions; None where the API server does not report them. Raises ToolError."""
    reviews = [
        {"apiVersion": _API, "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": each.attributes}}
        for each in permissions
    ]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    # Not validated: kubectl would first download the API server's whole schema.
    done = kubectl.run("create", "--validate=false", "-o", "json", "-f", "-", text=listed)
    if done.code and (is_forbidden(done) or is_unserved(done)):
        return None
    if done.code:
        raise kubectl.failure(done, "create")
    answers = objects_of(done)
    if len(answers) != len(permissions):
        raise ToolError("kubectl did not print an answer for each SelfSubjectAccessReview")
    allowed = [bool((each.get("status") or {}).get("allowed")) for each in answers]
    return {each for each, is_allowed in zip(permissions, allowed, strict=True) if not is_allowed}
