"""What people wrote, on one line of a terminal."""

from __future__ import annotations

import pytest

from tarmak_iam.text import one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain  text", "plain  text"),
        ("two\n  lines\r\nand\u2028more", "two lines and more"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\u200bb\u00a0c\ufeff", "a\\u200bb\\xa0c\\ufeff"),
        ("güé", "güé"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line
