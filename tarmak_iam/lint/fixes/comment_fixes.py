"""Fixes of comments that suppress nothing."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.document import Document
from tarmak_iam.document.tree import Comment
from tarmak_iam.findings import Finding
from tarmak_iam.lint.fix import Fix, TextEdit
from tarmak_iam.lint.rule import FixMaker, Subjects
from tarmak_iam.lint.suppression import SUPPRESSING_COMMENT
from tarmak_iam.text import shortened


def _suppression(finding: Finding, subjects: Subjects) -> Fix | None:
    """The ID gets the spelling that was meant, or goes; if the comment suppresses nothing else, all of it goes."""
    document = subjects.text_of(finding.subject)
    comment = _comment(document, finding) if document is not None else None
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


def _comment(document: Document, finding: Finding) -> Comment | None:
    found = (each for each in document.comments if document.source.place(each.span.start) == finding.place)
    return next(found, None)


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


COMMENT_FIXES: dict[str, FixMaker] = {"IAM095": _suppression, "IAM097": _suppression}
