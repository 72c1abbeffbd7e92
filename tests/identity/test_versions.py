"""Releases in words."""

from __future__ import annotations

import pytest

from tarmak_iam.identity.versions import spans_text


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("flag server --bind (-b)", "v0.4.0"),
        ("sso: field in RoleMapping", "v0.6.0 to v0.6.1, v0.6.30 to v0.6.31, v0.7.1 and later"),
        ("STS host list per partition", "v0.5.2 to v0.5.27, v0.6.0 to v0.6.31, v0.7.1 to v0.7.4"),
    ],
)
def test_spans(item: str, text: str) -> None:
    assert spans_text(item) == text
