"""Fixes of findings about tarmak.yaml, and of comments that suppress nothing in any file."""

from __future__ import annotations

from collections.abc import Callable

from tarmak_iam.config.ignored_content import IgnoredContent, certain_target
from tarmak_iam.config.kubernetes_versions import is_release
from tarmak_iam.config.tarmak_types import INTERVALS
from tarmak_iam.document import Document, Move, Remove, Rename, Set
from tarmak_iam.document.nodes import dereference
from tarmak_iam.document.plain_values import construct, same, value_at
from tarmak_iam.document.tree import Comment
from tarmak_iam.findings import Finding
from tarmak_iam.lint.fix import Fix, TextEdit, entry_at, line_of, lines_commented_out, without_entry
from tarmak_iam.lint.messages import early_end
from tarmak_iam.lint.rule import FixMaker, Subjects
from tarmak_iam.lint.suppression import SUPPRESSING_COMMENT
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

_Maker = Callable[[Finding, IgnoredContent], Fix | None]

CONFIG_FIXES: dict[str, FixMaker] = {}


def _fixes(*rule_ids: str) -> Callable[[_Maker], _Maker]:
    """Makes a function what fixes findings of some rules."""

    def register(make: _Maker) -> _Maker:
        def fix(finding: Finding, subjects: Subjects) -> Fix | None:
            return make(finding, subjects.document) if subjects.document is not None else None

        CONFIG_FIXES.update(dict.fromkeys(rule_ids, fix))
        return make

    return register


@_fixes("IAM031")
def _mistaken_key(finding: Finding, survey: IgnoredContent) -> Fix | None:
    """The key that was meant, in its place, unless there is one already. Tarmak then uses it."""
    key = next((key for key in survey.unknown if key.route == finding.route), None)
    target = certain_target(key) if key is not None else None
    if key is None or target is None or survey.document.node(target) is not None:
        return None
    if key.guess is None or not key.guess.fits:
        return None
    if target[:-1] == key.route.plain[:-1]:
        return Fix(f"rename {quoted(key.name)} to {target[-1]}", (Rename(key.route, str(target[-1])),), is_safe=False)
    return Fix(f"move {quoted(key.name)} to {Route.of(target)}", (Move(key.route, target),), is_safe=False)


@_fixes("IAM032")
def _duplicate_key(finding: Finding, survey: IgnoredContent) -> Fix | None:
    """Of duplicate keys, those that Tarmak does not use go."""
    document, key = survey.document, next((key for key in survey.duplicates if key.route == finding.route), None)
    if key is None or document.is_json:
        return None  # Tarmak's JSON reader merges duplicates
    loser = key.first if key.winner == key.route else key.route
    name = f"the key {quoted(key.name)} in line {line_of(document, loser)}"
    return _without(document, loser, name, f"Tarmak uses the one in line {line_of(document, key.winner)}")


@_fixes("IAM033")
def _overridden_key(finding: Finding, survey: IgnoredContent) -> Fix | None:
    document, key = survey.document, next((key for key in survey.overridden if key.route == finding.route), None)
    if key is None or key.is_merged:
        return None
    why = f"the merge key in line {line_of(document, key.merge)} overrides it"
    return _without(document, key.route, quoted(key.name), why)


def _without(document: Document, route: Route, name: str, why: str) -> Fix | None:
    written = entry_at(document, route)
    if written is None:
        return None
    mapping, entry = written
    values = [
        construct(dereference(other.value), document.source) for other in mapping.entries if other.text == entry.text
    ]
    value = construct(dereference(entry.value), document.source)
    is_repeated = sum(same(other, value) for other in values) > 1
    return without_entry(document, mapping, entry, name, why, is_repeated=is_repeated)


@_fixes("IAM035")
def _octal(finding: Finding, survey: IgnoredContent) -> Fix | None:
    scalar = next((scalar for scalar in survey.scalars if scalar.route == finding.route), None)
    if scalar is None:
        return None
    title = f"write {shortened(scalar.value)}, as Tarmak reads {shortened(scalar.node.text)}"
    return Fix(title, (Set(finding.route, scalar.value, rewrite=True),))


