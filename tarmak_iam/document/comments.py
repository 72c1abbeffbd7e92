"""Which comments belong to a member of a block collection, and which are about more than it.

A comment is knowledge that must not be lost. It is removed with a member only if it is clearly about that member
alone. It stays if it may be about other members, the file, or something that was commented out.

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

Lines below a member belong to it if they continue the comment at the end of its line, if they are inside its value,
or if they are examples of its value, which is empty (`key: []`). An example is indented deeper than the key, or its
text is (`#   - item`), or it has the same key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile

from tarmak_iam.document.comment_words import LETTER, LINKS, Words, distinct_words, forms
from tarmak_iam.document.commented_out import Neighbours, is_commented_out, is_item
from tarmak_iam.document.nodes import Entry, Mapping, Node, Sequence, Span, is_block
from tarmak_iam.document.splices import column, member_count, member_start, member_value, next_line_after, starts_line
from tarmak_iam.document.target import is_null
from tarmak_iam.document.tree import Comment, Tree


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a new line: the offset where it begins, and the column of the comment above it."""

    offset: int
    column: int


def below_commented(tree: Tree, name: str, start: int, fits: Callable[[int], bool]) -> Slot | None:
    """The slot below a commented-out `name:` among the comment and blank lines from `start` on.

    `fits` says whether a `#` in that column belongs to the mapping. Comment lines below it that are indented deeper
    (`#   awsIAMAuthenticatorInit: true` below `# amazon:`) are part of it.
    """
    lines = list(_comment_lines(tree, start))
    for number, (comment, _) in enumerate(lines):
        where = column(tree.source, comment.span.start)
        if comment.setting != name or not fits(where):
            continue
        return Slot(_below_deeper(lines[number:], where), where)
    return None


def _below_deeper(lines: list[tuple[Comment, int]], where: int) -> int:
    """The offset below the first line and the deeper lines that follow it without a gap, in its column."""
    (first, below), *followers = lines
    for follower, after in followers:
        if follower.span.start - where != below or _depth(follower) <= _depth(first):
            break
        below = after
    return below


def _comment_lines(tree: Tree, start: int) -> Iterator[tuple[Comment, int]]:
    """The own-line comments from `start` to the next line with content, each with the offset below it."""
    source = tree.source
    while start < len(source.text):
        line = source.text[start : source.line_end(start)]
        below = source.next_line(start)
        if line.strip():
            comment = tree.own_lines.get(start + len(line) - len(line.lstrip()))
            if comment is None:
                return
            yield comment, below
        start = below


def _depth(comment: Comment) -> int:
    body = comment.text.lstrip("#")
    return len(body) - len(body.lstrip())


_ITEM = re.compile(r"#+ ?- ")


def member_lines(tree: Tree, parent: Mapping | Sequence, number: int, removed: Collection[int] = ()) -> Span:
    """The lines of a member that begins its line, with the comment lines of `own_comment_lines`."""
    source, start = tree.source, member_start(tree.source, parent, number)
    below = next_line_after(source, member_value(parent, number))
    for comment in own_comment_lines(tree, parent, number, removed):
        start = min(start, comment.span.start)
        below = max(below, source.next_line(comment.span.end))
    return Span(source.line_start(start), below)


def own_comment_lines(
    tree: Tree, parent: Mapping | Sequence, number: int, removed: Collection[int] = ()
) -> list[Comment]:
    """The comment lines above and below a member that clearly belong to it.

    `removed` are the numbers of all members that are removed together. A heading over those alone belongs to the first
    of them.
    """
    start = member_start(tree.source, parent, number)
    if not starts_line(tree.source, start):
        return _below(tree, parent, number)
    banner, own = _headings(tree, parent, number)
    if own and not _goes(tree, parent, number, own, removed):
        keeps_examples = _is_empty(member_value(parent, number)) and heads_the_document(tree, own[0])
        return [] if keeps_examples else _below(tree, parent, number)
    if banner and (heads_the_document(tree, banner[0]) or not _is_section_within(tree, parent, number, removed)):
        banner = []
    return banner + own + _below(tree, parent, number)


def comment_line(tree: Tree, comment: Comment) -> Span:
    """The whole line of a comment that is alone on its line."""
    return Span(tree.source.line_start(comment.span.start), tree.source.next_line(comment.span.start))


def holds_comments(tree: Tree, node: Node) -> bool:
    """Whether there are comments inside a node's text."""
    return any(node.span.start < comment.span.start < node.span.end for comment in tree.comments)


