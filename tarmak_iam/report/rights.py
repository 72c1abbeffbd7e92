"""What RBAC of a cluster gives to usernames and groups: bindings, their roles, and what those allow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.objects import Object, Ref
from tarmak_iam.identity.template_names import could_be, templates_in

__all__ = ["RISKS", "GroupRights", "Rbac", "Right", "Rule"]

_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Risk:
    """Verbs on resources of API groups that lead to more rights; an empty tuple stands for any."""

    name: str
    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]


RISKS = (
    Risk("reads secrets", ("",), ("secrets",), ("get", "list", "watch")),
    Risk("runs commands in pods", ("",), ("pods/exec", "pods/attach"), ("create", "get")),
    Risk("makes tokens of service accounts", ("",), ("serviceaccounts/token",), ("create",)),
    Risk("speaks to kubelets", ("",), ("nodes/proxy",), ("get", "create", "update", "patch", "delete")),
    Risk("acts as others", (), ("users", "groups", "serviceaccounts", "userextras"), ("impersonate",)),
    Risk("gives rights it has not", (_GROUP,), ("roles", "clusterroles"), ("escalate", "bind")),
    Risk(
        "approves certificates", ("certificates.k8s.io",), ("certificatesigningrequests/approval",), ("update", "patch")
    ),
)
"""Ways to more rights, after "Role Based Access Control Good Practices: privilege escalation risks" in Kubernetes's
documentation; what a creator of workloads reaches is not among them, since every developer is one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a role. `resources` are written as kubectl takes them (`deployments.apps`); `names` are the only
    objects that it is about, where there are any. A rule is about resources or about `urls`."""

    verbs: tuple[str, ...]
    resources: tuple[str, ...]
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    is_everything: bool = False
    """Every verb on every resource of every API group."""
    risks: tuple[str, ...] = ()

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> Rule:
        verbs, groups, plain = (_texts(rule, key) for key in ("verbs", "apiGroups", "resources"))
        resources = [_resource(group, each) for group in groups for each in plain]
        names, urls = _texts(rule, "resourceNames"), _texts(rule, "nonResourceURLs")
        everything = "*" in verbs and "*" in groups and "*" in plain and not names
        risks = (risk.name for risk in RISKS if _meets(risk, verbs, groups, plain))
        return cls(verbs, tuple(resources), names, urls, everything, () if everything else tuple(risks))

    @property
    def what(self) -> str:
        """The resources or URLs that it is about."""
        if self.urls:
            return _all_or(self.urls, "every URL")
        return _all_or(self.resources, "every resource")

    @property
    def does(self) -> str:
        return _all_or(self.verbs, "every verb")

    @property
    def text(self) -> str:
        """As in `get, list on pods, deployments.apps`."""
        if self.is_everything:
            return "everything"
        return f"{self.does} on {self.what}" + (f", only {', '.join(self.names)}" if self.names else "")


@dataclass(frozen=True, slots=True)
class Right:
    """What one binding gives to one subject of it. `namespace` is empty for the whole cluster; `rules` is None for a
    role that does not exist, which gives nothing. `subject`: its kind, Group or User, and its name in the binding."""

    subject: tuple[str, str]
    binding: Ref
    role: Ref
    namespace: str
    rules: tuple[Rule, ...] | None

    @property
    def is_everything(self) -> bool:
        """Whether it is worth as much as cluster-admin."""
        return not self.namespace and any(rule.is_everything for rule in self.rules or ())

    @property
    def risks(self) -> tuple[str, ...]:
        own = ("everything in a namespace",) if any(rule.is_everything for rule in self.rules or ()) else ()
        found = (risk for rule in self.rules or () for risk in rule.risks)
        return () if self.is_everything else tuple(dict.fromkeys((*own, *found)))


@dataclass(frozen=True, slots=True)
class GroupRights:
    """A group or username that the mappings give, to whom, and what it is worth; `built_in` tells of a group that means
    something without any binding."""

    kind: str
    name: str
    principals: tuple[str, ...]
    rights: tuple[Right, ...]
    built_in: str = ""


class Rbac:
    """The roles and bindings of a cluster, asked for one name after the other."""

    def __init__(self, objects: Iterable[Object]) -> None:
        roles: dict[tuple[str, str, str], Object] = {}
        self._rights: dict[tuple[str, str], list[Right]] = {}
        bindings = []
        for each in objects:
            ref = Ref.of(each)
            if ref.kind in ("Role", "ClusterRole"):
                roles[ref.kind, ref.namespace, ref.name] = each
            elif ref.kind in ("RoleBinding", "ClusterRoleBinding"):
                bindings.append((ref, each))
        for ref, each in sorted(bindings, key=lambda pair: (pair[0].namespace, pair[0].kind, pair[0].name)):
            role = each.get("roleRef") or {}
            namespace = ref.namespace if role.get("kind") == "Role" else ""
            found = roles.get((str(role.get("kind")), namespace, str(role.get("name"))))
            rules = None if found is None else tuple(map(Rule.of, found.get("rules") or ()))
            own = Ref(f"{_GROUP}/v1", str(role.get("kind")), namespace, str(role.get("name")))
            for subject in dict.fromkeys(_subjects(each)):
                self._rights.setdefault(subject, []).append(Right(subject, ref, own, ref.namespace, rules))

    @classmethod
    def read(cls, kubectl: Kubectl) -> Rbac:
        """Raises ToolError."""
        return cls(kubectl.all_of("clusterroles,roles,clusterrolebindings,rolebindings"))

    @property
    def groups(self) -> frozenset[str]:
        """Every group that some binding names."""
        return frozenset(name for kind, name in self._rights if kind == "Group")

    def of(self, kind: str, name: str) -> tuple[Right, ...]:
        """What a Group or User gets by its own name; templates stand for what they can become."""
        if templates_in(name):
            return self.matching(kind, could_be(name))
        return tuple(self._rights.get((kind, name), ()))

    def matching(self, kind: str, pattern: re.Pattern[str]) -> tuple[Right, ...]:
        return tuple(
            right
            for (own_kind, name), rights in self._rights.items()
            if own_kind == kind and pattern.fullmatch(name)
            for right in rights
        )


def _subjects(binding: Object) -> Iterator[tuple[str, str]]:
    for each in binding.get("subjects") or ():
        kind, name = str(each.get("kind")), str(each.get("name", ""))
        if kind == "ServiceAccount":  # a user of this name for the API server, whoever logs in as it
            kind, name = "User", f"system:serviceaccount:{each.get('namespace', '')}:{name}"
        yield kind, name


def _texts(rule: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(map(str, rule.get(key) or ()))


def _resource(group: str, name: str) -> str:
    return name if name == "*" and group == "*" else f"{name}.{group}" if group else name


def _meets(risk: Risk, verbs: tuple[str, ...], groups: tuple[str, ...], resources: tuple[str, ...]) -> bool:
    # `*/exec` is that subresource of every resource.
    anywhere = {f"*/{each.partition('/')[2]}" for each in risk.resources if "/" in each}
    asked = ((risk.verbs, verbs), (risk.groups, groups), ((*risk.resources, *anywhere), resources))
    return all(not wanted or "*" in had or set(wanted) & set(had) for wanted, had in asked)


def _all_or(names: tuple[str, ...], every: str) -> str:
    return every if "*" in names else ", ".join(names)
