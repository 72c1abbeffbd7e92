"""Characters that go-yaml takes and ruamel's pure parser does not: hidden from it without moving a mark.

A tab that separates becomes one blank, and NEL, LINE SEPARATOR and PARAGRAPH SEPARATOR, which are line
breaks to go-yaml, become line feeds. Where that touched a scalar's own text (a quoted `a:<TAB>b`), the
original is put back and the text is read once more. The C parser needs none of it.
"""

from __future__ import annotations

import re

from tarmak_iam.document.nodes import Node, Scalar, walk
from tarmak_iam.document.properties import content_start

__all__ = ["mask", "unmask_scalars"]

# Behind something on the line that is neither indentation nor a dash or question mark that is an indicator
# (behind those go-yaml refuses a tab too).
_SEPARATING_TABS = re.compile(r"(?:(?<=[^\s?-])|(?<=[^\s][?-]))[ \t]*\t[ \t]*")
_BREAKS = str.maketrans(dict.fromkeys("\x85\u2028\u2029", "\n"))
_LINE_END = re.compile(r"[\r\n]|\Z")


def mask(text: str) -> str:
    """A text of the same length that the pure parser reads as go-yaml reads the original."""
    return _SEPARATING_TABS.sub(lambda match: " " * len(match.group()), text).translate(_BREAKS)


def unmask_scalars(text: str, masked: str, root: Node | None) -> str:
    """`masked`, with the original text back inside every scalar (in a plain one line breaks stay line feeds)."""
    if text == masked or root is None:
        return masked
    pieces, end = [], 0
    for node in walk(root):
        if not isinstance(node, Scalar):
            continue
        start = max(_own_start(masked, node), end)
        if node.span.end > start:
            own = text[start : node.span.end]
            pieces += [masked[end:start], own.translate(_BREAKS) if node.style == "plain" else own]
            end = node.span.end
    return "".join([*pieces, masked[end:]])


def _own_start(masked: str, node: Scalar) -> int:
    """Behind anchor and tag, and behind the header line of a block scalar."""
    start = content_start(masked, node)
    match = _LINE_END.search(masked, start) if node.is_block else None
    return match.start() if match else start
