"""Ranges of addresses that Go takes and does not take."""

from __future__ import annotations

import pytest

from tarmak_iam.config.tarmak_types import is_cidr
from tests.support.tables import cases


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0/0", "10.1.2.3/32", "10.0.0.0/00000032", "::/0", "2001:db8::1/128", "1::/00128", "::ffff:10.0.0.1/96"],
)
def test_a_cidr(text: str) -> None:
    assert is_cidr(text)


@cases("config/cases/cidrs")
def test_no_cidr(text: str) -> None:
    assert not is_cidr(text)
