"""Fixes of findings about tarmak.yaml."""

from __future__ import annotations

from tarmak_iam.config.ignored_content import IgnoredContent, certain_target
from tarmak_iam.config.kubernetes_versions import is_release
from tarmak_iam.config.tarmak_types import INTERVALS
from tarmak_iam.document import Document, EditRefused, Move, Remove, Rename, Set
from tarmak_iam.document.nodes import dereference
from tarmak_iam.document.plain_values import construct, same, value_at
from tarmak_iam.findings import Finding
from tarmak_iam.lint.fix import Fix, commented_out, entry_at, line_of, lines_commented_out, taken_out
from tarmak_iam.lint.messages import early_end
from tarmak_iam.lint.rule import FixMaker, Subjects
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


def _mistaken_key(finding: Finding, subjects: Subjects) -> Fix | None:
    """The key that was meant, in its place, unless there is one already. Tarmak then uses it."""
    survey = subjects.document
    key = next((each for each in survey.unknown if each.route == finding.route), None) if survey else None
    target = certain_target(key) if key is not None else None
    if survey is None or key is None or target is None or survey.document.node(target) is not None:
        return None
    guess = key.guess
    if guess is None or not guess.fits:
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
    found = []
    for key in moved.unknown:
        meant, own = certain_target(key), key.route.plain
        is_below = own[: len(target)] == target and len(own) > len(target)
        if is_below and meant is not None and meant[:-1] == own[:-1] and moved.document.node(meant) is None:
            inner = Route((*route.steps, *key.route.steps[len(target) :]))
            found.append((key.name, Rename(inner, str(meant[-1]))))
    return sorted(found, key=lambda each: -len(Route.of(each[1].path)))


def _duplicate_key(finding: Finding, subjects: Subjects) -> Fix | None:
    """Of duplicate keys, those that Tarmak does not use go."""
    survey = subjects.document
    key = next((each for each in survey.duplicates if each.route == finding.route), None) if survey else None
    if survey is None or key is None or survey.document.is_json:
        return None  # Tarmak's JSON reader merges duplicates
    loser = key.first if key.winner == key.route else key.route
    own, line = (line_of(survey.document, each) for each in (loser, key.winner))
    name = f"the key {quoted(key.name)} in line {own}"
    return _without_entry(survey.document, loser, name, f"Tarmak uses the one in line {line}")


def _overridden_key(finding: Finding, subjects: Subjects) -> Fix | None:
    survey = subjects.document
    key = next((each for each in survey.overridden if each.route == finding.route), None) if survey else None
    if survey is None or key is None or key.is_merged:
        return None
    line = line_of(survey.document, key.merge)
    why = f"the merge key in line {line} overrides it"
    return _without_entry(survey.document, key.route, quoted(key.name), why)


def next_document(finding: Finding, subjects: Subjects) -> Fix | None:
    """Everything after the first document becomes a comment."""
    document = subjects.text_of(finding.subject)
    place = document.next_document if document is not None else None
    if document is None or place is None or place.line is None or early_end(document) is not None:
        return None  # at an early end, something else was meant
    lines = lines_commented_out(document, document.source.offset(place.line))
    return Fix("make what comes after the first document a comment: nothing reads it", text_edits=lines)


def _octal(finding: Finding, subjects: Subjects) -> Fix | None:
    survey = subjects.document
    scalar = next((each for each in survey.scalars if each.route == finding.route), None) if survey else None
    if scalar is None:
        return None
    title = f"write {shortened(scalar.value)}, as Tarmak reads {shortened(scalar.node.text)}"
    return Fix(title, (Set(finding.route, scalar.value, rewrite=True),))


def _no_value(finding: Finding, _: Subjects) -> Fix:
    return Fix("write false, as Tarmak reads no value", (Set(finding.route, False),))


def _version(finding: Finding, subjects: Subjects) -> Fix | None:
    """A version with `v` before it. Puppet downloads another file then, so that it is not a safe fix."""
    config = subjects.config
    text = value_at(config.document.shared_data, finding.route.plain) if config is not None else None
    plain = text.lstrip("v") if isinstance(text, str) else ""
    if not is_release(plain) or plain == text:
        return None
    return Fix(f"write {plain}", (Set(finding.route, plain),), is_safe=False)


def _unused_logs(finding: Finding, subjects: Subjects) -> Fix | None:
    """The block goes, with the section if that has no other key."""
    config = subjects.config
    if config is None or not config.document.has(finding.route):
        return None
    name, section = finding.route.plain[-1], finding.route.parent
    others = value_at(config.document.shared_data, section.plain)
    top = section if isinstance(others, dict) and len(others) == 1 and config.document.has(section) else finding.route
    return Fix(f"remove {name}: it has no effect", (Remove(top),))


def _interval(finding: Finding, subjects: Subjects) -> Fix | None:
    """The nearer of the two intervals; while the logs are disabled it has no effect."""
    config = subjects.config
    value = value_at(config.document.shared_data, finding.route.plain) if config is not None else None
    if not isinstance(value, int):
        return None
    nearest = min(INTERVALS, key=lambda each: abs(each - value))
    return Fix(f"write {nearest}, the nearest valid interval", (Set(finding.route, nearest),))


CONFIG_FIXES: dict[str, FixMaker] = {
    "IAM006": _unused_logs,
    "IAM007": _interval,
    "IAM008": _unused_logs,
    "IAM031": _mistaken_key,
    "IAM032": _duplicate_key,
    "IAM033": _overridden_key,
    "IAM034": next_document,
    "IAM035": _octal,
    "IAM036": _no_value,
    "IAM040": _version,
}
