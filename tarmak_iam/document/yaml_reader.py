"""Reads YAML text into nodes: ruamel.yaml's parser gives events, and the builder makes immutable nodes of them.

Events are used instead of composed nodes because they keep what a splice needs. An alias has its own marks (a composed
alias has those of the anchor), re-used anchors work with both parsers, and a document that is nested too deep is
rejected while it is read, before it uses much memory.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from ruamel.yaml import events as kinds
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tarmak_iam.document.go_yaml import NOT_AN_ANCHOR, go_yaml, mask, unmask
from tarmak_iam.document.nodes import (
    STANDARD_TAG,
    Alias,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Span,
    Style,
    after_properties,
)
from tarmak_iam.document.source import (
    LINE_END,
    MAX_ALIASES,
    MAX_COLLECTIONS,
    MAX_DEPTH,
    MAX_FLOW,
    MAX_VALUES,
    SURROGATE,
    TOO_DEEP,
    TOO_MANY,
    Source,
)
from tarmak_iam.errors import ParseError
from tarmak_iam.text import quoted, shortened

_STYLES: dict[str, Style] = {"": "plain", "'": "single", '"': "double", "|": "literal", ">": "folded"}
_BLANKS = " \t\r\n\x85\u2028\u2029"
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_INDICATOR = re.compile(r"(?:(?<=\s)|^)#[^\r\n]*|[?:-]")
"""A comment, or the indicator of an empty value."""

_OPENING = frozenset((kinds.MappingStartEvent, kinds.SequenceStartEvent))
_CLOSING = frozenset((kinds.MappingEndEvent, kinds.SequenceEndEvent))
_Open = tuple[int, int, str | None, str | None, bool, bool, list[Node]]
"""A collection whose end has not been read yet: its start, where the text of its children begins, its anchor and tag,
whether it is in flow style, whether it is a mapping, and its siblings so far."""

_PROBLEMS = {
    r"expected '<document start>'": "expected --- or the end of the file",
    r"(node content, but found|but got) '<stream end>'": "a bracket or brace is not closed",
    r"expected the node content": "expected a value",
    r"block collection: expected <block end>": "expected the next dash of the list, or the end of the list",
    r"block mapping: expected <block end>": "expected the next key of the mapping, or the end of the mapping",
    r"expected ',' or '": "expected a comma or the closing bracket or brace",
    r"could not find expected ':'": "a key has no colon",
    r"cannot start any token": "no value can begin with this character",
    r"found unexpected (end of stream|document separator)": "a quote is not closed",
}
"""What the errors of ruamel.yaml mean, which name its tokens."""


class YamlText:
    """One document of a stream, built from its events.

    `root` is None if the document is empty. `span` begins at the end of the document before it, so it includes the
    comments and directives above it. `scalars` are in file order; `duplicates` and `aliases` are numbers.
    """

    def __init__(self, source: Source, start: int) -> None:
        self.root: Node | None = None
        self.span = Span(0, len(source.text))
        self.scalars: list[Scalar] = []
        self.aliases = self.duplicates = self._collections = self._flows = 0
        self._source, self._text, self._start = source, source.text, start
        self._stack: list[_Open] = []
        self._siblings: list[Node] = []  # the children so far of the innermost open collection, or the root
        self._anchors: dict[str, Node | None] = {}

    def read(self, events: Iterator[Any]) -> Any:
        """Reads the events up to the one that ends the document, and returns that one.

        Raises ParseError for nesting beyond MAX_DEPTH, for more than MAX_VALUES values or MAX_ALIASES aliases, for
        aliases without a finished anchor, and for text that go-yaml rejects although ruamel.yaml does not.
        """
        siblings, scalars = self._siblings, self.scalars
        for event in events:
            kind = type(event)
            if kind is kinds.ScalarEvent:
                text = event.value
                if text and not event.style and event.anchor is None and event.ctag is None:  # most scalars
                    scalar = Scalar(event.start_mark.index, event.end_mark.index, text, "plain")
                else:
                    scalar = self._scalar(event)
                siblings.append(scalar)
                scalars.append(scalar)
                if len(scalars) > MAX_VALUES:
                    raise ParseError(TOO_MANY, place=self._source.place(scalar.start))
            elif kind in _OPENING:
                self._open(event, kind is kinds.MappingStartEvent)
                siblings = self._siblings
            elif kind in _CLOSING:
                self._close(event)
                siblings = self._siblings
            elif kind is kinds.AliasEvent:
                self._alias(event)
            else:
                break
        self.root = self._siblings[0] if self._siblings else None
        return event

    def _open(self, event: Any, is_mapping: bool) -> None:
        start, flow = event.start_mark.index, bool(event.flow_style)
        self._collections += 1
        self._flows += flow
        if len(self._stack) >= MAX_DEPTH:
            raise ParseError(TOO_DEEP, place=self._source.place(start))
        self._limit(self._flows, MAX_FLOW, "lists and mappings in brackets", start)
        self._limit(self._collections, MAX_COLLECTIONS, "lists and mappings", start)
        anchor, tag = self._properties(event, start) if event.anchor or event.ctag else (None, None)
        if anchor:
            self._anchors[anchor] = None  # an alias inside would contain itself
        inside = event.end_mark.index if flow else start
        self._stack.append((start, inside, anchor, tag, flow, is_mapping, self._siblings))
        self._siblings = []

    def _close(self, event: Any) -> None:
        """The end mark of a block collection is after trailing comments, so the end of its last child is used."""
        start, end, anchor, tag, flow, is_mapping, siblings = self._stack.pop()
        children, self._siblings = self._siblings, siblings
        if flow:
            end = event.end_mark.index
            if self._text[start] == "?" and children[0].start == children[0].end:
                what = "did not find expected ',' or ']'"
                raise _invalid(self._source, start, what, "write a key after the question mark")
        elif children:
            end = children[-1].end
        node: Node
        if is_mapping:
            pairs = zip(children[::2], children[1::2], strict=True)
            node = Mapping.of(Span(start, end), pairs, flow, tag, anchor)
            self.duplicates += len(node.entries) - len(node.lasts)
        else:
            node = Sequence(start, end, tuple(children), flow, tag, anchor)
        if anchor and self._anchors[anchor] is None:  # otherwise one of that name inside began later
            self._anchors[anchor] = node
        siblings.append(node)

    def _scalar(self, event: Any) -> Scalar:
        start, end, text = event.start_mark.index, event.end_mark.index, event.value
        style = _STYLES[event.style or ""]
        if style == "plain":
            if start == end:
                start = end = self._after_indicator(start)
            elif not text:
                end = start + len(self._text[start:end].rstrip())  # an anchor or tag only
        elif style == "double":
            # go-yaml rejects `\/` and half of a surrogate pair.
            if SURROGATE.search(text):
                what = "found invalid Unicode character escape code"
                raise _invalid(self._source, start, what, "write the character itself")
            if any(escape[1] == "/" for escape in _ESCAPE.finditer(self._text, start, end)):
                raise _invalid(self._source, start, "found unknown escape character", "write / instead of \\/")
        elif style != "single":
            end = self._block_scalar_end(event, start, end)
        if not event.anchor and not event.ctag:
            return Scalar(start, end, text, style)
        anchor, tag = self._properties(event, start)
        scalar = Scalar(start, end, text, style, tag, anchor)
        if anchor:
            self._anchors[anchor] = scalar
        return scalar

    def _after_indicator(self, limit: int) -> int:
        """The offset after the indicator of an empty value. The pure parser marks such a value at the next token."""
        if not self._stack:
            return self._start
        _, inside, _, _, _, is_mapping, _ = self._stack[-1]
        before = self._siblings[-1].end if self._siblings else inside
        indicator = ("?", ":")[len(self._siblings) % 2] if is_mapping else "-"
        for match in _INDICATOR.finditer(self._text[before:limit]):
            if match.group() == indicator:
                return before + match.end()
        return before

    def _block_scalar_end(self, event: Any, start: int, end: int) -> int:
        """The end of a block scalar: after its last line of content, with `|+` after its trailing empty lines."""
        source, text = self._source, self._text
        end = min(end, len(text))
        start = after_properties(text, start, end, bool(event.anchor) + bool(event.ctag))
        first = source.next_line(start)
        if "+" in text[start:first].split("#")[0]:
            return end
        last = source.next_line(start + len(text[start:end].rstrip(_BLANKS)))
        content = event.value.rstrip("\n")
        words = content.rstrip(_BLANKS)
        if content and not words:
            return end
        for _ in LINE_END.finditer(content, len(words)):  # blank lines deeper than the indentation are content
            last = source.next_line(last)
        return last

    def _properties(self, event: Any, at: int) -> tuple[str | None, str | None]:
        """Anchor and explicit tag. The two parsers differ in the tag's type, and in None or '' for no tag."""
        name, tag = event.anchor, event.ctag
        if tag in ("!!", STANDARD_TAG):
            raise _invalid(self._source, at, "did not find expected tag URI", "write the complete tag, such as !!str")
        return (str(name) if name else None), (str(tag) if tag else None)

    def _alias(self, event: Any) -> None:
        name, start = event.anchor, event.start_mark.index
        self.aliases += 1
        self._limit(self.aliases, MAX_ALIASES, "aliases", start)
        target = self._anchors.get(name)
        if target is None:
            what, remedy = f"anchor {quoted(name)} value contains itself", "replace the alias with a value"
            if name not in self._anchors:
                what = f"unknown anchor {quoted(name)} referenced"
                remedy = f"define &{shortened(name)} above this line, or {remedy}"
            raise ParseError(what, remedy=remedy, place=self._source.place(start))
        self._siblings.append(Alias(start, event.end_mark.index, name, target))

    def _limit(self, count: int, most: int, what: str, at: int) -> None:
        if count > most:
            too_many = f"the document has more than {most:,} {what}, which is the limit"
            raise ParseError(too_many, place=self._source.place(at))


