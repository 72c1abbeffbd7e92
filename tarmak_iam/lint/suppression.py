"""Comments that suppress findings (`# tarmak-iam: ignore[IAM074] why`), and which part of a file they cover.

A comment on a separate line covers what begins on the next line: an item of a list, a key with its value, or a flow
collection, with everything inside it. A comment after something covers its line, and the block or flow collection that
begins there. `server` contains everything that the authenticator reads: a comment on that key covers its settings and
its lists as a whole, but not each of their entries. A comment at the top of a file also covers what the file says once,
but no entry of a list.

Comments come from the document: a string that only looks like a comment suppresses nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, TypeGuard

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping, Node, Sequence, content_start
from tarmak_iam.document.tree import Comment
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.findings import Finding, Subject
from tarmak_iam.lint.fix import Fix, TextEdit
from tarmak_iam.lint.rule import SUPPRESSIONS, Rule
from tarmak_iam.routes import Route
from tarmak_iam.text import closest, shortened

Steps = tuple[str | int, ...]
"""The steps of a route without occurrences: see `Route.plain`."""


# What may be before a node that begins on the line: dashes and other indicators, anchors and tags, comments.
_BEFORE_A_NODE = re.compile(r"(?:[\s?:-]|[&!][^\s,\[\]{}]*|#[^\r\n\x85\u2028\u2029]*)*")


class CommentScope(NamedTuple):
    """What a comment covers: `lines` are the first and the last line; `steps` lead to the node, None where no route
    does; `is_file` is for a comment at the top of the file."""

    lines: tuple[int, int]
    steps: Steps | None = None
    is_file: bool = False

    def covers(self, steps: Steps, line: int | None, *, is_of_file: bool) -> bool:
        """Whether a finding at the route or in the line is about something in the scope; `is_of_file` where it is about
        something that the file says once. The route is compared too, because the value of an alias is in another
        place."""
        if line is not None and self.lines[0] <= line <= self.lines[1]:
            return True
        if self.is_file and is_of_file:
            return True
        if self.steps is None or steps[: len(self.steps)] != self.steps:
            return False
        return is_of_file or not _is_server(self.steps)


def _is_server(steps: Steps | None) -> bool:
    """The authenticator reads its keys in any case."""
    return steps is not None and len(steps) == 1 and str(steps[0]).lower() == "server"


class _Unit(NamedTuple):
    """An item, a key with its value, or a flow collection; `steps` is None for a key that another one replaces."""

    start: int
    end: int
    steps: Steps | None
    value: Node
    key: Node | None = None


class CommentScopes:
    """The scopes of all comments of a document."""

    def __init__(self, document: Document) -> None:
        self._document, root = document, document.root
        self._units = sorted(_units_of(root), key=lambda unit: unit.start) if root is not None else []
        self._unit_starts = [unit.start for unit in self._units]
        # The first line after a comment line and the comment lines that follow it.
        self._lines_below: dict[int, int] = {}
        for comment in reversed(document.comments):
            if comment.own_line:
                line = self._line(comment.span.start)
                self._lines_below[line] = self._lines_below.get(line + 1, line + 1)

    def of(self, comment: Comment) -> CommentScope:
        line, root = self._line(comment.span.start), self._document.root
        is_top = root is not None and comment.span.start < root.start
        if comment.own_line:
            line = self._lines_below[line]
            unit = self._beginning_on(line)
        else:
            unit = self._opened_before(comment)
        if unit is None or _is_server(unit.steps):
            return CommentScope((line, line), unit.steps if unit else None, is_top)
        last = self._line(max(unit.start, unit.end - 1))
        return CommentScope((line, max(line, last)), unit.steps, is_top)

    def _opened_before(self, comment: Comment) -> _Unit | None:
        """What begins on the line of an end-of-line comment: a key before it whose value begins after it, a flow
        collection that it is in, or else the item of which there are only dashes and the like."""
        text, at = self._document.text, comment.span.start
        start = self._document.source.line_start(at)
        for number in range(bisect_left(self._unit_starts, start), bisect_right(self._unit_starts, at)):
            unit = self._units[number]
            is_open = content_start(text, unit.value) > at or (_is_flow(unit.value) and unit.value.end > at)
            if is_open and unit.key is not None and unit.key.end <= at:
                return unit
        return self._beginning_on(self._line(start)) if _BEFORE_A_NODE.fullmatch(text, start, at) else None

    def _beginning_on(self, line: int) -> _Unit | None:
        """The outermost unit that begins with the first content of the line."""
        source = self._document.source
        if not source.line(line).strip():
            return None
        start = source.offset(line)
        number = bisect_left(self._unit_starts, start)
        if number == len(self._units):
            return None
        unit = self._units[number]
        return unit if _BEFORE_A_NODE.fullmatch(self._document.text, start, unit.start) else None

    def _line(self, offset: int) -> int:
        return self._document.source.position(offset)[0]


def _is_flow(node: Node) -> TypeGuard[Mapping | Sequence]:
    return isinstance(node, (Mapping, Sequence)) and node.flow


def _units_of(root: Node) -> Iterator[_Unit]:
    """In the order of the file, outer units before their content. Iterative: a document may be 200 levels deep."""
    stack: list[tuple[Node, Steps | None]] = [(root, ())]
    while stack:
        node, steps = stack.pop()
        within: list[tuple[Node, Steps | None]] = []
        if isinstance(node, Sequence):
            for index, item in enumerate(node.items):
                below = None if steps is None else (*steps, index)
                yield _Unit(item.start, item.end, below, item)
                within.append((item, below))
        elif isinstance(node, Mapping):
            for entry in node.entries:
                is_used = steps is not None and entry.text is not None and node.last(entry.text) is entry
                below = (*steps, entry.text) if is_used and steps is not None and entry.text is not None else None
                yield _Unit(entry.key.start, max(entry.key.end, entry.value.end), below, entry.value, entry.key)
                if _is_flow(entry.value):
                    yield _Unit(entry.value.start, entry.value.end, below, entry.value)
                within.append((entry.value, below))
        stack.extend(reversed(within))


_REASON = 200
_MOST = 500
"""The most suppressions in one file: each of them is compared with each finding."""

SUPPRESSING_COMMENT = re.compile(
    r"#+\s*tarmak-iam\s*:\s*ignore\b\s*(?:\[(?P<ids>[^\]]*)\])?(?P<reason>.*)", re.IGNORECASE
)


class Suppression(NamedTuple):
    """One rule of one comment. `id` is in capitals, and empty for a comment that names no rule; `written` is the ID or
    name as messages show it; `scope` is the part of the file that the comment covers."""

    subject: Subject
    id: str
    written: str
    place: Place
    scope: CommentScope
    reason: str
    comment: Comment


class Suppressions(NamedTuple):
    """All suppressions of the comments, and which of them suppress nothing, although the rule checked everything that
    they cover. `rules` are the names of all rules by their IDs, in capitals, because comments may write them in any
    case. `lines` are those of the first finding that no comment suppresses, by file and ID in capitals; `there` has for
    those that name no known rule the IDs of the findings that they cover. `text_of` has the files."""

    all: tuple[Suppression, ...]
    unused: tuple[Suppression, ...]
    rules: dict[str, str]
    lines: dict[tuple[Subject, str], int]
    there: dict[Suppression, tuple[str, ...]]
    text_of: Callable[[Subject], Document | None]

    def of_comment(self, comment: Suppression) -> list[Suppression]:
        """All suppressions of the same comment."""
        return [other for other in self.all if (other.subject, other.place) == (comment.subject, comment.place)]

    def meant_by(self, comment: Suppression) -> str | None:
        """The ID or name that was probably meant by one that names no known rule: that of a finding at its place."""
        there = self.there.get(comment, ())
        return closest(comment.written, (*there, *filter(None, (self.rules.get(rule_id.upper()) for rule_id in there))))

    def removal(self, comment: Suppression) -> str:
        """The remedy for an ID that suppresses nothing; it keeps the other IDs of the comment that do."""
        left = [other for other in self.of_comment(comment) if other.id in self.rules and other not in self.unused]
        return f"remove {comment.written} from the brackets" if left else "remove the comment"


def _finding(rule: Rule, comment: Suppression, what: str, remedy: str, fix: object = None) -> Finding:
    return Finding(rule.id, rule.severity, comment.subject, Route(), what, remedy, place=comment.place, fix=fix)


def suppressions_of(document: Document | None, subject: Subject, rules: dict[str, str]) -> Iterator[Suppression]:
    """All suppressions in the file, in its order. `rules` as in `Suppressions`. Raises ConfigError for too many."""
    if document is None or not any(map(SUPPRESSING_COMMENT.match, (comment.text for comment in document.comments))):
        return
    scopes, count = CommentScopes(document), 0
    ids_by_name = {name.upper(): rule_id for rule_id, name in rules.items() if name}
    for comment in document.comments:
        match, place = SUPPRESSING_COMMENT.match(comment.text), document.source.place(comment.span.start)
        if match is None:
            continue
        scope, reason = scopes.of(comment), shortened(match["reason"].strip(" \t:,;-["), _REASON)
        listed = [shortened(name.strip()) for name in (match["ids"] or "").split(",") if name.strip()]
        count += max(len(listed), 1)
        if count > _MOST:
            what = f"the file has comments that suppress more than {_MOST} findings, which is the limit"
            raise ConfigError(what, remedy="suppress them above the key or item that contains them", place=place)
        for name in listed or [""]:
            looks_like_a_name = "-" in name and not any(map(str.isdigit, name))
            written = name if name.upper() in ids_by_name or looks_like_a_name else name.upper()
            rule_id = ids_by_name.get(name.upper(), name.upper())
            yield Suppression(subject, rule_id, written, place, scope, reason, comment)


def _corrected(comments: Suppressions, suppression: Suppression, near: str | None = None) -> Fix | None:
    """The ID gets the spelling that was meant, or goes; if the comment suppresses nothing else, all of it goes."""
    comment, written, document = suppression.comment, suppression.written, comments.text_of(suppression.subject)
    match = SUPPRESSING_COMMENT.match(comment.text)
    if document is None or match is None:
        return None
    listed = [name.strip() for name in (match["ids"] or "").split(",") if name.strip()]
    left = [name for name in listed if name.upper() != written.upper()]
    if len(left) == len(listed) and written:
        return None
    is_idle = all(
        other in comments.unused or (other.id not in comments.rules and comments.meant_by(other) is None)
        for other in comments.of_comment(suppression)
    )
    if near is None and (is_idle or not left):
        return Fix("remove the comment: it suppresses nothing", text_edits=(_removal(document, comment),))
    instead = left if near is None else [near if name.upper() == written.upper() else name for name in listed]
    start = comment.span.start + match.start("ids")
    title = f"remove {written} from the brackets" if near is None else f"write {near} instead of {written}"
    edit = TextEdit(start, start + len(match["ids"]), ", ".join(dict.fromkeys(instead)))
    return Fix(title, text_edits=(edit,))


def _removal(document: Document, comment: Comment) -> TextEdit:
    """The removal of a comment: with its line, or with the blanks before it."""
    source, (start, end) = document.source, comment.span
    if comment.own_line:
        return TextEdit(source.line_start(start), source.next_line(end), "")
    while document.text[start - 1] in " \t":
        start -= 1
    return TextEdit(start, end, "")


@SUPPRESSIONS.warning("IAM095", "unused-suppression", "a comment that suppresses nothing")
def unused_suppression(rule: Rule, comments: Suppressions) -> Iterator[Finding]:
    for comment in comments.unused:
        first, last = comment.scope.lines
        where = "on this line" if first == comment.place.line else f"in line {first}"
        if comment.scope.is_file:
            where = "about the file as a whole"
        elif first != last:
            where = f"in lines {first} to {last}"
        what = f"{comment.written} has no finding {where}, so the comment suppresses nothing"
        elsewhere, remedy = comments.lines.get((comment.subject, comment.id)), comments.removal(comment)
        if elsewhere and len(comments.of_comment(comment)) == 1:
            remedy += f", or move it right above line {elsewhere}"
        yield _finding(rule, comment, what, remedy, partial(_corrected, comments, comment))


@SUPPRESSIONS.warning("IAM096", "suppression-without-reason", "a suppression without a reason")
def suppression_without_reason(rule: Rule, comments: Suppressions) -> Iterator[Finding]:
    for comment in {comment.place: comment for comment in reversed(comments.all)}.values():
        if comment.id and not comment.reason:
            ids = ", ".join(other.written for other in comments.of_comment(comment))
            what = "the comment gives no reason why the finding is suppressed"
            remedy = f"write the reason after the brackets: # tarmak-iam: ignore[{ids}] because ..."
            yield _finding(rule, comment, what, remedy)


@SUPPRESSIONS.warning("IAM097", "unknown-suppression", "a suppression of an unknown rule")
def unknown_suppression(rule: Rule, comments: Suppressions) -> Iterator[Finding]:
    for comment in (comment for comment in comments.all if comment.id not in comments.rules):
        there, near = comments.there.get(comment, ()), comments.meant_by(comment) if comment.id else None
        what, remedy = f"unknown rule {comment.written}, so the comment suppresses nothing", comments.removal(comment)
        if not comment.id:
            what = "the comment names no rule, so it suppresses nothing"
        if near is not None:
            remedy = f"did you mean {shortened(near)}?"
        elif there and not comment.id:
            remedy = f"write # tarmak-iam: ignore[{', '.join(there)}] {comment.reason or 'because ...'}"
        yield _finding(rule, comment, what, remedy, partial(_corrected, comments, comment, near))
