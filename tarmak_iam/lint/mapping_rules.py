"""Rules about a mappings file, whatever the daemon's version."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.identity.arn import is_account
from tarmak_iam.identity.mappings import Listed, Mappings
from tarmak_iam.identity.reach import canonical_text, checked_arn
from tarmak_iam.lint.rule import Rule, Scope

__all__ = ["MAPPING_RULES"]

_LISTS = {"role": "mapRoles", "user": "mapUsers"}


def _useless_arn(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in mappings.entries:
        if entry.kind == "account":
            if not is_account(entry.arn):
                what = f"the account '{entry.arn}' has not twelve digits, so it matches nobody"
                yield rule.finding(
                    Subject.MAPPINGS, entry.route, what, 'write the twelve digits in quotes, as in "012345678901"'
                )
            continue
        if not entry.arn and entry.sso:
            continue
        try:
            checked_arn(entry.arn)
        except ConfigError as error:
            yield rule.finding(Subject.MAPPINGS, mappings.arn_route(entry), error.what, error.remedy)


def _duplicates(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """The daemon compares without case, and the last of two entries wins; groups are not merged."""
    first: dict[tuple[str, str], Listed] = {}
    for entry in filter(lambda each: each.arn, mappings.entries):
        key = (entry.kind, canonical_text(entry.arn))
        if key not in first:
            first[key] = entry
            continue
        line = mappings.document.position(first[key].route).line
        what = f"{entry.arn} is mapped in line {line} already; the last entry wins, and the first one's groups are lost"
        remedy = "keep one entry with all groups"
        if entry.kind == "account":
            what, remedy = f"the account {entry.arn} is listed in line {line} already", "remove one"
        yield rule.finding(Subject.MAPPINGS, mappings.arn_route(entry), what, remedy)
    yield from _in_both_lists(rule, mappings)


def _in_both_lists(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    roles = {canonical_text(entry.arn): entry for entry in mappings.entries if entry.kind == "role" and entry.arn}
    for entry in mappings.entries:
        role = roles.get(canonical_text(entry.arn)) if entry.kind == "user" else None
        if role is not None:
            line = mappings.document.position(role.route).line
            what = f"{entry.arn} is under mapRoles in line {line} too, which is asked first: this entry never counts"
            yield rule.finding(Subject.MAPPINGS, mappings.arn_route(entry), what, "keep one of them")


MAPPING_RULES = (
    Rule(
        "IAM010",
        Severity.ERROR,
        Scope.MAPPINGS,
        "an ARN or account that the daemon refuses or that never matches",
        _useless_arn,
    ),
    Rule("IAM011", Severity.ERROR, Scope.MAPPINGS, "the same principal mapped more than once", _duplicates),
)