# ruamel.yaml raises errors other than YAMLError for a few unusual texts (%YAML 1.3, "\\U00110000").
PARSER_ERRORS = (YAMLError, AssertionError, ValueError, OverflowError)
_QUOTED_TEMPLATE = re.compile(r"""[^'"]*['"].*\{\{""")
_BYTE_ORDER_MARK = "\ufeff"
_MOST_TAG_DIRECTIVES = 100
"""libyaml compares each %TAG with all earlier ones. Texts with more of them are read by the pure parser."""


@cache
def has_c_parser() -> bool:
    """Whether ruamel.yaml's C parser (extra `fast`) is installed."""
    return importlib.import_module("ruamel.yaml.main").CParser is not None


def read_yaml(source: Source, index: int = 0, *, pure: bool = False) -> YamlText:
    """Reads document `index` (from 0). Later documents are not read, as in yaml.v2.

    Raises ParseError if the text up to the end of that document is not valid or nested too deep.
    """
    documents = read_stream(source, index + 1, pure=pure)
    if index < len(documents):
        return documents[index]
    if index == 0:
        return YamlText(source, 0)
    what = f"document {index} not found: the file has {len(documents)} document(s), counted from 0"
    raise ParseError(what, place=source.place(len(source.text)))


def read_stream(source: Source, count: int | None = None, *, pure: bool = False) -> list[YamlText]:
    """Reads the first documents of the text, by default all of them. Raises ParseError."""
    text = source.text
    if text.startswith(_BYTE_ORDER_MARK):
        # go-yaml then takes the first character of every line for a byte order mark (yamlprivateh.go, is_bom).
        raise _invalid(source, 0, "a second byte order mark", "remove one of the two")
    # libyaml ignores a byte order mark at the start of any line; for go-yaml it is a letter there.
    suits_c_parser = _BYTE_ORDER_MARK not in text and text.count("%TAG") <= _MOST_TAG_DIRECTIVES
    if not pure and suits_c_parser and has_c_parser():
        # Its libyaml is older than go-yaml's and rejects `[system:masters]`, so the pure parser decides.
        try:
            parser = importlib.import_module("ruamel.yaml.main").CParser(text)
            return list(islice(_documents(source, iter(parser.get_event, None)), count))
        except ParseError:
            raise
        except PARSER_ERRORS:
            pass
    try:
        masked = mask(text)
        documents = list(islice(_documents(source, iter(go_yaml().parse(masked))), count))
        restored = unmask(text, masked, (scalar for document in documents for scalar in document.scalars))
        if restored != masked:
            documents = list(islice(_documents(source, iter(go_yaml().parse(restored))), count))
        return documents
    except ParseError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        offset = min(mark.index, len(text)) if mark else 0
        said = ": ".join(part for part in (error.context, error.problem) if part)
        what = next((text for pattern, text in _PROBLEMS.items() if re.search(pattern, said)), said)
        remedy = _remedy(source, offset, error.problem)
    except PARSER_ERRORS as error:
        offset = min(getattr(error, "position", 0) or 0, len(text))
        what = getattr(error, "reason", "") or "special characters are not allowed"
        remedy = "remove that character"
    raise _invalid(source, offset, shortened(what, 160), remedy)  # it may quote a whole tag or directive


def _invalid(source: Source, at: int, what: str, remedy: str) -> ParseError:
    return ParseError(f"invalid YAML: {what}", remedy=remedy, place=source.place(at))


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


def _documents(source: Source, events: Iterator[Any]) -> Iterator[YamlText]:
    """The documents of a stream; each is read on demand. The marks of the events must be valid in `source.text`.

    yaml.v2 and yaml.v3 reject every version but 1.1 (parserc.go, yaml_parser_process_directives).
    """
    start = 0
    for event in events:
        if not isinstance(event, kinds.DocumentStartEvent):
            continue  # an event of the stream itself
        after = event.end_mark.index
        if event.version and tuple(event.version) != (1, 1):
            what, remedy = "found incompatible YAML document", "write %YAML 1.1, or remove the line"
            raise _invalid(source, source.text.rfind("%YAML", 0, after), what, remedy)
        text = YamlText(source, after)
        end = text.read(events)
        text.span = Span(start, end.start_mark.index)
        yield text
        start = end.end_mark.index
