"""The five facts of a trust policy; whatever is not evaluated is never counted as required."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.aws.trust_policy import State, Trust, evaluate, policy_for, trust_rows
from tests.support import ROOT
from tests.support.tables import rows

ROOT_ARN = "arn:aws:iam::111122223333:root"
BOUND = {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def statement(principal: Any = ROOT_ARN, condition: Any = None, **others: Any) -> dict[str, Any]:
    parts = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return {**parts, "Condition": condition or {}, **others}


def trust_of(*statements: Any) -> Trust:
    return evaluate({"Version": "2012-10-17", "Statement": list(statements)}, "Dev.json")


def states(trust: Trust) -> list[str]:
    return [str(fact.state) for fact in (trust.session_name, trust.mfa, trust.external_id)]


@pytest.mark.parametrize("row", rows(__file__, "test_a_documented_example"), ids=lambda row: row["page"])
def test_a_documented_example(row: dict[str, Any]) -> None:
    trust = evaluate({"Version": row["version"], "Statement": row["statements"]}, "Dev.json")
    assert [f"{one.type} {one.principal} {one.reach}" for one in trust.principals] == row["trusts"]
    assert states(trust) == [row["session"], row["mfa"], row["external"]]
    assert list(trust.not_evaluated) == row.get("others", [])


@pytest.mark.parametrize(("condition", "session", "mfa", "external"), rows(__file__, "test_a_condition"))
def test_a_condition(condition: Any, session: str, mfa: str, external: str) -> None:
    assert states(trust_of(statement(Condition=condition))) == [session, mfa, external]


def test_the_weakest_statement_decides() -> None:
    strict, lax = statement(condition={**BOUND, **MFA}), statement("arn:aws:iam::111122223333:user/ci")
    assert states(trust_of(strict)) == ["yes", "yes", "no"]
    trust = trust_of(strict, lax)
    assert states(trust) == ["no", "no", "no"]
    assert trust.mfa.reason == "statement 2"
    unknown = statement(NotPrincipal={"AWS": ROOT_ARN})
    assert states(trust_of(strict, unknown)) == ["not evaluated", "not evaluated", "no"]
    assert states(trust_of(lax, unknown)) == ["no"] * 3


def test_what_is_required_stays_so_with_a_deny() -> None:
    denying = statement(condition=MFA, Effect="Deny")
    assert states(trust_of(statement(condition=BOUND), denying)) == ["yes", "not evaluated", "not evaluated"]


def test_another_account_can_have_a_user_of_the_same_name() -> None:
    reason = "${aws:username} may be the same in accounts 111122223333, 444455556666"
    trust = trust_of(statement([ROOT_ARN, "444455556666"], BOUND))
    assert trust.session_name == (State.NOT_EVALUATED, reason)
    assert trust_of(statement("*", BOUND)).session_name.state is State.NO
    of_one = trust_of(statement(["111122223333", "arn:aws:iam::111122223333:role/Ops", "AIDAEXAMPLE"], BOUND))
    assert of_one.session_name == (State.YES, "${aws:username}")


def test_statements_that_bind_different_names() -> None:
    other = statement(condition={"StringEquals": {"sts:RoleSessionName": "x${aws:username}"}})
    assert trust_of(other, other).session_name == (State.YES, "x${aws:username}")
    reason = "statements bind it to different names: ${aws:username}, x${aws:username}"
    assert trust_of(statement(condition=BOUND), other).session_name == (State.NOT_EVALUATED, reason)


@pytest.mark.parametrize("action", ["*", "STS:*", "sts:Assume*", "sts:AssumeRol?", ["s3:*", "sts:assumerole"]])
def test_an_action_that_includes_it(action: Any) -> None:
    assert [str(one.reach) for one in trust_of(statement(Action=action)).principals] == ["account"]


@pytest.mark.parametrize("action", ["sts:TagSession", "s3:*", "sts:[A]ssumeRole", f"{'*?' * 14}x", "*" * 2000 + "x"])
def test_an_action_that_does_not(action: str) -> None:
    """Then nobody can assume the role, and that counts for nothing."""
    trust = trust_of(statement(Action=action))
    assert (trust.principals, states(trust)) == ((), ["not evaluated"] * 3)


NO_POLICIES: list[Any] = [None, [], "text", {}, *({"Statement": part} for part in (None, ["x"], {"Effect": "allow"}))]
NO_STATEMENTS: list[dict[str, Any]] = [
    {"Action": {}},
    {"Action": None},
    {"Action": [None]},
    {"Principal": {"AWS": {}}},
    {"Principal": {"AWS": [[]]}},
    {"Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}},
    {"Principal": 5},
    {"Effect": []},
    {"Resource": "*"},
]


@pytest.mark.parametrize("policy", [*NO_POLICIES, *({"Statement": statement(**parts)} for parts in NO_STATEMENTS)])
def test_what_is_no_policy_is_not_evaluated(policy: Any) -> None:
    assert states(evaluate(policy, "Dev.json")) == ["not evaluated"] * 3


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["*", "true", "${aws:username}", "Allow", "Deny"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["AWS", "Bool", "StringLike", "sts:RoleSessionName"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(_VALUES, st.sampled_from(["Effect", "Principal", "Action", "Condition", "Resource"]))
def test_another_statement_never_makes_a_policy_stricter(value: Any, part: str) -> None:
    assert "yes" not in states(trust_of(statement(), statement(**{part: value})))


def test_the_policy_for_people() -> None:
    trust = evaluate(policy_for("aws-cn", "111122223333"), "Dev.json")
    assert [one.principal for one in trust.principals] == ["arn:aws-cn:iam::111122223333:root"]
    assert states(trust) == ["yes", "yes", "no"]


def test_the_policy_of_the_guide() -> None:
    page = (ROOT / "docs" / "guides" / "new-colleague.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```json trust-policy.json\n(.*?)```", page, re.DOTALL)
    assert json.loads(text) == policy_for("aws", "111122223333")


def test_the_rows() -> None:
    by_address = statement("*", {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})
    assert list(trust_rows(trust_of(statement(condition=MFA), by_address), uses_session_name=False)) == [
        ("trusts", f"{ROOT_ARN}: everybody in account 111122223333 whose own policies allow sts:AssumeRole"),
        ("trusts", "*: anybody, of any AWS account"),
        (
            "session",
            "chosen by the caller: statement 1 has no condition on sts:RoleSessionName; the mapping does not use it",
        ),
        ("MFA", "not required: statement 2"),
        ("external", "ID not required: statement 1"),
        ("unknown", "not evaluated: statement 2: IpAddress aws:SourceIp"),
        ("policy", "Dev.json"),
    ]
