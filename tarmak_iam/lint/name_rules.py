"""Rules about usernames and groups as texts: what copying and editing leave in them, which makes them other names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar, dereference
from tarmak_iam.document.quoting import quote
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.identity.copied_text import Trace, cleaned, placeholder, traces
from tarmak_iam.identity.groups import ADMINS, joined_groups
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.identity.reach import misfit
from tarmak_iam.identity.sso import is_permission_set
from tarmak_iam.identity.template_names import bracketed
from tarmak_iam.identity.viper import field_key, field_value
from tarmak_iam.lint.entries import Entry, entries_of
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.lint.wording import for_admins, way_in
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

__all__ = ["NAME_RULES", "is_on_several_lines"]

_WHAT_OF_BLANKS = {
    "username": "the username {name} has blanks or control characters at its ends or inside, and they count",
    "group": "the group {name} has blanks or control characters, and they count: RBAC binds no such group",
}
_WHAT = {
    Trace.INVISIBLE: "has characters that are not visible",
    Trace.QUOTES: "has quotes or brackets in it",
    Trace.LETTERS: "has letters that look like others",
    Trace.ENDING: "begins or ends with a punctuation mark, probably by mistake",
}


def _blank(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        for kind, text, route in _whole_names(entry):
            if kind == "username" and " " in text and is_on_several_lines(mappings.document, route):
                what = f"the username {quoted(text)} goes on in the next line, which is a blank in it"
                yield rule.finding(Subject.MAPPINGS, route, what, "write it on one line")
            elif _is_blank(kind, text):
                what = _WHAT_OF_BLANKS[kind].format(name=repr(shortened(text)))
                yield rule.finding(
                    Subject.MAPPINGS, route, _for_lost_admins(kind, text, what), _write(kind, cleaned(text))
                )


def _is_blank(kind: str, text: str) -> bool:
    """An empty username is another finding."""
    if not text.strip():
        return kind == "group"
    return _first_trace(text) is Trace.BLANK


def _traced(*kinds: Trace) -> Callable[[Rule, Mappings], Iterator[Finding]]:
    """The names that have a trace of copying: for each the first."""

    def check(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
        for entry in entries_of(mappings).mapped:
            for kind, text, route in _whole_names(entry):
                trace = None if placeholder(text) or any(bracketed(text)) else _first_trace(text)
                if trace not in kinds:
                    continue
                count = "" if trace is Trace.ENDING else ", and they count"
                shown = ascii(shortened(text)) if trace in (Trace.INVISIBLE, Trace.LETTERS) else quoted(text)
                what = f"the {kind} {shown} {_WHAT[trace]}{count}"
                remedy = _write(kind, cleaned(text))
                yield rule.finding(Subject.MAPPINGS, route, _for_lost_admins(kind, text, what), remedy)

    return check


def _ending(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    """In ARNs too: IAM takes commas and dots in names of roles and users, and hardly anybody has them at the end."""
    for entry in entries_of(mappings).mapped:
        arn = entry.listed.arn
        bare = cleaned(arn)
        if bare != arn and entry.flaw is None and misfit(bare) is None:
            what = f"{shortened(arn)} ends with a punctuation mark, probably by mistake"
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, for_admins(entry, what), f"write {shortened(bare)}")
        yield from _ending_of_set(rule, entry)
    yield from _traced(Trace.ENDING)(rule, mappings)


def _ending_of_set(rule: Rule, entry: Entry) -> Iterator[Finding]:
    """The same in the name of a permission set."""
    sso = entry.value("sso")
    name = str(field_value(sso, "permissionSetName") or "") if isinstance(sso, Mapping) else ""
    bare = cleaned(name)
    if bare != name and is_permission_set(name) and is_permission_set(bare):
        route = entry.at("sso") / field_key(sso, "permissionSetName")
        what = f"the permission set {quoted(name)} ends with a punctuation mark, probably by mistake"
        yield rule.finding(Subject.MAPPINGS, route, for_admins(entry, what), f"write {quote(bare)}")


def _wildcard(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        for group, route in entry.groups:
            if "*" in group:
                what = f"the group {quoted(group)} has a wildcard in it, and RBAC compares names as they are"
                yield rule.finding(Subject.MAPPINGS, route, what, "write each group by its name")


def _left_open(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
    for entry in entries_of(mappings).mapped:
        arn = entry.listed.arn
        left = placeholder(arn) if arn and entry.flaw is None else ""
        if left:
            what = f"{shortened(arn)} has the placeholder {shortened(left)} in it"
            remedy = f"put the real name in the place of {shortened(left)}"
            yield rule.finding(Subject.MAPPINGS, entry.at_arn, for_admins(entry, what), remedy)
        for kind, text, route in entry.names:
            left = placeholder(text)
            if left and not any(bracketed(text)):  # which is a template, and another finding
                what = f"the {kind} {quoted(text)} has the placeholder {shortened(left)} in it"
                remedy = f"put the real name in the place of {shortened(left)}"
                yield rule.finding(Subject.MAPPINGS, route, what, remedy)


def is_on_several_lines(document: Document, route: Route) -> bool:
    """Whether a scalar without quotes has line breaks in it, as where the dash of the next item is missing."""
    node = document.node(route)
    node = dereference(node) if node is not None else None
    return isinstance(node, Scalar) and node.style == "plain" and "\n" in document.text[node.start : node.end].strip()


def _write(kind: str, text: str) -> str:
    """The remedy for a name that should read so."""
    if text:
        return f"write {quote(shortened(text))}"
    return "remove it" if kind == "group" else "give the entry a username"


def _whole_names(entry: Entry) -> Iterator[tuple[str, str, Route]]:
    """Its username and groups; several groups in one text are another finding."""
    for kind, text, route in entry.names:
        if kind == "username" or joined_groups(text) is None:
            yield kind, text, route


def _first_trace(text: str) -> Trace | None:
    found = traces(text)
    return found[0] if found else None


def _for_lost_admins(kind: str, text: str, what: str) -> str:
    """An admin group that is there but for the traces of copying was meant, too."""
    return f"{what}; {way_in()}" if kind == "group" and cleaned(text) == ADMINS else what


NAME_RULES = (
    Rule("IAM078", Severity.ERROR, Scope.MAPPINGS, "blanks in a username or group", _blank),
    Rule(
        "IAM122",
        Severity.ERROR,
        Scope.MAPPINGS,
        "quotes, brackets or invisible characters in a username or group",
        _traced(Trace.INVISIBLE, Trace.QUOTES),
    ),
    Rule("IAM123", Severity.ERROR, Scope.MAPPINGS, "a placeholder that is still there", _left_open),
    Rule(
        "IAM124",
        Severity.ERROR,
        Scope.MAPPINGS,
        "letters in a username or group that look like others",
        _traced(Trace.LETTERS),
    ),
    Rule("IAM128", Severity.WARNING, Scope.MAPPINGS, "a wildcard in a group", _wildcard),
    Rule("IAM127", Severity.WARNING, Scope.MAPPINGS, "a punctuation mark at the end of a name", _ending),
)