def below_deeper_comments(tree: Tree, at: int, width: int) -> int:
    """The offset of a line, moved below the comment lines there that are indented deeper than `width`: they continue
    what is above them."""
    deeper = _deeper(tree, at, width)
    return tree.source.next_line(deeper[-1].span.end) if deeper else at


def below_last_comments(tree: Tree, at: int, width: int) -> int:
    """The offset of the line directly below a collection, moved below the comment lines there about its last member.

    Those lines are indented at least to `width`. Either a blank line or the end of the document follows them, or they
    are members that were commented out.
    """
    source, comments = tree.source, _deeper(tree, at, width - 1)
    if not comments:
        return at
    below = source.next_line(comments[-1].span.end)
    line = source.text[below : source.line_end(below)]
    is_parted = not line.strip() or line.startswith(("---", "..."))
    return below if is_parted or _ITEM.match(comments[0].text) else at


def comments_of(tree: Tree, entry: Entry) -> list[Comment]:
    """The comments that may be about an entry: those directly above it, and those after its key or value."""
    source = tree.source
    start, end = entry.key.span.start, entry.value.span.end
    lines = {source.line_start(start), source.line_start(end)}
    above = _above(tree, start) if starts_line(source, start) else []
    return above + [tree.tails[line] for line in sorted(lines) if line in tree.tails]


def _above(tree: Tree, start: int) -> list[Comment]:
    """The unbroken run of comment lines directly above the line of `start`, in the column of `start`."""
    width, line = column(tree.source, start), tree.source.line_start(start)
    found: list[Comment] = []
    while line:
        line = tree.source.line_start(line - 1)
        comment = tree.own_lines.get(line + width)
        if comment is None or column(tree.source, comment.span.start) != width:
            break
        found.append(comment)
    return found[::-1]


def _deeper(tree: Tree, at: int, width: int) -> list[Comment]:
    """The unbroken run of comment lines from the line at `at` on that are indented deeper than `width`."""
    found: list[Comment] = []
    while at < len(tree.source.text):
        line = tree.source.text[at : tree.source.line_end(at)]
        indentation = len(line) - len(line.lstrip())
        comment = tree.own_lines.get(at + indentation)
        if comment is None or indentation <= width:
            break
        found.append(comment)
        at = tree.source.next_line(at)
    return found


def _below(tree: Tree, parent: Mapping | Sequence, number: int) -> list[Comment]:
    """The comments directly below a member that are inside it, continue the comment at the end of its line, or are
    examples of its value."""
    source, value = tree.source, member_value(parent, number)
    below, width = next_line_after(source, value), column(source, member_start(source, parent, number))
    deeper = _deeper(tree, below, width)
    if is_block(value) or _is_empty(value):
        end = source.next_line(deeper[-1].span.end) if deeper else below
        return deeper + _examples(tree, parent, number, end, width)
    tail = tree.tails.get(source.line_start(max(below - 1, 0)))
    aligned = column(source, tail.span.start) if tail else -1
    return list(takewhile(lambda comment: column(source, comment.span.start) == aligned, deeper))


def _is_empty(value: Node) -> bool:
    return is_null(value) or (isinstance(value, (Mapping, Sequence)) and not member_count(value))


def _examples(tree: Tree, parent: Mapping | Sequence, number: int, at: int, width: int) -> list[Comment]:
    """The comment lines from the line at `at` on, in the member's column, whose text was part of the member's value."""
    deeper = _deeper(tree, at, width - 1)
    lines = list(takewhile(lambda line: column(tree.source, line.span.start) == width, deeper))
    if not lines or not is_commented_out(lines[0].text, Neighbours.of(parent, number)):
        return []
    least, value = _depth(lines[0]), member_value(parent, number)
    if lines[0].setting is not None and lines[0].setting == _name(parent, number) and _is_empty(value):
        return [lines[0], *takewhile(lambda line: is_item(line.text) or _depth(line) > least, lines[1:])]
    if is_item(lines[0].text) and (isinstance(parent, Sequence) or isinstance(value, Mapping)):
        return []  # in a list it is the next item
    if least > 1:
        return list(takewhile(lambda line: _depth(line) >= least, lines))
    return _items(lines)


def _items(lines: list[Comment]) -> list[Comment]:
    """The first of the lines that are items that were commented out, with what is indented deeper than an item."""
    end, least = 0, 0
    for line in lines:
        if is_item(line.text):
            least = _depth(line)
        elif end == 0 or _depth(line) <= least:
            break
        end += 1
    return lines[:end]


_MOST_TEXT, _MOST_MEMBERS, _MOST_WORDS = 500, 50, 100
"""How much of what a comment may be about is compared with its words."""

