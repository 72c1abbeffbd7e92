"""What the API server is asked of somebody: whether they have an escalation, and some requests besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from tests.e2e.access_reviews import Api, Caller, Request
from tests.e2e.random_rbac import NAMESPACES, named_in
from tests.report.escalations import ESCALATIONS, Escalation

__all__ = ["ANONYMOUS", "Answers", "Question", "questions", "some_requests", "starting_pods"]

ANONYMOUS = Caller("system:anonymous", ("system:unauthenticated",))
_WORKLOADS = {
    *("pods", "replicationcontrollers", "daemonsets", "deployments", "replicasets", "statefulsets", "jobs", "cronjobs"),
}


@dataclass(frozen=True)
class Question:
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
    named = named_in(objects)
    return [
        Question(each, tuple(tuple(_requests(rule, namespace, named)) for rule in rules))
        for each in ESCALATIONS
        for namespace in (NAMESPACES if each.namespace == "team" else (each.namespace,))
        for rules in ([rule for rule in each.rules if has_signers or rule["resources"] != ["signers"]],)
        if each.privilege != "none"
    ]


def starting_pods(namespace: str, objects: list[dict[str, Any]]) -> list[Question]:
    """As for kube-system, in a namespace with a service account of some privilege."""
    named = named_in(objects)
    found = [each for each in ESCALATIONS if {own for rule in each.rules for own in rule["resources"]} <= _WORKLOADS]
    own = [replace(each, namespace=namespace, privilege="elevated") for each in found if each.privilege == "admin"]
    return [Question(each, tuple(tuple(_requests(rule, namespace, named)) for rule in each.rules)) for each in own]


def _requests(rule: dict[str, Any], namespace: str, named: set[tuple[str, str]]) -> Iterator[Request]:
    for verb in rule["verbs"]:
        for resource in rule["resources"]:
            for name in rule.get("resourceNames") or _names(verb, resource, named):
                for group in rule["apiGroups"]:
                    yield Request(verb, resource, group, namespace, name)


def _names(verb: str, resource: str, named: set[tuple[str, str]]) -> Iterator[str]:
    """Those that a request may have: none to make an object, or for a whole collection, of which `list` and `watch` may
    select one. Which ConfigMaps count, rules say."""
    is_whole = "/" not in resource and verb in ("create", "deletecollection", "list", "watch")
    yield "" if is_whole else "any-other"
    if resource != "configmaps" and (not is_whole or verb in ("list", "watch")):
        yield from sorted(name for own, name in named if name and own in (verb, "*"))


def some_requests(random: Random, objects: list[dict[str, Any]], of_the_cluster: frozenset[str]) -> list[Request]:
    """What the rules of `objects` are about, and what only looks like it."""
    rules = [rule for each in objects for rule in each.get("rules") or ()]
    return [_similar(random, random.choice(rules), of_the_cluster) for _ in range(60)]


def _similar(random: Random, rule: dict[str, Any], of_the_cluster: frozenset[str]) -> Request:
    if "nonResourceURLs" in rule:
        path = random.choice(rule["nonResourceURLs"]).replace("*", random.choice(("", "x")))
        return Request(random.choice(("get", "post")), path=path if path.startswith("/") else "/metrics")
    verb, resource, group = (random.choice(rule[key]) for key in ("verbs", "resources", "apiGroups"))
    resource = resource.replace("*/", random.choice(("pods/", "nodes/"))).replace("*", random.choice(("secrets", "x")))
    group = group.replace("*", random.choice(("", "apps", "example.com")))
    namespace = "" if resource.partition("/")[0] in of_the_cluster else random.choice(("", *NAMESPACES))
    name = random.choice(("", *rule.get("resourceNames", ()), "another"))
    return Request(verb.replace("*", "get"), resource, group, namespace, name)


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
