"""The type of every field of tarmak.yaml, from Tarmak's own structs (tarmak-types.json), and the scalars that each type
accepts.

Tarmak converts YAML to JSON first (ghodss/yaml), so the JSON form of a scalar is what it reads: 5.0 is written as 5 and
is accepted for an int; a number or boolean is never accepted for a string, nor the other way round.
Sources: json-iterator's codecs, apimachinery's Time and Quantity, Go's time.Parse.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tarmak_iam.document.scalars import decode_base64

if TYPE_CHECKING:
    from fractions import Fraction

ITEM = "*"
"""The step of a type path to the items of a list or the values of a map."""

TypePath = tuple[str, ...]
"""The path of a field, in any item of a list: `("clusters", "*", "environment")`."""

Kind = Literal[
    "string", "bool", "int", "int32", "int64", "uint8", "float64", "timestamp", "quantity", "list", "map", "struct"
]


# The scalars that Tarmak has pointers to, to distinguish false and 0 from a missing value.
_POINTERS = (
    ("ClusterKubernetesAPIServerAmazonAccessLogs", "enabled"),
    ("ClusterKubernetesAPIServerAmazonAccessLogs", "interval"),
    ("ClusterKubernetesCalico", "typhaReplicas"),
    ("ClusterKubernetesClusterAutoscaler", "scaleDownUtilizationThreshold"),
    ("ClusterAmazon", "ebsEncrypted"),
    ("LoggingSinkElasticsearch", "tls"),
    ("OwnerReference", "controller"),
    ("OwnerReference", "blockOwnerDeletion"),
    ("ObjectMeta", "deletionGracePeriodSeconds"),
    ("ObjectMeta", "deletionTimestamp"),
    ("Volume", "size"),
)

INTERVALS = (5, 60)
"""The minutes between two files of access logs that Tarmak accepts: `interval` in the section `amazon`."""

NOT_WRITTEN = ("Initializers", "OwnerReference", "Status", "ListMeta")
"""Structs for data that Kubernetes itself keeps about an object: they are never written by hand."""


class Field(NamedTuple):
    """`of` is the type of the items of a list or the values of a map, `struct` the name of a struct."""

    kind: Kind
    of: Field | None = None
    struct: str = ""
    is_pointer: bool = False

    def keeps_value(self, *, is_item: bool) -> bool:
        """Whether null leaves the old value: this is the case for fields that are not pointers in Tarmak's structs."""
        if self.kind == "struct":
            return self.struct == "ObjectMeta" or (is_item and self.struct != "LoggingSink")
        return self.kind == "bool" and not self.is_pointer

    @property
    def fields(self) -> Fields:
        """The fields of a struct by their JSON keys; none for any other type."""
        return fields_of(self.struct) if self.kind == "struct" else {}

    def below(self, *steps: str | int) -> Field | None:
        """The type of what is at keys and items below; None for a key that Tarmak does not have."""
        field: Field | None = self
        for step in steps:
            if field is None or field.kind not in ("list", "map", "struct"):
                return None
            field = field.of if field.of is not None else fields_of(field.struct).get(str(step))
        return field

    @property
    def name(self) -> str:
        """The type in words, as in `a whole number`."""
        return _NAMES.get(self.kind, "a whole number")

    @property
    def is_scalar(self) -> bool:
        return self.kind not in ("list", "map", "struct")

    def accepts(self, value: Any, *, is_json: bool = False) -> bool:
        """Whether Tarmak reads a plain scalar, which is not null, in this field."""
        try:
            scalar_value(self.kind, value, is_json=is_json)
        except ScalarTypeError:
            return False
        return True

    @property
    def is_number(self) -> bool:
        return self.kind in ("int", "int32", "int64", "uint8", "float64")

    @property
    def holds_numbers(self) -> bool:
        """Whether it accepts a plain number: a quantity does too."""
        return self.is_number or self.kind == "quantity"

    @property
    def is_bytes(self) -> bool:
        """Whether it is Go's []byte: a base64 string in JSON."""
        return self.kind == "list" and self.of is not None and self.of.kind == "uint8"


Fields = Mapping[str, Field]

_NAMES = {
    "bool": "a boolean",
    "string": "a string",
    "float64": "a number",
    "timestamp": "a time",
    "quantity": "a quantity",
    "list": "a list",
    "map": "a YAML mapping",
    "struct": "a YAML mapping",
}


@cache
def root_field() -> Field:
    """The type of a whole tarmak.yaml."""
    return _field(_table()["root"])


@cache
def fields_of(struct: str) -> Fields:
    return {
        key: _field(spec)._replace(is_pointer=(struct, key) in _POINTERS)
        for key, spec in _table()["structs"][struct].items()
    }


def field_at(struct: str, path: TypePath) -> Field | None:
    """The field at a path of keys below a struct, None if Tarmak does not have it."""
    return Field("struct", struct=struct).below(*path)


@cache
def _table() -> dict[str, dict[str, dict[str, object]]]:
    table: dict[str, dict[str, dict[str, object]]] = json.loads(
        Path(__file__).with_name("tarmak-types.json").read_bytes()
    )
    return table


