"""What to do about a key that is there twice, so that nothing of either is lost unless the remedy says so."""

from __future__ import annotations

from tarmak_iam.document import Document
from tarmak_iam.document.layout import Layout
from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence, dereference
from tarmak_iam.document.render import flow_text
from tarmak_iam.go_case import fold
from tarmak_iam.lint.key_names import is_empty
from tarmak_iam.lint.keys import DoubledKey
from tarmak_iam.text import quoted, shortened

__all__ = ["doubled_remedy", "group_names", "merged_list"]

_FEW = 12


def doubled_remedy(document: Document, key: DoubledKey) -> str:
    line = document.position(key.first, at_key=True).line
    own, first = document.node(key.route), document.node(key.first)
    if own is None or first is None or is_empty(own) or _are_same(document, own, first):
        return "remove this one"
    if is_empty(first):
        return f"remove the one in line {line}"
    if key.known in ("roleARN", "userARN", "sso") or key.where == "sso":
        return "write an entry of its own for each, with its username and groups"
    if key.known == "groups":
        return _groups_remedy(own, first, key.first_name, line)
    there = f"{quoted(key.first_name)} in line {line}"
    if isinstance(dereference(own), Sequence) and (listed := merged_list(group_names(first), group_names(own))):
        return f"write {key.first_name}: {listed} in line {line}, and remove this key"
    if isinstance(dereference(own), Sequence) and isinstance(dereference(first), Sequence):
        return f"move the items below it to the end of {there}, and remove this key"
    if isinstance(dereference(own), Mapping) and isinstance(dereference(first), Mapping):
        return f"move the keys below it into {there}, and remove this key"
    return "keep the one that is meant, and remove the other"


def _groups_remedy(own: Node, first: Node, first_name: str, line: int | None) -> str:
    listed = merged_list(group_names(first), group_names(own))
    if not listed:
        return f"put the groups of both into {quoted(first_name)} in line {line}, and remove this key"
    return f"write {first_name}: {listed} in line {line}, and remove this key"


def group_names(node: Node) -> list[str] | None:
    """The groups that are written, as a list or a text; None where one is no text."""
    node = dereference(node)
    if isinstance(node, Scalar):
        return [each.strip() for each in node.text.split(",") if each.strip()]
    items = [dereference(each) for each in node.items] if isinstance(node, Sequence) else None
    if items is None or not all(isinstance(each, Scalar) for each in items):
        return None
    return [each.text for each in items if isinstance(each, Scalar)]


def merged_list(*lists: list[str] | None) -> str:
    """The items of all lists, each once, as YAML on one line; empty where it would be long, or a list is not known."""
    names: dict[str, None] = {}
    for each in lists:
        if each is None:
            return ""
        names.update(dict.fromkeys(each))
    if len(names) > _FEW or any(shortened(name) != name for name in names):
        return ""
    return flow_text(list(names), Layout())


def _are_same(document: Document, one: Node, other: Node) -> bool:
    """Written alike; two ARNs that differ in case only are the same to the daemon."""
    one, other = dereference(one), dereference(other)
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        return one.text == other.text or (fold(one.text) == fold(other.text) and one.text.lower().startswith("arn:"))
    text = document.text
    return text[one.start : one.end].split() == text[other.start : other.end].split()
