"""What the trust policy of a role says of five things: who may assume the role, whether that is anybody or a whole
account, and whether the session name, MFA and an external ID are fixed. Everything else is not evaluated.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any, NamedTuple

from tarmak_iam.aws.arn import ArnError, is_account, parse_arn
from tarmak_iam.text import TextEnum, brief_list, shortened

ASSUME_ROLE = "sts:AssumeRole"
_BY_FEDERATION = ("sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
_SESSION_NAME, _EXTERNAL_ID = "sts:RoleSessionName", "sts:ExternalId"
_MFA, _MFA_AGE = "aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge"
_VERSION = "2012-10-17"
"""Of the policy language. In older ones, which are the default, `${aws:username}` is the text itself."""

# One variable, so that different people have different names.
_BOUND = re.compile(r"[^$*?]*\$\{aws:(?:username|PrincipalTag/[^$*?{}',\s]+)\}[^$*?]*", re.IGNORECASE)
_MODELLED = {"Effect", "Principal", "Action", "Condition", "Sid"}
_WILDCARD, _OWN_VARIABLE = re.compile(r"[*?]"), re.compile(r"\$\{[*?$]\}")


class State(TextEnum):
    """`YES` only if every statement that allows to assume the role requires it, `NO` if one does not."""

    YES = "yes"
    NO = "no"
    NOT_EVALUATED = "not evaluated"


class Reach(TextEnum):
    """Whom a principal of a policy stands for."""

    ANYBODY = "anybody"
    ACCOUNT = "account"
    NAMED = "named"
    NOT_EVALUATED = "not evaluated"


class Fact(NamedTuple):
    """`reason`: for a session name, what it is bound to; else the part of the policy that decides."""

    state: State
    reason: str = ""


class TrustedPrincipal(NamedTuple):
    """As written in the policy. `type`: AWS, Service, Federated or CanonicalUser."""

    type: str
    principal: str
    reach: Reach


class Trust(NamedTuple):
    """The facts of a trust policy. `source`: the file that it is in, "" if there is none for the role. `not_evaluated`:
    the parts of the policy that are not evaluated, by the numbers of their statements."""

    source: str
    principals: tuple[TrustedPrincipal, ...]
    session_name: Fact
    mfa: Fact
    external_id: Fact
    not_evaluated: tuple[str, ...] = ()

    @property
    def is_for_anybody(self) -> bool:
        return any(trusted.reach is Reach.ANYBODY for trusted in self.principals)

    @classmethod
    def unknown(cls, source: str, reason: str) -> Trust:
        fact = Fact(State.NOT_EVALUATED, reason)
        return cls(source, (), fact, fact, fact, (reason,))


class _Grant(NamedTuple):
    """What one statement grants."""

    principals: tuple[TrustedPrincipal, ...]
    facts: tuple[Fact, Fact, Fact]
    not_evaluated: tuple[str, ...] = ()


def evaluate(policy: Any, source: str) -> Trust:
    """The facts of a policy, as plain data. Whatever is not a policy is not evaluated."""
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    statements = statements if isinstance(statements, list) else [statements]
    has_variables = isinstance(policy, dict) and policy.get("Version") == _VERSION
    grants = [
        grant
        for number, statement in enumerate(statements, 1)
        if (grant := _grant(f"statement {number}", statement, has_variables)) is not None
    ]
    principals = tuple(dict.fromkeys(trusted for grant in grants for trusted in grant.principals))
    if not grants:
        return Trust.unknown(source, f"no statement allows {ASSUME_ROLE}")
    session, mfa, external_id = (_weakest(fact) for fact in zip(*(grant.facts for grant in grants), strict=True))
    names = dict.fromkeys(grant.facts[0].reason for grant in grants)
    if session.state is State.YES and len(names) > 1:  # one person's name may be that of another by another statement
        session = Fact(State.NOT_EVALUATED, f"statements bind it to different names: {brief_list(names)}")
    facts = (_of_one_account(session, principals), mfa, external_id)
    denying = [
        f"statement {number}: Deny"
        for number, statement in enumerate(statements, 1)
        if isinstance(statement, dict) and statement.get("Effect") == "Deny"
    ]
    if denying:  # a Deny statement may require what the others do not
        session, mfa, external_id = (
            Fact(State.NOT_EVALUATED, denying[0]) if fact.state is State.NO else fact for fact in facts
        )
        facts = (session, mfa, external_id)
    return Trust(source, principals, *facts, tuple(chain(*(grant.not_evaluated for grant in grants), denying)))


def _weakest(facts: Iterable[Fact]) -> Fact:
    return min(facts, key=lambda fact: (State.NO, State.NOT_EVALUATED, State.YES).index(fact.state))


def _of_one_account(fact: Fact, principals: Iterable[TrustedPrincipal]) -> Fact:
    """A session name that is bound identifies a person only among the users of one account: whoever controls another
    account chooses the names and tags there."""
    if fact.state is not State.YES:
        return fact
    trusted = [principal for principal in principals if principal.type == "AWS"]
    if any(principal.reach is Reach.ANYBODY for principal in trusted):
        return Fact(State.NO, f"{fact.reason} is set by the caller's account, which may be any account")
    accounts = sorted({_account(principal.principal) for principal in trusted} - {""})
    if len(accounts) > 1:
        return Fact(State.NOT_EVALUATED, f"{fact.reason} may be the same in accounts {brief_list(accounts)}")
    return fact


def _account(principal: str) -> str:
    try:
        return principal if is_account(principal) else parse_arn(principal).account
    except ArnError:
        return ""


def _grant(name: str, statement: Any, has_variables: bool) -> _Grant | None:
    """What a statement grants; None if it does not allow to assume the role."""

    def unknown(what: str) -> _Grant:
        reason = f"{name}: {what}"
        return _Grant((), (Fact(State.NOT_EVALUATED, reason),) * 3, (reason,))

    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        return unknown("not an Allow or Deny statement")
    if statement["Effect"] == "Deny":
        return None
    if others := [shortened(key) for key in statement if key not in _MODELLED]:
        return unknown(", ".join(others))
    actions = _texts(statement.get("Action"))
    is_direct = any(_includes(action, ASSUME_ROLE) for action in actions)
    is_federated = any(_includes(action, federated) for action in actions for federated in _BY_FEDERATION)
    if actions and not is_direct and not is_federated:
        return None  # sts:TagSession, for example
    principals = tuple(_principals(statement.get("Principal"), is_direct))
    if not actions or not principals:
        return unknown("Principal" if actions else "Action")
    facts, others = _conditions(name, statement.get("Condition", {}), has_variables)
    if others_than_aws := [trusted for trusted in principals if trusted.reach is Reach.NOT_EVALUATED]:
        reason = f"{name}: {others_than_aws[0].type} {shortened(others_than_aws[0].principal)}"
        of_others, is_only = Fact(State.NOT_EVALUATED, reason), len(others_than_aws) == len(principals)
        facts = [of_others if is_only else _weakest((fact, of_others)) for fact in facts]
        others = [reason, *others]
    session, mfa, external_id = facts
    return _Grant(principals, (session, mfa, external_id), tuple(others))


def _texts(value: Any) -> list[str]:
    """The texts of one value or of a list; none of other values. JSON's true is the text `true` for IAM."""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(text, (str, bool, int)) for text in values):
        return []
    return [text if isinstance(text, str) else str(text).lower() for text in values]


