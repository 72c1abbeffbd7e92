"""A node's anchor and tag as they are written in front of its own text."""

from __future__ import annotations

import re

from tarmak_iam.document.nodes import Node

__all__ = ["STANDARD_TAG", "content_start"]

STANDARD_TAG = "tag:yaml.org,2002:"
"""What `!!` stands for."""

_PROPERTY = re.compile(r"(?:!<[^>\r\n]*>|[&!][^ \t\r\n,\[\]{}]*)(?:[ \t]|\r\n?|\n|#[^\r\n]*)*")


def content_start(text: str, node: Node) -> int:
    """Where a node's own text begins, behind its anchor and tag (and a comment between them)."""
    at = node.span.start
    for _ in range((node.anchor is not None) + (node.tag is not None)):
        match = _PROPERTY.match(text, at, max(node.span.end, at))
        at = match.end() if match else at
    return at
