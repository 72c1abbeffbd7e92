"""Whether a text is regular: valid for go-yaml, and without anything that connects one part of it to another.

A regular text is one document without markers and directives, anchors, aliases, tags, merge keys and explicit keys. All
its keys are scalars; it has no tabs, and its line breaks are line feeds. The parser alone checks such a text, and its
nodes are built when they are needed. That is possible because it can have nothing that `Builder` and `construct`
reject. The patterns are wider than necessary: any other text is only read in the slower way.
"""

from __future__ import annotations

import importlib
from itertools import accumulate
from typing import Any

from tarmak_iam.document.json_reader import looks_like_json
from tarmak_iam.document.nodes import Node, Scalar, is_block, walk
from tarmak_iam.document.source import MAX_COLLECTIONS, MAX_DEPTH, MAX_FLOW, MAX_VALUES, Source
from tarmak_iam.document.yaml_reader import PARSER_ERRORS
from tarmak_iam.patterns import compiled

# The patterns begin with a literal or a class of characters, because Python then searches ten times faster.
_SIGN = compiled(r"[&*?!<](?:(?<=[?!])|(?<=[&*])\S|<[\"']?\s*:)")

# What is before a token on its line: nothing, an indicator, or a bracket or comma of a flow collection.
_BEFORE_TOKEN = compiled(r"(?:\A|[-?:] |[\[{,:])[ ]*\Z")

# A quoted scalar that begins as a value or item and does not end before the sign.
_IN_QUOTES = compiled(r"[ ]*(?:-[ ]+)*(?:[A-Za-z_][^\"'\[\]{},:#]*:[ ]+)?([\"'])(?:(?!\1)[^\\])*\Z")

_COLLECTION_KEY = compiled(r"[\]}]\s*:")

_BESIDE_BRACKET = compiled(r"[{,](?=\s*[\[{])")

_BEFORE_COLLECTIONS = ("[", "{", "- ", "-\n", ":\n", " \n", " #")
"""Every list or mapping but the root begins with one of these, or on the line below."""

_OTHER_BREAK = compiled("[\x85\u2028\u2029\ufeff\ud800-\udfff]")

_ESCAPE = compiled(r"\\(?:/|u[dD][89a-fA-F]|U)")

# A block collection begins further to the right than the one around it, except a list below its key.
_MOST_COLUMNS = MAX_DEPTH // 2 - 1
_DEEP = compiled(rf"\n[- ?:]{{{_MOST_COLUMNS}}}")

_MOST_WORK = 5_000_000
"""Characters before signs, on their lines: many times those of a text of 1 MB that a person wrote."""

_BRACKET = compiled(r"[\[{\]}]")


def may_be_regular(source: Source) -> bool:
    """Whether the text is regular if it is valid."""
    return (
        source.encoding == "utf-8"
        and not looks_like_json(source)
        and sum(map(source.text.count, _BEFORE_COLLECTIONS)) < MAX_COLLECTIONS
        and sum(map(source.text.count, "[{")) < MAX_FLOW
        and has_regular_lines(source.text)
        and _flow_depth(source.text) <= _MOST_COLUMNS
    )


def has_regular_lines(text: str) -> bool:
    """Whether a text has nothing that a regular text may not have. That also holds for whole lines of it, and for a
    text of such lines."""
    return (
        "\t" not in text
        and "\r" not in text
        and (text.isascii() or not _OTHER_BREAK.search(text))
        and not text.startswith(("---", "...", "%"))
        and not any(marker in text for marker in ("\n---", "\n...", "\n%"))
        and not _may_have_tokens(text)
        and not (("]" in text or "}" in text) and _COLLECTION_KEY.search(text))
        and not ("\\" in text and _ESCAPE.search(text))
        and not _DEEP.search(text)
        and not _DEEP.match("\n" + text[:_MOST_COLUMNS])
    )


def _may_have_tokens(text: str) -> bool:
    """Whether anything that makes a text irregular may begin somewhere in it. Also true if lines are so long that it
    would take long to find out: the text before a sign on its line decides."""
    work = 0
    for signs, may_be_one in ((_SIGN, _may_be_token), (_BESIDE_BRACKET, _may_precede_key)):
        for match in signs.finditer(text):
            work += match.start() - text.rfind("\n", 0, match.start())
            if work > _MOST_WORK or may_be_one(text, match.start()):
                return True
    return False


def _may_be_token(text: str, start: int) -> bool:
    """Whether an anchor, alias, tag, explicit key, merge key or bracket may begin at an offset."""
    before = text[text.rfind("\n", 0, start) + 1 : start]
    if text[start] == "<":
        before = before.rstrip("\"'")
    return _BEFORE_TOKEN.search(before) is not None and not _is_comment(before)


def _may_precede_key(text: str, at: int) -> bool:
    """Whether the brace or comma may be one of a flow mapping, and the collection behind it a key, as in `{{a}}`."""
    if text[at] == "{":
        # A line of a longer quoted scalar may only look like this. For anchors and aliases that would not be enough.
        is_quoted = _IN_QUOTES.match(text, text.rfind("\n", 0, at) + 1, at)
        return is_quoted is None and _may_be_token(text, at)
    depth = 0
    for bracket in reversed(_BRACKET.findall(text, text.rfind("\n", 0, at) + 1, at)):
        depth += 1 if bracket in "]}" else -1
        if depth < 0:
            return bool(bracket == "{")
    return True


def _is_comment(before: str) -> bool:
    """Whether a comment begins in the first part of a line. A line with quotes is not understood (False)."""
    at = before.find("#")
    return at >= 0 and (at == 0 or before[at - 1] == " ") and "'" not in before and '"' not in before


def _flow_depth(text: str) -> int:
    openings = text.count("[") + text.count("{")
    if openings <= _MOST_COLUMNS:
        return openings
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(text))
    deepest: int = max(accumulate(steps, lambda depth, step: max(depth + step, 0)))
    return deepest


def is_valid(text: str) -> bool:
    """Whether the C parser accepts the whole text, and it has few enough values."""
    try:
        return parse_events(text) <= MAX_VALUES
    except PARSER_ERRORS:
        return False


def room_for_values(text: str) -> int:
    """How many more values a valid text may surely have. Each value begins behind one of these signs, except the root
    and its first key."""
    is_short = len(text) < MAX_VALUES // 2
    return MAX_VALUES - 2 - (len(text) if is_short else sum(text.count(sign) for sign in "\n-:,[{"))


def is_closed(root: Node | None, text: str) -> bool:
    """Whether no quoted scalar or flow collection has more than one line."""
    for node in walk(root) if root is not None else ():
        has_lines = node.style in ("single", "double") if isinstance(node, Scalar) else not is_block(node)
        if has_lines and "\n" in text[node.start : node.end]:
            return False
    return True


def parse_events(text: str) -> int:
    """The number of events that the C parser reads in the text. Raises one of PARSER_ERRORS."""
    parser: Any = importlib.import_module("ruamel.yaml.main").CParser(text)
    count: int = parser.raw_parse()
    return count
