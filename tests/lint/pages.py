"""Writes what the program has of docs/rules anew: python -m tests.lint.pages"""

from __future__ import annotations

import json

from tarmak_iam.lint.rule import PAGES
from tests.support import ROOT

__all__ = ["pages_text"]


def pages_text() -> str:
    pages = {}
    for path in sorted((ROOT / "docs" / "rules").glob("IAM*.md")):
        _title, _, _severity, _, body = path.read_text(encoding="utf-8").split("\n", 4)
        pages[path.stem] = body.strip() + "\n"
    return json.dumps(pages, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGES.write_text(pages_text(), encoding="utf-8")
