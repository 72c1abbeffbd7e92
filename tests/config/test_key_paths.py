"""Paths as people write them: what they are split into, and what is said about those that are no paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.config.key_paths import EachStep, IndexStep, KeyPath, KeyStep, NameStep, PathStep
from tarmak_iam.errors import SelectionError
from tests.support.tables import cases


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("kubernetes.version", [KeyStep("kubernetes"), KeyStep("version")]),
        ("instancePools[worker].maxCount", [KeyStep("instancePools"), NameStep("worker"), KeyStep("maxCount")]),
        ("a[0][-1]", [KeyStep("a"), IndexStep(0), IndexStep(-1)]),
        ('a["0"]', [KeyStep("a"), NameStep("0")]),
        ("a[10.0.0.0/8]", [KeyStep("a"), NameStep("10.0.0.0/8")]),
        ("a[type=worker]", [KeyStep("a"), NameStep("worker", ("type",))]),
        ("a[metadata.name='x]y']", [KeyStep("a"), NameStep("x]y", ("metadata", "name"))]),
        ('a["b.c"=d]', [KeyStep("a"), NameStep("d", ("b.c",))]),
        ("a[b=]", [KeyStep("a"), NameStep("", ("b",))]),
        ('a."b.c/d".e', [KeyStep("a"), KeyStep("b.c/d"), KeyStep("e")]),
        ("'it\"s'", [KeyStep('it"s')]),
        (r'"a\"b\\c"', [KeyStep('a"b\\c')]),
        ("a-b.c_d", [KeyStep("a-b"), KeyStep("c_d")]),
        (".", []),
        (".a.b", [KeyStep("a"), KeyStep("b")]),
        ("{$.a[0].b}", [KeyStep("a"), IndexStep(0), KeyStep("b")]),
        ('.["a"]["b"]', [KeyStep("a"), NameStep("b")]),
        (r"a.b\.c/d", [KeyStep("a"), KeyStep("b.c/d")]),
        ("a[*].b[]", [KeyStep("a"), EachStep(), KeyStep("b"), EachStep()]),
        ('a[?(@.b=="c")]', [KeyStep("a"), NameStep("c", ("b",))]),
    ],
)
def test_relative_paths(text: str, steps: list[PathStep]) -> None:
    path = KeyPath.parse(text)
    assert (list(path.steps), path.is_absolute, path.text) == (steps, False, text)


@cases("config/cases/key_paths")
def test_absolute_paths(text: str, root: bool, shown: str) -> None:
    path = KeyPath.parse(text, root=root)
    assert path.is_absolute
    assert str(path) == shown


@cases("config/cases/key_paths")
def test_a_text_that_is_no_path_is_one_line_with_its_column(text: str, message: str) -> None:
    with pytest.raises(SelectionError) as refused:
        KeyPath.parse(text)
    assert str(refused.value) == message


_NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=8
)
_STEPS = st.one_of(
    _NAMES.map(KeyStep),
    st.integers(-99, 99).map(IndexStep),
    _NAMES.map(NameStep),
    st.builds(NameStep, _NAMES, st.lists(_NAMES, min_size=1, max_size=1).map(tuple)),
)


@given(st.tuples(_NAMES.map(KeyStep), st.lists(_STEPS, max_size=4)), st.booleans())
def test_every_path_is_read_as_it_is_shown(parts: tuple[KeyStep, list[PathStep]], absolute: bool) -> None:
    first, rest = parts
    shown = str(KeyPath("", (first, *rest), absolute))
    again = KeyPath.parse(shown)
    assert str(again) == shown
    assert again.is_absolute == absolute
    assert list(map(repr, again.steps)) == list(map(repr, (first, *rest)))
