"""Plain values as YAML text: lines of a block, or flow on one line."""

from __future__ import annotations

import re
from typing import Any

from tarmak_iam.document.layout import Layout
from tarmak_iam.document.quoting import json_scalar, json_string, scalar_text
from tarmak_iam.text import acts_on_a_log

__all__ = ["block_lines", "entry_lines", "flow_text", "indent", "json_lines", "json_text", "value_lines"]

_SHORT = 80
_NO_LITERAL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]|[ ](?:\n|\Z)")


def indent(lines: list[str], width: int) -> list[str]:
    """The lines moved right; empty ones (of a literal scalar) stay empty."""
    return [" " * width + line if line else line for line in lines]


def block_lines(value: dict[Any, Any] | list[Any], layout: Layout) -> list[str]:
    """A collection that is not empty, as lines from column 0. Raises TypeError for values YAML does not have."""
    lines: list[str] = []
    if isinstance(value, dict):
        for key, child in value.items():
            lines += entry_lines(key, child, layout)
    else:
        for child in value:
            lines += _item_lines(child, layout)
    return lines


def entry_lines(key: Any, value: Any, layout: Layout) -> list[str]:
    """`key: value`, the value on the lines below where it is a collection or a literal scalar."""
    first, below = value_lines(value, layout)
    return [f"{scalar_text(key, preferred=layout.quote)}:{first and ' ' + first}", *below]


def value_lines(value: Any, layout: Layout) -> tuple[str, list[str]]:
    """What stands behind a key's colon, and the lines below it, indented from the key's column."""
    if isinstance(value, dict) and value:
        return "", indent(block_lines(value, layout), layout.step)
    if isinstance(value, list) and value:
        flow = _short_flow(value, layout) if layout.flow else None
        return (flow, []) if flow else ("", indent(block_lines(value, layout), layout.dash))
    if literal := _literal(value, layout):
        return literal[0], indent(literal[1:], layout.step or 2)
    return inline_text(value, layout), []


def _short_flow(items: list[Any], layout: Layout) -> str | None:
    """Scalars on one line, unless that becomes long."""
    if any(isinstance(item, (dict, list)) for item in items):
        return None
    text = flow_text(items, layout)
    return text if len(text) <= _SHORT else None


def _item_lines(value: Any, layout: Layout) -> list[str]:
    dash = "-".ljust(layout.item)
    if isinstance(value, (dict, list)) and value:
        first, *rest = block_lines(value, layout)
        return [dash + first, *indent(rest, layout.item)]
    if literal := _literal(value, layout):
        return [dash + literal[0], *indent(literal[1:], layout.item)]
    return [dash + inline_text(value, layout)]


def _literal(value: Any, layout: Layout) -> list[str] | None:
    """The lines of a text that has several and may be a literal block here."""
    return literal_lines(value) if layout.literal and isinstance(value, str) and "\n" in value else None


def literal_lines(text: str) -> list[str] | None:
    """A `|` scalar: header and lines, or None where the text needs escapes or would not come back."""
    if _NO_LITERAL.search(text) or text[0] in " \n" or acts_on_a_log(text):
        return None
    body = text.rstrip("\n")
    trailing = len(text) - len(body)
    header = {0: "|-", 1: "|"}.get(trailing, "|+")
    return [header, *body.split("\n"), *[""] * max(trailing - 1, 0)]


def inline_text(value: Any, layout: Layout) -> str:
    """A scalar or an empty collection."""
    if isinstance(value, dict) and not value:
        return "{}"
    if isinstance(value, list) and not value:
        return "[]"
    return scalar_text(value, preferred=layout.quote)


def flow_text(value: Any, layout: Layout) -> str:
    """Any value in flow style, on one line."""
    if isinstance(value, dict):
        members = (f"{flow_text(key, layout)}: {flow_text(child, layout)}" for key, child in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow_text(item, layout) for item in value) + "]"
    return scalar_text(value, flow=True, preferred=layout.quote)


def json_text(value: Any) -> str:
    """Any value as strict JSON on one line. Raises TypeError for what JSON does not have."""
    if isinstance(value, dict):
        members = (f"{json_string(_json_key(key))}: {json_text(child)}" for key, child in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_text, value)) + "]"
    return json_scalar(value)


def json_lines(value: Any, step: str) -> list[str]:
    """The same on many lines: every member on lines of its own, one step further in. Raises TypeError."""
    if not value or not isinstance(value, (dict, list)):
        return [json_text(value)]
    pairs = value.items() if isinstance(value, dict) else (("", item) for item in value)
    members = []
    for key, child in pairs:
        first, *rest = json_lines(child, step)
        name = f"{json_string(_json_key(key))}: " if isinstance(value, dict) else ""
        members.append([name + first, *rest])
    for member in members[:-1]:
        member[-1] += ","
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return [opening, *(step + line for member in members for line in member), closing]


def _json_key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{key!r} cannot be a key of JSON")
    return key
