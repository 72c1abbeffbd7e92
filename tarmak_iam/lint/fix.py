"""A fix of a finding: the edits of its file, and how several fixes of one file are made at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import NamedTuple

from tarmak_iam.document import Document, Edit, EditRefused, Insert, Move, Remove, Rename, Set
from tarmak_iam.document.nodes import Entry, Mapping, Node, dereference
from tarmak_iam.document.plain_values import construct, same
from tarmak_iam.document.splices import code_end
from tarmak_iam.errors import ParseError
from tarmak_iam.files.unified_diff import common_start
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted


class TextEdit(NamedTuple):
    """Replaces the text of a document from `start` to `end` (offsets in code points). The document's values must stay
    the same: it is for comments, and for text that the reader of the file ignores."""

    start: int
    end: int
    text: str


class Fix(NamedTuple):
    """What fixes a finding: `text_edits` of its file, and `edits` after them. `title` says in one sentence what it
    does. The paths of all edits are those in the file as it is. A fix is safe if nobody's access and nothing that
    Tarmak uses changes; that is verified before it is made as a safe fix."""

    title: str
    edits: tuple[Edit, ...] = ()
    is_safe: bool = True
    text_edits: tuple[TextEdit, ...] = ()


def can_be_made_at_once(fixes: Iterable[tuple[str, Fix]]) -> Iterator[bool]:
    """For each fix of a file, which is given by name: whether it can be made together with those before it that can,
    since none changes what another one changes, or the paths in it. The same change of comments may fix several
    findings."""
    first: dict[str, Fix] = {}
    claimed, above = set[tuple[str | int, ...]](), set[tuple[str | int, ...]]()
    spans: dict[str, list[TextEdit]] = {}
    texts = set[tuple[str, tuple[TextEdit, ...]]]()
    for name, fix in fixes:
        head, others = first.setdefault(name, fix), spans.setdefault(name, [])
        is_known = not fix.edits and (name, fix.text_edits) in texts
        is_mixed = head is not fix and bool((fix.edits and head.text_edits) or (fix.text_edits and head.edits))
        paths = [(name, *steps) for edit in fix.edits for steps in _claimed(edit)]
        meets = any(path in above or any(path[:end] in claimed for end in range(1, len(path) + 1)) for path in paths)
        overlaps = any(
            edit.start == other.start or (edit.start < other.end and other.start < edit.end)
            for edit in fix.text_edits
            for other in others
        )
        yield is_known or not (is_mixed or meets or overlaps)
        if is_known or is_mixed or meets or overlaps:
            continue
        claimed.update(paths)
        above.update(path[:end] for path in paths for end in range(1, len(path)))
        others += fix.text_edits
        texts.add((name, fix.text_edits))


def _claimed(edit: Edit) -> tuple[tuple[str | int, ...], ...]:
    """The paths that it changes; for an item that is inserted or moved the list, since the indices of its items
    change."""
    steps = Route.of(edit.path).plain
    if isinstance(edit, Rename):
        return steps, (*steps[:-1], edit.key)
    if not isinstance(edit, Insert | Move):
        return (steps,)
    paths = (steps, Route.of(edit.to).plain) if isinstance(edit, Move) else (steps,)
    return tuple(path[:-1] if path and isinstance(path[-1], int) else path for path in paths)


def with_fixes(document: Document, fixes: Sequence[Fix]) -> Document:
    """The document with compatible fixes, all made at once. Raises EditRefused."""
    text_edits = dict.fromkeys(edit for fix in fixes for edit in fix.text_edits)
    changed = with_text_edits(document, text_edits) if text_edits else document
    edits = [edit for fix in fixes for edit in fix.edits]
    # Items and duplicate keys are removed after all other edits, the last one first: the paths stay those of the file.
    removals = [edit for edit in edits if isinstance(edit, Remove)]
    removals.sort(reverse=True, key=lambda edit: [getattr(step, "occurrence", step) for step in Route.of(edit.path)])
    others = [edit for edit in edits if not isinstance(edit, Remove)]
    return changed.edit(*others, *removals) if edits else changed


def text_changes(document: Document, fix: Fix) -> tuple[TextEdit, ...] | None:
    """What a fix changes in the text, in file order: only the characters that differ. None if it cannot be made."""
    try:
        after = with_fixes(document, [fix]).text
    except EditRefused:
        return None
    before = document.text
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    head = common_start(old, new)  # difflib is quadratic: it gets only what differs
    tail = common_start(old[head:][::-1], new[head:][::-1])
    ends = list(accumulate(map(len, old), initial=0))
    matcher = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    blocks: list[TextEdit] = []
    for kind, start, end, first, last in matcher.get_opcodes():
        # Lines that were replaced one by one are compared one by one.
        rows = [(start + row, start + row + 1, first + row, first + row + 1) for row in range(end - start)]
        for a, b, c, d in rows if end - start == last - first else [(start, end, first, last)]:
            if kind != "equal":
                blocks.append(TextEdit(ends[head + a], ends[head + b], "".join(new[head + c : head + d])))
    return tuple(_shortest(before, block) for block in blocks)


def _shortest(text: str, edit: TextEdit) -> TextEdit:
    """The edit without the characters at its start and end that stay."""
    old, new = text[edit.start : edit.end], edit.text
    head = common_start(old, new)
    tail = common_start(old[head:][::-1], new[head:][::-1])
    return TextEdit(edit.start + head, edit.end - tail, new[head : len(new) - tail])


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


def removed(route: Route, title: str, *, is_safe: bool = False) -> Fix:
    return Fix(title, (Remove(route),), is_safe)


def written(route: Route, value: object, title: str = "", *, is_safe: bool = False) -> Fix:
    return Fix(title or f"write {quoted(value)}", (Set(route, value),), is_safe)


def next_document_as_comment(document: Document) -> Fix | None:
    """Everything after the first document becomes a comment."""
    place = document.next_document
    if place is None or place.line is None or (document.ends_early and document.root is not None):
        return None  # at an early end, something else was meant
    begin = document.source.line_start(document.source.offset(place.line))
    signs = tuple(_signs(document, begin, len(document.text), 0))
    return Fix("make what comes after the first document a comment: nothing reads it", text_edits=signs)


def without_key(
    document: Document, route: Route, name: str, why: str = "", *, is_repeated: bool | None = None
) -> Fix | None:
    """Removes a key that does not count if it `is_repeated` (None: if another one has its value), or cannot be a
    comment; else makes it one."""
    mapping, entry = entry_at(document, route) or (None, None)
    if mapping is None or entry is None:
        return None
    if is_repeated is None:
        alike = [other for other in mapping.entries if other.text == entry.text]
        values = [construct(dereference(other.value), document.source) for other in (entry, *alike)]
        is_repeated = sum(same(value, values[0]) for value in values[1:]) > 1
    lines, reason = _own_lines(document, entry), f"{': ' if why else ''}{why}"
    signs = () if lines is None else tuple(_signs(document, *lines, entry.key.start - lines[0]))
    removal = taken_out(document, mapping, entry)
    if removal and (is_repeated or not signs):
        return Fix(f"remove {name}{reason}", text_edits=removal)
    return Fix(f"make {name} a comment{reason}", text_edits=signs) if signs else None


def taken_out(document: Document, mapping: Mapping, entry: Entry) -> tuple[TextEdit, ...]:
    """The edit that removes an entry whose value is not used; empty where that is not possible, or a comment would be
    lost."""
    lines, source = _own_lines(document, entry), document.source
    later = mapping.entries[mapping.entries.index(entry) + 1 :]
    if lines is not None:
        edit = TextEdit(lines[0], source.next_line(lines[1]), "")
    elif mapping.flow or document.is_json or not later:
        return ()
    else:
        edit = TextEdit(entry.key.start, later[0].key.start, "")
        if document.text[max(code_end(source, entry.value), entry.key.end) : edit.end].strip():
            return ()
    has_comment = any(edit.start <= comment.span.start < edit.end for comment in document.comments)
    return () if has_comment else (edit,)


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


def entry_at(document: Document, route: Route) -> tuple[Mapping, Entry] | None:
    """The mapping and its own entry at a route; None if it is reached through an alias or a merge key."""
    if not route.steps or isinstance(route.steps[-1], int):
        return None
    parent: Node | None = document.node(route.parent)
    key = route.steps[-1]
    entry = parent.occurrence(key.text, key.occurrence) if isinstance(parent, Mapping) else None
    is_written = not route.parent.steps or document.has(route.parent)
    return (parent, entry) if isinstance(parent, Mapping) and entry is not None and is_written else None
