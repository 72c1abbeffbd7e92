"""Random roles and bindings, out of what is worth a question, and what the API server is then asked of somebody: the
same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

from tests.e2e.access_reviews import Api, Caller, Request
from tests.report.escalations import ESCALATIONS, Escalation

__all__ = ["ACCOUNTS", "ANONYMOUS", "NAMESPACES", "Answers", "Question", "RandomRbac", "questions", "starting_pods"]

_GROUP = "rbac.authorization.k8s.io"
ANONYMOUS = Caller("system:anonymous", ("system:unauthenticated",))
NAMESPACES = ("kube-system", "team", "other")
NAMES = ["aws-auth", "aws-iam-authenticator", "tls", "alice", "system:masters", "kubernetes.io/kube-apiserver-client"]
"""Names of objects, for resourceNames; an empty one, too."""
_VERBS = """
    get list watch create update patch delete deletecollection impersonate bind escalate approve use * Get
"""
_GROUPS = ("", "", "*", "apps", "batch", "extensions", _GROUP, "certificates.k8s.io", "iamauthenticator.k8s.aws")
_RESOURCES = """
    * */exec */proxy */scale pods pods/exec pods/* pods/log secrets configmaps nodes nodes/proxy users groups userextras
    serviceaccounts namespaces deployments deployments/scale roles clusterroles rolebindings events Secrets
"""
_URLS = ("*", "/metrics", "/healthz/*", "/logs/*")
# Whom bindings may name.
_USERS = """
    alice Alice bob dev:alice dev:a-b.c dev:a@b.c a@b.c r o bare random team:111122223333
    system:kube-controller-manager system:serviceaccount:team:deployer system:anonymous system:node:n1
    arn:aws:iam::444455556666:role/Ops arn:aws:iam::444455556666:user/Eve arn:aws:iam::111122223333:user/Bob
"""
_SUBJECT_GROUPS = """
    readers Readers developers admins a-b.c a@b.c system:admins 111122223333 alice readers developers
    system:serviceaccounts system:serviceaccounts:team
"""
ACCOUNTS = (("team", "deployer"), ("other", "bot"), ("kube-system", "deployer"))
"""Service accounts, by namespace and name."""
_WORKLOADS = {
    *("pods", "replicationcontrollers", "daemonsets", "deployments", "replicasets", "statefulsets", "jobs", "cronjobs"),
}


class RandomRbac:
    def __init__(self, seed: int) -> None:
        self.random, self.prefix = Random(seed), f"random:{seed}"

    def objects(self, roles: int = 16, bindings: int = 24) -> list[dict[str, Any]]:
        """Valid ones, of which some bindings have a role that is not there, or subjects that nobody is."""
        made = [self._role(number) for number in range(roles)]
        return [*made, *(self._binding(number, made) for number in range(bindings))]

    def requests(self, objects: list[dict[str, Any]], of_the_cluster: frozenset[str]) -> list[Request]:
        """What the rules of `objects` are about, and what only looks like it."""
        rules = [rule for each in objects for rule in each.get("rules") or ()]
        return [self._similar(self.random.choice(rules), of_the_cluster) for _ in range(60)]

    def _role(self, number: int) -> dict[str, Any]:
        namespace, rules = self.random.choice(("", "", *NAMESPACES)), self.random.choice((0, 1, 1, 2, 3))
        made: dict[str, Any] = {
            "kind": "Role" if namespace else "ClusterRole",
            "metadata": self._metadata(f"role-{number}", namespace),
            "rules": [self._rule(is_cluster=not namespace) for _ in range(rules)],
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
        lists = {"apiGroups": _GROUPS, "resources": _RESOURCES.split(), "verbs": _VERBS.split()}
        if kind < 0.7:  # a known escalation, or what looks like one
            rule, named = dict(self.random.choice(self.random.choice(ESCALATIONS).rules)), 0.15
            for key, others in lists.items():
                chance = self.random.random()
                if chance < 0.45:
                    rule[key] = self._some(rule[key] if chance < 0.35 else others, 1)
                elif chance < 0.5:
                    rule[key] = [*rule[key], *self._some(others, 1)]
        else:
            rule, named = {key: self._some(values, 3) for key, values in lists.items()}, 0.25
        return {**rule, "resourceNames": self._some([*NAMES, ""], 2)} if self.random.random() < named else rule

    def _some(self, values: Any, most: int) -> list[str]:
        unique = list(dict.fromkeys(values))
        return self.random.sample(unique, min(len(unique), self.random.randint(1, most)))

    def _binding(self, number: int, roles: list[dict[str, Any]]) -> dict[str, Any]:
        namespace = self.random.choice(("", *NAMESPACES, "team"))
        there = [each for each in roles if each["metadata"].get("namespace", namespace) == namespace]
        known = [(each["kind"], each["metadata"]["name"]) for each in there]
        kind, name = self.random.choice([*known, ("ClusterRole", f"{self.prefix}:missing"), ("ClusterRole", "view")])
        return {
            "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
            "metadata": self._metadata(f"binding-{number}", namespace),
            "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": name},
            "subjects": [self._subject(bool(namespace)) for _ in range(self.random.choice((0, 1, 1, 1, 2, 3)))],
        }

    def _subject(self, is_namespaced: bool) -> dict[str, str]:
        kind = self.random.random()
        if kind < 0.25:
            namespace, name = self.random.choice(ACCOUNTS)
            is_left_out = is_namespaced and self.random.random() < 0.7
            return {"kind": "ServiceAccount", "name": name, **({} if is_left_out else {"namespace": namespace})}
        if kind < 0.6:
            return {"kind": "User", "apiGroup": _GROUP, "name": self.random.choice(_USERS.split())}
        # What everybody has is rare: else nobody would be without privilege.
        everybody = ("system:authenticated", "system:unauthenticated") if self.random.random() < 0.04 else ()
        return {"kind": "Group", "apiGroup": _GROUP, "name": self.random.choice(everybody or _SUBJECT_GROUPS.split())}

    def _similar(self, rule: dict[str, Any], of_the_cluster: frozenset[str]) -> Request:
        choice = self.random.choice
        if "nonResourceURLs" in rule:
            path = choice(rule["nonResourceURLs"]).replace("*", choice(("", "x")))
            return Request(choice(("get", "post")), path=path if path.startswith("/") else "/metrics")
        verb, resource, group = (choice(rule[key]) for key in ("verbs", "resources", "apiGroups"))
        resource = resource.replace("*/", choice(("pods/", "nodes/"))).replace("*", choice(("secrets", "x")))
        namespace = "" if resource.partition("/")[0] in of_the_cluster else choice(("", *NAMESPACES))
        name = choice(("", *rule.get("resourceNames", ()), "another"))
        group = group.replace("*", choice(("", "apps", "example.com")))
        return Request(verb.replace("*", "get"), resource, group, namespace, name)


