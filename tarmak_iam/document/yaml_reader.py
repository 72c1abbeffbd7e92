"""Reads YAML text into nodes: ruamel.yaml's parser gives events, and the builder makes immutable nodes of them.

Events are used instead of composed nodes because they keep what a splice needs. An alias has its own marks (a composed
alias has those of the anchor), re-used anchors work with both parsers, and a document that is nested too deep is
rejected while it is read, before it uses much memory.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NoReturn

from ruamel.yaml import events as kinds
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tarmak_iam.document.go_yaml import NOT_AN_ANCHOR, go_yaml, mask, unmask_scalars
from tarmak_iam.document.nodes import Alias, Mapping, Node, Scalar, Sequence, Span, Style, content_start
from tarmak_iam.document.source import (
    MAX_ALIASES,
    MAX_COLLECTIONS,
    MAX_DEPTH,
    MAX_FLOW,
    MAX_VALUES,
    SURROGATE,
    TOO_MANY,
    Source,
)
from tarmak_iam.errors import ParseError
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled
from tarmak_iam.text import quoted, shortened

_STYLES: dict[str | None, Style] = {
    None: "plain",
    "": "plain",
    "'": "single",
    '"': "double",
    "|": "literal",
    ">": "folded",
}

_BLANKS = " \t\r\n\x85\u2028\u2029"


_FIRST_TEXT = compiled(r"^[ \t]*(?=\S)", re.MULTILINE)
"""The blanks before the text of the first line that is not blank."""

_ESCAPE = compiled(r"\\(.)", re.DOTALL)


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read yet."""

    start: int
    anchor: str | None
    tag: str | None
    flow: bool
    is_mapping: bool
    children: list[Node]


