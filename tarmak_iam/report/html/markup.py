"""HTML that cannot be forgotten to be escaped: text becomes markup in one place, and only there."""

from __future__ import annotations

import html
from collections.abc import Iterable

from tarmak_iam.text import one_line

__all__ = ["Child", "Markup", "el", "joined", "text", "verbatim"]

_VOID = frozenset({"br", "input", "meta", "wbr"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | None | Iterable["Child"]
"""What stands in an element: markup, text that is escaped, nothing, or several of them."""


def text(value: str) -> Markup:
    """Somebody's text, on one line. What is not printable, or would turn the direction of what follows, is shown as an
    escape."""
    return Markup(html.escape(one_line(value)))


def el(name: str, /, *children: Child, **attributes: str | bool | None) -> Markup:
    """An element. `class_` is the attribute class, `aria_label` is aria-label; False and None leave one out."""
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{name}{given}>") if name in _VOID else Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Markup:
    return Markup("".join(_flat(children)))


def verbatim(name: str, content: str) -> Markup:
    """A style or script element, whose content is ours."""
    assert f"</{name}" not in content
    return Markup(f"<{name}>{content}</{name}>")


def _flat(child: Child) -> Iterable[str]:
    if isinstance(child, Markup):
        yield child
    elif isinstance(child, str):
        yield text(child)
    elif child is not None:
        for each in child:
            yield from _flat(each)


def _attribute(key: str, value: str | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{value if isinstance(value, Markup) else text(value)}"'
