"""Rules about what a mappings file says twice: principals, and keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.go_case import fold
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.identity.reach import canonical_text
from tarmak_iam.identity.versions import EQUAL_FOLD, spans_text
from tarmak_iam.identity.viper import field_spellings, spellings
from tarmak_iam.lint.entries import Entry, entries_of
from tarmak_iam.lint.keys import DoubledKey, doubled_keys
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.wording import way_in
from tarmak_iam.text import quoted, shortened

__all__ = ["DUPLICATE_RULES"]


def _duplicates(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """The daemon compares without case, and the last of two entries wins; groups are not merged."""
    first: dict[tuple[str, str], Entry] = {}
    roles: dict[str, Entry] = {}
    for entry in entries_of(mappings).entries:
        key = _key(entry)
        if not key:
            continue
        earlier, role = first.setdefault((entry.listed.kind, key), entry), roles.get(key)
        if earlier is not entry:
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, *_twice(mappings, entry, earlier))
        elif entry.listed.kind == "user" and role is not None:
            line = mappings.document.position(role.listed.route).line
            what = f"{entry.name} is under mapRoles in line {line} too, which is asked first: this entry never counts"
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, what, "keep one of them")
        if entry.listed.kind == "role":
            roles[key] = entry


def _key(entry: Entry) -> str:
    listed = entry.listed
    return fold(canonical_text(listed.arn) if listed.arn else listed.sso)


def _twice(mappings: Mappings, entry: Entry, earlier: Entry) -> tuple[str, str]:
    line = mappings.document.position(earlier.listed.route).line
    if entry.is_account:
        return f"the account {shortened(entry.listed.arn)} is listed in line {line} already", "remove one"
    lost = "the last entry wins, and the first one's groups are lost"
    if canonical_text(entry.listed.arn) != canonical_text(earlier.listed.arn):
        lost = f"{spans_text(EQUAL_FOLD)} takes one of them at random, at every login"
    lost = f"{lost}; {way_in()}" if earlier.is_admin and not entry.is_admin else lost
    return f"{entry.name} is mapped in line {line} already; {lost}", "keep one entry with all groups"


def _doubled_keys(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for key in doubled_keys(mappings.document):
        line = mappings.document.position(key.first, at_key=True).line
        what = (
            f"{quoted(key.name)} is in line {line} already; newer daemons do not start with "
            "that, older ones take one of them"
        )
        if key.name != key.first_name:
            what = (
                f"{quoted(key.name)} is in line {line} already, as {quoted(key.first_name)}; "
                f"the daemon takes one of them{_which(key)}"
            )
        yield rule.finding(Subject.MAPPINGS, key.route, f"{what}; {way_in()}", "keep one of them", at=At.KEY)


def _which(key: DoubledKey) -> str:
    """Which of all spellings the daemon takes: viper lowers the keys, and one with capitals replaces one without."""
    written = dict.fromkeys(key.names)
    if not key.is_field:
        return _taken(spellings(written, key.known), ": ")
    field = _GO_NAMES.get(key.known, f"{key.known[0].upper()}{key.known[1:]}")
    before, later = (field_spellings(written, field, lowers=lowers) for lowers in (False, True))
    if before == later or min(len(before), len(later)) > 1:
        return _taken(later, ": ")
    return f": before v0.6.30{_taken(before)}, from then on{_taken(later)}"


def _taken(names: Sequence[str], colon: str = " ") -> str:
    return f"{colon}'{names[0]}'" if len(names) == 1 else " at random, at every start"


# Of fields whose name in the daemon's source is not the documented one with a capital.
_GO_NAMES = {"sso": "SSO", "userID": "UserId"}

DUPLICATE_RULES = (
    Rule("IAM011", Severity.ERROR, Scope.MAPPINGS, "the same principal mapped more than once", _duplicates),
    Rule("IAM059", Severity.ERROR, Scope.MAPPINGS, "a key of the mappings file that is there twice", _doubled_keys),
)
