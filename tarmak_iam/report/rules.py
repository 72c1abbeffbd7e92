"""A rule of an RBAC role: what it allows as the API server decides it, and how it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from tarmak_iam.report.escalations import CLUSTER_SCOPED, ClusterFacts, Escalation, ResourceAccess, escalations
from tarmak_iam.report.levels import Privilege

__all__ = ["Rule"]

_FOUND_EVERYWHERE = escalations(ClusterFacts())


@dataclass(frozen=True, slots=True)
class Rule:
    """`names` are the only objects that it is about, where there are any. A rule is about `plain`, resources of API
    `groups`, or about `urls`."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    @classmethod
    def of(cls, rule: Mapping[str, Any]) -> Rule:
        keys = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
        return cls(*(tuple(map(str, rule.get(key) or ())) for key in keys))

    @property
    def is_everything(self) -> bool:
        """Every verb on every resource of every API group."""
        return "*" in self.verbs and "*" in self.groups and "*" in self.plain and not self.names

    @property
    def resources(self) -> tuple[str, ...]:
        """As kubectl takes them: `deployments.apps`; `*` for every one of every group, `*.` for every one of the core
        group."""
        return tuple(_resource(group, name) for group, name in self._pairs)

    @property
    def risks(self) -> tuple[str, ...]:
        """The ways to more rights that it would be in a binding for the whole cluster; nothing for everything."""
        if self.is_everything:
            return ()
        found = (each.name for each in _FOUND_EVERYWHERE if _is_risk(each) and self.meets(each.accesses))
        return tuple(dict.fromkeys(found))

    def meets(self, accesses: Iterable[ResourceAccess]) -> bool:
        return any(self._allows(each) for each in accesses)

    def in_namespace(self) -> Rule | None:
        """What a RoleBinding gives of it: neither URLs nor resources that are in no namespace. None for nothing."""
        plain = tuple(name for name in self.plain if any(not _is_cluster_scoped(each, name) for each in self.groups))
        return replace(self, plain=plain) if plain and not self.urls else None

    def _allows(self, access: ResourceAccess) -> bool:
        """Whether some request of an access would be allowed: apis/rbac/v1/evaluation_helpers.go in Kubernetes."""
        if not {"*", *access.groups} & set(self.groups):
            return False
        verbs = access.verbs if "*" in self.verbs else tuple(set(access.verbs) & set(self.verbs))
        wanted = [each for each in access.resources if any(_is_of(own, each) for own in self.plain)]
        return any(self._is_named(verb, resource, access.names) for verb in verbs for resource in wanted)

    def _is_named(self, verb: str, resource: str, names: tuple[str, ...]) -> bool:
        """A request to create, or to delete a collection, names no object; one about a subresource does."""
        if not self.names:
            return True
        if verb == "deletecollection" or (verb == "create" and "/" not in resource):
            return "" in self.names
        return not names or any(fnmatchcase(own, pattern) for own in self.names for pattern in names)

    @property
    def _pairs(self) -> tuple[tuple[str, str], ...]:
        """Group and resource, without those that `*` of the same group has in it."""
        if "*" in self.groups and "*" in self.plain:
            return (("*", "*"),)
        plain = ("*",) if "*" in self.plain else self.plain
        return tuple((group, name) for group in (("*",) if "*" in self.groups else self.groups) for name in plain)

    @property
    def what(self) -> str:
        """The resources or URLs that it is about."""
        if self.urls:
            return "every URL" if "*" in self.urls else ", ".join(self.urls)
        return ", ".join(_in_words(group, name) for group, name in self._pairs) or "no resource"

    @property
    def does(self) -> str:
        return "every verb" if "*" in self.verbs else ", ".join(self.verbs)

    @property
    def text(self) -> str:
        """As in `get, list on pods, deployments.apps`."""
        if self.is_everything:
            return "everything"
        return f"{self.does} on {self.what}" + (f", only {', '.join(self.names)}" if self.names else "")


def _is_risk(escalation: Escalation) -> bool:
    levels = (escalation.privilege, escalation.in_kube_system)
    return not escalation.also and any(level is not Privilege.NONE for level in levels)


def _is_of(own: str, wanted: str) -> bool:
    """Whether a rule's resource is one that is wanted: `*` is every one, `*/exec` that subresource of every one."""
    name, _, subresource = wanted.partition("/")
    if own == "*":
        return True
    if subresource == "*":  # the text `userextras/*` is no subresource
        return own != wanted and own.startswith((f"{name}/", "*/"))
    return own in (wanted, f"*/{subresource}" if subresource else wanted)


def _is_cluster_scoped(group: str, name: str) -> bool:
    own = name.partition("/")[0]
    return (group, own) in CLUSTER_SCOPED or (group == "*" and any(own == each for _, each in CLUSTER_SCOPED))


def _resource(group: str, name: str) -> str:
    if name == "*":
        return "*" if group == "*" else f"*.{group}"
    return f"{name}.{group}" if group else name


def _in_words(group: str, name: str) -> str:
    if name != "*":
        return _resource(group, name)
    if group == "*":
        return "every resource"
    return f"every resource of {group}" if group else "every resource of the core group"