@_fixes("IAM036")
def _no_value(finding: Finding, _: IgnoredContent) -> Fix:
    return Fix("write false, as Tarmak reads no value", (Set(finding.route, False),))


@_fixes("IAM040")
def _version(finding: Finding, survey: IgnoredContent) -> Fix | None:
    """A version with `v` before it. Puppet downloads another file then, so that it is not a safe fix."""
    text = value_at(survey.document.shared_data, finding.route.plain)
    plain = text.lstrip("v") if isinstance(text, str) else ""
    if not is_release(plain) or plain == text:
        return None
    return Fix(f"write {plain}", (Set(finding.route, plain),), is_safe=False)


@_fixes("IAM006", "IAM008")
def _unused_logs(finding: Finding, survey: IgnoredContent) -> Fix | None:
    """The block goes, with the section if that has no other key."""
    document, name, section = survey.document, finding.route.plain[-1], finding.route.parent
    if not document.has(finding.route):
        return None
    others = value_at(document.shared_data, section.plain)
    is_alone = isinstance(others, dict) and len(others) == 1 and document.has(section)
    return Fix(f"remove {name}: it has no effect", (Remove(section if is_alone else finding.route),))


@_fixes("IAM007")
def _interval(finding: Finding, survey: IgnoredContent) -> Fix | None:
    """The nearer of the two intervals; while the logs are disabled it has no effect."""
    value = value_at(survey.document.shared_data, finding.route.plain)
    if not isinstance(value, int):
        return None
    nearest = min(INTERVALS, key=lambda interval: abs(interval - value))
    return Fix(f"write {nearest}, the nearest valid interval", (Set(finding.route, nearest),))


def next_document(finding: Finding, subjects: Subjects) -> Fix | None:
    """Everything after the first document becomes a comment."""
    document = subjects.text_of(finding.subject)
    place = document.next_document if document is not None else None
    if document is None or place is None or place.line is None or early_end(document) is not None:
        return None  # at an early end, something else was meant
    lines = lines_commented_out(document, document.source.offset(place.line))
    return Fix("make what comes after the first document a comment: nothing reads it", text_edits=lines)


def _suppression(finding: Finding, subjects: Subjects) -> Fix | None:
    """The ID gets the spelling that was meant, or goes; if the comment suppresses nothing else, all of it goes."""
    document = subjects.text_of(finding.subject)
    for comment in document.comments if document is not None and finding.about else ():
        match = SUPPRESSING_COMMENT.match(comment.text)
        if document is None or match is None or document.source.place(comment.span.start) != finding.place:
            continue
        written, *meant = finding.about
        listed = [name.strip() for name in (match["ids"] or "").split(",") if name.strip()]
        left = [name for name in listed if name.upper() != written.upper()]
        if len(left) == len(listed) and written:
            return None
        if meant == [""] or not (meant or left):
            return Fix("remove the comment: it suppresses nothing", text_edits=(_removal(document, comment),))
        instead = [meant[0] if name.upper() == written.upper() else name for name in listed] if meant else left
        start = comment.span.start + match.start("ids")
        title = f"write {meant[0]} instead of {written}" if meant else f"remove {written} from the brackets"
        edit = TextEdit(start, start + len(match["ids"]), ", ".join(dict.fromkeys(instead)))
        return Fix(title, text_edits=(edit,))
    return None


def _removal(document: Document, comment: Comment) -> TextEdit:
    """The removal of a comment: with its line, or with the blanks before it."""
    source, (start, end) = document.source, comment.span
    if comment.own_line:
        return TextEdit(source.line_start(start), source.next_line(end), "")
    while document.text[start - 1] in " \t":
        start -= 1
    return TextEdit(start, end, "")


CONFIG_FIXES |= {"IAM034": next_document, "IAM095": _suppression, "IAM097": _suppression}
