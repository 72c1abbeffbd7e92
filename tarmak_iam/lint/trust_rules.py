"""What the trust policies of the mapped roles say, and what they make of findings about session names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tarmak_iam.findings import Finding, Subject
from tarmak_iam.identity.templates import has_session
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.lint.rule import TRUST, Rule, TrustedMappings
from tarmak_iam.text import one_line, shortened

if TYPE_CHECKING:
    from tarmak_iam.aws.trust_policy import Trust

_ABOUT_SESSION_NAMES = ("IAM070", "IAM071", "IAM072")
_GONE_IF_BOUND = "IAM070"
"""A reserved username or a group must not be a name of IAM either."""


@TRUST.error("IAM133", "open-trust-policy", "a role that anybody can assume")
def open_trust_policy(rule: Rule, trusted: TrustedMappings) -> Iterator[Finding]:
    for entry, trust in _trusts(trusted):
        if trust.is_for_anybody:
            where = f"its trust policy in {one_line(trust.source)}"
            can = "may be able to" if trust.not_evaluated else "can"
            what = f"anybody with an AWS account {can} assume {entry.name}: {where} allows *"
            if trust.not_evaluated:
                what += f" (not evaluated: {'; '.join(map(shortened, trust.not_evaluated[:3]))})"
            remedy = "write the ARN of an account, role or user there instead"
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, what, remedy)


def _trusts(trusted: TrustedMappings) -> Iterator[tuple[WrittenEntry, Trust]]:
    """The entries of roles, with their trust policies."""
    for entry in entries_of(trusted.mappings).mapped:
        if (trust := _trust_of(entry, trusted)) is not None:
            yield entry, trust


def _trust_of(entry: WrittenEntry, trusted: TrustedMappings) -> Trust | None:
    kind = "arn" if entry.listed.arn else entry.listed.principal_kind
    return trusted.policies.of(kind, entry.listed.arn or entry.listed.sso)


def trust_lines(trusted: TrustedMappings | None) -> Iterator[str]:
    """A line for each mapped role, with the facts of its trust policy."""
    if trusted is None:
        return
    from tarmak_iam.aws.trust_policy import trust_rows

    for entry, trust in _trusts(trusted):
        uses_session_name = any(map(has_session, (entry.listed.username, *entry.listed.groups)))
        facts = (f"{label} {text}" for label, text in trust_rows(trust, uses_session_name=uses_session_name))
        yield f"{entry.name}: {'; '.join(facts)}"


def with_trust(finding: Finding, trusted: TrustedMappings | None) -> Finding | None:
    """A finding about a session name says what the trust policy makes of it; None for one that is about any name, if
    each statement of the policy binds the session name to the person."""
    if trusted is None or finding.id not in _ABOUT_SESSION_NAMES:
        return finding
    from tarmak_iam.aws.trust_policy import State

    steps = finding.route.plain
    entries = entries_of(trusted.mappings).by_steps
    entry = next((entries[steps[:count]] for count in range(len(steps) + 1) if steps[:count] in entries), None)
    trust = None if entry is None else _trust_of(entry, trusted)
    if trust is None:
        return finding
    state, reason = trust.session_name
    if state is State.YES and finding.id == _GONE_IF_BOUND:
        return None
    where = f"its trust policy ({one_line(trust.source)})" if trust.source else "its trust policy"
    texts = {
        State.YES: f"{where} sets the session name to {reason}",
        State.NO: f"{where} does not set it: {reason}",
        State.NOT_EVALUATED: f"whether {where} sets it is not evaluated: {reason}",
    }
    return replace(finding, consequence="; ".join(filter(None, (finding.consequence, texts[state]))))
