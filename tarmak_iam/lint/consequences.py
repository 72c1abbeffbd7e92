"""Findings that only follow from others: where the cause is told, they are not told as well."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.go_case import fold, to_lower
from tarmak_iam.identity.groups import ADMINS
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.lint.entries import entries_of
from tarmak_iam.routes import Route

__all__ = ["without_consequences"]

_NOBODY, _WOULD_NOT_START, _NO_ADMIN = "IAM021", "IAM022", "IAM084"
_ROLE_UNMAPPED = "IAM108"
_FOLLOWING = (_NOBODY, _WOULD_NOT_START, _NO_ADMIN, _ROLE_UNMAPPED)
_DOUBLED_KEY, _MISTAKEN_KEY, _DUPLICATE, _TEXT = "IAM059", "IAM057", "IAM011", "IAM060"

_LIST_SHAPES = frozenset({"IAM115", "IAM116"})

_ENDS_THE_DAEMON = frozenset(
    {
        "IAM010",
        "IAM020",
        "IAM023",
        "IAM052",
        "IAM053",
        "IAM054",
        _MISTAKEN_KEY,
        _DOUBLED_KEY,
        _TEXT,
        "IAM063",
        "IAM082",
        "IAM109",
        "IAM115",
        "IAM116",
    }
)
"""Rules about what may be why the daemon does not start."""

_HIDES_EVERYONE = frozenset({_MISTAKEN_KEY, _TEXT}) | _LIST_SHAPES
"""Rules about why there may be no entries where somebody wrote some."""

_HIDES_SOMEBODY = _HIDES_EVERYONE | {_DOUBLED_KEY}
"""Rules about why there may be no entry for a principal where somebody wrote one."""

_KEEPS_ADMINS_OUT = frozenset({"IAM087"})
"""Rules about why an admin's entry may not count: once that is fixed, it shows."""

_HIDES_ENTRIES = frozenset({_MISTAKEN_KEY, _DOUBLED_KEY}) | _LIST_SHAPES
"""The same, where the file names system:masters somewhere."""

_HIDES = "gets access"
"""What the rule about keys says of those that hold entries."""

_NAMES_ADMINS = frozenset({"IAM061", "IAM064", "IAM078", "IAM114", "IAM122", "IAM124", "IAM125", "IAM127"})
"""The same, where what they say of a group is that it was to be system:masters."""

_NEXT_DOCUMENT = "IAM079"
"""The same, where the entries are in a part of the file that is not read."""
_LIST = re.compile(r"\bmap(Roles|Users|Accounts)\b", re.IGNORECASE)


def without_consequences(found: Iterable[Finding], mappings: Mappings | None) -> list[Finding]:
    """The findings that stand for themselves."""
    findings = list(found)
    return [each for each in findings if each.id not in _FOLLOWING or not _is_told_better(each, findings, mappings)]


def _is_told_better(finding: Finding, findings: list[Finding], mappings: Mappings | None) -> bool:
    others = [each for each in findings if each.subject is Subject.MAPPINGS and each is not finding]
    ids = {each.id for each in others}
    if finding.id in (_NOBODY, _NO_ADMIN) and _NEXT_DOCUMENT in ids and mappings and _are_lists_unread(mappings):
        return True
    if finding.id == _NOBODY and any(_is_all_of_server(each) for each in others):
        return True
    if finding.id == _NOBODY:
        return any(
            each.id in _HIDES_EVERYONE and (each.id != _MISTAKEN_KEY or _HIDES in each.message) for each in others
        )
    if finding.id == _ROLE_UNMAPPED:
        return bool(ids & _HIDES_SOMEBODY) or any(each.id == _NOBODY for each in findings)
    if finding.id == _NO_ADMIN:
        is_named = any(each.id in _NAMES_ADMINS and ADMINS in each.text and _is_of_groups(each) for each in others)
        lost = mappings is not None and _is_an_admin_lost(others, mappings)
        hidden = bool(ids & _HIDES_ENTRIES) and mappings is not None and ADMINS in mappings.document.text
        return bool(ids & _KEEPS_ADMINS_OUT) or hidden or is_named or lost
    causes = [each for each in others if each.id in _ENDS_THE_DAEMON]
    if not len(finding.route):  # of which the daemon says only that it cannot read it
        return any(each.id == _DOUBLED_KEY for each in causes)
    return any(_leads(_part(finding, each), each.route) for each in causes)


def _is_all_of_server(finding: Finding) -> bool:
    """The daemon does not start, and what is below `server` is no mapping that could map anybody."""
    return finding.id == _WOULD_NOT_START and [str(step).lower() for step in finding.route.plain] == ["server"]


def _part(finding: Finding, cause: Finding) -> Route:
    """What the daemon stops at; an entry that a dash splits in two are two items of the list."""
    return finding.route.parent if cause.id in _LIST_SHAPES else finding.route


def _is_of_groups(finding: Finding) -> bool:
    return any(isinstance(step, str) and fold(to_lower(step)) == "groups" for step in finding.route.plain)


def _are_lists_unread(mappings: Mappings) -> bool:
    """Whether what follows the document that the daemon reads has entries, which count once it is read."""
    place = mappings.document.next_document
    rest = mappings.document.text.splitlines()[place.line - 1 :] if place and place.line else []
    return any(_LIST.search(line) for line in rest)


def _is_an_admin_lost(others: list[Finding], mappings: Mappings) -> bool:
    """Some entry is an admin's, but does not count, or another one takes its place."""
    errors = [each for each in others if each.severity is Severity.ERROR]
    for entry in entries_of(mappings).mapped:
        if entry.is_admin and any(each.id == _DUPLICATE or _leads(entry.listed.route, each.route) for each in errors):
            return True
    return False


def _leads(outer: Route, inner: Route) -> bool:
    """Without the occurrences of keys, which rules need not tell."""
    return inner.plain[: len(outer)] == outer.plain
