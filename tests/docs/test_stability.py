"""The page of promised names is what the program has: a change of one is a change of the page."""

from __future__ import annotations

from tests.docs.stability import check_imports, page
from tests.support import ROOT


def test_the_promised_names_are_there_with_their_signatures() -> None:
    assert (ROOT / "docs" / "stability.md").read_text(encoding="utf-8") == page(), (
        "a promised name has changed: if that is meant, write `python -m tests.docs.stability > docs/stability.md`"
    )


def test_the_imports_are_there() -> None:
    check_imports()
