"""Rules about what a mappings file says twice: principals, and keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tarmak_iam.document import Document
from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.go_case import fold
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.identity.reach import canonical_text
from tarmak_iam.identity.versions import EQUAL_FOLD, spans_text
from tarmak_iam.identity.viper import field_spellings, spellings
from tarmak_iam.lint.doubled_remedies import doubled_remedy, merged_list
from tarmak_iam.lint.entries import Entry, entries_of
from tarmak_iam.lint.keys import DoubledKey, doubled_keys
from tarmak_iam.lint.layout import first_line
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.run_together import RunTogether, is_in_flow_list, is_item, run_together, with_dash
from tarmak_iam.lint.wording import way_in
from tarmak_iam.routes import Key
from tarmak_iam.text import quoted, shortened

__all__ = ["DUPLICATE_RULES"]


def _duplicates(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """The daemon compares without case, and the last of two entries wins; groups are not merged."""
    first: dict[tuple[str, str], Entry] = {}
    roles: dict[str, Entry] = {}
    remedies = {key: _merge_remedy(entries) for key, entries in _alike(mappings).items() if len(entries) > 1}
    for entry in entries_of(mappings).entries:
        key = _key(entry)
        if not key:
            continue
        earlier, role = first.setdefault((entry.listed.kind, key), entry), roles.get(key)
        if earlier is not entry:
            what = _twice(mappings, entry, earlier)
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, what, remedies[key])
        elif entry.listed.kind == "user" and role is not None:
            line = mappings.document.position(role.listed.route).line
            what = f"{entry.name} is under mapRoles in line {line} too, which is asked first: this entry never counts"
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, what, remedies[key])
        if entry.listed.kind == "role":
            roles[key] = entry


def _alike(mappings: Mappings) -> dict[str, list[Entry]]:
    """The entries of each principal."""
    alike: dict[str, list[Entry]] = {}
    for entry in entries_of(mappings).entries:
        alike.setdefault(_key(entry), []).append(entry)
    return alike


def _merge_remedy(entries: Sequence[Entry]) -> str:
    """One entry that loses nothing of the others; the username is the one that the daemon gives today."""
    counting = [entry for entry in entries if entry.listed.kind == "role"] or entries
    names = {entry.listed.username for entry in entries}
    given = {frozenset(entry.listed.groups) for entry in entries}
    if len(names) == 1 and len(given) == 1:
        return "remove this one"
    listed = merged_list(*(list(entry.listed.groups) for entry in entries))
    groups = f"groups: {listed}" if listed else "all groups"
    username = (
        f"username: {shortened(counting[-1].listed.username)} (which counts today) and " if len(names) > 1 else ""
    )
    return f"keep one entry with all that is meant: {username}{groups}"


def _key(entry: Entry) -> str:
    listed = entry.listed
    return fold(canonical_text(listed.arn) if listed.arn else listed.sso)


def _twice(mappings: Mappings, entry: Entry, earlier: Entry) -> str:
    line = mappings.document.position(earlier.listed.route).line
    if entry.is_account:
        return f"the account {shortened(entry.listed.arn)} is listed in line {line} already"
    lost = "the last entry wins, and the first one's groups are lost"
    if canonical_text(entry.listed.arn) != canonical_text(earlier.listed.arn):
        lost = f"{spans_text(EQUAL_FOLD)} takes one of them at random, at every login"
    lost = f"{lost}; {way_in()}" if earlier.is_admin and not entry.is_admin else lost
    return f"{entry.name} is mapped in line {line} already; {lost}"


def _doubled_keys(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    document = mappings.document
    together: dict[int, RunTogether] = {}
    for key in doubled_keys(document):
        known = together.get(id(key.holder))
        found = known or run_together(key.holder, key.where)
        if found is None:
            what, remedy = _doubled(document, key), doubled_remedy(document, key)
            yield rule.finding(Subject.MAPPINGS, key.route, f"{what}; {way_in()}", remedy, at=At.KEY)
        elif known is None:
            together[id(key.holder)] = found
            yield from _missing_dashes(rule, document, key, found)


def _doubled(document: Document, key: DoubledKey) -> str:
    line = document.position(key.first, at_key=True).line
    if key.name != key.first_name:
        return (
            f"{quoted(key.name)} is in line {line} already, as {quoted(key.first_name)}; "
            f"the daemon takes one of them{_which(key)}"
        )
    consequence = "newer daemons do not start with that, older ones take one of them"
    return f"{quoted(key.name)} is in line {line} already; {consequence}"


def _missing_dashes(rule: Rule, document: Document, key: DoubledKey, found: RunTogether) -> Iterator[Finding]:
    """One finding for each entry that has no dash before it."""
    for number, entry in enumerate(found.entries[1:], 1):
        line = first_line(document, found.entries[number - 1][0].key)
        ends = "from v0.6.30 on the daemon does not start; before, " if found.is_exact else ""
        which = "" if found.is_exact else ", at random"
        what = (
            f"a dash is missing: {quoted(entry[0].text)} begins a new entry in the one of line {line}; {ends}"
            f"the daemon takes one of each key{which}, and {_lost_names(found)} loses access; {way_in()}"
        )
        route = key.route.parent / Key(entry[0].text or "", entry[0].occurrence)
        yield rule.finding(Subject.MAPPINGS, route, what, _dash_remedy(document, key, found, number), at=At.KEY)


def _lost_names(found: RunTogether) -> str:
    """The daemon takes the last of keys that are spelled alike."""
    names = [found.name(index) for index in range(len(found.entries))]
    return ", ".join(dict.fromkeys(names[:-1])) if found.is_exact else "one of the entries"


def _dash_remedy(document: Document, key: DoubledKey, found: RunTogether, number: int) -> str:
    entry = found.entries[number][0]
    line = first_line(document, entry.key)
    begins = with_dash(document, key.holder, entry)
    if begins and not is_item(document, key.holder):
        first = found.entries[0][0]
        own = with_dash(document, key.holder, first)
        return f"begin line {first_line(document, first.key)} with {quoted(own)}, and line {line} with {quoted(begins)}"
    if begins:
        return f"begin line {line} with {quoted(begins)}"
    if is_in_flow_list(document, key.holder):
        return f"write '}}, {{' instead of the comma before {quoted(entry.text)}"
    return f"write '}}' instead of the comma before {quoted(entry.text)}, and what follows as a new item: '- {{'"


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
