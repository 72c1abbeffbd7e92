"""Fixes of findings about tarmak.yaml, and of comments that suppress nothing in any file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tarmak_iam.config.ignored_content import IgnoredContent, certain_target
from tarmak_iam.config.kubernetes_versions import is_release
from tarmak_iam.config.tarmak_types import INTERVALS
from tarmak_iam.document import Document, EditRefused, Move, Remove, Rename, Set
from tarmak_iam.document.nodes import dereference
from tarmak_iam.document.plain_values import construct, same, value_at
from tarmak_iam.document.tree import Comment
from tarmak_iam.findings import Finding
from tarmak_iam.lint.fix import Fix, TextEdit, commented_out, entry_at, line_of, lines_commented_out, taken_out
from tarmak_iam.lint.messages import early_end
from tarmak_iam.lint.rule import FixMaker, Subjects
from tarmak_iam.lint.suppression import SUPPRESSING_COMMENT
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened


def _without_entry(document: Document, route: Route, name: str, why: str) -> Fix | None:
    """Makes a key that does not count a comment, or removes it if nothing is lost with it or it cannot be a
    comment."""
    found = entry_at(document, route)
    if found is None:
        return None
    mapping, entry = found
    equal = (each for each in mapping.entries if each is not entry and each.text == entry.text)
    value = construct(dereference(entry.value), document.source)
    is_kept = any(same(construct(dereference(each.value), document.source), value) for each in equal)
    removal, signs = taken_out(document, mapping, entry), commented_out(document, entry)
    if removal and (is_kept or not signs):
        return Fix(f"remove {name}: {why}", text_edits=removal)
    return Fix(f"make {name} a comment: {why}", text_edits=signs) if signs else None


def _mistaken_key(finding: Finding, survey: IgnoredContent) -> Fix | None:
    """The key that was meant, in its place, unless there is one already. Tarmak then uses it."""
    key = next((each for each in survey.unknown if each.route == finding.route), None)
    target = certain_target(key) if key is not None else None
    if key is None or target is None or survey.document.node(target) is not None:
        return None
    if key.guess is None or not key.guess.fits:
        return None
    if target[:-1] == key.route.plain[:-1]:
        return Fix(f"rename {quoted(key.name)} to {target[-1]}", (Rename(key.route, str(target[-1])),), is_safe=False)
    inner = _renames_below(survey, key.route, target)
    more = f", and rename {', '.join(f'{old} to {new.key}' for old, new in inner)} in it" if inner else ""
    title = f"move {quoted(key.name)} to {Route.of(target)}{more}"
    return Fix(title, (*(each for _, each in inner), Move(key.route, target)), is_safe=False)


def _renames_below(survey: IgnoredContent, route: Route, target: tuple[str | int, ...]) -> list[tuple[str, Rename]]:
    """The misspelt keys below one that moves, which are only known in its new place: their names and the edits in the
    old place, the deepest first."""
    try:
        moved = IgnoredContent.of(survey.document.move(route, target))
    except EditRefused:
        return []
    renames = []
    for key in moved.unknown:
        meant, own = certain_target(key), key.route.plain
        is_below = own[: len(target)] == target and len(own) > len(target)
        if is_below and meant is not None and meant[:-1] == own[:-1] and moved.document.node(meant) is None:
            inner = Route((*route.steps, *key.route.steps[len(target) :]))
            renames.append((key.name, Rename(inner, str(meant[-1]))))
    return sorted(renames, key=lambda each: -len(Route.of(each[1].path)))


def _duplicate_key(finding: Finding, survey: IgnoredContent) -> Fix | None:
    """Of duplicate keys, those that Tarmak does not use go."""
    key = next((each for each in survey.duplicates if each.route == finding.route), None)
    if key is None or survey.document.is_json:
        return None  # Tarmak's JSON reader merges duplicates
    loser = key.first if key.winner == key.route else key.route
    own, line = (line_of(survey.document, each) for each in (loser, key.winner))
    name = f"the key {quoted(key.name)} in line {own}"
    return _without_entry(survey.document, loser, name, f"Tarmak uses the one in line {line}")


def _overridden_key(finding: Finding, survey: IgnoredContent) -> Fix | None:
    key = next((each for each in survey.overridden if each.route == finding.route), None)
    if key is None or key.is_merged:
        return None
    why = f"the merge key in line {line_of(survey.document, key.merge)} overrides it"
    return _without_entry(survey.document, key.route, quoted(key.name), why)


def _octal(finding: Finding, survey: IgnoredContent) -> Fix | None:
    scalar = next((each for each in survey.scalars if each.route == finding.route), None)
    if scalar is None:
        return None
    title = f"write {shortened(scalar.value)}, as Tarmak reads {shortened(scalar.node.text)}"
    return Fix(title, (Set(finding.route, scalar.value, rewrite=True),))


def _no_value(finding: Finding, _: IgnoredContent) -> Fix:
    return Fix("write false, as Tarmak reads no value", (Set(finding.route, False),))


def _version(finding: Finding, survey: IgnoredContent) -> Fix | None:
    """A version with `v` before it. Puppet downloads another file then, so that it is not a safe fix."""
    text = value_at(survey.document.shared_data, finding.route.plain)
    plain = text.lstrip("v") if isinstance(text, str) else ""
    if not is_release(plain) or plain == text:
        return None
    return Fix(f"write {plain}", (Set(finding.route, plain),), is_safe=False)


def _unused_logs(finding: Finding, survey: IgnoredContent) -> Fix | None:
    """The block goes, with the section if that has no other key."""
    document, name, section = survey.document, finding.route.plain[-1], finding.route.parent
    if not document.has(finding.route):
        return None
    others = value_at(document.shared_data, section.plain)
    is_alone = isinstance(others, dict) and len(others) == 1 and document.has(section)
    return Fix(f"remove {name}: it has no effect", (Remove(section if is_alone else finding.route),))


def _interval(finding: Finding, survey: IgnoredContent) -> Fix | None:
    """The nearer of the two intervals; while the logs are disabled it has no effect."""
    value = value_at(survey.document.shared_data, finding.route.plain)
    if not isinstance(value, int):
        return None
    nearest = min(INTERVALS, key=lambda each: abs(each - value))
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
    comments = document.comments if document is not None else ()
    comment = next(
        (each for each in comments if document and document.source.place(each.span.start) == finding.place), None
    )
    match = SUPPRESSING_COMMENT.match(comment.text) if comment is not None else None
    if document is None or comment is None or match is None or not finding.about:
        return None
    written, *meant = finding.about
    listed = [each.strip() for each in (match["ids"] or "").split(",") if each.strip()]
    left = [each for each in listed if each.upper() != written.upper()]
    if len(left) == len(listed) and written:
        return None
    if meant == [""] or not (meant or left):
        return _removal(document, comment)
    instead = [meant[0] if each.upper() == written.upper() else each for each in listed] if meant else left
    start = comment.span.start + match.start("ids")
    title = f"write {meant[0]} instead of {written}" if meant else f"remove {written} from the brackets"
    edit = TextEdit(start, start + len(match["ids"]), ", ".join(dict.fromkeys(instead)))
    return Fix(title, text_edits=(edit,))


def _removal(document: Document, comment: Comment) -> Fix:
    """With the lines that continue its last sentence."""
    more = list(_continuation(document, comment))
    name = "the comment"
    if more:
        name += f", and {'the line' if len(more) == 1 else f'the {len(more)} lines'} that continue"
        name += f"{'s' if len(more) == 1 else ''} it ({shortened(' '.join(each.text for each in more))})"
    edits = tuple(_without(document, each) for each in (comment, *more))
    return Fix(f"remove {name}: it suppresses nothing", text_edits=edits)


def _continuation(document: Document, comment: Comment) -> Iterator[Comment]:
    """The comment lines right below, in the same column, that begin in the middle of a sentence."""
    source, comments = document.source, document.comments
    line, column = source.position(comment.span.start)
    last = comment
    for each in comments[comments.index(comment) + 1 :]:
        line += 1
        is_below = each.own_line and source.position(each.span.start) == (line, column)
        text = each.text.lstrip("# ")
        begins_anew = not text[:1].islower() or each.setting is not None or last.text.rstrip().endswith(_ENDS)
        if not is_below or begins_anew or SUPPRESSING_COMMENT.match(each.text):
            return
        yield each
        last = each


_ENDS = (".", "!", "?", ":")


def _without(document: Document, comment: Comment) -> TextEdit:
    """The removal of a comment: with its line, or with the blanks before it."""
    source, (start, end) = document.source, comment.span
    if comment.own_line:
        return TextEdit(source.line_start(start), source.next_line(end), "")
    while document.text[start - 1] in " \t":
        start -= 1
    return TextEdit(start, end, "")


_Maker = Callable[[Finding, IgnoredContent], Fix | None]

_MAKERS: dict[str, _Maker] = {
    "IAM006": _unused_logs,
    "IAM007": _interval,
    "IAM008": _unused_logs,
    "IAM031": _mistaken_key,
    "IAM032": _duplicate_key,
    "IAM033": _overridden_key,
    "IAM035": _octal,
    "IAM036": _no_value,
    "IAM040": _version,
}


def _of_subjects(make: _Maker) -> FixMaker:
    return lambda finding, subjects: make(finding, subjects.document) if subjects.document is not None else None


CONFIG_FIXES: dict[str, FixMaker] = {
    **{rule_id: _of_subjects(make) for rule_id, make in _MAKERS.items()},
    "IAM034": next_document,
    "IAM095": _suppression,
    "IAM097": _suppression,
}
