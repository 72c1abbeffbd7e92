"""The rights that RBAC in a cluster grants to usernames and groups: bindings, roles and their rules, evaluated as the
API server does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from tarmak_iam.emit.labels import NAMESPACE
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.objects import Object, Ref
from tarmak_iam.identity.templates import could_be, templates_in
from tarmak_iam.mappings.groups import EVERYONE
from tarmak_iam.report.escalations import (
    CLUSTER_SCOPED,
    ClusterFacts,
    Escalation,
    Privilege,
    ResourceAccess,
    escalations,
)

UNAUTHENTICATED = "system:unauthenticated"
"""The group of requests without a login."""

ANONYMOUS = "system:anonymous"
"""The username of requests without a login."""

_GROUP = "rbac.authorization.k8s.io"
_ACCOUNTS = "system:serviceaccounts"
_ACCOUNT = "system:serviceaccount:"
_NEXT_TO_AUTHENTICATOR = f" in {NAMESPACE}, where the authenticator runs"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule of a role. It applies either to the resources `plain` of the API `groups`, or to `urls`. `names`, if not
    empty, limits it to these objects."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> PolicyRule:
        keys = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
        return cls(*(tuple(map(str, rule.get(key) or ())) for key in keys))

    @property
    def is_everything(self) -> bool:
        """Every verb on every resource of every API group."""
        return "*" in self.verbs and "*" in self.groups and "*" in self.plain and not self.names

    @property
    def resources(self) -> tuple[str, ...]:
        """As kubectl accepts them: `deployments.apps`; `*` for every resource of every group, `*.` for every resource
        of the core group."""
        groups, plain = (("*",) if "*" in values else values for values in (self.groups, self.plain))
        names = (f"{name}.{group}" if group or name == "*" else name for group in groups for name in plain)
        return tuple("*" if name == "*.*" else name for name in names)

    def meets(self, accesses: Iterable[ResourceAccess]) -> bool:
        return any(self._allows(access) for access in accesses)

    def in_namespace(self) -> PolicyRule | None:
        """The part that a RoleBinding grants: no URLs, no resources without a namespace. None if nothing is left."""
        plain = tuple(name for name in self.plain if any(not _is_cluster_scoped(group, name) for group in self.groups))
        return replace(self, plain=plain) if plain and not self.urls else None

    def _allows(self, access: ResourceAccess) -> bool:
        """Whether any request of an access would be allowed: apis/rbac/v1/evaluation_helpers.go in Kubernetes."""
        if not {"*", *access.groups} & set(self.groups):
            return False
        verbs = access.verbs if "*" in self.verbs else tuple(set(access.verbs) & set(self.verbs))
        wanted = [resource for resource in access.resources if any(_is_of(name, resource) for name in self.plain)]
        return any(self._is_named(verb, resource, access.names) for verb in verbs for resource in wanted)

    def _is_named(self, verb: str, resource: str, names: tuple[str, ...]) -> bool:
        """A request to create an object or to delete a collection names no object; one about a subresource does."""
        if not self.names:
            return True
        if verb == "deletecollection" or (verb == "create" and "/" not in resource):
            return "" in self.names
        return not names or any(fnmatchcase(name, pattern) for name in self.names for pattern in names)

    @property
    def what(self) -> str:
        """The resources or URLs to which it applies."""
        if self.urls:
            return "every URL" if "*" in self.urls else ", ".join(self.urls)
        words = {"*": "every resource", "*.": "every resource of the core group"}
        others = {name: f"every resource of {name[2:]}" for name in self.resources if name.startswith("*.")}
        return ", ".join(words.get(name) or others.get(name, name) for name in self.resources) or "no resource"

    @property
    def does(self) -> str:
        return "every verb" if "*" in self.verbs else ", ".join(self.verbs)

    @property
    def text(self) -> str:
        """As in `get, list on pods, deployments.apps`."""
        if self.is_everything:
            return "everything"
        return f"{self.does} on {self.what}" + (f", only {', '.join(self.names)}" if self.names else "")


def _is_of(named: str, wanted: str) -> bool:
    """Whether a resource of a rule includes the wanted one: `*` is every resource, `*/exec` this subresource of every
    resource."""
    name, _, subresource = wanted.partition("/")
    if named == "*":
        return True
    if subresource == "*":  # the literal `userextras/*` is not a subresource
        return named != wanted and named.startswith((f"{name}/", "*/"))
    return named in (wanted, f"*/{subresource}" if subresource else wanted)


def _is_cluster_scoped(group: str, name: str) -> bool:
    plain = name.partition("/")[0]
    return (group, plain) in CLUSTER_SCOPED or (
        group == "*" and any(plain == resource for _, resource in CLUSTER_SCOPED)
    )


_EVERYTHING = "everything in a namespace"


@dataclass(frozen=True, slots=True)
class FoundEscalation:
    """An escalation that a subject has. `detail`: where, or as whom, as in ` in ci as the service account ci:bot`."""

    name: str
    privilege: Privilege
    detail: str = ""

    @property
    def text(self) -> str:
        return f"{self.name}{self.detail}"


class RbacSubject(NamedTuple):
    """Group or User, and the name for the API server."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class BindingRights:
    """The rights that one binding grants to one of its subjects. `namespace`: "" for the whole cluster. `rules`: the
    parts of the role's rules that the binding grants; None for a role that does not exist. `escalations`: those that
    the rules allow. `parts`: of escalations that need two accesses, the one that the rules allow: the name, and 0 for
    the first access or 1 for the second."""

    subject: RbacSubject
    binding: Ref
    role: Ref
    namespace: str
    rules: tuple[PolicyRule, ...] | None
    escalations: tuple[FoundEscalation, ...] = ()
    parts: tuple[tuple[str, int], ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether these are the rights of cluster-admin."""
        return not self.namespace and any(rule.is_everything for rule in self.rules or ())

    @property
    def privilege(self) -> Privilege:
        """The privilege of this binding alone."""
        if self.is_everything:
            return Privilege.ADMIN
        privileges = (escalation.privilege for escalation in self.escalations)
        return min(privileges, key=lambda privilege: privilege.rank, default=Privilege.NONE)

    @property
    def needs_login(self) -> bool:
        """Whether the API server grants it only to authenticated callers."""
        return self.subject not in (("Group", UNAUTHENTICATED), ("User", ANONYMOUS))

    @property
    def risks(self) -> tuple[str, ...]:
        """The names of the escalations that give a privilege."""
        return tuple(escalation.name for escalation in self.escalations if escalation.privilege is not Privilege.NONE)

    @property
    def notes(self) -> tuple[str, ...]:
        """Rights that an auditor wants to know, and that do not lead to more rights on their own."""
        return tuple(escalation.text for escalation in self.escalations if escalation.privilege is Privilege.NONE)


@dataclass(frozen=True, slots=True)
class SubjectRights:
    """A group or username of the mappings, the principals that get it, and its rights. `built_in`: what a group means
    in Kubernetes without a binding; "" for others."""

    kind: str
    name: str
    principals: tuple[str, ...]
    rights: tuple[BindingRights, ...]
    built_in: str = ""


class Rbac:
    """The roles and bindings of a cluster, by the names of their subjects."""

    def __init__(self, objects: Iterable[Object], facts: ClusterFacts | None = None) -> None:
        self._escalations = escalations(facts or ClusterFacts())
        self._met: dict[tuple[str, tuple[PolicyRule, ...]], tuple[Escalation, ...]] = {}
        self._rights: dict[tuple[str, str], list[BindingRights]] = {}
        for right in _bound(objects):
            with_escalations = replace(right, escalations=self._found(right), parts=tuple(self._parts(right)))
            self._rights.setdefault(right.subject, []).append(with_escalations)
        self._add_accounts()

    @property
    def groups(self) -> frozenset[str]:
        """Every group that a binding names."""
        return frozenset(name for kind, name in self._rights if kind == "Group")

    @property
    def everyone(self) -> tuple[BindingRights, ...]:
        """The rights of every authenticated caller, and those without a login."""
        return (*self.of("Group", EVERYONE), *self.anyone)

    @property
    def anyone(self) -> tuple[BindingRights, ...]:
        """The rights without a login. The API server accepts such requests by default (--anonymous-auth), and Tarmak
        does not set that flag."""
        return (*self.of("Group", UNAUTHENTICATED), *self.of("User", ANONYMOUS))

    def of(self, kind: str, name: str) -> tuple[BindingRights, ...]:
        """The rights of a Group or User by its own name. A template matches every name that it can become."""
        if templates_in(name):
            return self.matching(kind, could_be(name))
        return tuple(self._rights.get((kind, name), ()))

    def matching(self, kind: str, pattern: re.Pattern[str]) -> tuple[BindingRights, ...]:
        return tuple(
            right
            for (own_kind, name), rights in self._rights.items()
            if own_kind == kind and pattern.fullmatch(name)
            for right in rights
        )

    def rights_of(self, username: str, groups: Sequence[str]) -> tuple[BindingRights, ...]:
        """All rights of a login: by its own names, by the groups that the API server adds, and those without a login.

        The API server adds system:authenticated to the answer of a webhook. It adds no groups to the username of a
        service account or a node (authenticated_group_adder.go in Kubernetes).
        """
        rights = (right for group in groups for right in self.of("Group", group))
        is_added = username != ANONYMOUS and UNAUTHENTICATED not in groups
        everyone = self.of("Group", EVERYONE) if is_added else ()
        return tuple(dict.fromkeys((*rights, *self.of("User", username), *everyone, *self.anyone)))

    def _found(self, right: BindingRights, accounts: tuple[str, ...] = ()) -> tuple[FoundEscalation, ...]:
        rules = right.rules or ()
        if any(rule.is_everything for rule in rules):
            if right.namespace == NAMESPACE:
                return (FoundEscalation(_EVERYTHING, Privilege.ADMIN, _NEXT_TO_AUTHENTICATOR),)
            where = f" in {right.namespace}"
            return (FoundEscalation(_EVERYTHING, Privilege.ELEVATED, where),) if right.namespace else ()
        best: dict[str, FoundEscalation] = {}
        for met in self._of_rules(right.namespace, rules):
            escalation = _found_escalation(met, right, accounts)
            if escalation.name not in best or escalation.privilege.rank < best[escalation.name].privilege.rank:
                best[escalation.name] = escalation
        return tuple(best.values())

    def _of_rules(self, namespace: str, rules: tuple[PolicyRule, ...]) -> tuple[Escalation, ...]:
        """Cached: a role is bound in many namespaces, and means the same in all except kube-system."""
        key = (namespace if namespace in ("", NAMESPACE) else "any other", rules)
        if key not in self._met:
            self._met[key] = tuple(
                escalation
                for escalation in self._escalations
                if not namespace or (not escalation.is_cluster_scoped and escalation.only_in in ("", namespace))
                if any(rule.meets(escalation.accesses) for rule in rules)
                if not escalation.also or any(rule.meets(escalation.also) for rule in rules)
            )
        return self._met[key]

    def _parts(self, right: BindingRights) -> Iterator[tuple[str, int]]:
        """Only for the whole cluster: no other escalation needs two accesses."""
        for escalation in () if right.namespace else self._escalations:
            if escalation.also:
                met = [
                    any(rule.meets(part) for rule in right.rules or ())
                    for part in (escalation.accesses, escalation.also)
                ]
                if any(met) and not all(met):
                    yield escalation.name, met.index(True)

    def _add_accounts(self) -> None:
        """A subject that can start pods in a namespace can act as any of its service accounts. Repeated until nothing
        changes, because service accounts can start pods too."""
        known: dict[str, tuple[str, ...]] = {}
        while (now := self._privileged_accounts()) != known:
            known = now
            for subject, rights in self._rights.items():
                self._rights[subject] = [
                    replace(right, escalations=self._found(right, known[right.namespace]))
                    if right.namespace in known
                    else right
                    for right in rights
                ]

    def _privileged_accounts(self) -> dict[str, tuple[str, ...]]:
        """By namespace: the service accounts with an escalation; `*` for all of them."""
        accounts: dict[str, list[str]] = {}
        namespaces = {right.namespace for rights in self._rights.values() for right in rights if right.namespace}
        for (kind, name), rights in self._rights.items():
            if all(right.privilege is Privilege.NONE for right in rights):
                continue
            if kind == "User" and name.startswith(_ACCOUNT):
                namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
                accounts.setdefault(namespace, []).append(account)
            elif kind == "Group" and name.startswith(_ACCOUNTS):
                in_namespace = name.removeprefix(_ACCOUNTS).removeprefix(":")
                for namespace in [in_namespace] if in_namespace else sorted(namespaces):
                    accounts.setdefault(namespace, []).append("*")
        return {namespace: tuple(dict.fromkeys(names)) for namespace, names in accounts.items()}


def combined_escalations(rights: Iterable[BindingRights]) -> Iterator[tuple[FoundEscalation, tuple[Ref, Ref]]]:
    """Escalations that two bindings of a subject allow together, and neither of them alone."""
    by_part: dict[tuple[str, int], Ref] = {}
    for right in rights:
        for part in right.parts:
            by_part.setdefault(part, right.binding)
    for (name, number), first in by_part.items():
        if number == 0 and (name, 1) in by_part:
            yield FoundEscalation(name, Privilege.ELEVATED), (first, by_part[name, 1])


def read_rbac_objects(kubectl: Kubectl) -> list[Object]:
    """Roles and bindings of every namespace. Raises ToolError."""
    return kubectl.all_of("clusterroles,roles,clusterrolebindings,rolebindings")


def _bound(objects: Iterable[Object]) -> Iterator[BindingRights]:
    roles: dict[tuple[str, str, str], tuple[PolicyRule, ...]] = {}
    in_namespaces: dict[tuple[str, str, str], tuple[PolicyRule, ...]] = {}
    bindings = []
    for item in objects:
        ref = Ref.of(item)
        if ref.kind in ("Role", "ClusterRole"):
            key = (ref.kind, ref.namespace, ref.name)
            roles[key] = tuple(map(PolicyRule.of, item.get("rules") or ()))
            in_namespaces[key] = tuple(rule for whole in roles[key] if (rule := whole.in_namespace()) is not None)
        elif ref.kind in ("RoleBinding", "ClusterRoleBinding"):
            bindings.append((ref, item))
    for ref, item in sorted(bindings, key=lambda pair: (pair[0].namespace, pair[0].kind, pair[0].name)):
        role = item.get("roleRef") or {}
        namespace = ref.namespace if role.get("kind") == "Role" else ""
        granted = Ref(f"{_GROUP}/v1", str(role.get("kind")), namespace, str(role.get("name")))
        rules = (in_namespaces if ref.namespace else roles).get((granted.kind, namespace, granted.name))
        for subject in dict.fromkeys(_subjects(item, ref.namespace)):
            yield BindingRights(subject, ref, granted, ref.namespace, rules)


def _subjects(binding: Object, namespace: str) -> Iterator[RbacSubject]:
    """As compared in pkg/registry/rbac/validation/rule.go in Kubernetes: no other kinds. In a RoleBinding, a service
    account without a namespace is in that of the binding."""
    for subject in binding.get("subjects") or ():
        kind, name = str(subject.get("kind")), str(subject.get("name", ""))
        if kind == "ServiceAccount":  # for the API server a user with this name, even with another login
            of_account = str(subject.get("namespace") or namespace)
            if of_account:
                yield RbacSubject("User", f"{_ACCOUNT}{of_account}:{name}")
        elif kind in ("Group", "User"):
            yield RbacSubject(kind, name)


def _found_escalation(escalation: Escalation, right: BindingRights, accounts: tuple[str, ...]) -> FoundEscalation:
    namespace = right.namespace
    if namespace in ("", NAMESPACE) and escalation.in_kube_system.rank < escalation.privilege.rank:
        return FoundEscalation(escalation.name, escalation.in_kube_system, _NEXT_TO_AUTHENTICATOR)
    where = f" in {namespace}" if namespace else ""
    if escalation.as_accounts and accounts:
        single = f"the service account {namespace}:{accounts[0]}"
        whom = f"any service account of {namespace}" if "*" in accounts else single
        return FoundEscalation(escalation.name, Privilege.ELEVATED, f"{where} as {whom}")
    return FoundEscalation(escalation.name, escalation.privilege, where)