def _includes(pattern: str, action: str) -> bool:
    """Actions are not case-sensitive, and `*` and `?` are wildcards in them; brackets are not, as they are in fnmatch,
    which takes no exponential time."""
    return fnmatchcase(action.lower(), pattern.lower().replace("[", "[[]"))


def _principals(element: Any, is_direct: bool) -> Iterator[TrustedPrincipal]:
    by_type = {"AWS": element} if isinstance(element, str) else element if isinstance(element, dict) else {}
    for kind, names in by_type.items():
        for name in _texts(names) or [""]:
            reach = Reach.NAMED if kind in ("AWS", "Service") else Reach.NOT_EVALUATED
            if not is_direct:
                reach = Reach.NOT_EVALUATED
            elif not name or (kind == "AWS" and "*" in name):
                reach = Reach.ANYBODY if name == "*" else Reach.NOT_EVALUATED
            elif kind == "AWS" and (is_account(name) or name.endswith(":root")):
                reach = Reach.ACCOUNT
            yield TrustedPrincipal(shortened(kind), shortened(name, 200), reach)


_Judge = Callable[[str, list[str], bool], Fact | None]
"""operator, values, whether variables are replaced -> a fact; None if the operator is not modelled."""


def _conditions(name: str, conditions: Any, has_variables: bool) -> tuple[list[Fact], list[str]]:
    """Session name, MFA and external ID as a statement fixes them, and the conditions that are not evaluated."""
    judges: tuple[dict[str, _Judge], ...] = (
        {_SESSION_NAME.lower(): _session_name},
        {_MFA.lower(): _mfa, _MFA_AGE.lower(): _mfa_age},
        {_EXTERNAL_ID.lower(): _external_id},
    )
    fixed: list[list[Fact]] = [[], [], []]
    others = []
    if not isinstance(conditions, dict) or not all(isinstance(keys, dict) for keys in conditions.values()):
        reason = f"{name}: Condition"
        return [Fact(State.NOT_EVALUATED, reason)] * 3, [reason]
    for operator, key, values in ((op, key, value) for op, keys in conditions.items() for key, value in keys.items()):
        condition = f"{name}: {shortened(operator)} {shortened(key)}"
        is_modelled = False
        for facts, judge in zip(fixed, (of_key.get(key.lower()) for of_key in judges), strict=True):
            if judge is not None:
                fact = judge(operator, _texts(values), has_variables)
                is_modelled = fact is not None and fact.state is not State.NOT_EVALUATED
                state, reason = fact or Fact(State.NOT_EVALUATED)
                facts.append(Fact(state, reason if state is State.YES else f"{condition}{f' {reason}'.rstrip()}"))
        others += [] if is_modelled else [condition]
    missing = (f"{name} has no condition on {_SESSION_NAME}", name, name)
    return [_strongest(facts, reason) for facts, reason in zip(fixed, missing, strict=True)], others