class Question(NamedTuple):
    """What an escalation asks of the API server: of each rule any request."""

    escalation: Escalation
    rules: tuple[tuple[Request, ...], ...]

    def __str__(self) -> str:
        known = self.escalation
        return f"has {known.privilege}: {known.name} ({', '.join(str(each[0]) for each in self.rules)}, ...)"

    def is_met(self, allowed: Callable[[Request], bool]) -> bool:
        return all(any(map(allowed, requests)) for requests in self.rules)


def questions(objects: list[dict[str, Any]], has_signers: bool) -> list[Question]:
    """All that lead to more rights, in each namespace; with names of objects where rules of `objects` have them.
    `has_signers`: whether a right to approve certificates is one for a signer, as from Kubernetes 1.18 on."""
    return [
        _question(each, namespace, objects, has_signers)
        for each in ESCALATIONS
        for namespace in (NAMESPACES if each.namespace == "team" else (each.namespace,))
        if each.privilege != "none"
    ]


def starting_pods(namespace: str, objects: list[dict[str, Any]]) -> list[Question]:
    """As for kube-system, in a namespace with a service account of some privilege."""
    known = [each for each in ESCALATIONS if {own for rule in each.rules for own in rule["resources"]} <= _WORKLOADS]
    admins = [replace(each, namespace=namespace, privilege="elevated") for each in known if each.privilege == "admin"]
    return [_question(each, namespace, objects) for each in admins]


def _question(
    escalation: Escalation, namespace: str, objects: list[dict[str, Any]], has_signers: bool = True
) -> Question:
    """Names in requests: none to make an object, or for a whole collection, of which `list` and `watch` may select one.
    Which ConfigMaps count, rules say."""
    given = [rule for each in objects for rule in each.get("rules") or ()]
    named = sorted({(verb, name) for rule in given for verb in rule["verbs"] for name in rule.get("resourceNames", ())})

    def names(verb: str, resource: str) -> Iterator[str]:
        is_whole = "/" not in resource and verb in ("create", "deletecollection", "list", "watch")
        yield "" if is_whole else "any-other"
        if resource != "configmaps" and (not is_whole or verb in ("list", "watch")):
            yield from (name for own, name in named if name and own in (verb, "*"))

    rules = [rule for rule in escalation.rules if has_signers or rule["resources"] != ["signers"]]
    return Question(
        escalation,
        tuple(
            tuple(
                Request(verb, resource, group, namespace, name)
                for verb in rule["verbs"]
                for resource in rule["resources"]
                for name in rule.get("resourceNames") or names(verb, resource)
                for group in rule["apiGroups"]
            )
            for rule in rules
        ),
    )


class Answers:
    """What the API server allows; it is asked once for each."""

    def __init__(self, api: Api) -> None:
        self.api, self._known = api, dict[tuple[Caller, Request], bool]()

    def ask(self, people: tuple[Caller, ...], requests: list[Request]) -> None:
        missing = dict.fromkeys((who, each) for who in (*people, ANONYMOUS) for each in requests)
        asked = [pair for pair in missing if pair not in self._known]
        self._known |= dict(zip(asked, self.api.allowed(asked), strict=True))

    def allows(self, who: Caller, request: Request) -> bool:
        """With the rights of those who do not log in, which everybody has who leaves the token out."""
        return self._known[who, request] or self._known[ANONYMOUS, request]
