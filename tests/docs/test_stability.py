"""The page of promised names is what the program has: a change of one is a change of the page."""

from __future__ import annotations

import re

import tarmak_iam
from tests.docs.stability import PAGE, with_signatures


def test_the_promised_names_are_there_with_their_signatures() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_signatures(page), (
        "a promised name has changed: if that is meant, run `python -m tests.docs.stability`"
    )
    python = page[page.index("## Python") : page.index("## Imports")]
    names = [name for name in tarmak_iam.__all__ if not name.startswith("__")]
    assert re.findall(r"^### (\w+)$", python, re.MULTILINE) == names