class Builder:
    """Builds the nodes of one document from its events.

    `root` is then its root (None if it is empty), `scalars` are all its scalars in file order, and `duplicates` is the
    number of duplicate keys.
    """

    def __init__(self, source: Source, start: int) -> None:
        self.root: Node | None = None
        self.scalars: list[Scalar] = []
        self.duplicates = 0
        self._aliases = 0
        self._source = source
        self._text = source.text
        self._stack: list[_Open] = []
        self._siblings: list[Node] = []  # the children so far of the innermost open collection, or the root
        self._anchors: dict[str, Node | None] = {}
        self._others = self._flows = 0
        self._before = start  # the end of the text of the events so far

    def read(self, events: Iterator[Any]) -> Any:
        """Reads the events up to the one that ends the document, and returns that one.

        Raises ParseError for nesting beyond MAX_DEPTH, for more than MAX_VALUES values or MAX_ALIASES aliases, for
        aliases without a finished anchor, and for text that go-yaml rejects although ruamel.yaml does not.
        """
        handlers: dict[type, Callable[[Any], None]] = {
            kinds.ScalarEvent: self._scalar,
            kinds.AliasEvent: self._alias,
            kinds.MappingStartEvent: self._open,
            kinds.SequenceStartEvent: self._open,
            kinds.MappingEndEvent: self._close,
            kinds.SequenceEndEvent: self._close,
        }
        for event in events:
            handler = handlers.get(type(event))
            if handler is None:
                break
            handler(event)
        self.root = self._siblings[0] if self._siblings else None
        return event

    def _open(self, event: Any) -> None:
        start = event.start_mark.index
        self._count(start)
        if len(self._stack) >= MAX_DEPTH:
            what = f"nested deeper than {MAX_DEPTH} levels, which is the limit"
            raise ParseError(what, place=self._source.place(start))
        anchor, tag = self._properties(event, start) if event.anchor or event.ctag else (None, None)
        if anchor:
            self._anchors[anchor] = None  # an alias inside would contain itself
        is_mapping, flow = type(event) is kinds.MappingStartEvent, bool(event.flow_style)
        self._flows += flow
        if self._flows > MAX_FLOW:
            what = f"the document has more than {MAX_FLOW:,} lists and mappings in brackets, which is the limit"
            raise ParseError(what, place=self._source.place(start))
        self._stack.append(_Open(start, anchor, tag, flow, is_mapping, self._siblings))
        self._siblings = []
        self._before = event.end_mark.index if flow else start

    def _count(self, at: int) -> None:
        """Counts a node that is not a scalar. Scalars are counted by their list."""
        self._others += 1
        if self._others > MAX_COLLECTIONS:
            what = f"the document has more than {MAX_COLLECTIONS:,} lists and mappings, which is the limit"
            raise ParseError(what, place=self._source.place(at))

    def _close(self, event: Any) -> None:
        """The end mark of a block collection is after trailing comments, so the end of its last child is used."""
        opened, children = self._stack.pop(), self._siblings
        self._siblings = opened.children
        end = self._before
        if opened.flow:
            end = event.end_mark.index
            if self._text[opened.start] == "?" and children[0].start == children[0].end:
                self._refuse(opened.start, "did not find expected ',' or ']'", "write a key after the question mark")
        elif children:
            end = children[-1].end
        self._before = end
        node: Node
        if opened.is_mapping:
            pairs = zip(children[::2], children[1::2], strict=True)
            node = Mapping.of(Span(opened.start, end), pairs, opened.flow, opened.tag, opened.anchor)
            self.duplicates += len(node.entries) - len(node.lasts)
        else:
            node = Sequence(opened.start, end, tuple(children), opened.flow, opened.tag, opened.anchor)
        if opened.anchor and self._anchors[opened.anchor] is None:  # otherwise one of that name inside began later
            self._anchors[opened.anchor] = node
        self._siblings.append(node)

    def _scalar(self, event: Any) -> None:
        start, end, text = event.start_mark.index, event.end_mark.index, event.value
        style = _STYLES[event.style]
        if style == "plain":
            if start == end:
                start = end = self._after_indicator(start)
            elif not text:
                end = start + len(self._text[start:end].rstrip())  # an anchor or tag only
        elif style == "double":
            self._check_escapes(start, end, text)
        elif style != "single":
            end = self._block_scalar_end(event, start, end)
        if event.anchor or event.ctag:
            anchor, tag = self._properties(event, start)
            node = Scalar(start, end, text, style, tag, anchor)
            if anchor:
                self._anchors[anchor] = node
        else:
            node = Scalar(start, end, text, style)
        self._siblings.append(node)
        self.scalars.append(node)
        if len(self.scalars) > MAX_VALUES:
            raise ParseError(TOO_MANY, place=self._source.place(start))
        self._before = end

    def _check_escapes(self, start: int, end: int, text: str) -> None:
        """go-yaml rejects `\\/` and half of a surrogate pair."""
        if self._text.find("\\", start, end) < 0:
            return
        if SURROGATE.search(text):
            self._refuse(start, "found invalid Unicode character escape code", "write the character itself")
        if any(each[1] == "/" for each in _ESCAPE.finditer(self._text, start, end)):
            self._refuse(start, "found unknown escape character", "write / instead of \\/")

    def _after_indicator(self, limit: int) -> int:
        """The offset after the indicator of an empty value. The pure parser marks such a value at the next token."""
        if not self._stack:
            return self._before
        indicator = ("?", ":")[len(self._siblings) % 2] if self._stack[-1].is_mapping else "-"
        for match in re.finditer(rf"(?:(?<=\s)|^)#[^\r\n]*|[{indicator}]", self._text[self._before : limit]):
            if match.group() == indicator:
                return self._before + match.end()
        return self._before

    def _block_scalar_end(self, event: Any, start: int, end: int) -> int:
        """The end of a block scalar: after its last line of content, with `|+` after its trailing empty lines."""
        source = self._source
        end = min(end, len(source.text))
        if event.anchor or event.ctag:
            start = content_start(
                source.text, Scalar(start, end, "", "literal", event.ctag or None, event.anchor or None)
            )
        header = source.text[start : source.line_end(start)]
        if "+" in header.split("#")[0]:
            return end
        tail = start + len(source.text[start:end].rstrip(_BLANKS))
        if _ends_in_blanks(event.value):
            return self._blank_content_end(event.value, source.next_line(start), tail, end)
        return max(source.next_line(tail), source.next_line(start)) if tail < len(source.text) else end

    def _blank_content_end(self, value: str, start: int, tail: int, end: int) -> int:
        """The end of a block scalar whose last line of content is blank. `start` is the beginning of its first line,
        `tail` the end of its last line that is not blank."""
        source, line = self._source, _FIRST_TEXT.search(self._text, start, end)
        text = _FIRST_TEXT.search(value)
        if line is None or text is None:
            return end
        indentation = _leading_spaces(line.group()) - _leading_spaces(text.group())
        last = at = source.next_line(tail)
        while at < end:
            is_content = source.line_end(at) - at > indentation
            at = source.next_line(at)
            if is_content:
                last = at
        return last

    def _refuse(self, at: int, what: str, remedy: str) -> NoReturn:
        raise ParseError(f"invalid YAML: {what}", remedy=remedy, place=self._source.place(at))

    def _properties(self, event: Any, at: int) -> tuple[str | None, str | None]:
        """Anchor and explicit tag. The two parsers differ in the tag's type, and in None or '' for no tag."""
        name, tag = event.anchor, event.ctag
        if tag in ("!!", "tag:yaml.org,2002:"):
            self._refuse(at, "did not find expected tag URI", "write the complete tag, such as !!str")
        return (str(name) if name else None), (str(tag) if tag else None)

    @property
    def has_aliases(self) -> bool:
        return self._aliases > 0

    def _alias(self, event: Any) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            what = f"the document has more than {MAX_ALIASES:,} aliases, which is the limit"
            raise ParseError(what, place=self._source.place(event.start_mark.index))
        self._count(event.start_mark.index)
        name, start, end = event.anchor, event.start_mark.index, event.end_mark.index
        target = self._anchors.get(name)
        if target is None:
            known = name in self._anchors
            what = (
                f"anchor {quoted(name)} value contains itself" if known else f"unknown anchor {quoted(name)} referenced"
            )
            remedy = (
                "replace the alias with a value"
                if known
                else f"define &{shortened(name)} above this line, or replace the alias with a value"
            )
            raise ParseError(what, remedy=remedy, place=self._source.place(start))
        self._siblings.append(Alias(start, end, name, target))
        self._before = end


