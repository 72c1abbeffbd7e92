"""Random roles and bindings, out of what is worth a question: the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.report.escalations import ESCALATIONS

__all__ = ["NAMES", "NAMESPACES", "Names", "named_in", "objects_of"]

_GROUP = "rbac.authorization.k8s.io"
NAMESPACES = ("kube-system", "team", "other")
NAMES = (
    "aws-auth",
    "aws-iam-authenticator",
    "tls",
    "alice",
    "system:masters",
    "kubernetes.io/kube-apiserver-client",
    "",
)
"""Names of objects, for resourceNames."""

_VERBS = (
    *("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
    *("impersonate", "bind", "escalate", "approve", "use", "*", "Get"),
)
_GROUPS = ("", "", "*", "apps", "batch", "extensions", _GROUP, "certificates.k8s.io", "iamauthenticator.k8s.aws")
_RESOURCES = (
    *("*", "*/exec", "*/proxy", "*/scale", "pods", "pods/exec", "pods/*", "pods/log", "secrets", "configmaps"),
    *("nodes", "nodes/proxy", "users", "groups", "userextras", "serviceaccounts", "namespaces", "deployments"),
    *("deployments/scale", "roles", "clusterroles", "rolebindings", "events", "Secrets"),
)
_URLS = ("*", "/metrics", "/healthz/*", "/logs/*")


@dataclass(frozen=True)
class Names:
    """Those that bindings may name."""

    users: tuple[str, ...]
    groups: tuple[str, ...]
    accounts: tuple[tuple[str, str], ...] = field(default=(("team", "deployer"), ("kube-system", "deployer")))
    """Service accounts: namespace and name."""


def objects_of(seed: int, names: Names, roles: int = 16, bindings: int = 24) -> list[dict[str, Any]]:
    """Valid ones, of which some bindings have a role that is not there, or subjects that nobody is."""
    return _Generator(Random(seed), f"random:{seed}", names).objects(roles, bindings)


@dataclass
class _Generator:
    random: Random
    prefix: str
    names: Names

    def objects(self, roles: int, bindings: int) -> list[dict[str, Any]]:
        own = [self._role(number) for number in range(roles)]
        return [*own, *(self._binding(number, own) for number in range(bindings))]

    def _role(self, number: int) -> dict[str, Any]:
        namespace = self.random.choice(("", "", *NAMESPACES))
        made: dict[str, Any] = {
            "kind": "Role" if namespace else "ClusterRole",
            "metadata": self._metadata(f"role-{number}", namespace),
            "rules": [self._rule(is_cluster=not namespace) for _ in range(self.random.choice((0, 1, 1, 2, 3)))],
        }
        if not namespace and self.random.random() < 0.1:
            # Nothing aggregates here, so that its own rules stay what counts.
            made["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {"to": self.prefix.replace(":", "-")}}]}
        return made

    def _metadata(self, name: str, namespace: str) -> dict[str, str]:
        return {"name": f"{self.prefix}:{name}", **({"namespace": namespace} if namespace else {})}

    def _rule(self, is_cluster: bool) -> dict[str, Any]:
        kind = self.random.random()
        if is_cluster and kind < 0.08:
            return {"nonResourceURLs": self._some(_URLS, 2), "verbs": self._some(("get", "post", "*"), 1)}
        if kind < 0.7:
            return self._changed(dict(self.random.choice(self.random.choice(ESCALATIONS).rules)))
        made = {"apiGroups": self._some(_GROUPS, 2), "resources": self._some(_RESOURCES, 3)}
        return self._named({**made, "verbs": self._some(_VERBS, 3)}, 0.25)

    def _changed(self, rule: dict[str, Any]) -> dict[str, Any]:
        """A known escalation, or what looks like one."""
        changes = {"apiGroups": _GROUPS, "resources": _RESOURCES, "verbs": _VERBS}
        for key, others in changes.items():
            chance = self.random.random()
            if chance < 0.35:
                rule[key] = self._some(rule[key], 1)
            elif chance < 0.45:
                rule[key] = self._some(others, 1)
            elif chance < 0.5:
                rule[key] = [*rule[key], *self._some(others, 1)]
        return self._named(rule, 0.15)

    def _named(self, rule: dict[str, Any], chance: float) -> dict[str, Any]:
        return {**rule, "resourceNames": self._some(NAMES, 2)} if self.random.random() < chance else rule

    def _some(self, values: Any, most: int) -> list[str]:
        unique = list(dict.fromkeys(values))
        return self.random.sample(unique, min(len(unique), self.random.randint(1, most)))

    def _binding(self, number: int, roles: list[dict[str, Any]]) -> dict[str, Any]:
        namespace = self.random.choice(("", *NAMESPACES, "team"))
        fitting = [
            (each["kind"], each["metadata"]["name"])
            for each in roles
            if each["metadata"].get("namespace", namespace) == namespace
        ]
        kind, name = self.random.choice([*fitting, ("ClusterRole", f"{self.prefix}:missing"), ("ClusterRole", "view")])
        return {
            "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
            "metadata": self._metadata(f"binding-{number}", namespace),
            "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": name},
            "subjects": [self._subject(bool(namespace)) for _ in range(self.random.choice((0, 1, 1, 1, 2, 3)))],
        }

    def _subject(self, is_namespaced: bool) -> dict[str, str]:
        kind = self.random.random()
        if kind < 0.25:
            namespace, name = self.random.choice(self.names.accounts)
            if is_namespaced and self.random.random() < 0.7:
                return {"kind": "ServiceAccount", "name": name}
            return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        if kind < 0.6:
            return {"kind": "User", "apiGroup": _GROUP, "name": self.random.choice(self.names.users)}
        # What everybody has is rare: else nobody would be without privilege.
        everybody = ("system:authenticated", "system:unauthenticated") if self.random.random() < 0.04 else ()
        return {"kind": "Group", "apiGroup": _GROUP, "name": self.random.choice(everybody or self.names.groups)}


def named_in(objects: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Verbs that rules give for a name alone, with the name."""
    rules = [rule for each in objects for rule in each.get("rules") or ()]
    return {(verb, name) for rule in rules for verb in rule["verbs"] for name in rule.get("resourceNames", ())}