SHORT_TITLE = 3
"""So many words or fewer are a title, not a sentence."""

_BORDER = re.compile(
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


def _headings(tree: Tree, parent: Mapping | Sequence, number: int) -> tuple[list[Comment], list[Comment]]:
    """The comment lines directly above a member, below those that were commented out: the banner with its title, and
    the lines below that."""
    run = _above(tree, member_start(tree.source, parent, number))
    if not run:
        return [], []
    near, start, middle, depth = Neighbours.of(parent, number), 0, 0, -1
    fenced = _fenced(run)
    for at, comment in enumerate(run):
        if at in fenced:
            continue
        if is_commented_out(comment.text, near):
            start, depth = at + 1, _depth(comment)
        elif start == at and 0 <= depth < _depth(comment):
            start = at + 1  # it continues what was commented out
        elif is_banner(comment):
            middle = at + 1
    banner = run[start : max(middle, start)]
    if banner and not any(LETTER.search(comment.text) for comment in banner):
        return run[start:], []  # a line above the title
    return banner, run[start + len(banner) :]


_ANNOTATION = re.compile(r"#+[ \t]*@[\w-]+[ \t]*\Z")


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


def _goes(tree: Tree, parent: Mapping | Sequence, number: int, own: list[Comment], removed: Collection[int]) -> bool:
    """Whether comment lines above a member are clearly about it, and about no other member that stays."""
    if heads_the_document(tree, own[0]) and not _is_paragraph_about(tree, parent, number, own):
        return False
    if isinstance(parent, Sequence) and _items_below(tree, parent, number):
        return _resembles_it_alone(tree, parent, number, Words.of(own))
    return all(each == number or each in removed for each in subjects(tree, parent, number, own))


def _items_below(tree: Tree, parent: Sequence, number: int) -> list[Comment]:
    """The items directly below an item that were commented out, which a heading may be about too."""
    source, width = tree.source, column(tree.source, member_start(tree.source, parent, number))
    lines = _deeper(tree, next_line_after(source, parent.items[number]), width - 1)
    return _items([line for line in lines if column(source, line.span.start) == width])


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
    is_named = words.has(_name(parent, number))
    near = islice(_following(tree, parent, number), _MOST_MEMBERS)
    names_others = any(words.has(_name(parent, other), as_word=True) for other in near)
    if is_named:
        yield from _listed(parent, number, words)
    is_title = len(own) == 1 and words.are_a_title()
    if is_title and opens and not is_named:
        yield from section(tree, parent, number)
    elif is_title or names_others or (not is_named and (opens or is_short)):
        yield from group


def has_lines(tree: Tree, node: Node) -> bool:
    """Whether a node has several lines."""
    return tree.source.next_line(node.span.start) < next_line_after(tree.source, node)


def _name(parent: Mapping | Sequence, number: int) -> str | None:
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
        yield from (other for other, entry in enumerate(parent.entries) if other != number and id(entry) in found)


def _resembles_it_alone(tree: Tree, parent: Sequence, number: int, words: Words) -> bool:
    """Whether the words occur in an item, and in those that follow it directly only if they occur in it too."""
    said, others = distinct_words(words.parts), set[str]()
    own = said & _words_of(parent.items[number], tree)
    for other in islice(_following(tree, parent, number), _MOST_MEMBERS):
        others |= said & _words_of(parent.items[other], tree)
    for comment in _items_below(tree, parent, number):
        others |= said & distinct_words(comment.text)
    return bool(own - others) and others <= own


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


def _is_section_within(tree: Tree, parent: Mapping | Sequence, number: int, removed: Collection[int]) -> bool:
    return all(each == number or each in removed for each in section(tree, parent, number))


def heads_the_document(tree: Tree, comment: Comment) -> bool:
    """Whether only comments and markers are above. A comment there is about the file, not its first key."""
    line = tree.source.line_start(comment.span.start)
    return tree.root is None or tree.source.line_start(tree.root.span.start) >= line


def _is_paragraph_about(tree: Tree, parent: Mapping | Sequence, number: int, comments: list[Comment]) -> bool:
    """Whether comments are about a member although they head the document: others are above them, and they contain the
    key, or the next member has comments too."""
    if not _is_below_blank_line(tree, comments[0]) or tree.comments[0].span.start >= comments[0].span.start:
        return False
    following = number + 1
    is_each = following < member_count(parent) and bool(_headings(tree, parent, following)[1])
    return is_each or Words.of(comments).has(_name(parent, number))


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
