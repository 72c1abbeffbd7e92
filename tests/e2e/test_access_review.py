"""What `report` says of rights, against SubjectAccessReviews of a real API server: never less than somebody has.

TARMAK_IAM_E2E_RBAC_SEEDS is how many random clusters there are, or which as in `100-200`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.caller import identity_of
from tests.e2e.access_reviews import Api, Caller, Request
from tests.e2e.conftest import CURRENT, TARMAKS, Stage
from tests.e2e.random_rbac import (
    ANONYMOUS,
    NAMESPACES,
    Answers,
    Names,
    Question,
    RandomRbac,
    questions,
    starting_pods,
)
from tests.support.reviews import installation

ACCOUNT = "111122223333"
OTHER = "444455556666"
OF_THE_CLUSTER = {"users", "groups", "userextras", "uids", "signers", "iamidentitymappings"}
"""Resources that are in no namespace, and are asked for without being served."""
MAPPINGS = """\
  mapRoles:
  - {roleARN: "arn:aws:iam::111122223333:role/Plain", username: alice, groups: [readers]}
  - {roleARN: "arn:aws:iam::111122223333:role/Dev", username: "dev:{{SessionName}}", groups: [developers]}
  - {roleARN: "arn:aws:iam::111122223333:role/Raw", username: "{{SessionNameRaw}}"}
  - {roleARN: "arn:aws:iam::111122223333:role/Team", username: "team:{{AccountID}}", groups: ["{{SessionName}}"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Own", username: o, groups: ["system:{{SessionName}}", "{{AccountID}}"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Robot", username: "system:serviceaccount:team:deployer"}
  - {roleARN: "arn:aws:iam::111122223333:role/Any", username: "system:serviceaccount:{{SessionName}}:deployer"}
  - {roleARN: "arn:aws:iam::111122223333:role/Robots", username: r, groups: ["system:serviceaccounts"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Manager", username: "system:kube-controller-manager"}
  - {roleARN: "arn:aws:iam::111122223333:role/Named", username: "system:node:n1"}
  - {roleARN: "arn:aws:iam::111122223333:role/Node", username: "system:node:n1", groups: ["system:nodes"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Nobody", username: nobody, groups: ["system:unauthenticated"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Masters", username: m, groups: ["system:masters"]}
  - {roleARN: "arn:aws:iam::111122223333:role/Bare", username: bare}
  - {roleARN: "arn:aws:iam::111122223333:role/Random", username: random, Groups: [readers], groupS: [admins]}
  mapUsers:
  - {userARN: "arn:aws:iam::111122223333:user/Bob", username: bob, groups: [readers, developers]}
  mapAccounts: ["444455556666"]
"""
SESSIONS = ("alice", "team", "a@b.c")
USERS = """alice Alice bob dev:alice dev:a-b.c dev:a@b.c a@b.c r o bare random team:111122223333
    system:kube-controller-manager system:serviceaccount:team:deployer system:anonymous system:node:n1"""
GROUPS = """readers Readers developers admins a-b.c a@b.c system:admins 111122223333 alice readers developers
    system:serviceaccounts system:serviceaccounts:team"""
ARNS = (f"arn:aws:iam::{OTHER}:role/Ops", f"arn:aws:iam::{OTHER}:user/Eve", f"arn:aws:iam::{ACCOUNT}:user/Bob")
ACCOUNTS = (("team", "deployer"), ("other", "bot"), ("kube-system", "deployer"))
NAMES = Names((*USERS.split(), *ARNS), tuple(GROUPS.split()), ACCOUNTS)


def callers() -> dict[str, tuple[Caller, ...]]:
    """By principal: those that the authenticator makes of it, as the API server then sees them."""
    loaded = installation(f"clusterID: dev-cluster\nserver:\n{MAPPINGS}").loaded
    arns = {each.principal: [each.principal] for each in loaded.grants if each.kind == "arn"}
    arns[OTHER] = [f"arn:aws:iam::{OTHER}:role/Ops", f"arn:aws:iam::{OTHER}:user/Eve"]
    return {
        principal: tuple(dict.fromkeys(who for arn in own for each in SESSIONS for who in _becoming(loaded, arn, each)))
        for principal, own in arns.items()
    }


def _becoming(loaded: Authenticator, arn: str, session: str) -> Iterator[Caller]:
    """With the group that the API server adds (k8s.io/apiserver/pkg/authentication/group), and without those that have
    rights of their own, which no binding gives."""
    answer = loaded.whois(identity_of(arn, session))
    for each in (answer, *answer.alternatives):
        assert each.authenticated, each.reason
        groups = [own for own in each.groups or () if own not in ("system:masters", "system:nodes")]
        has_one = {"system:authenticated", "system:unauthenticated"} & set(groups)
        yield Caller(str(each.username), (*groups, *(() if has_one else ("system:authenticated",))))


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
    given = os.environ.get("TARMAK_IAM_E2E_RBAC_SEEDS", "1")
    first, _, last = given.rpartition("-")
    return range(int(first or 0), int(last))


def test_no_privilege_and_no_right_is_understated(cluster: Stage, api: Api) -> None:
    wrong: list[str] = []
    of_the_cluster = api.of_the_cluster() | OF_THE_CLUSTER
    for seed in seeds():
        rbac = RandomRbac(seed, NAMES)
        objects = rbac.objects()
        api.create(objects)
        asked = questions(objects, has_signers=cluster.plane.is_server_side)
        requests = rbac.requests(objects, of_the_cluster)
        compared = Comparison(objects, Answers(api), Reported.of(cluster), asked, requests)
        wrong += [f"seed {seed}: {each}" for each in compared.differences()]
        api.delete(objects)
    assert wrong == []


class Reported(NamedTuple):
    """What `report` says: of each principal, and of everybody."""

    principals: dict[str, dict[str, Any]]
    everyone: list[dict[str, Any]]

    @classmethod
    def of(cls, cluster: Stage) -> Reported:
        cluster.home.map(MAPPINGS)
        (found,) = json.loads(cluster.live("report", "-o", "json").out)["clusters"]
        assert found["live"]["error"] is None
        return cls({each["principal"]: each for each in found["principals"]}, found["live"]["everyone"])


class Comparison(NamedTuple):
    objects: list[dict[str, Any]]
    answers: Answers
    reported: Reported
    questions: list[Question]
    requests: list[Request]
    """For which the rights that are listed have to agree with the server."""

    def differences(self) -> Iterator[str]:
        people = callers()
        assert self.reported.principals.keys() == people.keys()
        asked = [*self.questions, *self._as_accounts()]
        for principal, own in people.items():
            said = self.reported.principals[principal]
            higher = [each for each in asked if rank(each.escalation.privilege) < rank(said["privilege"])]
            rights = [*said["rights"], *self.reported.everyone]
            self.answers.ask(own, self.requests)
            for who in own:
                for question in self._met(who, higher)[:1]:
                    yield f"{principal} as {who} is {said['privilege']}, but {question}"
                for request in self.requests:
                    allowed = self.answers.allows(who, request)
                    if allowed != (allowed_by(rights, who, request) or allowed_by(rights, ANONYMOUS, request)):
                        yield f"{principal} as {who} may{'' if allowed else ' not'} {request}"

    def _as_accounts(self) -> list[Question]:
        """Whoever starts pods is any service account of their namespace, which in turn may start pods elsewhere."""
        accounts = [each for each in (*NAMES.accounts, ("team", "any"), ("other", "any")) if each[0] != "kube-system"]
        found: dict[str, list[Question]] = {}
        while True:
            asked = [*self.questions, *(each for own in found.values() for each in own)]
            more = {
                namespace: starting_pods(namespace, self.objects)
                for namespace, name in accounts
                if namespace not in found and self._met(account(namespace, name), asked)
            }
            if not more:
                return [each for own in found.values() for each in own]
            found |= more

    def _met(self, who: Caller, asked: list[Question]) -> list[Question]:
        self.answers.ask((who,), [each for question in asked for rule in question.rules for each in rule])
        return [each for each in asked if each.is_met(lambda request: self.answers.allows(who, request))]


def account(namespace: str, name: str) -> Caller:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return Caller(f"system:serviceaccount:{namespace}:{name}", groups)


def rank(privilege: str) -> int:
    return ("admin", "node", "elevated", "none").index(privilege)


def allowed_by(rights: Iterable[Mapping[str, Any]], who: Caller, asked: Request) -> bool:
    """Whether one of the rights that `report` lists as somebody's by name allows a request."""
    return any(
        (right["subject"] in who.groups if right["subjectKind"] == "Group" else right["subject"] == who.username)
        and right["namespace"] in (None, asked.namespace or None)
        and any(allows(rule, right["namespace"], asked) for rule in right["rules"] or ())
        for right in rights
    )


def allows(rule: Mapping[str, Any], namespace: str | None, asked: Request) -> bool:
    if asked.verb not in rule["verbs"] and "*" not in rule["verbs"]:
        return False
    if asked.path:
        fits = [asked.path.startswith(url[:-1]) if url.endswith("*") else asked.path == url for url in rule["urls"]]
        return namespace is None and any(fits)
    return any(is_of(each, asked) for each in rule["resources"]) and (not rule["names"] or asked.name in rule["names"])


def is_of(listed: str, asked: Request) -> bool:
    """`listed` is as kubectl takes it: `deployments.apps`, or `*.` for all of the core group."""
    if listed == "*":
        return True
    name, _, group = listed.partition(".")
    subresource = asked.resource.partition("/")[2]
    return group in ("*", asked.group) and name in ("*", asked.resource, *([f"*/{subresource}"] if subresource else []))
