"""A fix of a finding: the edits of its file, and how several fixes of one file are made at once."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import accumulate

from tarmak_iam.document import Document, Edit, EditRefused, Insert, Move, Remove, Rename
from tarmak_iam.document.nodes import Entry, Mapping, Node
from tarmak_iam.document.plain_values import same
from tarmak_iam.document.splices import code_end
from tarmak_iam.errors import ParseError
from tarmak_iam.files.unified_diff import common_start
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.routes import Path, Route, Step

_Steps = tuple[str | int, ...]

_LINE = compiled(r"\b(line )([0-9]+)\b")


@dataclass(frozen=True, slots=True)
class TextEdit:
    """Replaces the text of a document from `start` to `end` (offsets in code points). The document's values must stay
    the same: it is for comments, and for text that the reader of the file ignores."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """What fixes a finding: `text_edits` of its file, and `edits` after them.

    `title` says in one sentence what it does; `lines` are the numbers of the lines that it names, as in `line 5`. The
    paths of all edits are those in the file as it is. A fix is safe if nobody's access and nothing that Tarmak uses
    changes; that is verified before it is made as a safe fix. `about` are paths of access logs, and of null, in
    tarmak.yaml below which the values have no effect, so that they may change.
    """

    title: str
    edits: tuple[Edit, ...] = ()
    is_safe: bool = True
    text_edits: tuple[TextEdit, ...] = ()
    about: tuple[Path | Route, ...] = ()
    lines: tuple[int, ...] = ()

    def with_lines(self, moved: Callable[[int], int]) -> Fix:
        """The same with other numbers for the lines that the title names."""
        if not self.lines:
            return self
        numbers = {str(each): str(moved(each)) for each in self.lines}
        title = _LINE.sub(lambda match: f"{match[1]}{numbers.get(match[2], match[2])}", self.title)
        return replace(self, title=title, lines=tuple(map(int, numbers.values())))

    @property
    def claims(self) -> tuple[_Steps, ...]:
        """The paths that the edits change. Fixes whose claims meet are made one after the other."""
        return tuple(steps for edit in self.edits for steps in _claimed(edit))


def _claimed(edit: Edit) -> tuple[_Steps, ...]:
    steps = Route.of(edit.path).plain
    if isinstance(edit, Rename):
        return steps, (*steps[:-1], edit.key)
    if isinstance(edit, Move):
        return tuple(_of_list(each) for each in (steps, Route.of(edit.to).plain))
    return (_of_list(steps),) if isinstance(edit, Insert) else (steps,)


def _of_list(steps: _Steps) -> _Steps:
    """For an item, the list: the indices of its items change."""
    return steps[:-1] if steps and isinstance(steps[-1], int) else steps


class CompatibleFixes:
    """Fixes of one file that can be made at once. Looking one up takes the same time for any number of them."""

    def __init__(self) -> None:
        self.fixes: list[Fix] = []
        self._claimed: set[_Steps] = set()
        self._above: set[_Steps] = set()
        self._spans: list[tuple[int, int]] = []
        self._texts: set[tuple[TextEdit, ...]] = set()

    def add(self, fix: Fix) -> bool:
        """Adds the fix, and returns whether it can be made together with the others; else nothing changes. The same
        change of comments may fix several findings."""
        if not fix.edits and fix.text_edits in self._texts:
            return True
        spans = [(each.start, each.end) for each in fix.text_edits]
        if any((fix.text_edits and each.edits) or (fix.edits and each.text_edits) for each in self.fixes[:1]):
            return False
        if any(map(self._is_claimed, fix.claims)) or any(map(self._is_near, spans)):
            return False
        for steps in fix.claims:
            self._claimed.add(steps)
            self._above.update(steps[:length] for length in range(len(steps)))
        for span in spans:
            insort(self._spans, span)
        self._texts.add(fix.text_edits)
        self.fixes.append(fix)
        return True

    def _is_claimed(self, steps: _Steps) -> bool:
        return steps in self._above or any(steps[:length] in self._claimed for length in range(len(steps) + 1))

    def _is_near(self, span: tuple[int, int]) -> bool:
        """Whether it overlaps or touches another one. They do not overlap each other."""
        start, end = span
        at = bisect_left(self._spans, span)
        before = self._spans[at - 1][1] if at else -1
        after = self._spans[at][0] if at < len(self._spans) else end + 1
        return before >= start or after <= end


def with_fixes(document: Document, fixes: Sequence[Fix]) -> Document:
    """The document with compatible fixes, all made at once. Raises EditRefused."""
    text_edits = dict.fromkeys(each for fix in fixes for each in fix.text_edits)
    changed = with_text_edits(document, text_edits) if text_edits else document
    edits = [edit for fix in fixes for edit in fix.edits]
    return changed.edit(*_in_order(edits)) if edits else changed


def text_changes(document: Document, fix: Fix) -> tuple[TextEdit, ...] | None:
    """What a fix changes in the text, in file order: only the characters that differ. None if it cannot be made."""
    try:
        after = with_fixes(document, [fix]).text
    except EditRefused:
        return None
    before = document.text
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0  # difflib is quadratic: it gets only what differs
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    ends = list(accumulate(map(len, old), initial=0))
    matcher = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    blocks: list[TextEdit] = []
    for kind, start, end, first, last in matcher.get_opcodes():
        # Lines that were replaced one by one are compared one by one.
        rows = [(start + row, start + row + 1, first + row, first + row + 1) for row in range(end - start)]
        for a, b, c, d in rows if end - start == last - first else [(start, end, first, last)]:
            if kind != "equal":
                blocks.append(TextEdit(ends[head + a], ends[head + b], "".join(new[head + c : head + d])))
    return tuple(_shortest(before, each) for each in blocks)


def _shortest(text: str, edit: TextEdit) -> TextEdit:
    """The edit without the characters at its start and end that stay."""
    old, new = text[edit.start : edit.end], edit.text
    head = common_start(old, new)
    tail = common_start(old[head:][::-1], new[head:][::-1])
    return TextEdit(edit.start + head, edit.end - tail, new[head : len(new) - tail])


def _in_order(edits: Iterable[Edit]) -> list[Edit]:
    """Items and keys are removed after all other edits, the last one first, so that the paths stay those of the file as
    it is."""
    given = list(edits)
    removals = [edit for edit in given if isinstance(edit, Remove)]
    others = [edit for edit in given if not isinstance(edit, Remove)]
    return [*others, *sorted(removals, key=_sort_key, reverse=True)]


def _sort_key(edit: Edit) -> list[tuple[int, str, int]]:
    return [_sorted_as(step) for step in Route.of(edit.path)]


def _sorted_as(step: Step) -> tuple[int, str, int]:
    return (step, "", 0) if isinstance(step, int) else (-1, step.text, step.occurrence)


def with_text_edits(document: Document, text_edits: Iterable[TextEdit]) -> Document:
    """The document with other text in places where it has no value. Raises EditRefused if the result has other values,
    or cannot be read."""
    parts, end = list[str](), len(document.text)
    for edit in sorted(text_edits, key=lambda edit: edit.start, reverse=True):
        parts += [document.text[edit.end : end], edit.text]
        end = edit.start
    text = "".join(reversed([*parts, document.text[:end]]))
    place = document.position(())
    try:
        edited = Document.parse(document.source.with_text(text).encode(), document.filename, json=document.is_json)
    except ParseError as error:
        raise EditRefused(f"the text could not be read afterwards: {error.what}", place=place) from None
    if not same(edited.shared_data, document.shared_data):
        raise EditRefused("the values of the file would change", remedy="edit this place by hand", place=place)
    return edited


def commented_out(document: Document, entry: Entry) -> tuple[TextEdit, ...]:
    """The edits that make an entry, with everything below it, a comment; empty where that is not possible
    because other content is on its lines, or the file is JSON."""
    lines = _own_lines(document, entry)
    return () if lines is None else tuple(_signs(document, *lines, entry.key.start - lines[0]))


def taken_out(document: Document, mapping: Mapping, entry: Entry) -> tuple[TextEdit, ...]:
    """The edit that removes an entry whose value is not used; empty where that is not possible, or a comment would be
    lost."""
    edits = _without_lines(document, mapping, entry)
    has_comment = any(each.start <= comment.span.start < each.end for each in edits for comment in document.comments)
    return () if has_comment else edits


def _without_lines(document: Document, mapping: Mapping, entry: Entry) -> tuple[TextEdit, ...]:
    lines, source = _own_lines(document, entry), document.source
    if lines is not None:
        return (TextEdit(lines[0], source.next_line(lines[1]), ""),)
    later = mapping.entries[mapping.entries.index(entry) + 1 :]
    if mapping.flow or document.is_json or not later:
        return ()
    start, end = entry.key.start, later[0].key.start
    between = document.text[max(code_end(source, entry.value), entry.key.end) : end]
    return (TextEdit(start, end, ""),) if not between.strip() else ()


def _own_lines(document: Document, entry: Entry) -> tuple[int, int] | None:
    """Where the lines of an entry begin and end; None if they are not all its own."""
    source, text, start = document.source, document.text, entry.key.start
    begin = source.line_start(start)
    end = max(code_end(source, entry.value), entry.key.end)
    rest = text[end : source.line_end(end)].strip()
    if document.is_json or text[begin:start].strip(" ") or (rest and not rest.startswith("#")):
        return None
    return begin, end


def _signs(document: Document, begin: int, end: int, width: int) -> Iterable[TextEdit]:
    """A `# ` in each line that is not blank, in one column where that is possible."""
    source, at = document.source, begin
    while at < end:
        line = document.text[at : source.line_end(at)]
        if line.strip():
            sign = at + min(width, len(line) - len(line.lstrip(" ")))
            yield TextEdit(sign, sign, "# ")
        following = source.next_line(at)
        at = following if following > at else end


def lines_commented_out(document: Document, begin: int) -> tuple[TextEdit, ...]:
    """The edits that make everything from an offset on a comment."""
    return tuple(_signs(document, document.source.line_start(begin), len(document.text), 0))


def entry_at(document: Document, route: Route) -> tuple[Mapping, Entry] | None:
    """The mapping and its own entry at a route; None if it is reached through an alias or a merge key."""
    if not route.steps or isinstance(route.steps[-1], int):
        return None
    parent: Node | None = document.node(route.parent)
    key = route.steps[-1]
    entry = parent.occurrence(key.text, key.occurrence) if isinstance(parent, Mapping) else None
    if not isinstance(parent, Mapping) or entry is None or not _is_written(document, route.parent):
        return None
    return parent, entry


def _is_written(document: Document, route: Route) -> bool:
    return not route.steps or document.has(route)


def line_of(document: Document, route: Route) -> int:
    """The line of a key or item."""
    return document.position(route, at_key=True).line or 0
