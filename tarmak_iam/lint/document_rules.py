"""Rules about content of tarmak.yaml that Tarmak ignores, or reads in an unexpected way."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.config.ignored_content import IgnoredContent
from tarmak_iam.config.unknown_keys import place_text, question
from tarmak_iam.document.nodes import Mapping, Sequence, dereference
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.lint.messages import early_end
from tarmak_iam.lint.rule import DOCUMENT, Rule
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened


@DOCUMENT.warning("IAM030", "unknown-tarmak-key", "an unknown key in tarmak.yaml")
def unknown_tarmak_key(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    for key in survey.unknown:
        guess = key.guess
        if guess is None or not guess.is_sure:
            what = f"Tarmak ignores the unknown key {quoted(key.name)} {place_text(key.parent)}"
            remedy = "remove it, or make it a comment: Tarmak drops it when it rewrites the file"
            yield rule.finding(Subject.CONFIG, key.route, what, question(key, guess) or remedy, at=At.KEY)


@DOCUMENT.error("IAM031", "misplaced-tarmak-key", "a misspelt or misplaced key in tarmak.yaml")
def misplaced_tarmak_key(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    for key in survey.unknown:
        guess = key.guess
        if guess is not None and guess.is_sure:
            what = f"Tarmak ignores {quoted(key.name)} {place_text(key.parent)}"
            yield rule.finding(Subject.CONFIG, key.route, what, question(key, guess), at=At.KEY)


@DOCUMENT.error("IAM032", "duplicate-tarmak-key", "a duplicate key in tarmak.yaml")
def duplicate_tarmak_key(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    for key in survey.duplicates:
        wins = "Tarmak uses only this one"
        if survey.document.is_json:
            wins = "Tarmak's JSON reader merges objects and lists, and otherwise uses the last value"
        elif key.winner != key.route:
            wins = f"Tarmak uses only the one in line {_line(survey, key.winner)}"
        what = f"duplicate key {quoted(key.name)}, already in line {_line(survey, key.first)}: {wins}"
        values = [survey.document.node(route) for route in (key.first, key.route)]
        kinds = {type(dereference(value)) for value in values if value is not None}
        remedy = "keep one of them"
        if kinds in ({Mapping}, {Sequence}):
            remedy = f"merge their contents under one {shortened(key.name)}"
        yield rule.finding(Subject.CONFIG, key.route, what, remedy, at=At.KEY)


@DOCUMENT.error("IAM033", "merge-key-override", "a key that a merge key overrides")
def merge_key_override(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    for key in survey.overridden:
        what = f"{quoted(key.name)}{' of this merge key' if key.is_merged else ''} is ignored"
        why = f"Tarmak lets the later merge key in line {_line(survey, key.merge)} override it"
        remedy = (
            "use one merge key with a list: its first entry takes effect"
            if key.is_merged
            else "move the merge key (<<) above it"
        )
        yield rule.finding(Subject.CONFIG, key.route, f"{what}: {why}", remedy, at=At.KEY)


@DOCUMENT.warning("IAM034", "tarmak-second-document", "content after the first YAML document")
def tarmak_second_document(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    if survey.document.next_document is not None:
        what = "Tarmak reads only the first document of the file, and ignores everything below this line"
        remedy = "put it into the first document, or remove it: Tarmak drops it when it rewrites the file"
        early = early_end(survey.document)
        if early is not None:
            cause, remedy = early
            what = f"Tarmak stops reading here, without an error: {cause}"
        yield rule.finding(Subject.CONFIG, Route(), what, remedy, at=At.NEXT_DOCUMENT)


@DOCUMENT.warning("IAM035", "octal-number", "a number that YAML reads as octal")
def octal_number(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    """YAML 1.1: a leading zero makes a number octal, and 074 is 60."""
    for scalar in survey.scalars:
        digits = scalar.node.text.lstrip("+-").replace("_", "")
        is_octal = scalar.field.holds_numbers and isinstance(scalar.value, int) and digits.isdecimal()
        if is_octal and abs(scalar.value) != int(digits):
            what = (
                f"Tarmak reads {shortened(scalar.node.text)} as {shortened(scalar.value)}: a "
                "leading zero makes a number octal"
            )
            yield rule.finding(
                Subject.CONFIG, scalar.route, what, f"write {shortened(scalar.value)}, or remove the leading zero"
            )


def _line(survey: IgnoredContent, route: Route) -> int | None:
    return survey.document.position(route, at_key=True).line
