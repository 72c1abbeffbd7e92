"""Findings that a comment sets aside: `# tarmak-iam: ignore[IAM074] why`, on their line or right above it.

Comments come from the document: a text that only looks like one suppresses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tarmak_iam.document import Document
from tarmak_iam.errors import Place
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.near import did_you_mean
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened

__all__ = ["SUPPRESSION_RULES", "Suppression", "Suppressions", "suppressions_of"]

_REASON = 200

_COMMENT = re.compile(r"#+\s*tarmak-iam\s*:\s*ignore\b\s*(?:\[(?P<ids>[^\]]*)\])?(?P<reason>.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One id of one comment, empty for one that names none; `line` is the one whose findings it is about."""

    subject: Subject
    id: str
    place: Place
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Suppressions:
    """What the comments ask for, and what came of it."""

    all: tuple[Suppression, ...]
    unused: tuple[Suppression, ...]
    """Those that set nothing aside, although the rule was run on all that they may be about."""
    rules: frozenset[str]
    """The ids of all there are, in capitals, as comments may write them in any case."""


def suppressions_of(document: Document, subject: Subject) -> Iterator[Suppression]:
    """Every one in the file, in its order."""
    below = _lines_below(document)
    for comment in document.comments:
        match = _COMMENT.match(comment.text)
        if match is None:
            continue
        place = document.source.place(comment.span.start)
        line = place.line or 1
        ids = [shortened(each.strip().upper()) for each in (match["ids"] or "").split(",") if each.strip()]
        for each in ids or [""]:
            yield Suppression(
                subject, each, place, below.get(line, line), shortened(match["reason"].strip(" \t:,;-"), _REASON)
            )


def _lines_below(document: Document) -> dict[int, int]:
    """The line below the comment lines that follow a comment line."""
    below: dict[int, int] = {}
    for comment in reversed(document.comments):
        if comment.own_line:
            line, _ = document.source.position(comment.span.start)
            below[line] = below.get(line + 1, line + 1)
    return below


def _unused(rule: Rule, found: Suppressions) -> Iterator[Finding]:
    for each in found.unused:
        behind = each.line == each.place.line
        where = (
            "on this line, the only one that a comment behind something is about" if behind else f"in line {each.line}"
        )
        what = f"there is no finding {each.id} {where}, so the comment suppresses nothing"
        yield _finding(rule, each, what, "remove it, or put it right above the line of the finding")


def _without_reason(rule: Rule, found: Suppressions) -> Iterator[Finding]:
    for each in _one_of_each_comment(found.all):
        if each.id and not each.reason:
            what = "the comment does not say why the finding is ignored"
            yield _finding(rule, each, what, f"write the reason behind it: # tarmak-iam: ignore[{each.id}] because ...")


def _unknown(rule: Rule, found: Suppressions) -> Iterator[Finding]:
    for each in found.all:
        if not each.id:
            what = "the comment names no rule, so it suppresses nothing"
            yield _finding(rule, each, what, "name the rule in brackets: # tarmak-iam: ignore[IAM074] because ...")
        elif each.id not in found.rules:
            what = f"there is no rule {each.id}, so the comment suppresses nothing"
            remedy = did_you_mean(each.id, found.rules) or "write the id in brackets of a finding"
            yield _finding(rule, each, what, remedy)


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
