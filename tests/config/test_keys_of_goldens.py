"""Any key of every recorded file: what is read, and that an edit changes it and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tarmak_iam import ConfigError, SelectionError, TarmakConfig, TarmakIamError
from tarmak_iam.config.key_paths import IndexStep, KeyPath, KeyStep, PathStep
from tarmak_iam.config.path_lookup import look_up
from tarmak_iam.config.tarmak_output import differences
from tarmak_iam.config.tarmak_types import Field, root_field
from tarmak_iam.routes import Route
from tests.support import GOLDEN, golden_json, strictly
from tests.support.thorough import MANY, profile

READABLE = sorted(name for name, expected in golden_json("tarmak", "expected.json").items() if expected["read_ok"])

Path = tuple[str | int, ...]

_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12),
    "bool": st.booleans(),
    "float64": st.floats(allow_nan=False, allow_infinity=False),
    "timestamp": st.datetimes().map(lambda time: f"{time.isoformat(timespec='seconds')}Z"),
    "quantity": st.integers(1, 999).map(lambda number: f"{number}Gi"),
}


def load(name: str) -> TarmakConfig:
    return TarmakConfig.parse((GOLDEN / "tarmak" / f"{name}.yaml").read_bytes())


def nodes(data: Any, field: Field | None, path: Path = ()) -> Iterator[tuple[Path, Any, Field | None]]:
    """Every value with a path that a person could write, and its field if Tarmak knows it."""
    if path and data is not None:
        yield path, data, field
    if isinstance(data, dict):
        for key, value in data.items():
            if isinstance(key, str):
                fields = field.fields if field is not None and field.kind == "struct" else {}
                yield from nodes(value, fields.get(key) or (None if field is None else field.of), (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from nodes(value, None if field is None else field.of, (*path, index))


def path_text(path: Path) -> str:
    steps: list[PathStep] = [KeyStep(step) if isinstance(step, str) else IndexStep(step) for step in path]
    return str(KeyPath("", tuple(steps), is_absolute=True))


def value_of(field: Field) -> st.SearchStrategy[Any]:
    return _VALUES.get(field.kind, st.integers(0, 200))


@pytest.mark.sample(15)
@pytest.mark.parametrize("name", READABLE)
def test_what_is_read_is_the_data_and_setting_it_changes_only_what_others_read_differently(name: str) -> None:
    """The files have most keys in common: of each of them every sixth one, which is another one in the next file."""
    config, share = load(name), 1 if profile() == MANY else 6
    for path, value, _ in islice(nodes(config.document.data, root_field()), READABLE.index(name) % share, None, share):
        text = path_text(path)
        assert strictly(config.get(text)) == strictly(value)
        try:
            after = config.edit().set(text, value).apply()
        except ConfigError:
            assert is_refused(config, path, text)
        except SelectionError:
            assert config.document.is_json  # and the key is in it twice
            assert config.ignored_content.duplicates
        else:
            assert (after is config) is not bool(config.document.other_readings(path))
            assert after.get(text) == value


def is_refused(config: TarmakConfig, path: Path, text: str) -> bool:
    """Whether the key is one of a hub, or one that Tarmak ignores, or an interval that is refused although it is there:
    Tarmak does not look at it, because the logs are off."""
    if path[-1] == "interval":
        return config.get(text) not in (5, 60)
    key = look_up(config.document, Route(), KeyPath.parse(text))
    return key.is_unknown or (path[2:3] == ("kubernetes",) and config.clusters[int(path[1])].is_hub)


@given(st.data())
def test_a_value_of_the_right_type_changes_only_that_key(data: st.DataObject) -> None:
    config = load(data.draw(st.sampled_from(READABLE)))
    leaves = [
        (path, field)
        for path, value, field in nodes(config.document.data, root_field())
        if field is not None and not isinstance(value, (dict, list)) and field.kind not in ("list", "map", "struct")
    ]
    path, field = data.draw(st.sampled_from(leaves))
    value = data.draw(value_of(field))
    try:
        after = config.edit().set(path_text(path), value).apply()
    except TarmakIamError:
        return
    changed = list(differences(config.data, after.data))
    assert changed in ([], [path])
    assert after.edit().set(path_text(path), value).apply() is after


@given(st.data())
def test_a_new_key_that_is_unset_again_leaves_no_trace(data: st.DataObject) -> None:
    config = load(data.draw(st.sampled_from(READABLE)))
    mappings = [
        (path, value, field)
        for path, value, field in nodes(config.document.data, root_field())
        if field is not None and field.kind == "struct" and value and config.document.has(path)
    ]
    path, mapping, field = data.draw(st.sampled_from(mappings))
    missing = {key: each for key, each in field.fields.items() if key not in mapping}
    scalars = [key for key, each in missing.items() if each.kind not in ("list", "map", "struct")]
    assume(scalars)
    key = data.draw(st.sampled_from(scalars))
    text = path_text((*path, key))
    try:
        after = config.edit().set(text, data.draw(value_of(missing[key]))).apply()
    except TarmakIamError:
        return
    assert list(differences(config.data, after.data)) in ([], [(*path, key)])
    assert after.edit().unset(text).apply().document.to_bytes() == config.document.to_bytes()
