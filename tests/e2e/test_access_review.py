"""What `report` says of rights, against SubjectAccessReviews of a real API server: never less than somebody has.

TARMAK_IAM_E2E_RBAC_SEEDS is how many random clusters there are, or which as in `100-200`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.caller import identity_of
from tests.e2e.access_reviews import Api, Caller, Request
from tests.e2e.conftest import CURRENT, TARMAKS, Stage, with_first
from tests.e2e.random_rbac import (
    ACCOUNTS,
    ANONYMOUS,
    NAMESPACES,
    Answers,
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


@pytest.fixture(scope="module", params=with_first(1, (CURRENT, TARMAKS)), ids=str)
def cluster(request: pytest.FixtureRequest, stages: Callable[[str], Stage]) -> Stage:
    """No daemon runs: the API server alone is asked. What differs on Tarmak's, test_escalations has too."""
    stage = stages(request.param.server)
    return replace(stage, home=stage.home.with_kubectl(request.param.kubectl))


def seeds() -> range:
    given = os.environ.get("TARMAK_IAM_E2E_RBAC_SEEDS", "1")
    first, _, last = given.rpartition("-")
    return range(int(first or 0), int(last))


def test_no_privilege_and_no_right_is_understated(cluster: Stage) -> None:
    wrong: list[str] = []
    with Api.of(cluster.plane) as api:
        for name in NAMESPACES:
            status, answer = api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
            assert status in (201, 409), answer
        of_the_cluster = api.of_the_cluster() | OF_THE_CLUSTER
        for seed in seeds():
            rbac = RandomRbac(seed)
            objects = rbac.objects()
            api.create(objects)
            asked = questions(objects, has_signers=cluster.plane.is_server_side)
            requests, answers = rbac.requests(objects, of_the_cluster), Answers(api)
            asked += questions_of_accounts(answers, asked, objects)
            wrong += [f"seed {seed}: {each}" for each in differences(cluster, answers, asked, requests)]
            api.delete(objects)
    assert wrong == []


def differences(cluster: Stage, answers: Answers, asked: list[Question], requests: list[Request]) -> Iterator[str]:
    """Where `report` says less than the API server; and, for `requests`, where the rights that it lists differ."""
    cluster.home.map(MAPPINGS)
    (found,) = json.loads(cluster.live("report", "-o", "json").out)["clusters"]
    assert found["live"]["error"] is None
    reported, people = {each["principal"]: each for each in found["principals"]}, callers()
    assert reported.keys() == people.keys()
    for principal, own in people.items():
        said = reported[principal]
        higher = [each for each in asked if rank(each.escalation.privilege) < rank(said["privilege"])]
        rights = [*said["rights"], *found["live"]["everyone"]]
        answers.ask(own, requests)
        for who in own:
            for question in met(answers, who, higher)[:1]:
                yield f"{principal} as {who} is {said['privilege']}, but {question}"
            for request in requests:
                allowed = answers.allows(who, request)
                if allowed != (allowed_by(rights, who, request) or allowed_by(rights, ANONYMOUS, request)):
                    yield f"{principal} as {who} may{'' if allowed else ' not'} {request}"


def questions_of_accounts(answers: Answers, asked: list[Question], objects: list[dict[str, Any]]) -> list[Question]:
    """Whoever starts pods is any service account of their namespace, which in turn may start pods elsewhere."""
    accounts = [each for each in (*ACCOUNTS, ("team", "any"), ("other", "any")) if each[0] != "kube-system"]
    found: dict[str, list[Question]] = {}
    while True:
        known = [*asked, *(each for own in found.values() for each in own)]
        more = {
            namespace: starting_pods(namespace, objects)
            for namespace, name in accounts
            if namespace not in found and met(answers, account(namespace, name), known)
        }
        if not more:
            return known[len(asked) :]
        found |= more


def met(answers: Answers, who: Caller, asked: list[Question]) -> list[Question]:
    answers.ask((who,), [each for question in asked for rule in question.rules for each in rule])
    return [each for each in asked if each.is_met(lambda request: answers.allows(who, request))]


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