def _ends_in_blanks(value: str) -> bool:
    """Whether the last line of a value that is not empty is blank."""
    text = value.rstrip("\n")
    return text[-1:] in (" ", "\t") and not text.rpartition("\n")[2].strip(" \t")


def _leading_spaces(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


# ruamel.yaml raises errors other than YAMLError for a few unusual texts (%YAML 1.3, "\\U00110000").
PARSER_ERRORS = (YAMLError, AssertionError, ValueError, OverflowError)

_QUOTED_TEMPLATE = compiled(r"""[^'"]*['"].*\{\{""")

_BYTE_ORDER_MARK = "\ufeff"

_MOST_TAG_DIRECTIVES = 100
"""libyaml compares each %TAG with all earlier ones. Texts with more of them are read by the pure parser."""

_PROBLEM = 160
"""The limit for ruamel.yaml's message, which may quote a whole tag or directive."""


@dataclass(frozen=True, slots=True)
class YamlText:
    """One document of a stream.

    It has the root (None if the document is empty), the %YAML version, the extent (from the end of the document before
    it, with the comments and directives above it, to its own end), the scalars in file order, the number of duplicate
    keys, and whether there are aliases.
    """

    root: Node | None
    version: tuple[int, int] | None
    span: Span
    scalars: list[Scalar]
    duplicates: int = 0
    has_aliases: bool = False


@cache
def has_c_parser() -> bool:
    """Whether ruamel.yaml's C parser (extra `fast`) is installed."""
    return importlib.import_module("ruamel.yaml.main").CParser is not None


def read_yaml(source: Source, index: int = 0, *, pure: bool = False) -> YamlText:
    """Reads document `index` (from 0). Later documents are not read, as in yaml.v2.

    Raises ParseError if the text up to the end of that document is not valid or nested too deep.
    """
    return _read_texts(source, partial(_only, source, index), pure=pure)[0]


def read_stream(source: Source, *, pure: bool = False) -> list[YamlText]:
    """Reads every document of the text. Raises ParseError."""
    return _read_texts(source, list, pure=pure)


_Pick = Callable[[Iterator[YamlText]], list[YamlText]]
"""Picks the wanted documents of a stream; the ones after them are not read."""


def _read_texts(source: Source, pick: _Pick, *, pure: bool) -> list[YamlText]:
    if source.text.startswith(_BYTE_ORDER_MARK):
        # go-yaml then takes the first character of every line for a byte order mark (yamlprivateh.go, is_bom).
        what, remedy = "invalid YAML: a second byte order mark", "remove one of the two"
        raise ParseError(what, remedy=remedy, place=source.place(0))
    if not pure and has_c_parser() and _suits_c_parser(source.text):
        # Its libyaml is older than go-yaml's and rejects `[system:masters]`, so the pure parser decides.
        try:
            return _read(source, source.text, pick, pure=False)
        except ParseError:
            raise
        except PARSER_ERRORS:
            pass
    return _read_pure(source, pick)


def _suits_c_parser(text: str) -> bool:
    """libyaml ignores a byte order mark at the start of any line; for go-yaml it is a letter there."""
    return text.count("%TAG") <= _MOST_TAG_DIRECTIVES and _BYTE_ORDER_MARK not in text


def _read_pure(source: Source, pick: _Pick) -> list[YamlText]:
    masked = mask(source.text)
    try:
        texts = _read(source, masked, pick, pure=True)
        restored = masked
        for text in texts:
            restored = unmask_scalars(source.text, restored, text.root)
        return texts if restored == masked else _read(source, restored, pick, pure=True)
    except ParseError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        offset = min(mark.index, len(source.text)) if mark else 0
        what = ": ".join(part for part in (error.context, error.problem) if part)
        raise ParseError(
            f"invalid YAML: {shortened(what, _PROBLEM)}",
            remedy=_remedy(source, offset, error.problem),
            place=source.place(offset),
        ) from None
    except PARSER_ERRORS as error:
        offset = min(getattr(error, "position", 0) or 0, len(source.text))
        reason = getattr(error, "reason", "") or "special characters are not allowed"
        raise ParseError(
            f"invalid YAML: {shortened(reason, _PROBLEM)}", remedy="remove that character", place=source.place(offset)
        ) from None


def _read(source: Source, text: str, pick: _Pick, *, pure: bool) -> list[YamlText]:
    """Reads `text`, which has the length of `source.text` so that its marks are valid there too. Raises YAMLError."""
    if not pure:
        parser = importlib.import_module("ruamel.yaml.main").CParser(text)
        return pick(_documents(source, iter(parser.get_event, None)))
    return pick(_documents(source, iter(go_yaml().parse(text))))


def _remedy(source: Source, offset: int, problem: str) -> str:
    if problem == NOT_AN_ANCHOR:
        return "use only letters, digits, - and _ in anchor names"
    line = source.text[source.line_start(offset) : source.line_end(offset)]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces, not tabs"
    if source.text[offset : offset + 1] == "\t":
        return "use a space, not a tab"
    if "{{" in line and not _QUOTED_TEMPLATE.match(line):
        return "put the template in quotes"
    return "check the indentation, colons and quotes of this line and the one above"


def _only(source: Source, index: int, texts: Iterator[YamlText]) -> list[YamlText]:
    number = -1
    for number, text in enumerate(texts):
        if number == index:
            return [text]
    if index == 0:
        return [YamlText(None, None, Span(0, len(source.text)), [])]
    what = f"document {index} not found: the file has {number + 1} document(s), counted from 0"
    raise ParseError(what, place=source.place(len(source.text)))


def _documents(source: Source, events: Iterator[Any]) -> Iterator[YamlText]:
    """The documents of a stream; each is read on demand."""
    start = 0
    for event in events:
        if not isinstance(event, kinds.DocumentStartEvent):
            continue  # an event of the stream itself
        version = tuple(event.version) if event.version else None
        builder = Builder(source, event.end_mark.index)
        end = builder.read(events)
        span = Span(start, end.start_mark.index)
        yield YamlText(builder.root, version, span, builder.scalars, builder.duplicates, builder.has_aliases)
        start = end.end_mark.index
