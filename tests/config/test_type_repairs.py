"""Values in the wrong type: what is written instead, and what is left alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.ignored_content import TypedScalar
from tarmak_iam.config.type_repairs import with_types_repaired
from tarmak_iam.errors import ConfigError
from tests.support import GOLDEN
from tests.support.tables import cases

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n- environment: dev\n"


def repaired(rest: str) -> str | None:
    """The lines after the head."""
    found = with_types_repaired((HEAD + rest).encode(), "tarmak.yaml")
    if found is None:
        return None
    assert found.after.text.startswith(HEAD)
    return found.after.text.removeprefix(HEAD)


@cases("config/cases/type_repairs")
def test_what_is_written(before: str, after: str) -> None:
    assert repaired(before) == after
    assert repaired(after) is None


@cases("config/cases/type_repairs")
def test_what_is_left_alone(text: str) -> None:
    assert repaired(text) is None


def test_what_is_said_about_it() -> None:
    found = with_types_repaired(f"{HEAD}  location: on\n  kubernetes: {{version: 1.12}}\n".encode(), "tarmak.yaml")
    assert found is not None
    assert [f"{each.place}: {each.title}" for each in found.repairs] == [
        'tarmak.yaml:5:13: write "on": Tarmak requires a string here',
        'tarmak.yaml:6:25: write "1.12": Tarmak requires a string here',
    ]


@cases("config/cases/type_repairs")
def test_a_repair_that_disables_iam_login_is_unsafe(text: str, is_safe: bool) -> None:
    found = with_types_repaired((HEAD + text).encode(), "tarmak.yaml")
    assert found is not None
    assert found.is_safe is is_safe


def test_the_value_of_an_anchor_stays() -> None:
    """It may be right for another use: an alias is replaced, and a merged key is left alone."""
    text = f"x-a: &a 1.12\nx-b: &b {{version: 1.12}}\n{HEAD}"
    alias = with_types_repaired(f"{text}  kubernetes: {{version: *a}}\n".encode(), "tarmak.yaml")
    assert alias is not None
    assert alias.after.text == f'{text}  kubernetes: {{version: "1.12"}}\n'
    assert with_types_repaired(f"{text}  kubernetes: {{<<: *b}}\n".encode(), "tarmak.yaml") is None


def test_strict_json() -> None:
    data = {"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "clusters": [{"location": 1}]}
    found = with_types_repaired(json.dumps(data).encode(), "tarmak.yaml")
    assert found is not None
    assert found.after.data["clusters"] == [{"location": "1"}]


NAMES = sorted(path.name for path in (GOLDEN / "tarmak").glob("*.yaml"))


@pytest.mark.sample(40)
@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_file_that_is_accepted_stays(name: str) -> None:
    data = (GOLDEN / "tarmak" / name).read_bytes()
    found = with_types_repaired(data, name)
    try:
        TarmakConfig.parse(data, name)
    except ValueError:
        assert found is None or TarmakConfig.parse(found.after.to_bytes(), name).clusters
    else:
        assert found is None


FULL = TarmakConfig.parse((GOLDEN / "tarmak" / "api-all.yaml").read_bytes())
SCALARS = [each for each in FULL.ignored_content.scalars if each.value is not None]


@given(st.lists(st.sampled_from(SCALARS), min_size=1, max_size=5, unique_by=lambda each: each.route))
def test_damaged_types_are_restored(scalars: list[TypedScalar]) -> None:
    """Booleans and numbers as strings, and strings that another type has the text of."""
    document, wanted = FULL.document, FULL.document
    for each in scalars:
        kind, value = each.field.kind, each.value
        route = each.route
        if kind == "bool" or each.field.is_number:
            document = document.set(route, str(value).lower())
        elif kind == "string":
            document, wanted = document.set(route, 1), wanted.set(route, "1")
    found = with_types_repaired(document.to_bytes(), "tarmak.yaml")
    if document is FULL.document or document.text == FULL.document.text:
        assert found is None
        return
    with pytest.raises(ConfigError):
        TarmakConfig.parse(document.to_bytes())
    if found is not None:  # apiVersion is one of them
        assert TarmakConfig.parse(found.after.to_bytes()).data == TarmakConfig.parse(wanted.to_bytes()).data
