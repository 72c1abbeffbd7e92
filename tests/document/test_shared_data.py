"""Values that are read without a copy, and as the dialects read them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.document import Document
from tarmak_iam.document.scalars import YAML_V2, YAML_V2_LATER, YAML_V3, Dialect
from tarmak_iam.errors import ParseError

DIALECTS = {"v2": YAML_V2, "later v2": YAML_V2_LATER, "v3": YAML_V3}

SAME = [
    "roleARN: arn:aws:iam::111122223333:role/A\nusername: 'yes'\ngroups: [system:masters, \"on\"]\n",
    "a: 12\nb: -0x1F\nc: true\nd: null\ne:\nf: ~\ng: 1.5\nh: 0o17\n",
    "a: |\n  yes\nb: >-\n  2019-06-01\nc: !!str on\n",
    "a: &x [1, b]\nb: *x\n",
    "- .hidden\n- -dash\n- '<'\n",
    "",
]
"""Texts that all dialects read the same."""

DIFFERENT = ["a: yes\n", "y: a\n", "a: 1e3\n", "a: [1.]\n", "a: 2019-06-01\n", "a: !!timestamp 2019-06-01\n"]


@pytest.mark.parametrize("text", SAME)
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_dialects_that_read_the_same(text: str, dialect: Dialect) -> None:
    document = Document.parse(text)
    assert _typed(document.shared_data_as(dialect)) == _typed(document.shared_data)
    assert document.read_as(dialect) == document.shared_data


@pytest.mark.parametrize("text", DIFFERENT)
def test_a_dialect_that_reads_another_value_has_its_own(text: str) -> None:
    document = Document.parse(text)
    own = document.shared_data_as(YAML_V3)
    assert own is not document.shared_data
    assert _typed(own) == _typed(document.read_as(YAML_V3)) != _typed(document.data)


def test_own_keys_win_over_a_merge_in_some_dialects_only() -> None:
    document = Document.parse("a: &a {k: 1}\nb: {k: 2, <<: *a}\n")
    assert document.shared_data["b"] == {"k": 1}
    assert document.shared_data_as(YAML_V3)["b"] == {"k": 2}


def test_a_scalar_that_does_not_fit_its_tag_in_one_dialect() -> None:
    document = Document.parse("a: 1\nb: !!bool yes\n")
    assert document.shared_data == {"a": 1, "b": True}
    with pytest.raises(ParseError, match="cannot decode `yes` as a !!bool"):
        document.shared_data_as(YAML_V3)


_PIECES = ["a", "yes", "y", "on", "~", "1e3", "1.", ".5", "0x1F", "012", "2019-06-01", "<<", "''", "'no'", "!!str 1"]
_PIECES += ["!!float 1", "!!timestamp 2020-1-2", ".inf", "+.INF", "1_0", "190:20", "=", "&a x"]


@given(st.lists(st.tuples(st.sampled_from(_PIECES), st.sampled_from(_PIECES)), max_size=4))
def test_the_shared_values_are_those_of_the_dialect(pairs: list[tuple[str, str]]) -> None:
    text = "".join(f"- {{k{number}: {key}, {value}: [{value}]}}\n" for number, (key, value) in enumerate(pairs))
    try:
        document = Document.parse(text)
    except ParseError:
        return
    for dialect in DIALECTS.values():
        assert _outcome(partial(document.shared_data_as, dialect)) == _outcome(partial(document.read_as, dialect))


def _outcome(read: Callable[[], Any]) -> object:
    try:
        return _typed(read())
    except ParseError as error:
        return str(error)


def _typed(value: object) -> object:
    """With the type of each value, because in Python `1 == True` and a GoTime is equal to its text."""
    if isinstance(value, dict):
        return [(_typed(key), _typed(each)) for key, each in value.items()]
    return [*map(_typed, value)] if isinstance(value, list) else (type(value).__name__, repr(value))


def test_the_copy_of_a_caller_is_its_own() -> None:
    document = Document.parse("a: [1]\n")
    document.data["a"].append(2)
    assert document.shared_data == {"a": [1]}
