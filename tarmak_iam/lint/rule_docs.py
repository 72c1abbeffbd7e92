"""The texts of the rule pages in docs/rules, which are part of the package. `make pages` regenerates them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

PAGES = Path(__file__).with_name("pages.json")


def page_of(rule_id: str) -> str:
    """The page of a built-in rule as Markdown, without title and severity; empty for other rules."""
    return _pages().get(rule_id, "")


@cache
def _pages() -> dict[str, str]:
    pages: dict[str, str] = json.loads(PAGES.read_text(encoding="utf-8"))
    return pages
