"""What texts stand for where Tarmak wants a field of a type, and what is said about those that it could not read."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.config.section_keys import checked_value, text_value
from tarmak_iam.config.tarmak_types import CLUSTER_FIELD, Field
from tarmak_iam.errors import ConfigError
from tests.support import strictly

PUBLIC = "kubernetes.apiServer.public"
REPLICAS = "kubernetes.calico.typhaReplicas"
CIDRS = "kubernetes.apiServer.allowCIDRs"
GATES = "kubernetes.apiServer.featureGates"
THRESHOLD = "kubernetes.clusterAutoscaler.scaleDownUtilizationThreshold"
REJECTS = "; Tarmak rejects the whole file"


def field(path: str) -> Field:
    found = CLUSTER_FIELD.below(*path.split("."))
    assert found is not None
    return found


def typed(path: str, text: str) -> Any:
    return checked_value(text_value(text, field(path), path), field(path), path)


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("kubernetes.version", "1.12", "1.12"),
        ("kubernetes.version", "true", "true"),
        ("kubernetes.version", "", ""),
        (PUBLIC, "yes", True),
        (PUBLIC, "off", False),
        (REPLICAS, "5.0", 5),
        (REPLICAS, "0x10", 16),
        (THRESHOLD, "0.5", 0.5),
        (CIDRS, "[10.0.0.0/8, 192.0.2.0/24]", ["10.0.0.0/8", "192.0.2.0/24"]),
        (CIDRS, '["10.0.0.0/8"]', ["10.0.0.0/8"]),
        (CIDRS, "- 10.0.0.0/8", ["10.0.0.0/8"]),
        (CIDRS, "[]", []),
        (GATES, "{A: on, B: no}", {"A": True, "B": False}),
        ("kubernetes.calico", "{typhaReplicas: 3.0, backend: etcd}", {"typhaReplicas": 3, "backend": "etcd"}),
        ("instancePools", "[{maxCount: 2.0}]", [{"maxCount": 2}]),
        ("metadata.creationTimestamp", "2019-05-21T09:14:02Z", "2019-05-21T09:14:02Z"),
    ],
)
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


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        (
            PUBLIC,
            "maybe",
            f'must be a boolean, not the string "maybe"{REJECTS}; write true or false',
        ),
        (PUBLIC, "1", f"must be a boolean, not the number 1{REJECTS}; write true or false"),
        (
            PUBLIC,
            '"true"',
            f'must be a boolean, not the string "true"{REJECTS}; write true or false without quotes',
        ),
        (
            REPLICAS,
            "x",
            f'must be a whole number, not the string "x"{REJECTS}; write a number',
        ),
        (
            REPLICAS,
            "1.5",
            f"must be a whole number, not the number 1.5{REJECTS}; write a number",
        ),
        (
            REPLICAS,
            "010",
            "must not be 010; write 8, or remove the leading zero: YAML reads 010 as an octal number",
        ),
        (
            REPLICAS,
            "~",
            "requires a value; to remove it, unset kubernetes.calico.typhaReplicas",
        ),
        (
            CIDRS,
            "10.0.0.0/8",
            f'must be a list, not the string "10.0.0.0/8"{REJECTS}; write [10.0.0.0/8], or append it',
        ),
        (
            CIDRS,
            "[10.0.0.0/8, 1]",
            f'[1] must be a string, not the number 1{REJECTS}; put it in quotes: "1"',
        ),
        (
            "kubernetes",
            "{version: 1.12}",
            f'.version must be a string, not the number 1.12{REJECTS}; put it in quotes: "1.12"',
        ),
        (
            "kubernetes",
            "x",
            f'must be a YAML mapping, not the string "x"{REJECTS}; write a mapping, as in {{key: value}}',
        ),
        (
            GATES,
            "{A: 'true'}",
            f'.A must be a boolean, not the string "true"{REJECTS}; write true or false without quotes',
        ),
        (
            "metadata.creationTimestamp",
            "x",
            f'must be a time such as 2019-05-21T09:14:02Z, not the string "x"{REJECTS}',
        ),
        (
            THRESHOLD,
            ".nan",
            "is nan, which JSON does not have; write a number",
        ),
    ],
)
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
