"""Findings that a comment sets aside: `# tarmak-iam: ignore[IAM074] why`. `comment_scope` says which ones it is about.

Comments come from the document: a text that only looks like one suppresses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tarmak_iam.document import Document
from tarmak_iam.errors import Place
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.lint.comment_scope import CommentScope, CommentScopes
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.near import did_you_mean
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened

__all__ = ["SUPPRESSION_RULES", "Suppression", "Suppressions", "suppressions_of"]

_REASON = 200

_COMMENT = re.compile(r"#+\s*tarmak-iam\s*:\s*ignore\b\s*(?:\[(?P<ids>[^\]]*)\])?(?P<reason>.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One id of one comment, empty for one that names none; `scope` is what of the file it is about."""

    subject: Subject
    id: str
    place: Place
    scope: CommentScope
    reason: str


@dataclass(frozen=True, slots=True)
class Suppressions:
    """What the comments ask for, and what came of it."""

    all: tuple[Suppression, ...]
    unused: tuple[Suppression, ...]
    """Those that set nothing aside, although the rule was run on all that they may be about."""
    rules: frozenset[str]
    """The ids of all there are, in capitals, as comments may write them in any case."""
    lines: Mapping[tuple[Subject, str], int]
    """Where the first finding is that no comment sets aside, by file and id in capitals."""
    there: Mapping[Suppression, tuple[str, ...]]
    """The ids of what those of no rule are about."""

    def of_comment(self, one: Suppression) -> tuple[Suppression, ...]:
        """All of the comment that it is in."""
        return tuple(each for each in self.all if (each.subject, each.place) == (one.subject, one.place))


def suppressions_of(document: Document, subject: Subject) -> Iterator[Suppression]:
    """Every one in the file, in its order."""
    scopes = CommentScopes(document)
    for comment in document.comments:
        match = _COMMENT.match(comment.text)
        if match is None:
            continue
        place = document.source.place(comment.span.start)
        scope, reason = scopes.of(comment), shortened(match["reason"].strip(" \t:,;-["), _REASON)
        ids = [shortened(each.strip().upper()) for each in (match["ids"] or "").split(",") if each.strip()]
        for each in ids or [""]:
            yield Suppression(subject, each, place, scope, reason)


def _unused(rule: Rule, found: Suppressions) -> Iterator[Finding]:
    for each in found.unused:
        what = f"there is no finding {each.id} {_where(each)}, so the comment suppresses nothing"
        elsewhere = found.lines.get((each.subject, each.id))
        remedy = _removal(each, found)
        if elsewhere and len(found.of_comment(each)) == 1:
            remedy += f", or move it right above line {elsewhere}"
        yield _finding(rule, each, what, remedy)


def _where(suppression: Suppression) -> str:
    """What the comment is about: a line, several, or the file."""
    first, last = suppression.scope.lines
    if suppression.scope.is_file:
        return "about the file as a whole"
    if first != last:
        return f"in lines {first} to {last}"
    return "on this line" if first == suppression.place.line else f"in line {first}"


def _removal(each: Suppression, found: Suppressions) -> str:
    """What to do about an id that suppresses nothing, without losing what the comment's others do."""
    others = [one for one in found.of_comment(each) if one.id in found.rules and one not in found.unused]
    return f"remove {each.id} from the brackets" if others else "remove the comment"


def _without_reason(rule: Rule, found: Suppressions) -> Iterator[Finding]:
    for each in _one_of_each_comment(found.all):
        if each.id and not each.reason:
            ids = ", ".join(one.id for one in found.of_comment(each))
            what = "the comment does not say why the finding is ignored"
            remedy = f"write the reason after the brackets: # tarmak-iam: ignore[{ids}] because ..."
            yield _finding(rule, each, what, remedy)


def _unknown(rule: Rule, found: Suppressions) -> Iterator[Finding]:
    for each in found.all:
        there = found.there.get(each, ())
        if not each.id:
            what = "the comment names no rule, so it suppresses nothing"
            remedy = f"write # tarmak-iam: ignore[{', '.join(there)}] {each.reason or 'because ...'}" if there else ""
            yield _finding(rule, each, what, remedy or _removal(each, found))
        elif each.id not in found.rules:
            what = f"there is no rule {each.id}, so the comment suppresses nothing"
            yield _finding(rule, each, what, did_you_mean(each.id, there) or _removal(each, found))


def _one_of_each_comment(all_of_them: Iterable[Suppression]) -> Iterator[Suppression]:
    seen = set()
    for each in all_of_them:
        if each.place not in seen:
            seen.add(each.place)
            yield each


def _finding(rule: Rule, each: Suppression, what: str, remedy: str) -> Finding:
    return Finding(rule.id, rule.severity, each.subject, Route(), what, remedy, place=each.place)


SUPPRESSION_RULES = (
    Rule("IAM095", Severity.WARNING, Scope.SUPPRESSIONS, "a comment that suppresses nothing", _unused),
    Rule("IAM096", Severity.WARNING, Scope.SUPPRESSIONS, "a suppression without a reason", _without_reason),
    Rule("IAM097", Severity.WARNING, Scope.SUPPRESSIONS, "a suppression of no rule", _unknown),
)
