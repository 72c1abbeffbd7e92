from __future__ import annotations

import math

import pytest

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping, Scalar
from tarmak_iam.document.scalars import GoTime, Plain, resolve_v3

V2: list[tuple[str, Plain]] = [
    ("yes", True),
    ("Yes", True),
    ("y", True),
    ("on", True),
    ("TRUE", True),
    ("tRue", "tRue"),
    ("n", False),
    ("off", False),
    ("~", None),
    ("Null", None),
    ("nULL", "nULL"),
    ("12", 12),
    ("+12", 12),
    ("-12", -12),
    ("0123", 83),
    ("08", 8.0),
    ("0o17", 15),
    ("0x1F", 31),
    ("-0x1f", -31),
    ("0b101", 5),
    ("1_000", 1000),
    ("18446744073709551615", 18446744073709551615),
    ("1.5", 1.5),
    ("1.10", 1.1),
    (".5", 0.5),
    ("1.5e+3", 1500.0),
    ("1e3", "1e3"),
    ("1.5e3", "1.5e3"),
    ("1.", "1."),
    ("60:30", "60:30"),
    ("2019-06-01", "2019-06-01"),
    ("2019-06-01T09:14:02Z", "2019-06-01T09:14:02Z"),
    ("=", "="),
    (".inf", math.inf),
    ("-.INF", -math.inf),
    ("1.12.9", "1.12.9"),
    ('"yes"', "yes"),
    ("'12'", "12"),
    ("!!str true", "true"),
    ('!!bool "true"', True),
    ('!!int "5"', 5),
    ("!!float 5", 5.0),
    ("!!binary aGk=", "hi"),
    ("!custom 5", "5"),
]


@pytest.mark.parametrize(("text", "value"), V2)
def test_scalars_as_yaml_v2_reads_them(text: str, value: Plain) -> None:
    found = Document.parse(f"key: {text}\n").data["key"]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("1e3", 1000.0),
        ("0123", 83),
        ("1.", 1.0),
        (".5_0", 0.5),
        ("~", None),
        ("2019-06-01", GoTime("2019-06-01 00:00:00 +0000 UTC")),
        ("2019-6-1T9:14:02.50+02:00", GoTime("2019-06-01 09:14:02.5 +0200 +0200")),
        ("2019-06-01 09:14:02", GoTime("2019-06-01 09:14:02 +0000 UTC")),
        ("2019-02-30", "2019-02-30"),
        ("2019-06-01T09:14:02", "2019-06-01T09:14:02"),
    ],
)
def test_scalars_as_yaml_v3_reads_them(text: str, value: Plain) -> None:
    root = Document.parse(f"key: {text}\n").root
    assert isinstance(root, Mapping)
    scalar = root.entries[0].value
    assert isinstance(scalar, Scalar)
    found = resolve_v3(scalar)
    assert (type(found), found) == (type(value), value)


def test_not_a_number_is_read() -> None:
    assert math.isnan(Document.parse("key: .nan\n").data["key"])


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("on", {"yaml.v3": "on", "YAML 1.2": "on"}),
        ("&x No", {"yaml.v3": "No", "YAML 1.2": "No"}),
        ("010", {"YAML 1.2": 10}),
        ("0x1F", {}),
        ("y", {"yaml.v3": "y", "YAML 1.2": "y"}),
        ("12:30", {}),
        ("0x1_F", {"YAML 1.2": "0x1_F"}),
        ("0b1", {"YAML 1.2": "0b1"}),
        ("1_000", {"YAML 1.2": "1_000"}),
        ("08", {"YAML 1.2": 8}),
        ("1e3", {"yaml.v2 from 2.2.3": 1000.0, "yaml.v3": 1000.0, "YAML 1.2": 1000.0}),
        ("2019-06-01", {"yaml.v3": "2019-06-01 00:00:00 +0000 UTC"}),
        ("2019-6-1", {"yaml.v3": "2019-06-01 00:00:00 +0000 UTC"}),
        ("!!bool on", {"yaml.v3": "on", "YAML 1.2": "on"}),
        ("!t on", {}),
        ("'on'", {}),
        ("-.inf", {}),
        (".nan", {}),
        ("~", {}),
        ("", {}),
        ("[on]", {}),
    ],
)
def test_what_other_readers_read(text: str, others: dict[str, Plain]) -> None:
    found = Document.parse(f"key: {text}\n").other_readings(("key",))
    assert list(map(repr, found.items())) == list(map(repr, others.items()))


def test_other_readings_of_an_alias_of_json_and_of_nothing() -> None:
    document = Document.parse("a: &x on\nb: *x\n")
    assert document.other_readings(("b",)) == {"yaml.v3": "on", "YAML 1.2": "on"}
    assert document.other_readings(("c",)) == {}
    assert Document.parse('{"a": 1e3}').other_readings(("a",)) == {}
