"""The permissions that RBAC in a cluster grants to usernames and groups, evaluated as the API server does, and the
privilege of a username with its groups."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from tarmak_iam.emit.artifact import NAMESPACE
from tarmak_iam.hook.cluster.objects import Object, Ref
from tarmak_iam.identity.templates import can_become, can_begin, could_be, fixed_prefix, templates_in
from tarmak_iam.mappings.groups import ADMINS, EVERYONE, NODES
from tarmak_iam.report.escalations import CLUSTER_SCOPED, ClusterFacts, Escalation, Privilege, escalations

UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = "system:anonymous"
"""The group and the username of requests without a login."""

_ACCOUNTS = "system:serviceaccounts"
_ACCOUNT = "system:serviceaccount:"
_NEXT_TO_AUTHENTICATOR = f" in {NAMESPACE}, where the authenticator runs"
_EVERYTHING = "everything in a namespace"
_NODE = "system:node:"
# The default bindings of Kubernetes (rbac/bootstrappolicy) allow them to read secrets or to get more rights.
_CONTROLLER_MANAGER = "system:kube-controller-manager"
_CONTROLLERS = "system:serviceaccount:kube-system:"
_WHOSE = {
    ("Group", EVERYONE): f" for every authenticated caller ({EVERYONE})",
    ("Group", UNAUTHENTICATED): f" for every caller, without a login ({UNAUTHENTICATED})",
    ("User", ANONYMOUS): f" for every caller, without a login ({ANONYMOUS})",
}


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule of a role, for the resources `plain` of the API `groups`, limited to `names` if any, or for `urls`."""

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

    def allows(self, access: Escalation) -> bool:
        """Whether any request of an access would be allowed: apis/rbac/v1/evaluation_helpers.go in Kubernetes."""
        if not {"*", *access.groups} & set(self.groups):
            return False
        verbs = [verb for verb in access.verbs if verb in self.verbs or "*" in self.verbs]
        wanted = [name for name in access.resources if any(_is_of(named, name) for named in self.plain)]
        return any(self._names_one(verb, resource, access.names) for verb in verbs for resource in wanted)

    def _names_one(self, verb: str, resource: str, names: tuple[str, ...]) -> bool:
        """A request to create an object or to delete a collection names no object; one about a subresource does."""
        if not self.names:
            return True
        if verb == "deletecollection" or (verb == "create" and "/" not in resource):
            return "" in self.names
        return not names or any(fnmatchcase(name, pattern) for name in self.names for pattern in names)

    def in_namespace(self) -> PolicyRule | None:
        """The part that a RoleBinding grants: no URLs, no resources without a namespace. None if nothing is left."""

        def is_cluster_scoped(group: str, name: str) -> bool:
            return (group, name) in CLUSTER_SCOPED or (
                group == "*" and any(name == resource for _, resource in CLUSTER_SCOPED)
            )

        plain = tuple(
            name
            for name in self.plain
            if any(not is_cluster_scoped(group, name.partition("/")[0]) for group in self.groups)
        )
        return replace(self, plain=plain) if plain and not self.urls else None


def _is_of(named: str, wanted: str) -> bool:
    """Whether a resource of a rule includes the wanted one: `*` every one, `*/exec` this subresource of every one."""
    name, _, subresource = wanted.partition("/")
    if named == "*":
        return True
    if subresource == "*":  # the literal `userextras/*` is not a subresource
        return named != wanted and named.startswith((f"{name}/", "*/"))
    return named in (wanted, f"*/{subresource}" if subresource else wanted)


class FoundEscalation(NamedTuple):
    """An escalation that a subject has. `detail`: where, or as whom, as in ` in ci as the service account ci:bot`."""

    name: str
    privilege: Privilege
    detail: str = ""