def _strongest(facts: list[Fact], missing: str) -> Fact:
    """All conditions of a statement apply, so that one of them is enough."""
    ranked = (State.YES, State.NOT_EVALUATED, State.NO)
    return min(facts, key=lambda fact: ranked.index(fact.state), default=Fact(State.NO, missing))


def _session_name(operator: str, values: list[str], has_variables: bool) -> Fact | None:
    if operator not in ("StringEquals", "StringLike") or not values:
        return None
    if operator == "StringLike" and _WILDCARD.search("".join(values)):
        # ${*} and ${?} are the characters themselves, which a session name cannot contain.
        is_plain = any(_OWN_VARIABLE.search(value) for value in values)
        return None if is_plain else Fact(State.NO, "has a wildcard")
    if not has_variables:
        return Fact(State.NOT_EVALUATED, f"without Version {_VERSION}") if "${" in "".join(values) else None
    bound = _BOUND.fullmatch(values[0]) if len(values) == 1 else None
    return Fact(State.YES, values[0]) if bound else None


def _mfa(operator: str, values: list[str], _: bool) -> Fact | None:
    """Requests with access keys have no such key, and those with other credentials without MFA have it with `false`."""
    if operator == "BoolIfExists" or (operator == "Bool" and "false" in map(str.lower, values)):
        return Fact(State.NO, "allows access keys" if operator == "BoolIfExists" else "allows false")
    return Fact(State.YES) if operator == "Bool" and {*map(str.lower, values)} == {"true"} else None


def _mfa_age(operator: str, values: list[str], _: bool) -> Fact | None:
    """Only requests with MFA have the key."""
    return Fact(State.YES) if operator in ("NumericLessThan", "NumericLessThanEquals") and values else None


def _external_id(operator: str, values: list[str], _: bool) -> Fact | None:
    if operator == "StringEqualsIfExists":
        return Fact(State.NO, "allows none")
    is_exact = operator == "StringEquals" or (operator == "StringLike" and not _WILDCARD.search("".join(values)))
    return Fact(State.YES) if is_exact and values and "$" not in "".join(values) else None


def trust_rows(trust: Trust, *, uses_session_name: bool = True) -> Iterator[tuple[str, str]]:
    """What is fact by fact, as labels and texts. `uses_session_name`: whether username or groups contain it."""
    for principal in trust.principals:
        yield "trusts", _who(principal)
    if not trust.principals:
        yield "trusts", f"not evaluated: {trust.session_name.reason}"
    if not trust.source:
        return
    yield "session", _session_text(trust.session_name, uses_session_name)
    yield "MFA", _required_text(trust.mfa)
    yield "external", f"ID {_required_text(trust.external_id)}"
    for part in trust.not_evaluated:
        yield "unknown", f"not evaluated: {part}"
    yield "policy", trust.source


def _who(trusted: TrustedPrincipal) -> str:
    name = trusted.principal if trusted.type == "AWS" else f"{trusted.type} {trusted.principal}"
    account = _account(trusted.principal)
    texts = {
        Reach.ANYBODY: ": anybody, of any AWS account",
        Reach.ACCOUNT: f": everybody in account {account} whose own policies allow {ASSUME_ROLE}",
        Reach.NAMED: "",
        Reach.NOT_EVALUATED: ": not evaluated",
    }
    return f"{name}{texts[trusted.reach]}"


def _session_text(fact: Fact, is_used: bool) -> str:
    texts = {State.YES: f"bound to {fact.reason}", State.NO: f"chosen by the caller: {fact.reason}"}
    unused = "" if is_used else "; the mapping does not use it"
    return f"{texts.get(fact.state, f'not evaluated: {fact.reason}')}{unused}"


def _required_text(fact: Fact) -> str:
    texts = {State.YES: "required", State.NO: f"not required: {fact.reason}"}
    return texts.get(fact.state, f"not evaluated: {fact.reason}")


def policy_for(partition: str, account: str) -> dict[str, Any]:
    """The trust policy of a role that people of an account assume with their own IAM users and MFA."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": ASSUME_ROLE,
        "Condition": {"Bool": {_MFA: "true"}, "StringEquals": {_SESSION_NAME: "${aws:username}"}},
    }
    return {"Version": _VERSION, "Statement": [statement]}
