"""YAML text to nodes: ruamel.yaml's parser locates, `yaml_builder` makes our own immutable nodes of it.

Events are used instead of composed nodes because they keep what a splice needs: an alias has marks of
its own (a composed alias carries the anchor's), re-used anchors work with both parsers, and a document
that is too deep is refused while it streams, before it costs anything.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from ruamel.yaml import events as kinds
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tarmak_iam.document.go_yaml import go_yaml
from tarmak_iam.document.masking import mask, unmask_scalars
from tarmak_iam.document.nodes import Node, Scalar, Span
from tarmak_iam.document.source import Source
from tarmak_iam.document.yaml_builder import Builder
from tarmak_iam.errors import ParseError
from tarmak_iam.text import shortened

__all__ = ["YamlText", "has_c_parser", "read_stream", "read_yaml"]

# ruamel.yaml stumbles over a few odd texts (%YAML 1.3, "\\U00110000") with errors that are not its own.
_PARSER_ERRORS = (YAMLError, AssertionError, ValueError, OverflowError)
_QUOTED_TEMPLATE = re.compile(r"""[^'"]*['"].*\{\{""")
_BYTE_ORDER_MARK = "\ufeff"
_MOST_TAG_DIRECTIVES = 100
"""libyaml compares each %TAG with all before it: texts with more go to the pure parser."""

_PROBLEM = 160
"""ruamel.yaml quotes tags and directives."""


@dataclass(frozen=True, slots=True)
class YamlText:
    """One document of a stream: its root (None if it is empty), %YAML version, its extent (from the end of
    the document before it, with the comments and directives above it, to its own end), its scalars in file
    order, how many keys are there already, and whether there are aliases."""

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
    """Reads document `index` (from 0); documents behind it are not looked at, as in yaml.v2.

    Raises ParseError where the text up to that document is ill-formed or nested too deep.
    """
    return _read_texts(source, partial(_only, source, index), pure=pure)[0]


def read_stream(source: Source, *, pure: bool = False) -> list[YamlText]:
    """Reads every document of the text. Raises ParseError."""
    return _read_texts(source, list, pure=pure)


_Pick = Callable[[Iterator[YamlText]], list[YamlText]]
"""Which documents of a stream are wanted; those behind them are not read."""


def _read_texts(source: Source, pick: _Pick, *, pure: bool) -> list[YamlText]:
    if source.text.startswith(_BYTE_ORDER_MARK):
        # go-yaml takes the first sign of every line for one then (yamlprivateh.go, is_bom).
        what, remedy = "not YAML: a second byte order mark", "remove one of the two"
        raise ParseError(what, remedy=remedy, place=source.place(0))
    if not pure and has_c_parser() and _suits_c_parser(source.text):
        # Its libyaml is older than go-yaml's and refuses `[system:masters]`: the pure parser has the last word.
        try:
            return _read(source, source.text, pick, pure=False)
        except ParseError:
            raise
        except _PARSER_ERRORS:
            pass
    return _read_pure(source, pick)


def _suits_c_parser(text: str) -> bool:
    """libyaml passes over a byte order mark at the start of any line; to go-yaml it is a letter there."""
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
        what = f"{error.context or ''} {error.problem or ''}".strip()
        raise ParseError(
            f"not YAML: {shortened(what, _PROBLEM)}", remedy=_remedy(source, offset), place=source.place(offset)
        ) from None
    except _PARSER_ERRORS as error:
        offset = min(getattr(error, "position", 0) or 0, len(source.text))
        reason = getattr(error, "reason", "") or "special characters are not allowed"
        raise ParseError(
            f"not YAML: {shortened(reason, _PROBLEM)}", remedy="remove that character", place=source.place(offset)
        ) from None


def _read(source: Source, text: str, pick: _Pick, *, pure: bool) -> list[YamlText]:
    """`text` has the length of `source.text`, so that the marks fit that too. Raises YAMLError."""
    if not pure:
        parser = importlib.import_module("ruamel.yaml.main").CParser(text)
        return pick(_documents(source, iter(parser.get_event, None)))
    return pick(_documents(source, iter(go_yaml().parse(text))))


def _remedy(source: Source, offset: int) -> str:
    line = source.text[source.line_start(offset) : source.line_end(offset)]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with blanks, not tabs"
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
    what = f"the file has {number + 1} document(s), there is no document {index}"
    raise ParseError(what, place=source.place(len(source.text)))


def _documents(source: Source, events: Iterator[Any]) -> Iterator[YamlText]:
    """Each is read when it is asked for."""
    start = 0
    for event in events:
        if not isinstance(event, kinds.DocumentStartEvent):
            continue  # the stream's own
        version = tuple(event.version) if event.version else None
        builder = Builder(source, event.end_mark.index)
        end = builder.read(events)
        span = Span(start, end.start_mark.index)
        yield YamlText(builder.root, version, span, builder.scalars, builder.duplicates, builder.has_aliases)
        start = end.end_mark.index