class RbacSubject(NamedTuple):
    """Group or User, and the name for the API server."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class BindingRights:
    """The permissions that one binding grants to one of its subjects. `namespace`: "" for the whole cluster. `rules`:
    the parts of the role's rules that the binding grants; None for a role that does not exist. `parts`: of escalations
    that need two accesses, the one that the rules allow: the name, and 0 or 1 for the first or second access."""

    subject: RbacSubject
    binding: Ref
    role: Ref
    namespace: str
    rules: tuple[PolicyRule, ...] | None
    escalations: tuple[FoundEscalation, ...] = ()
    parts: tuple[tuple[str, int], ...] = ()

    @property
    def is_everything(self) -> bool:
        """Whether these are the permissions of cluster-admin."""
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
        """Permissions that an auditor wants to know, and that do not lead to more permissions on their own."""
        notes = (escalation for escalation in self.escalations if escalation.privilege is Privilege.NONE)
        return tuple(f"{note.name}{note.detail}" for note in notes)


class SubjectRights(NamedTuple):
    """A group or username, its principals and permissions. `built_in`: what it means without a binding."""

    kind: str
    name: str
    principals: tuple[str, ...]
    rights: tuple[BindingRights, ...]
    built_in: str = ""


class Rbac:
    """The roles and bindings of a cluster, by the names of their subjects."""

    def __init__(self, objects: Iterable[Object], facts: ClusterFacts | None = None) -> None:
        self._escalations = tuple(escalations(facts or ClusterFacts()))
        self._met: dict[tuple[str, tuple[PolicyRule, ...]], tuple[Escalation, ...]] = {}
        self._rights: dict[tuple[str, str], list[BindingRights]] = {}
        for right in _bound(objects):
            with_escalations = replace(right, escalations=self._found(right), parts=tuple(self._parts(right)))
            self._rights.setdefault(right.subject, []).append(with_escalations)
        # A subject that can start pods in a namespace can act as any of its service accounts. Repeated until nothing
        # changes, because service accounts can start pods too.
        known: dict[str, tuple[str, ...]] = {}
        while (accounts := self._privileged_accounts()) != known:
            known = accounts
            for rights in self._rights.values():
                rights[:] = [
                    replace(right, escalations=self._found(right, known[right.namespace]))
                    if right.namespace in known
                    else right
                    for right in rights
                ]

    @property
    def groups(self) -> frozenset[str]:
        """Every group that a binding names."""
        return frozenset(name for kind, name in self._rights if kind == "Group")

    @property
    def everyone(self) -> tuple[BindingRights, ...]:
        """The permissions of every authenticated caller, and those without a login."""
        return (*self.of("Group", EVERYONE), *self.anyone)

    @property
    def anyone(self) -> tuple[BindingRights, ...]:
        """The permissions without a login, which works unless --anonymous-auth, unset by Tarmak, is off."""
        return (*self.of("Group", UNAUTHENTICATED), *self.of("User", ANONYMOUS))

    def of(self, kind: str, name: str) -> tuple[BindingRights, ...]:
        """The permissions of a Group or User by its own name. A template matches every name that it can become."""
        if templates_in(name):
            return self.matching(kind, could_be(name))
        return tuple(self._rights.get((kind, name), ()))

    def matching(self, kind: str, pattern: re.Pattern[str]) -> tuple[BindingRights, ...]:
        by_name = self._rights.items()
        matching = (rights for subject, rights in by_name if subject[0] == kind and pattern.fullmatch(subject[1]))
        return tuple(right for rights in matching for right in rights)

    def rights_of(self, username: str, groups: Sequence[str]) -> tuple[BindingRights, ...]:
        """All permissions of a login: by its names, by system:authenticated, which the API server adds to the answer of
        a webhook, and those without a login. It adds no groups to a service account or node
        (authenticated_group_adder.go in Kubernetes)."""
        rights = (right for group in groups for right in self.of("Group", group))
        is_added = username != ANONYMOUS and UNAUTHENTICATED not in groups
        everyone = self.of("Group", EVERYONE) if is_added else ()
        return tuple(dict.fromkeys((*rights, *self.of("User", username), *everyone, *self.anyone)))

    def _found(self, right: BindingRights, accounts: tuple[str, ...] = ()) -> tuple[FoundEscalation, ...]:
        """`accounts`: the service accounts of the namespace that have an escalation."""
        rules, namespace = right.rules or (), right.namespace
        where = f" in {namespace}" if namespace else ""
        if any(rule.is_everything for rule in rules):
            if namespace == NAMESPACE:
                return (FoundEscalation(_EVERYTHING, Privilege.ADMIN, _NEXT_TO_AUTHENTICATOR),)
            return (FoundEscalation(_EVERYTHING, Privilege.ELEVATED, where),) if namespace else ()
        best: dict[str, FoundEscalation] = {}
        for met in self._of_rules(namespace, rules):
            escalation = FoundEscalation(met.name, met.privilege, where)
            if namespace in ("", NAMESPACE) and met.in_kube_system.rank < met.privilege.rank:
                escalation = FoundEscalation(met.name, met.in_kube_system, _NEXT_TO_AUTHENTICATOR)
            elif met.as_accounts and accounts:
                single = f"the service account {namespace}:{accounts[0]}"
                whom = f"any service account of {namespace}" if "*" in accounts else single
                escalation = FoundEscalation(met.name, Privilege.ELEVATED, f"{where} as {whom}")
            if met.name not in best or escalation.privilege.rank < best[met.name].privilege.rank:
                best[met.name] = escalation
        return tuple(best.values())

    def _of_rules(self, namespace: str, rules: tuple[PolicyRule, ...]) -> tuple[Escalation, ...]:
        """Cached: a role is bound in many namespaces, and means the same in all except kube-system."""
        key = (namespace if namespace in ("", NAMESPACE) else "any other", rules)
        if key not in self._met:
            self._met[key] = tuple(
                escalation
                for escalation in self._escalations
                if not namespace or (not escalation.is_cluster_scoped and escalation.only_in in ("", namespace))
                if any(rule.allows(escalation) for rule in rules)
                if escalation.also is None or any(rule.allows(escalation.also) for rule in rules)
            )
        return self._met[key]

    def _parts(self, right: BindingRights) -> Iterator[tuple[str, int]]:
        """Only for the whole cluster: no other escalation needs two accesses."""
        for escalation in () if right.namespace else self._escalations:
            if escalation.also:
                parts = (escalation, escalation.also)
                met = [any(rule.allows(part) for rule in right.rules or ()) for part in parts]
                if any(met) and not all(met):
                    yield escalation.name, met.index(True)

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


def _bound(objects: Iterable[Object]) -> Iterator[BindingRights]:
    """Of each binding and subject, without escalations. Subjects are compared as in
    pkg/registry/rbac/validation/rule.go in Kubernetes: no other kinds. In a RoleBinding, a service account without a
    namespace is in that of the binding."""
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
        granted = Ref("rbac.authorization.k8s.io/v1", str(role.get("kind")), namespace, str(role.get("name")))
        rules = (in_namespaces if ref.namespace else roles).get((granted.kind, namespace, granted.name))
        subjects: dict[RbacSubject, None] = {}
        for subject in item.get("subjects") or ():
            kind, name = str(subject.get("kind")), str(subject.get("name", ""))
            of_account = str(subject.get("namespace") or ref.namespace)
            if kind == "ServiceAccount" and of_account:  # a user with this name, even with another login
                subjects[RbacSubject("User", f"{_ACCOUNT}{of_account}:{name}")] = None
            elif kind in ("Group", "User"):
                subjects[RbacSubject(kind, name)] = None
        for bound in subjects:
            yield BindingRights(bound, ref, granted, ref.namespace, rules)


JustifiedPrivilege = tuple[Privilege, tuple[str, ...]]


def privilege_of(username: str, groups: Iterable[str], rights: Iterable[BindingRights] = ()) -> JustifiedPrivilege:
    """The highest privilege, and the reasons for it."""
    names = (username, *groups)
    reasons = [*_of_groups(names[1:]), *_of_username(username), *_of_rights(tuple(rights), names)]
    if not reasons:
        return Privilege.NONE, ()
    most = min((privilege for privilege, _ in reasons), key=lambda privilege: privilege.rank)
    return most, tuple(dict.fromkeys(why for privilege, why in reasons if privilege is most))


def privilege_of_any(
    possible: Iterable[tuple[str, tuple[str, ...]]], rbac: Rbac | None, account: str = ""
) -> JustifiedPrivilege:
    """The highest privilege of the usernames and groups that a principal may get; the first one of equal ones.
    `account`: the ID of an account whose callers all log in with their own ARN as username; "" for other principals."""
    by_account = rbac.matching("User", names_of_account(account)) if rbac and account else ()
    justified = (
        privilege_of(username, groups, (*by_account, *rbac.rights_of(username, groups)) if rbac else ())
        for username, groups in possible
    )
    return min(justified, key=lambda reasons: reasons[0].rank)


def names_of_account(account: str) -> re.Pattern[str]:
    """The usernames of callers that are mapped by their account: their own ARNs."""
    return re.compile(rf"arn:[^:]*:(iam|sts)::{re.escape(account)}:.*")


def _of_groups(groups: Iterable[str]) -> Iterator[tuple[Privilege, str]]:
    for group in groups:
        for name, privilege in ((ADMINS, Privilege.ADMIN), (NODES, Privilege.NODE)):
            if group == name:
                yield privilege, f"group {name}"
            elif can_become(group, name):
                yield privilege, f"the group {group} can become {name}"


def _of_username(username: str) -> Iterator[tuple[Privilege, str]]:
    if username.startswith(_NODE):
        yield Privilege.NODE, "the username of a node"
    elif (username.startswith("system:") and fixed_prefix(username) in ("system:", _NODE[:-1])) or can_begin(
        username, _NODE
    ):
        yield Privilege.NODE, f"the username {username} can become a username of Kubernetes itself"
    elif username == _CONTROLLER_MANAGER or username.startswith(_CONTROLLERS):
        yield Privilege.ELEVATED, "the username of a Kubernetes controller"
    elif can_become(username, _CONTROLLER_MANAGER) or can_begin(username, _CONTROLLERS):
        yield Privilege.ELEVATED, f"the username {username} can become the username of a Kubernetes controller"


def _of_rights(rights: Sequence[BindingRights], names: tuple[str, ...]) -> Iterator[tuple[Privilege, str]]:
    others = [right for right in rights if right.subject != ("Group", ADMINS)]  # has every right without a binding
    for right in others:
        # For rights of another name, which a template can become or which every caller has: whose rights they are.
        other = _WHOSE.get(right.subject) or f" for the {right.subject.kind.lower()} {right.subject.name}"
        whose = "" if right.subject.name in names else other
        if right.is_everything:
            yield Privilege.ADMIN, f"{right.binding}: everything{whose}"
        for privilege in (Privilege.ADMIN, Privilege.ELEVATED):
            by_detail: dict[str, list[str]] = {}
            for escalation in right.escalations:
                if escalation.privilege is privilege:
                    by_detail.setdefault(escalation.detail, []).append(escalation.name)
            if by_detail:
                texts = (f"{', '.join(names_there)}{detail}" for detail, names_there in by_detail.items())
                yield privilege, f"{right.binding}: {', '.join(texts)}{whose}"
    # Escalations that two bindings allow together, and neither of them alone.
    by_part = {part: right.binding for right in reversed(others) for part in reversed(right.parts)}
    for name in dict.fromkeys(name for right in others for name, _ in right.parts):
        if (name, 0) in by_part and (name, 1) in by_part:
            yield Privilege.ELEVATED, f"{by_part[name, 0]} and {by_part[name, 1]}: {name}"
