"""What texts stand for where Tarmak wants a field of a type, and what is said about those that it could not read."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.config.section_keys import checked_value, text_value
from tarmak_iam.config.tarmak_types import CLUSTER_FIELD, Field
from tarmak_iam.errors import ConfigError
from tests.support import strictly
from tests.support.tables import cases

CIDRS = "kubernetes.apiServer.allowCIDRs"


def field(path: str) -> Field:
    found = CLUSTER_FIELD.below(*path.split("."))
    assert found is not None
    return found


def typed(path: str, text: str) -> Any:
    return checked_value(text_value(text, field(path), path), field(path), path)


@cases("config/cases/typed_values")
def test_a_text_is_typed_by_its_field(path: str, text: str, value: Any) -> None:
    assert strictly(typed(path, text)) == strictly(value)


@pytest.mark.parametrize(("text", "value"), [("16Gi", "16Gi"), ("16", 16), ("1.5", 1.5)])
def test_a_quantity(text: str, value: Any) -> None:
    quantity = Field("quantity")
    assert strictly(checked_value(text_value(text, quantity, "size"), quantity, "size")) == strictly(value)


def test_an_octal_quantity() -> None:
    with pytest.raises(ConfigError, match=r"^size must not be 010; write 8, or remove the leading zero"):
        text_value("010", Field("quantity"), "size")


def test_bytes() -> None:
    key = Field("list", of=Field("uint8"))
    assert checked_value(text_value("c3NoLXJzYQ==", key, "key"), key, "key") == "c3NoLXJzYQ=="
    assert checked_value(text_value("[115, 115]", key, "key"), key, "key") == [115, 115]
    with pytest.raises(ConfigError, match=r"^key must be a base64 string"):
        checked_value("no base64!", key, "key")


@pytest.mark.parametrize("text", ["[1, {a: yes}]", "plain text", "1.12", "a: b: c"])
def test_a_key_that_tarmak_does_not_know_has_a_value_in_yaml(text: str) -> None:
    expected = {"[1, {a: yes}]": [1, {"a": True}], "1.12": 1.12}.get(text, text)
    assert strictly(checked_value(text_value(text, None, "x"), None, "x")) == strictly(expected)


@cases("config/cases/typed_values")
def test_what_tarmak_could_not_read(path: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        typed(path, text)
    blank = "" if message.startswith((".", "[")) else " "
    assert str(refused.value) == f"{path}{blank}{message}"


def test_text_that_is_not_yaml() -> None:
    with pytest.raises(ConfigError) as refused:
        typed(CIDRS, "[a")
    what = "the value of kubernetes.apiServer.allowCIDRs is not a list or mapping in YAML"
    assert str(refused.value) == f"{what}; write it as in [a, b] or {{key: value}}"


def test_a_value_of_python_that_yaml_does_not_have() -> None:
    with pytest.raises(ConfigError, match=r"^kubernetes\.version: .*set"):
        checked_value({1, 2}, field("kubernetes.version"), "kubernetes.version")