def _field(spec: object) -> Field:
    if isinstance(spec, str):
        return Field(spec)  # type: ignore[arg-type]  # the table holds only the kinds above
    assert isinstance(spec, dict)
    ((kind, inner),) = spec.items()
    return Field("struct", struct=inner) if kind == "struct" else Field(kind, of=_field(inner))


_RANGES = {
    "int": (-(2**63), 2**63 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint8": (0, 2**8 - 1),
}

_RFC3339 = r"(?a)(\d{4})-(\d\d)-(\d\d)T(\d{1,2}):(\d\d):(\d\d)([.,]\d+)?(?:Z|[-+](\d\d):(\d\d))\Z"


# 1.G and .5 are valid, and a sign alone is 0: the parser of Quantity accepts them.
_QUANTITY = r"[-+]?(?P<digits>[0-9]*(?:\.[0-9]*)?)(?P<suffix>(?:[numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?)\Z"


BINARY_SUFFIXES = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


class ScalarTypeError(ValueError):
    """A scalar that the field does not accept; str() says what the field requires."""


def scalar_value(kind: str, value: Any, *, is_json: bool) -> Any:
    """The value as Tarmak stores it; `value` is a plain scalar that is not null. Raises ScalarTypeError."""
    if kind == "string":
        return _of_type(value, str, "a string")
    if kind == "bool":
        return _of_type(value, bool, "a boolean")
    if kind == "float64":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ScalarTypeError("a number")
        return float(value)
    if kind == "timestamp":
        return _timestamp(value)
    if kind == "quantity":
        return _quantity(value)
    return _integer(kind, value, is_json=is_json)


def base64_value(text: str) -> str:
    """A []byte as a base64 string. Raises ScalarTypeError."""
    try:
        decode_base64(text)
    except ValueError:
        raise ScalarTypeError("a base64 string") from None
    return text


def _of_type(value: Any, wanted: type, name: str) -> Any:
    if type(value) is not wanted:
        raise ScalarTypeError(name)
    return value


def _integer(kind: str, value: Any, *, is_json: bool) -> int:
    # Go writes a float64 without exponent below 1e21, and 60.0 as 60; strict JSON keeps what was written.
    if kind == "uint8" and isinstance(value, float) and math.copysign(1, value) < 0:
        raise ScalarTypeError("a whole number from 0 to 255")  # -0 has a sign
    if isinstance(value, float) and not is_json and value.is_integer() and abs(value) < 1e21:
        from decimal import Decimal

        value = int(Decimal(repr(value)))  # from the digits as written, not from the float
    if type(value) is not int:
        raise ScalarTypeError("a whole number")
    low, high = _RANGES[kind]
    if not low <= value <= high:
        raise ScalarTypeError(f"a whole number from {low} to {high}")
    return value


def _timestamp(value: Any) -> str:
    match = re.match(_RFC3339, value) if isinstance(value, str) else None
    if match:
        year, month, day, hour, minute, second = (int(group) for group in match.groups()[:6])
        zone = [int(group or 0) for group in match.groups()[7:]]
        in_range = 1 <= month <= 12 and hour < 24 and minute < 60 and second < 60 and zone[0] <= 24 and zone[1] <= 60
        is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        days = 29 if month == 2 and is_leap else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[(month - 1) % 12]
        if in_range and 1 <= day <= days:
            return str(value)
    raise ScalarTypeError("a time such as 2019-05-21T09:14:02Z")


def _quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ScalarTypeError("a quantity such as 16Gi")
    text = value.strip() if isinstance(value, str) else repr(value)
    match = re.match(_QUANTITY, text) if text else None
    if not match or (not match["digits"].strip(".") and not _is_zero(match["suffix"])):
        raise ScalarTypeError("a quantity such as 16Gi")
    return text


def _is_zero(suffix: str) -> bool:
    """Whether a quantity without digits is 0 with that suffix: not with a suffix beyond the scale of 0."""
    exponent = int(suffix[1:]) if suffix[:1] in "eE" and suffix[1:].lstrip("+-").isdecimal() else 0
    return suffix not in ("Pi", "Ei") and exponent >= -9


_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}

_MOST_EXPONENT = 1000
"""Beyond the precision of Tarmak in any case."""


def quantity_size(text: str) -> Fraction:
    """The size of a quantity that `scalar_value` accepts, without its sign."""
    from fractions import Fraction

    match = re.match(_QUANTITY, text)
    assert match is not None
    whole, _, fraction = match["digits"].partition(".")
    suffix = match["suffix"]
    if suffix in BINARY_SUFFIXES:
        scale = Fraction(1024) ** (BINARY_SUFFIXES.index(suffix) + 1)
    else:
        exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
        scale = Fraction(10) ** max(-_MOST_EXPONENT, min(exponent, _MOST_EXPONENT))
    return Fraction(int(f"{whole}{fraction}" or "0"), 10 ** len(fraction)) * scale


_DIGITS = r"[0-9]+\Z"


def is_cidr(text: str) -> bool:
    """As Go's net.ParseCIDR: an address without a zone, and a mask in digits."""
    import ipaddress

    address, slash, mask = text.partition("/")
    if not slash or "%" in address or not re.match(_DIGITS, mask):
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return int(mask[-4:]) <= parsed.max_prefixlen and not mask[:-4].strip("0")
