"""Lists that are written as a text, and documents that are written behind the first: what to write instead."""

from __future__ import annotations

import re
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping, Scalar, dereference
from tarmak_iam.errors import ParseError
from tarmak_iam.lint.key_names import arn_in, root_struct, spelled
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened

__all__ = ["groups_in", "is_dashed", "is_list_text", "next_document_remedy", "text_remedy"]

_HEADER = re.compile(r"[|>][-+0-9]*")
_LIST = re.compile(r"\s*(?:\[|-\s)")
# Dashes without a blank after them: `groups:` and below it `-dev` and `-ops` are the text "-dev -ops".
_DASH = re.compile(r"(?:^|\s+)-\s*")
_MARKER = re.compile(r"---[ \t]*(?:\r?\n|\r|\Z)")


def is_list_text(name: str, text: str) -> bool:
    """Accounts may be a text, which most releases split at commas."""
    return bool(_LIST.match(text)) if name == "mapAccounts" else bool(text.strip())


def text_remedy(document: Document, route: Route, name: str) -> str:
    node = document.node(route)
    node = dereference(node) if node is not None else None
    kind = f"{name[3:-1].lower()}ARN"
    if not isinstance(node, Scalar) or not isinstance(_inner(node.text), list):
        arn = arn_in(node) if node is not None else ""
        who = f"'- {kind}: {shortened(arn)}'" if arn else f"each with {kind}"
        return f"write a list of mappings, {who}, with username and groups"
    if not node.is_block:
        return "write the items as a list below the key, without quotes around all of them"
    header = _HEADER.search(document.text, node.start)
    return f"remove the {header[0] if header else '|'} behind the key, so that the entries are a list"


def is_dashed(text: str) -> bool:
    """Whether it was to be the items of a list, whose first dash has no blank after it."""
    return len(text) > 1 and text[0] == "-" and not text[1].isspace()


def groups_in(text: str) -> list[str] | None:
    """The groups that a text holds, as YAML or with commas between them; None where that is not known."""
    if is_dashed(text):
        return [each for each in _DASH.split(text) if each]
    inner = _inner(text) if _LIST.match(text) else None
    if inner is None:
        return [each.strip() for each in text.split(",") if each.strip()]
    if not isinstance(inner, list) or not all(isinstance(each, str) for each in inner):
        return None
    return [each.strip() for each in inner if each.strip()]


def next_document_remedy(document: Document) -> str:
    """The second document goes on with the first where they have no key in common."""
    place = document.next_document
    second = _second(document)
    if second is None or place is None or place.line is None:
        return "move its entries to mapRoles and mapUsers of the first document, and remove the rest"
    names, marker = _names(second), document.source.line(place.line)
    if not any(spelled(root_struct(), name) for name in names) and "arn:" not in _rest(document):
        return "remove it"
    if not names & _names(document) and _MARKER.fullmatch(marker) and not _ends_before(document):
        return f"remove line {place.line} ('---'): the documents have no key in common"
    return "move its entries to mapRoles and mapUsers of the first document, and remove the rest"


def _inner(text: str) -> Any:
    try:
        return Document.parse(text, json=False).data
    except ParseError:
        return None


def _second(document: Document) -> Document | None:
    try:
        return Document.parse(document.source.encode(), document.filename, 1, json=False)
    except ParseError:
        return None


def _names(document: Document) -> set[str]:
    root = document.root
    entries = root.entries if isinstance(root, Mapping) else ()
    return {spelled(root_struct(), entry.text or "") or entry.text or "" for entry in entries}


def _rest(document: Document) -> str:
    place = document.next_document
    lines = document.text.splitlines()
    return "\n".join(lines[(place.line or 1) - 1 :]) if place is not None else ""


def _ends_before(document: Document) -> bool:
    """Whether the first document has an end of its own before the marker."""
    place = document.next_document
    lines = document.text.splitlines()[: (place.line or 1) - 1] if place is not None else []
    return any(each.rstrip() == "..." for each in lines)
