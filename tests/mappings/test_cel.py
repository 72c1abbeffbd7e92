"""CEL of ours: no text gets out of its string, and what the expressions evaluate to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tarmak_iam.mappings.cel import CelError, evaluated, quoted_cel
from tests.support.thorough import examples

CLAIMS = {"claims": {"sub": "arn:aws:iam::111122223333:role/team/Dev", "n": {"a": "b"}}}


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("", "''"),
        ("it's", r"'it\'s'"),
        ("' + claims.sub + '", r"'\' + claims.sub + \''"),
        ("\\", r"'\\'"),
        ("\\' : 'admin", r"'\\\' : \'admin'"),
        ("a\nb\r\t\0", r"'a\nb\r\t\u0000'"),
        ("é\u202e\u2028\U0001f600\U000e0001", "'é\\u202e\\u2028\U0001f600\\U000e0001'"),
        ('"${x}`', "'\"${x}`'"),
    ],
)
def test_a_literal_is_one_string(text: str, literal: str) -> None:
    assert quoted_cel(text) == literal
    assert evaluated(literal, {}) == text


@settings(max_examples=examples(200))
@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.sampled_from("'\\\"un0:,]}\n ")))
def test_any_text_comes_back_whatever_is_around_it(first: str, second: str) -> None:
    written = f"{{{quoted_cel(first)}: [{quoted_cel(second)}, {quoted_cel(first)}]}}[?{quoted_cel(first)}].orValue([])"
    assert evaluated(written, {}) == [second, first]
    assert all(character.isprintable() for character in quoted_cel(first))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("claims.sub.lowerAscii()", "arn:aws:iam::111122223333:role/team/dev"),
        ("claims.sub.lowerAscii().substring(claims.sub.lastIndexOf('/') + 1)", "dev"),
        ("claims.n.a.startsWith('b') ? 'yes' : 'no'", "yes"),
        ("claims.n.a.startsWith('c') ? 'yes' : claims.n.a.startsWith('d') ? 'no' : (['x'])", ["x"]),
        ("{'a': ['x'],\n 'b': []}[?'b'].orValue(['z'])", []),
        ("{'a': 'x'}[?'b'].orValue('z')", "z"),
        ("'KÉ'.lowerAscii()", "kÉ"),
    ],
)
def test_what_expressions_evaluate_to(expression: str, value: Any) -> None:
    assert evaluated(expression, CLAIMS) == value


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "claims.email",
        "claims.sub == 'x'",
        "claims.sub.matches('x')",
        "user.username",
        "'a' 'b'",
        "'a",
        r"'\q'",
        r"'\x41'",
        "1 + 'a'",
        "'a' ? 'b' : 'c'",
        "{'a': 'b'}['a']",
        "(" * 5000,
        "('a', 'b')",
    ],
)
def test_any_other_cel_is_refused(expression: str) -> None:
    with pytest.raises(CelError):
        evaluated(expression, CLAIMS)
