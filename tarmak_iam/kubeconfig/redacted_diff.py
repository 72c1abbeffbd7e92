"""A diff of a kubeconfig that may be shown: only the names of other entries, and no comments."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Alias, Mapping, Node, Scalar, Sequence, Span, content_start, walk
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.kubeconfig.connection import has_credentials
from tarmak_iam.kubeconfig.exec_arguments import WORDS
from tarmak_iam.kubeconfig.file import LISTS
from tarmak_iam.kubeconfig.ownership import OTHER_CREDENTIALS, OTHER_TRUST, ROLE

_HIDDEN = "REDACTED"
_PLUGIN = ("users", "user", "exec")
_ENV = (*_PLUGIN, "env")

# `kubectl config` lists these values too, or they are the same on every computer.
_SHOWN_PATHS = frozenset(
    {
        ("apiVersion",),
        ("kind",),
        ("current-context",),
        *((key, "name") for key in LISTS),
        *(("contexts", "context", key) for key in ("cluster", "user", "namespace")),
        *((*_PLUGIN, key) for key in ("apiVersion", "command", "interactiveMode", "provideClusterInfo", "installHint")),
        (*_ENV, "name"),
    }
)
# client-go's Config v1, with _SHOWN_PATHS. Any other key may be a credential in the wrong place.
_FIELDS = {
    *LISTS, *LISTS.values(), *(path[-1] for path in _SHOWN_PATHS), *OTHER_CREDENTIALS, *OTHER_TRUST, "preferences",
    "extensions", "extension", "server", "tls-server-name", "certificate-authority-data", "proxy-url",
    "disable-compression", "as", "as-uid", "as-groups", "as-user-extra", "exec", "config", "args", "env", "value",
}  # fmt: skip
_DIRECTIVE = re.compile(r"^%.*", re.MULTILINE)
_NEXT = re.compile(r"^(?:\.\.\.|---)(?=\s|\Z)", re.MULTILINE)


def redacted_diff(before: Document | None, after: Document, wanted: dict[str, Any]) -> str:
    """The unified diff of two states of a kubeconfig. The values in `wanted`, our entries, are shown. All other values
    are REDACTED unless they are known to be harmless, and so are unknown keys, anchors, tags and comments: they may
    contain credentials."""
    return unified_diff(_shown(before, wanted) if before else "", _shown(after, wanted), after.filename)


def _shown(document: Document, wanted: dict[str, Any]) -> str:
    text = document.text
    ours = {
        (key, item["name"]): frozenset(text for text in _texts(item) if not has_credentials(text))
        for key in LISTS
        for item in wanted[key]
    }
    root = document.root
    spans = [(span, _HIDDEN) for node in (walk(root) if root else ()) for span in _properties(text, node)]
    spans += [(span, _HIDDEN) for span in _hidden(root, (), ours, frozenset())]
    spans += [(comment.span, f"# {_HIDDEN}") for comment in document.comments]
    spans += [(Span(*match.span()), f"% {_HIDDEN}") for match in _DIRECTIVE.finditer(text)]
    # What follows the first document is not parsed, and so not shown; nothing is shown of an empty one.
    next_document = _NEXT.search(text, root.end) if root else None
    end = next_document.start() if next_document else len(text) if root else 0
    pieces, at = [], 0
    for span, mark in sorted(spans):
        if span.start >= at:
            # The number of lines stays, so that line numbers in the diff are those of the file.
            breaks = text[span.start : span.end].count("\n")
            pieces += [text[at : span.start], mark, "\n" * breaks]
            at = span.end
    return "".join([*pieces, text[at:end]])


def _properties(text: str, node: Node) -> Iterator[Span]:
    """Its anchor and its tag, or the name of an alias."""
    if isinstance(node, Alias):
        yield node.span
    elif node.anchor is not None or node.tag is not None:
        yield Span(node.start, node.start + len(text[node.start : content_start(text, node)].rstrip()))


def _hidden(
    node: Node | None, path: tuple[str, ...], ours: dict[tuple[str, str], frozenset[str]], harmless: Collection[str]
) -> Iterator[Span]:
    """The scalars that are not shown. `harmless` are the texts that may be shown inside one of our entries."""
    if isinstance(node, Mapping):
        if len(path) == 1:
            harmless = ours.get((path[0], _text(node, "name")), frozenset())
        if path == _ENV and _text(node, "name") in ("AWS_PROFILE", "AWS_REGION"):
            harmless = {_text(node, "value")}
        for entry in node.entries:
            if entry.text not in _FIELDS:
                yield entry.key.span
            yield from _hidden(entry.value, (*path, entry.text or ""), ours, harmless)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _hidden(item, path, ours, harmless)
    elif isinstance(node, Scalar) and not _is_shown(node, path, harmless):
        yield node.span


def _is_shown(node: Scalar, path: tuple[str, ...], harmless: Collection[str]) -> bool:
    if node.style == "plain" and node.text in ("", "~", "null"):
        return True
    if path == (*_PLUGIN, "args") and (node.text in WORDS or ROLE.match(node.text)):
        return True
    may_be_ours = path[:2] == ("clusters", "cluster") or path[:3] == _PLUGIN
    return path in _SHOWN_PATHS or (may_be_ours and node.text in harmless)


def _text(node: Mapping, key: str) -> str:
    entry = node.last(key)
    return entry.value.text if entry and isinstance(entry.value, Scalar) else ""


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)
    else:
        yield str(value)
