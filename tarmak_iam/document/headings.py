"""What the comment lines above a member of a block collection are about: it alone, several members, or the file.

The comment lines directly above a member are read from the bottom up:

- Lines that were commented out (see `commented_out`) are not about the member, and neither is what is above them.
- A banner (`# ---- A`, `######`) and the lines above it head a section: the members up to the next banner. A blank
  line ends the section too, unless there is one after its first member already.
- The lines below that are about the member if they contain its key, and about those members too that they list with
  it (`# stages and jobs`), however far below those are.
- Otherwise they may be about all members that follow without a blank line or comment, if a blank line is above them,
  or if they are a title: one line that has three words or fewer, or that speaks of settings, options and the like.
- Below another member without a blank line they are about one key, or one item of several lines. They are about another
  item only if they have a word in common with it, and none with the items after it: lists have headings over several.
- What heads the document is about the file. Only a later paragraph may be about the first key, if it contains it, or if
  the next member has comments too.
- Lines between two equal annotations (`# @schema`) are about the member, whatever they look like.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice

from tarmak_iam.document.comment_runs import depth, items_of, lines_above, lines_deeper, lines_inside
from tarmak_iam.document.comment_words import LETTER, LINKS, Words, distinct_words, forms
from tarmak_iam.document.commented_out import Neighbours, is_commented_out
from tarmak_iam.document.nodes import Mapping, Node, Sequence, Span
from tarmak_iam.document.splices import column, member_count, member_start, member_value, next_line_after, starts_line
from tarmak_iam.document.tree import Comment, Tree
from tarmak_iam.patterns import compiled

MOST_MEMBERS = 50
_MOST_TEXT, _MOST_WORDS = 500, 100
"""How much of what a comment may be about is compared with its words."""

SHORT_TITLE = 3
"""So many words or fewer are a title, not a sentence."""

_BORDER = compiled(
    r"""
    [#]{4,}
    | [#]+[ \t]* [-=*~_+#]{3,} (?:[ \t]|\Z)
    | [#]+[ \t]* (?P<sign>[-=*~_+])(?P=sign)+ [ \t].*[ \t] (?P=sign){2,} [ \t]* \Z
    | .*[ \t] [-=*~_+#]{3,} [ \t]* \Z
    """,
    re.VERBOSE,
)


def is_banner(comment: Comment) -> bool:
    """Whether a comment is a line across the file, or a title with such a line: `# ---- A`."""
    return _BORDER.match(comment.text) is not None


def headings(tree: Tree, parent: Mapping | Sequence, number: int) -> tuple[list[Comment], list[Comment]]:
    """The comment lines directly above a member, below those that were commented out: the banner with its title, and
    the lines below that."""
    run = lines_above(tree, member_start(tree.source, parent, number))
    if not run and isinstance(parent, Sequence):
        run = _deeper_above(tree, parent, number)
    near, start, middle, least = Neighbours.of(parent, number), 0, 0, -1
    fenced = _fenced(run)
    for at, comment in enumerate(run):
        if at in fenced:
            continue
        if is_commented_out(comment.text, near):
            start, least = at + 1, depth(comment)
        elif start == at and 0 <= least < depth(comment):
            start = at + 1  # it continues what was commented out
        elif is_banner(comment):
            middle = at + 1
    banner = run[start:middle]
    if banner and not any(LETTER.search(comment.text) for comment in banner):
        return run[start:], []  # a line above the title
    return banner, run[start + len(banner) :]


def _deeper_above(tree: Tree, parent: Sequence, number: int) -> list[Comment]:
    """The comment lines above an item that are about it, although they are indented deeper than its dash."""
    if number:
        deeper = lines_inside(tree, parent, number - 1)
        return deeper if is_about_next(tree, parent, number - 1, deeper) else []
    lines = lines_above(tree, parent.items[0].span.start)
    return lines if distinct_words(Words.of(lines).parts) & _words_of(parent.items[0], tree) else []


_ANNOTATION = compiled(r"#+[ \t]*@[\w-]+[ \t]*\Z")


def _fenced(run: list[Comment]) -> set[int]:
    """The places of the lines between two equal annotations, which are about the next member: `# @schema`."""
    fenced, opened = set[int](), dict[str, int]()
    for at, comment in enumerate(run):
        if _ANNOTATION.match(comment.text):
            start = opened.pop(comment.text, None)
            if start is None:
                opened[comment.text] = at
            else:
                fenced.update(range(start, at + 1))
    return fenced


def is_about_removed(
    tree: Tree, parent: Mapping | Sequence, number: int, own: list[Comment], removed: Collection[int]
) -> bool:
    """Whether comment lines above a member are clearly about it, and about no other member that stays."""
    if heads_the_document(tree, own[0]) and not _is_paragraph_about(tree, parent, number, own):
        return False
    if isinstance(parent, Sequence) and _items_below(tree, parent, number):
        return _resembles_it_alone(tree, parent, number, Words.of(own))
    return all(each == number or each in removed for each in subjects(tree, parent, number, own))


def _items_below(tree: Tree, parent: Sequence, number: int) -> list[Comment]:
    """The items directly below an item that were commented out, which a heading may be about too."""
    source, width = tree.source, column(tree.source, member_start(tree.source, parent, number))
    lines = lines_deeper(tree, next_line_after(source, parent.items[number]), width - 1)
    return items_of([line for line in lines if column(source, line.span.start) == width])


def subjects(tree: Tree, parent: Mapping | Sequence, number: int, own: list[Comment]) -> Iterator[int]:
    """The members that comment lines directly above a member may be about: itself and others."""
    yield number
    words, group = Words.of(own), _following(tree, parent, number)
    opens = _opens_group(tree, number, own[0])
    is_short = len(own) == 1 and len(words.tokens) <= SHORT_TITLE
    if isinstance(parent, Sequence):
        is_long_item = not is_short and has_lines(tree, parent.items[number])
        if opens or not (is_long_item or _resembles_it_alone(tree, parent, number, words)):
            yield from group
        return
    is_named = words.has(name_of(parent, number))
    near = islice(_following(tree, parent, number), MOST_MEMBERS)
    names_others = any(words.has(name_of(parent, other), as_word=True) for other in near)
    yield from _listed(parent, number, words)
    is_title = len(own) == 1 and words.are_a_title()
    if is_title and opens and not is_named:
        yield from section(tree, parent, number)
    elif is_title or names_others or (not is_named and (opens or is_short)):
        yield from group


def has_lines(tree: Tree, node: Node) -> bool:
    """Whether a node has several lines."""
    return tree.source.next_line(node.span.start) < next_line_after(tree.source, node)


def name_of(parent: Mapping | Sequence, number: int) -> str | None:
    return parent.entries[number].text if isinstance(parent, Mapping) else None


def _listed(parent: Mapping, number: int, words: Words) -> Iterator[int]:
    """The other members that the words list next to a member's key: `stages and jobs`."""
    signs, found = words.signs[:_MOST_WORDS], set[int]()
    named = [next((entry for form in forms(sign) if (entry := parent.last(form))), None) for sign in signs]
    for at, entry in enumerate(named):
        if entry is not parent.entries[number]:
            continue
        for way in (range(at + 1, len(signs)), range(at - 1, -1, -1)):
            is_linked = False
            for other in way:
                if signs[other].lower() in LINKS:
                    is_linked = True
                elif named[other] is None or not is_linked:
                    break
                else:
                    found.add(id(named[other]))
    if found:
        yield from (other for other, entry in enumerate(parent.entries) if id(entry) in found)


def _resembles_it_alone(tree: Tree, parent: Sequence, number: int, words: Words) -> bool:
    """Whether the words occur in an item, and in those that follow it directly only if they occur in it too."""
    said, others = distinct_words(words.parts), set[str]()
    own = said & _words_of(parent.items[number], tree)
    for other in islice(_following(tree, parent, number), MOST_MEMBERS):
        others |= said & _words_of(parent.items[other], tree)
    for comment in _items_below(tree, parent, number):
        others |= said & distinct_words(comment.text)
    return others < own


def is_about_next(tree: Tree, parent: Sequence, number: int, comments: list[Comment]) -> bool:
    """Whether comments below an item are about the next one, although they are indented deeper than its dash."""
    if not comments or number + 1 == len(parent.items):
        return False
    start = member_start(tree.source, parent, number + 1)
    near = Neighbours.of(parent, number)
    is_prose = not any(is_commented_out(comment.text, near) for comment in comments)
    if not is_prose or tree.source.next_line(comments[-1].span.end) != tree.source.line_start(start):
        return False
    said = distinct_words(Words.of(comments).parts)
    own, others = (said & _words_of(parent.items[each], tree) for each in (number + 1, number))
    return others < own


def _words_of(item: Node, tree: Tree) -> set[str]:
    return distinct_words(tree.source.text[item.span.start : min(item.span.end, item.span.start + _MOST_TEXT)])


def section(tree: Tree, parent: Mapping | Sequence, number: int) -> Iterator[int]:
    """The members that a banner, or a paragraph apart, above a member heads."""
    yield number
    is_spaced = False
    for following in range(number + 1, member_count(parent)):
        heads, blank = _gap(tree, parent, following)
        if number + 1 == following:
            is_spaced = blank
        if heads or (blank and not is_spaced):
            return
        yield following


def _gap(tree: Tree, parent: Mapping | Sequence, number: int) -> tuple[bool, bool]:
    """Whether a section's heading is between a member and the one before it, and whether a blank line is."""
    source, at = tree.source, next_line_after(tree.source, member_value(parent, number - 1))
    end, near = member_start(source, parent, number), Neighbours.of(parent, number)
    blank, prose = False, False
    while at < source.line_start(end):
        line = source.text[at : source.line_end(at)]
        comment = tree.own_lines.get(at + len(line) - len(line.lstrip()))
        if comment is None:
            blank = True
            if prose:
                return True, True
        elif is_banner(comment):
            return True, blank
        prose = comment is not None and not is_commented_out(comment.text, near)
        at = source.next_line(at)
    return False, blank


def prose_lines(tree: Tree, parent: Sequence, number: int, gap: Span) -> list[Comment]:
    """The comment lines of a heading in the gap above an item: those in its column, below the last that was commented
    out, or from the first banner on."""
    source, near, at = tree.source, Neighbours.of(parent, number), gap.start
    width, found, has_banner = column(source, member_start(source, parent, number)), list[Comment](), False
    while at < gap.end:
        line = source.text[at : source.line_end(at)]
        comment = tree.own_lines.get(at + len(line) - len(line.lstrip()))
        if comment is not None:
            is_in_column = len(line) - len(line.lstrip()) == width
            has_banner = has_banner or (is_in_column and is_banner(comment))
            if has_banner or (is_in_column and not is_commented_out(comment.text, near)):
                found.append(comment)
            else:
                found = []
        at = source.next_line(at)
    return found


def heads_section(tree: Tree, comments: list[Comment], end: int) -> bool:
    """Whether comment lines head a section: there is a banner, or a blank line between them and the line at `end`."""
    return tree.source.next_line(comments[-1].span.end) != end or any(map(is_banner, comments))


def is_section_within(tree: Tree, parent: Mapping | Sequence, number: int, removed: Collection[int]) -> bool:
    return all(each == number or each in removed for each in section(tree, parent, number))


def heads_the_document(tree: Tree, comment: Comment) -> bool:
    """Whether only comments and markers are above. A comment there is about the file, not its first key."""
    line = tree.source.line_start(comment.span.start)
    assert tree.root is not None
    return tree.source.line_start(tree.root.span.start) >= line


def _is_paragraph_about(tree: Tree, parent: Mapping | Sequence, number: int, comments: list[Comment]) -> bool:
    """Whether comments are about a member although they head the document: others are above them, and they contain the
    key, or the next member has comments too."""
    if not _is_below_blank_line(tree, comments[0]) or tree.comments[0].span.start >= comments[0].span.start:
        return False
    following = number + 1
    is_each = following < member_count(parent) and bool(headings(tree, parent, following)[1])
    return is_each or Words.of(comments).has(name_of(parent, number))


def _opens_group(tree: Tree, number: int, comment: Comment) -> bool:
    """Whether the lines from a comment on may head several members: below a blank line, a banner or the parent."""
    source, line = tree.source, tree.source.line_start(comment.span.start)
    above = source.line_start(max(line - 1, 0))
    text = source.text[above : source.line_end(above)]
    over = tree.own_lines.get(above + len(text) - len(text.lstrip()))
    return is_banner(over) if over is not None else number == 0 or not text.strip()


def _is_below_blank_line(tree: Tree, comment: Comment) -> bool:
    source, line = tree.source, tree.source.line_start(comment.span.start)
    return not source.text[source.line_start(max(line - 1, 0)) : line].strip()


def _following(tree: Tree, parent: Mapping | Sequence, number: int) -> Iterator[int]:
    """The members that follow a member without a blank line or comment between them."""
    while _may_go_on(tree, parent, number):
        number += 1
        yield number


def _may_go_on(tree: Tree, parent: Mapping | Sequence, number: int) -> bool:
    """Whether the next member follows without a blank line or comment, so that a comment may be the heading of both."""
    if number + 1 == member_count(parent):
        return False
    source, following = tree.source, member_start(tree.source, parent, number + 1)
    gap = source.text[next_line_after(source, member_value(parent, number)) : source.line_start(following)]
    return starts_line(source, following) and not gap
