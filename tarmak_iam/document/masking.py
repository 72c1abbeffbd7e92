"""Characters that go-yaml takes and ruamel's pure parser does not: hidden from it without moving a mark.

A tab that separates becomes one blank, and NEL, LINE SEPARATOR and PARAGRAPH SEPARATOR, which are line
breaks to go-yaml, become line feeds. Where that touched a scalar's own text (a quoted `a:<TAB>b`), the
original is put back and the text is read once more. The C parser needs none of it.
"""

from __future__ import annotations

import re

from tarmak_iam.document.nodes import Node, Scalar, walk

__all__ = ["mask", "unmask_scalars"]

# Behind something on the line that is neither indentation nor `-` or `?` (there go-yaml refuses it too).
_SEPARATING_TABS = re.compile(r"(?<=[^\s?-])[ \t]*\t[ \t]*")
_BREAKS = str.maketrans(dict.fromkeys("\x85\u2028\u2029", "\n"))


def mask(text: str) -> str:
    """A text of the same length that the pure parser reads as go-yaml reads the original."""
    return _SEPARATING_TABS.sub(lambda match: " " * len(match.group()), text).translate(_BREAKS)


def unmask_scalars(text: str, masked: str, root: Node | None) -> str:
    """`masked`, with the original text back inside every scalar (in a plain one line breaks stay line feeds)."""
    if text == masked or root is None:
        return masked
    pieces, end = [], 0
    for node in walk(root):
        if isinstance(node, Scalar) and node.span.end > end:
            start = max(node.span.start, end)
            own = text[start : node.span.end]
            pieces += [masked[end:start], own.translate(_BREAKS) if node.style == "plain" else own]
            end = node.span.end
    return "".join([*pieces, masked[end:]])
