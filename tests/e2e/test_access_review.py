"""What `report` says of rights, against SubjectAccessReviews of a real API server: never less than somebody has.

TARMAK_IAM_E2E_RBAC_SEEDS is how many random clusters there are, or which as in `100-200`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.caller import identity_of
from tests.e2e.access_reviews import Api, Caller, Request
from tests.e2e.conftest import CURRENT, TARMAKS, Stage
from tests.e2e.listed_rights import allowed_by
from tests.e2e.random_rbac import NAMESPACES, Names, named_in, objects_of
from tests.report.escalations import ESCALATIONS, Escalation
from tests.report.reviews import installation

ACCOUNT = "111122223333"
OTHER = "444455556666"
ANONYMOUS = Caller("system:anonymous", ("system:unauthenticated",))
BEYOND_BINDINGS = {"system:masters", "system:nodes", "system:{{SessionName}}"}
OVERSTATED = ("gives rights it has not", "acts as others")
"""What `report` counts for a part of it alone: a right to escalate or bind, without one to write roles or bindings, and
to act as a group, without one to act as a user."""
MAPPINGS = """\
  mapRoles:
  - {roleARN: "arn:aws:iam::111122223333:role/Plain", username: alice, groups: [readers]}
  - {roleARN: "arn:aws:iam::111122223333:role/Dev", username: "dev:{{SessionName}}", groups: [developers]}
  - {roleARN: "arn:aws:iam::111122223333:role/Raw", username: "{{SessionNameRaw}}"}
  - {roleARN: "arn:aws:iam::111122223333:role/Team", username: "team:{{AccountID}}", groups: ["{{SessionName}}"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Own", username: o, groups: ["system:{{SessionName}}", "{{AccountID}}"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Robot", username: "system:serviceaccount:team:deployer"}
  - {roleARN: "arn:aws:iam::111122223333:role/Robots", username: r, groups: ["system:serviceaccounts"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Manager", username: "system:kube-controller-manager"}
  - {roleARN: "arn:aws:iam::111122223333:role/Named", username: "system:node:n1"}
  - {roleARN: "arn:aws:iam::111122223333:role/Node", username: "system:node:n1", groups: ["system:nodes"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Nobody", username: nobody, groups: ["system:unauthenticated"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Masters", username: m, groups: ["system:masters"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Bare", username: bare}
  mapUsers:
  - {userARN: "arn:aws:iam::111122223333:user/Bob", username: bob, groups: [readers, developers]}
  mapAccounts: ["444455556666"]
"""
SESSIONS = ("alice", "admins", "a@b.c")
NAMES = Names(
    users=(
        *(
            "alice",
            "Alice",
            "bob",
            "dev:alice",
            "dev:a-b.c",
            "dev:a@b.c",
            "a@b.c",
            "r",
            "o",
            "bare",
            "team:111122223333",
        ),
        *("system:serviceaccount:team:deployer", "system:anonymous", "system:node:n1"),
        *(f"arn:aws:iam::{OTHER}:role/Ops", f"arn:aws:iam::{OTHER}:user/Eve", f"arn:aws:iam::{ACCOUNT}:user/Bob"),
    ),
    groups=("readers", "Readers", "developers", "admins", "a-b.c", "a@b.c", "system:admins", "111122223333", "alice"),
)


def callers() -> dict[str, tuple[Caller, ...]]:
    """By principal: those that the authenticator makes of it, as the API server then sees them."""
    loaded = installation(f"clusterID: dev-cluster\nserver:\n{MAPPINGS}").loaded
    arns = [each.principal for each in loaded.grants if each.kind == "arn"]
    found = {arn: tuple(dict.fromkeys(_becoming(loaded, arn))) for arn in arns}
    others = (f"arn:aws:iam::{OTHER}:role/Ops", f"arn:aws:iam::{OTHER}:user/Eve")
    return {**found, OTHER: tuple(dict.fromkeys(each for arn in others for each in _becoming(loaded, arn)))}


def _becoming(loaded: Authenticator, arn: str) -> Iterator[Caller]:
    for session in SESSIONS:
        answer = loaded.whois(identity_of(arn, session))
        assert answer.authenticated, answer.reason
        yield _caller(str(answer.username), tuple(answer.groups or ()))


def _caller(username: str, groups: tuple[str, ...]) -> Caller:
    """With the group that the API server adds (k8s.io/apiserver/pkg/authentication/group)."""
    has_one = {"system:authenticated", "system:unauthenticated"} & set(groups)
    return Caller(username, groups if has_one else (*groups, "system:authenticated"))


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


def questions(objects: list[dict[str, Any]]) -> list[Question]:
    """All that lead to more rights, in each namespace; with names of objects where rules of `objects` have them."""
    named = named_in(objects)
    return [
        Question(each, tuple(tuple(_requests(rule, namespace, named)) for rule in each.rules))
        for each in ESCALATIONS
        for namespace in (NAMESPACES if each.namespace == "team" else (each.namespace,))
        if each.privilege != "none"
    ]


def _requests(rule: dict[str, Any], namespace: str, named: set[tuple[str, str]]) -> Iterator[Request]:
    for verb in rule["verbs"]:
        for resource in rule["resources"]:
            # The request that makes an object is asked about without its name.
            has_name = "/" in resource or verb not in ("create", "deletecollection", "*")
            names = {name for own, name in named if own in (verb, "*")} if has_name else ()
            for name in rule.get("resourceNames") or ("", *sorted(names)):
                for group in rule["apiGroups"]:
                    yield Request(verb, resource, group, namespace, name)


def some_requests(random: Random, objects: list[dict[str, Any]]) -> list[Request]:
    """What the rules of `objects` are about, and what only looks like it."""
    rules = [rule for each in objects for rule in each.get("rules") or ()]
    return [_near(random, random.choice(rules)) for _ in range(60)]


def _near(random: Random, rule: dict[str, Any]) -> Request:
    if "nonResourceURLs" in rule:
        path = random.choice(rule["nonResourceURLs"]).replace("*", random.choice(("", "x")))
        return Request(random.choice(("get", "post")), path=path if path.startswith("/") else "/metrics")
    verb, resource, group = (random.choice(rule[key]) for key in ("verbs", "resources", "apiGroups"))
    name = random.choice(("", *rule.get("resourceNames", ()), "another"))
    resource = resource.replace("*/", random.choice(("pods/", "nodes/"))).replace("*", random.choice(("secrets", "x")))
    concrete = (verb.replace("*", "get"), resource, group.replace("*", random.choice(("", "apps", "example.com"))))
    return Request(*concrete, random.choice(("", *NAMESPACES)), name)


class Server:
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


@pytest.fixture(scope="module", params=[CURRENT, TARMAKS], ids=str)
def cluster(request: pytest.FixtureRequest, stages: Callable[[str], Stage]) -> Stage:
    """No daemon runs: the API server alone is asked."""
    stage = stages(request.param.server)
    return replace(stage, home=stage.home.with_kubectl(request.param.kubectl))


@pytest.fixture(scope="module")
def api(cluster: Stage) -> Iterator[Api]:
    with Api.of(cluster.plane) as api:
        for name in NAMESPACES:
            status, answer = api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
            assert status in (201, 409), answer
        yield api


def seeds() -> range:
    given = os.environ.get("TARMAK_IAM_E2E_RBAC_SEEDS", "2")
    first, _, last = given.rpartition("-")
    return range(int(first or 0), int(last))


def test_no_privilege_and_no_right_is_understated(cluster: Stage, api: Api) -> None:
    wrong: list[str] = []
    for seed in seeds():
        objects = objects_of(seed, NAMES)
        api.create(objects)
        said = Said.of(cluster)
        compared = Comparison(Server(api), said, questions(objects), some_requests(Random(seed), objects))
        wrong += [f"seed {seed}: {each}" for each in compared.differences()]
        api.delete(objects)
    assert wrong == []


@dataclass(frozen=True)
class Said:
    """What `report` says: of each principal, and of everybody."""

    principals: dict[str, dict[str, Any]]
    everyone: list[dict[str, Any]]

    @classmethod
    def of(cls, cluster: Stage) -> Said:
        cluster.home.map(MAPPINGS)
        (found,) = json.loads(cluster.live("report", "-o", "json").out)["clusters"]
        assert found["live"]["error"] is None
        return cls({each["principal"]: each for each in found["principals"]}, found["live"]["everyone"])


@dataclass(frozen=True)
class Comparison:
    server: Server
    said: Said
    questions: list[Question]
    requests: list[Request]
    """For which the rights that are listed have to agree with the server."""

    def differences(self) -> Iterator[str]:
        people = callers()
        assert self.said.principals.keys() == people.keys()
        for principal, own in people.items():
            by_bindings = tuple(_without_own_group(each) for each in own)
            yield from self._of_privilege(principal, by_bindings)
            yield from self._of_rights(principal, by_bindings)

    def _of_privilege(self, principal: str, own: tuple[Caller, ...]) -> Iterator[str]:
        privilege = self.said.principals[principal]["privilege"]
        higher = [each for each in self.questions if rank(each.escalation.privilege) < rank(privilege)]
        self._ask(own, higher)
        for who in own:
            for question in self._met(who, higher)[:1]:
                yield f"{principal} as {who} is {privilege}, but {question}"
        as_high = [each for each in self.questions if rank(each.escalation.privilege) <= rank(privilege)]
        if privilege != "none" and not self.said.principals[principal]["because"]:
            yield f"{principal} is {privilege} without a reason"
        groups = self.said.principals[principal]["groups"]
        if privilege in ("admin", "elevated") and not BEYOND_BINDINGS & set(groups):
            self._ask(own, as_high)
            if not any(self._met(who, as_high) for who in own):
                because = self.said.principals[principal]["because"]
                if not all(any(each in reason for each in OVERSTATED) for reason in because):
                    yield f"{principal} is {privilege} by {because}, but may do nothing of that"

    def _ask(self, own: tuple[Caller, ...], asked: list[Question]) -> None:
        self.server.ask(own, [each for question in asked for rule in question.rules for each in rule])

    def _met(self, who: Caller, asked: list[Question]) -> list[Question]:
        return [each for each in asked if each.is_met(lambda request: self.server.allows(who, request))]

    def _of_rights(self, principal: str, own: tuple[Caller, ...]) -> Iterator[str]:
        rights = [*self.said.principals[principal]["rights"], *self.said.everyone]
        self.server.ask(own, self.requests)
        for who in own:
            for request in self.requests:
                allowed = self.server.allows(who, request)
                if allowed != (allowed_by(rights, who, request) or allowed_by(rights, ANONYMOUS, request)):
                    yield f"{principal} as {who} may{'' if allowed else ' not'} {request}"


def _without_own_group(who: Caller) -> Caller:
    """Without the groups that have rights of their own, which no binding gives."""
    return replace(who, groups=tuple(each for each in who.groups if each not in ("system:masters", "system:nodes")))


def rank(privilege: str) -> int:
    return ("admin", "node", "elevated", "none").index(privilege)
