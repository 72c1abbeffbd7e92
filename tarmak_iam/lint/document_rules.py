"""Rules about what stands in tarmak.yaml and does not count, or counts otherwise than it looks."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.meant import meant
from tarmak_iam.config.survey import Survey, Unknown
from tarmak_iam.config.types import ITEM, TypePath
from tarmak_iam.findings import At, Finding, Severity, Subject
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.routes import Route

__all__ = ["DOCUMENT_RULES"]

_SWITCH = ("clusters", ITEM, *AMAZON.path, "awsIAMAuthenticatorInit")


def _unknown_key(rule: Rule, survey: Survey) -> Iterator[Finding]:
    for key in survey.unknown:
        if _meant(key) is None:
            what = f"Tarmak has no setting '{key.name}' {_place(key.parent)}, and ignores it"
            remedy = "remove it, or make it a comment: Tarmak drops it when it rewrites the file"
            yield rule.finding(Subject.CONFIG, key.route, what, remedy, at=At.KEY)


def _mistaken_key(rule: Rule, survey: Survey) -> Iterator[Finding]:
    for key in survey.unknown:
        path = _meant(key)
        if path is None:
            continue
        wanted = path[-1] if path[:-1] == key.parent else _text(path)
        what = f"Tarmak ignores '{key.name}' {_place(key.parent)}"
        yield rule.finding(Subject.CONFIG, key.route, what, f"did you mean {wanted}?", at=At.KEY)


def _duplicate_key(rule: Rule, survey: Survey) -> Iterator[Finding]:
    for key in survey.duplicates:
        line = survey.document.position(key.first, at_key=True).line
        wins = "Tarmak takes this one whole, and nothing of the one before"
        if survey.document.is_json:
            wins = "of two objects Tarmak's JSON reader takes all members, of other values this one"
        what = f"'{key.name}' is in line {line} already; {wins}"
        yield rule.finding(Subject.CONFIG, key.route, what, "keep one of them", at=At.KEY)


def _overridden_key(rule: Rule, survey: Survey) -> Iterator[Finding]:
    for key in survey.overridden:
        line = survey.document.position(key.merge, at_key=True).line
        what = f"'{key.name}' does not count: for Tarmak the merge key below it, in line {line}, overrides it"
        yield rule.finding(Subject.CONFIG, key.route, what, "put the merge key (<<) above it", at=At.KEY)


def _next_document(rule: Rule, survey: Survey) -> Iterator[Finding]:
    if survey.document.next_document is not None:
        what = "Tarmak reads only the first document of the file: nothing below this line counts"
        remedy = "put it into the first document, or remove it: Tarmak drops it when it rewrites the file"
        yield rule.finding(Subject.CONFIG, Route(), what, remedy, at=At.NEXT_DOCUMENT)


def _octal(rule: Rule, survey: Survey) -> Iterator[Finding]:
    """YAML 1.1: a leading zero makes a number octal, and 074 is 60."""
    for scalar in survey.scalars:
        digits = scalar.node.text.lstrip("+-").replace("_", "")
        is_octal = scalar.field.is_number and isinstance(scalar.value, int) and digits.isdecimal()
        if is_octal and abs(scalar.value) != int(digits):
            what = f"{scalar.node.text} is {scalar.value} for Tarmak: a leading zero makes a number octal"
            yield rule.finding(Subject.CONFIG, scalar.route, what, f"write {scalar.value}, or leave the zero out")


def _no_value(rule: Rule, survey: Survey) -> Iterator[Finding]:
    for scalar in survey.scalars:
        if scalar.path == _SWITCH and scalar.value is None:
            what = "awsIAMAuthenticatorInit has no value, which for Tarmak is false"
            yield rule.finding(Subject.CONFIG, scalar.route, what, "write true, or remove it", at=At.KEY)


def _meant(key: Unknown) -> TypePath | None:
    return meant(key.name, key.node, key.parent, key.struct, key.beside)


def _place(path: TypePath) -> str:
    return f"in {_text(path)}" if path else "at the top level"


def _text(path: TypePath) -> str:
    return ".".join(path).replace(f".{ITEM}", "[]")


DOCUMENT_RULES = (
    Rule("IAM030", Severity.WARNING, Scope.DOCUMENT, "a key that Tarmak does not know", _unknown_key),
    Rule("IAM031", Severity.ERROR, Scope.DOCUMENT, "a key that is misspelt or in the wrong place", _mistaken_key),
    Rule("IAM032", Severity.ERROR, Scope.DOCUMENT, "a key that is there twice", _duplicate_key),
    Rule("IAM033", Severity.ERROR, Scope.DOCUMENT, "a key that a merge key overrides", _overridden_key),
    Rule("IAM034", Severity.WARNING, Scope.DOCUMENT, "a document behind the first", _next_document),
    Rule("IAM035", Severity.WARNING, Scope.DOCUMENT, "a number that is octal", _octal),
    Rule("IAM036", Severity.WARNING, Scope.DOCUMENT, "the switch without a value", _no_value),
)
