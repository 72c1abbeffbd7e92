"""Rules about the principals of a mappings file: ARNs that match nobody, or more than they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.go_case import to_lower
from tarmak_iam.identity.arn import Principal, parse_arn
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.identity.reach import Flaw, Misfit, canonical_text, misfit
from tarmak_iam.lint.entries import Entry, entries_of
from tarmak_iam.lint.lists import is_reported_elsewhere
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.wording import for_admins
from tarmak_iam.text import shortened

__all__ = ["ARN_RULES"]

# Those that no rule of their own is about.
_OWN_FLAWS = (Flaw.NO_ARN, Flaw.NO_PRINCIPAL, Flaw.BLANK, Flaw.NAMELESS, Flaw.SHAPE, Flaw.LETTERS)


def _flawed(*flaws: Flaw) -> Callable[[Rule, Mappings], Iterator[Finding]]:
    """The entries whose ARN has one of the flaws."""

    def check(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
        for entry in entries_of(mappings).mapped:
            if not entry.listed.arn:
                continue
            found = entry.flaw
            if found is not None and found.flaw in flaws:
                remedy = joining_remedy(mappings, entry, found) or _literal(mappings, entry, found)
                yield rule.finding(Subject.MAPPINGS, entry.at_arn, for_admins(entry, found.what), remedy)

    return check


def _literal(mappings: Mappings, entry: Entry, found: Misfit) -> str:
    """The remedy with all that the other entries say: of which partition the principals are."""
    if found.flaw is Flaw.PARTITION:
        others = (each.listed.arn for each in entries_of(mappings).mapped if each.listed.arn and each.flaw is None)
        partitions = {parse_arn(to_lower(arn)).partition for arn in others}
        arn = replace(parse_arn(to_lower(entry.listed.arn)[:4] + entry.listed.arn[4:]), partition="".join(partitions))
        if len(partitions) == 1 and misfit(str(arn)) is None:
            return f"write {shortened(arn)}"
    if found.flaw is Flaw.BLANK and found.instead:
        return f"write {shortened(found.instead)}"
    return found.remedy


def joining_remedy(mappings: Mappings, entry: Entry, found: Misfit) -> str:
    """The remedy where another entry is for the ARN that was meant, so that there would be two; else empty."""
    if found.instead is None or found.flaw is Flaw.LETTERS:
        return ""
    key, is_before = canonical_text(found.instead), True
    for other in entries_of(mappings).mapped:
        if other is entry:
            is_before = False  # of two with a flaw the later one joins the other
            continue
        arn = other.flaw.instead if other.flaw is not None and is_before else other.listed.arn
        if arn and canonical_text(arn) == key:
            line = mappings.document.position(other.listed.route).line
            return f"{shortened(found.instead)} is mapped in line {line} already: add the groups there, and remove this"
    return ""


def _never(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """What has no flaw of its own rule, and an entry that names nobody."""
    yield from _flawed(*_OWN_FLAWS)(rule, mappings)
    for entry in entries_of(mappings).mapped:
        if entry.listed.arn or entry.value("sso") is not None or is_reported_elsewhere(mappings, entry, entry.arn_key):
            continue
        what = f"the entry has no {entry.arn_key}, so it matches nobody and newer daemons do not start"
        remedy = f"add {entry.arn_key}, or remove the entry"
        yield rule.finding(Subject.MAPPINGS, entry.at(entry.arn_key), for_admins(entry, what), remedy)


def _root_or_federated(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        arn, principal = entry.listed.arn, entry.principal
        if not arn or entry.flaw is not None:
            continue
        if principal is Principal.ROOT:
            what = (
                f"{shortened(arn)} is the root user, whose keys should not exist (an ARN with "
                ":root means nobody else here)"
            )
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, what, "map a role instead, and let people assume it")
        elif principal is Principal.FEDERATED_USER:
            what = f"{shortened(arn)} is a federated user: whoever calls GetFederationToken chooses that name"
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, what, "map the role that people assume instead")


ARN_RULES = (
    Rule("IAM010", Severity.ERROR, Scope.MAPPINGS, "an ARN that is none, or that no caller has", _never),
    Rule("IAM050", Severity.ERROR, Scope.MAPPINGS, "the ARN of a role with its path", _flawed(Flaw.PATH)),
    Rule("IAM051", Severity.ERROR, Scope.MAPPINGS, "a wildcard in an ARN", _flawed(Flaw.WILDCARD)),
    Rule("IAM052", Severity.ERROR, Scope.MAPPINGS, "an ARN of an unknown partition", _flawed(Flaw.PARTITION)),
    Rule("IAM055", Severity.ERROR, Scope.MAPPINGS, "one session of a role", _flawed(Flaw.ASSUMED_ROLE)),
    Rule("IAM121", Severity.ERROR, Scope.MAPPINGS, "a service-linked role", _flawed(Flaw.SERVICE_LINKED)),
    Rule("IAM056", Severity.WARNING, Scope.MAPPINGS, "a root or federated user", _root_or_federated),
)
